// The conversation of y-websocket, message by message.

import assert from 'node:assert/strict'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { kForeignMessages } from './hostile_bytes.mjs'
import {
  kEmptyStateVector,
  kSync,
  kSyncStep1,
  kSyncStep2,
  kUpdate,
  RawPeer,
  syncMessage,
  written
} from './raw_peer.mjs'
import { serverTest } from './weft_server.mjs'

const textOf = (doc) => doc.getText('text').toString()

/** The updates that a document emits while `edit` runs, one a transaction. */
function updatesOf(doc, edit) {
  const updates = []
  const keep = (update) => updates.push(update)
  doc.on('update', keep)
  edit()
  doc.off('update', keep)
  return updates
}

function documentFrom(update) {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  return doc
}

serverTest('the server speaks first: it asks for what the client has', async ({ server, own }) => {
  const peer = own(new RawPeer(server, 'greeting'))
  await peer.receives('the first message', () => true)
  const [{ type, kind, body }] = peer.received
  assert.deepEqual({ type, kind, body: [...body] }, { type: kSync, kind: kSyncStep1, body: [...kEmptyStateVector] })
})

serverTest('the question that the server begins with says what it has already', async ({ server, own }) => {
  const ada = own(new Editor(server, 'known', { name: 'Ada' }))
  ada.doc.getText('text').insert(0, 'hello')
  await ada.synced()
  const first = await own(new RawPeer(server, 'known')).opened()
  await eventually(
    'the server to have the text',
    async () => textOf(documentFrom(await first.asksForEverything())) === 'hello'
  )
  const peer = own(new RawPeer(server, 'known'))
  const { body } = await peer.receives('the first message', () => true)
  assert.deepEqual(Buffer.from(body), Buffer.from(Y.encodeStateVector(ada.doc)))
})

serverTest('a room that nobody has written to is answered with an empty update', async ({ server, own }) => {
  const peer = await own(new RawPeer(server, 'empty')).opened()
  assert.deepEqual([...(await peer.asksForEverything())], [0, 0])
})

serverTest(
  'a client that has everything is answered without blocks, and with all deletions',
  async ({ server, own }) => {
    const doc = new Y.Doc()
    doc.getText('text').insert(0, 'hello')
    doc.getText('text').delete(1, 3)
    const peer = await own(new RawPeer(server, 'up to date')).opened()
    peer.send(syncMessage(kUpdate, Y.encodeStateAsUpdate(doc)))
    peer.send(syncMessage(kSyncStep1, Y.encodeStateVector(doc)))
    const answer = await peer.receives('an answer', ({ type, kind }) => type === kSync && kind === kSyncStep2)
    assert.deepEqual(Buffer.from(answer.body), Buffer.from(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(doc))))
  }
)

serverTest(
  'a client that claims to know the future is answered as one that has everything',
  async ({ server, own }) => {
    const doc = new Y.Doc()
    doc.getText('text').insert(0, 'hello')
    const peer = await own(new RawPeer(server, 'future')).opened()
    peer.send(syncMessage(kUpdate, Y.encodeStateAsUpdate(doc)))
    const future = written((encoder) =>
      [2, 4, 100, doc.clientID, Number.MAX_SAFE_INTEGER].forEach((number) => encoding.writeVarUint(encoder, number))
    )
    peer.send(syncMessage(kSyncStep1, future))
    const answer = await peer.receives('an answer', ({ type, kind }) => type === kSync && kind === kSyncStep2)
    assert.deepEqual([...answer.body], [0, 0])
  }
)

serverTest('the whole state that the server sends is what Yjs itself would send', async ({ server, own }) => {
  const doc = new Y.Doc()
  const peer = await own(new RawPeer(server, 'bytes')).opened()
  const updates = updatesOf(doc, () => {
    doc
      .getText('text')
      .applyDelta([{ insert: 'rich', attributes: { bold: true, link: { href: '#' } } }, { insert: { image: 'a.png' } }])
    doc.getText('text').insert(2, 'a😀b')
    doc.getText('text').delete(1, 4)
    doc.getMap('map').set('nested', new Y.Array())
    doc
      .getMap('map')
      .get('nested')
      .insert(
        0,
        [1, -0, 1.5, 2 ** 40, null, undefined, { z: 1, a: [true] }, new Uint8Array([1, 2])].filter(
          (v) => v !== undefined
        )
      )
    doc.getMap('map').set('nested', 'gone')
    doc.getXmlFragment('xml').insert(0, [new Y.XmlElement('p'), new Y.XmlText('text')])
    doc.getArray('array').insert(0, [new Y.Doc({ guid: 'sub', meta: { a: 1 } })])
  })
  for (const update of updates) peer.send(syncMessage(kUpdate, update))
  assert.deepEqual(Buffer.from(await peer.asksForEverything()), Buffer.from(Y.encodeStateAsUpdate(doc)))
})

serverTest('messages of other dialects are ignored, and the connection stays', async ({ server, own }) => {
  const peer = await own(new RawPeer(server, 'dialects')).opened()
  const listener = await own(new RawPeer(server, 'dialects')).opened()
  await listener.asksForEverything()
  const heardBefore = listener.received.length
  for (const message of Object.values(kForeignMessages)) {
    peer.send(message)
    await peer.asksForEverything()
  }
  await listener.asksForEverything()
  assert.equal(peer.closed, null)
  assert.deepEqual(
    listener.received.slice(heardBefore).map(({ type, kind }) => [type, kind]),
    [[kSync, kSyncStep2]],
    'nothing was passed on'
  )
})

serverTest('an update is passed on to the others, and not sent back', async ({ server, own }) => {
  const [peer, listener] = [own(new RawPeer(server, 'echo')), own(new RawPeer(server, 'echo'))]
  for (const each of [peer, listener]) await (await each.opened()).asksForEverything()
  const doc = new Y.Doc()
  const [update] = updatesOf(doc, () => doc.getText('text').insert(0, 'hello'))
  peer.send(syncMessage(kUpdate, update))
  const isUpdate = ({ type, kind }) => type === kSync && kind === kUpdate
  const passedOn = await listener.receives('the update', isUpdate)
  assert.equal(textOf(documentFrom(passedOn.body)), 'hello')
  await peer.asksForEverything()
  assert.equal(peer.received.filter(isUpdate).length, 0)
})

serverTest('updates reach the others in the order in which they were sent', async ({ server, own }) => {
  const [peer, listener] = [own(new RawPeer(server, 'order')), own(new RawPeer(server, 'order'))]
  for (const each of [peer, listener]) await (await each.opened()).asksForEverything()
  const doc = new Y.Doc()
  const updates = updatesOf(doc, () => {
    for (let i = 0; i < 500; ++i) doc.getText('text').insert(i, String(i % 10))
  })
  for (const update of updates) peer.send(syncMessage(kUpdate, update))
  const receiver = new Y.Doc()
  let taken = 0
  await eventually('all updates to arrive', () => {
    for (; taken < listener.received.length; ++taken) {
      const { type, kind, body } = listener.received[taken]
      if (type === kSync && kind === kUpdate) Y.applyUpdate(receiver, body)
      assert.equal(receiver.store.pendingStructs, null, 'nothing came before what it builds on')
    }
    return textOf(receiver) === textOf(doc)
  })
})

serverTest(
  'an update that comes before what it builds on waits, also for newcomers, and is not lost',
  async ({ server, own }) => {
    const doc = new Y.Doc()
    const [first, second, third] = updatesOf(doc, () =>
      ['a', 'b', 'c'].forEach((letter, i) => doc.getText('text').insert(i, letter))
    )
    const ada = own(new Editor(server, 'early', { name: 'Ada' }))
    await ada.synced()
    const peer = await own(new RawPeer(server, 'early')).opened()
    peer.send(syncMessage(kUpdate, third))
    peer.send(syncMessage(kUpdate, second))
    const newcomer = documentFrom(await peer.asksForEverything())
    assert.equal(textOf(newcomer), '')
    Y.applyUpdate(newcomer, first)
    assert.equal(textOf(newcomer), 'abc', 'the newcomer was given what waits')
    peer.send(syncMessage(kUpdate, first))
    await eventually('Ada to have all', () => textOf(ada.doc) === 'abc')
    assert.equal(textOf(documentFrom(await peer.asksForEverything())), 'abc')
  }
)

serverTest('an update that waits is kept over a restart', async ({ server, own }) => {
  const doc = new Y.Doc()
  const [first, second] = updatesOf(doc, () => ['a', 'b'].forEach((letter, i) => doc.getText('text').insert(i, letter)))
  const before = await own(new RawPeer(server, 'early')).opened()
  before.send(syncMessage(kUpdate, second))
  await before.asksForEverything()
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  await server.start()
  const after = await own(new RawPeer(server, 'early')).opened()
  after.send(syncMessage(kUpdate, first))
  assert.equal(textOf(documentFrom(await after.asksForEverything())), 'ab')
})

serverTest('an address that names no room is refused', async ({ server, own }) => {
  const peer = own(new RawPeer(server, '%FF'))
  const { code } = await peer.isClosed()
  // 1006 is what the client sees when the upgrade is refused with an HTTP error.
  assert.ok(code === 1006 || (code >= 4400 && code <= 4499), `closed with ${code}`)
})
