// How a script is run: its experiment, its arguments.

/** Why this cannot be an experiment's name, if so. The server has the last word. */
export function experimentProblem(name: string): string | undefined {
  if (!name) return 'An experiment needs a name.'
  if (/^[.-]/.test(name)) return 'The name begins with a letter or a digit.'
  if (/[/\\:*?"<>|\u0000-\u001f]/.test(name)) return 'Use letters, digits, "_", "-" and ".", as in iris_demo.'
  return undefined
}

/**
 * The words of a line of arguments, as a shell takes them: quotes and backslashes keep spaces; in double quotes a backslash
 * stands for itself, but before one of "\\$`. Throws if a quote is open.
 */
export function words(line: string): string[] {
  const found: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!
    const next = line[at + 1]
    if (char === '\\' && next !== undefined && (!quote || (quote === '"' && '"\\$`'.includes(next)))) {
      word = (word ?? '') + next
      at++
    } else if (quote) {
      if (char === quote) quote = ''
      else word += char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote) throw new Error(`A quote is open: ${quote}`)
  return word === undefined ? found : [...found, word]
}

/** Why a line of arguments cannot be read, if so. */
export function argumentsProblem(line: string): string | undefined {
  try {
    words(line)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
