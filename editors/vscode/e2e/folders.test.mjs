// A workspace of several folders, each with its own interpreter, selected in the Python extension (a stand-in for it).

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

/** A virtual environment that has what another one has. */
function environment(folder) {
  execFileSync(python, ['-m', 'venv', '--without-pip', folder])
  const own = path.join(folder, 'bin/python')
  const sites = 'import sysconfig; print(sysconfig.get_path("purelib"))'
  const ask = (of) => execFileSync(of, ['-c', sites], { encoding: 'utf8' }).trim()
  const project = path.join(here, '../../..')
  fs.writeFileSync(path.join(ask(own), 'more.pth'), `${project}\n${ask(python)}\n`)
  return own
}

test('each folder has its interpreter', { timeout: 180_000 }, async () => {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'flor-')))
  const home = path.join(root, 'home')
  const names = ['first', 'second']
  const pythons = names.map((name) => environment(path.join(root, `env-${name}`)))
  for (const name of names) {
    fs.mkdirSync(path.join(root, name))
    fs.writeFileSync(
      path.join(root, name, `${name}.py`),
      `import sys\n\nprefix = sys.prefix + ""  # ${name}\n`,
    )
  }
  const workspace = path.join(root, 'both.code-workspace')
  fs.writeFileSync(workspace, JSON.stringify({ folders: names.map((name) => ({ path: name })) }))
  const vs = await launchVSCode({
    folder: workspace,
    vsix,
    extensions: [path.join(here, 'python')],
    settings: { 'flor.home': home },
    artifacts: path.join(here, 'artifacts/folders'),
    env: { FLOR_E2E_SELECTED: pythons[0] },
  })
  const servers = () =>
    vs
      .processes()
      .map((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'))
      .filter((words) => words.includes('flor_lsp'))
      .map(([command]) => command)
  const recorded = (name) => {
    const runs = path.join(home, name, 'runs')
    return fs.readdirSync(runs).map((run) => {
      const info = path.join(runs, run, 'run.json')
      return JSON.parse(fs.readFileSync(info, 'utf8'))
    })
  }
  try {
    await vs.openFile(path.join(root, 'first/first.py')) // Flor begins with the first Python file
    await until(() => servers().includes(pythons[0]))
    await vs.api(
      (v, folder, own) => v.commands.executeCommand('python.select', folder, own),
      path.join(root, 'second'),
      pythons[1],
    )
    for (const [i, name] of names.entries()) {
      await vs.openFile(path.join(root, name, `${name}.py`))
      await vs.runCommand('Flor: Run with Flor')
      await until(() => recorded(name).some(({ status }) => status === 'finished'))
      assert.equal(recorded(name).length, 1)
      assert.equal(path.dirname(recorded(name)[0].executable), path.dirname(pythons[i]))
    }
    assert.deepEqual(new Set(servers()), new Set([pythons[0]])) // the server's own is that of the first folder
    // another one selected for the first folder: the server is started anew
    await vs.api(
      (v, folder, own) => v.commands.executeCommand('python.select', folder, own),
      path.join(root, 'first'),
      pythons[1],
    )
    await until(() => servers().includes(pythons[1]) && !servers().includes(pythons[0]))
    await vs.openFile(path.join(root, 'first/first.py'))
    await vs.select(3, 10, 20)
    assert.ok((await vs.codeActions('Name this expression: "prefix"')).length)
    await vs.closeCodeActions()
  } catch (error) {
    await vs.saveArtifacts()
    throw error
  } finally {
    const { lingering } = await vs.close()
    fs.rmSync(root, { recursive: true, force: true })
    assert.deepEqual(lingering, [])
  }
})
