// The status bar: the experiment of the file that is before the user, and a job that goes on.

import path from 'node:path'
import * as vscode from 'vscode'
import { plural } from '../../panel/src/words'
import type { ActiveFile } from './editors'
import type { Experiment, Job } from './protocol'
import type { Server } from './server'

export class Status implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('flor', vscode.StatusBarAlignment.Left, 0)
  private readonly jobs = new Map<number, Job>()
  private readonly listening: vscode.Disposable[]
  private latest = 0

  constructor(
    private readonly server: Server,
    private readonly file: ActiveFile,
  ) {
    this.item.name = 'Flor'
    this.listening = [
      file.onChange(() => void this.show()),
      server.onRunning(() => {
        this.jobs.clear()
        void this.show()
      }),
      server.onNotification(({ method, params }) => {
        if (method === 'flor/jobsChanged') this.jobChanged((params as { job: Job }).job)
        if (method === 'flor/experimentsChanged') void this.show()
      }),
    ]
    void this.show()
  }

  private jobChanged(job: Job): void {
    if (job.state === 'running') this.jobs.set(job.id, job)
    else this.jobs.delete(job.id)
    void this.show()
  }

  private async show(): Promise<void> {
    const asked = ++this.latest
    const { uri } = this.file
    const [job] = [...this.jobs.values()].slice(-1)
    const experiment = uri && (await this.experiment(uri))
    if (asked !== this.latest) return
    if (job) this.say(`$(sync~spin) ${job.title}`, 'Flor is at work', 'flor.showTable')
    else if (!uri) this.item.hide()
    else if (experiment)
      this.say(
        `$(beaker) ${experiment.name}`,
        `Flor: ${plural(experiment.runs.length, 'run')} of ${path.basename(uri.fsPath)}. Click to open the table.`,
        'flor.showTable',
      )
    else
      this.say(
        '$(beaker) Run with Flor',
        `No run of ${path.basename(uri.fsPath)} yet. Click to run it with Flor.`,
        'flor.runFile',
      )
  }

  private say(text: string, tooltip: string, command: string): void {
    Object.assign(this.item, { text, tooltip, command })
    this.item.show()
  }

  private async experiment(uri: vscode.Uri): Promise<Experiment | undefined> {
    const asked = { uri: uri.toString() }
    const found = this.server.request<{ experiments: Experiment[] }>('flor/experiments', asked)
    return found.then(
      ({ experiments }) => experiments[0],
      () => undefined, // without a server there is none
    )
  }

  dispose(): void {
    this.item.dispose()
    for (const own of this.listening) own.dispose()
  }
}
