// What can be done with an experiment, a run or a name of the view in the side bar.

import fs from 'node:fs'
import path from 'node:path'
import * as vscode from 'vscode'
import { plural } from '../../panel/src/words'
import { compare } from './compare'
import { began, type Node } from './nodes'
import type { Panel } from './panel'
import type { Experiment } from './protocol'
import type { Server } from './server'

type Of<Kind extends Node['kind']> = Extract<Node, { kind: Kind }>
type OfRun = Of<'run'>

const FILTERS = { CSV: ['csv'], Excel: ['xlsx'], Parquet: ['parquet'], JSON: ['json'] }

export function actions(server: Server, panel: Panel): Record<string, (...given: never[]) => unknown> {
  return {
    'flor.experiment.open': (node: Of<'experiment'>) => panel.show(node.experiment.name),
    'flor.experiment.export': (node: Of<'experiment'>) => exportTable(server, panel, node.experiment.name),
    'flor.experiment.delete': (node: Of<'experiment'>) => remove(server, node.experiment.name, allRuns(node)),
    'flor.run.delete': (node: OfRun) => remove(server, `${node.experiment}/${node.run.id}`, runTitle(node)),
    'flor.run.restore': (node: OfRun) => restore(server, node),
    'flor.run.compare': (node: OfRun, chosen?: Node[]) => compareCode(server, node, chosen ?? []),
    'flor.name.reveal': ({ shadow, name }: Of<'name'>) => server.request('flor/reveal', { shadow, name }),
  }
}

function allRuns({ experiment: { name, runs } }: Of<'experiment'>): string {
  return `the experiment ${name} with its ${plural(runs.length, 'run')}`
}

function runTitle({ experiment, run }: OfRun): string {
  return `the run of ${experiment} of ${began(run)}`
}

async function exportTable(server: Server, panel: Panel, experiment: string): Promise<void> {
  const { handle } = await server.request<{ handle: number }>('flor/table', { experiment })
  try {
    const target = await panel.place(`${experiment}.csv`, FILTERS)
    if (!target) return
    const { rows, remarks = [] } = await server.request<{ rows: number; remarks?: string[] }>('flor/export', {
      handle,
      path: target.fsPath,
      sort: [],
      filter: [],
    })
    const written = `Wrote ${plural(rows, 'row')} to ${target.fsPath}.`
    void vscode.window.showInformationMessage([written, ...remarks].join(' '))
  } finally {
    await server.request('flor/closeTable', { handle })
  }
}

async function remove(server: Server, what: string, title: string): Promise<void> {
  const detail = 'What was recorded is deleted from the disk. This cannot be undone.'
  const chosen = await vscode.window.showWarningMessage(`Delete ${title}?`, { modal: true, detail }, 'Delete')
  if (chosen === 'Delete') await server.runFlor(['rm', '--yes', '--', what])
}

/** Write the code of a run into a new folder, where the user wants it. */
async function restore(server: Server, { experiment, run }: OfRun): Promise<void> {
  const [parent] =
    (await vscode.window.showOpenDialog({
      title: 'Restore the code of this run: where shall its folder be?',
      openLabel: 'Restore Here',
      canSelectFiles: false,
      canSelectFolders: true,
    })) ?? []
  if (!parent) return
  const folder = path.join(parent.fsPath, `${experiment}-${run.id}`)
  if (fs.existsSync(folder)) throw new Error(`${folder} is there already.`)
  await server.runFlor(['checkout', '--', `${experiment}/${run.id}`, folder])
  const said = `The code of this run is in ${folder}.`
  if ((await vscode.window.showInformationMessage(said, 'Open Folder')) === 'Open Folder') {
    const newWindow = { forceNewWindow: true }
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(folder), newWindow)
  }
}

/** Compare the code of two runs that are selected, or of one with another that the user chooses. */
async function compareCode(server: Server, node: OfRun, chosen: Node[]): Promise<void> {
  const runs = chosen.filter((own) => own.kind === 'run')
  if (runs.length > 2) throw new Error('Select two runs to compare.')
  const other =
    runs.find((own) => own.run.id !== node.run.id || own.experiment !== node.experiment) ??
    (await chooseOther(server, node))
  if (!other) return
  const [older, newer] = [node, other].sort((a, b) => a.run.start - b.run.start)
  await compare(server, older!, newer!)
}

async function chooseOther(server: Server, { experiment, run }: OfRun): Promise<OfRun | undefined> {
  const { experiments } = await server.request<{ experiments: Experiment[] }>('flor/experiments', {})
  const runs = experiments.find((own) => own.name === experiment)?.runs ?? []
  const items = runs
    .filter((own) => own.id !== run.id)
    .map((own) => ({ label: began(own), description: own.status, run: own }))
  if (!items.length) throw new Error(`${experiment} has no other run to compare with.`)
  const chosen = await vscode.window.showQuickPick(items, { title: 'Compare with the code of which run?' })
  return chosen && { kind: 'run', experiment, run: chosen.run }
}
