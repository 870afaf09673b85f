// How fluid a table of a million rows is, and one of five hundred columns: `npm run bench`.
//
// Frame times while the table is scrolled by the wheel, as the browser's own clock has them between two frames; and from
// the opening of the page until the first rows stand there. Prints text, and JSON into dist/bench.json.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { launch, PYTHON, run, serve } from './browser.mjs'

const SCROLLS = 120

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flor-panel-bench-'))
const home = path.join(folder, 'home')

async function made(name, script, named) {
  fs.writeFileSync(path.join(folder, `${name}.py`), script)
  fs.writeFileSync(path.join(folder, `${name}_h.py`), `#${folder}/${name}.py\n${named}`)
  await run(folder, home, PYTHON, '-m', 'flor', 'python', `${name}.py`, name)
  await run(folder, home, PYTHON, '-m', 'flor', 'etl', name, `${name}_h.py`, '-f', `${name}.parquet`)
}

const rows = (text) => `for step in range(1_000_000):\n    ${text}\n`
await made('rows', rows('half = step * 0.5'), rows('half = GET("half", step * 0.5)'))
const wide = (text) =>
  `for step in range(5_000):\n${Array.from({ length: 500 }, (_, i) => `    c${i} = ${text(i)}`).join('\n')}\n`
await made(
  'wide',
  wide((i) => `step * ${i}.5`),
  wide((i) => `GET("c${i}", step * ${i}.5)`),
)

const server = await serve(home)
const browser = await launch()
const results = {}
for (const name of ['rows', 'wide']) {
  const page = await browser.newPage({ viewport: { width: 1000, height: 700 } })
  const url = new URL(server.url)
  const begin = performance.now()
  await page.goto(`${url.origin}/#${url.hash.slice(1)}&experiment=${name}`)
  await page.locator('.ag-cell').filter({ hasText: '.' }).first().waitFor()
  const first = performance.now() - begin
  await page.mouse.move(500, 400)
  await page.evaluate(() => {
    const frames = (globalThis.frames_ = [])
    let last = performance.now()
    const next = (now) => {
      frames.push(now - last)
      last = now
      requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
  })
  for (let i = 0; i < SCROLLS; i++)
    await page.mouse.wheel(name === 'wide' && i % 2 ? 400 : 0, name === 'wide' && i % 2 ? 0 : 600)
  const frames = (await page.evaluate(() => globalThis.frames_)).sort((a, b) => a - b)
  const at = (part) =>
    Math.round(10 * frames[Math.min(Math.floor(part * frames.length), frames.length - 1)]) / 10
  results[name] = {
    first: Math.round(first),
    frames: frames.length,
    median: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  }
  const { median, p95, p99 } = results[name]
  console.log(
    `${name}: first rows after ${Math.round(first)} ms; a frame takes ${median} ms (median), ${p95} (95 %), ${p99} (99 %)`,
  )
  await page.close()
}
fs.writeFileSync(new URL('../dist/bench.json', import.meta.url), JSON.stringify(results, null, 2))
await browser.close()
await server.end()
fs.rmSync(folder, { recursive: true })
