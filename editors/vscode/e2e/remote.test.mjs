// A remote window: files, interpreter, server and runs are on another machine, of which the window sees what the tunnel
// lets through; the tunnel breaks, and is mended.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launchVSCode, until } from './launch.mjs'
import { otherMachine } from './machine.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')
const vsix = process.env.VSIX ?? path.join(here, '../dist/flor.vsix')
const artifacts = path.join(here, 'artifacts/remote')
const far = 'far-away'
const script = `import socket
import time

for step in range(3):
    where = socket.gethostname() + str(step)
    time.sleep(0.01)
`

// A network of its own is for root to make.
const skip = process.getuid() !== 0 && 'it takes root'

test('a remote window', { timeout: 180_000, skip }, async () => {
  assert.notEqual(os.hostname(), far)
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'flor-')))
  const home = path.join(root, 'home')
  const folder = path.join(root, 'work')
  fs.mkdirSync(folder)
  fs.writeFileSync(path.join(folder, 'where.py'), script)
  const machine = otherMachine(far)
  let vs
  try {
    vs = await launchVSCode({
      folder,
      vsix,
      machine,
      settings: { 'flor.python': python, 'flor.home': home },
      artifacts,
    })
    const name = async (text, column) => {
      const line = script.slice(0, script.indexOf(text)).split('\n').length
      const at = script.split('\n')[line - 1].indexOf(text) + 1
      await vs.select(line, at, at + text.length)
      await vs.page.keyboard.press('Control+Alt+n')
      await vs.answerInputBox(column)
    }
    const cells = async (column) => {
      const frame = await vs.webviewFrame('flor.flor')
      const found = frame.locator(`.ag-row [col-id="${column}"]`)
      return (await found.allInnerTexts()).map((text) => text.trim())
    }
    const [remote, host] = await vs.api(async (v) => {
      const { hostname } = await import('node:os')
      return [v.env.remoteName, hostname()]
    })
    assert.ok(remote, 'VS Code takes it for a remote window')
    assert.equal(host, far)

    await vs.openFile('where.py')
    await vs.runCommand('Flor: Run with Flor')
    await until(() => fs.existsSync(path.join(home, 'where/runs')))
    await name('socket.gethostname()', 'host')
    await until(async () => (await cells('host')).join() === [far, far, far].join())

    vs.tunnel.cut()
    await sleep(3000)
    await vs.tunnel.mend()
    await name('socket.gethostname() + str(step)', 'place')
    await until(async () => (await cells('place')).join() === [0, 1, 2].map((n) => far + n).join(), {
      timeout: 60_000,
    })
    const frame = await vs.webviewFrame('flor.flor')
    await frame.locator('.ag-row [col-id="place"]').nth(1).click()
    await until(async () => (await vs.selection())[0] === 5)
    await vs.screenshot(path.join(artifacts, 'remote.png'))
  } catch (error) {
    await vs?.saveArtifacts()
    throw error
  } finally {
    const closed = await vs?.close()
    machine.close()
    fs.rmSync(root, { recursive: true, force: true })
    assert.deepEqual(closed?.lingering ?? [], [])
  }
})
