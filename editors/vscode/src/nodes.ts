// What the view of experiments has on its lines.

import * as vscode from 'vscode'
import { duration, plural } from '../../panel/src/words'
import type { Experiment, Logged, Range, Run } from './protocol'

export type Node =
  | { kind: 'group'; title: string; uri?: string; experiments: Experiment[] }
  | { kind: 'experiment'; experiment: Experiment; uri?: string }
  | { kind: 'name'; shadow: string; name: string; text: string }
  | { kind: 'logged'; uri: string; logged: Logged }
  | { kind: 'run'; experiment: string; run: Run }

const ICONS: Record<Run['status'], vscode.ThemeIcon> = {
  running: new vscode.ThemeIcon('sync~spin'),
  finished: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
  killed: new vscode.ThemeIcon('circle-slash', new vscode.ThemeColor('testing.iconFailed')),
}

export function itemOf(node: Node): vscode.TreeItem {
  switch (node.kind) {
    case 'group': {
      // Of the file that is before the user everything is open.
      const state = node.uri === undefined ? 'Collapsed' : 'Expanded'
      return own(new vscode.TreeItem(node.title, vscode.TreeItemCollapsibleState[state]), {
        id: `group ${node.title}`,
        contextValue: 'group',
      })
    }
    case 'experiment': {
      const { name, runs } = node.experiment
      const state = node.uri === undefined ? 'Collapsed' : 'Expanded'
      return own(new vscode.TreeItem(name, vscode.TreeItemCollapsibleState[state]), {
        id: `experiment ${node.uri ?? ''} ${name}`,
        description: plural(runs.length, 'run'),
        iconPath: new vscode.ThemeIcon('beaker'),
        contextValue: 'experiment',
      })
    }
    case 'name':
      return own(new vscode.TreeItem(node.name), {
        description: node.text.replaceAll(/\s+/g, ' '),
        tooltip: `${node.text}\n\nClick to see it in the code.`,
        iconPath: new vscode.ThemeIcon('symbol-field'),
        contextValue: 'name',
        command: { command: 'flor.name.reveal', title: 'Show in Code', arguments: [node] },
      })
    case 'logged': {
      const { name, typ, text, source } = node.logged
      return own(new vscode.TreeItem(name), {
        description: text.replaceAll(/\s+/g, ' '),
        tooltip: `${text}\n\nThe program logs it (${typ}).${source ? ' Click to see it in the code.' : ''}`,
        iconPath: new vscode.ThemeIcon('output'),
        contextValue: 'logged',
        ...(source ? { command: show(node.uri, source) } : {}),
      })
    }
    case 'run': {
      const { id, status, exception } = node.run
      return own(new vscode.TreeItem(began(node.run)), {
        id: `run ${node.experiment} ${id}`,
        description: exception ?? [status, ...(node.run.end === null ? [] : [duration(node.run)])].join(', '),
        tooltip: tooltip(node.run),
        iconPath: ICONS[status],
        contextValue: 'run',
      })
    }
  }
}

function show(uri: string, { start, end }: Range): vscode.Command {
  const selection = new vscode.Range(start.line, start.character, end.line, end.character)
  return { command: 'vscode.open', title: 'Show in Code', arguments: [vscode.Uri.parse(uri), { selection }] }
}

/** What a screen reader says is what can be read: label and description. */
function own(item: vscode.TreeItem, more: Partial<vscode.TreeItem>): vscode.TreeItem {
  Object.assign(item, more)
  const label = [item.label, item.description].filter(Boolean).join(', ')
  item.accessibilityInformation = { label }
  return item
}

export function began({ start }: Run): string {
  const moment = new Date(start * 1000)
  const day = moment.toLocaleDateString(undefined, { month: 'short', day: 'numeric' })
  return `${day}, ${moment.toLocaleTimeString()}`
}

function tooltip(run: Run): string {
  const lines = [`Run ${run.id}`, run.status]
  if (run.end !== null) lines.push(`lasted ${duration(run)}`)
  if (run.exitCode !== null) lines.push(`exit code ${run.exitCode}`)
  if (run.exception !== null) lines.push(run.exception)
  return lines.join('\n')
}
