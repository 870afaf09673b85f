// The interpreter that is selected in the Python extension, if that is there.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import * as vscode from 'vscode'
import { choose, type Interpreter } from './interpreter'

interface PythonApi {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string }
    resolveEnvironment(environment: {
      path: string
    }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>
  }
}

async function api(): Promise<PythonApi | undefined> {
  const extension = vscode.extensions.getExtension<PythonApi>('ms-python.python')
  return extension && (extension.isActive ? extension.exports : await extension.activate())
}

/** What tells when another interpreter is selected. */
export async function onChange(listener: () => void): Promise<vscode.Disposable | undefined> {
  return (await api().catch(() => undefined))?.environments?.onDidChangeActiveEnvironmentPath(listener)
}

/** The interpreter that runs the server and scripts. Of a workspace that is not trusted none of its own is taken. */
export async function find(): Promise<Interpreter | undefined> {
  const setting = vscode.workspace.getConfiguration('flor').get<string>('python') ?? ''
  let extension: string | undefined
  if (vscode.workspace.isTrusted && !setting.trim()) {
    const environments = (await api().catch(() => undefined))?.environments
    const active = environments?.getActiveEnvironmentPath(vscode.workspace.workspaceFolders?.[0]?.uri)
    const resolved = active && (await environments?.resolveEnvironment(active).catch(() => undefined))
    extension = resolved?.executable.uri?.fsPath
  }
  return choose({ setting, extension, onPath: onPath() })
}

/** Whether an interpreter of a folder may be started: of a workspace that is not trusted none of its own. */
function mayStart(folder: string): boolean {
  if (!path.isAbsolute(folder)) return false
  if (vscode.workspace.isTrusted) return true
  const workspace = (vscode.workspace.workspaceFolders ?? []).map((own) => own.uri.fsPath)
  return !workspace.some((own) => !path.relative(own, folder).startsWith('..'))
}

function onPath(): string | undefined {
  const names = process.platform === 'win32' ? ['python.exe'] : ['python3', 'python']
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter).filter(mayStart)) {
    for (const name of names) {
      const file = path.join(folder, name)
      if (fs.existsSync(file)) return file
    }
  }
  return undefined
}

export type Found = 'there' | 'missing' | 'broken'

/** Whether an interpreter has the server. */
export function hasServer(python: string): Promise<{ found: Found; why: string }> {
  const code = 'import importlib.util, sys; sys.exit(0 if importlib.util.find_spec("flor_lsp") else 3)'
  const why = (errors: string): string =>
    errors.includes('Unknown option')
      ? 'Flor needs Python 3.11 or later.'
      : (errors.trim().split('\n').at(-1) ?? '')
  return new Promise((resolve) => {
    execFile(python, ['-P', '-c', code], { timeout: 30_000 }, (error, _, errors) => {
      if (!error) resolve({ found: 'there', why: '' })
      else if (error.code === 3) resolve({ found: 'missing', why: '' })
      else resolve({ found: 'broken', why: why(errors) || error.message })
    })
  })
}
