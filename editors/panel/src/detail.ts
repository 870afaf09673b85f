// A cell in full.

import { isLong, origin, whole } from './cells'
import { button, el, say } from './dom'
import type { Host } from './host'
import { legend, picture } from './picture'
import type { Cell, Column, Order, Table } from './protocol'
import { plural } from './words'

/** Show a cell in a dialog; what was cut is asked for. */
export async function showCell(
  host: Host,
  table: Table,
  column: Column,
  row: number,
  order: Order,
  cell: Cell,
  reveal: (column: Column) => void,
): Promise<void> {
  let text = whole(cell)
  if (isLong(cell)) {
    const found = await host.request<{ text: string | null }>('flor/cell', {
      handle: table.handle,
      row,
      column: column.name,
      ...order,
    })
    text = found.text ?? ''
  }
  const dialog = el('dialog', { class: 'detail', 'aria-label': `${column.name}, row ${row + 1}` })
  const shown = cell === null ? el('p', { class: 'null' }, 'NULL') : el('pre', { tabindex: 0 }, text)
  const about =
    isLong(cell) && cell.shape
      ? `shape ${cell.shape.join(' × ')}`
      : column.type === 'text' && plural(text.length, 'character')
  dialog.append(
    el(
      'header',
      {},
      el('strong', {}, column.name),
      el('span', {}, `row ${(row + 1).toLocaleString('en')}`),
      about && cell !== null ? el('span', {}, about) : null,
    ),
    ...(column.text ? [el('code', {}, origin(column))] : []),
    ...(isLong(cell) && cell.picture ? [picture(cell.picture)] : []),
    ...(isLong(cell) && cell.shape ? [el('p', { class: 'legend' }, legend(cell))] : []),
    shown,
    el(
      'footer',
      {},
      cell !== null &&
        button('Copy', () => void navigator.clipboard.writeText(text).then(() => say('Copied.'))),
      column.role === 'name' && button('Go to the code', () => reveal(column)),
      button('Close', () => dialog.close(), { autofocus: true }),
    ),
  )
  dialog.addEventListener('close', () => dialog.remove())
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close())
  document.body.append(dialog)
  dialog.showModal()
  dialog.scrollTop = 0 // the button that has the focus is at its end
}
