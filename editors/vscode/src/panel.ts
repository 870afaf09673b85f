// The side panel: the page in a web view, and what it asks of the editor.

import path from 'node:path'
import * as vscode from 'vscode'
import type { Server } from './server'

interface Request {
  id: number
  method: string
  params: Record<string, unknown>
}

const FORMATS: Record<string, string> = { csv: 'CSV', parquet: 'Parquet', xlsx: 'Excel', json: 'JSON' }

export class Panel implements vscode.WebviewViewProvider {
  private view: vscode.WebviewView | undefined
  private uri: string | undefined // of the Python file that the user has before them
  private experiment: string | undefined // the table that was asked for before there was a view

  constructor(
    private readonly root: vscode.Uri,
    private readonly server: Server,
  ) {
    this.look(vscode.window.activeTextEditor)
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view
    const dist = vscode.Uri.joinPath(this.root, 'dist')
    view.webview.options = { enableScripts: true, localResourceRoots: [dist] }
    view.webview.html = this.page(view.webview, dist)
    view.webview.onDidReceiveMessage((request: Request) => this.answer(view, request))
    view.onDidDispose(() => (this.view = undefined))
  }

  private page(webview: vscode.Webview, dist: vscode.Uri): string {
    const nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join('')
    const [script, style] = ['panel.js', 'panel.css'].map((name) =>
      webview.asWebviewUri(vscode.Uri.joinPath(dist, name)),
    )
    const policy = [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      `style-src ${webview.cspSource} 'nonce-${nonce}'`,
      'img-src data: blob:',
      `font-src ${webview.cspSource} data:`,
    ].join('; ')
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="csp-nonce" content="${nonce}">
<title>Flor</title>
<link rel="stylesheet" href="${style}">
</head>
<body><script nonce="${nonce}" src="${script}"></script></body>
</html>`
  }

  private async answer(view: vscode.WebviewView, { id, method, params }: Request): Promise<void> {
    try {
      await view.webview.postMessage({ id, result: (await this.asked(method, params)) ?? null })
    } catch (error) {
      const { message, code = 0 } = error as Error & { code?: number }
      await view.webview.postMessage({ id, error: { code, message } })
    }
  }

  private asked(method: string, params: Record<string, unknown>): Promise<unknown> | unknown {
    if (method === 'host/ready') return { uri: this.uri, experiment: this.experiment }
    if (method === 'host/export') return this.exported(params)
    if (method === 'host/saveImage') return this.saved(params)
    if (method === 'host/restart') return this.server.restart()
    if (method.startsWith('flor/')) return this.server.request(method, params)
    if (method === 'workspace/executeCommand') {
      const [argument] = params['arguments'] as unknown[]
      return this.server.command(String(params['command']), argument)
    }
    throw new Error(`there is no ${method}`)
  }

  private async exported({
    suggested,
    ...table
  }: Record<string, unknown>): Promise<{ path?: string; remarks?: string[] }> {
    const format = String(table['format'])
    const target = await this.place(String(suggested), { [FORMATS[format] ?? format]: [format] })
    if (!target) return {}
    const given = { ...table, path: target.fsPath }
    const { remarks } = await this.server.request<{ remarks: string[] }>('flor/export', given)
    return { path: target.fsPath, remarks }
  }

  private async saved({ suggested, data }: Record<string, unknown>): Promise<{ path?: string }> {
    const target = await this.place(String(suggested), { PNG: ['png'] })
    if (!target) return {}
    await vscode.workspace.fs.writeFile(target, Buffer.from(String(data), 'base64'))
    return { path: target.fsPath }
  }

  private place(suggested: string, filters: Record<string, string[]>): Thenable<vscode.Uri | undefined> {
    const beside = this.uri === undefined ? undefined : path.dirname(vscode.Uri.parse(this.uri).fsPath)
    const folder = beside ?? vscode.workspace.workspaceFolders?.[0]?.uri.fsPath
    const defaultUri = folder === undefined ? undefined : vscode.Uri.file(path.join(folder, suggested))
    return vscode.window.showSaveDialog({ filters, ...(defaultUri ? { defaultUri } : {}) })
  }

  // ---- what the page is told

  tell(method: string, params: unknown): void {
    void this.view?.webview.postMessage({ method, params })
  }

  /** Another editor is active: the page shows what belongs to its file, if that is Python. */
  look(editor: vscode.TextEditor | undefined): void {
    if (editor?.document.languageId !== 'python' || editor.document.uri.scheme !== 'file') return
    this.uri = editor.document.uri.toString()
    this.tell('host/file', { uri: this.uri })
  }

  /** Show an experiment's table. */
  async show(experiment?: string): Promise<void> {
    this.experiment = experiment ?? this.experiment
    await vscode.commands.executeCommand('flor.panel.focus', { preserveFocus: true })
    if (experiment !== undefined) this.tell('host/show', { experiment })
  }
}
