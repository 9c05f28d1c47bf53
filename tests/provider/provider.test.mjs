// weft-provider.js against a server in memory: y-websocket's API, what is said to be saved, and what happens after a break.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { afterEach, test } from 'node:test'
import { canonicalState, stateChecksum } from '../../server/web/provider/checksum.js'
import { decode, encode } from '../../server/web/provider/messages.js'
import { WebsocketProvider, WeftProvider } from '../../server/web/provider/weft-provider.js'
import { ModelServer, Y } from './model_server.mjs'

const providers = []
afterEach(() => {
  for (const provider of providers.splice(0)) {
    provider.destroy()
    provider.doc.destroy() // and with it the clock of its awareness
  }
})

function connect (server, room = 'notes', options = {}) {
  const provider = new WeftProvider('ws://model', room, new Y.Doc(), {
    WebSocketPolyfill: server.Socket, maxBackoffTime: 20, ...options
  })
  providers.push(provider)
  provider.seen = []
  for (const event of ['status', 'sync', 'closed', 'unsaved', 'denied', 'access', 'generation', 'connection-close']) {
    provider.on(event, (detail) => provider.seen.push([event, detail]))
  }
  return provider
}

const once = (provider, event, wanted = () => true) => new Promise((resolve) => {
  const listen = (detail) => {
    if (!wanted(detail)) return
    provider.off(event, listen)
    resolve(detail)
  }
  provider.on(event, listen)
})
const synced = (provider) => provider.synced || once(provider, 'sync', (state) => state)
const unsaved = (provider, count) => provider.unsaved === count || once(provider, 'unsaved', (now) => now === count)
/** All that is on its way has arrived. */
const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
const textOf = (provider) => provider.doc.getText('t').toString()
const told = (provider, event) => provider.seen.filter(([name]) => name === event).map(([, detail]) => detail)

test('each kind of message has the bytes that the C++ writes', () => {
  const lines = readFileSync(new URL('../sync/weft_v1_frames.txt', import.meta.url), 'utf8').trim().split('\n')
  assert.equal(lines.length, 24)
  for (const line of lines) {
    const [name, hex] = line.split(' ')
    const message = decode(new Uint8Array(Buffer.from(hex, 'hex')))
    assert.equal(message.kind, name)
    assert.equal(Buffer.from(encode(message.kind, message)).toString('hex'), hex, name)
  }
  assert.deepEqual(decode(new Uint8Array([99, 1])), { kind: 'unknown' })
  assert.throws(() => decode(new Uint8Array([8, 3, 2, 1, 1])))
  assert.throws(() => decode(new Uint8Array([12, 3, 0])))
})

test('the checksum is the one of the C++', () => {
  const doc = new Y.Doc()
  doc.clientID = 7
  assert.equal(stateChecksum(doc), '08328807b4eb6fed')
  const text = doc.getText('t')
  text.insert(0, 'abcdef')
  text.delete(1, 2)
  text.delete(3, 1)
  assert.deepEqual([...canonicalState(doc)], [1, 7, 6, 1, 7, 2, 1, 2, 5, 1])
  let hash = 0xcbf29ce484222325n
  for (const byte of canonicalState(doc)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  assert.equal(stateChecksum(doc), hash.toString(16).padStart(16, '0'))
})

test('it has the names and the events of y-websocket', async () => {
  assert.equal(WebsocketProvider, WeftProvider)
  const server = new ModelServer()
  const provider = connect(server, 'notes', { connect: false, params: { a: 'b c' } })
  assert.equal(provider.url, 'ws://model/?a=b+c')
  assert.deepEqual([provider.wsconnected, provider.synced, provider.shouldConnect], [false, false, false])
  provider.connect()
  await synced(provider)
  assert.deepEqual([provider.wsconnected, provider.synced, provider.shouldConnect], [true, true, true])
  assert.deepEqual(told(provider, 'status').map(({ status }) => status), ['connecting', 'connected'])
  provider.disconnect()
  assert.deepEqual(told(provider, 'sync'), [true, false])
  assert.deepEqual(told(provider, 'status').at(-1), { status: 'disconnected' })
  assert.equal(server.sockets.size, 0)
})

test('edits and cursors reach others, and what is known already is fetched', async () => {
  const server = new ModelServer()
  const ann = connect(server)
  await synced(ann)
  ann.doc.getText('t').insert(0, 'hello')
  ann.awareness.setLocalStateField('user', { name: 'Ann' })
  const bob = connect(server, 'notes', { token: 'another socket' })
  await synced(bob)
  assert.equal(textOf(bob), 'hello')
  bob.awareness.setLocalStateField('user', { name: 'Bob' })
  await settled()
  assert.equal(ann.awareness.getStates().get(bob.doc.clientID).user.name, 'Bob')
  bob.disconnect()
  assert.equal(bob.awareness.getStates().has(ann.doc.clientID), false)
})

test('an edit is unsaved until the server says that it is durable', async () => {
  const server = new ModelServer()
  const provider = connect(server)
  await synced(provider)
  server.autoCommit = false
  provider.doc.getText('t').insert(0, 'a')
  provider.doc.getText('t').insert(1, 'b')
  assert.equal(provider.unsaved, 2)
  let durable = false
  const saving = provider.whenDurable().then(() => { durable = true })
  await settled()
  assert.deepEqual([provider.unsaved, durable], [2, false])
  server.commit(server.room('notes'))
  await saving
  assert.equal(provider.unsaved, 0)
  assert.equal(provider.durability, 'durable')
  assert.deepEqual(told(provider, 'unsaved'), [1, 2, 1, 0])
})

test('what was made offline is sent, and only what was missed is fetched', async () => {
  const server = new ModelServer()
  const ann = connect(server)
  const bob = connect(server, 'notes', { token: 'another socket' })
  await Promise.all([synced(ann), synced(bob)])
  ann.doc.getText('t').insert(0, 'start ')
  await unsaved(ann, 0)
  await settled()
  bob.disconnect()
  bob.doc.getText('t').insert(6, 'offline ')
  ann.doc.getText('t').insert(0, 'meanwhile ')
  await unsaved(ann, 0)
  server.frames = []
  bob.connect()
  await synced(bob)
  await unsaved(bob, 0)
  await settled()
  assert.equal(server.sent('join')[0].sequence, 1)
  assert.equal(server.sent('data').filter(({ message }) => message[0] === 0).length, 1)
  assert.equal(textOf(bob), 'meanwhile start offline ')
  assert.equal(textOf(ann), textOf(bob))
})

test('an answer that was lost is asked for again by sending again', async () => {
  const server = new ModelServer()
  const provider = connect(server)
  await synced(provider)
  provider.doc.getText('t').insert(0, 'known ')
  await unsaved(provider, 0)
  server.autoCommit = false
  provider.doc.getText('t').insert(0, 'x')
  await settled()
  server.drop()
  server.commit(server.room('notes')) // nobody hears of it
  server.autoCommit = true
  assert.equal(provider.unsaved, 1)
  await unsaved(provider, 0)
  assert.equal(server.room('notes').log.length, 2)
})

test('providers of one server share a socket, and the last one closes it', async () => {
  const server = new ModelServer()
  const [first, second] = [connect(server, 'one'), connect(server, 'two')]
  await Promise.all([synced(first), synced(second)])
  assert.equal(server.made, 1)
  first.doc.getText('t').insert(0, '1')
  second.doc.getText('t').insert(0, '2')
  await Promise.all([unsaved(first, 0), unsaved(second, 0)])
  assert.deepEqual(['one', 'two'].map((name) => server.room(name).doc.getText('t').toString()), ['1', '2'])
  first.destroy()
  await settled()
  assert.equal(server.sockets.size, 1)
  second.doc.getText('t').insert(0, '3')
  await unsaved(second, 0)
  second.destroy()
  assert.equal(server.sockets.size, 0)
})

test('it comes back after an end, and stays away after a final one', async () => {
  const server = new ModelServer()
  const provider = connect(server)
  await synced(provider)
  server.drop(1012)
  await once(provider, 'sync', (state) => state)
  server.reachable = false
  server.drop()
  await once(provider, 'connection-close')
  await once(provider, 'connection-close')
  server.reachable = true
  await once(provider, 'sync', (state) => state)
  server.drop(4401, 'expired')
  assert.deepEqual(await once(provider, 'closed'), { code: 4401, reason: 'expired' })
  assert.equal(provider.shouldConnect, false)
  provider.connect()
  await synced(provider)
})

test('a server that does not speak weft.v1 is told of, not tried for ever', async () => {
  const server = new ModelServer()
  server.Socket.prototype.send = () => assert.fail('nothing is said')
  const Plain = class extends server.Socket {
    set onopen (open) { this.opened = () => { this.protocol = ''; open() } }
    get onopen () { return this.opened }
  }
  const provider = connect(server, 'notes', { WebSocketPolyfill: Plain })
  const { code, reason } = await once(provider, 'closed')
  assert.equal(code, 4406)
  assert.match(reason, /does not speak weft\.v1/)
})

test('what may not be written is told, kept, and saved when it may', async () => {
  const server = new ModelServer()
  const provider = connect(server)
  await synced(provider)
  provider.doc.getText('t').insert(0, 'a')
  server.setRole('read')
  await settled()
  assert.equal(provider.role, 'read')
  provider.doc.getText('t').insert(1, 'b')
  assert.deepEqual(told(provider, 'denied').map(({ code }) => code), [4403, 4403])
  assert.equal(provider.unsaved, 2)
  assert.deepEqual(told(provider, 'access').map(({ role }) => role), ['write', 'read'])
  server.setRole('write')
  await unsaved(provider, 0)
  assert.equal(server.room('notes').doc.getText('t').toString(), 'ab')
})

test('a reader whose document is what the server has has nothing unsaved', async () => {
  const server = new ModelServer()
  const writer = connect(server)
  await synced(writer)
  writer.doc.getText('t').insert(0, 'text')
  await unsaved(writer, 0)
  server.role = 'read'
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(writer.doc)) // as from a store in the browser
  const reader = new WeftProvider('ws://model', 'notes', doc, { WebSocketPolyfill: server.Socket })
  providers.push(reader)
  assert.equal(reader.unsaved, 1)
  await unsaved(reader, 0)
})

test('a room that was made anew is not merged into unasked', async () => {
  const server = new ModelServer()
  const provider = connect(server)
  await synced(provider)
  provider.doc.getText('t').insert(0, 'deleted on purpose')
  await unsaved(provider, 0)
  await settled()
  const known = provider.generation
  server.deleteRoom('notes')
  assert.deepEqual(await once(provider, 'generation'), { known, found: '0'.repeat(16) })
  await settled()
  assert.equal(server.room('notes').log.length, 0)
  assert.equal(provider.synced, false)
  provider.acceptGeneration()
  await unsaved(provider, 0)
  assert.equal(server.room('notes').doc.getText('t').toString(), 'deleted on purpose')
})

test('small windows slow down and lose nothing', async () => {
  const server = new ModelServer({ window: 30 })
  const ann = connect(server, 'notes', { windowBytes: 30 })
  const bob = connect(server, 'notes', { windowBytes: 30, token: 'another socket' })
  await Promise.all([synced(ann), synced(bob)])
  for (let i = 0; i < 50; ++i) {
    ann.doc.getText('t').insert(i % 7, 'word ')
    bob.doc.getText('t').insert(0, 'other ')
  }
  await Promise.all([unsaved(ann, 0), unsaved(bob, 0)])
  await settled()
  assert.equal(textOf(ann).length, 50 * 11)
  assert.equal(textOf(ann), textOf(bob))
})

test('a queue that is too long is given up, and the server is asked instead', async () => {
  const server = new ModelServer()
  const provider = connect(server, 'notes', { queueBytes: 100 })
  await synced(provider)
  provider.doc.getText('t').insert(0, 'start ')
  await unsaved(provider, 0)
  provider.disconnect()
  for (let i = 0; i < 50; ++i) provider.doc.getText('t').insert(i, 'word ')
  server.frames = []
  provider.connect()
  await unsaved(provider, 0)
  assert.equal(server.sent('join')[0].sequence, 0)
  assert.equal(server.sent('data').filter(({ message }) => message[0] === 0).length, 1)
  assert.equal(server.room('notes').doc.getText('t').toString(), textOf(provider))
  server.autoCommit = false
  for (let i = 0; i < 50; ++i) provider.doc.getText('t').insert(i, 'more ') // while connected
  server.autoCommit = true
  await unsaved(provider, 0)
  assert.equal(server.room('notes').doc.getText('t').toString(), textOf(provider))
})

test('a server whose log answers early keeps nobody waiting for the disk', async () => {
  const server = new ModelServer({ level: 'received' })
  const provider = connect(server)
  await synced(provider)
  provider.doc.getText('t').insert(0, 'a')
  await assert.rejects(provider.whenDurable(), /--durability/)
  assert.equal(provider.unsaved, 1)
  const waiting = provider.whenDurable()
  provider.destroy()
  await assert.rejects(waiting, /destroyed/)
})

test('a token is asked for on each connection and before it ends', async () => {
  const server = new ModelServer()
  let count = 0
  server.expiresMs = 1
  const provider = connect(server, 'notes', { token: async () => `token ${++count}` })
  await synced(provider)
  while (server.tokens.length < 3) await settled()
  server.expiresMs = 0
  server.drop()
  await once(provider, 'sync', (state) => state)
  assert.deepEqual(server.tokens, Array.from(server.tokens, (_, i) => `token ${i + 1}`))
  assert.ok(server.sent('auth').length >= 2)
})

test('an observer that throws costs no credit', async () => {
  const server = new ModelServer()
  const ann = connect(server)
  const bob = connect(server, 'notes', { windowBytes: 200, token: 'another socket' })
  await Promise.all([synced(ann), synced(bob)])
  let thrown = 0
  const onmessage = bob.ws.onmessage
  bob.ws.onmessage = (event) => { try { onmessage(event) } catch { ++thrown } }
  bob.doc.getText('t').observe(() => { throw new Error('of the application') })
  for (let i = 0; i < 40; ++i) ann.doc.getText('t').insert(i, 'x')
  await unsaved(ann, 0)
  await settled()
  assert.equal(textOf(bob), textOf(ann))
  assert.ok(thrown >= 40)
})
