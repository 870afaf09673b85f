// What goes on: runs and tables that are being made, each with its progress and a way to end it.

import { button, el, say } from './dom'
import type { Host } from './host'
import type { Job } from './protocol'

const SOON = 600 // milliseconds; what takes less is not shown

export class Jobs {
  readonly element = el('section', { class: 'jobs', 'aria-label': 'Jobs', hidden: true })
  private readonly jobs = new Map<number, Job>()
  private readonly since = new Map<number, number>() // when each was first told of

  constructor(private readonly host: Host) {}

  /** What goes on now; those of a server that has ended ended with it. */
  async begin(): Promise<void> {
    const { jobs } = await this.host.request<{ jobs: Job[] }>('flor/jobs')
    this.jobs.clear()
    this.since.clear()
    this.draw()
    for (const job of jobs) this.changed(job)
  }

  changed(job: Job): void {
    if (job.state === 'running' && !this.since.has(job.id)) {
      this.since.set(job.id, Date.now())
      setTimeout(() => this.draw(), SOON)
    }
    if (job.state === 'running' || job.state === 'failed') this.jobs.set(job.id, job)
    else this.jobs.delete(job.id)
    if (job.state === 'done' && job.kind === 'run') say(`${job.title}: finished.`)
    if (job.state === 'cancelled') say(`${job.title}: cancelled.`)
    this.draw()
  }

  private draw(): void {
    const now = Date.now()
    const lines = [...this.jobs.values()]
      .filter((job) => job.state === 'failed' || now - (this.since.get(job.id) ?? 0) >= SOON)
      .slice(-4)
      .map((job) => (job.state === 'failed' ? this.failed(job) : this.going(job)))
    this.element.replaceChildren(...lines)
    this.element.hidden = !lines.length
  }

  private going(job: Job): HTMLElement {
    const progress = el('progress', {
      'aria-label': job.title,
      max: 1,
      value: job.fraction === null ? undefined : job.fraction,
    })
    const cancel = button(
      'Cancel',
      () => {
        cancel.disabled = true
        this.host.request('flor/cancel', { id: job.id }).catch((error: Error) => say(error.message))
      },
      { 'aria-label': `Cancel: ${job.title}` },
    )
    return el(
      'div',
      { class: 'job' },
      el('span', { class: 'what' }, job.title),
      progress,
      el('span', { class: 'message' }, job.message),
      cancel,
    )
  }

  private failed(job: Job): HTMLElement {
    const away = button('Dismiss', () => {
      this.jobs.delete(job.id)
      this.draw()
    })
    return el(
      'div',
      { class: 'job failed', role: 'alert' },
      el('span', { class: 'what' }, `${job.title} failed`),
      el('span', { class: 'message', title: job.message }, job.message),
      away,
    )
  }
}
