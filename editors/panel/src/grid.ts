// A table of any length: AG Grid asks for windows of rows, and the server sorts and filters.

import {
  CellApiModule,
  CellStyleModule,
  ColumnApiModule,
  ColumnAutoSizeModule,
  createGrid,
  InfiniteRowModelModule,
  ModuleRegistry,
  NumberFilterModule,
  RenderApiModule,
  RowApiModule,
  ScrollApiModule,
  TextFilterModule,
  themeQuartz,
  TooltipModule,
  type ColDef,
  type ColumnState,
  type GridApi,
  type IGetRowsParams,
  type IInnerHeaderComponent,
  type IHeaderParams,
} from 'ag-grid-community'
import { formatOf, isLong, origin, shown, tsv, whole, wider, type Format } from './cells'
import { button, el, say } from './dom'
import type { Host } from './host'
import { orderOf, type FilterModel, type SortModel } from './order'
import { picture } from './picture'
import type { Cell, Column, Order, Rows, Table } from './protocol'
import { plural } from './words'

ModuleRegistry.registerModules([
  CellApiModule,
  CellStyleModule,
  ColumnApiModule,
  ColumnAutoSizeModule,
  InfiniteRowModelModule,
  NumberFilterModule,
  RenderApiModule,
  RowApiModule,
  ScrollApiModule,
  TextFilterModule,
  TooltipModule,
])

const NOT_OPEN = 'this table is not open any more: open it again' // as the server says it
const BLOCK = 100 // rows of a window
const MOST_COPIED = 20_000 // rows
const WIDEST = 280 // pixels of a column that nobody has made wider
const MARKED = 2500 // milliseconds that a new column is marked

const theme = themeQuartz.withParams({
  accentColor: 'var(--accent)',
  backgroundColor: 'var(--background)',
  borderColor: 'var(--border)',
  browserColorScheme: 'inherit',
  cellHorizontalPadding: 8,
  foregroundColor: 'var(--foreground)',
  fontFamily: 'inherit',
  fontSize: 12,
  headerBackgroundColor: 'var(--raised)',
  headerFontSize: 12,
  headerHeight: 28,
  headerTextColor: 'var(--foreground)',
  rowHeight: 24,
  rowHoverColor: 'var(--hover)',
  spacing: 4,
  wrapperBorder: false,
  wrapperBorderRadius: 0,
})

interface Row {
  cells: Cell[]
}

export interface Actions {
  /** The user wants to see where a column comes from. */
  reveal(column: Column): void
  /** The user wants to see a cell in full. */
  open(table: Table, column: Column, row: number, order: Order, cell: Cell): void
  /** The columns' places, widths and order have changed. */
  arranged(columns: ColumnState[]): void
  /** The server does not have the table any more. */
  lost(): void
  /** How many rows there are in the order that is shown. */
  counted(rows: number): void
}

/** What the user has made of a table: its columns' places, what it is sorted and filtered by, how far it is scrolled. */
export interface Arranged {
  columns: ColumnState[]
  filter?: Record<string, unknown>
  first?: number // row
}

export class Grid {
  readonly element = el('div', { class: 'grid' })
  private api: GridApi<Row> | undefined
  private readonly formats = new Map<string, Format>()

  constructor(
    private readonly host: Host,
    readonly table: Table,
    private readonly actions: Actions,
    arranged: Arranged | undefined,
    private readonly fresh: ReadonlySet<string>,
  ) {
    const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content
    this.api = createGrid<Row>(this.element, {
      theme,
      ...(nonce ? { styleNonce: nonce } : {}),
      rowModelType: 'infinite',
      cacheBlockSize: BLOCK,
      maxBlocksInCache: 50,
      infiniteInitialRowCount: Math.max(table.rows, 1),
      maxConcurrentDatasourceRequests: 2,
      blockLoadDebounceMillis: 30,
      columnDefs: table.columns.map((column, index) => this.definition(column, index)),
      defaultColDef: { sortable: true, resizable: true, minWidth: 48, maxWidth: 1200 },
      tooltipShowDelay: 600,
      suppressDragLeaveHidesColumns: true,
      suppressColumnMoveAnimation: true,
      autoSizeStrategy: arranged ? undefined : { type: 'fitCellContents', defaultMaxWidth: WIDEST },
      datasource: { rowCount: table.rows, getRows: (params) => void this.load(params) },
      overlayNoRowsTemplate: `<span>${table.rows ? 'No row passes the filter.' : 'The table has no rows yet.'}</span>`,
      onCellClicked: ({ column, event }) => {
        const own = this.column(column.getColId())
        if (own?.role === 'name' && (event as MouseEvent).detail < 2) this.actions.reveal(own)
      },
      onCellDoubleClicked: ({ column, rowIndex, data }) => this.open(column.getColId(), rowIndex, data),
      onCellKeyDown: (event) => {
        const key = event.event as KeyboardEvent
        if (!('column' in event)) return
        if (key.key === 'Enter') this.open(event.column.getColId(), event.rowIndex, event.data)
        if (key.key === 'c' && (key.ctrlKey || key.metaKey))
          void this.copyCell(event.column.getColId(), event.rowIndex, event.value as Cell)
      },
      onColumnMoved: ({ finished, source }) => finished && source.startsWith('ui') && this.arranged(),
      onColumnResized: ({ finished, source }) => finished && source.startsWith('uiColumn') && this.arranged(),
      onColumnVisible: () => this.arranged(),
      onColumnPinned: () => this.arranged(),
      onFirstDataRendered: () => this.showFresh(),
    })
    if (!arranged) return
    this.api.applyColumnState({ state: arranged.columns.filter(known(table)), applyOrder: true })
    if (arranged.filter) this.api.setFilterModel(arranged.filter)
    if (arranged.first)
      this.api.ensureIndexVisible(Math.min(arranged.first, Math.max(table.rows - 1, 0)), 'top')
  }

  private definition(column: Column, index: number): ColDef<Row, Cell> {
    const isNumber = column.type === 'int' || column.type === 'float'
    const id = column.name
    return {
      colId: id,
      headerName: id,
      headerTooltip: column.text ? `${id}: ${origin(column)}` : id,
      headerComponentParams: {
        innerHeaderComponent: Head,
        innerHeaderComponentParams: { column, reveal: this.actions.reveal },
      },
      cellClass: isNumber ? 'number' : column.type,
      valueGetter: ({ data }) => data?.cells[index],
      valueFormatter: ({ value }) => (value === undefined ? '' : shown(value as Cell, this.format(column))),
      tooltipValueGetter: ({ value }) => (value === undefined ? '' : tooltip(value as Cell)),
      cellRenderer: ({ value, valueFormatted }: { value: Cell | undefined; valueFormatted: string }) =>
        value === undefined ? '' : content(value, valueFormatted),
      cellClassRules: { fresh: () => this.fresh.has(id) },
      headerClass: [...(isNumber ? ['number'] : []), ...(this.fresh.has(id) ? ['fresh'] : [])],
      filter: isNumber ? 'agNumberColumnFilter' : 'agTextColumnFilter',
      filterParams: {
        maxNumConditions: 1,
        buttons: ['reset'],
        filterOptions: isNumber
          ? [
              'equals',
              'notEqual',
              'lessThan',
              'lessThanOrEqual',
              'greaterThan',
              'greaterThanOrEqual',
              'inRange',
              'blank',
              'notBlank',
            ]
          : ['contains', 'equals', 'notEqual', 'blank', 'notBlank'],
      },
    }
  }

  private format(column: Column): Format {
    return this.formats.get(column.name) ?? 'plain'
  }

  private column(id: string): Column | undefined {
    return this.table.columns.find((column) => column.name === id)
  }

  private async load(params: IGetRowsParams): Promise<void> {
    const order = orderOf(params.sortModel as SortModel, params.filterModel as FilterModel)
    try {
      const { rows, total } = await this.rows(params.startRow, params.endRow - params.startRow, order)
      if (!this.api) return // it was closed meanwhile
      if (this.fit(rows)) this.api.refreshCells({ force: true })
      params.successCallback(
        rows.map((cells) => ({ cells })),
        total,
      )
      this.actions.counted(total)
    } catch (error) {
      if (!this.api) return
      say((error as Error).message)
      params.failCallback()
      if ((error as Error).message === NOT_OPEN) this.actions.lost()
    }
  }

  /** Widen the columns' formats for some more rows. Whether one has changed. */
  private fit(rows: Cell[][]): boolean {
    let changed = false
    this.table.columns.forEach((column, i) => {
      const cells = rows.map((row) => row[i] ?? null)
      const before = this.formats.get(column.name)
      const now = wider(before, formatOf(column, cells))
      this.formats.set(column.name, now)
      changed ||= before !== undefined && JSON.stringify(before) !== JSON.stringify(now)
    })
    return changed
  }

  private rows(offset: number, limit: number, order: Order, columns?: string[]): Promise<Rows> {
    return this.host.request<Rows>('flor/rows', {
      handle: this.table.handle,
      offset,
      limit,
      columns,
      ...order,
    })
  }

  /** The order in which the rows are shown. */
  order(): Order {
    const sorted = (this.api?.getColumnState() ?? [])
      .filter((own) => own.sort)
      .sort((a, b) => (a.sortIndex ?? 0) - (b.sortIndex ?? 0))
    return orderOf(
      sorted.map(({ colId, sort }) => ({ colId, sort: sort as 'asc' | 'desc' })),
      (this.api?.getFilterModel() ?? {}) as FilterModel,
    )
  }

  /** The columns that are shown, from left to right. */
  visible(): string[] {
    return (this.api?.getAllDisplayedColumns() ?? []).map((column) => column.getColId())
  }

  isVisible(name: string): boolean {
    return this.api?.getColumn(name)?.isVisible() ?? true
  }

  isPinned(name: string): boolean {
    return this.api?.getColumn(name)?.isPinned() ?? false
  }

  setVisible(name: string, visible: boolean): void {
    this.api?.setColumnsVisible([name], visible)
  }

  setPinned(name: string, pinned: boolean): void {
    this.api?.setColumnsPinned([name], pinned ? 'left' : null)
  }

  private arranged(): void {
    if (this.api) this.actions.arranged(this.api.getColumnState())
  }

  private open(id: string, row: number | null, data: Row | undefined): void {
    const index = this.table.columns.findIndex((column) => column.name === id)
    const column = this.table.columns[index]
    const cell = data?.cells[index]
    if (column && row !== null && cell !== undefined)
      this.actions.open(this.table, column, row, this.order(), cell)
  }

  private async copyCell(column: string, row: number | null, cell: Cell): Promise<void> {
    let text = whole(cell)
    if (isLong(cell) && cell.length && row !== null) {
      const given = { handle: this.table.handle, row, column, ...this.order() }
      text = (await this.host.request<{ text: string | null }>('flor/cell', given)).text ?? ''
    }
    await copy(text)
    say('Copied the cell.')
  }

  /** The rows as they are shown, with a head, as tab-separated values on the clipboard. */
  async copy(): Promise<void> {
    const columns = this.visible()
    const lines = [columns.map(tsv).join('\t')]
    const order = this.order()
    let total = 1
    let cut = 0
    for (let offset = 0; offset < Math.min(total, MOST_COPIED); offset += 5000) {
      const window = await this.rows(offset, 5000, order, columns)
      total = window.total
      lines.push(...window.rows.map((row) => row.map(tsv).join('\t')))
      cut += window.rows.flat().filter((cell) => isLong(cell) && cell.length).length
    }
    await copy(lines.join('\n'))
    const copied = plural(lines.length - 1, 'row')
    const short = cut ? ` ${plural(cut, 'long value')} cut: export for all of them.` : ''
    const said =
      lines.length - 1 < total
        ? `Copied the first ${copied} of ${total}: export for all.`
        : `Copied ${copied}.`
    say(said + short)
  }

  /** Names that were not there before are as wide as they need, come into view, and are marked for a moment. */
  private showFresh(): void {
    const fresh = [...this.fresh].filter((name) => this.column(name))
    const [first] = fresh
    if (first === undefined || !this.api) return
    this.api.autoSizeColumns(fresh)
    const wide = fresh.filter((name) => (this.api?.getColumn(name)?.getActualWidth() ?? 0) > WIDEST)
    this.api.setColumnWidths(wide.map((key) => ({ key, newWidth: WIDEST })))
    this.api.ensureColumnVisible(first, 'middle')
    setTimeout(() => this.element.classList.add('settled'), MARKED)
  }

  /** For the grid that follows this one. */
  state(): Arranged {
    return {
      columns: this.api?.getColumnState() ?? [],
      filter: this.api?.getFilterModel() ?? {},
      first: this.api?.getFirstDisplayedRowIndex() ?? 0,
    }
  }

  close(): void {
    this.api?.destroy()
    this.api = undefined
    this.host.request('flor/closeTable', { handle: this.table.handle }).catch(() => undefined)
  }
}

function known(table: Table): (own: ColumnState) => boolean {
  const names = new Set(table.columns.map((column) => column.name))
  return (own) => names.has(own.colId)
}

/** A header's label, with a button to the code that it names. */
class Head implements IInnerHeaderComponent {
  private readonly element = el('span', { class: 'head' })

  init(params: IHeaderParams): void {
    const { column, reveal } = params as unknown as { column: Column; reveal: (column: Column) => void }
    this.element.append(el('span', { class: 'label' }, column.name))
    if (column.role !== 'name') return
    const go = button('↗', () => reveal(column), {
      class: 'quiet',
      tabindex: -1,
      title: `Go to the code: ${origin(column) ?? column.name}`,
      'aria-label': `Go to the code of ${column.name}`,
    })
    go.addEventListener('click', (event) => event.stopPropagation())
    this.element.append(go)
  }

  getGui(): HTMLElement {
    return this.element
  }

  refresh(): boolean {
    return true
  }
}

function content(cell: Cell, text: string): HTMLElement | string {
  if (cell === null) return el('span', { class: 'null' }, 'NULL')
  if (cell === '') return el('span', { class: 'null', 'aria-label': 'empty text' }, "''")
  if (isLong(cell) && cell.picture) {
    return el('span', { class: 'array' }, picture(cell.picture), el('span', {}, text))
  }
  return text
}

function tooltip(cell: Cell): string {
  if (cell === null) return 'NULL: no value was recorded, or it was None'
  const text = isLong(cell) ? cell.text : String(cell)
  return isLong(cell) && cell.length
    ? `${text}… (${plural(cell.length, 'character')}: Enter shows all)`
    : text
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    // A web view without the permission: the old way.
    const area = el('textarea', { class: 'outside', 'aria-hidden': 'true' })
    area.value = text
    document.body.append(area)
    area.select()
    document.execCommand('copy')
    area.remove()
  }
}
