// Which interpreter, which command, which names, which messages.

import assert from 'node:assert/strict'
import test from 'node:test'
import { source } from './source.mjs'

const { asTyped, choose, expanded, florArguments, inside, installArguments, serverArguments } =
  await source('interpreter')
const { idOf, read } = await source('messages')
const { problem } = await source('naming')
const { argumentsProblem, experimentProblem, words } = await source('scripts')

test('the setting wins, then the Python extension, then the PATH', () => {
  const any = () => true
  const all = { setting: '/a', extension: '/b', onPath: ['/c', '/d'] }
  assert.deepEqual(choose(all, any), { path: '/a', origin: 'setting' })
  assert.deepEqual(choose({ ...all, setting: '' }, any), { path: '/b', origin: 'extension' })
  assert.deepEqual(choose({ ...all, setting: '', extension: undefined }, any), { path: '/c', origin: 'path' })
  assert.equal(choose({ setting: '', extension: undefined, onPath: [] }, any), undefined)
})

test('commands are shown as they are run', () => {
  assert.deepEqual(serverArguments(['--verbose']), ['-P', '-m', 'flor_lsp', '--stdio', '--verbose'])
  assert.equal(
    asTyped(['/usr/bin/python3', ...installArguments()]),
    '/usr/bin/python3 -m pip install flor-lsp',
  )
  assert.equal(asTyped(['/my env/python']), '"/my env/python"')
  assert.deepEqual(florArguments(['rm', 'a']), ['-P', '-m', 'flor', 'rm', 'a'])
  assert.deepEqual(florArguments(['python', 'a.py', 'a']), ['-m', 'flor', 'python', 'a.py', 'a'])
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

test('in a workspace that is not trusted none of its interpreters is taken', () => {
  const candidates = {
    setting: '/project/.venv/bin/python',
    extension: undefined,
    onPath: ['/project/bin/python3', '/usr/bin/python3'],
  }
  assert.deepEqual(
    choose(candidates, (python) => !inside(python, ['/project'])),
    { path: '/usr/bin/python3', origin: 'path' },
  )
  assert.equal(inside('/project', ['/project']), true)
  assert.equal(inside('/work2/python', ['/project']), false)
  assert.equal(inside('/python', ['/project']), false)
  assert.equal(inside('/project/..python', ['/project']), true)
})

test('a path that was set is taken in full', () => {
  assert.equal(expanded(' ~/env/bin/python ', '/home/me', '/project'), '/home/me/env/bin/python')
  assert.equal(
    expanded('${workspaceFolder}/env/bin/python', '/home/me', '/project'),
    '/project/env/bin/python',
  )
  assert.equal(expanded('env/bin/python', '/home/me', '/project'), '/project/env/bin/python')
  assert.equal(expanded('python3.12', '/home/me', '/project'), 'python3.12')
  assert.equal(expanded('', '/home/me', undefined), '')
})

test('arguments are taken as a shell takes them', () => {
  assert.deepEqual(words(''), [])
  assert.deepEqual(words('  --epochs 10\t-v '), ['--epochs', '10', '-v'])
  assert.deepEqual(words(`--name "two words" 'a "b"' c\\ d ""`), ['--name', 'two words', 'a "b"', 'c d', ''])
  assert.deepEqual(words(`--x="a b"c`), ['--x=a bc'])
  assert.deepEqual(words(`"a\\"b" 'a\\b'`), ['a"b', 'a\\b'])
  assert.deepEqual(words('--pattern "\\d+" "a\\\\b"'), ['--pattern', '\\d+', 'a\\b'])
  assert.match(argumentsProblem('--name "two'), /quote is open/)
  assert.equal(argumentsProblem('--name two'), undefined)
})

test('what an experiment cannot be called is said', () => {
  for (const name of ['iris_demo', 'iris-2.1', 'Überblick', 'a b'])
    assert.equal(experimentProblem(name), undefined)
  for (const name of ['', '.hidden', '-x', 'a/b', 'a\\b', 'a:b', 'a\nb'])
    assert.ok(experimentProblem(name), name)
})

test('a message of the page is looked at', () => {
  assert.equal(idOf({ id: 3, method: 'host/ready' }), 3)
  for (const other of [null, 'text', [], {}, { id: '3' }, { id: 0.5 }]) assert.equal(idOf(other), undefined)
  assert.deepEqual(read({ id: 1, method: 'host/ready' }), { what: 'ready' })
  assert.deepEqual(read({ id: 1, method: 'flor/rows', params: { handle: 1 } }), {
    what: 'request',
    method: 'flor/rows',
    params: { handle: 1 },
  })
  const etl = { command: 'flor.etl', arguments: [{ experiment: 'iris' }] }
  assert.deepEqual(read({ id: 1, method: 'workspace/executeCommand', params: etl }), {
    what: 'command',
    command: 'flor.etl',
    argument: { experiment: 'iris' },
  })
  assert.deepEqual(
    read({ id: 1, method: 'host/export', params: { handle: 1, format: 'csv', suggested: '../../iris.csv' } }),
    { what: 'export', format: 'csv', suggested: 'iris.csv', table: { handle: 1, format: 'csv' } },
  )
})

test('what the page may not ask is refused', () => {
  const params = (method, given) => () => read({ id: 1, method, params: given })
  assert.throws(() => read({ id: 1 }), /a message has a method/)
  assert.throws(params('flor/rows', [1]), /no object/)
  assert.throws(params('shutdown', {}), /there is no shutdown/)
  assert.throws(params('host/other', {}), /there is no host\/other/)
  assert.throws(
    params('workspace/executeCommand', { command: 'workbench.x', arguments: [{}] }),
    /only commands of Flor/,
  )
  assert.throws(params('workspace/executeCommand', { command: 'flor.run', arguments: [] }), /one argument/)
  assert.throws(params('host/export', { format: 'exe', suggested: 'a' }), /no format exe/)
  assert.throws(params('host/export', { format: 'csv', suggested: '..' }), /no file name/)
  assert.throws(params('host/saveImage', { data: 'AAAA', suggested: 'plot.png' }), /no PNG/)
})
