import { LoroDoc } from 'loro-crdt'
import { packageVersion } from '../package_version.mjs'

function create (client) {
  const doc = new LoroDoc()
  doc.setPeerId(BigInt(client))
  return { doc, text: doc.getText('text'), batch: false }
}

function commit (replica) {
  if (!replica.batch) replica.doc.commit()
}

export default () => ({
  version: packageVersion('loro-crdt'),
  wire: 'loro',
  formats: ['snapshot', 'update'],
  create,
  listen (replica, take) { replica.doc.subscribeLocalUpdates(take) },
  together (replica, work) {
    replica.batch = true
    work()
    replica.batch = false
    replica.doc.commit()
  },
  edit (replica, position, deleted, inserted) {
    if (deleted > 0) replica.text.delete(position, deleted)
    if (inserted !== '') replica.text.insert(position, inserted)
    commit(replica)
  },
  apply (replica, update) { replica.doc.import(update) },
  applyAll (replica, updates) { replica.doc.importBatch(updates) },
  encode (replica, format) { return replica.doc.export({ mode: format }) },
  load (state) {
    const replica = create(1_000_000)
    replica.doc.import(state)
    return replica
  },
  text (replica) { return replica.text.toString() },
  insertValues (replica, index, values) {
    const list = replica.doc.getList('array')
    values.forEach((value, i) => list.insert(index + i, value))
    commit(replica)
  },
  setValue (replica, value) {
    replica.doc.getMap('map').set('v', value)
    commit(replica)
  },
  values (replica) { return replica.doc.getList('array').toJSON() },
  value (replica) { return replica.doc.getMap('map').get('v') },
  free (replica) { replica.doc.free() }
})
