// Which interpreter, which command, which names.

import assert from 'node:assert/strict'
import test from 'node:test'
import { source } from './source.mjs'

const { choose, serverArguments, installArguments, asTyped } = await source('interpreter')
const { problem } = await source('naming')

test('the setting wins, then the Python extension, then the PATH', () => {
  const all = { setting: '/a', extension: '/b', onPath: '/c' }
  assert.deepEqual(choose(all), { path: '/a', origin: 'setting' })
  assert.deepEqual(choose({ ...all, setting: ' ' }), { path: '/b', origin: 'extension' })
  assert.deepEqual(choose({ ...all, setting: '', extension: undefined }), { path: '/c', origin: 'path' })
  assert.equal(choose({ setting: '', extension: undefined, onPath: undefined }), undefined)
})

test('commands are shown as they are run', () => {
  assert.deepEqual(serverArguments(['--verbose']), ['-P', '-m', 'flor_lsp', '--stdio', '--verbose'])
  assert.equal(
    asTyped(['/usr/bin/python3', ...installArguments()]),
    '/usr/bin/python3 -m pip install flor-lsp',
  )
  assert.equal(asTyped(['/my env/python']), '"/my env/python"')
})

test('what a name cannot be is said', () => {
  assert.equal(problem('score', ['loss']), undefined)
  assert.equal(problem('a b', []), undefined)
  assert.match(problem('', []), /needs a character/)
  assert.match(problem(' a', []), /no spaces around/)
  assert.match(problem('a\tb', []), /control characters/)
  assert.match(problem('loss', ['loss']), /"loss" is taken/)
  assert.match(problem('Loss', ['loss']), /one name to SQL/)
})
