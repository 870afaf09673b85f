// The panel: which experiment is shown, and its views. It holds no rows: each view asks the server for what it shows.

import type { ColumnState } from 'ag-grid-community'
import { button, el, say, select } from './dom'
import { showCell } from './detail'
import { Grid, type Actions } from './grid'
import type { Host, View } from './host'
import { Jobs } from './jobs'
import { Plot, type PlotState } from './plot'
import type { Column, Diagnostic, Experiment, Job, Table } from './protocol'
import { Runs } from './runs'
import { Sql } from './sql'
import { plural } from './words'

const TABS: readonly View[] = ['Table', 'Plot', 'SQL', 'Runs']

interface State {
  tab?: View
  experiment?: string
  arranged?: Record<string, ColumnState[]>
  plots?: Record<string, PlotState>
  sql?: string
}

const NO_TABLE = 'has no table yet: name an expression' // as the server says it
const LIVE = 3000 // milliseconds between two tables of a run that goes on, at least
const FORMATS = ['csv', 'xlsx', 'parquet', 'json'] as const

export class App {
  private readonly state: State
  private uri: string | null = null
  private wanted: string | null = null // the experiment that was asked for by name
  private experiments: Experiment[] = []
  private table: Table | undefined
  private trouble = '' // why there is no table
  private opening = 0
  private growing = false // a run of the table goes on
  private waiting: ReturnType<typeof setTimeout> | undefined // until the table is made anew
  private grid: Grid | undefined
  private plot: Plot | undefined
  private readonly sql: Sql
  private readonly runs = new Runs()
  private readonly jobs: Jobs
  private readonly bar = el('header', { class: 'bar' })
  private readonly tabs = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views' })
  private readonly tools = el('div', { class: 'tools', role: 'toolbar', 'aria-label': 'Table' })
  private readonly notes = el('div', { class: 'notes' })
  private readonly view = el('div', { id: 'view', role: 'tabpanel', tabindex: -1 })
  private readonly gone = el('div', { class: 'gone', role: 'alert', hidden: true })
  private readonly count = el('span', { class: 'count' })

  constructor(private readonly host: Host) {
    this.state = (host.state() as State | null) ?? {}
    this.jobs = new Jobs(host)
    this.sql = new Sql(host, this.state.sql ?? '', (sql) => this.keep({ sql }), this.actions(undefined))
    this.gone.append(
      el('span', {}, 'The server is gone. It is looked for again; if it was ended, start it anew.'),
      button('Try again', () => host.again()),
    )
    host.listen((method, params) => this.told(method, params as Record<string, unknown>))
    for (const tab of TABS) {
      const own = button(tab, () => this.choose(tab), {
        role: 'tab',
        id: `tab-${tab}`,
        'aria-controls': 'view',
      })
      this.tabs.append(own)
    }
    this.tabs.addEventListener('keydown', (event) => this.moveTab(event))
    const toast = el('div', { id: 'toast', role: 'status', 'aria-live': 'polite' })
    const main = el('main', {}, this.jobs.element, this.tabs, this.tools, this.notes, this.view, toast)
    document.body.append(this.gone, this.bar, main)
    this.choose(this.state.tab ?? 'Table')
  }

  async begin(): Promise<void> {
    const { uri, experiment, view } = await this.host.start
    this.uri = uri ?? null
    this.wanted = experiment ?? null
    if (view) this.choose(view)
    await this.refresh()
    await this.jobs.begin()
  }

  // ---- what is told

  private told(method: string, params: Record<string, unknown>): void {
    switch (method) {
      case 'flor/experimentsChanged':
        void this.refresh(false).then(() => this.grow())
        break
      case 'flor/tableChanged':
        if (params['experiment'] === this.experiment?.name) void this.open(true)
        break
      case 'flor/showTable':
      case 'host/show':
        this.wanted = String(params['experiment'])
        this.choose('Table')
        void this.refresh()
        break
      case 'host/view':
        this.choose(params['view'] as View)
        break
      case 'flor/jobsChanged':
        this.jobs.changed(params['job'] as Job)
        break
      case 'host/file':
        if (params['uri'] === null || params['uri'] === this.uri) break
        this.uri = String(params['uri'])
        this.wanted = null
        say('')
        void this.refresh()
        break
      case 'host/connection':
        this.gone.hidden = params['connected'] === true
        if (params['connected'] === true)
          void Promise.all([this.refresh(), this.jobs.begin()]).catch((error: Error) => say(error.message))
        break
    }
  }

  // ---- which experiment

  private get experiment(): Experiment | undefined {
    return this.experiments.find((own) => own.name === this.wanted) ?? this.experiments[0]
  }

  /** Ask anew which experiments and runs there are. `open`: the table, too. */
  private async refresh(open = true): Promise<void> {
    const before = this.experiment?.name
    try {
      this.experiments = await this.found()
    } catch (error) {
      this.experiments = []
      say((error as Error).message)
    }
    this.head()
    this.runs.show(this.experiment?.runs ?? [])
    if (open || this.experiment?.name !== before) await this.open(false)
    else if (!this.table) this.show()
  }

  /** The experiments of the file that the user has before them, else all; the one that was asked for among them. */
  private async found(): Promise<Experiment[]> {
    const ask = async (params: object): Promise<Experiment[]> =>
      (await this.host.request<{ experiments: Experiment[] }>('flor/experiments', params)).experiments
    const own = this.uri === null ? await ask({}) : await ask({ uri: this.uri }).catch(() => [])
    if (this.wanted === null || own.some(({ name }) => name === this.wanted)) return own
    const other = (await ask({})).find(({ name }) => name === this.wanted)
    return other ? [other, ...own] : own
  }

  /** While a run of the experiment goes on its table is made anew now and then, and once more when it has ended. */
  private grow(): void {
    const { experiment, table } = this
    const going = experiment?.runs.some((run) => run.status === 'running') ?? false
    if (!table || !experiment || experiment.name !== table.experiment || (!going && !this.growing)) return
    if (this.waiting !== undefined) return
    const begun = Date.now()
    this.growing = going
    this.waiting = setTimeout(
      () => {
        const given = { command: 'flor.etl', arguments: [{ experiment: experiment.name }] }
        this.host
          .request('workspace/executeCommand', given)
          .catch(() => undefined) // the job says what is wrong
          .then(() => {
            const pause = Math.max(LIVE, 4 * (Date.now() - begun - LIVE))
            this.waiting = setTimeout(() => {
              this.waiting = undefined
              this.grow()
            }, pause)
          })
      },
      going ? LIVE : 0,
    )
  }

  private async open(changed: boolean): Promise<void> {
    const opening = ++this.opening
    const before = this.table
    let table: Table | undefined
    let trouble = ''
    if (this.experiment) {
      try {
        table = await this.host.request<Table>('flor/table', { experiment: this.experiment.name })
      } catch (error) {
        trouble = (error as Error).message
      }
    }
    if (opening !== this.opening) {
      if (table) this.host.request('flor/closeTable', { handle: table.handle }).catch(() => undefined)
      return
    }
    const old = new Set(
      changed ? before?.columns.map((column) => column.name) : table?.columns.map((c) => c.name),
    )
    const fresh = table?.columns.filter((c) => c.role === 'name' && !old.has(c.name)).map((c) => c.name) ?? []
    this.table = table
    this.trouble = trouble
    this.replace(new Set(fresh))
    if (fresh.length) {
      say(`New: ${fresh.join(', ')}.`)
      this.choose('Table')
    } else this.show()
  }

  private replace(fresh: ReadonlySet<string>): void {
    const before = this.grid?.table.experiment === this.table?.experiment ? this.grid?.state() : undefined
    this.grid?.close()
    this.plot?.close()
    this.grid = this.plot = undefined
    const table = this.table
    if (!table) return
    this.count.textContent = plural(table.rows, 'row')
    const name = table.experiment ?? ''
    const kept = this.state.arranged?.[name]
    const arranged = before ?? (kept && { columns: kept })
    this.grid = new Grid(this.host, table, this.actions(table), arranged, fresh)
    this.plot = new Plot(this.host, table, this.state.plots?.[name] ?? {}, (plot) =>
      this.keep({ plots: { ...this.state.plots, [name]: plot } }),
    )
  }

  private actions(table: Table | undefined): Actions {
    const reveal = (column: Column): void => void this.reveal(column)
    return {
      reveal,
      open: (table, column, row, order, cell) =>
        void showCell(this.host, table, column, row, order, cell, reveal).catch((e: Error) => say(e.message)),
      arranged: (columns) => {
        const name = table?.experiment
        if (name !== undefined) this.keep({ arranged: { ...this.state.arranged, [name]: columns } })
      },
      lost: () => {
        if (table && table === this.table) void this.open(false)
      },
      counted: (rows) => {
        if (table && table === this.table) {
          this.count.textContent =
            rows === table.rows
              ? plural(rows, 'row')
              : `${rows.toLocaleString('en')} of ${plural(table.rows, 'row')}`
        }
      },
    }
  }

  private async reveal(column: Column): Promise<void> {
    const { name, shadow, source, line, text } = column
    if (shadow === undefined && source === undefined) return
    try {
      const asked = source === undefined ? { name, shadow } : { name, source, line, text }
      const { shown } = await this.host.request<{ shown: boolean }>('flor/reveal', asked)
      if (!shown) say(`${name} is in ${source ?? shadow}, line ${line}.`)
    } catch (error) {
      say((error as Error).message)
    }
  }

  // ---- what is shown

  private head(): void {
    const { experiment } = this
    if (!experiment) {
      this.bar.replaceChildren(el('h1', {}, 'Flor'))
      return
    }
    const names = this.experiments.map(({ name }) => [name, name] as const)
    const chosen = select('Experiment', names, experiment.name, (name) => {
      this.wanted = name
      void this.refresh()
    })
    const count = (status: string): number => experiment.runs.filter((run) => run.status === status).length
    const failed = count('failed') + count('killed')
    this.bar.replaceChildren(
      el('h1', { class: 'outside' }, `Flor: ${experiment.name}`),
      chosen,
      el('span', { class: 'summary' }, plural(experiment.runs.length, 'run')),
      count('running') ? el('span', { class: 'status running' }, `◌ ${count('running')} running`) : '',
      failed ? el('span', { class: 'status failed' }, `✗ ${failed} failed`) : '',
    )
  }

  private choose(tab: View): void {
    this.keep({ tab })
    for (const own of this.tabs.children) {
      const isChosen = own.id === `tab-${tab}`
      own.setAttribute('aria-selected', String(isChosen))
      own.setAttribute('tabindex', isChosen ? '0' : '-1')
    }
    this.view.setAttribute('aria-labelledby', `tab-${tab}`)
    this.show()
  }

  private moveTab(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    const at = TABS.indexOf(this.state.tab ?? 'Table')
    const next = TABS[(at + step + TABS.length) % TABS.length]!
    this.choose(next)
    document.getElementById(`tab-${next}`)?.focus()
  }

  private show(): void {
    const tab = this.state.tab ?? 'Table'
    this.tools.hidden = tab !== 'Table' || !this.grid
    this.notes.replaceChildren(...(tab === 'Table' || tab === 'Plot' ? this.diagnostics() : []))
    if (!this.tools.hidden) this.tools.replaceChildren(...this.tableTools())
    const view = {
      Table: this.grid?.element,
      Plot: this.plot?.element,
      SQL: this.sql.element,
      Runs: this.runs.element,
    }[tab]
    const shown = view ?? this.empty()
    if (this.view.firstElementChild !== shown) this.view.replaceChildren(shown)
  }

  private tableTools(): Node[] {
    const { grid, table } = this
    if (!grid || !table) return []
    const columns = el('details', { class: 'choice' }, el('summary', {}, 'Columns'))
    columns.addEventListener('toggle', () => {
      if (!columns.open) return
      const lines = table.columns.map(({ name }) => {
        const visible = el('input', { type: 'checkbox', checked: grid.isVisible(name) })
        visible.addEventListener('change', () => grid.setVisible(name, visible.checked))
        const pin = button(
          'pin',
          () => {
            grid.setPinned(name, !grid.isPinned(name))
            pin.setAttribute('aria-pressed', String(grid.isPinned(name)))
          },
          {
            class: 'quiet',
            'aria-label': `Pin ${name}`,
            'aria-pressed': grid.isPinned(name) ? 'true' : 'false',
          },
        )
        return el('div', { class: 'line' }, el('label', { title: name }, visible, ' ', name), pin)
      })
      columns.querySelector('.popover')?.remove()
      columns.append(el('div', { class: 'popover' }, ...lines))
    })
    const formats = [['', 'Export…'], ...FORMATS.map((own) => [own, own.toUpperCase()])] as [string, string][]
    const chooser = select('Export the table as', formats, '', (format) => {
      chooser.value = ''
      void this.export(format as (typeof FORMATS)[number])
    })
    const again = button('Refresh', () => void this.etl(again), {
      title: 'Make the table anew, with all runs there are',
    })
    const copy = button('Copy', () => grid.copy().catch((error: Error) => say(error.message)), {
      title: 'Copy the rows as tab-separated values',
    })
    return [columns, again, copy, chooser, this.count]
  }

  private async etl(own: HTMLButtonElement): Promise<void> {
    own.disabled = true
    try {
      const given = { command: 'flor.etl', arguments: [{ experiment: this.experiment?.name }] }
      await this.host.request('workspace/executeCommand', given)
    } catch (error) {
      say((error as Error).message)
    } finally {
      own.disabled = false
    }
  }

  private async export(format: (typeof FORMATS)[number]): Promise<void> {
    const { grid, table } = this
    if (!grid || !table) return
    const suggested = `${table.experiment ?? 'table'}.${format}`
    try {
      const order = grid.order()
      const given = { handle: table.handle, format, suggested, columns: grid.visible(), ...order }
      const { path, remarks } = await this.host.exportTable(given)
      say([path === undefined ? '' : `Written to ${path}.`, ...remarks].join(' '))
    } catch (error) {
      say((error as Error).message)
    }
  }

  private diagnostics(): Node[] {
    const found: Diagnostic[] = this.table?.diagnostics ?? []
    if (!found.length) return []
    const lines = found.map((own) => el('li', {}, own.text))
    const open = found.length <= 2
    return [
      el(
        'details',
        { open },
        el('summary', {}, `△ ${plural(found.length, 'note')} on this table`),
        el('ul', {}, ...lines),
      ),
    ]
  }

  private empty(): HTMLElement {
    const { experiment, uri } = this
    if (!experiment) {
      const file = uri?.split('/').at(-1)
      const run = (): void => {
        const given = { command: 'flor.run', arguments: [{ uri }] }
        this.host.request('workspace/executeCommand', given).catch((error: Error) => say(error.message))
      }
      return el(
        'div',
        { class: 'empty' },
        el('p', {}, file ? `No run of ${decodeURIComponent(file)} yet.` : 'No run yet.'),
        el('p', {}, 'Run your script once with Flor. Afterwards, any expression in it can be a column here.'),
        file
          ? button('Run with Flor', run, { class: 'primary' })
          : el('code', {}, 'flor python SCRIPT EXPERIMENT'),
      )
    }
    if (this.trouble && !this.trouble.endsWith(NO_TABLE)) {
      const again = button('Refresh', () => void this.etl(again), { class: 'primary' })
      return el('div', { class: 'empty', role: 'alert' }, el('p', {}, this.trouble), again)
    }
    return el(
      'div',
      { class: 'empty' },
      el('p', {}, `Nothing is named in ${experiment.name} yet.`),
      el(
        'p',
        {},
        'Select an expression in the editor and choose “Name this expression”: its values appear here, a row per iteration, for every run.',
      ),
    )
  }

  private keep(change: State): void {
    Object.assign(this.state, change)
    this.host.setState(this.state)
  }
}
