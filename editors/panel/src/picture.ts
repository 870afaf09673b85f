// An array of numbers as a small picture: dark is little, light is much, hatched is no number.

const SIZE = 3 // pixels of a number, of which the browser makes more

export function picture(numbers: readonly (readonly (number | null)[])[]): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  const width = Math.max(...numbers.map((row) => row.length), 1)
  canvas.width = width * SIZE
  canvas.height = Math.max(numbers.length, 1) * SIZE
  canvas.className = 'picture'
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
