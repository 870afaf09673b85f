// The view of experiments in the side bar: those of the file that is before the user, and all others.

import path from 'node:path'
import * as vscode from 'vscode'
import type { ActiveFile } from './editors'
import { itemOf, type Node } from './nodes'
import type { Experiment, Names } from './protocol'
import type { Server } from './server'

export class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>()
  private readonly listening: vscode.Disposable[]
  readonly onDidChangeTreeData = this.changed.event

  constructor(
    private readonly server: Server,
    private readonly file: ActiveFile,
  ) {
    this.listening = [
      file.onChange(() => this.changed.fire()),
      server.onRunning(() => this.changed.fire()),
      server.onNotification(({ method }) => {
        if (method === 'flor/experimentsChanged' || method === 'flor/tableChanged') this.changed.fire()
      }),
    ]
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return itemOf(node)
  }

  async getChildren(node?: Node): Promise<Node[]> {
    switch (node?.kind) {
      case undefined:
        return this.groups().catch(() => []) // without a server there is nothing to show
      case 'group':
        return node.experiments.map((experiment) => ({
          kind: 'experiment',
          experiment,
          ...(node.uri !== undefined ? { uri: node.uri } : {}),
        }))
      case 'experiment': {
        const { name, runs } = node.experiment
        const named = node.uri === undefined ? [] : await this.names(node.uri)
        return [...named, ...runs.map((run): Node => ({ kind: 'run', experiment: name, run }))]
      }
      default:
        return []
    }
  }

  private async experiments(uri?: string): Promise<Experiment[]> {
    const asked = uri === undefined ? {} : { uri }
    return (await this.server.request<{ experiments: Experiment[] }>('flor/experiments', asked)).experiments
  }

  private async groups(): Promise<Node[]> {
    const uri = this.file.uri?.toString()
    const own = uri === undefined ? [] : await this.experiments(uri)
    const others = (await this.experiments()).filter(({ name }) => !own.some((one) => one.name === name))
    const found: Node[] = []
    if (uri !== undefined && own.length)
      found.push({ kind: 'group', title: path.basename(this.file.uri!.fsPath), uri, experiments: own })
    if (others.length) found.push({ kind: 'group', title: 'Other Experiments', experiments: others })
    return found
  }

  private async names(uri: string): Promise<Node[]> {
    const { shadow, source, names, logged } = await this.server.request<Names>('flor/names', { uri })
    const named = names.map(({ name, text }): Node => ({
      kind: 'name',
      shadow: vscode.Uri.parse(shadow!).fsPath,
      name,
      text,
    }))
    return [...named, ...logged.map((one): Node => ({ kind: 'logged', uri: source!, logged: one }))]
  }

  dispose(): void {
    this.changed.dispose()
    for (const own of this.listening) own.dispose()
  }
}
