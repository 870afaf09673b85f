// The language server's life: found, installed if the user wants it, started, started again.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as vscode from 'vscode'
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type LanguageClientOptions,
} from 'vscode-languageclient/node'
import { asTyped, florArguments, installArguments, serverArguments } from './interpreter'
import { find, hasServer } from './python'

const RESTARTS = 5 // within MINUTES
const MINUTES = 3
const SETTINGS = ['etlOnName', 'inlayHints', 'hover', 'codeLens', 'diagnostics'] as const
const NOTIFICATIONS = [
  'flor/experimentsChanged',
  'flor/tableChanged',
  'flor/showTable',
  'flor/jobsChanged',
] as const

export interface Notification {
  method: (typeof NOTIFICATIONS)[number]
  params: unknown
}

/** Makes the argument of a command whole before the server gets it. */
export type Prepare = (command: string, argument: unknown) => Promise<unknown>

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined
  private python: string | undefined // the interpreter that there is
  private missing: string | undefined // the interpreter that has no Flor
  private absence = "Flor's server is not running."
  private readonly ended: number[] = []
  private starting: Promise<void> = Promise.resolve()
  private readonly notified = new vscode.EventEmitter<Notification>()
  private readonly ran = new vscode.EventEmitter<boolean>()
  readonly log = vscode.window.createOutputChannel('Flor', { log: true })
  /** Every `flor/*` notification. */
  readonly onNotification = this.notified.event
  /** Whether there is a server. */
  readonly onRunning = this.ran.event

  constructor(private readonly prepare: Prepare) {}

  /** Start the server, or another one after it. */
  restart(): Promise<void> {
    this.starting = this.starting
      .then(() => this.start())
      .catch((error: Error) => this.log.error(error.message))
    return this.starting
  }

  /** Start another server if it is another interpreter now. */
  async look(): Promise<void> {
    await this.starting
    if ((await find())?.path !== (this.python ?? this.missing)) await this.restart()
  }

  private async start(): Promise<void> {
    await this.stop()
    this.python = this.missing = undefined
    const path = (await find())?.path
    if (path === undefined) {
      this.absence = 'Flor found no Python: set flor.python to an interpreter.'
      void this.offer(this.absence, 'Open Settings')
      return
    }
    const { found, why } = await hasServer(path)
    if (found === 'broken') {
      this.absence = `Flor cannot start ${path}: ${why}`
      void this.offer(this.absence, 'Open Settings')
    } else if (found === 'missing') {
      this.missing = path
      this.absence = `Flor is not installed in ${path}.`
      this.log.error(this.absence)
      void this.offerInstall()
    } else {
      this.python = path
      this.absence = "Flor's server is not running."
      await this.serve(path)
    }
  }

  private get environment(): Record<string, string> {
    const home = vscode.workspace.getConfiguration('flor').get<string>('home')
    return home ? { FLOR_HOME: home } : {}
  }

  private async serve(path: string): Promise<void> {
    const settings = vscode.workspace.getConfiguration('flor')
    const executable = {
      command: path,
      args: serverArguments(settings.get<string[]>('server.arguments') ?? []),
      options: { env: { ...process.env, ...this.environment } },
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
        executeCommand: async (command, args, next) =>
          next(command, [await this.prepare(command, args[0]), ...args.slice(1)]),
        workspace: {
          // The interpreter is what this extension found, whatever the setting says.
          configuration: async (params, token, next) => {
            const found = await next(params, token)
            const given: unknown[] = Array.isArray(found) ? found : []
            const whole = given.map(async (item, i) => {
              const { section, scopeUri } = params.items[i] ?? {}
              return section === 'flor'
                ? { ...(item as object), python: await this.pythonOf(scopeUri) }
                : item
            })
            return Promise.all(whole)
          },
        },
      },
    }
    const client = new LanguageClient('flor', 'Flor', executable, options)
    this.client = client
    for (const method of NOTIFICATIONS) {
      client.onNotification(method, (params: unknown) => this.notified.fire({ method, params }))
    }
    client.onDidChangeState(({ newState }) => this.ran.fire(newState === State.Running))
    const shown = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`)
    this.log.info(`starting ${asTyped([...shown, path, ...executable.args])}`)
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

  /**
   * Offer to install the server, if that is what is missing, and start it once it is there. Whether there was anything
   * to offer: nothing is installed from within a workspace that is not trusted.
   */
  async offerInstall(): Promise<boolean> {
    const python = this.missing
    if (python === undefined || !vscode.workspace.isTrusted) return false
    const command = [python, ...installArguments()]
    const question = `Flor is not installed in ${python}. Install it? This runs: ${asTyped(command)}`
    if ((await vscode.window.showInformationMessage(question, 'Install', 'Not Now')) !== 'Install')
      return true
    const task = new vscode.Task(
      { type: 'flor' },
      vscode.TaskScope.Workspace,
      'Install Flor',
      'Flor',
      new vscode.ProcessExecution(python, installArguments()),
    )
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always }
    const code = await ended(task)
    if (code === 0) void this.restart()
    else
      void vscode.window.showErrorMessage(
        code === undefined
          ? `Flor was not installed: ${asTyped(command)} was ended.`
          : `Flor was not installed: ${asTyped(command)} ended with exit code ${code}.`,
      )
    return true
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
    if (!this.client || this.client.state === State.Stopped) throw new Error(this.absence)
    return this.client.sendRequest<T>(method, params)
  }

  /** Have the server do a command. Throws as `request` does. */
  async command<T>(command: string, argument: unknown): Promise<T> {
    const whole = await this.prepare(command, argument)
    return this.request<T>('workspace/executeCommand', { command, arguments: [whole] })
  }

  /** The interpreter for what lies at `uri`, or for the server itself. */
  private async pythonOf(uri: string | undefined): Promise<string | undefined> {
    const own = uri === undefined ? undefined : await find(vscode.Uri.parse(uri))
    return own?.path ?? this.python
  }

  /**
   * How a `flor` command is started, for a script in its folder's interpreter, and with which environment beside the
   * usual one; undefined if Flor is not there.
   */
  async flor(
    command: readonly string[],
    script?: vscode.Uri,
  ): Promise<{ command: string[]; env: Record<string, string> } | undefined> {
    if (this.python === undefined) return undefined
    const python = (await this.pythonOf(script?.toString())) ?? this.python
    return { command: [python, ...florArguments(command)], env: this.environment }
  }

  /** Run a `flor` command to its end. Throws its own message if it fails. */
  async runFlor(command: readonly string[]): Promise<void> {
    const started = await this.flor(command)
    if (!started) throw new Error(this.absence)
    const [file, ...given] = started.command
    const env = { ...process.env, ...started.env }
    await promisify(execFile)(file!, given, { env }).catch((error: Error & { stderr?: string }) => {
      throw new Error(error.stderr?.trim().replace(/^flor: /, '') || error.message)
    })
  }

  async stop(): Promise<void> {
    const client = this.client
    this.client = undefined
    await client?.dispose().catch(() => undefined)
  }

  dispose(): void {
    this.notified.dispose()
    this.ran.dispose()
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
