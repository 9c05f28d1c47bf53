// Writes golden_frames.txt: frames as the real y-protocols and y-websocket make them.
//
//   node tests/sync/make_golden_frames.mjs > tests/sync/golden_frames.txt     (after npm ci in tests/)
//
// One frame a line: a name, a space, the bytes in hex. The documents have fixed client ids, so that a second
// run gives the same bytes.

import * as encoding from 'lib0/encoding'
import * as authProtocol from 'y-protocols/auth'
import * as awarenessProtocol from 'y-protocols/awareness'
import * as syncProtocol from 'y-protocols/sync'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

const [kSync, kAwareness, kAuth, kQueryAwareness] = [0, 1, 2, 3]

const lines = ['# Made by make_golden_frames.mjs; do not edit.']
const add = (name, bytes) => lines.push(`${name} ${Buffer.from(bytes).toString('hex')}`)

const frame = (type, write = () => {}) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  write(encoder)
  return encoding.toUint8Array(encoder)
}

const makeDoc = clientId => {
  const doc = new Y.Doc()
  doc.clientID = clientId
  return doc
}

// A document of two writers, with a deletion.
const first = makeDoc(1)
const updates = []
first.on('update', update => updates.push(update))
first.getText('content').insert(0, 'hello')
first.getText('content').delete(1, 3)
const second = makeDoc(4294967295)
Y.applyUpdate(second, Y.encodeStateAsUpdate(first))
second.on('update', update => updates.push(update))
second.getText('content').insert(1, 'é😀')

add('step1_of_an_empty_document', frame(kSync, e => syncProtocol.writeSyncStep1(e, makeDoc(9))))
add('step1_of_two_writers', frame(kSync, e => syncProtocol.writeSyncStep1(e, second)))
add('step2_for_an_empty_peer', frame(kSync, e => syncProtocol.writeSyncStep2(e, second)))
add('step2_for_a_peer_that_has_all', frame(kSync, e =>
  syncProtocol.writeSyncStep2(e, second, Y.encodeStateVector(second))))
updates.forEach((update, i) =>
  add(`update_${i + 1}`, frame(kSync, e => syncProtocol.writeUpdate(e, update))))

const awareness = new awarenessProtocol.Awareness(second)
const awarenessFrame = clients => frame(kAwareness, e =>
  encoding.writeVarUint8Array(e, awarenessProtocol.encodeAwarenessUpdate(awareness, clients)))
add('awareness_first_state', awarenessFrame([second.clientID]))
awareness.setLocalState({ user: { name: 'Zoë 😀', color: '#30bced' }, cursor: null })
add('awareness_named', awarenessFrame([second.clientID]))
// What the relay would hear of a second client.
const other = new awarenessProtocol.Awareness(makeDoc(7))
other.setLocalState({ user: { name: 'Ada' } })
awarenessProtocol.applyAwarenessUpdate(
  awareness, awarenessProtocol.encodeAwarenessUpdate(other, [7]), 'network')
add('awareness_of_two', awarenessFrame([second.clientID, 7]))
add('awareness_of_nobody', awarenessFrame([]))
awarenessProtocol.removeAwarenessStates(awareness, [7], 'network')
add('awareness_other_given_up', awarenessFrame([7]))
awareness.setLocalState(null)
add('awareness_left', awarenessFrame([second.clientID]))

add('query_awareness', frame(kQueryAwareness))
add('permission_denied', frame(kAuth, e => authProtocol.writePermissionDenied(e, 'not for you')))

// What a provider says by itself on a connection that opens and closes.
const said = []
class RecordingSocket {
  OPEN = 1
  readyState = 1
  constructor () { queueMicrotask(() => this.onopen()) }
  send (bytes) { said.push(new Uint8Array(bytes)) }
  close () {}
}
const provider = new WebsocketProvider('ws://nowhere', 'room', makeDoc(11), {
  WebSocketPolyfill: RecordingSocket, disableBc: true
})
await new Promise(resolve => provider.on('status', e => e.status === 'connected' && resolve()))
await new Promise(resolve => setImmediate(resolve))
provider.awareness.setLocalStateField('user', { name: 'Bob' })
provider.disconnect()
said.forEach((bytes, i) => add(`provider_says_${i + 1}`, bytes))

process.stdout.write(lines.join('\n') + '\n')
process.exit(0)
