// The stream of events: what happens to rooms, while it happens, and what those hear who come back.

import assert from 'node:assert/strict'
import { request } from 'node:http'
import WebSocket from 'ws'
import { eventually } from '../interop/eventually.mjs'
import { serverTest } from '../interop/weft_server.mjs'
import { Caller, roomPath, typing } from './description.mjs'

class Listener {
  #request
  #text = ''

  constructor(server, query = '', headers = {}) {
    /** { id, event, data } in the order they came. */
    this.events = []
    this.comments = 0
    this.ended = false
    this.#request = request(
      { host: '127.0.0.1', port: server.ports[0], path: `/api/events${query}`, headers, agent: false },
      (response) => {
        this.status = response.statusCode
        this.type = response.headers['content-type']
        response.setEncoding('utf8').on('data', (text) => this.#take(text))
        response.on('close', () => (this.ended = true))
        response.on('error', () => {})
      }
    )
    this.#request.on('error', () => {})
    this.#request.end()
  }

  #take(text) {
    this.#text += text
    const blocks = this.#text.split('\n\n')
    this.#text = blocks.pop()
    for (const block of blocks) {
      if (block.startsWith(':')) {
        this.comments += 1
        continue
      }
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
      this.events.push({ ...fields, data: JSON.parse(fields.data) })
    }
  }

  /** Resolves when the server has begun to answer: what happens from now on is heard. */
  async listening() {
    await eventually('the stream to begin', () => this.comments > 0 || this.events.length > 0)
    return this
  }

  heard(what, wanted) {
    return eventually(`the event ${what}`, () => this.events.find(wanted), {
      describe: () => JSON.stringify(this.events)
    })
  }

  names(room) {
    return this.events.filter(({ data }) => data.room === room).map(({ event }) => event)
  }

  dispose() {
    this.#request.destroy()
  }
}

serverTest('who listens hears what happens to rooms, as it is described', async ({ server, own }) => {
  const caller = await Caller.of(server)
  const all = await own(new Listener(server)).listening()
  const one = await own(new Listener(server, '?room=one')).listening()
  const some = await own(new Listener(server, '?prefix=team%2F')).listening()
  assert.deepEqual([all.status, all.type], [200, 'text/event-stream'])
  for (const room of ['one', 'team/two']) {
    await caller.expect(200, 'POST', roomPath(room, '/edits'), { body: typing('hello') })
    await caller.expect(204, 'POST', roomPath(room, '/freeze'), { body: { reason: 'enough' } })
    await caller.expect(204, 'DELETE', roomPath(room, '/freeze'))
    await caller.expect(201, 'PUT', roomPath(room, '/versions/draft'))
  }
  const socket = new WebSocket(`${server.websocketUrl()}/one`)
  own({ dispose: () => socket.terminate() })
  await one.heard('that somebody came', ({ event }) => event === 'member.joined')
  socket.close()
  await one.heard('that the last one left', ({ event }) => event === 'room.closed')
  await one.heard('that the room changed', ({ event }) => event === 'room.changed')
  await some.heard('that the other room changed', ({ event }) => event === 'room.changed')
  await caller.expect(204, 'DELETE', roomPath('one'))
  await all.heard('that a room was deleted', ({ event }) => event === 'room.deleted')

  const names = one.names('one')
  const order = ['room.frozen', 'room.unfrozen', 'version.made', 'room.opened', 'member.joined', 'member.left', 'room.closed']
  assert.deepEqual(names.filter((name) => order.includes(name)), order)
  assert.equal(one.events.find(({ event }) => event === 'room.frozen').data.reason, 'enough')
  assert.equal(one.events.find(({ event }) => event === 'version.made').data.version, 'draft')
  assert.equal(one.events.find(({ event }) => event === 'room.changed').data.sequence, 1)
  assert.ok(one.events.every(({ data }) => data.room === 'one'))
  assert.ok(some.events.every(({ data }) => data.room === 'team/two'))
  for (const { event, data } of all.events) {
    assert.equal(event, data.type)
    caller.description.checkEvent(data)
  }
})

serverTest('who comes back hears what it missed, or that it missed something', async ({ server, own }) => {
  const caller = await Caller.of(server)
  const make = (name) => caller.expect(201, 'PUT', roomPath('room', `/versions/${name}`))
  const versions = ({ events }) => events.filter(({ event }) => event === 'version.made').map(({ data }) => data.version)
  await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('hello') })
  const first = await own(new Listener(server)).listening()
  await make('a')
  const { id } = await first.heard('of the version', ({ event }) => event === 'version.made')
  first.dispose()
  await make('b')
  await make('c')
  const second = own(new Listener(server, '', { 'Last-Event-ID': id }))
  await make('d')
  await second.heard('of the last version', ({ data }) => data.version === 'd')
  assert.deepEqual(versions(second), ['b', 'c', 'd'])
  assert.ok(second.events.every(({ event }) => event !== 'gap'))

  // After a restart nobody knows what was missed.
  await server.stop()
  await server.start()
  const third = own(new Listener(server, '', { 'Last-Event-ID': id }))
  const gap = await third.heard('that something was lost', ({ event }) => event === 'gap')
  assert.equal(gap.data.lost, null)
  await make('e')
  await third.heard('of the new version', ({ data }) => data.version === 'e')
  assert.equal(third.events[0].event, 'gap')

  const fourth = own(new Listener(server, '', { 'Last-Event-ID': gap.id }))
  await fourth.heard('of the new version', ({ data }) => data.version === 'e')
  assert.ok(fourth.events.every(({ event }) => event !== 'gap'), 'the id of a gap is one to go on from')
})
