// GET /metrics: well-formed, complete, and true of what the server did.

import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { Editor } from '../interop/editor.mjs'
import { converged } from '../interop/convergence.mjs'
import { eventually } from '../interop/eventually.mjs'
import { serverTest } from '../interop/weft_server.mjs'
import { Caller, roomPath, typing } from './description.mjs'

const kSample = /^([a-z_]+)(?:\{((?:[a-z_]+="[^"\\]*",?)*)\})? (\S+)$/

/** The samples by name with labels; fails when the text is not in the format 0.0.4 of Prometheus. */
async function scrape(server) {
  const response = await fetch(server.httpUrl('/metrics'))
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  assert.ok(text.endsWith('\n'))
  const samples = new Map()
  const types = new Map()
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (kind === 'TYPE') {
      assert.ok(!types.has(name), `${name} is there twice`)
      types.set(name, rest)
    }
    if (kind) continue
    const [, sample, labels, value] = kSample.exec(line) ?? assert.fail(`no sample: ${line}`)
    const family = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '')
    assert.ok(types.has(family), `${sample} has no type`)
    if (types.get(family) === 'counter') assert.match(family, /_total$/)
    const key = labels ? `${sample}{${labels}}` : sample
    assert.ok(!samples.has(key), `${key} is there twice`)
    samples.set(key, value === '+Inf' ? Infinity : Number(value))
    assert.ok(!Number.isNaN(samples.get(key)), line)
  }
  return { samples, types, at: (key) => samples.get(key) ?? assert.fail(`${key} is missing`) }
}

/** The buckets of a histogram grow, and end with the count. */
function checkHistogram({ samples, at }, name) {
  const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket{`)).map(([, count]) => count)
  assert.ok(buckets.length > 10)
  for (let i = 1; i < buckets.length; ++i) assert.ok(buckets[i] >= buckets[i - 1])
  assert.equal(buckets.at(-1), at(`${name}_count`))
  assert.equal(at(`${name}_count`) === 0, at(`${name}_sum`) === 0)
}

serverTest('metrics tell what the server did', async ({ server, own }) => {
  const caller = await Caller.of(server)
  const before = await scrape(server)
  assert.equal(before.at('weft_rooms'), 0)
  assert.equal(before.at('weft_log_up'), 1)

  const editors = [own(new Editor(server, 'room', {})), own(new Editor(server, 'room', {}))]
  for (const editor of editors) await editor.synced()
  editors[0].doc.getText('body').insert(0, 'x'.repeat(10_000))
  await converged(editors)
  const during = await scrape(server)
  assert.equal(during.at('weft_rooms'), 1)
  assert.equal(during.at('weft_connections'), 2)
  assert.equal(during.at('weft_updates_total'), during.at('weft_log_appends_total'))
  assert.ok(during.at('weft_updates_total') >= 1)
  assert.ok(during.at('weft_received_bytes_total') >= 10_000)
  assert.ok(during.at('weft_sent_bytes_total') >= 10_000)
  assert.ok(during.at('weft_received_messages_total') >= 4)
  assert.ok(during.at('weft_sent_messages_total') >= 4)
  assert.equal(during.at('weft_acknowledge_seconds_count'), during.at('weft_updates_total'))
  assert.equal(during.at('weft_log_commit_seconds_count'), during.at('weft_log_commits_total'))
  for (const name of ['weft_acknowledge_seconds', 'weft_log_commit_seconds']) checkHistogram(during, name)

  await caller.expect(204, 'POST', roomPath('room', '/freeze'))
  await caller.refuses('frozen', 'POST', roomPath('room', '/edits'), { body: typing('no') })
  const { members, awareness } = (await caller.expect(200, 'GET', roomPath('room', '/members'))).json
  const clients = members.flatMap((member) => member.clients)
  assert.deepEqual(clients.sort(), awareness.map(({ client }) => client).sort())
  assert.deepEqual(clients, editors.map(({ doc }) => doc.clientID).sort())
  await caller.expect(204, 'DELETE', roomPath('room', `/members/${members[0].member}`))
  await caller.expect(204, 'DELETE', roomPath('room', '/freeze'))
  const doc = new Y.Doc()
  doc.getText('body').insert(0, 'y'.repeat(40_000))
  await caller.refuses('too-large', 'POST', roomPath('room', '/update'), { body: Y.encodeStateAsUpdate(doc) })
  const after = await eventually('the member to be gone', async () => {
    const now = await scrape(server)
    return now.at('weft_connections') === 1 && now
  })
  assert.equal(after.at('weft_refused_total{why="write"}'), 1)
  assert.equal(after.at('weft_closes_total{code="4403"}'), 1)
  assert.equal(after.at('weft_limit_reached_total{limit="max-message-bytes"}'), 1)
  assert.ok(after.at('process_cpu_seconds_total') > 0)
  assert.ok(after.at('process_resident_memory_bytes') > 1e6)

  // Every limit that /health counts is there.
  const { limits } = await (await fetch(server.httpUrl('/health'))).json()
  for (const [name, count] of Object.entries(limits)) {
    assert.equal(after.at(`weft_limit_reached_total{limit="${name}"}`), count)
  }
}, { flags: ['--max-message-bytes', '30000'] })

serverTest('metrics are read and not written', async ({ server }) => {
  const head = await fetch(server.httpUrl('/metrics'), { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  assert.equal((await fetch(server.httpUrl('/metrics'), { method: 'POST' })).status, 405)
})
