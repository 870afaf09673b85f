// A question in SQL, and its answer as a table.

import { button, el } from './dom'
import { Grid, type Actions } from './grid'
import type { Host } from './host'
import type { Table } from './protocol'
import { plural } from './words'

export class Sql {
  readonly element = el('div', { class: 'sql' })
  private readonly query: HTMLTextAreaElement
  private readonly answer = el('div', { class: 'answer' })
  private readonly note = el('p', { class: 'note', role: 'status' })
  private readonly run: HTMLButtonElement
  private grid: Grid | undefined

  constructor(
    private readonly host: Host,
    text: string,
    changed: (text: string) => void,
    private readonly actions: Actions,
  ) {
    this.query = el('textarea', {
      rows: 3,
      spellcheck: 'false',
      'aria-label': 'SQL query',
      placeholder: 'select * from my_experiment order by score desc',
    })
    this.query.value = text
    this.query.addEventListener('input', () => changed(this.query.value))
    this.query.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void this.ask()
    })
    this.run = button('Run', () => void this.ask(), { title: 'Ctrl+Enter', class: 'primary' })
    const help = 'Every experiment’s table is there by its name; runs, sites, blocks and values too.'
    this.element.append(
      this.query,
      el('div', { class: 'tools' }, this.run, el('span', { class: 'hint' }, help)),
      this.note,
      this.answer,
    )
  }

  private async ask(): Promise<void> {
    const query = this.query.value.trim()
    if (!query || this.run.disabled) return
    this.run.disabled = true
    this.note.textContent = 'Asking…'
    this.note.classList.remove('error')
    try {
      const given = { command: 'flor.sql', arguments: [{ query }] }
      const table = await this.host.request<Table>('workspace/executeCommand', given)
      this.grid?.close()
      this.grid = new Grid(this.host, table, this.actions, undefined, new Set())
      this.answer.replaceChildren(this.grid.element)
      this.note.textContent = [plural(table.rows, 'row'), ...table.diagnostics.map((own) => own.text)].join(
        '. ',
      )
    } catch (error) {
      this.note.textContent = (error as Error).message
      this.note.classList.add('error')
    } finally {
      this.run.disabled = false
    }
  }
}
