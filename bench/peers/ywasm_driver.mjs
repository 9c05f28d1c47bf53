// Documents of yrs (ywasm) on command, one JSON object a line in and out: of the contract of
// crdt/driver/driver.h what replicas of bench/convergence are asked.

import { createInterface } from 'node:readline'
import * as Y from 'ywasm'

for (const method of ['log', 'info', 'warn', 'debug']) console[method] = console.error

const toBase64 = (bytes) => Buffer.from(bytes).toString('base64')
const fromBase64 = (text) => new Uint8Array(Buffer.from(text, 'base64'))

const documents = new Map()
const get = (number) => {
  if (!documents.has(number)) throw new Error(`there is no document ${number}`)
  return documents.get(number)
}

const rootOf = (doc, { name, kind }) =>
  kind === 'text' ? doc.getText(name) : kind === 'map' ? doc.getMap(name) : doc.getArray(name)
const target = (root, { path = [] }, transaction) => path.reduce((type, step) => type.get(step, transaction), root)
const content = (value) => value !== null && typeof value === 'object' && value.$type === 'array' ? new Y.YArray([]) : value

const actions = {
  'text.insert': (text, { index, text: characters }, t) => text.insert(index, characters, undefined, t),
  'text.delete': (text, { index, len }, t) => text.delete(index, len, t),
  'text.format': (text, { index, len, attrs }, t) => text.format(index, len, attrs, t),
  'array.insert': (array, { index, values }, t) => array.insert(index, values.map(content), t),
  'array.delete': (array, { index, len }, t) => array.delete(index, len, t),
  'map.set': (map, { key, value }, t) => map.set(key, value, t),
  'map.delete': (map, { key }, t) => map.delete(key, t)
}

const operations = {
  version: () => ({ weft: 'ywasm' }),
  new: ({ doc, clientID }) => {
    documents.set(doc, new Y.YDoc({ clientID }))
    return { clientID }
  },
  drop: ({ doc }) => {
    get(doc).free()
    documents.delete(doc)
    return {}
  },
  json: () => ({}),
  edit: ({ doc: number, actions: wanted }) => {
    const doc = get(number)
    const before = Y.encodeStateVector(doc)
    // Roots are asked for before a transaction is open: yrs takes the document for that itself.
    const roots = wanted.map((action) => rootOf(doc, action))
    const transaction = doc.beginTransaction()
    try {
      wanted.forEach((action, i) => {
        if (actions[action.op] === undefined) throw new Error(`there is no action ${action.op}`)
        actions[action.op](target(roots[i], action, transaction), action, transaction)
      })
    } finally {
      transaction.free()
    }
    return { update: toBase64(Y.encodeStateAsUpdate(doc, before)) }
  },
  apply: ({ doc, update }) => {
    Y.applyUpdate(get(doc), fromBase64(update), undefined)
    return { updates: [] }
  },
  state: ({ doc, sv }) => ({
    update: toBase64(Y.encodeStateAsUpdate(get(doc), sv === undefined ? undefined : fromBase64(sv)))
  })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  let reply
  try {
    const request = JSON.parse(line)
    if (operations[request.op] === undefined) throw new Error(`there is no operation ${request.op}`)
    reply = operations[request.op](request)
  } catch (error) {
    reply = { error: String(error?.message ?? error) }
  }
  process.stdout.write(JSON.stringify(reply) + '\n')
})
