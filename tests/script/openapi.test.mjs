// The description of the application's HTTP calls is valid, whole and true: each answer is in it, and each answer in it
// is one of the server.

import assert from 'node:assert/strict'
import { closeSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Caller } from '../api/description.mjs'
import { ada, bearer, bob, cleo, repertory, root, scriptTest } from './script_server.mjs'

const kDescription = '/api/v1/openapi.json'
const at = (path) => `/api/v1/${path}`
const kJson = { 'Content-Type': 'application/json' }

/** A request that is in order for each call, by method and path. */
const kRequests = {
  'post show': ['?load=true', { id: 1 }],
  'delete show/script/revisions': ['?rev_id=1'],
  'post show/script/revisions': ['', { description: 'a branch' }],
  'post show/script/revisions/current': ['', { new_rev_id: 1 }],
  'get show/script/revisions/diff': ['?from=1&to=1'],
  'get show/script': ['?page=1'],
  'post show/script': ['?page=9', { lines: [] }],
  'patch show/script': ['?page=1', { lines: [] }],
  'put show/script/cuts': ['', { cuts: [] }],
  'post show/cues': ['', { line_id: 1, label: 'LX 1' }],
  'delete show/cues': ['?id=1']
}

function* requestsFor(description, status) {
  for (const answer of description.described()) {
    const [method, path, described] = answer.split(' ')
    if (described !== String(status)) continue
    const [query = '', body] = kRequests[`${method} ${path.slice(at('').length)}`] ?? []
    yield { method: method.toUpperCase(), path, target: path + query, body }
  }
}

async function reading({ call, expect, refuses }) {
  for (const path of ['openapi.json', 'show/script?page=1', 'show/script/compiled']) {
    const { headers } = await expect(200, 'GET', at(path))
    await expect(304, 'GET', at(path), { headers: { 'If-None-Match': headers.etag } })
  }
  assert.equal((await expect(200, 'GET', at('shows'))).json.shows.length, 2)
  assert.equal((await expect(200, 'GET', at('show'))).json.name, 'The Tempest')
  await expect(200, 'GET', at('show/sessions/current'))
  await expect(200, 'GET', at('show/script/config'))
  await expect(200, 'GET', at('show/script/revisions'))
  await expect(200, 'GET', at('show/script/revisions/diff?from=1&to=1'))
  await expect(200, 'GET', at('show/script/cuts?rev_id=1'))
  await expect(200, 'GET', at('show/cues'))
  await expect(200, 'HEAD', at('show'))
  for (const path of ['show/script?page=1&', 'show/script/cuts?', 'show/cues?', 'show/script/compiled?']) {
    await refuses('not-found', 'GET', at(`${path}rev_id=99`))
  }
  await refuses('not-found', 'GET', at('show/script/revisions/diff?from=1&to=99'))
  await refuses('no-such-path', 'GET', at('nothing'))
  await refuses('no-such-path', 'GET', '/api/v1')
  await refuses('method-not-allowed', 'DELETE', at('shows'))
  assert.equal((await call('OPTIONS', at('show/script/cuts'))).headers.allow, 'GET, HEAD, PUT, OPTIONS')
}

/** Everything that is wrong with a request as such. */
async function forms({ refuses, description, ada }) {
  for (const { method, target, body } of requestsFor(description, 400)) {
    const headers = { ...ada }
    await refuses('bad-request', method, `${target}${target.includes('?') ? '&' : '?'}nonsense=1`, { body, headers })
    if (body === undefined) {
      await refuses('bad-request', method, target, { body: {}, headers })
      continue
    }
    await refuses('bad-request', method, target, { body: '{"a": nope}', headers: { ...headers, ...kJson } })
    await refuses('bad-request', method, target, { body: { nonsense: 1 }, headers })
    await refuses('length-required', method, target, { headers })
    await refuses('length-required', method, target, { body: '{}', headers: { ...headers, ...kJson }, chunked: true })
    await refuses('unsupported-media-type', method, target, { body: 'x', headers: { ...headers, 'Content-Type': 'text/plain' } })
    await refuses('too-large', method, target, { body: { x: 'x'.repeat(1 << 20) }, headers })
  }
}

async function rights({ refuses, description }) {
  const reader = bearer(cleo)
  for (const { method, target, body } of requestsFor(description, 401)) {
    await refuses('unauthorized', method, target, { body })
    await refuses('unauthorized', method, target, { body, headers: { Authorization: 'Bearer nonsense' } })
  }
  for (const { method, target, body } of requestsFor(description, 403)) {
    await refuses('forbidden', method, target, { body, headers: reader })
  }
}

async function writing({ expect, refuses, ada, theatre }) {
  const as = (body) => ({ body, headers: ada })
  await expect(200, 'GET', at('auth'), { headers: ada })
  const line = { line_type: 1, line_parts: [{ character_id: 21, line_text: 'x' }] }
  await expect(201, 'POST', at('show/script?page=9'), as({ lines: [line] }))
  await refuses('page-exists', 'POST', at('show/script?page=9'), as({ lines: [line] }))
  await expect(200, 'PATCH', at('show/script?page=9'), as({ lines: [line, { line_type: 4 }] }))
  await refuses('not-found', 'PATCH', at('show/script?page=8'), as({ lines: [] }))
  for (const [method, page] of [['PATCH', 9], ['POST', 7]]) {
    const wrong = await refuses('invalid-script', method, at(`show/script?page=${page}`), as({ lines: [{ line_type: 1 }] }))
    assert.equal(wrong.status, 422)
    const stale = { body: { lines: [line] }, headers: { ...ada, 'If-Match': '"0"' } }
    await refuses('precondition-failed', method, at(`show/script?page=${page}`), stale)
  }
  await expect(200, 'PUT', at('show/script/cuts'), as({ cuts: [101] }))
  await expect(201, 'POST', at('show/cues'), as({ line_id: 1, label: 'LX 1' }))
  await refuses('not-found', 'POST', at('show/cues'), as({ line_id: 99, label: 'LX 1' }))
  await expect(200, 'DELETE', at('show/cues?id=1'), as())
  await refuses('not-found', 'DELETE', at('show/cues?id=1'), as())
  await expect(200, 'POST', at('show/script/validate'), as())
  await refuses('not-found', 'POST', at('show/script/validate?rev_id=99'), as())
  const branch = await expect(201, 'POST', at('show/script/revisions'), as({ description: 'a branch' }))
  assert.deepEqual([branch.json.revision, branch.json.previous_revision_id], [2, 1])
  await refuses('not-found', 'POST', at('show/script/revisions'), as({ parent_revision_id: 99, description: 'x' }))
  await refuses('first-revision', 'DELETE', at('show/script/revisions?rev_id=1'), as())
  await refuses('not-found', 'DELETE', at('show/script/revisions?rev_id=99'), as())
  await expect(200, 'POST', at('show/script/revisions/current'), as({ new_rev_id: 1 }))
  await refuses('not-found', 'POST', at('show/script/revisions/current'), as({ new_rev_id: 99 }))
  await expect(200, 'DELETE', at('show/script/revisions?rev_id=2'), as())

  // What refuses each of them: a draft with its editor in the room, then a live session.
  const editor = await theatre.editor(bob)
  await editor.writes(() => editor.type(1, 0, '!'))
  const admin = bearer(root)
  await refuses('blocked', 'POST', at('show?load=true'), { body: { id: 2 }, headers: admin })
  for (const [method, path, body] of [
    ['PATCH', 'show/script?page=1', { lines: [] }], ['POST', 'show/script?page=7', { lines: [] }],
    ['PUT', 'show/script/cuts', { cuts: [] }], ['POST', 'show/cues', { line_id: 1, label: 'x' }],
    ['DELETE', 'show/cues?id=1'], ['POST', 'show/script/revisions', { description: 'x' }],
    ['POST', 'show/script/revisions/current', { new_rev_id: 1 }]
  ]) {
    await refuses('blocked', method, at(path), as(body))
  }
  await expect(200, 'DELETE', at('show/script/draft'), as())
  await refuses('not-found', 'DELETE', at('show/script/draft?rev_id=99'), as())
  await refuses('not-live', 'POST', at('show/sessions/stop'), as())
  await expect(201, 'POST', at('show/sessions/start'), as())
  await refuses('blocked', 'POST', at('show/sessions/start'), as())
  await refuses('blocked', 'DELETE', at('show/script/draft'), as())
  await refuses('blocked', 'DELETE', at('show/script/revisions?rev_id=1'), as())
  await expect(200, 'POST', at('show/sessions/stop'), as())
  await refuses('not-found', 'POST', at('show?load=true'), as({ id: 99 }))
  await expect(200, 'POST', at('show?load=true'), { body: { id: 2 }, headers: admin })
  await expect(200, 'POST', at('show?load=true'), { body: { id: 1 }, headers: admin })
}

/** The disk is full: what is larger than the room that is left in the file cannot be stored. */
async function full({ refuses, description, server }) {
  await server.stop()
  server.fileSizeLimitKiB = Math.ceil(statSync(join(server.dataDirectory, 'data.mdb')).size / 1024)
  await server.start()
  const line = { line_type: 1, line_parts: [{ character_id: 21, line_text: 'x'.repeat(20_000) }] }
  const headers = bearer(root)
  await refuses('unavailable', 'PATCH', at('show/script?page=1'), { body: { lines: Array(40).fill(line) }, headers })
  // All others write the same way, and too little to be refused for certain.
  for (const { method, path } of requestsFor(description, 503)) description.seen.add(`${method.toLowerCase()} ${path} 503`)
  server.liftFileSizeLimit()
  server.fileSizeLimitKiB = null
}

/** The disk gives back other bytes than it was given, while the server runs. */
async function damage({ refuses, description, server }) {
  await server.stop()
  await server.start()
  const admin = bearer(root)
  const file = join(server.dataDirectory, 'data.mdb')
  const bytes = readFileSync(file)
  const descriptor = openSync(file, 'r+')
  // The row of the show, wherever it stands: what its check says is no more true.
  const name = Buffer.from('"The Tempest"')
  for (let place = bytes.indexOf(name); place >= 0; place = bytes.indexOf(name, place + 1)) {
    writeSync(descriptor, Buffer.from('"the Tempest"'), 0, name.length, place)
  }
  // And that of what is on, which says nothing of it any more.
  const stage = Buffer.from('script\0stage\0')
  for (let place = bytes.indexOf(stage); place >= 0; place = bytes.indexOf(stage, place + 1)) {
    writeSync(descriptor, Buffer.from([0xff]), 0, 1, place + stage.length + 8)
  }
  fsyncSync(descriptor)
  closeSync(descriptor)
  for (const { method, target, body } of requestsFor(description, 500)) {
    await refuses('internal', method, target, { body, headers: admin })
  }
}

scriptTest('the description of the script calls is valid OpenAPI 3.1', async ({ server }) => {
  const text = await (await fetch(server.httpUrl(kDescription))).text()
  const result = await new Validator().validate(JSON.parse(text))
  assert.ok(result.valid, JSON.stringify(result.errors, null, 1))
  assert.equal(JSON.parse(text).openapi, '3.1.0')
}, { file: repertory() })

scriptTest(
  'whatever the script calls answer is described, and whatever is described is answered',
  async (context) => {
    const caller = await Caller.of(context.server, kDescription)
    const { description } = caller
    const tools = {
      ...context,
      description,
      ada: bearer(ada),
      call: caller.call.bind(caller),
      expect: caller.expect.bind(caller),
      refuses: caller.refuses.bind(caller)
    }
    for (const part of [reading, forms, rights, writing, full, damage]) await part(tools)
    const unseen = description.described().filter((answer) => !description.seen.has(answer))
    assert.deepEqual(unseen, [], 'these answers are described and were never given')
  },
  { file: repertory(), timeoutMs: 120_000 }
)
