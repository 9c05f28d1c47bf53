// weft-provider.js against a running server: edits, cursors, breaks, a killed server, and a room that is deleted.

import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
// The provider's own Yjs: there must not be two.
import * as Y from '../../server/web/node_modules/yjs/dist/yjs.mjs'
import { stateChecksum, WeftProvider } from '../../server/web/provider/weft-provider.js'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { serverTest } from './weft_server.mjs'

class Person {
  constructor (server, room, options = {}) {
    this.doc = new Y.Doc()
    this.provider = new WeftProvider(server.websocketUrl(), room, this.doc, {
      WebSocketPolyfill: WebSocket, maxBackoffTime: 100, ...options
    })
    this.text = this.doc.getText('content')
  }

  synced () { return eventually('the provider to be synced', () => this.provider.synced) }
  saved () { return eventually('every edit to be durable', () => this.provider.unsaved === 0) }
  shows (text) {
    return eventually(`the text "${text}"`, () => this.text.toString() === text, { describe: () => this.text.toString() })
  }

  dispose () { this.provider.destroy(); this.doc.destroy() }
}

serverTest('edits and cursors go to and from stock clients', async ({ server, own }) => {
  const ann = own(new Person(server, 'mixed'))
  const bob = own(new Editor(server, 'mixed', { name: 'bob' }))
  await ann.synced()
  await bob.synced()
  ann.text.insert(0, 'ann ')
  ann.provider.awareness.setLocalStateField('user', { name: 'Ann' })
  await eventually('bob to see it', () => bob.doc.getText('content').toString() === 'ann ')
  bob.doc.getText('content').insert(4, 'bob')
  await ann.shows('ann bob')
  await eventually('ann in the awareness of bob', () =>
    bob.awareness.getStates().get(ann.doc.clientID)?.user?.name === 'Ann')
  await ann.provider.whenDurable()
  assert.equal(ann.provider.durability, 'durable')
})

serverTest('many rooms are on one socket', async ({ server, own }) => {
  const people = ['one', 'two', 'three'].map((room) => own(new Person(server, room)))
  for (const person of people) await person.synced()
  assert.equal(new Set(people.map(({ provider }) => provider.ws)).size, 1)
  for (const person of people) person.text.insert(0, person.provider.roomname)
  for (const person of people) await person.saved()
  for (const { provider } of people) {
    const other = own(new Person(server, provider.roomname, { token: () => '' }))
    await other.shows(provider.roomname)
    assert.equal(stateChecksum(other.doc), stateChecksum(provider.doc))
  }
})

serverTest('what was made offline arrives, and only what was missed is fetched', async ({ server, own }) => {
  const ann = own(new Person(server, 'offline'))
  const bob = own(new Person(server, 'offline', { token: () => '' }))
  await ann.synced()
  await bob.synced()
  ann.text.insert(0, 'start ')
  await bob.shows('start ')
  // The place comes after the edit that it is behind.
  await eventually('bob to know its place', () => bob.provider._conversation.sequence > 0)
  bob.provider.disconnect()
  bob.text.insert(6, 'offline')
  ann.text.insert(0, 'meanwhile ')
  await ann.saved()
  const joins = []
  bob.provider.on('access', () => joins.push(bob.provider._conversation.asked))
  bob.provider.connect()
  await bob.saved()
  assert.deepEqual(joins, [true]) // resumed
  await bob.shows('meanwhile start offline')
  await ann.shows('meanwhile start offline')
})

serverTest('nothing that was durable is lost when the server is killed', async ({ server, own }) => {
  const ann = own(new Person(server, 'killed'))
  await ann.synced()
  for (let round = 0; round < 3; ++round) {
    ann.text.insert(0, `saved ${round} `)
    await ann.provider.whenDurable()
    const durable = ann.text.toString()
    for (let i = 0; i < 20; ++i) ann.text.insert(0, 'x')
    await server.crash()
    await server.start()
    const fresh = own(new Person(server, 'killed', { token: () => '' }))
    await fresh.synced()
    assert.ok(fresh.text.toString().endsWith(durable))
    await ann.saved()
    await fresh.shows(ann.text.toString())
    fresh.provider.disconnect()
  }
})

serverTest('a server that drains is come back to, with everything', async ({ server, own }) => {
  const ann = own(new Person(server, 'restart'))
  await ann.synced()
  ann.text.insert(0, 'before ')
  await server.stop()
  ann.text.insert(7, 'while it was away')
  assert.ok(ann.provider.unsaved >= 1)
  await server.start()
  await ann.saved()
  const fresh = own(new Person(server, 'restart', { token: () => '' }))
  await fresh.shows('before while it was away')
})
