// Which Python runs the server, and how.

export interface Interpreter {
  path: string
  origin: 'setting' | 'extension' | 'path'
}

export interface Candidates {
  setting: string // flor.python
  extension: string | undefined // what is selected in the Python extension
  onPath: string | undefined
}

/** The setting wins, for it was set on purpose; then what is selected in the Python extension; then the PATH. */
export function choose({ setting, extension, onPath }: Candidates): Interpreter | undefined {
  if (setting.trim()) return { path: setting.trim(), origin: 'setting' }
  if (extension) return { path: extension, origin: 'extension' }
  return onPath ? { path: onPath, origin: 'path' } : undefined
}

/** The arguments that start the server. Nothing of the current folder is imported: -P. */
export function serverArguments(more: readonly string[]): string[] {
  return ['-P', '-m', 'flor_lsp', '--stdio', ...more]
}

/** What installs the server, exactly as it is run. */
export function installArguments(): string[] {
  return ['-m', 'pip', 'install', 'flor-lsp']
}

/** A command as one would type it. */
export function asTyped(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w./:=@+-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`))
    .join(' ')
}
