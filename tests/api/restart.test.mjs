// What the API has promised, after a crash.

import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { serverTest } from '../interop/weft_server.mjs'
import { Caller, roomPath, typing } from './description.mjs'

serverTest('what was answered as durable is there after a crash', async ({ server }) => {
  let caller = await Caller.of(server)
  for (let i = 1; i <= 20; ++i) {
    const { json } = await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing(`${i} `) })
    assert.deepEqual([json.sequence, json.level], [i, 'durable'])
  }
  const before = (await caller.expect(200, 'GET', roomPath('room', '/text'))).text
  await server.crash()
  await server.start()
  caller = await Caller.of(server)
  assert.equal((await caller.expect(200, 'GET', roomPath('room', '/text'))).text, before)
  const changes = await caller.expect(200, 'GET', roomPath('room', '/changes'))
  assert.deepEqual(changes.json.changes.map(({ sequence }) => sequence), Array.from({ length: 20 }, (_, i) => i + 1))
})

serverTest('a keyed edit that inserted something is not done again after a crash', async ({ server }) => {
  let caller = await Caller.of(server)
  const headers = { 'Idempotency-Key': 'f3a' }
  const send = () => caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('once '), headers })
  const first = await send()
  await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('later ') })
  await server.crash()
  await server.start()
  caller = await Caller.of(server)
  const again = await send()
  assert.equal(again.json.changed, true)
  assert.equal(again.json.generation, first.json.generation)
  assert.equal((await caller.expect(200, 'GET', roomPath('room', '/text'))).text, 'later once ')
})

serverTest('a deleted room stays deleted, and its name can be used again', async ({ server }) => {
  let caller = await Caller.of(server)
  const body = Y.encodeStateAsUpdate(new Y.Doc())
  const made = await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('hello') })
  await caller.expect(204, 'DELETE', roomPath('room'))
  await server.crash()
  await server.start()
  caller = await Caller.of(server)
  await caller.refuses('no-such-room', 'GET', roomPath('room'))
  assert.deepEqual((await caller.expect(200, 'GET', '/api/rooms')).json.rooms, [])
  const { json } = await caller.expect(200, 'POST', roomPath('room', '/update'), { body })
  assert.equal(json.changed, false, 'an empty update makes no room')
  const anew = await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('anew') })
  assert.equal(anew.json.sequence, 1)
  assert.notEqual(anew.json.generation, made.json.generation)
})

serverTest(
  'what cannot be stored is refused with 503, and reading goes on',
  async ({ server }) => {
    const caller = await Caller.of(server)
    await caller.expect(200, 'POST', roomPath('room', '/edits'), { body: typing('kept ') })
    const big = () => ({ body: typing('x'.repeat(400_000)) })
    let answer
    for (let i = 0; i < 200 && answer?.status !== 503; ++i) {
      answer = await caller.call('POST', roomPath(`room ${i}`, '/edits'), big())
    }
    assert.equal(answer.json.type, 'urn:weft:problem:unavailable')
    assert.ok(answer.headers['retry-after'])
    assert.equal((await caller.expect(200, 'GET', roomPath('room', '/text'))).text, 'kept ')
    server.liftFileSizeLimit()
    await caller.expect(200, 'POST', roomPath('another', '/edits'), { body: typing('kept, too') })
  },
  { fileSizeLimitKiB: 4096 }
)
