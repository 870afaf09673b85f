// The page as an IDE's tool window shows it. Its one argument is JSON: url; dark, file, light: JavaScript that the IDE runs in
// it; picture: where a screenshot goes. Prints what it found, as JSON.

import { launch } from './browser.mjs'

const { url, file, light, picture } = JSON.parse(process.argv[2])
const browser = await launch()
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 300 }, colorScheme: 'light' })
  const errors = []
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', (error) => errors.push(error.message))
  await page.goto(url)
  const cell = page.locator('.ag-row[row-index="0"] [col-id="gamma"]')
  await cell.filter({ hasText: '0.1' }).waitFor()
  const look = () =>
    page.evaluate(() => ({
      theme: document.documentElement.dataset.theme,
      background: getComputedStyle(document.body).backgroundColor,
    }))
  const dark = await look()
  await page.screenshot({ path: picture })

  await cell.click() // the IDE goes to the code

  // What another window says is not heeded.
  const data = { method: 'host/theme', params: { theme: 'hc-dark' } }
  await page.evaluate((data) => window.dispatchEvent(new MessageEvent('message', { data })), data)
  const other = await look()

  await page.evaluate(light)
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light')
  const bright = await look()

  await page.evaluate(file)
  await cell.waitFor({ state: 'detached' })
  const shown = await page.locator('main').innerText()
  console.log(JSON.stringify({ dark, other, bright, shown, errors, address: page.url() }))
} finally {
  await browser.close()
}
