// The side panel: the page in a web view, and what it asks of the editor.

import path from 'node:path'
import * as vscode from 'vscode'
import type { ActiveFile } from './editors'
import { idOf, read, type Asked, type Format } from './messages'
import type { Server } from './server'

type View = 'Table' | 'Plot' | 'SQL' | 'Runs'

const FORMATS: Record<Format, string> = { csv: 'CSV', parquet: 'Parquet', xlsx: 'Excel', json: 'JSON' }

export class Panel implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: vscode.WebviewView | undefined
  private experiment: string | undefined // whose table was asked for since the file was before the user
  private opened: View | undefined // the page's view that was asked for before the page was ready
  private ready = false
  private readonly listening: vscode.Disposable[]

  constructor(
    private readonly root: vscode.Uri,
    private readonly server: Server,
    private readonly file: ActiveFile,
  ) {
    this.listening = [
      file.onChange((uri) => {
        this.experiment = undefined
        this.tell('host/file', { uri: uri.toString() })
      }),
      server.onRunning((connected) => this.tell('host/connection', { connected })),
      server.onNotification(({ method, params }) => {
        if (method === 'flor/showTable') void this.show((params as { experiment: string }).experiment)
        else this.tell(method, params)
      }),
    ]
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view
    this.ready = false
    const dist = vscode.Uri.joinPath(this.root, 'dist')
    view.webview.options = { enableScripts: true, localResourceRoots: [dist] }
    view.webview.html = this.page(view.webview, dist)
    view.webview.onDidReceiveMessage((message: unknown) => this.answer(view, message))
    view.onDidDispose(() => {
      if (this.view !== view) return
      this.view = undefined
      this.ready = false
    })
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

  private async answer(view: vscode.WebviewView, message: unknown): Promise<void> {
    const id = idOf(message)
    if (id === undefined) return
    try {
      await view.webview.postMessage({ id, result: (await this.asked(read(message))) ?? null })
    } catch (error) {
      const { message, code = 0 } = error as Error & { code?: number }
      await view.webview.postMessage({ id, error: { code, message } })
    }
  }

  private asked(asked: Asked): Promise<unknown> | unknown {
    switch (asked.what) {
      case 'ready':
        return this.start()
      case 'restart':
        return this.server.restart()
      case 'request':
        return this.server.request(asked.method, asked.params)
      case 'command':
        return this.server.command(asked.command, asked.argument)
      case 'export':
        return this.exported(asked.table, asked.format, asked.suggested)
      case 'saveImage':
        return this.saved(asked.image, asked.suggested)
    }
  }

  private start(): { uri?: string; experiment?: string; view?: View } {
    this.ready = true
    const view = this.opened
    this.opened = undefined
    return {
      ...(this.file.uri ? { uri: this.file.uri.toString() } : {}),
      ...(this.experiment !== undefined ? { experiment: this.experiment } : {}),
      ...(view !== undefined ? { view } : {}),
    }
  }

  private async exported(
    table: object,
    format: Format,
    suggested: string,
  ): Promise<{ path?: string; remarks?: string[] }> {
    const target = await this.place(suggested, { [FORMATS[format]]: [format] })
    if (!target) return {}
    const given = { ...table, path: target.fsPath }
    const { remarks } = await this.server.request<{ remarks: string[] }>('flor/export', given)
    return { path: target.fsPath, remarks }
  }

  private async saved(image: Uint8Array, suggested: string): Promise<{ path?: string }> {
    const target = await this.place(suggested, { PNG: ['png'] })
    if (!target) return {}
    await vscode.workspace.fs.writeFile(target, image)
    return { path: target.fsPath }
  }

  /** Where the user wants a file: suggested is a place beside the file that is before them. */
  place(suggested: string, filters: Record<string, string[]>): Thenable<vscode.Uri | undefined> {
    const beside = this.file.uri && path.dirname(this.file.uri.fsPath)
    const folder = beside ?? vscode.workspace.workspaceFolders?.[0]?.uri.fsPath
    const defaultUri = folder === undefined ? undefined : vscode.Uri.file(path.join(folder, suggested))
    return vscode.window.showSaveDialog({ filters, ...(defaultUri ? { defaultUri } : {}) })
  }

  private tell(method: string, params: unknown): void {
    void this.view?.webview.postMessage({ method, params })
  }

  /** Show an experiment's table; without one, that of the file that is before the user. */
  async show(experiment?: string): Promise<void> {
    this.experiment = experiment ?? this.experiment
    await vscode.commands.executeCommand('flor.panel.focus', { preserveFocus: true })
    if (experiment !== undefined) this.tell('host/show', { experiment })
  }

  /** Show one of the page's views. */
  async open(view: View): Promise<void> {
    if (!this.ready) this.opened = view
    await vscode.commands.executeCommand('flor.panel.focus')
    if (this.ready) this.tell('host/view', { view })
  }

  dispose(): void {
    for (const own of this.listening) own.dispose()
  }
}
