// The runs of an experiment: how each ended, when it began, how long it took. One that goes on is live.

import { el } from './dom'
import type { Run } from './protocol'
import { duration } from './words'

const MARKS = { running: '◌', finished: '✓', failed: '✗', killed: '✗' } as const

export class Runs {
  readonly element = el('div', { class: 'runs', tabindex: 0, role: 'region', 'aria-label': 'Runs' })
  private going: [HTMLElement, Run][] = []

  constructor() {
    setInterval(() => this.tick(), 1000)
  }

  show(runs: readonly Run[]): void {
    this.going = []
    const head = ['Status', 'Began', 'Lasted', 'Exit code', 'Run']
    const body = el('tbody')
    for (const run of runs) {
      const lasted = el('td', { class: 'number' }, duration(run))
      if (run.status === 'running') this.going.push([lasted, run])
      const status = el('td', { class: `status ${run.status}` }, `${MARKS[run.status]} ${run.status}`)
      if (run.exception)
        status.append(el('span', { class: 'exception', title: run.exception }, ` ${run.exception}`))
      const code = run.exitCode === null ? '' : String(run.exitCode)
      const began = el('td', { title: new Date(run.start * 1000).toString() }, when(run.start))
      body.append(
        el(
          'tr',
          {},
          status,
          began,
          lasted,
          el('td', { class: 'number' }, code),
          el('td', { class: 'id' }, run.id),
        ),
      )
    }
    const numbers = ['Lasted', 'Exit code']
    const titles = head.map((title) =>
      el('th', { scope: 'col', class: numbers.includes(title) && 'number' }, title),
    )
    const table = el('table', {}, el('thead', {}, el('tr', {}, ...titles)), body)
    this.element.replaceChildren(runs.length ? table : el('p', { class: 'empty' }, 'No run yet.'))
  }

  private tick(): void {
    for (const [cell, run] of this.going) cell.textContent = duration(run)
  }
}

/** A moment in the user's own time: of today without the date. */
export function when(seconds: number, now = Date.now()): string {
  const moment = new Date(seconds * 1000)
  const time = moment.toLocaleTimeString()
  if (moment.toDateString() === new Date(now).toDateString()) return time
  return `${moment.toLocaleDateString([], { year: 'numeric', month: 'short', day: 'numeric' })} ${time}`
}
