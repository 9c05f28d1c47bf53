// What malformed bytes do: they end the connection that they came on, with a code and a reason, and nothing else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as Y from 'yjs'
import { converged } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { kAbsurdUpdates, kMalformedFrames, kMalformedMessages, kMalformedUpdates } from './hostile_bytes.mjs'
import { editSomewhere } from './random_edits.mjs'
import { kSyncStep2, kUpdate, RawPeer, syncMessage } from './raw_peer.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { serverTest } from './weft_server.mjs'

const kRoom = 'attacked'
const kMemoryGrowthBytes = 128 << 20
const kDamagedUpdates = 300
const textOf = (editor) => editor.doc.getText('text').toString()

/** Codes that say "you broke the protocol": of WebSocket itself, and the private ones that mean "stay away". */
function isProtocolError(code) {
  return code === 1002 || code === 1007 || (code >= 4400 && code <= 4499)
}

/** Two editors in a room who have met, and the most memory that the server ever used. */
async function peacefulRoom(server, own) {
  const editors = ['Ada', 'Bob'].map((name) => own(new Editor(server, kRoom, { name })))
  editors[0].doc.getText('text').insert(0, 'peace. ')
  await converged(editors)
  return { editors, peakBefore: server.peakResidentBytes() }
}

/** Fails unless the editors were left alone, go on, and a newcomer finds what they have. */
async function goOnUndisturbed(server, own, { editors, peakBefore }) {
  editors.forEach((editor) => editor.doc.getText('text').insert(0, `${editor.name} goes on. `))
  await converged(editors)
  const newcomer = own(new Editor(server, kRoom, { name: 'a newcomer' }))
  await converged([...editors, newcomer])
  assert.match(textOf(newcomer), /^(Ada goes on\. Bob goes on\. |Bob goes on\. Ada goes on\. )peace\. $/)
  for (const editor of editors) assert.deepEqual(editor.closes, [], `${editor.name} kept the connection`)
  const growth = server.peakResidentBytes() - peakBefore
  assert.ok(growth < kMemoryGrowthBytes, `the server's memory grew by ${growth} bytes`)
}

/** Sends one message on a connection of its own and resolves to the close that follows. */
async function closeAfter(server, own, send) {
  const peer = await own(new RawPeer(server, kRoom)).opened()
  send(peer)
  return peer.isClosed()
}

test('the malformed updates are those that stock Yjs cannot apply', () => {
  for (const [name, update] of Object.entries(kMalformedUpdates)) {
    assert.throws(() => Y.applyUpdate(new Y.Doc(), update), Error, name)
  }
})

serverTest('a malformed update ends its connection with a reason, and reaches nobody', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  for (const [name, update] of Object.entries(kMalformedUpdates)) {
    for (const kind of [kUpdate, kSyncStep2]) {
      const { code, reason } = await closeAfter(server, own, (peer) => peer.send(syncMessage(kind, update)))
      assert.ok(isProtocolError(code), `${name}: closed with ${code} ${reason}`)
      assert.notEqual(reason, '', name)
    }
  }
  await goOnUndisturbed(server, own, room)
  // What was refused is not in the log either.
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  for (const editor of room.editors) editor.goOffline()
  await server.start()
  const reader = own(new Editor(server, kRoom, { name: 'a reader after the restart' }))
  await reader.synced()
  assert.equal(textOf(reader), textOf(room.editors[0]))
})

serverTest('a malformed message ends its connection with a reason, and reaches nobody', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  for (const [name, message] of Object.entries(kMalformedMessages)) {
    const { code, reason } = await closeAfter(server, own, (peer) => peer.send(message))
    assert.ok(isProtocolError(code), `${name}: closed with ${code} ${reason}`)
    assert.notEqual(reason, '', name)
  }
  for (const editor of room.editors) assert.equal(editor.others.length, 1, 'no state of a stranger arrived')
  await goOnUndisturbed(server, own, room)
})

serverTest('an update that claims absurd lengths costs the server and the others nothing', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  for (const [name, update] of Object.entries(kAbsurdUpdates)) {
    const peer = await own(new RawPeer(server, kRoom)).opened()
    peer.send(syncMessage(kUpdate, update))
    // It may be refused, as malformed; if it is not, the connection is as good as before.
    const answered = peer.asksForEverything().then(
      () => null,
      () => peer.isClosed()
    )
    const close = await answered
    assert.ok(close === null || isProtocolError(close.code), `${name}: closed with ${close?.code} ${close?.reason}`)
  }
  await goOnUndisturbed(server, own, room)
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  await server.start()
  await converged(room.editors)
})

serverTest('bytes that are no WebSocket frame end their connection and nothing else', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  for (const [name, bytes] of Object.entries(kMalformedFrames)) {
    const { code } = await closeAfter(server, own, (peer) => peer.socket._socket.write(bytes))
    // 1006 is what the client sees when the server drops the connection without a close frame.
    assert.ok(isProtocolError(code) || code === 1006, `${name}: closed with ${code}`)
  }
  await goOnUndisturbed(server, own, room)
})

serverTest('a text message ends its connection with a reason', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  const { code, reason } = await closeAfter(server, own, (peer) => peer.sendText('hello'))
  assert.ok(isProtocolError(code) || code === 1003, `closed with ${code} ${reason}`)
  assert.notEqual(reason, '')
  await goOnUndisturbed(server, own, room)
})

serverTest('a connection that dies in the middle of a message harms nobody', async ({ server, own }) => {
  const room = await peacefulRoom(server, own)
  for (const reset of [false, true]) {
    const peer = await own(new RawPeer(server, kRoom)).opened()
    // The header of a message of 1,000 bytes with the first three of them.
    peer.socket._socket.write(Uint8Array.of(0x82, 0xfe, 0x03, 0xe8, 0, 0, 0, 0, 0, 2, 0x80))
    if (reset) peer.socket._socket.resetAndDestroy()
    else peer.socket.terminate()
    await eventually('the peer to be gone', () => peer.closed)
  }
  await goOnUndisturbed(server, own, room)
})

/** A copy of `bytes` with one to three changes: a bit flipped, a byte replaced, left out or doubled, the end cut off. */
function damaged(bytes, random) {
  let result = Buffer.from(bytes)
  for (let change = random.integer(1, 4); change > 0; --change) {
    const at = random.integer(0, result.length + 1)
    const [before, after] = [result.subarray(0, at), result.subarray(at)]
    const byte = Buffer.of(random.integer(0, 256))
    const flipped = Buffer.from(after.subarray(0, 1)).map((value) => value ^ (1 << random.integer(0, 8)))
    result = random.pick([
      () => Buffer.concat([before, flipped, after.subarray(1)]),
      () => Buffer.concat([before, byte, after.subarray(1)]),
      () => Buffer.concat([before, after.subarray(1)]),
      () => Buffer.concat([before, byte, after]),
      () => before
    ])()
  }
  return new Uint8Array(result)
}

/** Updates of a document with content of every kind, one for every few edits. */
function realUpdates(random) {
  const doc = new Y.Doc()
  const updates = []
  for (let i = 0; i < 100; ++i) {
    const before = Y.encodeStateVector(doc)
    for (let edit = random.integer(1, 5); edit > 0; --edit) editSomewhere(doc, random)
    updates.push(Y.encodeStateAsUpdate(doc, before))
  }
  return updates
}

serverTest('whatever damage the server lets pass, stock Yjs can still read the room', async ({ server, own }) => {
  console.log(`WEFT_SEED=${kSeed}`)
  const random = new SeededRandom(kSeed)
  const room = await peacefulRoom(server, own)
  const updates = realUpdates(random)
  let peer = null
  let refused = 0
  for (let i = 0; i < kDamagedUpdates; ++i) {
    peer ??= await own(new RawPeer(server, 'damaged')).opened()
    peer.send(syncMessage(random.pick([kUpdate, kSyncStep2]), damaged(random.pick(updates), random)))
    const refusal = await peer.asksForEverything().then(
      () => null,
      () => peer.isClosed()
    )
    if (refusal === null) continue
    assert.ok(isProtocolError(refusal.code), `closed with ${refusal.code} ${refusal.reason}`)
    ++refused
    peer = null
  }
  assert.ok(refused > 0 && refused < kDamagedUpdates, `${refused} of ${kDamagedUpdates} were refused`)
  const reader = await own(new RawPeer(server, 'damaged')).opened()
  Y.applyUpdate(new Y.Doc(), await reader.asksForEverything())
  await goOnUndisturbed(server, own, room)
})
