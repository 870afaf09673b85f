// The grid's sort and filter in the server's words; a plot's series in uPlot's.

import assert from 'node:assert/strict'
import test from 'node:test'
import { source } from './source.mjs'

const { orderOf } = await source('order')

test('sort and filter', () => {
  const filter = {
    a: { type: 'equals', filter: 1 },
    b: { type: 'inRange', filter: 1, filterTo: 2 },
    c: { type: 'blank' },
    d: { type: 'contains', filter: 'x' },
    e: { type: 'equals', filter: null },
  }
  assert.deepEqual(orderOf([{ colId: 'a', sort: 'desc' }], filter), {
    sort: [{ column: 'a', descending: true }],
    filter: [
      { column: 'a', operator: '=', value: 1 },
      { column: 'b', operator: '>=', value: 1 },
      { column: 'b', operator: '<=', value: 2 },
      { column: 'c', operator: 'null' },
      { column: 'd', operator: 'contains', value: 'x' },
    ],
  })
})

test('a series is ascending in x, and each x is there once', async () => {
  const { ascending } = await source('series')
  assert.deepEqual(ascending({ x: [3, 1, null, 1, 2], y: [30, 10, 99, 11, null] }), [
    [1, 2, 3],
    [11, null, 30],
  ])
})
