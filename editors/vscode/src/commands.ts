// What the user can do, by menu, palette and key.

import path from 'node:path'
import * as vscode from 'vscode'
import { actions } from './actions'
import { activeDocument } from './editors'
import { problem } from './naming'
import type { Panel } from './panel'
import type { Names } from './protocol'
import { run, runWith, type Memory } from './running'
import type { Server } from './server'

const CANCELLED = -32800 // LSP: RequestCancelled

interface Naming {
  uri: string
  range: { start: vscode.Position; end: vscode.Position }
  name?: string
  text?: string
  version?: number
}

export function register(server: Server, panel: Panel, memory: Memory): vscode.Disposable[] {
  const commands: Record<string, (...given: never[]) => unknown> = {
    'flor.client.nameExpression': (naming: Naming) => name(server, naming),
    'flor.name': () => nameSelection(server),
    'flor.runFile': () => run(server, panel),
    'flor.runWith': () => runWith(server, panel, memory),
    'flor.refresh': () => server.command('flor.etl', { uri: activeDocument().uri.toString() }),
    'flor.showTable': () => panel.show(),
    'flor.openShadow': () => openShadow(server),
    'flor.rename': () => rename(server),
    'flor.remove': () => remove(server),
    'flor.update': () => update(server),
    'flor.query': () => panel.open('SQL'),
    'flor.showLog': () => server.log.show(),
    'flor.restart': () => server.restart(),
    ...actions(server, panel),
  }
  return Object.entries(commands).map(([id, act]) =>
    vscode.commands.registerCommand(id, async (...given: never[]) => {
      try {
        await act(...given)
      } catch (error) {
        const { message, code } = error as Error & { code?: number }
        if (code !== CANCELLED) void fail(server, message) // the user knows what they cancelled
      }
    }),
  )
}

async function fail(server: Server, message: string): Promise<void> {
  if (await server.offerInstall()) return
  const buttons = message.endsWith('in the log') ? ['Show Log'] : []
  if (await vscode.window.showErrorMessage(message, ...buttons)) server.log.show()
}

/** Do a command that edits a shadow copy, and save the copy, unless it had changes of the user's own. */
async function edit<T>(server: Server, shadow: string | null, command: string, argument: object): Promise<T> {
  const find = (path: string): vscode.TextDocument | undefined =>
    vscode.workspace.textDocuments.find((own) => own.uri.fsPath === path)
  const known = shadow === null ? undefined : find(vscode.Uri.parse(shadow).fsPath)
  const wasDirty = known?.isDirty ?? false
  const answer = await server.command<T>(command, argument)
  const path = shadow === null ? (answer as { shadow?: string }).shadow : vscode.Uri.parse(shadow).fsPath
  const copy = path === undefined ? undefined : find(path)
  if (copy?.isDirty && !copy.isUntitled && !wasDirty) await copy.save()
  return answer
}

function names(server: Server, uri: string): Promise<Names> {
  return server.request<Names>('flor/names', { uri })
}

/** Ask for a name, and have the expression named. */
async function name(server: Server, { text, name: suggested, ...asked }: Naming): Promise<void> {
  const { shadow, names: there } = await names(server, asked.uri)
  const taken = there.map((own) => own.name)
  const line = text?.replaceAll(/\s+/g, ' ')
  const chosen = await vscode.window.showInputBox({
    title: 'Name this expression',
    prompt: line && (line.length > 80 ? `${line.slice(0, 79)}…` : line),
    value: suggested ?? '',
    validateInput: (value) => problem(value, taken),
  })
  if (chosen !== undefined) await edit(server, shadow, 'flor.nameExpression', { ...asked, name: chosen })
}

/** Name what is selected, or what is at the caret; the server says what that is, and what name suits. */
async function nameSelection(server: Server): Promise<void> {
  const { uri, version } = activeDocument()
  const { start, end } = vscode.window.activeTextEditor!.selection
  const range = {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  }
  const context = { diagnostics: [], only: ['refactor.extract.name'], triggerKind: 1 }
  const asked = { textDocument: { uri: uri.toString() }, range, context }
  type Action = { title: string; disabled?: { reason: string }; command?: { arguments: Naming[] } }
  const found = (await server.request<Action[] | null>('textDocument/codeAction', asked)) ?? []
  const named = found.flatMap((action) => action.command?.arguments ?? [])
  if (!named.length) throw new Error(found[0]?.disabled?.reason ?? 'There is no expression here: select one.')
  if (named.length === 1) return name(server, { ...named[0]!, version })
  const items = named.map((own) => ({
    label: own.text?.replaceAll(/\s+/g, ' ') ?? '',
    description: `"${own.name}"`,
    own,
  }))
  const chosen = await vscode.window.showQuickPick(items, { title: 'Name which expression?' })
  if (chosen) await name(server, { ...chosen.own, version })
}

/** The source on the left, its shadow copy on the right. */
async function openShadow(server: Server): Promise<void> {
  const { uri } = activeDocument()
  const { shadow, source } = await names(server, uri.toString())
  if (shadow === null)
    throw new Error(`Nothing is named in ${path.basename(uri.fsPath)} yet: name an expression.`)
  if (source !== null)
    await vscode.window.showTextDocument(vscode.Uri.parse(source), { viewColumn: vscode.ViewColumn.One })
  await vscode.window.showTextDocument(vscode.Uri.parse(shadow), { viewColumn: vscode.ViewColumn.Two })
}

/** Have the user choose one of the names. */
async function chosenName(
  server: Server,
  title: string,
): Promise<{ shadow: string; name: string; all: string[] } | undefined> {
  const { shadow, names: all } = await names(server, activeDocument().uri.toString())
  if (shadow === null || !all.length)
    throw new Error('Nothing is named in this file yet: name an expression.')
  const items = all.map((own) => ({ label: own.name, description: own.text.replaceAll(/\s+/g, ' ') }))
  const chosen = await vscode.window.showQuickPick(items, { title })
  return chosen && { shadow, name: chosen.label, all: all.map((own) => own.name) }
}

async function rename(server: Server): Promise<void> {
  const chosen = await chosenName(server, 'Rename which name?')
  if (!chosen) return
  const others = chosen.all.filter((other) => other !== chosen.name)
  const value = await vscode.window.showInputBox({
    title: `Rename "${chosen.name}"`,
    value: chosen.name,
    validateInput: (text) => problem(text, others),
  })
  if (value !== undefined && value !== chosen.name) {
    await edit(server, chosen.shadow, 'flor.renameName', {
      uri: chosen.shadow,
      name: chosen.name,
      newName: value,
    })
  }
}

async function remove(server: Server): Promise<void> {
  const chosen = await chosenName(server, 'Remove which name?')
  if (chosen) await edit(server, chosen.shadow, 'flor.removeName', { uri: chosen.shadow, name: chosen.name })
}

async function update(server: Server): Promise<void> {
  const { shadow } = await names(server, activeDocument().uri.toString())
  if (shadow === null) throw new Error('Nothing is named in this file yet: name an expression.')
  const { inexact } = await edit<{ inexact: string[] }>(server, shadow, 'flor.updateShadow', { uri: shadow })
  if (inexact.length) void vscode.window.showWarningMessage(inexact.join('\n')) // of what is lost the server tells
}
