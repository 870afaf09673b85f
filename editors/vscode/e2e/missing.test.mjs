// An interpreter that has no Flor: the extension offers to install it, and says exactly what it will run.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { execFileSync } from 'node:child_process'
import { launchVSCode, until } from './launch.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const vsix = process.env.VSIX ?? path.join(here, '../dist/flor.vsix')
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')

test(
  'what will be run is said, and a server starts when another interpreter is set',
  { timeout: 120_000 },
  async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
    const folder = path.join(root, 'work')
    fs.mkdirSync(folder)
    fs.writeFileSync(path.join(folder, 'script.py'), 'for i in range(3):\n    x = i * 2\n')
    const empty = path.join(root, 'empty', 'bin', 'python')
    execFileSync(python, ['-m', 'venv', '--without-pip', path.join(root, 'empty')])
    const artifacts = path.join(here, 'artifacts', 'missing')
    const settings = { 'flor.python': empty, 'flor.home': path.join(root, 'home') }
    const vs = await launchVSCode({ folder, vsix, artifacts, settings })
    try {
      await vs.openFile('script.py')
      const { text, buttons } = await vs.waitForNotification('Flor is not installed')
      assert.equal(
        text,
        `Flor is not installed in ${empty}. Install it? This runs: ${empty} -m pip install flor-lsp`,
      )
      assert.deepEqual(buttons, ['Install', 'Not Now'])
      await vs.screenshot(path.join(here, 'artifacts', 'missing.png'))
      await vs.page.getByRole('button', { name: 'Not Now' }).click()
      // whoever asks for something is offered it again; this interpreter has no pip, so it fails
      await vs.runCommand('Flor: Run with Flor')
      await vs.page.getByRole('button', { name: 'Install', exact: true }).click()
      await vs.waitForNotification(`${empty} -m pip install flor-lsp ended with exit code 1.`)
      await vs.api(
        (v, path) => v.workspace.getConfiguration('flor').update('python', path, true),
        '/no/such/python',
      )
      await vs.waitForNotification('Flor cannot start /no/such/python')
      await vs.api((v, path) => v.workspace.getConfiguration('flor').update('python', path, true), python)
      await vs.openFile('script.py')
      await vs.select(2, 9, 14)
      assert.ok((await vs.codeActions('Name this expression: "x"')).length)
      await vs.closeCodeActions()
      await until(() =>
        vs.processes().some((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('flor_lsp')),
      )
    } catch (error) {
      await vs.saveArtifacts()
      throw error
    } finally {
      const { lingering } = await vs.close()
      fs.rmSync(root, { recursive: true, force: true })
      assert.deepEqual(lingering, [])
    }
  },
)
