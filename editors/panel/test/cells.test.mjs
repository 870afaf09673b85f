// What cells show.

import assert from 'node:assert/strict'
import test from 'node:test'
import { source } from './source.mjs'

const { formatOf, shown, tsv } = await source('cells')
const { legend } = await source('picture')
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
})

test('an array is its shape where there is a picture, else what the trace says of it', () => {
  assert.equal(shown({ text: '[[1, 2]]', shape: [1, 2], picture: [[1, 2]] }, 'plain'), '1 × 2')
  assert.equal(shown({ text: '[1, 2]', shape: [2], picture: [[1, 2]] }, 'plain'), '2 numbers')
  assert.equal(
    shown({ text: 'float32 array (9, 9)', shape: [9, 9], why: 'it was lost' }, 'plain'),
    'float32 array (9, 9)',
  )
})

test('a picture says what it shows', () => {
  const all = { text: '', shape: [1, 3], steps: [1, 1], picture: [[0, 0.123456789, 2]] }
  assert.equal(legend(all), 'Dark is 0, bright is 2.')
  assert.equal(
    legend({ ...all, picture: [[7, null, 7]] }),
    'All that is shown is 7; red is no finite number.',
  )
  assert.equal(
    legend({ ...all, shape: [3, 64, 20], steps: [4, 2] }),
    'Dark is 0, bright is 2; only the first plane is shown; one row in 4, and of that one column in 2 is shown.',
  )
  assert.equal(legend({ ...all, shape: [1, 1, 3] }), 'Dark is 0, bright is 2.')
  assert.equal(
    legend({ ...all, shape: [40], steps: [1, 3] }),
    'Dark is 0, bright is 2; one number in 3 is shown.',
  )
  assert.equal(legend({ text: '', shape: [9], why: 'it was lost' }), 'No picture: it was lost.')
  assert.equal(legend({ ...all, picture: [[null, null, null]] }), 'Red is no finite number.')
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
