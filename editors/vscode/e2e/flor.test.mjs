// Flor in a real VS Code, as a user has it: the packaged extension, a real server, real runs.
//
//   PYTHON   an interpreter that has Flor and scikit-learn; default ../../.venv/bin/python
//   VSIX     the packaged extension; default dist/flor.vsix

import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launchVSCode, until } from './launch.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = process.env.PYTHON ?? path.join(here, '../../../.venv/bin/python')
const vsix = process.env.VSIX ?? path.join(here, '../dist/flor.vsix')
const artifacts = path.join(here, 'artifacts')
const iris = fs.readFileSync(path.join(here, '../../../examples/iris/iris.py'), 'utf8')

let folder, home, vs

const file = (name) => path.join(folder, name)

before(async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-'))
  folder = path.join(root, 'work')
  home = path.join(root, 'home')
  fs.mkdirSync(folder)
  fs.writeFileSync(file('iris.py'), iris)
  fs.writeFileSync(file('fails.py'), 'for step in range(3):\n    loss = 1 / (2 - step)\n')
  fs.writeFileSync(
    file('long.py'),
    'import time\nfor step in range(10_000):\n    loss = step / 2\n    time.sleep(0.05)\n',
  )
  fs.writeFileSync(file('much.py'), 'for step in range(1_000_000):\n    half = step * 0.5\n')
  fs.writeFileSync(
    file('much_h.py'),
    `#${file('much.py')}\nfor step in range(1_000_000):\n    half = GET("half", step * 0.5)\n`,
  )
  fs.writeFileSync(
    file('args.py'),
    'import sys\n\nwith open("said.txt", "w") as file:\n    file.write("|".join(sys.argv[1:]))\n',
  )
  vs = await launchVSCode({
    folder,
    vsix,
    artifacts,
    settings: { 'flor.python': python, 'flor.home': home },
  })
})

after(async () => {
  const closed = await vs?.close()
  fs.rmSync(path.dirname(folder), { recursive: true, force: true })
  assert.deepEqual(closed?.lingering, [])
})

/** A step whose failure leaves a picture. */
function step(name, act) {
  test(name, { timeout: 180_000 }, async () => {
    try {
      await act()
    } catch (error) {
      await vs.saveArtifacts(name.replaceAll(/\W+/g, '-'))
      throw error
    }
  })
}

const panel = () => vs.webviewFrame('flor.flor')

/** Select an expression of iris.py, of which there is one. */
async function select(text, nth = 0) {
  let at = -1
  for (let i = 0; i <= nth; i++) at = iris.indexOf(text, at + 1)
  const line = iris.slice(0, at).split('\n').length
  const column = at - iris.lastIndexOf('\n', at - 1)
  await vs.select(line, column, column + text.length)
}

async function columns(frame) {
  const found = await frame.locator('.ag-header-cell').all()
  return Promise.all(found.map((header) => header.getAttribute('col-id')))
}

async function cells(frame, column) {
  const found = frame.locator(`.ag-row [col-id="${column}"]`)
  return (await found.allInnerTexts()).map((text) => text.trim())
}

/** How many places are underlined in the editor. */
const underlines = () =>
  vs.page.evaluate(
    () =>
      [...document.querySelectorAll('.view-overlays .cdr')].filter(
        (own) => getComputedStyle(own).borderBottomStyle === 'dotted',
      ).length,
  )

const status = () => vs.page.locator('[id="flor.flor.flor"]')

const treeItem = (name) => vs.page.getByRole('tree', { name: /Experiments/ }).getByRole('treeitem', { name })

/** Choose an entry of the context menu of a line in the view of experiments. */
async function treeAction(item, title) {
  const entry = vs.page.locator('.monaco-menu .action-label', { hasText: title })
  await item.click({ button: 'right' })
  // The menu takes no clicks until the mouse has moved.
  await until(async () => {
    if (await entry.isVisible()) await entry.click()
    return !(await entry.isVisible())
  })
}

const imageOf = (name) => path.join(artifacts, `${name}.png`)

const theme = (name) =>
  vs.api((v, name) => v.workspace.getConfiguration('workbench').update('colorTheme', name, true), name)

/** Pictures of the three steps that a user takes first. */
async function firstSteps(kind) {
  const editor = await vs.page.locator('.part.editor').boundingBox()
  const view = await vs.page.locator('.part.panel').boundingBox()
  await vs.goTo(1, 1)
  await vs.page.screenshot({ path: imageOf(`run-${kind}`), clip: editor })
  await vs.page.screenshot({ path: imageOf(`panel-${kind}`), clip: view })
  await select('svm.SVC(gamma=g, C=100.0)')
  await vs.page.keyboard.press('Control+Alt+n')
  await vs.inputBox()
  await vs.page.screenshot({ path: imageOf(`name-${kind}`), clip: editor })
  await vs.page.keyboard.press('Escape')
}

step('an empty panel says what to do next', async () => {
  await vs.openFile('iris.py')
  await vs.runCommand('Flor: Open Table')
  const frame = await panel()
  await frame.getByText('No run of iris.py yet.').waitFor()
  await vs.screenshot(imageOf('empty'))
})

step('Run with Flor', async () => {
  await vs.openFile('iris.py')
  await vs.runCommand('Flor: Run with Flor')
  const frame = await panel()
  await frame.getByText('Nothing is named in iris yet.').waitFor({ timeout: 60_000 })
  await status().getByText('iris').waitFor()
})

step('five expressions are named, by key and by menu', async () => {
  // "score" by its key, with the name that is suggested
  await vs.openFile('iris.py')
  await select('clf.score(X_te, y_te)')
  await vs.page.keyboard.press('Control+Alt+n')
  assert.equal((await vs.inputBox()).value, 'score')
  await vs.answerInputBox('', { accept: false })
  await until(async () => (await vs.inputBox()).message.includes('A name needs a character'))
  await vs.answerInputBox('score')
  const frame = await panel()
  await frame.locator('.ag-header-cell[col-id="score"]').waitFor({ timeout: 60_000 })
  // the others by the lightbulb's menu
  for (const [text, name, nth] of [
    ['0.15', 'test_size'],
    ['random.randint(1,100)', 'random_state'],
    ['g', 'gamma', iris.slice(0, iris.indexOf('gamma=g')).split('g').length - 1 + 1],
    ['100.0', 'C'],
  ]) {
    await vs.openFile('iris.py')
    await select(text, nth ?? 0)
    const title = (await vs.codeActions(/^Name this expression: /)).find((own) =>
      own.startsWith('Name this expression: '),
    )
    await vs.pickCodeAction(title)
    await vs.answerInputBox(name)
    await frame.locator(`.ag-header-cell[col-id="${name}"]`).waitFor({ timeout: 60_000 })
  }
  assert.equal(fs.readFileSync(file('iris.py'), 'utf8'), iris)
  await until(() => fs.readFileSync(file('iris_h.py'), 'utf8').includes('C=GET("C", 100.0)')) // it is saved
  assert.match(fs.readFileSync(file('iris_h.py'), 'utf8'), /score = GET\("score", clf\.score\(X_te, y_te\)\)/)
})

step('five columns and three rows; sort and filter', async () => {
  const frame = await panel()
  await until(async () => (await cells(frame, 'gamma')).length === 3)
  const shown = await columns(frame)
  for (const name of ['score', 'test_size', 'random_state', 'gamma', 'C'])
    assert.ok(shown.includes(name), `${shown}`)
  assert.deepEqual(await cells(frame, 'gamma'), ['0.100', '0.010', '0.001'])
  assert.deepEqual(await cells(frame, 'test_size'), ['0.15', '0.15', '0.15'])
  await vs.screenshot(imageOf('table-light'))
  await frame.locator('.ag-header-cell[col-id="gamma"] .ag-header-cell-label').click()
  await until(async () => (await cells(frame, 'gamma'))[0] === '0.001')
  await frame.locator('.ag-header-cell[col-id="gamma"] .ag-header-cell-filter-button').click()
  await frame.getByPlaceholder('Filter...').first().fill('0.01')
  await until(async () => (await cells(frame, 'gamma')).join() === '0.010')
  await frame.getByRole('button', { name: 'Reset' }).click()
  await until(async () => (await cells(frame, 'gamma')).length === 3)
  await vs.page.keyboard.press('Escape') // closes the filter
})

step('light and dark', async () => {
  const frame = await panel()
  const isDark = () => frame.evaluate(() => document.body.classList.contains('vscode-dark'))
  await theme('Default Dark Modern')
  await until(isDark)
  await vs.screenshot(imageOf('table-dark'))
  await vs.api((v) => v.commands.executeCommand('workbench.action.closeSidebar'))
  await vs.page.setViewportSize({ width: 860, height: 720 })
  await firstSteps('dark')
  await theme('Default High Contrast')
  await until(() => frame.evaluate(() => document.body.classList.contains('vscode-high-contrast')))
  await vs.screenshot(imageOf('high-contrast'))
  await theme('Default Light Modern')
  await until(async () => !(await isDark()))
  await firstSteps('light')
  await vs.page.setViewportSize({ width: 1400, height: 900 })
})

step('a plot, and SQL', async () => {
  const frame = await panel()
  await frame.getByRole('tab', { name: 'Plot' }).click()
  await frame.getByRole('img').first().waitFor()
  await vs.runCommand('Flor: SQL Query')
  await frame.getByLabel('SQL query').fill('select max(score) as best, count(*) as n from iris')
  await frame.getByRole('button', { name: 'Run' }).click()
  await until(async () => (await cells(frame, 'n')).join() === '3')
  await frame.getByRole('tab', { name: 'Table' }).click()
})

step('named expressions are underlined in the source', async () => {
  await vs.openFile('iris.py')
  await until(async () => (await underlines()) === 5)
})

step('experiments, runs and names stand in the side bar', async () => {
  await vs.openFile('iris.py')
  await vs.runCommand('Flor: Focus on Experiments View')
  await treeItem('iris.py').waitFor()
  await treeItem('iris, 1 run').waitFor()
  await treeItem(/^score/).click()
  const line = iris.slice(0, iris.indexOf('clf.score')).split('\n').length
  await until(async () => (await vs.selection()).slice(0, 2).join() === `${line},13`)
  await vs.screenshot(imageOf('experiments'))
})

step('a table is exported from the side bar', async () => {
  await treeAction(treeItem('iris, 1 run'), 'Export Table')
  await until(async () => (await vs.inputBox()).value.endsWith('/iris.csv')) // beside the script
  await vs.page.keyboard.press('Enter')
  await vs.waitForNotification('Wrote 3 rows to')
  const [head, ...rows] = fs.readFileSync(file('iris.csv'), 'utf8').trim().split('\n')
  for (const name of ['score', 'test_size', 'random_state', 'gamma', 'C'])
    assert.ok(head.includes(name), head)
  assert.equal(rows.length, 3)
})

step('a click on a cell goes to the code', async () => {
  await vs.openFile('fails.py')
  await vs.openFile('iris.py')
  await vs.goTo(1, 1)
  const frame = await panel()
  await frame.locator('.ag-row [col-id="score"]').first().click()
  const line = iris.slice(0, iris.indexOf('clf.score')).split('\n').length
  await until(async () => (await vs.selection()).slice(0, 2).join() === `${line},13`)
})

step('source and shadow copy side by side', async () => {
  await vs.openFile('iris.py')
  await vs.runCommand('Flor: Open Shadow Copy')
  await until(() => vs.api((v) => v.window.visibleTextEditors.length === 2))
  await vs.page.locator('.monaco-editor', { hasText: 'GET("score"' }).first().waitFor()
  await vs.screenshot(imageOf('side-by-side'))
  await vs.api((v) => v.commands.executeCommand('workbench.action.closeEditorsInOtherGroups'))
})

step('undo takes a name out again', async () => {
  await vs.openFile('iris_h.py')
  const before = await vs.editorText()
  await vs.page.keyboard.press('Control+z')
  await until(async () => !(await vs.editorText()).includes('GET("C"'))
  await vs.page.keyboard.press('Control+y')
  await until(async () => (await vs.editorText()) === before)
  await vs.saveAll()
})

step('experiment and arguments are asked, and remembered', async () => {
  const said = () => fs.readFileSync(file('said.txt'), 'utf8')
  await vs.openFile('args.py')
  await vs.runCommand('Flor: Run with Flor: Experiment and Arguments…')
  assert.equal((await vs.inputBox()).value, 'args')
  await vs.answerInputBox('words')
  await vs.answerInputBox('one "two three', { accept: false })
  await until(async () => (await vs.inputBox()).message.includes('A quote is open'))
  await vs.answerInputBox('one "two three"')
  await until(() => said() === 'one|two three')
  await status().getByText('words').waitFor()
  fs.rmSync(file('said.txt'))
  fs.appendFileSync(file('args.py'), 'print("again")\n')
  await until(async () => (await vs.editorText()).includes('again'))
  await vs.runCommand('Flor: Run with Flor')
  await until(() => said() === 'one|two three')
  await treeItem('words, 2 runs').waitFor()
})

step('as a task, which is offered, and one of tasks.json', async () => {
  const run = (name) =>
    vs.api(async (v, name) => {
      const task = (await v.tasks.fetchTasks({ type: 'flor' })).find((own) => own.name === name)
      const ended = new Promise((resolve) => v.tasks.onDidEndTaskProcess((e) => resolve(e.exitCode)))
      await v.tasks.executeTask(task)
      return ended
    }, name)
  const said = () => fs.readFileSync(file('said.txt'), 'utf8')
  fs.rmSync(file('said.txt'))
  assert.equal(await run('Run args.py'), 0)
  assert.equal(said(), 'one|two three')
  await treeItem('words, 3 runs').waitFor()
  const own = { label: 'own', type: 'flor', script: '${workspaceFolder}/args.py', experiment: 'words' }
  fs.mkdirSync(file('.vscode'))
  fs.writeFileSync(
    file('.vscode/tasks.json'),
    JSON.stringify({ version: '2.0.0', tasks: [{ ...own, arguments: ['four five'] }] }),
  )
  await until(() =>
    vs.api(async (v) => (await v.tasks.fetchTasks({ type: 'flor' })).some((t) => t.name === 'own')),
  )
  assert.equal(await run('own'), 0)
  assert.equal(said(), 'four five')
  await treeItem('words, 4 runs').waitFor()
})

step('the code of two runs is compared, and restored; a run is deleted', async () => {
  const first = vs.page.locator('[role="treeitem"][aria-level="3"][aria-posinset="4"]')
  await treeAction(first, 'Compare Code')
  await vs.page.locator('.quick-input-widget:visible .monaco-list-row').last().click()
  await until(() => vs.api((v) => v.window.tabGroups.activeTabGroup.activeTab.label.includes('args.py')))
  await vs.page.locator('.monaco-diff-editor', { hasText: 'again' }).waitFor()
  await vs.screenshot(imageOf('compare'))
  await vs.api((v) => v.commands.executeCommand('workbench.action.closeActiveEditor'))
  await treeAction(first, 'Restore Code')
  await vs.inputBox()
  await vs.answerInputBox(`${folder}/`)
  await vs.waitForNotification('The code of this run is in')
  const [restored] = fs.readdirSync(folder).filter((name) => name.startsWith('words-'))
  const code = fs.readdirSync(file(restored), { recursive: true }).find((name) => name.endsWith('args.py'))
  assert.ok(!fs.readFileSync(path.join(folder, restored, code), 'utf8').includes('again'))
  await treeAction(first, 'Delete Run')
  await vs.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await treeItem('words, 3 runs').waitFor()
  assert.equal(fs.readdirSync(path.join(home, 'words', 'runs')).length, 3)
})

step('a run that fails', async () => {
  await vs.openFile('fails.py')
  await vs.runCommand('Flor: Run with Flor')
  await vs.waitForNotification('fails.py ended with exit code 1')
  const frame = await panel()
  await frame.getByText('✗ 1 failed').waitFor()
  await frame.getByRole('tab', { name: 'Runs' }).click()
  await frame.getByText('ZeroDivisionError').first().waitFor()
  await vs.screenshot(imageOf('failed'))
  await frame.getByRole('tab', { name: 'Table' }).click()
})

step('a long run is watched, and cancelled', async () => {
  await vs.openFile('long.py')
  await vs.api((v) => void v.commands.executeCommand('flor.runFile'))
  await vs.api((v) => v.commands.executeCommand('notifications.clearAll')) // they hide the button
  const frame = await panel()
  await frame.getByText('◌ 1 running').waitFor({ timeout: 60_000 })
  await frame.getByRole('button', { name: 'Cancel: Run long.py' }).click()
  await frame.getByText('◌ 1 running').waitFor({ state: 'detached', timeout: 60_000 })
})

step('the server is killed: it comes back, and so does the table', async () => {
  await vs.openFile('iris.py')
  const frame = await panel()
  await until(async () => (await cells(frame, 'gamma')).length === 3)
  const servers = () =>
    vs.processes().filter((pid) => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('flor_lsp\0--stdio')
      } catch {
        return false
      }
    })
  const [old] = servers()
  process.kill(old, 'SIGKILL')
  await until(() => servers().length === 1 && servers()[0] !== old)
  await frame.locator('.ag-header-cell[col-id="gamma"] .ag-header-cell-label').click()
  await until(async () => (await cells(frame, 'gamma')).length === 3)
  await vs.openFile('iris.py')
  await select('svm.SVC(gamma=g, C=100.0)')
  await vs.codeActions('Name this expression: "clf"')
  await vs.closeCodeActions()
})

step('a table of a million rows', async () => {
  await vs.openFile('much.py')
  await vs.runCommand('Flor: Run with Flor')
  const frame = await panel()
  await frame.getByText('Nothing is named in much yet.').waitFor({ timeout: 120_000 })
  await vs.openFile('much_h.py')
  await vs.runCommand('Flor: Refresh Table')
  await frame.getByText('1,000,000 rows').waitFor({ timeout: 120_000 })
  await until(
    async () => (await cells(frame, 'half')).includes('0.5') || (await cells(frame, 'half')).includes('0.50'),
  )
})
