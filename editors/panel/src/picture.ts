// An array of numbers as a small picture: dark is little, bright is much, red is no finite number.

import type { LongCell } from './protocol'

const SIZE = 3 // pixels of a number, of which the browser makes more
const DIGITS = 6 // of a number in words

export function picture(numbers: readonly (readonly (number | null)[])[]): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  const width = Math.max(...numbers.map((row) => row.length), 1)
  canvas.width = width * SIZE
  canvas.height = Math.max(numbers.length, 1) * SIZE
  canvas.className = numbers.length > 1 ? 'picture' : 'picture line'
  canvas.setAttribute('aria-hidden', 'true')
  const context = canvas.getContext('2d')
  if (!context) return canvas
  const known = numbers.flat().filter((number) => number !== null)
  const [low, high] = [Math.min(...known), Math.max(...known)]
  numbers.forEach((row, y) =>
    row.forEach((number, x) => {
      context.fillStyle = number === null ? '#c33' : shade(high > low ? (number - low) / (high - low) : 0.5)
      context.fillRect(x * SIZE, y * SIZE, SIZE, SIZE)
    }),
  )
  return canvas
}

/** Viridis, roughly: its steps are seen by everyone. */
function shade(part: number): string {
  const stops = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
  ] as const
  const at = Math.min(part * (stops.length - 1), stops.length - 1.001)
  const [a, b] = [stops[Math.floor(at)]!, stops[Math.floor(at) + 1]!]
  const mixed = a.map((value, i) => Math.round(value + (b[i]! - value) * (at % 1)))
  return `rgb(${mixed.join(' ')})`
}

/** What the picture of an array shows of it, and what its colours mean; or why there is none. */
export function legend(cell: LongCell): string {
  if (!cell.picture) return cell.why ? `No picture: ${cell.why}.` : ''
  const known = cell.picture.flat().filter((number) => number !== null)
  const said = [...colours(known), ...part(cell)]
  if (known.length < cell.picture.flat().length) said.push('red is no finite number')
  const text = said.join('; ')
  return text && `${text[0]!.toUpperCase()}${text.slice(1)}.`
}

function colours(known: readonly number[]): string[] {
  if (!known.length) return []
  const [low, high] = [Math.min(...known), Math.max(...known)]
  return [
    low === high ? `all that is shown is ${short(low)}` : `dark is ${short(low)}, bright is ${short(high)}`,
  ]
}

/** What part of an array its picture has; nothing for all of it. */
function part({ shape = [], steps = [1, 1] }: LongCell): string[] {
  const [rows, columns] = steps
  if (shape.length === 1) return columns > 1 ? [`one number in ${columns} is shown`] : []
  const plane = shape.slice(0, -2).some((size) => size > 1) ? ['only the first plane is shown'] : []
  const left = [
    ...(rows > 1 ? [`one row in ${rows}`] : []),
    ...(columns > 1 ? [`one column in ${columns}`] : []),
  ]
  return [...plane, ...(left.length ? [`${left.join(', and of that ')} is shown`] : [])]
}

function short(value: number): string {
  return String(Number(value.toPrecision(DIGITS)))
}
