// A plot of columns over a key: a line for each run. Drag to zoom, double-click to see all again.

import uPlot from 'uplot'
import { button, el, say, select } from './dom'
import type { Host } from './host'
import { shown } from './cells'
import type { Column, Series, Table } from './protocol'
import { above, ascending, type Line } from './series'
import { plural } from './words'

const POINTS = 2000
const HEIGHT = 60 // pixels at least that the legend needs
const COLORS = 8 // --line-0 and so on
const ROWS = '' // x is the number of the row

export interface PlotState {
  y?: string[]
  x?: string
  by?: string
  log?: boolean
}

export class Plot {
  readonly element = el('div', { class: 'plot' })
  private readonly canvas = el('div', { class: 'canvas', role: 'region', tabindex: 0, 'aria-label': 'Plot' })
  private readonly note = el('p', { class: 'note', role: 'status' })
  private plot: uPlot | undefined
  private readonly observer = new ResizeObserver(() => this.resize())
  private readonly theme = new MutationObserver(() => void this.draw())
  private asked = 0

  constructor(
    private readonly host: Host,
    private readonly table: Table,
    private readonly state: PlotState,
    private readonly changed: (state: PlotState) => void,
  ) {
    const numeric = table.columns.filter((column) => ['int', 'float', 'bool', 'time'].includes(column.type))
    const keys = numeric.filter((column) => column.role === 'key')
    const names = numeric.filter((column) => column.role !== 'key')
    if (!names.length) {
      this.element.append(
        el('p', { class: 'empty' }, 'Nothing to plot: no column that is named has numbers.'),
      )
      return
    }
    const has = (name: string | undefined): name is string => table.columns.some((c) => c.name === name)
    const y = (state.y ?? []).filter(has)
    this.state = {
      y: y.length
        ? y
        : [names.find((column) => column.type === 'float') ?? names[0]!].map((column) => column.name),
      x: has(state.x) || state.x === ROWS ? state.x : keys.length === 1 ? keys[0]!.name : ROWS,
      by: has(state.by) || state.by === ROWS ? state.by : has('run') ? 'run' : ROWS,
      log: state.log ?? false,
    }
    this.element.append(this.tools(names, numeric), this.note, this.canvas)
    this.observer.observe(this.canvas)
    this.theme.observe(document.body, { attributeFilter: ['class'] })
    this.theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    void this.draw()
  }

  private tools(names: Column[], numeric: Column[]): HTMLElement {
    const choice = el('details', { class: 'choice' }, el('summary', {}, 'Columns'))
    const list = el('fieldset', { class: 'popover' }, el('legend', { class: 'outside' }, 'Columns to plot'))
    for (const { name } of names) {
      const box = el('input', { type: 'checkbox', checked: this.state.y?.includes(name) })
      box.addEventListener('change', () => {
        const others = (this.state.y ?? []).filter((own) => own !== name)
        this.set({ y: box.checked ? [...others, name] : others })
      })
      list.append(el('label', {}, box, ' ', name))
    }
    choice.append(list)
    const over = [[ROWS, 'row number'], ...numeric.map(({ name }) => [name, name])] as [string, string][]
    const text = this.table.columns.filter((column) => column.role === 'key' || column.type === 'text')
    const each = [[ROWS, 'one line'], ...text.map(({ name }) => [name, `a line per ${name}`])] as [
      string,
      string,
    ][]
    const log = el('input', { type: 'checkbox', checked: this.state.log })
    log.addEventListener('change', () => this.set({ log: log.checked }))
    return el(
      'div',
      { class: 'tools', role: 'toolbar', 'aria-label': 'Plot' },
      choice,
      el(
        'label',
        {},
        'over ',
        select('Over', over, this.state.x, (x) => this.set({ x })),
      ),
      select('Lines', each, this.state.by, (by) => this.set({ by })),
      el('label', {}, log, ' log'),
      button('All', () => this.all(), { title: 'See all again (double-click)' }),
      button('PNG', () => this.save(), { title: 'Save as a picture' }),
    )
  }

  private set(change: PlotState): void {
    Object.assign(this.state, change)
    this.changed(this.state)
    void this.draw()
  }

  private async draw(): Promise<void> {
    const asked = ++this.asked
    const { y = [], x, by } = this.state
    if (!y.length) {
      this.empty('Choose a column.')
      return
    }
    try {
      const params = { handle: this.table.handle, y, x: x || null, by: by || null, points: POINTS }
      const { series } = await this.host.request<{ series: Series[] }>('flor/plot', params)
      if (asked === this.asked) this.show(series)
    } catch (error) {
      if (asked === this.asked) this.empty((error as Error).message)
    }
  }

  private empty(text: string): void {
    this.plot?.destroy()
    this.plot = undefined
    this.canvas.replaceChildren(el('p', { class: 'empty' }, text))
  }

  private show(series: Series[]): void {
    const style = getComputedStyle(document.body)
    const color = (name: string): string => style.getPropertyValue(name).trim()
    const behind = series.reduce((sum, own) => sum + own.hidden, 0)
    this.note.textContent = behind
      ? `${plural(behind, 'value')} not drawn: others of the same line have the same ${this.state.x}.`
      : ''
    const lines = series.map((own) => ascending(own))
    const data = lines.length ? uPlot.join(lines) : ([[], []] as uPlot.AlignedData)
    const many = new Set(series.map((own) => own.column)).size > 1
    const axis = {
      stroke: color('--foreground'),
      grid: { stroke: color('--border'), width: 1 },
      ticks: { show: false },
    }
    const isTime = this.table.columns.find((column) => column.name === this.state.x)?.type === 'time'
    const options: uPlot.Options = {
      width: Math.max(this.canvas.clientWidth, 50),
      height: Math.max(this.canvas.clientHeight - HEIGHT, 80),
      ms: 1e-3,
      scales: { x: { time: isTime }, y: { distr: this.state.log ? 3 : 1 } },
      axes: [
        { ...axis, label: this.state.x || 'row', labelSize: 20, size: 32 },
        {
          ...axis,
          size: (_, values) => 16 + 7 * Math.max(...(values ?? ['']).map((value) => value?.length ?? 0)),
        },
      ],
      cursor: { drag: { x: true, y: true, uni: 20 }, points: { size: 5 } },
      series: [
        { label: this.state.x || 'row' },
        ...series.map((own, number) => ({
          label: [many || !this.state.by ? own.column : '', this.state.by ? shown(own.by, 'plain') : '']
            .filter(Boolean)
            .join(' '),
          stroke: color(`--line-${number % COLORS}`),
          width: 1.5,
          dash: number < COLORS ? [] : [6, 3],
          points: { show: own.count < 60, size: 4 },
          spanGaps: true,
        })),
      ],
      legend: { show: series.length <= 12 },
    }
    this.plot?.destroy()
    this.canvas.replaceChildren()
    if (this.state.log && series.every((own) => own.y.every((value) => value === null || value <= 0))) {
      this.empty('No value is above zero: there is nothing to show on a logarithmic scale.')
      return
    }
    const values = this.state.log ? [data[0], ...data.slice(1).map((own) => above(own as Line))] : data
    this.plot = new uPlot(options, values as uPlot.AlignedData, this.canvas)
    this.plot.root.setAttribute('role', 'img')
    this.plot.root.setAttribute(
      'aria-label',
      `${(this.state.y ?? []).join(', ')} over ${this.state.x || 'rows'}`,
    )
  }

  private all(): void {
    if (this.plot) this.plot.setData(this.plot.data)
  }

  private save(): void {
    const canvas = this.plot?.ctx.canvas
    if (!canvas) return
    const picture = document.createElement('canvas')
    picture.width = canvas.width
    picture.height = canvas.height
    const context = picture.getContext('2d')
    if (!context) return
    context.fillStyle = getComputedStyle(document.body).getPropertyValue('--background')
    context.fillRect(0, 0, picture.width, picture.height)
    context.drawImage(canvas, 0, 0)
    const name = `${this.table.experiment ?? 'plot'}-${(this.state.y ?? []).join('-')}.png`
    this.host.saveImage(name, picture.toDataURL('image/png')).catch((error: Error) => say(error.message))
  }

  private resize(): void {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight - HEIGHT]
    if (this.plot && width > 50 && height > 40) this.plot.setSize({ width, height })
  }

  close(): void {
    this.observer.disconnect()
    this.theme.disconnect()
    this.plot?.destroy()
  }
}
