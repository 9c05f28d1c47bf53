// node seeds.mjs FOLDER [TRACE...]: seed inputs under FOLDER/TARGET, made by playing editing traces with the
// real Yjs as several replicas; without a trace a made-up one of the same shape. A trace is a JSON file,
// perhaps gzipped, as github.com/josephg/editing-traces has them, sequential or concurrent; what is made of it
// stays out of the committed corpus until runs have cut it to pieces.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'

const require = createRequire(new URL('../tests/package.json', import.meta.url))
const Y = require('yjs')
const encoding = require('lib0/encoding')

const [folder, ...traces] = process.argv.slice(2)
const kTransactions = 600 // of each trace
const kReplicas = 3
const counts = {}

// --- Inputs of targets (input.h) --------------------------------------------------------------------

function write (target, bytes) {
  if (bytes.length > 4096) return // what runs go up to
  mkdirSync(`${folder}/${target}`, { recursive: true })
  writeFileSync(`${folder}/${target}/seed_${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`, bytes)
  counts[target] = (counts[target] ?? 0) + 1
}

const pack = (flags, parts) =>
  Buffer.concat([Buffer.from([flags]), ...parts.flatMap(part => [Buffer.from([part.length & 0xff, part.length >> 8]), part])])

function bytes (...writers) {
  const encoder = encoding.createEncoder()
  for (const [kind, value] of writers) encoding[kind](encoder, value)
  return encoding.toUint8Array(encoder)
}
const number = value => ['writeVarUint', value]
const buffer = value => ['writeVarUint8Array', value]
const text = value => ['writeVarString', value]
const plain = value => ['writeUint8Array', value]

const awareness = (client, clock) => bytes(number(1), number(client), number(clock), text(`{"user":{"name":"${client}"},"cursor":${clock}}`))

// What the replica has told since `from`, as inputs of all that reads updates.
function writeUpdates (state, vector, v1, v2, flags) {
  for (const [format, updates] of [[0, v1], [1, v2]]) {
    const input = pack(format | flags << 1, updates)
    for (const target of ['apply_update', 'apply_in_parts', 'merge_updates', 'convert_update', 'read_update']) write(target, input)
  }
  write('diff_update', pack(0, [state, vector]))
  write('diff_update', pack(1, [Y.convertUpdateFormatV1ToV2(state), vector]))
  write('decode_state_vector', vector)
  const sized = v1.filter(update => update.length < 256)
  write('join_typing', Buffer.concat(sized.flatMap(update => [Buffer.from([update.length]), update])))
}

function writeMessages (vector, v1) {
  const step1 = bytes(number(0), number(0), buffer(vector))
  const told = v1.map((update, i) => bytes(number(0), number(i === 0 ? 1 : 2), buffer(update)))
  const seen = v1.map((_, i) => awareness(1 + i % kReplicas, 1 + i))
  const cursors = seen.map(update => bytes(number(1), buffer(update)))
  const marker = bytes(number(102), buffer(Uint8Array.of(1)))
  const messages = [step1, ...told.flatMap((message, i) => [message, cursors[i]]), Uint8Array.of(3), marker]
  write('receive_message', pack(0, messages))
  write('receive_message', pack(1, messages))
  write('apply_awareness', pack(0b10, seen))
  const under = (key, body) => bytes(text(key), plain(body))
  const token = key => under(key, bytes(number(2), number(0), text('w'), text('4.7.0')))
  write('hocuspocus', pack(0, [token('a'), token('ab'), ...messages.map((message, i) => under(i % 4 === 3 ? 'ab' : 'a', message))]))
  const sized = (to, message) => message.length > 255 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([message.length, to]), message])
  const hello = bytes(number(0), number(1), text('c'), text('w'), number(0))
  const join = bytes(number(2), number(1), text('room'), number(0), number(0), number(512), buffer(vector))
  const data = message => bytes(number(7), number(1), plain(message))
  write('weft_v1', Buffer.concat([sized(0, hello), sized(0, join), ...messages.map(message => sized(0, data(message)))]))
}

// --- Traces -----------------------------------------------------------------------------------------

// [{agent, parents, patches}] of a file; parents are indices of transactions.
function load (path) {
  const file = readFileSync(path)
  const trace = JSON.parse(file[0] === 0x1f ? gunzipSync(file) : file)
  return trace.txns.slice(0, kTransactions).map(({ agent, parents, patches }, i) => ({
    agent: agent ?? Math.floor(i / 40) % kReplicas, parents: parents ?? (i === 0 ? [] : [i - 1]), patches
  }))
}

// Runs of typing, corrections and jumps, by replicas that take turns; the same each time.
function makeUp () {
  let state = 1
  const below = end => (state = state * 48271 % 0x7fffffff) % end
  let length = 0
  let at = 0
  return Array.from({ length: kTransactions }, (_, i) => {
    if (below(12) === 0) at = below(length + 1)
    const back = at > 0 && below(6) === 0 ? 1 : 0
    const typed = back ? '' : ['a', 'b', ' ', '\n', 'é', '😀', 'word '][below(7)]
    const patch = [at - back, back, typed]
    at += typed.length - back
    length += typed.length - back
    return { agent: Math.floor(i / 40) % kReplicas, parents: i === 0 ? [] : [i - 1], patches: [patch] }
  })
}

function play (transactions) {
  const replicas = new Map()
  const told = [] // by transaction: its updates in both formats
  const known = [] // by transaction: all that it builds on, and itself
  let window = []
  for (const [i, { agent, parents, patches }] of transactions.entries()) {
    if (!replicas.has(agent)) {
      const doc = new Y.Doc()
      doc.clientID = agent + 1
      replicas.set(agent, { doc, has: new Set() })
    }
    const { doc, has } = replicas.get(agent)
    known.push(new Set([i]))
    for (const parent of parents) for (const one of known[parent]) known[i].add(one)
    for (const one of [...known[i]].sort((a, b) => a - b)) {
      if (one !== i && !has.has(one)) Y.applyUpdate(doc, told[one].v1)
      has.add(one)
    }
    const sent = { v1: new Uint8Array([0, 0]), v2: undefined }
    const before = Y.encodeStateVector(doc)
    const onV1 = update => { sent.v1 = update }
    const onV2 = update => { sent.v2 = update }
    doc.on('update', onV1)
    doc.on('updateV2', onV2)
    doc.transact(() => {
      const content = doc.getText('t')
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) content.delete(position, deleted)
        if (inserted !== '') content.insert(position, inserted)
      }
    })
    doc.off('update', onV1)
    doc.off('updateV2', onV2)
    sent.v2 ??= Y.convertUpdateFormatV1ToV2(sent.v1)
    told.push(sent)
    window.push(sent)
    if (window.length < 2 + i % 19) continue
    const v1 = window.map(update => update.v1)
    writeUpdates(Y.encodeStateAsUpdate(doc), before, v1, window.map(update => update.v2), i % 8)
    writeMessages(before, v1)
    write('decode_snapshot', pack(0, [Y.encodeSnapshot(Y.snapshot(doc))]))
    write('decode_snapshot', pack(1, [Y.encodeSnapshotV2(Y.snapshot(doc))]))
    window = []
  }
}

for (const transactions of traces.length > 0 ? traces.map(load) : [makeUp()]) play(transactions)
for (const [target, count] of Object.entries(counts).sort()) console.log(`${String(count).padStart(5)} ${target}`)
