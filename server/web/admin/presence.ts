// What clients say of themselves in the awareness (a name, a colour, where their cursor is), made presentable. All of it
// is hostile until it has passed here: names are text, colours are six hexadecimal digits, positions may be anything.

import * as Y from 'yjs'
import type { AnyType } from './document'
import { rootName, rootsOf, typeName, withEmbeds } from './document'
import { nameOf, oneLine } from './words'

export interface Cursor {
  /** "line 4, column 12", or what is known of a place that is in no text. */
  words: string
  root: string
  /** The text around it; empty outside of texts. */
  before: string
  after: string
  selected: number
}
export interface Presence { client: number, name: string, colour: string, cursor: Cursor | null }

const AROUND = 24
const COLOURS = ['#3d6fb5', '#2f7d5b', '#a85b1c', '#8a4fb0', '#b0415e', '#257a8a', '#7a6a1f', '#5b62c2']

export function presenceOf(client: number, state: unknown, doc: Y.Doc | null): Presence {
  const user = field(state, 'user')
  const named = [field(user, 'name'), field(state, 'name')].find((name) => typeof name === 'string' && name.trim() !== '')
  const coloured = [field(user, 'color'), field(state, 'color')].find((colour) => /^#[0-9a-f]{6}$/i.test(String(colour)))
  return {
    client,
    name: named === undefined ? '' : oneLine(nameOf(String(named).trim()), 60),
    colour: coloured === undefined ? colourOf(client) : String(coloured),
    cursor: doc === null ? null : cursorOf(state, doc)
  }
}

export function colourOf(client: number): string {
  return COLOURS[client % COLOURS.length]!
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** The first pair of relative positions among the fields: editors name it cursor or selection. */
function cursorOf(state: unknown, doc: Y.Doc): Cursor | null {
  if (typeof state !== 'object' || state === null) return null
  for (const value of Object.values(state)) {
    const [anchor, head] = [placeOf(field(value, 'anchor'), doc), placeOf(field(value, 'head'), doc)]
    if (head === null) continue
    const selected = anchor !== null && anchor.type === head.type ? Math.abs(anchor.index - head.index) : 0
    return describe(head.type, head.index, selected)
  }
  return null
}

function placeOf(json: unknown, doc: Y.Doc): { type: AnyType, index: number } | null {
  if (typeof json !== 'object' || json === null) return null
  try {
    const place = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), doc)
    return place === null ? null : { type: place.type, index: place.index }
  } catch {
    return null
  }
}

function describe(type: AnyType, index: number, selected: number): Cursor {
  let root = type
  while (root._item !== null) root = root._item.parent as AnyType
  const name = rootName(root)
  // A root gets its type when somebody asks for it as one.
  const known = rootsOf(root.doc!).find((each) => each.name === name)
  const place = type === root ? known?.type ?? type : type
  if (!(place instanceof Y.Text)) return { words: `place ${index} in ${typeName(place)}`, root: name, before: '', after: '', selected }
  const text = withEmbeds(place)
  const lines = text.slice(0, index).split('\n')
  const line = text.slice(index).split('\n', 1)[0] ?? ''
  return {
    words: `line ${lines.length}, column ${lines.at(-1)!.length + 1}`,
    root: name,
    before: lines.at(-1)!.slice(-AROUND),
    after: line.slice(0, AROUND),
    selected
  }
}
