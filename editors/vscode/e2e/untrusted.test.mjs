// A workspace that is not trusted: nothing of it is started, and what runs have left can be read.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { launchVSCode } from './launch.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')
const vsix = process.env.VSIX ?? path.join(here, '../dist/flor.vsix')

test('reads, and never runs', { timeout: 120_000 }, async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
  const folder = path.join(root, 'work')
  const home = path.join(root, 'home')
  const mark = path.join(root, 'started')
  // An interpreter of the workspace, in its settings and first on the PATH. It leaves a mark when it is started.
  const own = path.join(folder, 'bin')
  fs.mkdirSync(own, { recursive: true })
  for (const name of ['python3', 'python'])
    fs.writeFileSync(path.join(own, name), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  fs.mkdirSync(path.join(folder, '.vscode'))
  const settings = { 'flor.python': path.join(own, 'python'), 'flor.home': folder }
  fs.writeFileSync(path.join(folder, '.vscode/settings.json'), JSON.stringify(settings))
  fs.writeFileSync(path.join(folder, 'count.py'), 'for step in range(3):\n    half = step / 2\n')
  execFileSync(python, ['-m', 'flor', 'python', 'count.py', 'count'], {
    cwd: folder,
    env: { ...process.env, FLOR_HOME: home },
  })
  const vs = await launchVSCode({
    folder,
    vsix,
    trusted: false,
    artifacts: path.join(here, 'artifacts', 'untrusted'),
    env: { FLOR_HOME: home, PATH: [own, path.dirname(python), process.env.PATH].join(path.delimiter) },
  })
  try {
    assert.equal(await vs.api((v) => v.workspace.isTrusted), false)
    await vs.openFile('count.py')
    await vs.runCommand('Flor: Open Table')
    const frame = await vs.webviewFrame({ extensionId: 'flor.flor' })
    await frame.getByText('Nothing is named in count yet.').waitFor() // the server has read the run
    await vs.api((v) => v.commands.executeCommand('flor.runFile'))
    await vs.waitForNotification('This workspace is not trusted: nothing in it is run.')
    assert.equal(fs.readdirSync(path.join(home, 'count/runs')).length, 1)
    assert.equal(fs.existsSync(mark), false)
  } catch (error) {
    await vs.saveArtifacts()
    throw error
  } finally {
    await vs.close()
    fs.rmSync(root, { recursive: true, force: true })
  }
})
