// Writes updates.json: histories made by the real Yjs, and what Yjs shows when their updates are
// delivered in several orders. Deterministic; run it again after a change of the cases:
//
//   npm ci --prefix tests && node tests/crdt/golden/make_updates.mjs
//
//   file     := {"yjs": version, "cases": [case]}
//   case     := {"name", "gc", "types": {root: kind}, "updates": [v1 as base64], "deliveries": [delivery]}
//   delivery := {"name", "rooted", "order": [number of an update], "states": [v1 as base64 after each],
//                "sv": base64, "json": {root: value}}
//
// A state equal to the one before is written as "". The update numbered updates.length is the merged
// one: the state after the first delivery. `rooted` deliveries name the root types before the first update.

import { createRequire } from 'node:module'
import { writeFileSync } from 'node:fs'
import * as Y from 'yjs'
import { deliver, writeHistory } from './yjs_history.mjs'
import { toBase64 } from '../oracle/yjs_values.mjs'

const { version } = createRequire(import.meta.url)('yjs/package.json')

// Replicas whose edits are recorded as updates.
class Session {
  constructor ({ gc = true } = {}) {
    this.gc = gc
    this.updates = []
    this.docs = new Map()
  }

  replica (clientId) {
    const doc = new Y.Doc({ gc: this.gc })
    doc.clientID = clientId
    doc.on('update', (update, origin) => { if (origin !== 'network') this.updates.push(update) })
    this.docs.set(clientId, doc)
    return doc
  }

  // Everybody gets everything.
  syncAll () {
    for (let round = 0; round < 2; round++) {
      for (const from of this.docs.values()) {
        for (const to of this.docs.values()) {
          Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'network')
        }
      }
    }
  }
}

const cases = []
const addCase = (name, types, write, { gc = true, roots = [false, true] } = {}) => {
  const session = new Session({ gc })
  write(session)
  cases.push(describe(name, types, session.updates, gc, roots))
}

const describe = (name, types, updates, gc, roots = [false, true]) => {
  const numbers = updates.map((_, i) => i)
  const merged = deliver({ updates, order: numbers, rooted: false, gc }).states.at(-1)
  const all = [...updates, merged]
  const orders = {
    'in order': numbers,
    reversed: [...numbers].reverse(),
    'each twice': numbers.flatMap((number) => [number, number]),
    'odd numbers first': [...numbers.filter((n) => n % 2 === 1), ...numbers.filter((n) => n % 2 === 0)],
    'as one merged state': [updates.length]
  }
  const deliveries = []
  for (const [orderName, order] of Object.entries(orders)) {
    for (const rooted of roots) {
      const { states, sv, json } = deliver({ updates: all, order, rooted, types, gc })
      deliveries.push({
        name: orderName,
        rooted,
        order,
        states: states.map(toBase64).map((state, i, list) => state === list[i - 1] ? '' : state),
        sv: toBase64(sv),
        json
      })
    }
  }
  // A case in which it makes no difference whether the roots were named says it once.
  const same = roots.length === 2 && deliveries.every((delivery, i) =>
    i % 2 === 0 || JSON.stringify({ ...delivery, rooted: false }) === JSON.stringify(deliveries[i - 1]))
  return {
    name,
    gc,
    types,
    updates: updates.map(toBase64),
    deliveries: same ? deliveries.filter(({ rooted }) => rooted) : deliveries
  }
}

addCase('typing one character at a time', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  for (const character of 'hello') text.insert(text.length, character)
})

addCase('typing at the start', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  for (const character of 'hello') text.insert(0, character)
})

addCase('deleting in the middle, at both ends and everything', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  text.insert(0, 'abcdefghij')
  text.delete(4, 2)
  text.delete(0, 1)
  text.delete(6, 1)
  text.insert(3, 'new')
  text.delete(0, text.length)
  text.insert(0, 'again')
})

addCase('several edits in one transaction', { text: 'text', map: 'map', array: 'array' }, (session) => {
  const doc = session.replica(1)
  doc.transact(() => {
    doc.getText('text').insert(0, 'one')
    doc.getMap('map').set('a', 1)
    doc.getText('text').insert(3, ' two')
    doc.getArray('array').push([1, 2, 3])
    doc.getText('text').delete(1, 4)
    doc.getMap('map').set('a', 2)
  })
  doc.transact(() => {
    doc.getText('text').insert(0, 'gone')
    doc.getText('text').delete(0, 4)
  })
})

addCase('three clients insert at one place at once', { text: 'text' }, (session) => {
  const docs = [30, 10, 20].map((clientId) => session.replica(clientId))
  docs[0].getText('text').insert(0, '[]')
  session.syncAll()
  for (const doc of docs) {
    const text = doc.getText('text')
    text.insert(1, `<${doc.clientID}`)
    text.insert(1 + `<${doc.clientID}`.length, '>')
  }
  session.syncAll()
  for (const doc of docs) doc.getText('text').insert(1, `${doc.clientID}`)
})

addCase('five clients type backwards at one place', { text: 'text' }, (session) => {
  const docs = [5, 4, 3, 2, 1].map((clientId) => session.replica(clientId))
  for (const doc of docs) {
    for (const character of ['3', '2', '1']) doc.getText('text').insert(0, `${doc.clientID}${character} `)
  }
})

addCase('overlapping deletes of two clients', { text: 'text' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  a.getText('text').insert(0, 'abcdefghij')
  session.syncAll()
  a.getText('text').delete(2, 5)
  b.getText('text').delete(4, 5)
  b.getText('text').insert(4, 'X')
  a.getText('text').insert(2, 'Y')
})

addCase('an insert into a range that another client deletes', { text: 'text' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  a.getText('text').insert(0, 'abcdef')
  session.syncAll()
  a.getText('text').delete(0, 6)
  b.getText('text').insert(3, 'kept')
})

addCase('surrogate pairs, typed, split and deleted by halves', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  text.insert(0, 'A\u{1F600}B\u{1F468}\u{200D}\u{1F469}C')
  text.insert(2, 'x')
  text.delete(5, 1)
  text.insert(text.length, '\u{10FFFF}é中')
})

addCase('a map key that three clients set and delete at once', { map: 'map' }, (session) => {
  const docs = [3, 1, 2].map((clientId) => session.replica(clientId))
  docs[0].getMap('map').set('key', 'first')
  session.syncAll()
  docs[0].getMap('map').set('key', 'by 3')
  docs[1].getMap('map').set('key', 'by 1')
  docs[1].getMap('map').set('key', 'by 1 again')
  docs[2].getMap('map').delete('key')
  docs[2].getMap('map').set('other', null)
})

addCase('values of every kind in a map', { map: 'map' }, (session) => {
  const map = session.replica(1).getMap('map')
  const values = {
    null: null,
    true: true,
    false: false,
    zero: 0,
    'minus zero': -0,
    integer: 63,
    'two bytes': 64,
    negative: -65,
    'largest varint': 2 ** 31 - 1,
    'first float': 2 ** 31,
    double: 0.1,
    time: 1.7e12,
    safe: 2 ** 53 - 1,
    infinity: Infinity,
    nan: NaN,
    bigint: -(2n ** 63n),
    empty: '',
    string: 'é中\u{1F600}"\\\u0000\n',
    binary: new Uint8Array([0, 1, 254, 255]),
    'no bytes': new Uint8Array(0),
    array: [1, [2, [3, []]], { a: null }],
    object: { z: 1, a: { b: [true, undefined] }, 10: 'ten', 9: 'nine', '': 0 }
  }
  for (const [key, value] of Object.entries(values)) map.set(key, value)
  map.set('undefined', undefined)
})

addCase('values of every kind in an array', { array: 'array' }, (session) => {
  const array = session.replica(1).getArray('array')
  array.push([1, 'two', null, true, 0.5, [1, 2], { a: 1 }])
  array.insert(3, [new Uint8Array([1, 2, 3]), 'after'])
  array.insert(0, [false, new Uint8Array(0), new Uint8Array([255])])
  array.delete(2, 3)
  array.push([[], {}, ''])
})

addCase('arrays edited by two clients', { array: 'array' }, (session) => {
  const [a, b] = [session.replica(7), session.replica(6)]
  a.getArray('array').push([1, 2, 3, 4, 5])
  session.syncAll()
  a.getArray('array').delete(1, 3)
  b.getArray('array').insert(2, ['b', 'c'])
  b.getArray('array').delete(4, 1)
  session.syncAll()
  a.getArray('array').insert(1, ['end'])
})

const nest = (parent, depth) => {
  if (depth === 0) return
  const array = new Y.Array()
  parent.set('array', array)
  array.push([depth, new Y.Text(`level ${depth}`), new Y.Map()])
  nest(array.get(2), depth - 1)
}

addCase('types nested in each other twelve deep', { map: 'map' }, (session) => {
  const doc = session.replica(1)
  nest(doc.getMap('map'), 4)
  let map = doc.getMap('map')
  for (let depth = 0; depth < 4; depth++) {
    map.get('array').get(1).insert(0, '>')
    map = map.get('array').get(2)
  }
})

addCase('nested types that are deleted and collected', { map: 'map', array: 'array' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  nest(a.getMap('map'), 3)
  a.getArray('array').push([Y.Array.from([1, 2, new Y.Text('deep')]), 'stays'])
  session.syncAll()
  b.getMap('map').get('array').get(1).insert(0, 'concurrent with the deletion ')
  b.getArray('array').get(0).push(['also'])
  a.getMap('map').delete('array')
  a.getArray('array').delete(0, 1)
  session.syncAll()
  b.getMap('map').set('array', 'replaced')
})

addCase('an edit inside a nested type that another client replaces', { map: 'map' }, (session) => {
  const [a, b] = [session.replica(2), session.replica(1)]
  a.getMap('map').set('child', new Y.Map([['x', 1]]))
  session.syncAll()
  a.getMap('map').set('child', new Y.Map([['y', 2]]))
  b.getMap('map').get('child').set('x', new Y.Text('lost'))
  b.getMap('map').get('child').set('z', [1])
})

addCase('without garbage collection deleted content stays', { text: 'text', map: 'map' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  a.getText('text').insert(0, 'abcdef')
  nest(a.getMap('map'), 2)
  session.syncAll()
  b.getText('text').delete(1, 4)
  a.getText('text').insert(3, 'xyz')
  b.getMap('map').delete('array')
}, { gc: false })

addCase('formats, overlapping and removed', { text: 'text' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  a.getText('text').insert(0, 'the quick brown fox')
  session.syncAll()
  a.getText('text').format(4, 11, { bold: true })
  b.getText('text').format(0, 9, { bold: true, link: { href: 'https://example.org' } })
  session.syncAll()
  a.getText('text').format(0, 19, { bold: null })
  b.getText('text').insert(6, 'er', { italic: true })
  b.getText('text').delete(4, 8)
})

// Only without named roots: a Text that knows its formats would clean up the doubled marks.
addCase('two clients make the same words bold at once', { text: 'text' }, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  a.getText('text').insert(0, 'one two three')
  session.syncAll()
  a.getText('text').format(0, 3, { bold: true })
  b.getText('text').format(0, 3, { bold: true })
  b.getText('text').insert(5, 'x')
}, { roots: [false] })

addCase('embeds between characters', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  text.insert(0, 'before after')
  text.insertEmbed(7, { image: 'picture.png', size: [1.5, 2] })
  text.insertEmbed(7, new Y.Map([['nested', 'type']]), { align: 'left' })
  text.delete(5, 1)
})

addCase('elements, attributes and text of XML', {}, (session) => {
  const [a, b] = [session.replica(1), session.replica(2)]
  const paragraph = new Y.XmlElement('p')
  paragraph.setAttribute('class', 'first')
  paragraph.insert(0, [new Y.XmlText('some text'), new Y.XmlElement('br')])
  a.getXmlFragment('xml').insert(0, [paragraph, new Y.XmlElement('hr')])
  session.syncAll()
  a.getXmlFragment('xml').get(0).get(0).format(0, 4, { em: {} })
  b.getXmlFragment('xml').get(0).setAttribute('class', 'second')
  b.getXmlFragment('xml').get(0).delete(1, 1)
  b.getXmlFragment('xml').get(0).insert(0, [new Y.XmlHook('hook')])
  session.syncAll()
  a.getXmlFragment('xml').delete(0, 1)
})

addCase('subdocuments with their options', {}, (session) => {
  const doc = session.replica(1)
  const map = doc.getMap('map')
  map.set('plain', new Y.Doc({ guid: 'guid-1' }))
  map.set('options', new Y.Doc({ guid: 'guid-2', autoLoad: true, gc: false, meta: { title: 'é', n: [1, null] } }))
  doc.getArray('array').push([1, new Y.Doc({ guid: 'guid-3', autoLoad: true }), 2])
  map.set('plain', 'replaced')
})

addCase('client ids of 53 bits', { text: 'text', map: 'map' }, (session) => {
  const ids = [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 32, 2 ** 32 - 1, 2 ** 31, 127, 128, 1]
  for (const id of ids) session.replica(id)
  for (const doc of session.docs.values()) {
    doc.getText('text').insert(0, `${doc.clientID} `)
    doc.getMap('map').set('writer', doc.clientID)
  }
  session.syncAll()
  session.docs.get(2 ** 53 - 1).getText('text').delete(3, 20)
})

addCase('an edit that depends on clients seen later', { text: 'text', map: 'map' }, (session) => {
  const [a, b, c] = [session.replica(1), session.replica(2), session.replica(3)]
  a.getText('text').insert(0, 'base')
  a.getMap('map').set('child', new Y.Map())
  session.syncAll()
  b.getText('text').insert(2, 'bb')
  b.getMap('map').get('child').set('from b', new Y.Array())
  session.syncAll()
  c.getText('text').insert(3, 'c')
  c.getMap('map').get('child').get('from b').push(['from c'])
  c.getText('text').delete(1, 4)
})

addCase('deletes of characters that come later', { text: 'text' }, (session) => {
  const [a, b] = [session.replica(9), session.replica(8)]
  const text = a.getText('text')
  text.insert(0, 'one ')
  text.insert(4, 'two ')
  text.insert(8, 'three')
  session.syncAll()
  b.getText('text').delete(2, 8)
  b.getText('text').delete(0, 1)
  session.syncAll()
  text.insert(1, 'more')
})

addCase('updates that overlap what is known', { text: 'text' }, (session) => {
  const doc = session.replica(1)
  const text = doc.getText('text')
  const states = []
  for (const word of ['alpha ', 'beta ', 'gamma ']) {
    text.insert(text.length, word)
    states.push(Y.encodeStateAsUpdate(doc))
  }
  text.insert(3, '|')
  states.push(Y.encodeStateAsUpdate(doc, Y.encodeStateVectorFromUpdate(states[0])))
  session.updates.push(...states, Y.mergeUpdates([session.updates[0], session.updates[2]]))
})

addCase('updates without content', { text: 'text' }, (session) => {
  const text = session.replica(1).getText('text')
  session.updates.push(new Uint8Array([0, 0]))
  text.insert(0, 'x')
  session.updates.push(new Uint8Array([0, 0]))
})

// Found by random networks; their updates as they were minimised.
const addFound = (name, updates) =>
  cases.push(describe(name, {}, updates.map((text) => new Uint8Array(Buffer.from(text, 'base64'))), true))

addFound('a collected child does not merge with what nobody deleted', [
  'AQKAgICACAAnAQNtYXACMTABKACAgICACAAE8J+UkQF8wCAAAAA=',
  'AQYCACcAgICAgAgAAWsBKAACAAExAXcBICEAAgADa2V5AQABCAEFYXJyYXkBfQGoAgIBfQEBAgECAg==',
  'AAKAgICACAEAAgICAAIFAQ=='
])
addFound('a block that waits as an item and came collected', [
  'AQEHAAgAAQABfQUA', 'AQEHAAABAgcBAAEBAQAB', 'AQEBAAcBBWFycmF5AAA='
])
addFound('the same with a smaller client waiting', [
  'AQEBAAgABwABfQUA', 'AQEBAAABAgcBAAEBAQAB', 'AQEHAAcBBWFycmF5AAA='
])

for (let seed = 1; seed <= 6; seed++) {
  const updates = writeHistory({ seed, replicas: 4, steps: 24, kinds: [], roots: ['text', 'array', 'map'] })
  cases.push(describe(`a random history of text, arrays and maps, number ${seed}`,
    { text: 'text', array: 'array', map: 'map' }, updates, true))
}
for (let seed = 11; seed <= 14; seed++) {
  cases.push(describe(`a random history of every type, number ${seed - 10}`, {},
    writeHistory({ seed, steps: 20 }), true))
}

const file = new URL('updates.json', import.meta.url)
const lines = cases.map((entry) => `  ${JSON.stringify(entry)}`)
writeFileSync(file, `{"yjs": ${JSON.stringify(version)}, "cases": [\n${lines.join(',\n')}\n]}\n`)
