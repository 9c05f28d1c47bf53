// Cursors: what editors tell of themselves while they are there, and what is left when they go.

import assert from 'node:assert/strict'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { awarenessBody, awarenessMessage, decodeAwareness, kAwareness, kQueryAwareness, RawPeer } from './raw_peer.mjs'
import { serverTest } from './weft_server.mjs'

const kCursor = { user: { name: 'Ada', color: '#30bced' }, cursor: { anchor: 3, head: 7 } }

async function joined(server, own, room, name) {
  const editor = own(new Editor(server, room, { name }))
  await editor.synced()
  return editor
}

/** Waits until `editor` sees the state of `other` as it is there. */
function sees(editor, other) {
  const state = () => editor.awareness.getStates().get(other.doc.clientID)
  return eventually(
    `${editor.name} to see the cursor of ${other.name}`,
    () => state() !== undefined && JSON.stringify(state()) === JSON.stringify(other.awareness.getLocalState()),
    {
      describe: () => JSON.stringify(state())
    }
  )
}

function seesNobody(editor) {
  return eventually(`${editor.name} to see nobody else`, () => editor.others.length === 0, {
    describe: () => editor.others
  })
}

serverTest('a cursor appears at the others, moves there, and is taken back', async ({ server, own }) => {
  const ada = await joined(server, own, 'cursors', 'Ada')
  const bob = await joined(server, own, 'cursors', 'Bob')
  ada.awareness.setLocalState(kCursor)
  await sees(bob, ada)
  ada.awareness.setLocalStateField('cursor', { anchor: 8, head: 8 })
  await sees(bob, ada)
  bob.awareness.setLocalStateField('user', { name: 'Bob "ü" 漢😀' })
  await sees(ada, bob)
  ada.awareness.setLocalState(null)
  await seesNobody(bob)
  await sees(ada, bob)
})

serverTest('who joins later sees the cursors of those who are there', async ({ server, own }) => {
  const ada = await joined(server, own, 'late', 'Ada')
  ada.awareness.setLocalState(kCursor)
  const bob = await joined(server, own, 'late', 'Bob')
  await sees(bob, ada)
  await sees(ada, bob)
})

serverTest('a cursor vanishes when its editor leaves in the orderly way', async ({ server, own }) => {
  const ada = await joined(server, own, 'leaving', 'Ada')
  const bob = await joined(server, own, 'leaving', 'Bob')
  await sees(bob, ada)
  ada.goOffline()
  await seesNobody(bob)
})

/** Three see each other; one loses the TCP connection; the other two see each other alone. */
async function vanishesAfterDrop({ server, own }, drop) {
  const ada = await joined(server, own, 'dying', 'Ada')
  const bob = await joined(server, own, 'dying', 'Bob')
  const eve = await joined(server, own, 'dying', 'Eve')
  ada.awareness.setLocalState(kCursor)
  await sees(bob, ada)
  ada.dropConnection(drop)
  await eventually('Bob to see Eve alone', () => bob.others.length === 1 && bob.others[0] === eve.doc.clientID)
  await eventually('Eve to see Bob alone', () => eve.others.length === 1 && eve.others[0] === bob.doc.clientID)
}

serverTest('a cursor vanishes when the TCP connection of its editor is closed without a word', (context) =>
  vanishesAfterDrop(context, { reset: false })
)

serverTest('a cursor vanishes when the TCP connection of its editor is reset', (context) =>
  vanishesAfterDrop(context, { reset: true })
)

serverTest('a cursor comes back with its editor after a lost connection', async ({ server, own }) => {
  const ada = await joined(server, own, 'returning', 'Ada')
  const bob = await joined(server, own, 'returning', 'Bob')
  ada.awareness.setLocalState(kCursor)
  await sees(bob, ada)
  ada.dropConnection()
  await seesNobody(bob)
  await eventually('Ada to notice the loss', () => ada.isOffline())
  ada.goOnline()
  // Bob takes no notice of a clock that he has seen, so Ada has to learn that she was taken for gone.
  await sees(bob, ada)
  // For the same reason Ada sees Bob when he moves.
  bob.awareness.setLocalStateField('cursor', { anchor: 2, head: 2 })
  await sees(ada, bob)
})

serverTest('nobody can take away the cursor of somebody else', async ({ server, own }) => {
  const ada = await joined(server, own, 'robbed', 'Ada')
  const bob = await joined(server, own, 'robbed', 'Bob')
  await sees(bob, ada)
  const vanished = []
  bob.awareness.on('change', ({ removed }) => vanished.push(...removed))
  const peer = await own(new RawPeer(server, 'robbed')).opened()
  const { clock } = ada.awareness.meta.get(ada.doc.clientID)
  peer.send(awarenessMessage(awarenessBody([{ client: ada.doc.clientID, clock, json: 'null' }])))
  await peer.asksForEverything()
  // What reaches Bob now came after whatever the peer has caused.
  ada.doc.getText('text').insert(0, 'still here')
  await eventually('the text to reach Bob', () => bob.doc.getText('text').length > 0)
  await sees(bob, ada)
  assert.deepEqual(vanished, [])
})

serverTest('cursors stay in their room', async ({ server, own }) => {
  const ada = await joined(server, own, 'here', 'Ada')
  const bob = await joined(server, own, 'here', 'Bob')
  const eve = await joined(server, own, 'there', 'Eve')
  ada.awareness.setLocalState(kCursor)
  await sees(bob, ada)
  assert.deepEqual(eve.others, [])
})

serverTest('a query for the cursors is answered with those of all who are there', async ({ server, own }) => {
  const ada = await joined(server, own, 'queried', 'Ada')
  const bob = await joined(server, own, 'queried', 'Bob')
  ada.awareness.setLocalState(kCursor)
  await sees(bob, ada)
  const peer = await own(new RawPeer(server, 'queried')).opened()
  const stateOf = (message, client) =>
    message.type === kAwareness && decodeAwareness(message.body).find((entry) => entry.client === client)
  const answer = (messages) =>
    messages.find((message) => stateOf(message, ada.doc.clientID) && stateOf(message, bob.doc.clientID))
  await peer.asksForEverything()
  const before = peer.received.length
  peer.send(Uint8Array.of(kQueryAwareness))
  const message = await eventually('an answer to the query', () => answer(peer.received.slice(before)))
  assert.deepEqual(JSON.parse(stateOf(message, ada.doc.clientID).json), kCursor)
})

serverTest('one connection may speak for several clients, and all of them go with it', async ({ server, own }) => {
  const bob = await joined(server, own, 'several', 'Bob')
  const peer = await own(new RawPeer(server, 'several')).opened()
  peer.send(
    awarenessMessage(
      awarenessBody([
        { client: 1001, clock: 1, json: '{"name":"one"}' },
        { client: 1002, clock: 5, json: '{"name":"two"}' }
      ])
    )
  )
  await eventually('Bob to see both', () => bob.others.length === 2)
  peer.socket.terminate()
  await seesNobody(bob)
})

serverTest('an older state does not replace a newer one', async ({ server, own }) => {
  const bob = await joined(server, own, 'clocks', 'Bob')
  const peer = await own(new RawPeer(server, 'clocks')).opened()
  const tell = (clock, name) =>
    peer.send(awarenessMessage(awarenessBody([{ client: 1001, clock, json: JSON.stringify({ name }) }])))
  const nameAt = (editor) => editor.awareness.getStates().get(1001)?.name
  tell(5, 'new')
  tell(3, 'old')
  await peer.asksForEverything()
  await eventually('Bob to see the new state', () => nameAt(bob) === 'new')
  const eve = await joined(server, own, 'clocks', 'Eve')
  await eventually('Eve to see the new state', () => nameAt(eve) === 'new')
  tell(6, 'newest')
  await eventually('Bob to see the newest state', () => nameAt(bob) === 'newest')
})
