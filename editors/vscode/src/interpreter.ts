// Which Python runs the server, and how.

import path from 'node:path'

export interface Interpreter {
  path: string
  origin: 'setting' | 'extension' | 'path'
}

export interface Candidates {
  setting: string | undefined // flor.python
  extension: string | undefined // what is selected in the Python extension
  onPath: readonly string[]
}

/**
 * The setting wins, for it was set on purpose; then what is selected in the Python extension; then the PATH.
 * `allowed` says whether an interpreter may be started at all.
 */
export function choose(
  { setting, extension, onPath }: Candidates,
  allowed: (python: string) => boolean,
): Interpreter | undefined {
  const found: Interpreter[] = onPath.map((python) => ({ path: python, origin: 'path' }))
  if (extension) found.unshift({ path: extension, origin: 'extension' })
  if (setting) found.unshift({ path: setting, origin: 'setting' })
  return found.find((own) => allowed(own.path))
}

/** Whether a file lies in one of these folders. */
export function inside(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    const way = path.relative(folder, file)
    return way === '' || (way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way))
  })
}

/** A path as it was set, in full: `~` and `${workspaceFolder}` stand for folders. A bare name stays what it is. */
export function expanded(setting: string, home: string, folder: string | undefined): string {
  let text = setting.trim()
  if (text === '~' || text.startsWith('~/')) text = home + text.slice(1)
  if (folder === undefined) return text
  text = text.replaceAll('${workspaceFolder}', folder)
  return /[/\\]/.test(text) ? path.resolve(folder, text) : text
}

/** The arguments that start the server. Nothing of the current folder is imported: -P. */
export function serverArguments(more: readonly string[]): string[] {
  return ['-P', '-m', 'flor_lsp', '--stdio', ...more]
}

/** The arguments of a `flor` command. A script that it runs is to find sys.flags as ever: no -P for that. */
export function florArguments(command: readonly string[]): string[] {
  return [...(command[0] === 'python' ? [] : ['-P']), '-m', 'flor', ...command]
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
