// Makes crdt/COMPATIBILITY.md: for each function, whether weft gives the bytes of Yjs 13.6 and of
// @y/y 14 for the same histories. The committed file must say what this run finds; with
// WEFT_WRITE_COMPATIBILITY=1 in the environment it is written.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DriverProcess } from './driver_process.mjs'

const kFile = fileURLToPath(new URL('../../crdt/COMPATIBILITY.md', import.meta.url))
const kOracle = fileURLToPath(new URL('../crdt/oracle/yjs_oracle.mjs', import.meta.url))
const kOracle14 = fileURLToPath(new URL('./yjs14_oracle.mjs', import.meta.url))
const kHistories = Number(process.env.WEFT_COMPATIBILITY_HISTORIES ?? 60)
const kRoots = { text: 'text', array: 'array', map: 'map', xml: 'xmlfragment', xmltext: 'xmltext' }

const require = createRequire(import.meta.url)
const version = (name) => JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version

const weft = new DriverProcess(process.env.WEFT_BINARY, ['driver'])
const yjs = new DriverProcess(process.execPath, [kOracle])
const yjs14 = new DriverProcess(process.execPath, [kOracle14])
const libraries = { 'Yjs 13.6': yjs, '@y/y 14': yjs14 }

/** What each function did: name → library → { same, equal, total }. */
const results = new Map()
/** The functions of the table, in order. */
const rows = [
  ['EncodeStateAsUpdate', 'v1'], ['EncodeStateAsUpdate', 'v2'],
  ['EncodeStateAsUpdate with a state vector', 'v1'], ['EncodeStateAsUpdate with a state vector', 'v2'],
  ['GetStateVector', ''], ['ApplyUpdate out of order, then EncodeStateAsUpdate', 'v1'],
  ['ApplyUpdate out of order with HoleMode::kIntegrate, then EncodeStateAsUpdate', 'v1'],
  ['ApplyUpdate, the updates emitted', ''],
  ['MergeUpdates', 'v1'], ['MergeUpdates', 'v2'],
  ['DiffUpdate', 'v1'], ['DiffUpdate', 'v2'],
  ['ConvertUpdate', 'v1 to v2'], ['ConvertUpdate', 'v2 to v1'],
  ['StateVectorOfUpdate', 'v1'], ['StateVectorOfUpdate', 'v2'],
  ['ParseUpdateMeta', 'v1'], ['ParseUpdateMeta', 'v2'],
  ['ObfuscateUpdate', 'v1'], ['ObfuscateUpdate', 'v2'],
  ['IntersectUpdate', 'v1'], ['IntersectUpdate', 'v2'],
  ['Snapshot::Encode', 'v1'], ['Snapshot::Encode', 'v2'],
  ['Doc::DocAt, then EncodeStateAsUpdate', 'v1'],
  ['RelativePosition::Encode', ''], ['RelativePosition::Resolve', ''],
  ['ToJson, ToXml, ToDelta', ''],
  ['Text edits, the update of each', ''], ['Array, Map and XML edits, the update of each', ''],
  ['UndoManager, the updates emitted', ''],
  ['PermanentUserData, the updates emitted', ''], ['PermanentUserData::UserOfClient, UserOfDeleted', ''],
  ['Doc::Options::gc_filter, then EncodeStateAsUpdate', 'v1'],
  ['Doc::Options::gc_filter, then EncodeStateAsUpdate', 'v2']
].map(([name, format]) => ({ name, format, key: `${name} ${format}`.trim() }))

/** Why a result is not the same bytes, by function and library. Each must be needed. */
const reasons = JSON.parse(readFileSync(new URL('./reasons.json', import.meta.url), 'utf8'))

// Compares one request; `field` of the replies holds the bytes or the JSON. With `only`, with one
// library; with `update`, bytes that differ may mean the same.
const compare = async (key, request, field, { only, update = false } = {}) => {
  const expected = await weft.ask(request)
  for (const [library, process_] of Object.entries(libraries)) {
    if (only !== undefined && library !== only) continue
    const reply = await process_.ask(request)
    const byLibrary = results.get(key) ?? results.set(key, {}).get(key)
    const count = byLibrary[library] ??= { same: 0, equal: 0, total: 0 }
    count.total += 1
    const text = (value) => JSON.stringify(value?.[field] ?? value)
    if (expected.error === undefined && text(expected) === text(reply)) {
      count.same += 1
    } else if (update && expected.error === undefined && reply.error === undefined &&
               await meansTheSame(expected[field], reply[field], request.v ?? request.to ?? 1)) {
      count.equal += 1
    }
  }
  return expected
}

// Whether two updates bring a Yjs 13 document to the same content.
const meansTheSame = async (a, b, v) => {
  const shown = []
  for (const update of [a, b]) {
    await yjs.ask({ op: 'new', doc: 'meaning', clientID: 4 })
    await yjs.ask({ op: 'json', doc: 'meaning', types: kRoots })
    const applied = await yjs.ask({ op: 'apply', doc: 'meaning', update, v })
    if (applied.error !== undefined) return false
    const json = await yjs.ask({ op: 'json', doc: 'meaning', types: kRoots })
    const sv = await yjs.ask({ op: 'sv', doc: 'meaning' })
    shown.push(JSON.stringify([json, sv]))
  }
  return shown[0] === shown[1]
}

const toAll = async (request) => {
  for (const process_ of [weft, yjs, yjs14]) await process_.ask(request)
}

const shuffled = (list, seed) => {
  const result = [...list]
  let state = seed + 1
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 48271) >>> 0) % 2147483647
    const j = state % (i + 1)
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}

// Ranges of ids, a piece out of the middle of each client's.
const someIds = (to, seed) => to.map(([client, end]) => [client, end * (seed % 3) / 4 | 0, Math.ceil(end / 2)])

const compareHistory = async (seed) => {
  const { updates } = await yjs.ask({ op: 'history', seed, replicas: 3, steps: 24 })
  assert.ok(updates?.length > 0, `history ${seed} has updates`)
  const clean = { op: 'new', clientID: 7, gc: seed % 4 !== 0 }
  for (const doc of ['all', 'half', 'shuffled']) {
    await toAll({ ...clean, doc })
    await weft.ask({ op: 'json', doc, types: kRoots })
    await yjs.ask({ op: 'json', doc, types: kRoots })
  }
  for (const update of updates) {
    await yjs14.ask({ op: 'apply', doc: 'all', update })
    const request = { op: 'apply', doc: 'all', update }
    const [a, b] = [await weft.ask(request), await yjs.ask(request)]
    const byLibrary = results.get('ApplyUpdate, the updates emitted') ??
      results.set('ApplyUpdate, the updates emitted', {}).get('ApplyUpdate, the updates emitted')
    const count = byLibrary['Yjs 13.6'] ??= { same: 0, equal: 0, total: 0 }
    count.total += 1
    if (JSON.stringify(a.updates) === JSON.stringify(b.updates)) count.same += 1
  }
  for (const update of updates.slice(0, updates.length / 2)) await toAll({ op: 'apply', doc: 'half', update })
  for (const update of shuffled(updates, seed).slice(1)) await toAll({ op: 'apply', doc: 'shuffled', update })

  // The same with blocks behind holes integrated, as version 14 does.
  const holes = 'ApplyUpdate out of order with HoleMode::kIntegrate, then EncodeStateAsUpdate v1'
  for (const process_ of [weft, yjs14]) {
    await process_.ask({ ...clean, doc: 'holes', holes: true })
    for (const update of shuffled(updates, seed).slice(1)) {
      await process_.ask({ op: 'apply', doc: 'holes', update })
    }
  }
  await compare(holes, { op: 'state', doc: 'holes' }, 'update', { only: '@y/y 14', update: true })

  const { sv } = await compare('GetStateVector', { op: 'sv', doc: 'all' }, 'sv')
  const { sv: half } = await weft.ask({ op: 'sv', doc: 'half' })
  await compare('ApplyUpdate out of order, then EncodeStateAsUpdate v1', { op: 'state', doc: 'shuffled' }, 'update', { update: true })
  const states = {}
  for (const v of [1, 2]) {
    states[v] = await compare(`EncodeStateAsUpdate v${v}`, { op: 'state', doc: 'all', v }, 'update', { update: true })
    await compare(`EncodeStateAsUpdate with a state vector v${v}`, { op: 'state', doc: 'all', v, sv: half }, 'update', { update: true })
    await compare(`DiffUpdate v${v}`, { op: 'diff', update: states[v].update, sv: half, v }, 'update', { update: true })
    const to = 3 - v
    await compare(`ConvertUpdate v${v} to v${to}`, { op: 'convert', update: states[v].update, from: v, to }, 'update', { update: true })
    const pieces = []
    for (const update of updates) {
      pieces.push(v === 1 ? update : (await yjs.ask({ op: 'convert', update, from: 1, to: 2 })).update)
    }
    const merged = await compare(`MergeUpdates v${v}`, { op: 'merge', updates: pieces, v }, 'update', { update: true })
    const meta = await yjs.ask({ op: 'parseMeta', update: merged.update, v })
    await compare(`StateVectorOfUpdate v${v}`, { op: 'svOf', update: merged.update, v }, 'sv')
    await compare(`ParseUpdateMeta v${v}`, { op: 'parseMeta', update: merged.update, v }, 'from', { only: 'Yjs 13.6' })
    await compare(`ParseUpdateMeta v${v}`, { op: 'parseMeta', update: merged.update, v }, 'to', { only: 'Yjs 13.6' })
    await compare(`IntersectUpdate v${v}`, { op: 'intersect', update: merged.update, v, ids: someIds(meta.to, seed) }, 'update', { only: '@y/y 14' })
    await compare(`ObfuscateUpdate v${v}`, { op: 'obfuscate', update: merged.update, v }, 'update')
    await compare(`Snapshot::Encode v${v}`, { op: 'snapshot', doc: 'all', v }, 'snapshot')
  }
  await compare('ToJson, ToXml, ToDelta', { op: 'json', doc: 'all', types: kRoots }, 'json', { only: 'Yjs 13.6' })
  await compare('ToJson, ToXml, ToDelta', { op: 'json', doc: 'all', types: kRoots }, 'delta', { only: 'Yjs 13.6' })
  if (!clean.gc) {
    const { snapshot } = await weft.ask({ op: 'snapshot', doc: 'half' })
    await toAll({ op: 'snapshot.doc', doc: 'all', snapshot, as: 'then', clientID: 8 })
    await compare('Doc::DocAt, then EncodeStateAsUpdate v1', { op: 'state', doc: 'then' }, 'update', { only: 'Yjs 13.6' })
  }
  for (const process_ of [weft, yjs]) {
    await process_.ask({ op: 'new', doc: 'filtered', clientID: 9, keep: 2 + seed % 3 })
    for (const update of updates) await process_.ask({ op: 'apply', doc: 'filtered', update })
  }
  for (const v of [1, 2]) {
    await compare(`Doc::Options::gc_filter, then EncodeStateAsUpdate v${v}`, { op: 'state', doc: 'filtered', v }, 'update', { only: 'Yjs 13.6' })
  }
  for (let index = 0; index < 3; index++) {
    for (const assoc of [0, -1]) {
      const { position } = await compare('RelativePosition::Encode', { op: 'position', doc: 'half', name: 'text', kind: 'text', index: 0, assoc }, 'position', { only: 'Yjs 13.6' })
      await compare('RelativePosition::Resolve', { op: 'resolve', doc: 'all', position }, 'index', { only: 'Yjs 13.6' })
    }
  }
  assert.ok(sv)
}

// A network of one editor that does everything and takes some of it back.
const compareEdits = async (seed) => {
  const doc = 'edits'
  await toAll({ op: 'new', doc, clientID: seed + 1 })
  for (const process_ of [weft, yjs]) {
    await process_.ask({ op: 'json', doc, types: kRoots })
    await process_.ask({ op: 'undo.new', doc, manager: 1, captureTimeout: 0 })
  }
  const text = 'Text edits, the update of each'
  const other = 'Array, Map and XML edits, the update of each'
  const edits = [
    [text, { op: 'text.insert', name: 'text', index: 0, text: 'to be or not \u{1F600}' }],
    [text, { op: 'text.format', name: 'text', index: seed % 5, len: 4, attrs: { bold: true } }],
    [text, { op: 'text.insert', name: 'text', index: 3 + seed % 4, text: 'x', attrs: { italic: true } }],
    [text, { op: 'text.embed', name: 'text', index: 1, embed: { image: seed }, attrs: { width: 2 } }],
    [text, { op: 'text.delete', name: 'text', index: seed % 6, len: 3 }],
    [text, { op: 'text.format', name: 'text', index: 0, len: 6, attrs: { bold: null } }],
    [other, { op: 'array.insert', name: 'array', index: 0, values: [1, 'two', null, [3, { four: 4.5 }], { $binary: 'AAE=' }] }],
    [other, { op: 'array.insert', name: 'array', index: 2, values: [{ $type: 'map', init: { a: seed, b: { $type: 'text', init: 'in' } } }] }],
    [other, { op: 'array.delete', name: 'array', index: seed % 3, len: 1 }],
    [other, { op: 'map.set', name: 'map', key: 'k', value: { $bigint: String(seed) } }],
    [other, { op: 'map.set', name: 'map', key: 'k', value: { $undefined: true } }],
    [other, { op: 'map.delete', name: 'map', key: 'k' }],
    [other, { op: 'xml.insert', name: 'xml', index: 0, node: { element: 'P', attrs: { a: 'b' }, children: [{ text: 'hi' }, { element: 'br' }] } }],
    [other, { op: 'text.insert', name: 'xml', path: [0, 0], index: 1, text: 'ey', attrs: { em: {} } }]
  ]
  for (const [key, action] of edits) {
    await compare(key, { op: 'edit', doc, actions: [action] }, 'update', { only: 'Yjs 13.6' })
  }
  for (const op of ['undo.undo', 'undo.undo', 'undo.undo', 'undo.redo', 'undo.undo', 'undo.undo', 'undo.redo', 'undo.redo']) {
    await compare('UndoManager, the updates emitted', { op, doc, manager: 1 }, 'updates', { only: 'Yjs 13.6' })
  }
}

// Three users of one document, who type and delete; the last asks that some of it is not recorded.
const compareUsers = async (seed) => {
  const doc = 'users'
  for (const process_ of [weft, yjs]) {
    await process_.ask({ op: 'new', doc, clientID: seed + 1 })
    await process_.ask({ op: 'users.new', doc })
  }
  const only = { only: 'Yjs 13.6' }
  const updates = 'PermanentUserData, the updates emitted'
  const who = 'PermanentUserData::UserOfClient, UserOfDeleted'
  const text = { name: 'text', kind: 'text' }
  for (const [user, except] of [['ada'], ['berta'], ['clara', 'quiet']]) {
    await compare(updates, { op: 'users.map', doc, user, clientID: user.length + seed, except }, 'updates', only)
    const insert = { op: 'text.insert', ...text, index: 0, text: 'to be or not to be' }
    const remove = { op: 'text.delete', ...text, index: seed % 7, len: 2 }
    await compare(updates, { op: 'edit', doc, actions: [insert] }, 'update', only)
    await compare(updates, { op: 'edit', doc, actions: [remove] }, 'updates', only)
    await compare(updates, { op: 'edit', doc, actions: [remove], origin: 'quiet' }, 'updates', only)
    await compare(who, { op: 'users.who', doc, clientID: user.length + seed }, 'user', only)
    for (let clock = 0; clock < 40; clock++) {
      await compare(who, { op: 'users.who', doc, id: [seed + 1, clock] }, 'user', only)
    }
  }
}

const status = ({ same, equal, total }) =>
  same === total ? 'identical' : same + equal === total ? 'equal in meaning' : 'different'

const table = () => {
  const lines = []
  const notes = []
  for (const { name, format, key } of rows) {
    const cells = Object.keys(libraries).map((library) => {
      const count = results.get(key)?.[library]
      if (count === undefined) return '–'
      const found = status(count)
      if (found === 'identical') return found
      const reason = reasons[key]?.[library]
      if (reason !== undefined && !notes.includes(reason)) notes.push(reason)
      const note = reason === undefined ? '' : ` [${notes.indexOf(reason) + 1}]`
      return `${found}${note}`
    })
    lines.push(`| \`${name}\`${format === '' ? '' : `, ${format}`} | ${cells.join(' | ')} |`)
  }
  return { lines, notes }
}

const document = () => {
  const { lines, notes } = table()
  return `# Compatibility

Written by \`./dev test compatibility\`, not by hand: ${kHistories} random histories of three replicas that edit every
shared type, and ${kHistories} documents edited, undone and shared by users, by weft and by the real libraries.
*Identical* means: the same bytes each time. *Equal in meaning* means: other bytes that bring a Yjs 13.6 document to the same content and state. A dash means that
there is nothing to compare.

| function | Yjs ${version('yjs')} | @y/y ${version('@y/y')} |
| --- | --- | --- |
${lines.join('\n')}

${notes.map((note, index) => `[${index + 1}] ${note}\n`).join('\n')}
Where weft differs deliberately from Yjs 13.6 in what it accepts is told in [README.md](README.md).
`
}

before(async () => {
  for (let seed = 1; seed <= kHistories; seed++) {
    await compareHistory(seed)
    await compareEdits(seed)
    await compareUsers(seed)
  }
}, { timeout: 240_000 })

after(() => { for (const process_ of [weft, yjs, yjs14]) process_.end() })

test('every function gives the bytes of Yjs 13.6', () => {
  for (const { key } of rows) {
    assert.ok(results.get(key) !== undefined, `${key} was compared`)
    const count = results.get(key)['Yjs 13.6']
    if (count !== undefined) assert.equal(status(count), 'identical', `${key}: ${JSON.stringify(count)}`)
  }
})

test('every difference from @y/y 14 has its reason, and every reason a difference', () => {
  for (const { key } of rows) {
    const count = results.get(key)?.['@y/y 14']
    const differs = count !== undefined && status(count) !== 'identical'
    assert.equal(reasons[key]?.['@y/y 14'] !== undefined, differs, `${key}: ${JSON.stringify(count)}`)
  }
})

test('crdt/COMPATIBILITY.md says what this run has found', () => {
  if (process.env.WEFT_WRITE_COMPATIBILITY === '1') writeFileSync(kFile, document())
  assert.equal(readFileSync(kFile, 'utf8'), document(),
    'the file is not what the run found; WEFT_WRITE_COMPATIBILITY=1 ./dev test compatibility writes it')
})
