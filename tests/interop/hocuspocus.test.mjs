// The stock provider of Hocuspocus, versions 2 to 4, against weft.

import assert from 'node:assert/strict'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { HocuspocusClient } from './hocuspocus_editor.mjs'
import { serverTest } from './weft_server.mjs'

const cursorOf = (document, of) => document.awareness.getStates().get(of.doc.clientID)?.cursor

for (const version of [2, 3, 4]) {
  const title = (words) => `version ${version} of the provider: ${words}`
  const client = (server, own, options = {}) => own(new HocuspocusClient(server, { version, ...options }))

  serverTest(title('several documents on one socket, each with its own content'), async ({ server, own }) => {
    const ada = client(server, own)
    const bob = client(server, own, { path: '/hocuspocus' })
    const names = ['notes', 'team/plan', 'träume ✨']
    const [hers, his] = [ada, bob].map((person) => names.map((name) => person.open(name)))
    for (const document of [...hers, ...his]) await document.settled()
    hers.forEach((document, i) => document.text.insert(0, `words ${i}`))
    for (const [i, document] of his.entries()) await document.shows(`words ${i}`)
    his[1].text.insert(0, 'more ')
    await hers[1].shows('more words 1')
    for (const document of [...hers, ...his]) await document.settled()
    assert.deepEqual(hers[0].heard, ['authenticated read-write'])
  })

  serverTest(title('one with a token and one without may both come'), async ({ server, own }) => {
    const ada = client(server, own)
    const [named, anonymous] = ['a token', ''].map((token, i) => ada.open(`document ${i}`, { token }))
    await named.settled()
    await anonymous.settled()
    assert.deepEqual([named.heard, anonymous.heard], [['authenticated read-write'], ['authenticated read-write']])
  })

  serverTest(title('a document is the same room for y-websocket'), async ({ server, own }) => {
    const hocus = client(server, own).open('shared')
    const plain = own(new Editor(server, 'shared'))
    await hocus.settled()
    await plain.synced()
    hocus.text.insert(0, 'from one')
    await eventually('it to arrive', () => plain.doc.getText('text').toString() === 'from one')
    plain.doc.getText('text').insert(0, 'and other ')
    await hocus.shows('and other from one')
    await hocus.settled()
  })

  serverTest(
    title('what is typed counts as unsynced until the disk has it'),
    async ({ server, own, disk }) => {
      const person = client(server, own)
      const document = person.open('durable')
      const reader = client(server, own).open('durable')
      await document.settled()
      await reader.settled()
      disk.wait()
      document.text.insert(0, 'a')
      document.text.insert(1, 'b')
      // An answer in another room of the same socket shows that the server has handled what came before.
      const other = person.open('other')
      await eventually('the other document to be open', () => other.heard.length > 0)
      await eventually('its answer', () => other.provider.synced)
      assert.equal(document.unsynced, 2)
      assert.equal(reader.text.toString(), '', 'nobody has seen it')
      disk.goOn()
      await document.settled()
      await reader.shows('ab')
    },
    { slowDisk: true }
  )

  serverTest(title('edits made while the server was away arrive after its restart'), async ({ server, own }) => {
    const ada = client(server, own)
    const documents = ['one', 'two'].map((name) => ada.open(name))
    for (const document of documents) {
      await document.settled()
      document.text.insert(0, 'before')
      await document.settled()
    }
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    await eventually('the loss to be noticed', () => ada.socket.status !== 'connected')
    for (const document of documents) document.text.insert(6, ' and offline')
    await server.start()
    // Version 2 counts what it queues while it is away once less than it is answered.
    for (const document of documents) {
      if (version > 2) await document.settled()
      else await eventually('it to be in sync', () => document.provider.synced)
    }
    const bob = client(server, own)
    for (const { name } of documents) await bob.open(name).shows('before and offline')
  })

  serverTest(title('cursors of two documents do not meet'), async ({ server, own }) => {
    const [ada, bob] = [client(server, own), client(server, own)]
    const [ada1, ada2] = ['one', 'two'].map((name) => ada.open(name))
    const [bob1, bob2] = ['one', 'two'].map((name) => bob.open(name))
    for (const document of [ada1, ada2, bob1, bob2]) await document.settled()
    ada1.awareness.setLocalStateField('cursor', 1)
    ada2.awareness.setLocalStateField('cursor', 2)
    await eventually('both cursors', () => cursorOf(bob1, ada1) === 1 && cursorOf(bob2, ada2) === 2)
    assert.equal(cursorOf(bob1, ada2), undefined)
    ada1.close()
    await eventually('one cursor to go', () => cursorOf(bob1, ada1) === undefined)
    assert.equal(cursorOf(bob2, ada2), 2)
    ada2.text.insert(0, 'lives on')
    await bob2.shows('lives on')
    await ada2.settled()
  })

  serverTest(title('a destroyed document can be opened again'), async ({ server, own }) => {
    const ada = client(server, own)
    const first = ada.open('again')
    const other = ada.open('other')
    await first.settled()
    first.text.insert(0, 'kept')
    await first.settled()
    first.close()
    const second = ada.open('again')
    await second.shows('kept')
    second.text.insert(4, ' on')
    await second.settled()
    await other.settled()
  })

  serverTest(title('stateless messages reach the others of the room, and nobody else'), async ({ server, own }) => {
    const ada = client(server, own).open('talk')
    const bob = client(server, own).open('talk')
    const eve = client(server, own).open('elsewhere')
    for (const document of [ada, bob, eve]) await document.settled()
    ada.provider.sendStateless('hello')
    ada.provider.sendStateless('{"kind":"poll"}')
    await eventually('both to arrive', () => bob.stateless.length === 2)
    assert.deepEqual(bob.stateless, ['hello', '{"kind":"poll"}'])
    eve.text.insert(0, 'x')
    await eve.settled()
    assert.deepEqual([ada.stateless, eve.stateless], [[], []])
  })

  serverTest(title('a sync that is asked for again settles the count'), async ({ server, own }) => {
    const document = client(server, own).open('forced')
    await document.settled()
    for (let i = 0; i < 3; ++i) {
      document.text.insert(0, 'x')
      document.provider.forceSync()
      await document.hasNothingUnsynced()
    }
  })

  serverTest(title('a document beyond the bound is denied, and the others go on'), async ({ server, own }) => {
    const ada = client(server, own)
    const [one, two, three] = ['one', 'two', 'three'].map((name) => ada.open(name))
    await eventually('the third to be denied', () => three.heard.some((words) => /^denied/.test(words)))
    one.text.insert(0, '1')
    two.text.insert(0, '2')
    await one.settled()
    await two.settled()
    assert.equal(three.provider.synced, false)
  }, { flags: ['--max-rooms-per-socket', '2'] })
}

serverTest('two providers of one name share a socket by their sessions', async ({ server, own }) => {
  const ada = own(new HocuspocusClient(server, { version: 4 }))
  const [left, right] = [1, 2].map(() => ada.open('same', { sessionAwareness: true }))
  await left.settled()
  await right.settled()
  left.text.insert(0, 'seen by both')
  await right.shows('seen by both')
  left.awareness.setLocalStateField('cursor', 7)
  await eventually('the cursor', () => cursorOf(right, left) === 7)
  left.close()
  await eventually('it to go', () => cursorOf(right, left) === undefined)
  right.text.insert(0, 'still ')
  await right.settled()
})
