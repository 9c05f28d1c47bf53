// Positions count code points here: of traces beyond the basic plane the check fails, and says so.
import dt from 'diamond-types-node'
import { packageVersion } from '../package_version.mjs'

export default () => ({
  version: packageVersion('diamond-types-node'),
  wire: 'diamond-types',
  formats: ['binary'],
  create (client) { return { doc: new dt.Doc(`agent ${client}`), take: undefined } },
  listen (replica, take) { replica.take = take },
  // There are no transactions.
  together (replica, work) { work() },
  edit (replica, position, deleted, inserted) {
    const version = replica.take === undefined ? undefined : replica.doc.getLocalVersion()
    if (deleted > 0) replica.doc.del(position, deleted)
    if (inserted !== '') replica.doc.ins(position, inserted)
    if (replica.take !== undefined) replica.take(replica.doc.getPatchSince(version))
  },
  apply (replica, update) { replica.doc.mergeBytes(update) },
  encode (replica) { return replica.doc.toBytes() },
  load (state) { return { doc: dt.Doc.fromBytes(state, 'reader'), take: undefined } },
  text (replica) { return replica.doc.get() },
  free (replica) { replica.doc.free() }
})
