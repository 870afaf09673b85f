// Series as uPlot takes them.

import type { AlignedData } from 'uplot'
import type { Series } from './protocol'

export type Line = (number | null | undefined)[]

/** A series with x ascending and each x once; of several values of one x the last. */
export function ascending({ x, y }: Pick<Series, 'x' | 'y'>): AlignedData {
  const pairs = new Map<number, number | null>()
  const order = x.map((_, i) => i).filter((i) => x[i] !== null)
  for (const i of order.sort((a, b) => x[a]! - x[b]! || a - b)) pairs.set(x[i]!, y[i] ?? null)
  return [[...pairs.keys()], [...pairs.values()]]
}

/** What a logarithmic scale has a place for. */
export function above(line: Line): Line {
  return line.map((value) => (value && value > 0 ? value : null))
}
