// Writes formats.txt: documents of every type, made by random edits of three real Yjs replicas, in both
// update formats; merges, diffs, state vectors and pending states of their updates. Deterministic; run
// it again after a change of the cases:
//
//   npm ci --prefix tests && node tests/crdt/golden/make_formats.mjs
//
// A line is a case: its kind and its fields, all bytes in hexadecimal.
//   state V1 V2                           the state of a document
//   merge V1 V2 PART,…                    parts in format v2, merged in each format
//   diff UPDATE SV V1 V2 SVOF             an update (v1) cut by a state vector; the update's own vector
//   pending UPDATE V1 V2                  the state of a document that got nothing but the update

import { writeFileSync } from 'node:fs'
import * as Y from 'yjs'

let seed = 7
const below = n => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
  return Math.floor(seed / 65536) % n
}
const pick = list => list[below(list.length)]
const hex = bytes => Buffer.from(bytes).toString('hex')
const lines = []

const edits = [
  ({ text }) => text.insert(below(text.length + 1), pick(['abc', 'é€', '😀x', 'hello world'])),
  ({ text }) => text.insert(below(text.length + 1), pick(['x', '😀', 'longer than nineteen units'])),
  ({ text }) => range(text, 4, (at, count) => text.delete(at, count)),
  ({ text }) => range(text, text.length, (at, count) =>
    text.format(at, count, pick([{ bold: true }, { bold: null }, { color: { r: 1 } }]))),
  ({ text }) => text.insertEmbed(below(text.length + 1), { img: 'u', n: [1, 2.5, null] }),
  ({ array }) => array.insert(below(array.length + 1), [1, 'two', { k: [true, null] }, -0.5, 1e20]),
  ({ array }) => array.insert(below(array.length + 1),
    [new Uint8Array([1, 2]), new Y.Map([['q', 1]]), new Y.Text('nested')]),
  ({ array }) => range(array, 3, (at, count) => array.delete(at, count)),
  ({ map }) => map.set('k' + below(4), pick([1, 's', undefined, null, 12345678901n, new Uint8Array([9])])),
  ({ map }) => map.set('k' + below(4), new Y.Array()),
  ({ map }) => map.set('sub', new Y.Doc({ guid: 'g' + below(9), autoLoad: below(2) === 1, meta: { z: 1 } })),
  ({ map }) => map.delete('k' + below(4)),
  ({ xml }) => {
    const element = new Y.XmlElement('p')
    xml.insert(below(xml.length + 1), [element])
    element.setAttribute('a', 'v' + below(3))
    element.insert(0, [new Y.XmlText('hey')])
  }
]

function range (type, longest, edit) {
  if (type.length === 0) return
  const at = below(type.length)
  edit(at, 1 + below(Math.min(longest, type.length - at)))
}

for (let round = 0; round < 16; round++) {
  const updates = []
  const docs = [1, 300, 2 ** 40 + 5].map(clientId => {
    const doc = new Y.Doc()
    doc.clientID = clientId
    doc.on('update', (update, origin, _, transaction) => { if (transaction.local) updates.push(update) })
    return doc
  })
  for (let i = 0; i < 36; i++) {
    const doc = pick(docs)
    pick(edits)({ text: doc.getText('t'), array: doc.getArray('a'), map: doc.getMap('m'), xml: doc.getXmlFragment('x') })
    const [from, to] = [pick(docs), pick(docs)]
    if (below(4) === 0 && from !== to) {
      Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)))
    }
  }
  for (const doc of docs.slice(1)) Y.applyUpdate(docs[0], Y.encodeStateAsUpdate(doc))
  lines.push(['state', Y.encodeStateAsUpdate(docs[0]), Y.encodeStateAsUpdateV2(docs[0])])

  const parts = updates.filter(() => below(3) > 0)
  const partsV2 = parts.map(Y.convertUpdateFormatV1ToV2)
  const merged = Y.mergeUpdates(parts)
  const mergedV2 = Y.mergeUpdatesV2(partsV2)
  lines.push(['merge', merged, mergedV2, partsV2])
  const vector = Y.encodeStateVector(docs[1])
  lines.push(['diff', merged, vector, Y.diffUpdate(merged, vector), Y.diffUpdateV2(mergedV2, vector),
    Y.encodeStateVectorFromUpdate(merged)])
  const early = new Y.Doc()
  Y.applyUpdate(early, merged)
  lines.push(['pending', merged, Y.encodeStateAsUpdate(early), Y.encodeStateAsUpdateV2(early)])
}

const field = value => typeof value === 'string' ? value : Array.isArray(value) ? value.map(hex).join(',') : hex(value)
writeFileSync(new URL('formats.txt', import.meta.url), lines.map(line => line.map(field).join(' ') + '\n').join(''))
