// Runs as tasks: in a terminal, with input, and in tasks.json.

import path from 'node:path'
import * as vscode from 'vscode'
import type { ActiveFile } from './editors'
import { words } from './scripts'
import type { Memory } from './running'
import type { Server } from './server'

interface Definition extends vscode.TaskDefinition {
  script: string
  experiment?: string
  arguments?: string[]
}

export class Tasks implements vscode.TaskProvider {
  constructor(
    private readonly server: Server,
    private readonly memory: Memory,
    private readonly file: ActiveFile,
  ) {}

  /** One task is offered: to run the file that is before the user, as it was run last. */
  async provideTasks(): Promise<vscode.Task[]> {
    const { uri } = this.file
    if (!uri) return []
    const known = this.memory.of(uri.toString())
    const definition: Definition = {
      type: 'flor',
      script: uri.fsPath,
      ...(known?.experiment ? { experiment: known.experiment } : {}),
      ...(known?.arguments ? { arguments: words(known.arguments) } : {}),
    }
    const folder = vscode.workspace.getWorkspaceFolder(uri)
    const made = await this.made(definition, folder ?? vscode.TaskScope.Workspace)
    return made ? [made] : []
  }

  resolveTask({ definition, scope }: vscode.Task): Promise<vscode.Task | undefined> {
    return this.made(definition as Definition, scope ?? vscode.TaskScope.Workspace)
  }

  private async made(
    definition: Definition,
    scope: vscode.WorkspaceFolder | vscode.TaskScope,
  ): Promise<vscode.Task | undefined> {
    const { script, experiment = path.parse(script).name, arguments: given = [] } = definition
    const where = path.isAbsolute(script)
      ? vscode.Uri.file(script)
      : typeof scope === 'object'
        ? scope.uri
        : undefined
    const started = await this.server.flor(['python', script, experiment, ...given], where)
    if (!started) return undefined
    const { command, env } = started
    const cwd = path.isAbsolute(definition.script) ? { cwd: path.dirname(definition.script) } : {}
    const execution = new vscode.ProcessExecution(command[0]!, command.slice(1), { env, ...cwd })
    return new vscode.Task(
      definition,
      scope,
      `Run ${path.basename(definition.script)}`,
      'Flor',
      execution,
      [],
    )
  }
}
