// Webhooks, to a receiver that fails and recovers, from a server that is killed and comes back: in order, none
// missing, none doubled beyond its id.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import WebSocket from 'ws'
import { makeCertificate } from '../interop/certificates.mjs'
import { eventually } from '../interop/eventually.mjs'
import { kSeed, SeededRandom } from '../interop/seeded_random.mjs'
import { serverTest } from '../interop/weft_server.mjs'
import { Caller, roomPath, typing } from './description.mjs'
import { kSecret, WebhookReceiver } from './webhook_receiver.mjs'

/** A test with a receiver and a server that tells it; the server is not started yet. */
function webhookTest(name, body, flags = [], { tls = false } = {}) {
  serverTest(
    name,
    async ({ server, own, directory }) => {
      const files = tls ? makeCertificate(directory) : null
      const shown = files && { cert: readFileSync(files.cert), key: readFileSync(files.key) }
      const receiver = own(await new WebhookReceiver({ tls: shown }).listen())
      const secretFile = join(directory, 'secret')
      await writeFile(secretFile, `${kSecret}\n`)
      server.flags = ['--webhook', receiver.url, '--webhook-secret-file', secretFile, ...flags]
      if (tls) server.flags.push('--webhook-ca', files.cert)
      await body({ server, own, receiver, directory })
      assert.deepEqual(receiver.forged, [], 'every request is signed')
      for (const { id } of receiver.taken) {
        const bodies = new Set(receiver.taken.filter((event) => event.id === id).map((event) => event.body))
        assert.equal(bodies.size, 1, 'an id stands for one event')
      }
    },
    { started: false, timeoutMs: 120_000 }
  )
}

const kFast = ['--webhook-debounce-ms', '20', '--webhook-retry-ms', '20', '--webhook-timeout-ms', '5000']

const edit = (caller, room, text = 'x') =>
  caller.expect(200, 'POST', roomPath(room, '/edits'), { body: typing(text) })

/** Waits until the receiver knows of the newest state of each room. */
function knows(receiver, heads) {
  return eventually(
    'the receiver to know of every room',
    () =>
      Object.entries(heads).every(([room, head]) =>
        receiver.of(room).some(({ type, data }) => type === 'room.changed' && data.sequence === head)
      ),
    { withinMs: 60_000, describe: () => JSON.stringify(heads) + JSON.stringify(receiver.taken.slice(-20)) }
  )
}

/** Sequences that a room's changes tell grow, whatever was sent again. */
function checkOrder(receiver, rooms) {
  for (const room of rooms) {
    const sequences = receiver.of(room).filter(({ type }) => type === 'room.changed').map(({ data }) => data.sequence)
    for (let i = 1; i < sequences.length; ++i) {
      assert.ok(sequences[i] > sequences[i - 1], `${room}: ${sequences}`)
    }
  }
}

webhookTest('a receiver is told what happens to rooms, as it is described', async ({ server, own, receiver }) => {
  await server.start()
  const caller = await Caller.of(server)
  const socket = new WebSocket(`${server.websocketUrl()}/room`)
  own({ dispose: () => socket.terminate() })
  await new Promise((resolve) => socket.once('open', resolve))
  await edit(caller, 'room')
  await caller.expect(201, 'PUT', roomPath('room', '/versions/draft'))
  socket.close()
  const told = (type) => eventually(`the event ${type}`, () => receiver.of('room').find((event) => event.type === type))
  await told('room.closed')
  const changed = await told('room.changed')
  assert.equal(changed.data.sequence, 1)
  assert.equal((await told('version.made')).data.version, 'draft')
  await caller.expect(204, 'DELETE', roomPath('room'))
  await told('room.deleted')
  const types = receiver.of('room').map(({ type }) => type)
  assert.ok(types.indexOf('room.opened') < types.indexOf('room.closed'))
  assert.equal(types.at(-1), 'room.deleted')
  for (const { type, timestamp, data } of receiver.events()) {
    assert.equal(type, data.type)
    assert.equal(timestamp, data.time)
    caller.description.checkEvent(data)
  }
}, kFast)

webhookTest('that a document is full is told, once for many refusals', async ({ server, receiver }) => {
  await server.start()
  const caller = await Caller.of(server)
  await edit(caller, 'full')
  for (let i = 0; i < 3; ++i) {
    await caller.refuses('too-large', 'POST', roomPath('full', '/edits'), { body: typing('x'.repeat(5000)) })
  }
  await edit(caller, 'other')
  await knows(receiver, { full: 1, other: 1 })
  const told = await eventually('the quota to be told', () => receiver.of('full').find(({ type }) => type === 'room.quota'))
  assert.match(told.data.reason, /[0-9]/)
  caller.description.checkEvent(told.data)
  assert.equal(receiver.of('full').filter(({ type }) => type === 'room.quota').length, 1)
}, [...kFast, '--max-document-bytes', '2000'])

webhookTest('many edits are told as one change', async ({ server, receiver }) => {
  await server.start()
  const caller = await Caller.of(server)
  for (let i = 0; i < 50; ++i) await edit(caller, 'room')
  await knows(receiver, { room: 50 })
  assert.ok(receiver.of('room').length < 25, `${receiver.of('room').length} events of 50 edits`)
  checkOrder(receiver, ['room'])
}, ['--webhook-debounce-ms', '300'])

webhookTest('an event is tried until it is taken, and those behind it wait', async ({ server, receiver }) => {
  await server.start()
  const caller = await Caller.of(server)
  const failures = [500, 'drop', 503, 'late', 404, 302]
  receiver.mood = () => failures.shift() ?? null
  await edit(caller, 'first')
  await eventually('the first failures', () => receiver.refused.length >= 3)
  await edit(caller, 'second')
  await knows(receiver, { first: 1, second: 1 })
  assert.deepEqual(failures, [])
  // Taken twice, since the receiver took it without a word: under one id.
  assert.equal(receiver.taken.filter(({ data }) => data.room === 'first').length, 2)
  assert.deepEqual(receiver.events().map(({ data }) => data.room), ['first', 'second'])
  const metrics = await (await fetch(server.httpUrl('/metrics'))).text()
  assert.match(metrics, /^weft_webhook_failures_total [1-9]/m)
  assert.match(metrics, /^weft_webhook_dropped_total 0$/m)
  await eventually('the outbox to be empty', async () =>
    /^weft_webhook_outbox_events 0$/m.test(await (await fetch(server.httpUrl('/metrics'))).text())
  )
}, kFast)

webhookTest('modes, drafts and publishes are told in their order, to a receiver that fails and to one that was away', async ({ server, receiver }) => {
  console.log(`WEFT_SEED=${kSeed}`)
  const random = new SeededRandom(kSeed)
  receiver.mood = () => {
    const roll = random.fraction()
    return roll < 0.3 ? 500 : roll < 0.5 ? 'drop' : roll < 0.6 ? 'late' : null
  }
  await server.start()
  const caller = await Caller.of(server)
  const path = (rest) => roomPath('book', rest)
  const told = () => receiver.of('book').filter(({ type }) => /^(mode|draft|publish|version)/.test(type))
  const words = () => told().map(({ type, data }) => `${type} ${data.mode ?? data.version ?? ''}`.trim())
  const expected = []
  const takeAndLeave = async (mode) => {
    const { lease } = (await caller.expect(200, 'POST', path(`/modes/${mode}`))).json
    await caller.expect(204, 'DELETE', path(`/modes/${mode}`), { headers: { 'Weft-Lease': lease } })
    expected.push(`mode.taken ${mode}`, `mode.left ${mode}`, `mode.emptied ${mode}`)
  }
  const publish = async (name) => {
    await caller.expect(200, 'POST', path('/publish'), { body: { name } })
    expected.push(`version.made ${name}`, 'draft.saved')
  }
  const hasAll = () => eventually('all to be told', () => words().length === expected.length, { withinMs: 60_000, describe: () => words().join() })

  await edit(caller, 'book')
  await publish('first')
  await takeAndLeave('edit')
  await edit(caller, 'book')
  expected.push('draft.created')
  await hasAll()
  await caller.expect(200, 'DELETE', path('/draft'))
  expected.push('draft.discarded')
  await caller.refuses('version-exists', 'POST', path('/publish'), { body: { name: 'first' } })
  expected.push('publish.failed')
  await takeAndLeave('solo')
  await hasAll()

  // Nobody is there; and then the server comes back, whose modes have ended with it.
  const { port } = receiver
  await receiver.close()
  await publish('second')
  await takeAndLeave('edit')
  await caller.expect(200, 'POST', path('/modes/solo'))
  expected.push('mode.taken solo', 'mode.left solo', 'mode.emptied solo')
  await server.stop()
  receiver.mood = () => null
  await receiver.listen(port)
  await server.start()
  await hasAll()
  assert.deepEqual(words(), expected)
  for (const { data } of told()) caller.description.checkEvent(data)
  const numbers = told().filter(({ data }) => data.publish).map(({ data }) => data.publish)
  assert.deepEqual(numbers, [1, 2, 3], 'each publish has one end')
}, kFast)

webhookTest('what was there before webhooks were switched on is no news', async ({ server, receiver }) => {
  const { flags } = server
  server.flags = []
  await server.start()
  await edit(await Caller.of(server), 'old')
  await server.stop()
  server.flags = flags
  await server.start()
  await edit(await Caller.of(server), 'new')
  await knows(receiver, { new: 1 })
  assert.deepEqual(receiver.of('old'), [])
  // What changes while they are off is told when they are on again.
  await server.stop()
  server.flags = []
  await server.start()
  await edit(await Caller.of(server), 'old')
  await server.crash()
  server.flags = flags
  await server.start()
  await knows(receiver, { old: 2 })
  assert.equal(receiver.of('new').length, 1)
}, kFast)

webhookTest('receivers that fail and servers that are killed cost no change and no order', async ({ server, receiver }) => {
  console.log(`WEFT_SEED=${kSeed}`)
  const random = new SeededRandom(kSeed)
  const heads = {}
  const { port } = receiver
  for (let life = 0; life < 6; ++life) {
    await server.start()
    const caller = await Caller.of(server)
    receiver.mood = () => {
      const roll = random.fraction()
      return roll < 0.1 ? 500 : roll < 0.2 ? 'drop' : roll < 0.3 ? 'late' : null
    }
    const isAway = life % 3 === 1
    if (isAway) await receiver.close()
    for (let i = 0; i < 30; ++i) {
      const room = `room ${random.integer(0, 8)}`
      heads[room] = (await edit(caller, room)).json.sequence
      // Now and then until something was told, so that a kill hits all moments of an event.
      if (!isAway && random.chance(0.1)) await knows(receiver, { [room]: heads[room] })
    }
    await server.crash()
    if (isAway) await receiver.listen(port)
  }
  await server.start()
  receiver.mood = () => null
  await knows(receiver, heads)
  checkOrder(receiver, Object.keys(heads))
  assert.ok(receiver.refused.length > 0, 'the receiver never failed')
}, kFast)

/** A member of a room, for as long as its server lives. */
function visit(server, own, room) {
  const socket = new WebSocket(`${server.websocketUrl()}/${encodeURIComponent(room)}`)
  socket.on('error', () => {})
  own({ dispose: () => socket.terminate() })
  return new Promise((resolve) => socket.once('open', () => resolve(socket)))
}

webhookTest('what happened just before a kill is told: versions, deletions, the end of visits and of modes', async ({ server, own, receiver }) => {
  console.log(`WEFT_SEED=${kSeed}`)
  const random = new SeededRandom(kSeed)
  const versions = []
  const deleted = []
  for (let life = 0; life < 5; ++life) {
    await server.start()
    const caller = await Caller.of(server)
    const [kept, gone] = [`kept ${life}`, `gone ${life}`]
    for (const room of [kept, gone]) await edit(caller, room)
    await visit(server, own, kept)
    await knows(receiver, { [kept]: 1, [gone]: 1 })
    for (const mode of ['edit', 'edit']) await caller.expect(200, 'POST', roomPath(kept, `/modes/${mode}`))
    await eventually('the visit and the modes to be told', () => {
      const types = receiver.of(kept).map(({ type }) => type)
      return types.includes('room.opened') && types.filter((type) => type === 'mode.taken').length === 2
    })
    // All of it was answered, and of that the server is killed: with the next word, or a little later.
    for (let i = 0; i < random.integer(1, 6); ++i) {
      await caller.expect(201, 'PUT', roomPath(kept, `/versions/v${i}`))
      versions.push(`${kept} v${i}`)
    }
    await caller.expect(204, 'DELETE', roomPath(gone))
    deleted.push(gone)
    await server.crash()
  }
  await server.start()
  await edit(await Caller.of(server), 'last')
  await knows(receiver, { last: 1 })
  const told = (type) => receiver.events().filter((event) => event.type === type)
  assert.deepEqual(told('version.made').map(({ data }) => `${data.room} ${data.version}`).sort(), versions.sort())
  assert.deepEqual(told('room.deleted').map(({ data }) => data.room).sort(), deleted.sort())
  for (let life = 0; life < 5; ++life) {
    const visits = receiver.of(`kept ${life}`).map(({ type }) => type).filter((type) => /opened|closed/.test(type))
    assert.deepEqual(visits, ['room.opened', 'room.closed'])
    const modes = receiver.of(`kept ${life}`).filter(({ type }) => type.startsWith('mode.')).map(({ type, data }) => `${type} ${data.mode}`)
    assert.deepEqual(modes, ['mode.taken edit', 'mode.taken edit', 'mode.emptied edit'])
    assert.equal(receiver.of(`gone ${life}`).at(-1).type, 'room.deleted')
  }
}, kFast)

webhookTest('versions and deletions of while webhooks were off are told when they are on again, once', async ({ server, receiver }) => {
  const { flags } = server
  await server.start()
  let caller = await Caller.of(server)
  for (const room of ['kept', 'gone', 'anew']) await edit(caller, room)
  await knows(receiver, { kept: 1, gone: 1, anew: 1 })
  await caller.expect(201, 'PUT', roomPath('kept', '/versions/known'))
  await eventually('the version to be told', () => receiver.of('kept').some(({ type }) => type === 'version.made'))
  await server.stop()
  server.flags = []
  await server.start()
  caller = await Caller.of(server)
  await caller.expect(201, 'PUT', roomPath('kept', '/versions/unknown'))
  for (const room of ['gone', 'anew']) await caller.expect(204, 'DELETE', roomPath(room))
  await edit(caller, 'anew', 'another history')
  await server.crash()
  for (let start = 0; start < 2; ++start) {
    server.flags = flags
    await server.start()
    await eventually('both deletions', () => receiver.events().filter(({ type }) => type === 'room.deleted').length === 2)
    await eventually('the new history', () => receiver.of('anew').at(-1).type === 'room.changed')
    await server.stop()
  }
  assert.deepEqual(receiver.of('anew').map(({ type }) => type), ['room.changed', 'room.deleted', 'room.changed'])
  assert.deepEqual(receiver.of('kept').map(({ type, data }) => data.version ?? type), ['room.changed', 'known', 'unknown'])
}, kFast)

webhookTest('a receiver is told over TLS, and only one whose certificate counts', async ({ server, receiver, directory }) => {
  const { flags } = server
  const others = join(directory, 'others')
  await mkdir(others)
  server.flags = flags.map((flag, i) => (flags[i - 1] === '--webhook-ca' ? makeCertificate(others).cert : flag))
  await server.start()
  await edit(await Caller.of(server), 'room')
  await eventually('the refusal', () => /its certificate is not accepted/.test(server.output))
  assert.deepEqual(receiver.taken, [])
  await server.stop()
  server.flags = flags
  await server.start()
  await knows(receiver, { room: 1 })
  await server.stop()
  // The right authority, and another host than the certificate is for.
  server.flags = flags.map((flag) => flag.replace('127.0.0.1', '127.0.0.2'))
  const before = server.output.length
  await server.start()
  await edit(await Caller.of(server), 'room')
  await eventually('the attempt to fail', () => /127\.0\.0\.2/.test(server.output.slice(before)))
}, kFast, { tls: true })

webhookTest('beyond the bound of the outbox changes wait and are told later', async ({ server, receiver }) => {
  await server.start()
  const caller = await Caller.of(server)
  receiver.mood = () => 503
  const heads = {}
  for (let i = 0; i < 20; ++i) {
    heads[`room ${i}`] = (await edit(caller, `room ${i}`)).json.sequence
  }
  await eventually('the outbox to be full', async () =>
    /^weft_webhook_outbox_events 5$/m.test(await (await fetch(server.httpUrl('/metrics'))).text())
  )
  for (let i = 0; i < 20; ++i) {
    heads[`room ${i}`] = (await edit(caller, `room ${i}`)).json.sequence
  }
  receiver.mood = () => null
  await knows(receiver, heads)
  checkOrder(receiver, Object.keys(heads))
}, [...kFast, '--webhook-outbox-events', '5'])

serverTest('webhooks without a secret, or to no address, are a mistake of the command line', async ({ server, directory }) => {
  const secretFile = join(directory, 'secret')
  await writeFile(secretFile, 'secret')
  for (const flags of [
    ['--webhook', 'http://127.0.0.1:9/'],
    ['--webhook', 'ftp://example.org/', '--webhook-secret-file', secretFile],
    ['--webhook', 'http://127.0.0.1:9/', '--webhook-secret-file', secretFile, '--webhook-ca', secretFile],
    ['--webhook', 'https://127.0.0.1:9/', '--webhook-secret-file', secretFile, '--webhook-ca', secretFile],
    ['--webhook', 'http://127.0.0.1:99999/', '--webhook-secret-file', secretFile],
    ['--webhook', 'http://127.0.0.1:9/', '--webhook-secret-file', join(directory, 'absent')]
  ]) {
    server.flags = flags
    server.launch()
    assert.deepEqual(await server.exited(), { code: 2, signal: null }, flags.join(' '))
  }
}, { started: false })
