import * as A from '@automerge/automerge'
import { packageVersion } from '../package_version.mjs'

// All replicas begin with the change that makes the text.
const base = A.save(A.from({ text: '' }, { actor: '00'.repeat(16) }))
const actor = client => client.toString(16).padStart(32, '0')
const create = client => ({ doc: A.load(base, { actor: actor(client) }), open: undefined, take: undefined })

export default () => ({
  version: packageVersion('@automerge/automerge'),
  wire: 'automerge',
  formats: ['save'],
  create,
  listen (replica, take) { replica.take = take },
  together (replica, work) {
    replica.doc = A.change(replica.doc, open => {
      replica.open = open
      work()
      replica.open = undefined
    })
    replica.take?.(A.getLastLocalChange(replica.doc))
  },
  edit (replica, position, deleted, inserted) {
    if (replica.open !== undefined) {
      A.splice(replica.open, ['text'], position, deleted, inserted)
    } else {
      this.together(replica, () => A.splice(replica.open, ['text'], position, deleted, inserted))
    }
  },
  apply (replica, update) { [replica.doc] = A.applyChanges(replica.doc, [update]) },
  encode (replica) { return A.save(replica.doc) },
  load (state) { return { doc: A.load(state), open: undefined, take: undefined } },
  text (replica) { return replica.doc.text }
})
