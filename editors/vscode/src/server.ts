// The language server's life: found, installed if the user wants it, started, started again.

import * as vscode from 'vscode'
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type LanguageClientOptions,
} from 'vscode-languageclient/node'
import { asTyped, installArguments, serverArguments, type Interpreter } from './interpreter'
import { find, hasServer } from './python'

const RESTARTS = 5 // within MINUTES
const MINUTES = 3
const SETTINGS = ['etlOnName', 'inlayHints', 'hover', 'codeLens', 'diagnostics'] as const

export type Listener = (method: string, params: unknown) => void

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined
  private interpreter: Interpreter | undefined
  private readonly ended: number[] = []
  private starting: Promise<void> = Promise.resolve()
  readonly log = vscode.window.createOutputChannel('Flor', { log: true })

  /** `told` hears every `flor/*` notification, `state` whether there is a server. */
  constructor(
    private readonly told: Listener,
    private readonly state: (running: boolean) => void,
  ) {}

  /** Start the server, or another one after it. */
  restart(): Promise<void> {
    this.starting = this.starting
      .then(() => this.start())
      .catch((error: Error) => this.log.error(error.message))
    return this.starting
  }

  private async start(): Promise<void> {
    await this.stop()
    this.interpreter = await find()
    if (!this.interpreter) {
      void this.offer('Flor found no Python: set flor.python to an interpreter.', 'Open Settings')
      return
    }
    const { path } = this.interpreter
    const { found, why } = await hasServer(path)
    if (found === 'broken') {
      void this.offer(`Flor cannot start ${path}: ${why}`, 'Open Settings')
      return
    }
    if (found === 'missing') {
      // Not waited for: the user may choose another interpreter instead.
      void this.install(path).then((done) => (done ? this.restart() : undefined))
      return
    }
    await this.serve(path)
  }

  private async serve(path: string): Promise<void> {
    const settings = vscode.workspace.getConfiguration('flor')
    const home = settings.get<string>('home')
    const env = { ...process.env, ...(home ? { FLOR_HOME: home } : {}) }
    const executable = {
      command: path,
      args: serverArguments(settings.get<string[]>('server.arguments') ?? []),
      options: { env },
    }
    const own = Object.fromEntries(SETTINGS.map((name) => [name, settings.get(name)]))
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: 'file', language: 'python' },
        { scheme: 'untitled', language: 'python' },
      ],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: { flor: { ...own, python: path, prompt: true, panel: true } },
      errorHandler: { error: () => ({ action: ErrorAction.Continue }), closed: () => this.closed() },
      middleware: {
        // What has its command is whole. To ask the server for more takes longer than the editor keeps the command.
        resolveCodeAction: (action, token, next) => (action.command ? action : next(action, token)),
        executeCommand: (command, args, next) => {
          if (command !== 'flor.run' || vscode.workspace.isTrusted) return next(command, args)
          throw new Error('This workspace is not trusted: nothing in it is run.')
        },
        workspace: {
          // The interpreter is what this extension found, whatever the setting says.
          configuration: async (params, token, next) => {
            const found = await next(params, token)
            const given = Array.isArray(found) ? found : []
            return given.map((item: unknown, i) =>
              params.items[i]?.section === 'flor' ? { ...(item as object), python: path } : item,
            )
          },
        },
      },
    }
    const client = new LanguageClient('flor', 'Flor', executable, options)
    this.client = client
    for (const method of [
      'flor/experimentsChanged',
      'flor/tableChanged',
      'flor/showTable',
      'flor/jobsChanged',
    ]) {
      client.onNotification(method, (params: unknown) => this.told(method, params))
    }
    client.onDidChangeState(({ newState }) => this.state(newState === State.Running))
    this.log.info(`starting ${asTyped([path, ...executable.args])}`)
    try {
      await client.start()
    } catch (error) {
      if (this.client === client)
        void this.offer(`Flor's server did not start: ${(error as Error).message}`, 'Show Log')
    }
  }

  private closed(): { action: CloseAction; message?: string; handled?: boolean } {
    const now = Date.now()
    this.ended.push(now)
    const lately = this.ended.filter((moment) => now - moment < MINUTES * 60_000).length
    if (lately <= RESTARTS) return { action: CloseAction.Restart, handled: true }
    void this.offer(
      `Flor's server ended ${lately} times in ${MINUTES} minutes and is not started again.`,
      'Show Log',
    )
    return { action: CloseAction.DoNotRestart, handled: true }
  }

  /** Offer to install the server; whether it is there afterwards. */
  private async install(python: string): Promise<boolean> {
    if (!vscode.workspace.isTrusted) return false
    const command = [python, ...installArguments()]
    const question = `Flor is not installed in ${python}. Install it? This runs: ${asTyped(command)}`
    if ((await vscode.window.showInformationMessage(question, 'Install', 'Not Now')) !== 'Install')
      return false
    const task = new vscode.Task(
      { type: 'flor' },
      vscode.TaskScope.Workspace,
      'Install Flor',
      'Flor',
      new vscode.ProcessExecution(python, installArguments()),
    )
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always }
    const code = await ended(task)
    if (code === 0) return true
    void vscode.window.showErrorMessage(
      `Flor was not installed: ${asTyped(command)} ended with exit code ${code}.`,
    )
    return false
  }

  private async offer(message: string, action: 'Open Settings' | 'Show Log'): Promise<void> {
    this.log.error(message)
    const chosen = await vscode.window.showErrorMessage(message, action)
    if (chosen === 'Show Log') this.log.show()
    if (chosen === 'Open Settings')
      await vscode.commands.executeCommand('workbench.action.openSettings', 'flor.python')
  }

  /** Ask the server. Throws an error with one sentence if there is none, or it refuses. */
  async request<T>(method: string, params: unknown): Promise<T> {
    await this.starting
    if (!this.client || this.client.state === State.Stopped) throw new Error("Flor's server is not running.")
    return this.client.sendRequest<T>(method, params)
  }

  /** Have the server do a command. Throws as `request` does. */
  command<T>(command: string, argument: unknown): Promise<T> {
    if (command === 'flor.run' && !vscode.workspace.isTrusted) {
      throw new Error('This workspace is not trusted: nothing in it is run.')
    }
    return this.request<T>('workspace/executeCommand', { command, arguments: [argument] })
  }

  private async stop(): Promise<void> {
    const client = this.client
    this.client = undefined
    await client?.dispose().catch(() => undefined)
  }

  async dispose(): Promise<void> {
    await this.stop()
    this.log.dispose()
  }
}

/** Run a task. Its exit code; undefined if it could not be started, or was ended. */
function ended(task: vscode.Task): Promise<number | undefined> {
  return new Promise((resolve) => {
    const isOwn = (other: vscode.Task): boolean => other.name === task.name && other.source === task.source
    const listening = vscode.Disposable.from(
      vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => isOwn(execution.task) && done(exitCode)),
      vscode.tasks.onDidEndTask(
        ({ execution }) => isOwn(execution.task) && setTimeout(() => done(undefined), 500),
      ),
    )
    const done = (code: number | undefined): void => {
      listening.dispose()
      resolve(code)
    }
    vscode.tasks.executeTask(task).then(undefined, () => done(undefined))
  })
}
