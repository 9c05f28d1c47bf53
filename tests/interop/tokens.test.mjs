// Stock clients with tokens that another implementation (jose) signs: who may read, write, or neither, and who
// has to leave while connected.

import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
// The provider's own Yjs: there must not be two.
import * as Y from '../../server/web/node_modules/yjs/dist/yjs.mjs'
import { WeftProvider } from '../../server/web/provider/weft-provider.js'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { HocuspocusClient } from './hocuspocus_editor.mjs'
import { Signer, tokenTest } from './signer.mjs'

const writes = { '*': 'write' }
const reads = { '*': 'read' }

const textOf = (person) => person.doc.getText('content')

for (const algorithm of ['EdDSA', 'ES256', 'RS256']) {
  tokenTest(
    `y-websocket writes with one token of ${algorithm} and reads with another`,
    async ({ server, own, signer }) => {
      const ann = own(new Editor(server, 'notes', { params: { token: await signer.token('ann', writes) } }))
      const bob = own(new Editor(server, 'notes', { params: { token: await signer.token('bob', reads) } }))
      await ann.synced()
      await bob.synced()
      textOf(bob).insert(0, 'not taken')
      textOf(ann).insert(0, 'taken')
      const cyd = own(new Editor(server, 'notes', { params: { token: await signer.token('cyd', reads) } }))
      await eventually('the writer to be read', () => textOf(cyd).toString() === 'taken')
      assert.equal(textOf(ann).toString(), 'taken')
    },
    { algorithm }
  )
}

tokenTest('a token of another key, or none, keeps y-websocket away for good', async ({ server, own }) => {
  const other = await Signer.make('EdDSA')
  for (const params of [{}, { token: await other.token('eve', writes) }]) {
    const eve = own(new Editor(server, 'notes', { params }))
    await eventually('it to be sent away', () => eve.closes.some(({ code }) => code === 4401))
    await eventually('it to stay away', () => !eve.provider.shouldConnect)
  }
})

for (const version of [2, 3, 4]) {
  tokenTest(`version ${version} of Hocuspocus' provider: written, read, denied`, async ({ server, own, signer }) => {
    const client = own(new HocuspocusClient(server, { version }))
    const ann = client.open('notes', { token: await signer.token('ann', writes) })
    await ann.settled()
    ann.text.insert(0, 'taken')
    await ann.settled()
    assert.deepEqual(ann.heard, ['authenticated read-write'])
    const readers = own(new HocuspocusClient(server, { version }))
    const bob = readers.open('notes', { token: await signer.token('bob', reads) })
    await bob.shows('taken')
    assert.deepEqual(bob.heard, ['authenticated readonly'])
    bob.text.insert(0, 'not ')
    const denied = own(new HocuspocusClient(server, { version })).open('notes', {
      token: await signer.token('eve', { 'other/*': 'write' })
    })
    await eventually('it to be denied', () => denied.heard.some((words) => words.startsWith('denied')))
    assert.equal(ann.text.toString(), 'taken')
  })
}

class Person {
  constructor(server, room, token) {
    this.doc = new Y.Doc()
    this.denied = 0
    this.ends = []
    this.provider = new WeftProvider(server.websocketUrl(), room, this.doc, {
      WebSocketPolyfill: WebSocket,
      maxBackoffTime: 100,
      token: () => token
    })
    this.provider.on('denied', () => { this.denied += 1 })
    this.provider.on('closed', ({ code }) => this.ends.push(code))
  }

  dispose() {
    this.provider.destroy()
    this.doc.destroy()
  }
}

tokenTest('the own provider: a reader keeps what was refused, and a stranger is denied', async ({ server, own, signer }) => {
  const ann = own(new Person(server, 'notes', await signer.token('ann', writes)))
  const bob = own(new Person(server, 'notes', await signer.token('bob', reads)))
  textOf(ann).insert(0, 'taken')
  await eventually('it to be durable', () => ann.provider.synced && ann.provider.unsaved === 0)
  await eventually('the reader to see it', () => textOf(bob).toString() === 'taken')
  textOf(bob).insert(0, 'not ')
  await eventually('the refusal to arrive', () => bob.denied > 0)
  assert.ok(bob.provider.unsaved > 0)
  assert.equal(textOf(ann).toString(), 'taken')
  const eve = own(new Person(server, 'notes', await signer.token('eve', { 'other/*': 'write' })))
  await eventually('the stranger to be sent away', () => eve.ends.includes(4403))
})

tokenTest('who is revoked has to leave, in every protocol, and others stay', async ({ server, own, signer, revoke }) => {
  const token = await signer.token('eve', writes)
  const eves = [
    own(new Editor(server, 'notes', { params: { token } })),
    own(new Person(server, 'notes', token))
  ]
  const hocus = own(new HocuspocusClient(server)).open('notes', { token })
  const ann = own(new Editor(server, 'notes', { params: { token: await signer.token('ann', writes) } }))
  await ann.synced()
  await hocus.settled()
  for (const { provider } of eves) await eventually('her to be there', () => provider.synced)
  revoke('sub:eve')
  await eventually('y-websocket to be sent away', () => eves[0].closes.some(({ code }) => code === 4401))
  await eventually('the own provider to be out', () => !eves[1].provider.synced)
  await eventually('Hocuspocus to be out', () => !hocus.provider.isAuthenticated || !hocus.provider.synced)
  textOf(ann).insert(0, 'still here')
  const bob = own(new Editor(server, 'notes', { params: { token: await signer.token('bob', reads) } }))
  await eventually('others to go on', () => textOf(bob).toString() === 'still here')
  assert.deepEqual(ann.closes, [])
})
