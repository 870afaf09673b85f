// The code of two runs beside each other, to be read alone. It is written into a folder that lives as long as the window.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import * as vscode from 'vscode'
import { inside } from './interpreter'
import { began, type Node } from './nodes'
import type { Server } from './server'

const SCHEME = 'flor-run' // not `file`: what a run had is not the user's to change

type OfRun = Extract<Node, { kind: 'run' }>

let place: string | undefined
const written = new Map<string, Promise<void>>() // by folder

/** What shows the code of runs. Disposing of it removes what was written. */
export function codeOfRuns(): vscode.Disposable {
  const provideTextDocumentContent = (uri: vscode.Uri): string =>
    place !== undefined && inside(uri.path, [place]) ? fs.readFileSync(uri.path, 'utf8') : ''
  return vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, { provideTextDocumentContent }),
    new vscode.Disposable(() => {
      if (place !== undefined) fs.rmSync(place, { recursive: true, force: true })
      written.clear()
      place = undefined
    }),
  )
}

/** The folder with the code of a run. What was executed once never changes: of a run that has ended it is written once. */
async function codeOf(server: Server, { experiment, run }: OfRun): Promise<string> {
  place ??= fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
  const folder = path.join(place, experiment, run.id)
  fs.mkdirSync(path.dirname(folder), { recursive: true })
  let writing = written.get(folder)
  if (!writing || run.status === 'running') {
    fs.rmSync(folder, { recursive: true, force: true })
    writing = server.runFlor(['checkout', '--', `${experiment}/${run.id}`, folder])
    written.set(folder, writing)
    writing.catch(() => written.delete(folder))
  }
  await writing
  return folder
}

export async function compare(server: Server, older: OfRun, newer: OfRun): Promise<void> {
  const left = await codeOf(server, older)
  const right = await codeOf(server, newer)
  const both = [...new Set([...files(left), ...files(right)])].sort()
  const different = both.filter((name) => !same(path.join(left, name), path.join(right, name)))
  if (!different.length) {
    void vscode.window.showInformationMessage('Both runs had the same code.')
    return
  }
  const title = `${older.experiment}: ${began(older.run)} ↔ ${began(newer.run)}`
  const uri = (folder: string, name: string): vscode.Uri | undefined =>
    fs.existsSync(path.join(folder, name))
      ? vscode.Uri.from({ scheme: SCHEME, path: path.join(folder, name) })
      : undefined
  const pairs = different.map((name) => ({ name, before: uri(left, name), after: uri(right, name) }))
  const [only] = pairs
  if (pairs.length === 1 && only?.before && only.after) {
    await vscode.commands.executeCommand('vscode.diff', only.before, only.after, `${only.name} (${title})`)
    return
  }
  const changes = pairs.map(({ before, after }) => [after ?? before, before, after])
  await vscode.commands.executeCommand('vscode.changes', title, changes)
}

function files(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
}

function same(one: string, other: string): boolean {
  try {
    return fs.readFileSync(one).equals(fs.readFileSync(other))
  } catch {
    return false // it is in one of both alone
  }
}
