// The server's messages that the page uses; docs/protocol.md describes them.

export type Status = 'running' | 'finished' | 'failed' | 'killed'

export interface Run {
  id: string
  status: Status
  start: number // seconds since 1970
  end: number | null
  exitCode: number | null
  exception: string | null
}

export interface Experiment {
  name: string
  runs: Run[] // the newest first
}

export type ColumnType = 'bool' | 'int' | 'float' | 'time' | 'bytes' | 'text'

export interface Column {
  name: string
  type: ColumnType
  role?: 'key' | 'name'
  shadow?: string // the path of the shadow copy, of a name
  logged?: 'param' | 'metric' | 'log' | 'arg' // the statement of the program that logs it
  source?: string // the path of the source, of what is logged
  line?: number
  text?: string // the expression
}

export interface Diagnostic {
  name: string | null
  text: string
}

export interface Table {
  handle: number
  rows: number
  columns: Column[]
  diagnostics: Diagnostic[]
  experiment?: string
  runs?: string[]
}

/** What a cell has that JSON or a narrow column has no room for. */
export interface LongCell {
  text: string
  length?: number // of the whole text, if it was cut
  shape?: number[] // of an array
  picture?: (number | null)[][] // numbers of it, in rows
  steps?: [number, number] // of so many rows, and of so many columns, the picture has one
  why?: string // there is no picture
}

export type Cell = null | boolean | number | string | LongCell

export interface Sort {
  column: string
  descending: boolean
}

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'null' | 'not null'

export interface Filter {
  column: string
  operator: Operator
  value?: string | number
}

/** Which rows of a table, in which order. */
export interface Order {
  sort: Sort[]
  filter: Filter[]
}

export interface Rows {
  rows: Cell[][]
  total: number
}

export interface Series {
  column: string
  by: Cell
  count: number
  hidden: number // values at whose place another one stands
  x: (number | null)[]
  y: (number | null)[]
}

export interface Job {
  id: number
  kind: 'run' | 'etl' | 'sql'
  title: string
  state: 'running' | 'done' | 'failed' | 'cancelled'
  message: string
  fraction: number | null
}
