// What a cell shows. A number may be shown shorter than it is: its tooltip and its detail have all of it.

import type { Cell, Column, LongCell } from './protocol'
import { plural } from './words'

/** How the numbers of a column are written: so many digits behind the point, or with an exponent. */
export type Format = { digits: number } | 'exponent' | 'plain'

const SIGNIFICANT = 7
const LARGE = 1e9
const SMALL = 1e-4

/** The format that fits some of a column's numbers. */
export function formatOf(column: Column, cells: readonly Cell[]): Format {
  if (column.type !== 'float') return 'plain'
  const numbers = cells.filter((cell) => typeof cell === 'number')
  const sizes = numbers.filter((number) => number !== 0).map(Math.abs)
  if (!sizes.length) return { digits: 1 }
  const most = Math.max(...sizes)
  if (most >= LARGE || most < SMALL) return 'exponent'
  const room = Math.max(SIGNIFICANT - Math.max(Math.floor(Math.log10(most)) + 1, 1), 1)
  const needed = Math.max(...numbers.map(digitsOf))
  return { digits: Math.min(room, Math.max(needed, 1)) }
}

/** The format that fits what two formats of a column fit. */
export function wider(one: Format | undefined, other: Format): Format {
  if (one === undefined || one === 'plain' || other === 'plain') return other
  if (one === 'exponent' || other === 'exponent') return 'exponent'
  return { digits: Math.max(one.digits, other.digits) }
}

/** How many digits a number has behind its point. */
function digitsOf(number: number): number {
  const text = String(number)
  if (text.includes('e')) return SIGNIFICANT
  return text.length - (text.indexOf('.') + 1 || text.length)
}

export function isLong(cell: Cell): cell is LongCell {
  return typeof cell === 'object' && cell !== null
}

/** The text of a cell in a column. */
export function shown(cell: Cell, format: Format): string {
  if (cell === null) return 'NULL'
  if (typeof cell === 'number') return number(cell, format)
  if (typeof cell === 'boolean') return python(cell)
  if (isLong(cell)) return cell.picture ? dimensions(cell) : cell.length ? `${cell.text}…` : cell.text
  return String(cell)
}

function dimensions({ shape = [] }: LongCell): string {
  return shape.length === 1 ? plural(shape[0]!, 'number') : shape.join(' × ')
}

function number(value: number, format: Format): string {
  if (format === 'plain') return String(value)
  if (format === 'exponent') return value === 0 ? '0' : shorter(value)
  const text = value.toFixed(format.digits)
  // What would look like zero, or would not fit, is told from it.
  return (value !== 0 && Number(text) === 0) || Math.abs(value) >= LARGE ? shorter(value) : text
}

function shorter(value: number): string {
  const exact = String(value)
  const short = value.toExponential(SIGNIFICANT - 2)
  return exact.length <= short.length ? exact : short
}

/** All of a cell that the page has, as text: NULL is nothing. */
export function whole(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'boolean') return python(cell)
  return isLong(cell) ? cell.text : String(cell)
}

function python(truth: boolean): string {
  return truth ? 'True' : 'False'
}

/** What a line of tab-separated values has of a cell. */
export function tsv(cell: Cell): string {
  const text = whole(cell)
  return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const STATEMENTS = { param: 'flor.log.param', metric: 'flor.log.metric', log: 'flor.log', arg: 'flor.arg' }

/** What a column is of: the expression, and who logs it if the program does. */
export function origin({ text, logged }: Column): string | undefined {
  return logged === undefined ? text : `${text ?? ''}, logged by ${STATEMENTS[logged]}`
}
