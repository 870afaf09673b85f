// What cells show.

import assert from 'node:assert/strict'
import test from 'node:test'
import { source } from './source.mjs'

const { formatOf, shown, tsv } = await source('cells')
const float = { name: 'x', type: 'float' }
const column = (numbers) => numbers.map((number) => shown(number, formatOf(float, numbers)))

test('numbers of a column have as many digits as they need, and as fit', () => {
  assert.deepEqual(column([0.5, 1.25, 10]), ['0.50', '1.25', '10.00'])
  assert.deepEqual(column([0.9565217391304348, 1]), ['0.956522', '1.000000'])
  assert.deepEqual(column([123456.789, 2.5]), ['123456.8', '2.5'])
  assert.deepEqual(column([0, 0]), ['0.0', '0.0'])
})

test('what is very large or small has an exponent, and is never taken for zero', () => {
  assert.deepEqual(column([1e-7, 2e-7]), ['1e-7', '2e-7'])
  assert.deepEqual(column([1e12, 1]), ['1.00000e+12', '1'])
  assert.deepEqual(column([1000, 1e-7]), ['1000.000', '1e-7'])
  assert.notEqual(Number(column([1e5, 1e-300])[1]), 0)
})

test('NULL, empty text, truth, and what JavaScript has no number for', () => {
  const texts = [
    null,
    '',
    true,
    { text: 'NaN' },
    { text: '1180591620717411303424' },
    { text: 'abc', length: 900 },
  ]
  assert.deepEqual(
    texts.map((cell) => shown(cell, 'plain')),
    ['NULL', '', 'True', 'NaN', '1180591620717411303424', 'abc…'],
  )
  assert.equal(shown({ text: '[[1, 2]]', shape: [1, 2], picture: [[1, 2]] }, 'plain'), '1 × 2')
})

test('tab-separated values keep what they are', () => {
  assert.deepEqual(['a\tb', 'a"b', null, 1.5, { text: 'NaN' }].map(tsv), [
    '"a\tb"',
    '"a""b"',
    '',
    '1.5',
    'NaN',
  ])
})
