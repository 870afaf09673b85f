// Named expressions are underlined in their source.

import * as vscode from 'vscode'
import { isPython } from './editors'
import type { Names } from './protocol'
import type { Server } from './server'

const PAUSE = 200 // milliseconds after a keystroke

export class Underlines implements vscode.Disposable {
  private readonly line = vscode.window.createTextEditorDecorationType({
    borderWidth: '0 0 1px 0',
    borderStyle: 'dotted',
    borderColor: new vscode.ThemeColor('textLink.foreground'),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  })
  private readonly listening: vscode.Disposable[]
  private waiting: NodeJS.Timeout | undefined

  constructor(private readonly server: Server) {
    this.listening = [
      vscode.window.onDidChangeVisibleTextEditors(() => this.soon()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (isPython(document)) this.soon()
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('flor.inlayHints')) this.soon()
      }),
      server.onRunning(() => this.soon()),
      server.onNotification(({ method }) => {
        if (method === 'flor/tableChanged') this.soon()
      }),
    ]
    this.soon()
  }

  private soon(): void {
    clearTimeout(this.waiting)
    this.waiting = setTimeout(() => {
      for (const editor of vscode.window.visibleTextEditors) {
        if (isPython(editor.document)) void this.draw(editor)
      }
    }, PAUSE)
  }

  private async draw(editor: vscode.TextEditor): Promise<void> {
    const { uri, version } = editor.document
    const places = await this.places(uri)
    if (editor.document.version === version) editor.setDecorations(this.line, places)
  }

  private async places(uri: vscode.Uri): Promise<vscode.Range[]> {
    if (!vscode.workspace.getConfiguration('flor', uri).get<boolean>('inlayHints')) return []
    const asked = this.server.request<Names>('flor/names', { uri: uri.toString() })
    const found = await asked.catch(() => undefined) // without a server nothing is known of names
    if (!found?.source || vscode.Uri.parse(found.source).toString() !== uri.toString()) return []
    return found.names.flatMap(({ source }) =>
      source
        ? [new vscode.Range(source.start.line, source.start.character, source.end.line, source.end.character)]
        : [],
    )
  }

  dispose(): void {
    clearTimeout(this.waiting)
    this.line.dispose()
    for (const own of this.listening) own.dispose()
  }
}
