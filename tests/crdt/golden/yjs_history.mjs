// Histories that real Yjs replicas write together, from a seed: every shared type, every kind of
// content, concurrent edits. What comes out are the updates in the order they were emitted, and what a
// Yjs document shows while they are delivered in some order.

import * as Y from 'yjs'
import { encodeValue } from '../oracle/yjs_values.mjs'

// A small fast generator of 32-bit numbers (mulberry32), so that a seed means the same everywhere.
export class Random {
  constructor (seed) { this.state = seed >>> 0 }

  next () {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let z = this.state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return (z ^ (z >>> 14)) >>> 0
  }

  below (bound) { return this.next() % bound }
  chance (percent) { return this.below(100) < percent }
  pick (list) { return list[this.below(list.length)] }
  shuffle (list) {
    const result = [...list]
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      ;[result[i], result[j]] = [result[j], result[i]]
    }
    return result
  }
}

// The root types of every history.
export const rootTypes = {
  text: 'text', array: 'array', map: 'map', xml: 'xmlfragment', xmltext: 'xmltext'
}
export const defineRoots = (doc) => ({
  text: doc.getText('text'),
  array: doc.getArray('array'),
  map: doc.getMap('map'),
  xml: doc.getXmlFragment('xml'),
  xmltext: doc.get('xmltext', Y.XmlText)
})

const words = ['a', 'bc', 'def ', 'hello world', 'é', '中文', '\u{1F600}', 'x\u{1F468}\u{1F3FD}y', '\n', '"\\']
const keys = ['a', 'b', 'key', '1', '10', '', 'ключ', '\u{1F511}']
const attributeSets = [
  { bold: true }, { bold: null }, { italic: true }, { color: 'red' }, { color: 'blue', bold: true },
  { link: { href: 'https://example.org', n: 1.5 } }, { italic: null, color: null }
]
const numbers = [0, -1, 63, 64, 127, -64, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, 0.5, 1e300, -0, Infinity, NaN]

const randomValue = (random, depth = 0) => {
  switch (random.below(depth < 2 ? 8 : 5)) {
    case 0: return random.pick(numbers)
    case 1: return random.pick(words)
    case 2: return random.chance(50)
    case 3: return null
    case 4: return random.below(1000)
    case 5: return Array.from({ length: random.below(4) }, () => randomValue(random, depth + 1))
    case 6: return Object.fromEntries(Array.from({ length: random.below(4) },
      () => [random.pick(keys), randomValue(random, depth + 1)]))
    default: return { nested: [undefined, 12345678901234567890n % 2n ** 62n, random.pick(words)] }
  }
}

const randomXmlNode = (random, depth = 0) => {
  if (random.chance(40)) return new Y.XmlText(random.pick(words))
  const element = new Y.XmlElement(random.pick(['p', 'div', 'img']))
  if (depth < 2) {
    element.insert(0, Array.from({ length: random.below(3) }, () => randomXmlNode(random, depth + 1)))
  }
  if (random.chance(50)) element.setAttribute(random.pick(['id', 'class']), random.pick(words))
  return element
}

const randomContent = (random, state, depth = 0) => {
  if (depth > 2 || random.chance(55)) return randomValue(random)
  switch (random.below(7)) {
    case 0: return new Y.Text(random.pick(words))
    case 1: return Y.Array.from(Array.from({ length: random.below(3) },
      () => randomContent(random, state, depth + 1)))
    case 2: return new Y.Map(Array.from({ length: random.below(3) },
      () => [random.pick(keys), randomContent(random, state, depth + 1)]))
    case 3: return new Uint8Array([random.below(256), 0, 255])
    case 4: return state.kinds.includes('xml') ? randomXmlNode(random) : randomValue(random)
    case 5: return state.kinds.includes('subdocument')
      ? new Y.Doc({
        guid: `subdocument-${state.subdocuments++}`,
        ...random.pick([{}, { autoLoad: true }, { gc: false }, { meta: { title: 'x', n: [1, null] } }])
      })
      : randomValue(random)
    default: return new Y.Text()
  }
}

const editText = (random, text, state) => {
  const length = text.length
  const index = random.below(length + 1)
  const count = random.below(Math.min(length - index, 6) + 1)
  const rich = state.kinds.includes('format')
  switch (random.below(rich ? 7 : 4)) {
    case 0: case 1: return text.insert(index, random.pick(words))
    case 2: return text.insert(index, random.pick(words) + random.pick(words))
    case 3: return text.delete(index, count)
    case 4: return text.insert(index, random.pick(words), random.pick(attributeSets))
    case 5: return text.format(index, count, random.pick(attributeSets))
    default: return text.insertEmbed(index,
      random.chance(70) ? { image: random.pick(words) } : new Y.Map([['k', 1]]),
      random.chance(50) ? random.pick(attributeSets) : undefined)
  }
}

const editArray = (random, array, state) => {
  const index = random.below(array.length + 1)
  if (random.chance(65)) {
    const contents = Array.from({ length: 1 + random.below(3) }, () => randomContent(random, state))
    return array.insert(index, contents)
  }
  return array.delete(index, random.below(Math.min(array.length - index, 3) + 1))
}

const editMap = (random, map, state) => {
  const key = random.pick(keys)
  if (random.chance(20)) return map.delete(key)
  return map.set(key, random.chance(10) ? undefined : randomContent(random, state))
}

const editXml = (random, fragment, state) => {
  const index = random.below(fragment.length + 1)
  if (fragment instanceof Y.XmlElement && random.chance(30)) {
    return random.chance(70)
      ? fragment.setAttribute(random.pick(['id', 'class']), random.pick(words))
      : fragment.removeAttribute(random.pick(['id', 'class']))
  }
  if (random.chance(65)) {
    const nodes = Array.from({ length: 1 + random.below(2) }, () => randomXmlNode(random))
    return fragment.insert(index, nodes)
  }
  return fragment.delete(index, random.below(Math.min(fragment.length - index, 2) + 1))
}

const childrenOf = (type) => {
  const children = type instanceof Y.Map ? [...type.values()]
    : type instanceof Y.Text ? [] : type.toArray()
  return children.filter((child) => child instanceof Y.AbstractType)
}

const editSomething = (random, doc, state) => {
  let type = defineRoots(doc)[random.pick(state.roots)]
  for (let depth = random.below(4); depth > 0; depth--) {
    const children = childrenOf(type)
    if (children.length === 0) break
    type = random.pick(children)
  }
  if (type instanceof Y.Text) editText(random, type, state)
  else if (type instanceof Y.Array) editArray(random, type, state)
  else if (type instanceof Y.Map) editMap(random, type, state)
  else editXml(random, type, state)
}

const clientIds = [1, 2, 127, 128, 300, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53 - 2, 65536, 5]

// The updates of a random history, in the order they were emitted. `kinds` are what may stand in it
// beside text, values, arrays and maps: "format" (and embeds), "xml" (in arrays and maps), "subdocument".
export const writeHistory = ({ seed, replicas = 3, steps = 30, kinds = ['format', 'xml', 'subdocument'], roots = Object.keys(rootTypes), gc = true }) => {
  const random = new Random(seed)
  const state = { kinds, roots, subdocuments: 0 }
  const updates = []
  const ids = random.shuffle(clientIds)
  const docs = Array.from({ length: replicas }, (_, i) => {
    const doc = new Y.Doc({ gc })
    doc.clientID = ids[i % ids.length] + (i >= ids.length ? i : 0)
    doc.on('update', (update, origin) => { if (origin !== 'network') updates.push(update) })
    return doc
  })
  for (let step = 0; step < steps; step++) {
    const doc = random.pick(docs)
    if (updates.length > 0 && random.chance(35)) {
      const other = random.pick(docs)
      if (random.chance(50)) {
        Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)), 'network')
      } else {
        Y.applyUpdate(doc, random.pick(updates), 'network')
      }
      continue
    }
    doc.transact(() => {
      for (let edits = random.chance(70) ? 1 : 1 + random.below(4); edits > 0; edits--) {
        editSomething(random, doc, state)
      }
    })
  }
  return updates
}

// What a new Yjs document shows while `updates` are delivered by their numbers in `order`: its state
// after each, and at the end its state vector and the JSON of the roots in `types`.
// `rooted` tells whether the document knows its root types from the start: formatting is cleaned up only then.
export const deliver = ({ updates, order, rooted, types = {}, gc = true }) => {
  const doc = new Y.Doc({ gc })
  doc.clientID = 0
  if (rooted) for (const name of Object.keys(types)) getRoot(doc, name, types[name])
  const states = order.map((number) => {
    Y.applyUpdate(doc, updates[number])
    return Y.encodeStateAsUpdate(doc)
  })
  const json = Object.fromEntries(Object.keys(types)
    .map((name) => [name, encodeValue(getRoot(doc, name, types[name]))]))
  return { states, sv: Y.encodeStateVector(doc), json }
}

const getRoot = (doc, name, kind) => ({
  text: () => doc.getText(name),
  array: () => doc.getArray(name),
  map: () => doc.getMap(name),
  xmlfragment: () => doc.getXmlFragment(name),
  xmltext: () => doc.get(name, Y.XmlText)
}[kind]())
