// Running scripts: by command, by code lens and from the side panel, each with what is remembered of the file.

import path from 'node:path'
import * as vscode from 'vscode'
import { activeDocument } from './editors'
import type { Panel } from './panel'
import type { Experiment, Names } from './protocol'
import { argumentsProblem, experimentProblem, words } from './scripts'
import type { Server } from './server'

interface Remembered {
  experiment?: string
  arguments: string // as they were typed
}

interface Run {
  uri: string
  experiment?: string
  arguments?: string[]
}

/** The experiment and the arguments that a script was last run with. */
export class Memory {
  constructor(private readonly state: vscode.Memento) {}

  of(uri: string): Remembered | undefined {
    return this.state.get<Remembered>(`run ${uri}`)
  }

  keep(uri: string, own: Remembered): Thenable<void> {
    return this.state.update(`run ${uri}`, own)
  }
}

/** Whoever asked for a run: what is open is saved, and what is remembered is filled in. Throws if nothing may be run. */
export async function prepared(memory: Memory, asked: Run): Promise<Run> {
  if (!vscode.workspace.isTrusted) throw new Error('This workspace is not trusted: nothing in it is run.')
  const uri = vscode.Uri.parse(asked.uri).toString()
  const open = vscode.workspace.textDocuments.find((own) => own.uri.toString() === uri)
  if (open?.isDirty && !open.isUntitled) await open.save()
  const known = memory.of(uri)
  if (!known) return asked
  return {
    arguments: words(known.arguments),
    ...(known.experiment ? { experiment: known.experiment } : {}),
    ...asked,
  }
}

/** The script that the user means: the active file, or the source of the shadow copy that is active. */
async function script(server: Server): Promise<vscode.Uri> {
  const { uri } = activeDocument()
  const { source } = await server.request<Names>('flor/names', { uri: uri.toString() })
  return source === null ? uri : vscode.Uri.parse(source)
}

export async function run(server: Server, panel: Panel, uri?: vscode.Uri): Promise<void> {
  const asked: Run = { uri: (uri ?? (await script(server))).toString() }
  await panel.show() // where it can be watched
  const { experiment } = await server.command<{ experiment: string }>('flor.run', asked)
  await panel.show(experiment)
}

/** Ask for an experiment and arguments, remember them, and run. */
export async function runWith(server: Server, panel: Panel, memory: Memory): Promise<void> {
  const uri = await script(server)
  const known = memory.of(uri.toString())
  const name = path.basename(uri.fsPath)
  const { experiments } = await server.request<{ experiments: Experiment[] }>('flor/experiments', {
    uri: uri.toString(),
  })
  const experiment = await vscode.window.showInputBox({
    title: `Run ${name} with Flor: experiment (1/2)`,
    prompt: 'The name under which its runs are kept',
    value: known?.experiment ?? experiments[0]?.name ?? path.parse(uri.fsPath).name,
    validateInput: experimentProblem,
  })
  if (experiment === undefined) return
  const given = await vscode.window.showInputBox({
    title: `Run ${name} with Flor: arguments (2/2)`,
    prompt: 'As in a terminal; they are remembered for this file',
    placeHolder: '--epochs 10',
    value: known?.arguments ?? '',
    validateInput: argumentsProblem,
  })
  if (given === undefined) return
  await memory.keep(uri.toString(), { experiment, arguments: given })
  await run(server, panel, uri)
}
