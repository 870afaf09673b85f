// The grid's words for an order of rows, in the server's.

import type { Filter, Operator, Order } from './protocol'

export type SortModel = readonly { colId: string; sort: 'asc' | 'desc' }[]

interface Condition {
  type: string
  filter?: string | number | null
  filterTo?: number | null
}

export type FilterModel = Record<string, Condition>

const OPERATORS: Record<string, Operator> = {
  equals: '=',
  notEqual: '!=',
  lessThan: '<',
  lessThanOrEqual: '<=',
  greaterThan: '>',
  greaterThanOrEqual: '>=',
  contains: 'contains',
}

export function orderOf(sort: SortModel, filter: FilterModel): Order {
  return {
    sort: sort.map(({ colId, sort }) => ({ column: colId, descending: sort === 'desc' })),
    filter: Object.entries(filter).flatMap(([column, condition]) => conditions(column, condition)),
  }
}

function conditions(column: string, { type, filter, filterTo }: Condition): Filter[] {
  if (type === 'blank') return [{ column, operator: 'null' }]
  if (type === 'notBlank') return [{ column, operator: 'not null' }]
  if (filter === null || filter === undefined) return []
  if (type === 'inRange') {
    const least: Filter = { column, operator: '>=', value: filter }
    return typeof filterTo === 'number' ? [least, { column, operator: '<=', value: filterTo }] : [least]
  }
  const operator = OPERATORS[type]
  return operator ? [{ column, operator, value: filter }] : []
}
