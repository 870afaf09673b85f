// Flor in VS Code: the language server, the side panel, and what the user can do.

import * as vscode from 'vscode'
import { register } from './commands'
import { Panel } from './panel'
import { onChange } from './python'
import { Server } from './server'

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const server: Server = new Server(
    (method, params) => {
      if (method === 'flor/showTable') void panel.show((params as { experiment: string }).experiment)
      else panel.tell(method, params)
    },
    (running) => panel.tell('host/connection', { connected: running }),
  )
  const panel = new Panel(context.extensionUri, server)
  context.subscriptions.push(
    server,
    vscode.window.registerWebviewViewProvider('flor.panel', panel, {
      webviewOptions: { retainContextWhenHidden: true },
    }),
    vscode.window.onDidChangeActiveTextEditor((editor) => panel.look(editor)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      const own = ['flor.python', 'flor.server.arguments', 'flor.home']
      if (own.some((name) => change.affectsConfiguration(name))) void server.restart()
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
    ...register(server, panel),
  )
  const listening = await onChange(() => void server.restart())
  if (listening) context.subscriptions.push(listening)
  await server.restart()
}
