// The page in a real browser, served by a real `flor ui`, with real runs behind it. Screenshots go to screenshots/.

import AxeBuilder from 'axe-core'
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { launch, PYTHON, run, serve } from './browser.mjs'

const SCRIPT = `\
import sys
import numpy as np
for rate in (0.1, 0.01, 0.001):
    for step in range(40):
        loss = rate * 100 / (step + 1)
        note = None if step % 2 else ""
        grid = np.outer(np.arange(6), np.arange(8)) * rate
        line = "a text that is rather long " * step
        assert "fail" not in sys.argv or step < 20, "this rate does not converge"
`
const ARRAYS = `\
import numpy as np
for size in (40, 600):
    image = np.outer(np.arange(size), np.arange(size * 2)) / 8
    cube = np.ones((3, 4, size, size), np.uint8)
    line = np.arange(size * 30.0)
    holes = np.where(np.arange(6) % 2, np.nan, 1.5)
    words = np.full((size, 20), "word")
`
const NAMES = {
  'rate * 100 / (step + 1)': 'loss',
  'None if step % 2 else ""': 'note',
  'np.outer(np.arange(6), np.arange(8)) * rate': 'a_name_that_is_longer_than_anybody_would_like_it_to_be',
}
const SHOTS = new URL('../screenshots/', import.meta.url).pathname

let folder, home, server, browser

function shadow(names) {
  let text = SCRIPT
  for (const [expression, name] of Object.entries(names))
    text = text.replace(expression, `GET("${name}", ${expression})`)
  fs.writeFileSync(path.join(folder, 'train_h.py'), `#${folder}/train.py\n${text}`)
}

const flor = (...words) => run(folder, home, PYTHON, '-m', 'flor', ...words)

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-panel-'))
  home = path.join(folder, 'home')
  fs.mkdirSync(SHOTS, { recursive: true })
  fs.writeFileSync(path.join(folder, 'train.py'), SCRIPT)
  await flor('python', 'train.py', 'train')
  await flor('python', 'train.py', 'train', 'fail').catch(() => undefined)
  shadow(NAMES)
  await flor('etl', 'train', 'train_h.py')
  await flor('python', 'train.py', 'unnamed')
  fs.writeFileSync(
    path.join(folder, 'logs.py'),
    'import flor\nfor i in range(2):\n    flor.log("cost", i / 2)\n',
  )
  await flor('python', 'logs.py', 'logging')
  fs.writeFileSync(path.join(folder, 'arrays.py'), ARRAYS)
  await flor('python', 'arrays.py', 'arrays')
  const named = ARRAYS.replaceAll(/^    (\w+) = (.*)$/gm, '    $1 = GET("$1", $2)')
  fs.writeFileSync(path.join(folder, 'arrays_h.py'), `#${folder}/arrays.py\n${named}`)
  await flor('etl', 'arrays', 'arrays_h.py')
  fs.writeFileSync(path.join(folder, 'old.py'), 'for i in range(3):\n    half = i / 2\n')
  await flor('python', 'old.py', 'old')
  fs.writeFileSync(
    path.join(folder, 'old_h.py'),
    `#${folder}/old.py\nfor i in range(3):\n    half = GET("half", i / 2)\n`,
  )
  await flor('etl', 'old', 'old_h.py')
  await flor('python', 'old.py', 'old')
  server = await serve(home, 'train')
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await server?.end()
  fs.rmSync(folder, { recursive: true })
})

/** A page on the table of `train`, which is there. What its console says is an error. */
async function open(t, { theme = 'light', width = 900, height = 560, experiment } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  const errors = []
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  t.after(async () => {
    await context.close()
    assert.deepEqual(errors, [])
  })
  await page.goto(
    `${experiment ? server.url.replace('experiment=train', `experiment=${experiment}`) : server.url}&theme=${theme}`,
  )
  if (!experiment) await cell(page, 'loss', 0).filter({ hasText: '.' }).waitFor()
  return page
}

const cell = (page, column, row) => page.locator(`.ag-row[row-index="${row}"] [col-id="${column}"]`)
const header = (page, column) => page.locator(`.ag-header-cell[col-id="${column}"]`)
const tab = (page, name) => page.getByRole('tab', { name }).click()

/** What the first `count` rows show; a cell is there before its value, and none is empty for good. */
async function texts(page, column, count) {
  const found = []
  for (let row = 0; row < count; row++) {
    const filled = cell(page, column, row).filter({ hasText: /\S/ })
    found.push((await filled.innerText()).trim())
  }
  return found
}

test('a table: values, NULL, empty text, arrays; sort, filter, hide, pin', async (t) => {
  const page = await open(t)
  assert.equal(await page.locator('.count').innerText(), '141 rows')
  assert.deepEqual(await texts(page, 'loss', 3), ['10.00000', '5.00000', '3.33333'])
  assert.deepEqual(await texts(page, 'note', 2), ["''", 'NULL'])
  assert.match(await cell(page, NAMES['np.outer(np.arange(6), np.arange(8)) * rate'], 0).innerText(), /6 × 8/)
  assert.ok(!page.url().includes('token'))
  await page.screenshot({ path: `${SHOTS}table-light.png` })

  await header(page, 'loss').locator('.ag-header-cell-label').click()
  await page.waitForFunction(() =>
    document.querySelector('.ag-row[row-index="0"] [col-id="loss"]')?.textContent?.startsWith('0.00'),
  )
  await header(page, 'loss').locator('.ag-header-cell-filter-button').click()
  await page.getByRole('spinbutton').or(page.getByPlaceholder('Filter...')).first().fill('10')
  await page.waitForFunction(() => document.querySelector('.count')?.textContent?.includes('of'))
  assert.match(await page.locator('.count').innerText(), /^\d+ of 141 rows$/)
  await page.keyboard.press('Escape')

  await page.getByText('Columns', { exact: true }).click()
  await page.getByRole('checkbox', { name: 'note' }).uncheck()
  await header(page, 'note').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Pin loss' }).click()
  await page.locator('.ag-grid-pinned-left-cells .ag-header-cell[col-id="loss"]').waitFor()
  await page.reload()
  await page.locator('.ag-grid-pinned-left-cells .ag-header-cell[col-id="loss"]').waitFor() // it is kept
  assert.equal(await header(page, 'note').count(), 0)
})

test('arrays: a picture of what is known, and why there is none', async (t) => {
  const page = await open(t, { experiment: 'arrays', width: 1200 })
  const rows = (column) => texts(page, column, 2)
  assert.deepEqual(await rows('image'), ['40 × 80', 'float64 array (600, 1200)'])
  assert.deepEqual(await rows('cube'), ['3 × 4 × 40 × 40', 'uint8 array (3, 4, 600, 600)'])
  assert.deepEqual(await rows('line'), ['1,200 numbers', '18,000 numbers'])
  assert.deepEqual(await rows('holes'), ['6 numbers', '6 numbers'])
  assert.deepEqual(await rows('words'), ['str array (40, 20)', 'str array (600, 20)'])
  const pictures = await Promise.all(
    ['image', 'cube', 'line', 'holes', 'words'].map((column) =>
      cell(page, column, 1).locator('.picture').count(),
    ),
  )
  assert.deepEqual(pictures, [0, 0, 1, 1, 0])
  await page.screenshot({ path: `${SHOTS}arrays-light.png` })

  const legend = async (column, row, shot) => {
    await cell(page, column, row).dblclick()
    const dialog = page.getByRole('dialog', { name: `${column}, row ${row + 1}` })
    const text = await dialog.locator('.legend').innerText()
    if (shot) await page.screenshot({ path: `${SHOTS}${shot}.png` })
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    return text
  }
  assert.equal(
    await legend('image', 0, 'array-light'),
    'Dark is 0, bright is 365.625; one row in 3, and of that one column in 5 is shown.',
  )
  assert.equal(
    await legend('image', 1, 'array-not-kept-light'),
    'No picture: the contents of this array were not kept, only its type and shape.',
  )
  assert.match(
    await legend('cube', 0),
    /^All that is shown is 1; only the first plane is shown; one row in 3/,
  )
  assert.equal(
    await legend('line', 0, 'array-line-light'),
    'Dark is 0, bright is 1125; one number in 75 is shown.',
  )
  assert.equal(await legend('holes', 0), 'All that is shown is 1.5; red is no finite number.')
  assert.match(
    await legend('words', 0),
    /^No picture: the contents are kept with the run, but are no array of numbers/,
  )

  await header(page, 'line').locator('.ag-header-cell-label').click() // text is sorted as text
  await cell(page, 'line', 0).filter({ hasText: '1,200' }).waitFor()
  assert.deepEqual(await rows('image'), ['40 × 80', 'float64 array (600, 1200)'])
  await header(page, 'line').locator('.ag-header-cell-label').click()
  await cell(page, 'line', 0).filter({ hasText: '18,000' }).waitFor()
  assert.deepEqual(await rows('image'), ['float64 array (600, 1200)', '40 × 80'])
})

test('a cell in full, by mouse and by keyboard; copying; an export', async (t) => {
  const page = await open(t)
  await cell(page, 'loss', 2).dblclick()
  const dialog = page.getByRole('dialog', { name: 'loss, row 3' })
  assert.equal(await dialog.locator('pre').innerText(), '3.3333333333333335')
  await page.screenshot({ path: `${SHOTS}detail-light.png` })
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await cell(page, 'note', 1).click()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog', { name: 'note, row 2' }).getByText('NULL').waitFor()
  await page.getByRole('button', { name: 'Close' }).click()

  await page.getByRole('button', { name: 'Copy' }).click()
  await page.getByText('Copied 141 rows.').waitFor()
  const copied = (await page.evaluate(() => navigator.clipboard.readText())).split('\n')
  assert.match(copied[0], /^run\trate_iter\tstep_iter\tloss\tnote\t/)
  assert.equal(copied.length, 142)

  const download = page.waitForEvent('download')
  await page.getByLabel('Export the table as').selectOption('csv')
  const file = await (await download).path()
  assert.equal(fs.readFileSync(file, 'utf8').trim().split('\n').length, 142)
  assert.equal((await download).suggestedFilename(), 'train.csv')
})

test('a plot', async (t) => {
  const page = await open(t)
  await tab(page, 'Plot')
  const plot = page.getByRole('img', { name: 'loss over rows' })
  await plot.waitFor()
  await page.waitForFunction(() => {
    const canvas = document.querySelector('.u-wrap canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const found = new Set()
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] === 255) found.add(`${data[i]},${data[i + 1]},${data[i + 2]}`)
    return found.has('11,107,203') && found.has('194,65,12') // the lines of the first run and of the second
  })
  await page.screenshot({ path: `${SHOTS}plot-light.png` })
  await page.getByLabel('log').check()
  await plot.waitFor()
  await page.getByLabel('Over', { exact: true }).selectOption('step_iter')
  await page.getByText('80 values not drawn').waitFor() // of three rates there is one line
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'PNG' }).click()
  assert.equal((await download).suggestedFilename(), 'train-loss.png')
})

test('SQL, and what is wrong with it', async (t) => {
  const page = await open(t)
  await tab(page, 'SQL')
  await page.getByLabel('SQL query').fill('select run, count(*) as n from train group by run order by n')
  await page.keyboard.press('Control+Enter')
  const answer = page.locator('.sql')
  assert.deepEqual(await texts(answer, 'n', 2), ['21', '120'])
  await page.screenshot({ path: `${SHOTS}sql-light.png` })
  await page.getByLabel('SQL query').fill('select nothing from nowhere')
  await page.getByRole('button', { name: 'Run' }).click()
  await page.locator('.note.error').waitFor()
  assert.match(await page.locator('.note.error').innerText(), /nowhere/)

  // A long value is that of the answer, not of the table that lies behind it.
  await page
    .getByLabel('SQL query')
    .fill("select repeat('long ', 100) || loss as note from train order by loss limit 1")
  await page.keyboard.press('Control+Enter')
  await cell(answer, 'note', 0).filter({ hasText: 'long' }).dblclick()
  const dialog = page.getByRole('dialog', { name: 'note, row 1' })
  assert.equal(await dialog.locator('pre').innerText(), `${'long '.repeat(100)}0.0025`)
})

test('a table that cannot be read is said, and made anew', async (t) => {
  const parquet = path.join(home, 'arrays', 'table.parquet')
  fs.writeFileSync(parquet, 'no table')
  const page = await open(t, { experiment: 'arrays' })
  await page.getByText(/^the table of 'arrays' cannot be read .*: refresh it$/).waitFor()
  await page.getByRole('button', { name: 'Refresh' }).click()
  await cell(page, 'holes', 1).waitFor()
})

test('runs, live; a name that is new comes into view', async (t) => {
  const page = await open(t)
  await tab(page, 'Runs')
  await page.getByRole('row').nth(2).waitFor()
  assert.equal(await page.getByRole('row').count(), 3)
  await page.getByText('failed', { exact: false }).first().waitFor()
  await page.screenshot({ path: `${SHOTS}runs-light.png` })
  await flor('python', 'train.py', 'train')
  await page.getByRole('row').nth(3).waitFor()
  await tab(page, 'Table')
  shadow({ ...NAMES, '"a text that is rather long " * step': 'line' })
  await flor('etl', 'train', 'train_h.py')
  await header(page, 'loss').locator('.ag-header-cell-label').click()
  await cell(page, 'loss', 0).filter({ hasText: '0.00' }).waitFor()
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.locator('.ag-header-cell.fresh[col-id="line"]').waitFor()
  await cell(page, 'loss', 0).filter({ hasText: '0.00' }).waitFor() // sorted as it was
  await cell(page, 'line', 0).waitFor()
  assert.equal((await header(page, 'line').boundingBox()).width, 280) // its text is long, and no column begins wider
  await page.screenshot({ path: `${SHOTS}fresh-light.png` })
})

test('what a program logs says so, and where', async (t) => {
  const page = await open(t, { experiment: 'logging' })
  const go = page.getByRole('button', { name: 'Go to the code of cost' })
  assert.equal(await go.getAttribute('title'), 'Go to the code: i / 2, logged by flor.log')
  const said = page.getByText(`cost is in ${folder}/logs.py, line 3.`)
  for (let left = 4; left >= 0 && !(await said.isVisible()); left--) {
    await go.click() // the table is new, and shown once more when that is noticed: a click may come between
    await said.waitFor({ timeout: 5000 }).catch((error) => assert.ok(left, error))
  }
})

test('a table that lacks the last run says so', async (t) => {
  const page = await open(t, { experiment: 'old' })
  await cell(page, 'half', 2).filter({ hasText: '1' }).waitFor()
  const remark = page.getByText('refresh it')
  await remark.waitFor()
  await page.screenshot({ path: `${SHOTS}old-light.png` })
  await page.getByRole('button', { name: 'Refresh' }).click()
  await cell(page, 'half', 5).filter({ hasText: '1' }).waitFor()
  await remark.waitFor({ state: 'hidden' })
})

test('nothing is named yet, and no such experiment', async (t) => {
  const page = await open(t, { experiment: 'unnamed' })
  await page.getByText('Nothing is named in unnamed yet.').waitFor()
  await page.screenshot({ path: `${SHOTS}empty-light.png` })
})

for (const theme of ['light', 'dark', 'hc-light', 'hc-dark']) {
  test(`no one is shut out: ${theme}`, async (t) => {
    const page = await open(t, { theme })
    for (const view of ['Table', 'Plot', 'SQL', 'Runs']) {
      await tab(page, view)
      await page.waitForFunction(() => document.querySelector('#view')?.firstElementChild)
      if (view === 'Plot') await page.locator('.u-wrap').waitFor()
      await page.screenshot({ path: `${SHOTS}${view.toLowerCase()}-${theme}.png` })
      await page.evaluate(AxeBuilder.source)
      const { violations } = await page.evaluate(() => globalThis.axe.run())
      assert.deepEqual(
        violations.map(({ id, nodes }) => `${view}: ${id}: ${nodes.map((node) => node.html).slice(0, 2)}`),
        [],
      )
    }
  })
}

test('it is usable where it is narrow', async (t) => {
  const page = await open(t, { width: 320 })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320))
  await page.screenshot({ path: `${SHOTS}table-narrow.png` })
})

test('the server is gone, and comes back', async (t) => {
  const page = await browser.newPage()
  t.after(() => page.close())
  const own = await serve(home, 'train')
  await page.goto(own.url)
  await cell(page, 'loss', 0).waitFor()
  await own.end()
  await page.getByRole('alert').getByText('The server is gone').waitFor()
  await page.screenshot({ path: `${SHOTS}gone-light.png` })
})
