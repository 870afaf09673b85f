// Elements, in a line each.

type Attributes = Record<string, string | number | boolean | undefined>
type Child = Node | string | null | undefined | false

/** An element. Attributes that are false or undefined are left out, true ones are there without a value. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, label)
  element.addEventListener('click', act)
  return element
}

export function select(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  chosen: string | undefined,
  act: (value: string) => void,
): HTMLSelectElement {
  const element = el('select', { 'aria-label': label, title: label })
  for (const [value, text] of options)
    element.append(el('option', { value, selected: value === chosen }, text))
  element.addEventListener('change', () => act(element.value))
  return element
}

/** Say something to who hears the page, and show it until something else is said. */
export function say(text: string): void {
  const toast = document.getElementById('toast')
  if (toast) toast.textContent = text
}
