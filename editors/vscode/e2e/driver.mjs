// The calls on a running VS Code: what a user does, and what a user sees. Knows
// the workbench's HTML and its keys; nothing of how VS Code was started.

import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Calls `fn` until it returns something truthy; its errors count as "not yet".
 * @template T
 * @param {() => T | Promise<T>} fn
 * @param {{timeout?: number, interval?: number, what?: string | (() => string | Promise<string>)}} [o]
 */
export async function until(fn, { timeout = 20_000, interval = 100, what = fn.toString() } = {}) {
  const end = Date.now() + timeout
  let last
  for (;;) {
    try {
      const value = await fn()
      if (value) return value
      last = undefined
    } catch (e) {
      last = e
    }
    if (Date.now() > end) {
      const text = typeof what === 'function' ? await what() : what
      throw new Error(
        `timed out after ${timeout} ms waiting for: ${text}${last ? `\nlast error: ${last.message}` : ''}`,
      )
    }
    await sleep(interval)
  }
}

/** The calls on a running VS Code. Each waits for what it needs, up to `timeout`, then throws. */
export function makeDriver({ page, folder, socket, toasts, timeout }) {
  const quickInput = page.locator('.quick-input-widget:visible')
  const quickRows = quickInput.locator('.quick-input-list .monaco-list-row')
  const actionMenu = page.locator('.action-widget:visible')
  const noActions = page.locator('.monaco-editor-overlaymessage:not(.fadeOut):visible')
  const actionRows = actionMenu.locator('.monaco-list-row.action')
  const editorBox = page.locator('.editor-group-container.active .monaco-editor[role="code"]').first()
  const wait = (fn, what, t = timeout) => until(fn, { timeout: t, what })

  /**
   * Runs `fn(vscode, ...args)` in the extension host and returns its result.
   * `fn` travels as source text: it sees only its arguments; both they and the
   * result must survive JSON.
   */
  function api(fn, ...args) {
    return new Promise((resolve, reject) => {
      const req = http.request({ socketPath: socket, method: 'POST', path: '/', timeout }, (res) => {
        let body = ''
        res
          .setEncoding('utf8')
          .on('data', (d) => (body += d))
          .on('end', () => {
            const { value, error } = JSON.parse(body)
            error === undefined ? resolve(value) : reject(new Error(error))
          })
      })
      req
        .on('error', reject)
        .on('timeout', () => req.destroy(new Error(`api() got no answer in ${timeout} ms`)))
      req.end(JSON.stringify({ source: fn.toString(), args }))
    })
  }

  async function closeQuickInput() {
    for (let i = 0; i < 3 && (await quickInput.count()); i++) {
      await page.keyboard.press('Escape')
      await sleep(100)
    }
  }

  /** Focuses the text of the active editor. */
  async function focusEditor() {
    await closeQuickInput()
    await editorBox.waitFor({ timeout })
    await page.evaluate(() => {
      const box = document.querySelector('.editor-group-container.active .monaco-editor[role="code"]')
      box.querySelector('.native-edit-context, textarea.inputarea').focus()
    })
  }

  /** Types into the quick input that is opened by `key`, then waits for a row. */
  async function quickPick(key, text, isWanted, what) {
    return wait(async () => {
      await closeQuickInput()
      await page.keyboard.press(key)
      const input = quickInput.locator('input.input').first()
      await input.waitFor({ timeout: 3000 })
      await input.fill(text)
      let row
      await until(
        async () => {
          for (const r of await quickRows.all()) {
            if (!(await isWanted(r))) continue
            await sleep(50) // the list may still be filling: is it the same a moment later?
            return (await isWanted(r)) && (row = r)
          }
        },
        {
          timeout: 3000,
          what: async () =>
            `${what}; offered: ${JSON.stringify((await quickRows.allInnerTexts()).slice(0, 10))}`,
        },
      )
      await row.click({ timeout: 2000 })
      return true
    }, what)
  }

  /**
   * Waits for the selection to be `want`; sets it through the API if the
   * keyboard led elsewhere (Ctrl+G counts a tab as several columns in newer
   * versions, and characters outside the BMP as one).
   */
  async function settleSelection(want) {
    const reached = (t) =>
      until(async () => (await vs.selection()).join() === want.join(), {
        timeout: t,
        interval: 30,
        what: `selection ${want}`,
      })
    await reached(700).catch(async () => {
      await api((v, [l1, c1, l2, c2]) => {
        const editor = v.window.activeTextEditor
        editor.selection = new v.Selection(l1 - 1, c1 - 1, l2 - 1, c2 - 1)
        editor.revealRange(editor.selection)
      }, want)
      await reached(2000).catch(async (e) => {
        throw new Error(`${e.message}; it is ${await vs.selection()}: is there such a place in the file?`)
      })
    })
  }
  /** What an open input box says now; undefined if none is open. */
  const readBox = () =>
    page.evaluate(() => {
      const w = [...document.querySelectorAll('.quick-input-widget')].find(
        (w) => w.getBoundingClientRect().width,
      )
      const input = w?.querySelector('input.input')
      return (
        input && {
          title: w.querySelector('.quick-input-title')?.textContent.trim() || '',
          message: w.querySelector('.quick-input-message')?.textContent.trim() || '',
          placeholder: input.getAttribute('placeholder') || '',
          value: input.value,
          invalid: !!w.querySelector('.monaco-inputbox.error'),
        }
      )
    })
  const rowName = async (row) => (await row.locator('.label-name').first().innerText({ timeout: 500 })).trim()

  const vs = {
    api,
    until,
    focusEditor,

    /** Waits until the window is restored and its extension host runs. */
    async ready(t = timeout) {
      await page.locator('.part.statusbar').waitFor({ timeout: t })
      await page.locator('.part.sidebar, .part.editor').first().waitFor({ timeout: t })
      await until(() => api(() => true), { timeout: t, what: 'the extension host' })
    },

    /** Opens a file of the folder through Ctrl+P. */
    async openFile(name) {
      const full = path.resolve(folder, name)
      const isWanted = async (row) => (await rowName(row)) === path.basename(name)
      await quickPick('Control+p', full, isWanted, `Ctrl+P to offer ${name}`)
      await wait(
        () => api((v, path) => v.window.activeTextEditor?.document.uri.fsPath === path, full),
        `${name} to be the active editor`,
      )
      await focusEditor()
    },

    /** Runs a command by its exact title ("File: Save All Files") from the palette. */
    async runCommand(title) {
      await quickPick(
        'F1',
        `>${title}`,
        async (r) => (await rowName(r)) === title,
        `the command palette to offer "${title}"`,
      )
    },

    /** Puts the cursor at a line and column (both from 1), with Ctrl+G. */
    async goTo(line, column = 1) {
      await focusEditor()
      await page.keyboard.press('Control+g')
      const input = quickInput.locator('input.input').first()
      await input.waitFor({ timeout })
      await input.fill(`:${line}:${column}`)
      await page.keyboard.press('Enter')
      await quickInput.waitFor({ state: 'hidden', timeout })
      await settleSelection([line, column, line, column])
    },

    /**
     * Selects text with the keyboard, as a user would: from (line, startCol) up
     * to but without (endLine, endCol), all counted from 1 in UTF-16 units.
     */
    async select(line, startCol, endCol, endLine = line) {
      await vs.goTo(line, startCol)
      await page.keyboard.press('Control+k')
      await page.keyboard.press('Control+b') // Set Selection Anchor
      await vs.goTo(endLine, endCol)
      await page.keyboard.press('Control+k')
      await page.keyboard.press('Control+k') // Select from Anchor to Cursor
      await settleSelection([line, startCol, endLine, endCol])
    },

    /** [startLine, startColumn, endLine, endColumn] of the selection, from 1. */
    selection: () =>
      api((v) => {
        const s = v.window.activeTextEditor.selection
        return [s.start.line + 1, s.start.character + 1, s.end.line + 1, s.end.character + 1]
      }),

    /** The whole text of the active editor, saved or not. */
    editorText: () => api((v) => v.window.activeTextEditor.document.getText()),

    /**
     * Opens the code action menu (Ctrl+.) at the cursor or selection and
     * returns the titles. The menu stays open. Opens it again until `wanted`
     * (a title or a RegExp) is offered, because a language server may still be
     * starting; without `wanted`, until anything is.
     */
    async codeActions(wanted) {
      const match = (title) =>
        wanted === undefined || (wanted instanceof RegExp ? wanted.test(title) : title === wanted)
      let titles = []
      let patience = 1500 // a press is lost when a provider registers at that moment
      try {
        await wait(
          async () => {
            await vs.closeCodeActions()
            await focusEditor()
            await page.keyboard.press('Control+.')
            // the menu, or a bubble saying "No code actions available"
            patience = Math.min(patience * 2, timeout / 2)
            await actionRows
              .or(noActions)
              .first()
              .waitFor({ timeout: patience / 2 })
            for (const end = Date.now() + 500; ; await sleep(50)) {
              titles = (await actionRows.locator('.title').allInnerTexts()).map((s) => s.trim())
              if (titles.some(match)) return true
              if (Date.now() > end || !titles.length) return false
            }
          },
          `code actions${wanted ? ` with ${wanted}` : ''}`,
        )
      } catch (e) {
        throw new Error(`${e.message}\noffered last: ${JSON.stringify(titles)}`)
      }
      return titles
    },

    async closeCodeActions() {
      for (let i = 0; i < 5 && ((await actionMenu.count()) || (await noActions.count())); i++) {
        await page.keyboard.press('Escape')
        await sleep(100)
      }
    },

    /** Applies the code action with this exact title; opens the menu if needed. */
    async pickCodeAction(title) {
      const row = actionRows.filter({ has: page.locator(`.title:text-is(${JSON.stringify(title)})`) }).first()
      const focused = async () => /\bfocused\b/.test(await row.getAttribute('class', { timeout: 1000 }))
      for (let attempt = 0; ; attempt++) {
        if (!(await row.count())) await vs.codeActions(title)
        try {
          // by keyboard: the menu shields itself from clicks until the mouse moves
          const rows = await actionRows.count()
          for (let i = 0; i <= rows && !(await focused()); i++) await page.keyboard.press('ArrowDown')
          if (!(await focused())) throw new Error(`code action "${title}" cannot be chosen (disabled?)`)
          break
        } catch (e) {
          // the menu may close by itself
          if (attempt === 2) throw e
        }
      }
      await page.keyboard.press('Enter')
      await actionMenu.waitFor({ state: 'hidden', timeout })
    },

    /**
     * Waits for an input box (or quick pick): {title, message, placeholder,
     * value, invalid}. `message` is the prompt, or what validation complains of.
     */
    async inputBox() {
      return wait(readBox, 'an input box')
    },

    /**
     * Waits for an input box, types `text`, presses Enter (unless accept is
     * false) and waits for it to close or to make place for another one.
     * Returns what the box said before.
     */
    async answerInputBox(text, { accept = true } = {}) {
      const box = await vs.inputBox()
      await quickInput.locator('input.input').first().fill(text)
      if (!accept) return box
      await page.keyboard.press('Enter')
      let now
      await wait(
        async () => {
          now = await readBox()
          return (
            !now ||
            (!now.invalid &&
              (now.value !== text || ['title', 'message', 'placeholder'].some((k) => now[k] !== box[k])))
          ) // another one
        },
        () => `the input box to accept "${text}"; it says ${JSON.stringify(now)}`,
      )
      return box
    },

    /** Waits for a notification whose text contains (or matches) `wanted`. */
    waitForNotification: (wanted, t = timeout) =>
      until(
        () => toasts.find((n) => (wanted instanceof RegExp ? wanted.test(n.text) : n.text.includes(wanted))),
        { timeout: t, what: () => `notification ${wanted}; seen: ${JSON.stringify(toasts)}` },
      ),

    /** The Playwright frame of an extension's web view. Ask again after it was hidden or moved: it gets a new one. */
    webviewFrame: (extensionId) =>
      wait(async () => {
        for (const outer of page.frames()) {
          if (!/\/webview\/browser\/pre\/index[^/]*\.html/.test(outer.url())) continue
          if (new URL(outer.url()).searchParams.get('extensionId') !== extensionId) continue
          const frame = await (await outer.$('iframe#active-frame'))?.contentFrame()
          if (frame) return frame
        }
      }, `a web view of ${extensionId}`),

    /**
     * Saves every unsaved file, including those that an edit changed a moment
     * ago and that have no tab yet ("File: Save All Files" misses them).
     */
    saveAll: () =>
      api(async (v) => {
        for (const d of v.workspace.textDocuments) {
          if (d.isDirty && !d.isUntitled && !(await d.save()))
            throw new Error(`could not save ${d.uri.fsPath}`)
        }
      }),

    screenshot: (file) => page.screenshot({ path: file }),
  }
  return vs
}

/** In the page: reports every notification toast as it appears, for they hide after some seconds. */
export function watchToasts() {
  if (window !== window.top) return
  const known = new WeakMap() // item -> its text: progress changes it
  const look = () => {
    for (const item of document.querySelectorAll('.notifications-toasts .notification-list-item')) {
      const text = item.querySelector('.notification-list-item-message')?.textContent
      if (!text || known.get(item) === text) continue
      known.set(item, text)
      window.__vscodeE2eToast({
        severity: ['error', 'warning', 'info'].find((s) => item.querySelector(`.codicon-${s}`)) || 'info',
        text,
        source: (item.querySelector('.notification-list-item-source')?.textContent || '').replace(
          /^Source: /,
          '',
        ),
        buttons: [...item.querySelectorAll('.notification-list-item-buttons-container .monaco-button')].map(
          (b) => b.textContent,
        ),
      })
    }
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true })
}
