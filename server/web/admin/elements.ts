// Elements, made of tag, attributes and children. Strings become text and never markup: names of rooms and contents of
// documents are written by strangers. Nothing on this page makes markup of a string in any other way either; the
// Content-Security-Policy (trusted types) has browsers refuse it.

export type Child = Node | string | number | null | undefined | false | Child[]
type Listener = (event: any) => void
type Value = string | number | boolean | null | undefined | Listener

const SVG = 'http://www.w3.org/2000/svg'

/**
 * `onclick: f` listens, `true` sets an empty attribute, `false`, null and undefined set none; `class` and the rest are
 * attributes, `value` and `checked` of a form's control its present value.
 */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, attributes: Record<string, Value> = {}, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  setAttributes(element, attributes)
  append(element, children)
  return element
}

export function makeSvg(tag: string, attributes: Record<string, Value> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag)
  setAttributes(element, attributes)
  append(element, children)
  return element
}

/** An icon of strokes, 20 by 20, that says nothing to a screen reader. */
export function icon(path: string): SVGElement {
  return makeSvg('svg', { viewBox: '0 0 20 20', class: 'icon', 'aria-hidden': 'true' }, makeSvg('path', { d: path }))
}

export const ICONS = {
  freeze: 'M10 2.500v15M3.500 6.250l13 7.500M16.500 6.250l-13 7.500M8 3.500l2 2 2-2M8 16.500l2-2 2 2',
  trash: 'M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500l.75 11h7.500l.75-11M8.500 8.500v5M11.500 8.500v5',
  search: 'M9 3.500a5.500 5.500 0 1 1 0 11 5.500 5.500 0 0 1 0-11M13 13l4 4',
  back: 'M12.500 4.500 7 10l5.500 5.500',
  forward: 'M7.500 4.500 13 10l-5.500 5.500',
  play: 'M6.500 4.500v11l9-5.500z',
  pause: 'M7 4.500v11M13 4.500v11',
  leave: 'M8 3.500H4.500v13H8M12 6.500l3.500 3.500-3.500 3.500M8 10h7.500',
  theme: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 3a7 7 0 0 1 0 14z',
  restore: 'M4 4.500v4h4M4.500 8.500a6 6 0 1 1-.5 3.500',
  tag: 'M3.500 9.500v-6h6l7 7-6 6zM6.750 6.750h.01',
  warning: 'M10 3.500 17.500 16.500h-15zM10 8v4M10 14.250v.01'
}

export function append(element: Element, children: Child): void {
  if (Array.isArray(children)) for (const child of children) append(element, child)
  else if (children !== null && children !== undefined && children !== false) {
    element.append(children instanceof Node ? children : String(children))
  }
}

/** Replaces all that is in `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren()
  append(element, children)
}

/** Changes a text only when it is another one, so that selections and screen readers are left alone. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

function setAttributes(element: Element, attributes: Record<string, Value>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else if ((name === 'value' || name === 'checked') && element instanceof HTMLElement) Reflect.set(element, name, value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value))
  }
}
