// Flor in VS Code: the language server, the side panel, and what the user can do.

import * as vscode from 'vscode'
import { register } from './commands'
import { codeOfRuns } from './compare'
import { ActiveFile } from './editors'
import { Panel } from './panel'
import { onChange } from './python'
import { Memory, prepared } from './running'
import { Server } from './server'
import { Status } from './status'
import { Tasks } from './tasks'
import { Tree } from './tree'
import { Underlines } from './underlines'

const OF_THE_SERVER = ['flor.python', 'flor.server.arguments', 'flor.home'] // what it is started with

let server: Server | undefined

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const memory = new Memory(context.workspaceState)
  const own = (server = new Server(async (command, argument) =>
    command === 'flor.run' ? prepared(memory, argument as { uri: string }) : argument,
  ))
  const file = new ActiveFile()
  const panel = new Panel(context.extensionUri, own, file)
  const tree = new Tree(own, file)
  context.subscriptions.push(
    own,
    file,
    panel,
    tree,
    new Status(own, file),
    new Underlines(own),
    vscode.window.registerWebviewViewProvider('flor.panel', panel, {
      webviewOptions: { retainContextWhenHidden: true },
    }),
    vscode.window.createTreeView('flor.experiments', {
      treeDataProvider: tree,
      canSelectMany: true,
      showCollapseAll: true,
    }),
    codeOfRuns(),
    vscode.tasks.registerTaskProvider('flor', new Tasks(own, memory, file)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (OF_THE_SERVER.some((name) => change.affectsConfiguration(name))) void own.restart()
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void own.restart()),
    ...register(own, panel, memory),
  )
  const starting = own.restart()
  const listening = await onChange(() => void own.look())
  if (listening) context.subscriptions.push(listening)
  await starting
}

export async function deactivate(): Promise<void> {
  await server?.stop()
}
