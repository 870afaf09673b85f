// The interpreters that there are, and which of them has Flor.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import * as vscode from 'vscode'
import { choose, expanded, inside, type Interpreter } from './interpreter'

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

/**
 * The interpreter that runs the server, or the scripts where `resource` lies: folders of a workspace may have several.
 * Of a workspace that is not trusted none of its own is taken.
 */
export async function find(resource?: vscode.Uri): Promise<Interpreter | undefined> {
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath)
  const { isTrusted } = vscode.workspace
  const folder =
    (resource && vscode.workspace.getWorkspaceFolder(resource)) ?? vscode.workspace.workspaceFolders?.[0]
  const given = vscode.workspace.getConfiguration('flor', folder?.uri).get<string>('python') ?? ''
  const set = expanded(given, os.homedir(), folder?.uri.fsPath)
  // A bare name that is not on the PATH is nothing that is known: it is not left to the system to find something.
  const setting = set && !/[/\\]/.test(set) ? (onPath([set])[0] ?? (isTrusted ? set : undefined)) : set
  const extension = isTrusted && !setting ? await selected(folder?.uri) : undefined
  // A virtual environment's interpreter is a link to one elsewhere, and yet runs what lies beside the link.
  const allowed = (python: string): boolean =>
    isTrusted || !(inside(path.resolve(python), folders) || inside(real(python), folders.map(real)))
  const names = process.platform === 'win32' ? ['python.exe'] : ['python3', 'python']
  return choose({ setting, extension, onPath: onPath(names) }, allowed)
}

async function selected(folder: vscode.Uri | undefined): Promise<string | undefined> {
  const environments = (await api().catch(() => undefined))?.environments
  const active = environments?.getActiveEnvironmentPath(folder)
  const resolved = active && (await environments?.resolveEnvironment(active).catch(() => undefined))
  return resolved?.executable.uri?.fsPath
}

function real(file: string): string {
  try {
    return fs.realpathSync(file)
  } catch {
    return path.resolve(file)
  }
}

function onPath(names: readonly string[]): string[] {
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter(path.isAbsolute)
    .flatMap((folder) => names.map((name) => path.join(folder, name)))
    .filter((file) => fs.existsSync(file))
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
