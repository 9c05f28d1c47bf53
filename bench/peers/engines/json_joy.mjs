import { Model, Patch } from 'json-joy/lib/json-crdt/index.js'
import { s } from 'json-joy/lib/json-crdt-patch/index.js'
import { packageVersion } from '../package_version.mjs'

// All replicas begin with the same empty string. Session ids below 65,536 are reserved.
const base = Model.create(s.str(''), 70_000).toBinary()

function wrap (model) {
  return { model, text: model.api.str([]), batch: false, take: undefined }
}

function flush (replica) {
  const patch = replica.model.api.flush()
  if (replica.take !== undefined) replica.take(patch.toBinary())
}

export default () => ({
  version: packageVersion('json-joy'),
  wire: 'json-joy',
  formats: ['binary'],
  create (client) { return wrap(Model.load(base, 100_000 + client)) },
  listen (replica, take) { replica.take = take },
  together (replica, work) {
    replica.batch = true
    work()
    replica.batch = false
    flush(replica)
  },
  edit (replica, position, deleted, inserted) {
    if (deleted > 0) replica.text.del(position, deleted)
    if (inserted !== '') replica.text.ins(position, inserted)
    if (!replica.batch) flush(replica)
  },
  apply (replica, update) { replica.model.applyPatch(Patch.fromBinary(update)) },
  encode (replica) { return replica.model.toBinary() },
  load (state) { return wrap(Model.fromBinary(state)) },
  text (replica) { return replica.text.view() }
})
