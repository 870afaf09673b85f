// Starts a real VS Code (code-server) with an extension, opens a folder and
// drives it through Chromium.
//
//   import { launchVSCode } from './launch.mjs'
//   const vs = await launchVSCode({ folder, vsix })
//   try { ... } finally { await vs.close() }

import { spawn, execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { makeDriver, until, watchToasts } from './driver.mjs'
import { SUPERVISOR, extensionHostTree, kill, processesWith } from './processes.mjs'

export { until }

const HERE = path.dirname(fileURLToPath(import.meta.url))

const defaultPrefix = () =>
  process.env.FLOR_VSCODE_E2E ||
  path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'flor-vscode-e2e')

/** Quiet, offline, repeatable. A test's own `settings` win over these. */
const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'workbench.enableExperiments': false,
  'workbench.settings.enableNaturalLanguageSearch': false,
  'workbench.reduceMotion': 'on',
  'workbench.editor.restoreViewState': false,
  'workbench.layoutControl.enabled': false,
  'window.commandCenter': false,
  'window.confirmBeforeClose': 'never',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.commandCenter.enabled': false,
  'chat.disableAIFeatures': true,
  'files.autoSave': 'off', // the default on the desktop; in a browser it is afterDelay
  'files.hotExit': 'off',
  'files.simpleDialog.enable': true,
  'git.enabled': false,
  'git.openRepositoryInParentFolders': 'never',
  'npm.fetchOnlinePackageInfo': false,
  'json.schemaDownload.enable': false,
  'typescript.disableAutomaticTypeAcquisition': true,
  'editor.minimap.enabled': false,
  'editor.accessibilitySupport': 'off',
  'editor.cursorBlinking': 'solid',
}

const CHROMIUM_FLAGS = [
  '--no-sandbox', // CI runs as root, where Chromium's sandbox does not start
  '--disable-dev-shm-usage', // containers have a tiny /dev/shm
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // whatever VS Code tries to reach outside fails at once instead of timing out
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
]

const which = (name) => {
  if (name.includes('/')) return fs.existsSync(name) ? name : undefined
  for (const dir of (process.env.PATH || '').split(path.delimiter)) {
    const file = path.join(dir, name)
    try {
      fs.accessSync(file, fs.constants.X_OK)
      return file
    } catch {}
  }
}

/**
 * @typedef {object} LaunchOptions
 * @property {string} folder       the folder to open, or a .code-workspace file in it
 * @property {string} vsix         the packaged extension: what users get
 * @property {string[]} [extensions]  folders of further extensions
 * @property {object} [settings]   the user's settings, on top of `quietSettings`
 * @property {boolean} [trusted]   false: the folder is not trusted
 * @property {ReturnType<import('./machine.mjs').otherMachine>} [machine]  where VS Code's server runs, if not here
 * @property {Record<string, string>} [env]  environment of VS Code, and so of the extension and its servers
 * @property {string} artifacts    folder for pictures and logs
 * @property {number} [timeout]    for starting, and the longest that a call waits, up to 20 s (ms)
 */

/** @param {LaunchOptions} options */
export async function launchVSCode(options) {
  const { settings = {}, trusted = true, env: extraEnv = {}, artifacts, timeout = 60_000, machine } = options
  const prefix = defaultPrefix()
  const opened = fs.realpathSync(options.folder)
  const isFile = fs.statSync(opened).isFile()
  const folder = isFile ? path.dirname(opened) : opened
  const vsix = fs.realpathSync(options.vsix)

  const node = path.join(prefix, 'bin/node')
  const entry = path.join(prefix, 'node_modules/code-server/out/node/entry.js')
  if (!fs.existsSync(path.join(prefix, '.installed')) || !fs.existsSync(entry)) {
    throw new Error(`VS Code for tests is not installed in ${prefix}: run ${path.join(HERE, 'install.sh')}`)
  }
  const browserPath = process.env.FLOR_E2E_CHROMIUM
    ? which(process.env.FLOR_E2E_CHROMIUM)
    : which('chromium') || which('chromium-browser') || which('google-chrome')
  if (!browserPath) throw new Error('no Chromium on PATH (or at FLOR_E2E_CHROMIUM): run install.sh')
  const { chromium } = createRequire(path.join(prefix, 'package.json'))('playwright-core')

  const trust = trusted
    ? { 'security.workspace.trust.enabled': false }
    : { 'security.workspace.trust.startupPrompt': 'never', 'security.workspace.trust.banner': 'never' }

  // --- fresh directories
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'vscode-e2e-')) // mode 0700
  if (home.length > 50) {
    fs.rmdirSync(home)
    throw new Error(`Unix sockets need short paths: set TMPDIR to something shorter than ${os.tmpdir()}`)
  }
  const userDataDir = path.join(home, 'data')
  const extensionsDir = path.join(home, 'ext')
  const socket = path.join(home, 'probe.sock')
  fs.mkdirSync(path.join(userDataDir, 'User'), { recursive: true })
  fs.mkdirSync(extensionsDir)
  fs.mkdirSync(path.join(home, 'tmp'))
  fs.writeFileSync(
    path.join(userDataDir, 'User/settings.json'),
    JSON.stringify({ ...quietSettings, ...trust, ...settings }, null, 2),
  )
  // What is set for the machine is read from here alone, once VS Code has settled.
  fs.mkdirSync(path.join(userDataDir, 'Machine'))
  fs.writeFileSync(path.join(userDataDir, 'Machine/settings.json'), JSON.stringify(settings, null, 2))
  fs.writeFileSync(path.join(home, 'config.yaml'), 'auth: none\n')
  // A link in a fresh extensions folder counts as installed.
  for (const own of [path.join(HERE, 'probe'), ...(options.extensions ?? [])]) {
    const { publisher, name, version } = JSON.parse(fs.readFileSync(path.join(own, 'package.json'), 'utf8'))
    fs.symlinkSync(own, path.join(extensionsDir, `${publisher}.${name}-${version}`))
  }

  // --- environment
  const run = randomUUID()
  const marker = `VSCODE_E2E_RUN=${run}`
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    // a test may itself be running inside some VS Code's terminal
    if (/^(VSCODE_|CODE_SERVER_|ELECTRON_)/.test(name)) delete env[name]
  }
  for (const name of [
    'PORT',
    'PASSWORD',
    'HASHED_PASSWORD',
    'NODE_OPTIONS',
    'NODE_V8_COVERAGE',
    'GITHUB_TOKEN',
  ])
    delete env[name]
  Object.assign(env, {
    VSCODE_E2E_RUN: run,
    VSCODE_E2E_SOCKET: socket,
    TMPDIR: path.join(home, 'tmp'), // so that nothing is left behind
    XDG_RUNTIME_DIR: home,
    VSCODE_CLI: '1', // take this environment as it is: no login shell to resolve it
    EXTENSIONS_GALLERY: '{}', // no marketplace
  })
  for (const [k, v] of Object.entries(extraEnv)) {
    if (v === undefined) delete env[k]
    else env[k] = v
  }
  const dirs = [
    '--config',
    path.join(home, 'config.yaml'),
    '--user-data-dir',
    userDataDir,
    '--extensions-dir',
    extensionsDir,
  ]

  let child // supervisor of the server
  let browser
  let closed
  const serverLog = path.join(home, 'server.log')
  const consoleLines = []

  const onExit = () => {
    // last resort, for a test that dies without close()
    if (child?.pid) kill(-child.pid, 'SIGKILL')
    for (const pid of processesWith(marker)) kill(-pid, 'SIGKILL') || kill(pid, 'SIGKILL')
    if (!process.env.VSCODE_E2E_KEEP) fs.rmSync(home, { recursive: true, force: true })
  }
  const onSignal = (signal) => {
    onExit()
    process.exit(128 + (os.constants.signals[signal] || 0))
  }
  process.once('exit', onExit)
  for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(s, onSignal)

  /**
   * Closes the window and ends what was started here, nothing else. Returns
   * {lingering}: the command lines of what the extension host had started (for
   * instance a language server) and that still ran `grace` ms after the
   * window was closed; it was ended by force.
   */
  function close({ grace = 3000 } = {}) {
    closed ??= (async () => {
      // Leaving the page is closing the window: the extension host deactivates
      // its extensions and exits. What it started has `grace` ms to follow.
      const tree = extensionHostTree(processesWith(marker))
      await Promise.race([browser?.contexts()[0]?.pages()[0]?.goto('about:blank'), sleep(3000)]).catch(
        () => {},
      )
      let lingering = tree
      for (const end = Date.now() + grace; ; await sleep(25)) {
        const now = processesWith(marker)
        lingering = tree.filter((p) => now.includes(p.pid))
        if (!lingering.length || Date.now() > end) break
      }
      await Promise.race([browser?.close(), sleep(5000)]).catch(() => {})
      if (child?.pid) {
        const exited =
          child.exitCode === null && child.signalCode === null && new Promise((r) => child.once('exit', r))
        kill(child.pid, 'SIGTERM') // the supervisor passes it on
        if (exited) await Promise.race([exited, sleep(300)]) // nothing of it is kept, so no need to wait longer
        kill(-child.pid, 'SIGKILL')
      }
      // whatever left the process group (terminals, detached servers): by id
      for (let i = 0; i < 50; i++) {
        const left = processesWith(marker)
        if (!left.length) break
        if (i >= 5) for (const pid of left) kill(pid, 'SIGKILL')
        await sleep(20)
      }
      process.off('exit', onExit)
      for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(s, onSignal)
      copyLogs()
      if (!process.env.VSCODE_E2E_KEEP) fs.rmSync(home, { recursive: true, force: true })
      return { lingering: lingering.map((p) => p.command) }
    })()
    return closed
  }

  function copyLogs() {
    const to = artifacts
    fs.mkdirSync(to, { recursive: true })
    fs.writeFileSync(path.join(to, 'browser-console.log'), consoleLines.join('\n'))
    if (fs.existsSync(serverLog)) fs.copyFileSync(serverLog, path.join(to, 'server.log'))
    const logs = path.join(userDataDir, 'logs')
    if (fs.existsSync(logs)) fs.cpSync(logs, path.join(to, 'logs'), { recursive: true })
  }

  try {
    // --- extensions
    const args = [entry, ...dirs, '--force', '--install-extension', vsix]
    const installed = await promisify(execFile)(node, args, { env, timeout }).catch((e) => e)
    const { stdout = '', stderr = '', killed } = installed
    if (!stdout.includes('was successfully installed')) {
      const why = killed ? `took more than ${timeout} ms` : 'failed'
      throw new Error(`installing ${vsix} ${why}:\n${stdout}${stderr}`)
    }

    // --- server
    const log = fs.openSync(serverLog, 'a')
    const supervised = [
      'sh',
      '-c',
      SUPERVISOR,
      'sh',
      node,
      entry,
      ...dirs,
      '--auth',
      'none',
      '--bind-addr',
      `${machine?.address ?? '127.0.0.1'}:0`,
      '--disable-telemetry',
      '--disable-update-check',
      ...(trusted ? ['--disable-workspace-trust'] : []),
      '--disable-getting-started-override',
      '--disable-proxy',
    ]
    const [command, ...words] = machine ? machine.command(supervised) : supervised
    child = spawn(command, words, { env, cwd: home, detached: true, stdio: ['ignore', log, log, 'pipe'] })
    fs.closeSync(log)
    child.unref() // a forgotten close() must not keep the test process alive
    child.stdio[3].unref?.()
    child.stdio[3].on('error', () => {})
    const serverOutput = () => fs.readFileSync(serverLog, 'utf8')
    let baseURL = await until(
      () => {
        if (child.exitCode !== null) return 'exited'
        return serverOutput().match(/HTTP server listening on (http:\/\/[^\s/]+)/)?.[1]
      },
      { timeout, interval: 50, what: 'code-server to listen' },
    ).catch((e) => {
      throw new Error(`${e.message}\n${serverOutput()}`)
    })
    if (baseURL === 'exited') throw new Error(`code-server did not start:\n${serverOutput()}`)

    // A browser trusts what is on its own machine: VS Code's pages need that.
    const tunnel = await machine?.tunnel(Number(new URL(baseURL).port))
    if (tunnel) baseURL = `http://127.0.0.1:${tunnel.port}`

    // --- browser
    browser = await chromium.launch({
      executablePath: browserPath,
      args: CHROMIUM_FLAGS,
      timeout,
      env: {
        ...process.env,
        VSCODE_E2E_RUN: run,
        XDG_CONFIG_HOME: path.join(home, 'config'),
        XDG_CACHE_HOME: path.join(home, 'cache'),
      },
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
    const context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
    context.setDefaultTimeout(Math.min(timeout, 30_000))
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: baseURL })
    const toasts = []
    await context.exposeBinding('__vscodeE2eToast', (_, n) => toasts.push(n))
    await context.addInitScript(watchToasts)
    const page = await context.newPage()
    page.on('dialog', (d) => d.accept()) // "leave this page?" with unsaved files
    page.on('console', (m) => consoleLines.push(`[${m.type()}] ${m.text()}`))
    page.on('pageerror', (e) => consoleLines.push(`[pageerror] ${e.stack || e}`))

    const url = new URL(baseURL)
    url.searchParams.set(isFile ? 'workspace' : 'folder', opened)
    await page.goto(url.href)
    await page.locator('.monaco-workbench').waitFor({ timeout })

    const vs = makeDriver({
      page,
      folder,
      socket,
      toasts,
      userDataDir,
      timeout: Math.min(timeout, 20_000),
    })
    await vs.ready(timeout)

    return Object.assign(vs, {
      page,
      close,
      /** To the other machine, if there is one. */
      tunnel,
      /** Ids of the processes of this VS Code (server, extension host, language servers, browser). */
      processes: () => processesWith(marker),
      /** Screenshot and all logs into a folder, to look at after a failure. */
      async saveArtifacts(name = 'failure') {
        fs.mkdirSync(artifacts, { recursive: true })
        await page.screenshot({ path: path.join(artifacts, `${name}.png`) }).catch(() => {})
        copyLogs()
      },
    })
  } catch (e) {
    if (browser) {
      fs.mkdirSync(artifacts, { recursive: true })
      await browser
        .contexts()[0]
        ?.pages()[0]
        ?.screenshot({ path: path.join(artifacts, 'launch-failure.png') })
        .catch(() => {})
    }
    await close().catch(() => {})
    throw e
  }
}
