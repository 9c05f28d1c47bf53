// yjs, and what differs in @y/y 14: how a root is asked for.
import { packageVersion } from '../package_version.mjs'

export async function yjsLike (packageName, rootOf) {
  const Y = await import(packageName)
  const apply = { v1: Y.applyUpdate, v2: Y.applyUpdateV2 }
  const encode = { v1: Y.encodeStateAsUpdate, v2: Y.encodeStateAsUpdateV2 }

  function create (client) {
    const doc = new Y.Doc()
    doc.clientID = client
    return { doc, text: rootOf(doc, 'text') }
  }

  return {
    version: packageVersion(packageName),
    wire: 'yjs',
    formats: ['v1', 'v2'],
    create,
    listen (replica, take) { replica.doc.on('update', (update, origin, doc, transaction) => { if (transaction.local) take(update) }) },
    together (replica, work) { replica.doc.transact(work) },
    edit (replica, position, deleted, inserted) {
      if (deleted > 0 && inserted !== '') {
        replica.doc.transact(() => { replica.text.delete(position, deleted); replica.text.insert(position, inserted) })
      } else if (deleted > 0) {
        replica.text.delete(position, deleted)
      } else if (inserted !== '') {
        replica.text.insert(position, inserted)
      }
    },
    apply (replica, update) { Y.applyUpdate(replica.doc, update) },
    applyAll (replica, updates) {
      replica.doc.transact(() => { for (const update of updates) Y.applyUpdate(replica.doc, update) })
    },
    encode (replica, format) { return encode[format](replica.doc) },
    load (state, format) {
      const replica = create(1_000_000)
      apply[format](replica.doc, state)
      return replica
    },
    text (replica) { return replica.text.toString() },
    merge (updates) { return Y.mergeUpdates(updates) },
    // The other roots, of crdt-benchmarks.
    insertValues (replica, index, values) { rootOf(replica.doc, 'array').insert(index, values) },
    setValue (replica, value) {
      const map = rootOf(replica.doc, 'map')
      if (map.set) map.set('v', value)
      else map.setAttr('v', value)
    },
    values (replica) { return rootOf(replica.doc, 'array').toArray() },
    value (replica) {
      const map = rootOf(replica.doc, 'map')
      return map.set ? map.get('v') : map.getAttr('v')
    }
  }
}

const kinds = { text: 'getText', array: 'getArray', map: 'getMap' }

export default () => yjsLike('yjs', (doc, root) => doc[kinds[root]](root))
