// Random edits of every kind that Yjs offers, in the shared types of one document.

import * as Y from 'yjs'

const kWords = ['one', 'two ', 'ärger', '漢字', 'a😀b', '\n', 'x', 'a longer run of text ']
const kKeys = ['title', 'done', 'ключ', '']
const kValues = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  2 ** 40,
  'word',
  [1, [2]],
  { a: 1, b: [null] },
  new Uint8Array([0, 255])
]
const kMaxDepth = 4

/** The shared types that edits start from. */
const rootsOf = (doc) => ({
  text: doc.getText('text'),
  array: doc.getArray('array'),
  map: doc.getMap('map'),
  xml: doc.getXmlFragment('xml')
})

/** What a user sees of a document that was edited here. */
export function readDocument(doc) {
  const { text, array, map, xml } = rootsOf(doc)
  return { text: text.toString(), delta: text.toDelta(), array: array.toJSON(), map: map.toJSON(), xml: xml.toString() }
}

/** One edit at a random place. Removals are rarer than additions, so documents grow slowly. */
export function editSomewhere(doc, random) {
  const { text, array, map, xml } = rootsOf(doc)
  const [start, edit] = random.pick([
    [text, editText],
    [text, formatText],
    [array, editArray],
    [map, editMap],
    [xml, editXml]
  ])
  edit(start, random, 0)
}

/** A position, and a length from it, within `size` elements. */
function somewhere(size, random) {
  const position = random.integer(0, size + 1)
  return { position, length: Math.min(size - position, random.integer(1, 4)) }
}

/**
 * A position, and a length from it, that split no surrogate pair: editors do not put a cursor there, and when
 * one does all the same, replicas of Yjs itself end up with different text.
 */
function somewhereInText(text, random) {
  const boundaries = [0]
  for (const { insert } of text.toDelta()) {
    const units = typeof insert === 'string' ? Array.from(insert, (character) => character.length) : [1]
    for (const length of units) boundaries.push(boundaries.at(-1) + length)
  }
  const { position, length } = somewhere(boundaries.length - 1, random)
  return { position: boundaries[position], length: boundaries[position + length] - boundaries[position] }
}

function editText(text, random) {
  const { position, length } = somewhereInText(text, random)
  if (length > 0 && random.chance(0.3)) text.delete(position, length)
  else text.insert(position, random.pick(kWords))
}

function formatText(text, random) {
  const { position, length } = somewhereInText(text, random)
  if (random.chance(0.1)) text.insertEmbed(position, { image: random.pick(kWords) })
  else if (length === 0) text.insert(position, random.pick(kWords), { italic: true })
  else
    text.format(
      position,
      length,
      random.pick([{ bold: true }, { bold: null }, { color: 'red' }, { link: { href: '#' } }])
    )
}

function editArray(array, random, depth) {
  const { position, length } = somewhere(array.length, random)
  if (length > 0 && random.chance(0.3)) array.delete(position, length)
  else if (array.length > 0 && random.chance(0.4)) editNested(array.get(random.integer(0, array.length)), random, depth)
  else array.insert(position, [somethingNew(random, depth), random.pick(kValues)])
}

function editMap(map, random, depth) {
  const key = random.pick(kKeys)
  if (map.has(key) && random.chance(0.4)) editNested(map.get(key), random, depth)
  else if (random.chance(0.3)) map.delete(key)
  else map.set(key, somethingNew(random, depth))
}

function editXml(parent, random, depth) {
  const { position, length } = somewhere(parent.length, random)
  if (parent instanceof Y.XmlElement && random.chance(0.3))
    parent.setAttribute(random.pick(['class', 'id']), random.pick(kWords))
  else if (length > 0 && random.chance(0.3)) parent.delete(position, length)
  else if (parent.length > 0 && random.chance(0.4))
    editNested(parent.get(random.integer(0, parent.length)), random, depth)
  else parent.insert(position, [random.chance(0.5) ? new Y.XmlElement('p') : new Y.XmlText(random.pick(kWords))])
}

function editNested(value, random, depth) {
  if (value instanceof Y.XmlElement) editXml(value, random, depth + 1)
  else if (value instanceof Y.Text) random.chance(0.5) ? editText(value, random) : formatText(value, random)
  else if (value instanceof Y.Array) editArray(value, random, depth + 1)
  else if (value instanceof Y.Map) editMap(value, random, depth + 1)
}

function somethingNew(random, depth) {
  if (depth >= kMaxDepth || random.chance(0.5)) return random.pick(kValues)
  return random.pick([() => new Y.Text('nested'), () => new Y.Array(), () => new Y.Map()])()
}
