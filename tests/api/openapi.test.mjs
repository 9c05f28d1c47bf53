// The description of the API is valid, whole and true: each answer of the server is in it, and each answer in it
// is one of the server.

import assert from 'node:assert/strict'
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { eventually } from '../interop/eventually.mjs'
import { Signer } from '../interop/signer.mjs'
import { freePort, serverTest } from '../interop/weft_server.mjs'
import { Caller, roomPath, typing } from './description.mjs'

const kBytes = { 'Content-Type': 'application/octet-stream' }
const kV1 = { 'Content-Type': 'application/vnd.weft.update-v1' }
const kV2 = { 'Content-Type': 'application/vnd.weft.update-v2' }
const kMalformed = Uint8Array.of(9, 9, 9)

function documentWith(text, { client } = {}) {
  const doc = new Y.Doc()
  if (client) doc.clientID = client
  doc.getText('body').insert(0, text)
  return doc
}

/** Blocks that build on others which nobody has. */
function dangling() {
  const doc = new Y.Doc()
  doc.getText('body').insert(0, 'first')
  const known = Y.encodeStateVector(doc)
  doc.getText('body').insert(5, 'second')
  return Y.encodeStateAsUpdate(doc, known)
}

function member(server, room) {
  const socket = new WebSocket(`${server.websocketUrl()}/${encodeURIComponent(room)}`)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => {})
  return { socket, closed, dispose: () => socket.terminate() }
}

async function rooms({ call, expect, refuses, server, own }) {
  await expect(200, 'GET', '/api')
  await refuses('no-such-path', 'GET', '/api/')
  assert.match((await expect(200, 'GET', '/api', { headers: { Accept: 'text/html' } })).text, /<html/)
  const { headers } = await expect(200, 'GET', '/api/openapi.json')
  await expect(304, 'GET', '/api', { headers: { 'If-None-Match': headers.etag } })
  await expect(304, 'GET', '/api/openapi.json', { headers: { 'If-None-Match': headers.etag } })
  await refuses('bad-request', 'GET', '/api', { body: {} })
  await refuses('bad-request', 'GET', '/api/openapi.json', { body: {} })

  for (const room of ['list/a', 'list/b', 'list/c']) {
    await expect(201, 'PUT', roomPath(room), { body: Y.encodeStateAsUpdate(documentWith(room)) })
  }
  const first = await expect(200, 'GET', '/api/rooms?prefix=list/&limit=2')
  assert.deepEqual(first.json.rooms.map(({ room }) => room), ['list/a', 'list/b'])
  assert.equal(first.json.next, 'list/b')
  const second = await expect(200, 'GET', `/api/rooms?prefix=list/&limit=2&after=${encodeURIComponent('list/b')}`)
  assert.deepEqual(second.json.rooms.map(({ room }) => room), ['list/c'])
  assert.equal(second.json.next, null)
  assert.deepEqual(first.json.rooms.map(({ status }) => status), [undefined, undefined])
  const names = async (query) => (await expect(200, 'GET', `/api/rooms?${query}`)).json
  const found = await names('contains=ST%2FB')
  assert.deepEqual([found.rooms.map(({ room }) => room), found.next], [['list/b'], null])
  assert.deepEqual((await names('contains=list&limit=2')).next, 'list/b')
  assert.deepEqual((await names('contains=list&prefix=list/c')).rooms.map(({ room }) => room), ['list/c'])
  const [status] = (await names('prefix=list/a&include=status')).rooms.map((room) => room.status)
  assert.deepEqual([status.head, status.durable_head, status.frozen, status.quarantined, status.pending], [1, 1, null, 0, null])
  assert.ok(status.appended_bytes > 0)
  const { socket } = own(member(server, 'list/not written yet'))
  await eventually('the room to be in memory', async () => (await names('in_memory=true&contains=written')).rooms.length === 1)
  const [unwritten] = (await names('in_memory=true&contains=written&include=status')).rooms
  assert.deepEqual([unwritten.members, unwritten.created, unwritten.status.in_memory, unwritten.status.head], [1, null, true, 0])
  assert.deepEqual((await names('in_memory=true&prefix=list/not&after=list%2Fnot%20written%20yet')).rooms, [])
  assert.deepEqual((await names('prefix=list/not')).rooms, [])
  socket.close()
  await refuses('bad-request', 'GET', '/api/rooms?in_memory=maybe')
  await refuses('bad-request', 'GET', '/api/rooms?include=everything')
  await refuses('bad-request', 'GET', '/api/rooms?limit=0')
  await refuses('bad-request', 'GET', '/api/rooms?limit=5000')
  await refuses('bad-request', 'GET', '/api/rooms?prefx=list')
  await refuses('bad-request', 'GET', '/api/rooms?prefix=%zz')

  const room = await expect(200, 'GET', roomPath('list/a'))
  assert.equal(room.json.head, 1)
  assert.equal(room.json.durable_head, 1)
  await refuses('bad-request', 'GET', roomPath('list/a', '?include=everything'))
  await refuses('no-such-room', 'GET', roomPath('nobody was here'))
  await refuses('bad-request', 'GET', `/api/rooms/${'x'.repeat(600)}`)

  await expect(200, 'POST', roomPath('list/waiting', '/update'), { body: dangling() })
  const waits = await eventually('the list to tell that it waits', async () => (await names('prefix=list/waiting&include=status')).rooms[0].status.pending)
  assert.equal(waits.waits_for.length, 1)

  const body = Y.encodeStateAsUpdate(documentWith('again'))
  const exists = await refuses('room-exists', 'PUT', roomPath('list/a'), { body })
  assert.equal(exists.status, 409)
  await refuses('malformed-update', 'PUT', roomPath('list/d'), { body: kMalformed })
  await refuses('length-required', 'PUT', roomPath('list/d'), { body, headers: kBytes, chunked: true })
  await refuses('length-required', 'PUT', roomPath('list/d'))
  await refuses('unsupported-media-type', 'PUT', roomPath('list/d'), { body: '{}', headers: { 'Content-Type': 'text/plain' } })
  await refuses('too-large', 'PUT', roomPath('list/d'), { body: new Uint8Array(150_000) })
  await refuses('cannot-be-done', 'PUT', roomPath('list/d'), { body: Uint8Array.of(0, 0) })
  await refuses('no-such-room', 'GET', roomPath('list/d'))

  const { generation } = room.json
  await refuses('another-generation', 'DELETE', roomPath('list/a', '?generation=0123456789abcdef'))
  await refuses('bad-request', 'DELETE', roomPath('list/a', '?generation=12'))
  await expect(204, 'DELETE', roomPath('list/a', `?generation=${generation}`))
  await refuses('no-such-room', 'DELETE', roomPath('list/a'))
  const anew = await expect(201, 'PUT', roomPath('list/a'), { body })
  assert.notEqual(anew.json.generation, generation)

  await expect(200, 'GET', '/api/stats')
  await refuses('bad-request', 'GET', '/api/stats', { body: {} })
  await refuses('no-such-path', 'GET', '/api/nothing')
  await refuses('no-such-path', 'GET', '/api/rooms/a/b/c/d')
  assert.equal((await call('OPTIONS', roomPath('list/a'))).headers.allow, 'GET, HEAD, PUT, DELETE, OPTIONS')
  await refuses('method-not-allowed', 'PATCH', roomPath('list/a'))
  assert.equal((await call('HEAD', roomPath('list/a'))).status, 200)
}

async function content({ expect, refuses }) {
  const path = (rest) => roomPath('content', rest)
  const made = await expect(200, 'POST', path('/edits'), {
    body: {
      actions: [
        { op: 'text.insert', name: 'body', index: 0, text: 'hello', attrs: { bold: true } },
        { op: 'map.set', name: 'meta', key: 'tags', value: { $type: 'array', init: ['a', 'b'] } },
        { op: 'array.insert', name: 'meta', path: ['tags'], index: 1, values: ['between'] },
        { op: 'xml.insert', name: 'page', index: 0, node: { element: 'p', children: [{ text: 'in xml' }] } }
      ]
    }
  })
  assert.equal(made.json.changed, true)
  assert.equal(made.json.level, 'durable')
  assert.equal((await expect(200, 'GET', path('/text'))).text, 'hello')
  assert.equal((await expect(200, 'GET', path('/xml'))).text, '<p>in xml</p>')
  assert.deepEqual((await expect(200, 'GET', path('/delta?root=body'))).json, [
    { insert: 'hello', attributes: { bold: true } }
  ])
  assert.deepEqual((await expect(200, 'GET', path('/json?root=meta&root=body'))).json, {
    meta: { tags: ['a', 'between', 'b'] },
    body: 'hello'
  })

  const doc = new Y.Doc()
  const update = await expect(200, 'GET', path('/update'))
  Y.applyUpdate(doc, update.body)
  assert.equal(doc.getText('body').toString(), 'hello')
  const vector = (await expect(200, 'GET', path('/state-vector'))).body
  assert.deepEqual(new Uint8Array(vector), Y.encodeStateVector(doc))
  const nothing = await expect(200, 'GET', path(`/update?sv=${vector.toString('base64url')}`))
  assert.ok(nothing.body.length < update.body.length)
  const v2 = await expect(200, 'GET', path('/update?format=v2'))
  const asked = await expect(200, 'GET', path('/update'), { headers: { Accept: kV2['Content-Type'] } })
  assert.equal(asked.headers['content-type'], kV2['Content-Type'])
  assert.deepEqual(asked.body, v2.body)
  const doc2 = new Y.Doc()
  Y.applyUpdateV2(doc2, v2.body)
  assert.deepEqual(Y.encodeStateAsUpdate(doc2), Y.encodeStateAsUpdate(doc))

  for (const view of ['update', 'state-vector', 'json', 'text', 'xml', 'delta']) {
    const { headers } = await expect(200, 'GET', path(`/${view}`))
    await expect(304, 'GET', path(`/${view}`), { headers: { 'If-None-Match': headers.etag } })
    await refuses('not-acceptable', 'GET', path(`/${view}`), { headers: { Accept: 'image/png' } })
    await refuses('bad-request', 'GET', path(`/${view}?whatever=1`))
    await refuses('bad-request', 'GET', path(`/${view}?at=nothing-like-this`))
    await refuses('history-dropped', 'GET', path(`/${view}?at=99`))
    await refuses('no-such-room', 'GET', roomPath('nobody was here', `/${view}`))
    await refuses('no-such-room', 'GET', roomPath('nobody was here', `/${view}?at=1`))
    await expect(200, 'HEAD', path(`/${view}`))
  }
  for (const view of ['json?root=body:nonsense', 'text?root=meta', 'xml?root=body', 'delta?root=page']) {
    await refuses('cannot-be-done', 'GET', path(`/${view}`))
  }
  await refuses('cannot-be-done', 'GET', path('/text?root=body:nonsense'))
  await refuses('bad-request', 'GET', path('/update?sv=AQ'))
  await refuses('bad-request', 'GET', path('/update?sv=%21'))
  await refuses('bad-request', 'GET', path('/update?format=v3'))

  const more = documentWith(' world', { client: 77 })
  const body = Y.encodeStateAsUpdate(more)
  const posted = await expect(200, 'POST', path('/update'), { body })
  assert.equal(posted.json.sequence, made.json.sequence + 1)
  const repeated = await expect(200, 'POST', path('/update'), { body, headers: kV1 })
  assert.deepEqual([repeated.json.changed, repeated.json.sequence], [false, posted.json.sequence])
  more.getText('body').insert(0, '!')
  await expect(200, 'POST', path('/update'), { body: Y.encodeStateAsUpdateV2(more), headers: kV2 })
  await expect(200, 'POST', path('/update?format=v2'), { body: Y.encodeStateAsUpdateV2(more) })
  await refuses('conflicting-ids', 'POST', path('/update'), {
    body: Y.encodeStateAsUpdate(documentWith('another content', { client: 77 }))
  })
  await refuses('malformed-update', 'POST', path('/update'), { body: kMalformed })
  await refuses('malformed-update', 'POST', path('/update'), { body: kMalformed, headers: kV2 })
  await refuses('length-required', 'POST', path('/update'), { body, headers: kBytes, chunked: true })
  await refuses('too-large', 'POST', path('/update'), { body: new Uint8Array(150_000) })
  await refuses('unsupported-media-type', 'POST', path('/update'), { body: {} })
  await refuses('bad-request', 'POST', path('/update?format=v9'), { body })

  await expect(200, 'POST', path('/update'), { body: dangling() })
  const pending = (await expect(200, 'GET', path('?include=pending'))).json.pending
  assert.equal(pending.waits_for.length, 1)
}

async function edits({ call, expect, refuses }) {
  const path = (rest) => roomPath('edits', rest)
  await expect(200, 'POST', path('/edits'), { body: typing('one') })
  const before = (await expect(200, 'GET', path('/text'))).text
  const bad = { actions: [...typing('two').actions, { op: 'text.delete', name: 'body', index: 50, len: 1 }] }
  const refused = await refuses('cannot-be-done', 'POST', path('/edits'), { body: bad })
  assert.match(refused.json.detail, /action 2/)
  assert.equal((await expect(200, 'GET', path('/text'))).text, before)
  await refuses('bad-request', 'POST', path('/edits'), { body: { actions: {} } })
  await refuses('bad-request', 'POST', path('/edits'), { body: '[]', headers: { 'Content-Type': 'application/json' } })
  await refuses('length-required', 'POST', path('/edits'), { body: '{}', headers: { 'Content-Type': 'application/json' }, chunked: true })
  await refuses('too-large', 'POST', path('/edits'), { body: typing('x'.repeat(150_000)) })
  await refuses('unsupported-media-type', 'POST', path('/edits'), { body: 'x', headers: { 'Content-Type': 'text/plain' } })
  await refuses('bad-request', 'POST', path('/edits?dry=1'), { body: typing('x') })

  const headers = { 'Idempotency-Key': 'the key' }
  const first = await expect(200, 'POST', path('/edits'), { body: typing('keyed '), headers })
  const again = await expect(200, 'POST', path('/edits'), { body: typing('keyed '), headers })
  assert.deepEqual(again.json, first.json)
  await refuses('key-reused', 'POST', path('/edits'), { body: typing('other '), headers })
  await refuses('bad-request', 'POST', path('/edits'), { body: typing('x'), headers: { 'Idempotency-Key': 'k'.repeat(300) } })
  assert.equal((await expect(200, 'GET', path('/text'))).text, 'keyed one')
  // Of many at once with one key, one is done; the others are told so, or get its answer.
  let inserted = 0
  for (let conflicts = 0; conflicts === 0; ) {
    const keyed = { body: typing('.'), headers: { 'Idempotency-Key': `at once ${inserted}` } }
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', path('/edits'), keyed)))
    inserted += 1
    for (const { status } of answers) assert.ok(status === 200 || status === 409)
    conflicts = answers.filter(({ status }) => status === 409).length
    assert.equal((await expect(200, 'GET', path('/text'))).text, `${'.'.repeat(inserted)}keyed one`)
    assert.ok(inserted < 200, 'no two requests were under way at once')
  }
}

async function history({ expect, refuses }) {
  const path = (rest) => roomPath('history', rest)
  for (const text of ['one ', 'two ', 'three ']) await expect(200, 'POST', path('/edits'), { body: typing(text) })
  const page = (await expect(200, 'GET', path('/changes?limit=2'))).json
  assert.deepEqual(page.changes.map(({ sequence }) => sequence), [1, 2])
  assert.equal(page.next, 3)
  const rest = (await expect(200, 'GET', path('/changes?from=3'))).json
  assert.deepEqual(rest.changes.map(({ sequence }) => sequence), [3])
  assert.equal(rest.changes[0].writers[0].elements, 6)
  assert.equal((await expect(200, 'GET', path('/changes?from=1&to=1'))).json.changes.length, 1)
  await refuses('bad-request', 'GET', path('/changes?limit=x'))
  await refuses('history-dropped', 'GET', path('/changes?from=17'))
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/changes'))
  const time = encodeURIComponent(page.changes[1].time)
  assert.match((await expect(200, 'GET', path(`/text?at=${time}`))).text, /two one /)
  assert.equal((await expect(200, 'GET', path('/json?at=0'))).body.toString().trim(), '{}')

  const doc = new Y.Doc()
  Y.applyUpdate(doc, (await expect(200, 'GET', path('/update?at=1'))).body)
  assert.equal(doc.getText('body').toString(), 'one ')
  Y.applyUpdate(doc, (await expect(200, 'GET', path('/diff?from=1&to=2'))).body)
  assert.equal(doc.getText('body').toString(), 'two one ')
  Y.applyUpdateV2(doc, (await expect(200, 'GET', path('/diff?from=2&format=v2'))).body)
  assert.equal(doc.getText('body').toString(), 'three two one ')
  await refuses('bad-request', 'GET', path('/diff'))
  await refuses('bad-request', 'GET', path('/diff?from=3&to=1'))
  await refuses('history-dropped', 'GET', path('/diff?from=9'))
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/diff?from=0'))
  await refuses('not-acceptable', 'GET', path('/diff?from=1'), { headers: { Accept: 'text/html' } })

  await expect(201, 'PUT', path('/versions/draft'), { body: { at: 2, note: 'for Ann' } })
  assert.deepEqual((await expect(200, 'GET', path('/versions/draft'))).json.note, 'for Ann')
  await expect(201, 'PUT', path('/versions/newest'))
  await expect(200, 'PUT', path('/versions/newest'), { body: { at: 3 } })
  await refuses('precondition-failed', 'PUT', path('/versions/newest'), { headers: { 'If-None-Match': '*' } })
  await refuses('bad-request', 'PUT', path('/versions/other'), { body: { at: -1 } })
  await refuses('bad-request', 'PUT', path('/versions/other'), { body: { when: 1 } })
  await refuses('bad-request', 'PUT', path(`/versions/${'v'.repeat(300)}`))
  await refuses('history-dropped', 'PUT', path('/versions/other'), { body: { at: 99 } })
  await refuses('no-such-room', 'PUT', roomPath('nobody was here', '/versions/v'))
  await refuses('too-large', 'PUT', path('/versions/other'), { body: { note: 'n'.repeat(100_000) } })
  await refuses('unsupported-media-type', 'PUT', path('/versions/other'), { body: 'x', headers: { 'Content-Type': 'text/plain' } })
  await refuses('length-required', 'PUT', path('/versions/other'), { body: '{}', headers: { 'Content-Type': 'application/json' }, chunked: true })
  const names = async () => (await expect(200, 'GET', path('/versions'))).json.versions.map(({ name }) => name)
  assert.deepEqual(await names(), ['draft', 'newest'])
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/versions'))
  await refuses('bad-request', 'GET', path('/versions'), { body: {} })
  await refuses('no-such-version', 'GET', path('/versions/unknown'))
  await refuses('bad-request', 'GET', path('/versions/draft'), { body: {} })
  assert.equal((await expect(200, 'GET', path('/text?at=draft'))).text, 'two one ')

  const restored = await expect(200, 'POST', path('/restore'), { body: { at: 'draft' } })
  assert.equal(restored.json.sequence, 4)
  assert.equal((await expect(200, 'GET', path('/text'))).text, 'two one ')
  assert.equal((await expect(200, 'POST', path('/restore'), { body: { at: 'draft' } })).json.changed, false)
  await refuses('bad-request', 'POST', path('/restore'), { body: {} })
  await refuses('history-dropped', 'POST', path('/restore'), { body: { at: 99 } })
  await refuses('no-such-room', 'POST', roomPath('nobody was here', '/restore'), { body: { at: 1 } })
  await refuses('length-required', 'POST', path('/restore'))
  await refuses('too-large', 'POST', path('/restore'), { body: { at: 'n'.repeat(100_000) } })
  await refuses('unsupported-media-type', 'POST', path('/restore'), { body: 'x', headers: { 'Content-Type': 'text/plain' } })

  await expect(204, 'DELETE', path('/versions/draft'))
  await refuses('no-such-version', 'DELETE', path('/versions/draft'))
  await refuses('bad-request', 'DELETE', path('/versions/newest'), { body: {} })
  assert.deepEqual(await names(), ['newest'])
}

async function administration({ call, expect, refuses, server, own }) {
  const path = (rest) => roomPath('administration', rest)
  await expect(200, 'POST', path('/edits'), { body: typing('here') })
  assert.deepEqual((await expect(200, 'GET', path('/members'))).json, { members: [], awareness: [] })
  const { socket, closed } = own(member(server, 'administration'))
  const members = await eventually('the member to be there', async () => {
    const found = (await expect(200, 'GET', path('/members'))).json.members
    return found.length === 1 && found
  })
  assert.deepEqual([members[0].access, members[0].subject, members[0].clients], ['write', '', []])
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/members'))
  await refuses('bad-request', 'GET', path('/members'), { body: {} })
  await refuses('no-such-member', 'DELETE', path('/members/4711'))
  await refuses('no-such-member', 'DELETE', path('/members/somebody'))
  await refuses('bad-request', 'DELETE', path(`/members/${members[0].member}`), { body: {} })
  assert.equal(socket.readyState, WebSocket.OPEN)
  await expect(204, 'DELETE', path(`/members/${members[0].member}`))
  assert.equal(await closed, 4403)

  await expect(204, 'POST', path('/freeze'), { body: { reason: 'the book is printed' } })
  assert.equal((await expect(200, 'GET', path(''))).json.frozen, 'the book is printed')
  const refused = await refuses('frozen', 'POST', path('/edits'), { body: typing('more') })
  assert.equal(refused.json.detail, 'the book is printed')
  await refuses('frozen', 'POST', path('/update'), { body: Y.encodeStateAsUpdate(documentWith('more')) })
  await expect(201, 'PUT', path('/versions/printed'))
  await expect(204, 'DELETE', path('/freeze'))
  await expect(200, 'POST', path('/edits'), { body: typing('more ') })
  await expect(204, 'POST', path('/freeze'))
  await refuses('frozen', 'POST', path('/restore'), { body: { at: 'printed' } })
  await expect(204, 'DELETE', path('/freeze'))
  await refuses('bad-request', 'POST', path('/freeze'), { body: { why: 1 } })
  await refuses('no-such-room', 'POST', roomPath('nobody was here', '/freeze'))
  await refuses('length-required', 'POST', path('/freeze'), { body: '{}', headers: { 'Content-Type': 'application/json' }, chunked: true })
  await refuses('too-large', 'POST', path('/freeze'), { body: { reason: 'r'.repeat(100_000) } })
  await refuses('unsupported-media-type', 'POST', path('/freeze'), { body: 'x', headers: { 'Content-Type': 'text/plain' } })
  await refuses('bad-request', 'DELETE', path('/freeze'), { body: {} })
  await refuses('no-such-room', 'DELETE', roomPath('nobody was here', '/freeze'))

  // A room that has members and no content yet can be frozen, too, before it is seeded.
  const early = own(member(server, 'frozen at first'))
  await eventually('the room to be there', async () => (await call('GET', roomPath('frozen at first'))).status === 200)
  await expect(204, 'POST', roomPath('frozen at first', '/freeze'))
  await refuses('frozen', 'PUT', roomPath('frozen at first'), { body: Y.encodeStateAsUpdate(documentWith('x')) })
  await expect(204, 'DELETE', roomPath('frozen at first', '/freeze'))
  await expect(201, 'PUT', roomPath('frozen at first'), { body: Y.encodeStateAsUpdate(documentWith('x')) })
  await expect(204, 'DELETE', roomPath('frozen at first'))
  assert.equal(await early.closed, 4410)

  await expect(200, 'HEAD', '/api/events')
  await refuses('not-acceptable', 'GET', '/api/events', { headers: { Accept: 'application/json' } })
  await refuses('bad-request', 'GET', '/api/events?rooms=a')
}

/** Modes, and what stands against what. */
async function together({ expect, refuses, own, server }) {
  const path = (rest) => roomPath('together', rest)
  const lease = (token) => ({ headers: { 'Weft-Lease': token } })
  const codes = (blockers) => blockers.map(({ code, detail }) => (code === 'held' ? `${code} ${detail}` : code))
  const take = async (mode, options) => (await expect(200, 'POST', path(`/modes/${mode}`), options)).json
  const draft = async () => (await expect(200, 'GET', path('/draft'))).json
  const modes = async () => (await expect(200, 'GET', path('/modes'))).json
  await expect(200, 'POST', path('/edits'), { body: typing('one ') })

  // Never published: there is no draft, and nothing to go back to.
  assert.deepEqual(await draft(), {
    ...(await draft()), head: 1, published: false, has_draft: false, saved: 0, since: null, publishing: false,
    publish_blockers: [], discard_blockers: []
  })
  assert.equal((await expect(200, 'GET', path(''))).json.draft, null)
  await refuses('cannot-be-done', 'DELETE', path('/draft'))
  await refuses('bad-request', 'GET', path('/draft?what=1'))
  await refuses('bad-request', 'DELETE', path('/draft'), { body: {} })

  const first = (await expect(200, 'POST', path('/publish'), { body: { name: 'first', note: 'for Ann' } })).json
  assert.deepEqual([first.sequence, first.version, first.has_draft], [1, 'first', false])
  assert.equal((await expect(200, 'GET', path('/versions/first'))).json.note, 'for Ann')
  assert.deepEqual([(await draft()).published, (await draft()).has_draft, (await draft()).saved], [true, false, 1])
  assert.equal((await expect(200, 'DELETE', path('/draft'))).json.changed, false)
  await expect(200, 'POST', path('/edits'), { body: typing('two ') })
  assert.equal((await draft()).has_draft, true)
  const { has_draft, saved, since } = (await expect(200, 'GET', path(''))).json.draft
  assert.deepEqual([has_draft, saved, typeof since], [true, 1, 'string'])
  await refuses('version-exists', 'POST', path('/publish'), { body: { name: 'first' } })
  const restored = (await expect(200, 'DELETE', path('/draft'))).json
  assert.deepEqual([restored.changed, restored.sequence], [true, 3])
  assert.equal((await expect(200, 'GET', path('/text'))).text, 'one ')
  assert.equal((await draft()).has_draft, false)
  await expect(200, 'POST', path('/edits'), { body: typing('three ') })
  const unnamed = (await expect(200, 'POST', path('/publish'))).json
  assert.deepEqual([unnamed.version, unnamed.sequence], ['published-4', 4])
  assert.equal((await expect(200, 'POST', path('/publish'))).json.version, null)
  await refuses('bad-request', 'POST', path('/publish'), { body: { name: 7 } })
  await refuses('bad-request', 'POST', path('/publish'), { body: { name: 'n'.repeat(300) } })
  await refuses('no-such-room', 'POST', roomPath('nobody was here', '/publish'))
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/draft'))
  await refuses('no-such-room', 'DELETE', roomPath('nobody was here', '/draft'))
  await refuses('length-required', 'POST', path('/publish'), { body: '{}', headers: { 'Content-Type': 'application/json' }, chunked: true })
  await refuses('too-large', 'POST', path('/publish'), { body: { note: 'n'.repeat(100_000) } })
  await refuses('unsupported-media-type', 'POST', path('/publish'), { body: 'x', headers: { 'Content-Type': 'text/plain' } })

  const solo = await take('solo')
  assert.deepEqual([solo.mode, solo.resumed, solo.grace_ms], ['solo', false, 15_000])
  const excluded = await refuses('mode-refused', 'POST', path('/modes/edit'))
  assert.deepEqual([excluded.status, excluded.json.refusal.code, excluded.json.refusal.what], [409, 'excluded', 'solo'])
  assert.match(excluded.json.detail, /solo/)
  assert.equal((await refuses('mode-refused', 'POST', path('/modes/solo'))).json.refusal.code, 'held')
  await refuses('no-such-mode', 'POST', path('/modes/fly'))
  await refuses('no-such-mode', 'DELETE', path('/modes/fly'))
  await refuses('bad-request', 'POST', path('/modes/edit'), { body: {} })
  await refuses('no-such-room', 'POST', roomPath('nobody was here', '/modes/edit'))
  await refuses('no-such-room', 'GET', roomPath('nobody was here', '/modes'))
  await refuses('bad-request', 'GET', path('/modes?all=1'))
  const held = await modes()
  assert.deepEqual(held.modes.map(({ mode, shared, excludes, holders, refusal }) => [mode, shared, excludes, holders.length, refusal?.code]), [
    ['edit', true, ['solo'], 0, 'excluded'],
    ['solo', false, ['edit'], 1, 'held']
  ])
  assert.deepEqual(codes(held.blockers), ['held solo'])

  // Others publish under whoever is alone as little as they discard; who it is does both.
  await expect(200, 'POST', path('/edits'), { body: typing('four ') })
  const blocked = await refuses('blocked', 'POST', path('/publish'))
  assert.deepEqual([blocked.status, codes(blocked.json.blockers)], [409, ['held solo']])
  assert.deepEqual(codes((await refuses('blocked', 'DELETE', path('/draft'))).json.blockers), ['held solo'])
  assert.deepEqual(codes((await draft()).publish_blockers), ['held solo'])
  assert.deepEqual((await expect(200, 'GET', path('/draft'), lease(solo.lease))).json.discard_blockers, [])
  assert.equal((await expect(200, 'POST', path('/publish'), lease(solo.lease))).json.version, 'published-5')
  const renewed = await take('solo', lease(solo.lease))
  assert.equal(renewed.resumed, true)
  await refuses('no-such-holder', 'DELETE', path('/modes/solo'), lease(solo.lease))
  await refuses('no-such-holder', 'DELETE', path('/modes/edit'), lease(renewed.lease))
  const changed = await take('edit', lease(renewed.lease))
  assert.deepEqual([changed.mode, changed.resumed], ['edit', true])
  await expect(200, 'POST', path('/publish'))
  await expect(200, 'POST', path('/edits'), { body: typing('five ') })
  assert.deepEqual(codes((await refuses('blocked', 'DELETE', path('/draft'))).json.blockers), ['held edit'])
  await expect(204, 'DELETE', path('/modes/edit'), lease(changed.lease))
  await refuses('no-such-holder', 'DELETE', path('/modes/edit'), lease(changed.lease))

  // Who administrates sends others out of their modes: one, or all.
  const [one] = [await take('edit'), await take('edit')]
  const { holders } = (await modes()).modes[0]
  assert.deepEqual(holders.map(({ subject, away }) => [subject, away]), [['', true], ['', true]])
  await refuses('bad-request', 'DELETE', path('/modes/edit?holder=x'))
  await refuses('bad-request', 'DELETE', path('/modes/edit?all=1'))
  await expect(204, 'DELETE', path(`/modes/edit?holder=${holders[1].holder}`))
  assert.equal((await take('edit', lease(one.lease))).resumed, true)
  await expect(204, 'DELETE', path('/modes/edit'))
  await refuses('no-such-holder', 'DELETE', path('/modes/edit'))

  await expect(204, 'POST', path('/freeze'), { body: { reason: 'the book is printed' } })
  const frozen = await refuses('blocked', 'POST', path('/publish'))
  assert.deepEqual(frozen.json.blockers, [{ code: 'frozen', detail: 'the book is printed' }])
  assert.deepEqual(codes((await refuses('blocked', 'DELETE', path('/draft'))).json.blockers), ['frozen'])
  await expect(204, 'DELETE', path('/freeze'))

  // A room takes its draft along, and one that was made anew was never published.
  await expect(204, 'DELETE', path(''))
  await expect(200, 'POST', path('/edits'), { body: typing('anew') })
  assert.equal((await draft()).published, false)

  // Modes of a room in which somebody is, and nothing else yet.
  own(member(server, 'together at first'))
  const early = roomPath('together at first', '/modes')
  await eventually('the room to be there', async () => (await expect(200, 'GET', '/api/rooms?in_memory=true&contains=together%20at')).json.rooms.length === 1)
  assert.equal((await expect(200, 'GET', early)).json.modes.length, 2)
}

/** A request that is in order for each call which may be answered with `status`, but for what `target` names. */
function* requestsFor(description, status, room) {
  const bodies = {
    'post /api/rooms/{room}/edits': typing('x'),
    'post /api/rooms/{room}/restore': { at: 1 },
    'post /api/rooms/{room}/update': Uint8Array.of(0, 0),
    'put /api/rooms/{room}': Uint8Array.of(0, 0)
  }
  for (const answer of description.described()) {
    const [method, path, described] = answer.split(' ')
    if (described !== String(status)) continue
    const target = path
      .replace('{room}', encodeURIComponent(room))
      .replace('{version}', 'draft')
      .replace('{member}', '1')
      .replace('{mode}', 'edit')
      .replace(/\/diff$/, '/diff?from=1')
    yield { method: method.toUpperCase(), target, options: { body: bodies[`${method} ${path}`] } }
  }
}

const kHome = 'https://here.example'

/** What a call needs: as the README has it, said here once more. */
function roleFor(method, path) {
  // Without the token of a lease this is to send others away.
  if (method === 'DELETE' && /\/modes\//.test(path)) return 'admin'
  if (/\/(members|freeze|stats)\b/.test(path) || (method === 'DELETE' && /^\/api\/rooms\/[^/]+$/.test(path))) return 'admin'
  return method === 'GET' ? 'read' : 'write'
}

const kRoles = ['read', 'write', 'admin']

/** Each role beside each call. */
async function matrix({ call, description, signer }) {
  for (const role of kRoles) {
    const headers = { Authorization: `Bearer ${await signer.token(role, { '*': role })}`, Origin: kHome }
    for (const { method, target, options } of requestsFor(description, 403, 'history')) {
      // A stream would not end.
      const sent = target === '/api/events' ? 'HEAD' : method
      const { status } = await call(sent, target, { ...options, headers })
      const may = kRoles.indexOf(role) >= kRoles.indexOf(roleFor(method, target))
      assert.equal(status === 403, !may, `${role}: ${method} ${target} answers ${status}`)
      assert.notEqual(status, 401)
    }
  }
}

/** Who has no token, and who has one that is too small, whatever they ask for; and pages of strangers. */
async function rights({ call, refuses, description, restart, directory }) {
  const signer = await Signer.make('EdDSA')
  const keyFile = join(directory, 'public.pem')
  writeFileSync(keyFile, await signer.publicKey())
  await restart('--auth', 'token', '--auth-key-file', keyFile, '--allow-origin', kHome)
  const stranger = await signer.token('eve', { 'her own': 'admin' })
  for (const { method, target, options } of requestsFor(description, 401, 'history')) {
    await refuses('unauthorized', method, target, options)
    const headers = { Authorization: 'Bearer nonsense', Origin: kHome }
    await refuses('unauthorized', method, target, { ...options, headers })
  }
  for (const { method, target, options } of requestsFor(description, 403, 'history')) {
    const Authorization = `Bearer ${stranger}`
    await refuses('forbidden', method, target, { ...options, headers: { Authorization, Origin: 'https://evil.example' } })
    // Lists and events are shown to everybody, without what they may not read.
    if (/^\/api\/(rooms|events)$/.test(target)) continue
    await refuses('forbidden', method, target, { ...options, headers: { Authorization } })
  }
  await matrix({ call, description, signer })
}

/** The service that knows who may do what is away. */
async function away({ refuses, description, restart }) {
  const nobody = `http://127.0.0.1:${await freePort()}/`
  await restart('--auth', 'callback', '--auth-callback-url', nobody)
  for (const { method, target, options } of requestsFor(description, 503, 'history')) {
    await refuses('unavailable', method, target, options)
  }
}

/** Leaves no page of the log's data readable in which the room is. Under a running server: at the start pages are checked. */
function breakPages(server, room) {
  const kPageBytes = 4096
  const kFlagsAt = 10
  const kLeaf = 2
  const file = join(server.dataDirectory, 'data.mdb')
  const bytes = readFileSync(file)
  const descriptor = openSync(file, 'r+')
  for (let at = 2 * kPageBytes; at < bytes.length; at += kPageBytes) {
    const page = bytes.subarray(at, at + kPageBytes)
    if (page.readUInt16LE(kFlagsAt) === kLeaf && page.includes(room)) {
      writeSync(descriptor, Uint8Array.of(0x40, 0), 0, 2, at + kFlagsAt)
    }
  }
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** The disk gives back other bytes than it was given, while the server runs. */
async function damage({ expect, refuses, description, server, restart }) {
  await restart()
  await expect(201, 'PUT', roomPath('unreadable'), { body: Y.encodeStateAsUpdate(documentWith('x')) })
  await restart()
  breakPages(server, 'unreadable')
  for (const { method, target, options } of requestsFor(description, 500, 'unreadable')) {
    await refuses('internal', method, target, options)
  }
}

serverTest('the description of the API is valid OpenAPI 3.1', async ({ server }) => {
  const text = await (await fetch(server.httpUrl('/api/openapi.json'))).text()
  const result = await new Validator().validate(JSON.parse(text))
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1))
  assert.equal(JSON.parse(text).openapi, '3.1.0')
})

serverTest(
  'whatever the API answers is described, and whatever is described is answered',
  async ({ server, own, directory }) => {
    const caller = await Caller.of(server)
    const { description } = caller
    const { flags } = server
    const tools = {
      server,
      own,
      directory,
      description,
      call: caller.call.bind(caller),
      expect: caller.expect.bind(caller),
      refuses: caller.refuses.bind(caller),
      restart: async (...more) => {
        await server.stop()
        server.flags = [...flags, ...more]
        await server.start()
      }
    }
    for (const part of [rooms, content, edits, history, together, administration, rights, away, damage]) await part(tools)
    // A stream of events has no end that could be waited for.
    description.seen.add('get /api/events 200')
    const unseen = description.described().filter((answer) => !description.seen.has(answer))
    assert.deepEqual(unseen, [], 'these answers are described and were never given')
  },
  { flags: ['--max-message-bytes', '100000'], timeoutMs: 120_000 }
)
