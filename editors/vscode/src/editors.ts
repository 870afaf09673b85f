// The Python file that the user has before them.

import * as vscode from 'vscode'

export const isPython = (document: vscode.TextDocument | undefined): document is vscode.TextDocument =>
  document?.languageId === 'python' && document.uri.scheme === 'file'

/** The active file. Throws if it is no Python; that it is not saved yet is the server's to say. */
export function activeDocument(): vscode.TextDocument {
  const found = vscode.window.activeTextEditor?.document
  if (found?.languageId !== 'python') throw new Error('Open a Python file first.')
  return found
}

/** The Python file that is active, or was before something else became so. */
export class ActiveFile implements vscode.Disposable {
  private current: vscode.Uri | undefined
  private readonly emitter = new vscode.EventEmitter<vscode.Uri>()
  private readonly following: vscode.Disposable
  readonly onChange = this.emitter.event

  constructor() {
    this.look(vscode.window.activeTextEditor)
    this.following = vscode.window.onDidChangeActiveTextEditor((editor) => this.look(editor))
  }

  get uri(): vscode.Uri | undefined {
    return this.current
  }

  private look(editor: vscode.TextEditor | undefined): void {
    if (!isPython(editor?.document) || editor.document.uri.toString() === this.current?.toString()) return
    this.current = editor.document.uri
    this.emitter.fire(this.current)
  }

  dispose(): void {
    this.following.dispose()
    this.emitter.dispose()
  }
}
