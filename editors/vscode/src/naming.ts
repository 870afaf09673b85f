// What a name may be; the server has the last word.

/** Why this cannot be a name, if so. `taken`: the names that are there. To SQL upper and lower case are one. */
export function problem(name: string, taken: Iterable<string>): string | undefined {
  if (!name) return 'A name needs a character.'
  if (name !== name.trim()) return 'A name has no spaces around it.'
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'A name has no control characters.'
  for (const other of taken) {
    if (other === name) return `"${other}" is taken.`
    if (other.toLowerCase() === name.toLowerCase()) return `"${other}" and "${name}" are one name to SQL.`
  }
  return undefined
}
