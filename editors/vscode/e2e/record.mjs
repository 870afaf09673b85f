// Records the animation of the README: `node e2e/record.mjs`, then `python e2e/animate.py` makes one file of its pictures.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launchVSCode } from './launch.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')
const iris = fs.readFileSync(path.join(here, '../../../examples/iris/iris.py'), 'utf8')
const frames = path.join(here, 'artifacts/frames')

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
const folder = path.join(root, 'iris')
fs.mkdirSync(folder)
fs.writeFileSync(path.join(folder, 'iris.py'), iris)
fs.rmSync(frames, { recursive: true, force: true })
fs.mkdirSync(frames, { recursive: true })

const vs = await launchVSCode({
  folder,
  vsix: path.join(here, '../dist/flor.vsix'),
  artifacts: path.join(here, 'artifacts/record'),
  settings: {
    'flor.python': python,
    'flor.home': path.join(root, 'home'),
    'workbench.colorTheme': 'Default Light Modern',
    'workbench.activityBar.location': 'hidden',
    'editor.fontSize': 15,
  },
})
let count = 0

/** A picture, and for how many milliseconds it is shown. */
async function frame(milliseconds) {
  await vs.page.screenshot({
    path: path.join(frames, `${String(count++).padStart(3, '0')}-${milliseconds}.png`),
  })
}

async function name(text, typed) {
  const at = iris.indexOf(text)
  const line = iris.slice(0, at).split('\n').length
  const column = at - iris.lastIndexOf('\n', at - 1)
  await vs.openFile('iris.py')
  await vs.select(line, column, column + text.length)
  await frame(900)
  await vs.page.keyboard.press('Control+Alt+n')
  const { value } = await vs.inputBox()
  await frame(typed === undefined ? 900 : 400)
  if (typed !== undefined)
    for (const [i, letter] of [...typed].entries()) {
      await vs.page.keyboard.type(letter)
      if (i % 2) await frame(120)
    }
  await vs.page.keyboard.press('Enter')
  const panel = await vs.webviewFrame('flor.flor')
  await panel.locator(`.ag-header-cell[col-id="${typed ?? value}"]`).waitFor()
  await panel
    .locator(`.ag-row [col-id="${typed ?? value}"]`)
    .nth(2)
    .waitFor()
  await frame(300)
  await sleep(1500) // the new column's mark has gone
  await frame(1400)
}

try {
  await vs.page.setViewportSize({ width: 960, height: 760 })
  await vs.openFile('iris.py')
  await vs.api((v) => v.commands.executeCommand('workbench.action.closeSidebar'))
  await vs.goTo(1, 1)
  await sleep(1000)
  await frame(1200)
  await vs.runCommand('Flor: Run with Flor')
  const panel = await vs.webviewFrame('flor.flor')
  await panel.getByText('Nothing is named in iris yet.').waitFor()
  await vs.api((v) => v.commands.executeCommand('notifications.clearAll'))
  await frame(1500)
  await name('clf.score(X_te, y_te)')
  await name('random.randint(1,100)', 'seed')
  await panel.getByRole('tab', { name: 'Plot' }).click()
  await panel.getByRole('img').first().waitFor()
  await sleep(500)
  await frame(2500)
} finally {
  await vs.close()
  fs.rmSync(root, { recursive: true, force: true })
}
console.log(`${count} pictures in ${frames}`)
