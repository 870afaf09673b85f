// A workspace that is not trusted: nothing of it is started, and what runs have left can be read.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launchVSCode, until } from './launch.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')
const vsix = process.env.VSIX ?? path.join(here, '../dist/flor.vsix')

test('reads, and never runs', { timeout: 180_000 }, async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
  const [folder, home] = [path.join(root, 'work'), path.join(root, 'home')]
  fs.mkdirSync(path.join(folder, '.vscode'), { recursive: true })
  const script = path.join(folder, 'count.py')
  fs.writeFileSync(script, 'for step in range(3):\n    half = step / 2\n')
  execFileSync(python, ['-m', 'flor', 'python', script, 'count'], {
    env: { ...process.env, FLOR_HOME: home },
  })
  // An interpreter of the workspace, which leaves a mark when it is started: in its settings, and on the PATH.
  const own = path.join(folder, 'bin')
  const mark = path.join(root, 'started')
  fs.mkdirSync(own)
  for (const name of ['python3', 'python'])
    fs.writeFileSync(path.join(own, name), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  fs.writeFileSync(
    path.join(folder, '.vscode/settings.json'),
    JSON.stringify({ 'flor.python': path.join(own, 'python'), 'flor.home': folder }),
  )
  const vs = await launchVSCode({
    folder,
    vsix,
    trusted: false,
    settings: { 'flor.home': home },
    artifacts: path.join(here, 'artifacts/untrusted'),
    env: { PATH: [own, path.dirname(python), process.env.PATH].join(path.delimiter) },
  })
  try {
    await vs.openFile('count.py')
    await vs.page.locator('[id="flor.flor.flor"]').getByText('count').waitFor() // the server has read the run
    assert.equal(await vs.api((v) => v.workspace.isTrusted), false)
    await vs.runCommand('Flor: Open Table')
    await (await vs.webviewFrame('flor.flor')).getByText('Nothing is named in count yet.').waitFor()
    // that it is refused is no reason for a run
    await vs.api((v) => v.commands.executeCommand('flor.runFile'))
    await vs.waitForNotification('This workspace is not trusted: nothing in it is run.')
    const runs = () => fs.readdirSync(path.join(home, 'count/runs')).length
    assert.equal(runs(), 1)
    assert.equal(fs.existsSync(mark), false)
    // once it is trusted its interpreter is taken
    await vs.runCommand('Workspaces: Manage Workspace Trust')
    await vs.page.getByRole('button', { name: 'Trust', exact: true }).first().click()
    await until(() => fs.existsSync(mark))
  } catch (error) {
    await vs.saveArtifacts()
    throw error
  } finally {
    await vs.close()
    fs.rmSync(root, { recursive: true, force: true })
  }
})
