// Chromium with the page as a real `flor ui` serves it. CHROMIUM names another browser, PYTHON the interpreter.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const PYTHON = process.env.PYTHON ?? `${ROOT}.venv/bin/python`

/** Run a command in a folder; answers what it printed. Throws if it fails. */
export async function run(folder, home, ...command) {
  const child = spawn(command[0], command.slice(1), { cwd: folder, env: { ...process.env, FLOR_HOME: home } })
  let output = ''
  child.stdout.on('data', (data) => (output += data))
  child.stderr.on('data', (data) => (output += data))
  const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** `flor ui` in a process; answers its address. */
export async function serve(home, ...options) {
  const child = spawn(PYTHON, ['-m', 'flor', 'ui', '--no-browser', ...options], {
    env: { ...process.env, FLOR_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
      if (output.includes('\n')) resolve(output.split('\n')[0])
    })
    child.on('error', reject)
    child.on('close', (code) => reject(new Error(`flor ui ended with ${code}`)))
  })
  return { url, child, end: () => new Promise((resolve) => child.on('close', resolve) && child.kill()) }
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
}
