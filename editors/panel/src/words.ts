// Counts and times in words. It knows no page: the extension says them so, too.

import type { Run } from './protocol'

export function plural(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`
}

/** How long a run took, or takes; nothing where that is not known. */
export function duration({ start, end, status }: Run, now = Date.now()): string {
  if (end === null && status !== 'running') return ''
  const seconds = Math.max((end ?? now / 1000) - start, 0)
  if (seconds < 60) return `${seconds.toFixed(status === 'running' ? 0 : 1)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60
    ? `${minutes} min ${Math.floor(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
