// SIGTERM: the server stops in good order.

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import * as Y from 'yjs'
import { assertSameDocuments, converged, assertHoldsAllOf } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually, within } from './eventually.mjs'
import { readDocument } from './random_edits.mjs'
import { kUpdate, RawPeer, syncMessage } from './raw_peer.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { receives, Typing } from './typing.mjs'
import { serverTest } from './weft_server.mjs'

const kServiceRestart = 1012
const kGoodEnd = { code: 0, signal: null }

serverTest('a server without clients ends with exit code 0', async ({ server }) => {
  assert.deepEqual(await server.stop(), kGoodEnd)
})

serverTest(
  'clients that type are told to come back, and find everything that others had received',
  async ({ server, own }) => {
    console.log(`WEFT_SEED=${kSeed}`)
    const random = new SeededRandom(kSeed)
    const typists = ['Ada', 'Bob', 'Eve'].map((name) => own(new Editor(server, 'stopping', { name })))
    const witness = own(new Editor(server, 'stopping', { name: 'the witness' }))
    const everybody = [...typists, witness]
    await converged(everybody)
    const received = receives(witness, random.integer(50, 200))
    const typing = own(new Typing(typists, random))
    await within('the typing to reach the witness', received)
    assert.deepEqual(await server.stop(), kGoodEnd)
    await typing.dispose()
    await eventually('everybody to be told', () => everybody.every((editor) => editor.closes.length > 0))
    for (const editor of everybody) {
      assert.equal(editor.closes[0].code, kServiceRestart, editor.name)
      editor.goOffline()
    }
    await server.start()
    const fresh = own(new Editor(server, 'stopping', { name: 'a fresh reader' }))
    await fresh.synced()
    assertHoldsAllOf(fresh.doc, witness.doc, 'a fresh reader finds all that others had received')
    for (const editor of everybody) editor.goOnline()
    await converged([...everybody, fresh])
    assertSameDocuments(
      [...everybody, fresh].map((editor) => editor.doc),
      readDocument
    )
  }
)

serverTest('all that the server has taken is stored, also what came just before the end', async ({ server, own }) => {
  const doc = new Y.Doc()
  const peer = await own(new RawPeer(server, 'last words')).opened()
  doc.on('update', (update) => peer.send(syncMessage(kUpdate, update)))
  for (let i = 0; i < 2_000; ++i) doc.getText('text').insert(i, String(i % 10))
  const taken = new Y.Doc()
  Y.applyUpdate(taken, await peer.asksForEverything())
  assert.equal(taken.getText('text').length, 2_000)
  assert.deepEqual(await server.stop(), kGoodEnd)
  assert.equal(peer.closed.code, kServiceRestart)
  await server.start()
  const fresh = own(new Editor(server, 'last words', { name: 'a fresh reader' }))
  await fresh.synced()
  assertSameDocuments([doc, fresh.doc], readDocument)
})

serverTest('many rooms are stored at the end', async ({ server, own }) => {
  const rooms = Array.from({ length: 50 }, (_unused, i) => `room ${i}`)
  const peers = rooms.map((room) => own(new RawPeer(server, room)))
  for (const [i, peer] of peers.entries()) {
    const doc = new Y.Doc()
    doc.getText('text').insert(0, rooms[i])
    await peer.opened()
    peer.send(syncMessage(kUpdate, Y.encodeStateAsUpdate(doc)))
  }
  await Promise.all(peers.map((peer) => peer.asksForEverything()))
  assert.deepEqual(await server.stop(), kGoodEnd)
  await server.start()
  for (const room of rooms) {
    const fresh = own(new Editor(server, room, { name: `a reader of ${room}` }))
    await fresh.synced()
    assert.equal(fresh.doc.getText('text').toString(), room)
    fresh.goOffline()
  }
})

serverTest('clients that never answer do not keep the server from ending', async ({ server, own }) => {
  const silent = [
    '',
    'GET /room HTTP/1.1\r\nHost: localhost\r\n',
    [
      'GET /room HTTP/1.1',
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      '',
      ''
    ].join('\r\n')
  ]
  for (const request of silent) {
    const socket = connect(server.ports[0], '127.0.0.1')
    own({ dispose: () => socket.destroy() })
    socket.on('error', () => {})
    let answered = false
    socket.once('data', () => {
      answered = true
      socket.pause()
    })
    await within('a TCP connection', new Promise((resolve) => socket.write(request, resolve)))
    if (request.endsWith('\r\n\r\n')) await eventually('the upgrade to be answered', () => answered)
  }
  assert.deepEqual(await server.stop(), kGoodEnd)
})
