// What @y/y 14 makes of updates with holes, for tests/crdt/holes_test.cc. It is no dependency of the
// tests: npm install @y/y@14.0.0-rc.7 somewhere, then
//
//     node make_holes.mjs /path/to/node_modules/@y/y > holes.txt
//
// A line: updates in hexadecimal (v1), in the order of their delivery, with commas between; then, after
// all of them, the state vector and the state as an update (v1).

import * as path from 'node:path'
import { pathToFileURL } from 'node:url'
import * as Y13 from 'yjs'
import { Random } from './yjs_history.mjs'

const Y14 = await import(pathToFileURL(path.join(process.argv[2], 'src/index.js')))

const hex = (bytes) => Buffer.from(bytes).toString('hex')

for (let seed = 1; seed <= 40; seed++) {
  const random = new Random(seed)
  const docs = [1, 2].map((clientID) => {
    const doc = new Y13.Doc()
    doc.clientID = clientID
    return doc
  })
  const updates = []
  for (const doc of docs) {
    doc.on('update', (update, origin) => { if (origin !== 'network') updates.push(update) })
  }
  for (let step = 0; step < 8; step++) {
    const doc = random.pick(docs)
    const text = doc.getText('t')
    const array = doc.getArray('a')
    switch (random.below(5)) {
      case 0: text.insert(random.below(text.length + 1), random.pick(['ab', 'c', 'def'])); break
      case 1: text.insert(0, 'x'); break
      case 2: array.insert(0, [step]); break
      case 3: if (text.length > 0) text.delete(random.below(text.length), 1); break
      default: array.insert(array.length, [step, 'v'])
    }
    if (random.chance(30)) {
      const [from, to] = random.shuffle(docs)
      Y13.applyUpdate(to, Y13.encodeStateAsUpdate(from), 'network')
    }
  }
  const delivered = random.shuffle(updates).slice(0, 1 + random.below(updates.length))
  const doc = new Y14.Doc()
  doc.clientID = 77
  for (const update of delivered) Y14.applyUpdate(doc, update)
  console.log([
    delivered.map(hex).join(','), hex(Y14.encodeStateVector(doc)), hex(Y14.encodeStateAsUpdate(doc))
  ].join(' '))
}
