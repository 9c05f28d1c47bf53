// yrs as WebAssembly.
import * as Y from 'ywasm'
import { packageVersion } from '../package_version.mjs'

const apply = { v1: Y.applyUpdate, v2: Y.applyUpdateV2 }
const encode = { v1: Y.encodeStateAsUpdate, v2: Y.encodeStateAsUpdateV2 }

function create (client) {
  const doc = new Y.YDoc({ clientID: client })
  return { doc, text: doc.getText('text'), array: doc.getArray('array'), map: doc.getMap('map'), transaction: undefined }
}

function inTransaction (replica, work) {
  if (replica.transaction !== undefined) return work(replica.transaction)
  const transaction = replica.transaction = replica.doc.beginTransaction()
  try {
    return work(transaction)
  } finally {
    replica.transaction = undefined
    transaction.free()
  }
}

export default () => ({
  version: packageVersion('ywasm'),
  wire: 'yjs',
  formats: ['v1', 'v2'],
  create,
  listen (replica, take) {
    replica.observer = replica.doc.onUpdate(event => { if (!replica.applying) take(event) })
  },
  together (replica, work) { inTransaction(replica, work) },
  edit (replica, position, deleted, inserted) {
    inTransaction(replica, transaction => {
      if (deleted > 0) replica.text.delete(position, deleted, transaction)
      if (inserted !== '') replica.text.insert(position, inserted, undefined, transaction)
    })
  },
  apply (replica, update) {
    replica.applying = true
    Y.applyUpdate(replica.doc, update, undefined)
    replica.applying = false
  },
  encode (replica, format) { return encode[format](replica.doc) },
  load (state, format) {
    const replica = create(1_000_000)
    apply[format](replica.doc, state, undefined)
    return replica
  },
  text (replica) { return replica.text.toString(undefined) },
  insertValues (replica, index, values) {
    inTransaction(replica, transaction => replica.array.insert(index, values, transaction))
  },
  setValue (replica, value) { inTransaction(replica, transaction => replica.map.set('v', value, transaction)) },
  values (replica) { return replica.array.toJson(undefined) },
  value (replica) { return replica.map.get('v', undefined) },
  free (replica) { replica.doc.free() }
})
