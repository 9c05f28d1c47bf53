// The parts of the admin page that need no browser, and its types.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SeededRandom } from '../interop/seeded_random.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const web = join(here, '../../server/web')
const admin = join(web, 'admin')

/** Modules of the page, which are TypeScript, with the Yjs that they have in the page. */
async function load(...names) {
  const { build } = createRequire(join(web, 'package.json'))('esbuild')
  const folder = mkdtempSync(join(tmpdir(), 'weft-admin-'))
  try {
    const contents = [...names.map((name) => `export * from './${name}'`), "export * as Y from 'yjs'"].join('\n')
    const outfile = join(folder, 'parts.mjs')
    await build({ stdin: { contents, resolveDir: admin }, bundle: true, format: 'esm', platform: 'node', outfile, logLevel: 'error' })
    return await import(pathToFileURL(outfile))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { differenceOf, linePieces, openDocument, parseMetrics, presenceOf, quantileBetween, Y } =
  await load('difference', 'document', 'metrics', 'presence')

test('the page has no errors of types', () => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', join(admin, 'tsconfig.json')], { stdio: 'pipe', encoding: 'utf8' })
})

const joined = (pieces, ...changes) => pieces.filter(({ change }) => changes.includes(change)).map(({ text }) => text).join('')

/** The number of edits of a shortest way, by the table of all prefixes. */
function fewestEdits(old, young) {
  const table = Array.from({ length: old.length + 1 }, (_, i) => Array.from({ length: young.length + 1 }, (_, k) => (i === 0 ? k : i)))
  for (let i = 1; i <= old.length; ++i) {
    for (let k = 1; k <= young.length; ++k) {
      table[i][k] = old[i - 1] === young[k - 1] ? table[i - 1][k - 1] : 1 + Math.min(table[i - 1][k], table[i][k - 1])
    }
  }
  return table[old.length][young.length]
}

test('the difference of lines leads from the one to the other in as few edits as there can be', async () => {
  const random = new SeededRandom(11)
  for (let round = 0; round < 500; ++round) {
    const lines = () => Array.from({ length: random.integer(0, 9) }, () => random.pick(['a', 'b', 'c']))
    const [old, young] = [lines(), lines()]
    const pieces = linePieces(old, young)
    const ended = (all) => all.map((line) => `${line}\n`).join('')
    assert.equal(joined(pieces, 'kept', 'deleted'), ended(old))
    assert.equal(joined(pieces, 'kept', 'inserted'), ended(young))
    assert.equal(pieces.filter(({ change }) => change !== 'kept').length, fewestEdits(old, young), `${old} ${young}`)
  }
  const many = (from) => Array.from({ length: 3_000 }, (_, i) => `${from}${i}`)
  const pieces = linePieces(many('a'), many('b'))
  assert.equal(pieces.length, 6_000)
})

test('the difference of a text tells exactly which characters were inserted and deleted, and by whom, even when the later state has dropped them', async () => {
  const random = new SeededRandom(12)
  for (let round = 0; round < 100; ++round) {
    const docs = [1, 2].map((client) => Object.assign(new Y.Doc(), { clientID: client }))
    const states = []
    for (let i = 0; i < 20; ++i) {
      const doc = random.pick(docs)
      const text = doc.getText('t')
      if (text.length > 3 && random.chance(0.4)) text.delete(random.integer(0, text.length - 2), 2)
      else text.insert(random.integer(0, text.length + 1), random.pick(['one ', 'two ', 'drei ']))
      if (random.chance(0.3)) for (const other of docs) if (other !== doc) Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
      if (doc === docs[0]) states.push({ update: Y.encodeStateAsUpdate(doc), text: text.toString() })
    }
    if (states.length < 2) continue
    const from = random.integer(0, states.length - 1)
    const [earlier, later] = [states[from], states.at(-1)]
    const { pieces, exact } = differenceOf(earlier.update, later.update, 't')
    assert.ok(exact)
    assert.equal(joined(pieces, 'kept', 'deleted'), earlier.text)
    assert.equal(joined(pieces, 'kept', 'inserted'), later.text)
    for (const piece of pieces) if (piece.change === 'inserted') assert.ok([1, 2].includes(piece.client))
  }
})

test('quantiles and rates are those of what was counted between two samples', async () => {
  const sample = (counts) => parseMetrics(`# HELP x about\n# TYPE x histogram\n${['0.1', '0.2', '0.4', '+Inf'].map((bound, i) => `x_bucket{le="${bound}"} ${counts[i]}`).join('\n')}\n`)
  const between = (before, after, part) => quantileBetween(sample(before), sample(after), 'x', part)
  assert.equal(between([5, 5, 5, 5], [5, 5, 5, 5], 0.5), null)
  assert.equal(between([5, 5, 5, 5], [15, 15, 15, 15], 0.5), 0.05)
  assert.ok(Math.abs(between([5, 5, 5, 5], [5, 15, 25, 25], 0.75) - 0.3) < 1e-9)
  assert.equal(between([0, 0, 0, 0], [0, 0, 0, 4], 0.99), 0.4)
})

test('what strangers say of themselves is made presentable, whatever it is', async () => {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, 'one\ntwo\nthree')
  const opened = openDocument(Y.encodeStateAsUpdate(doc))
  const place = (index) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(doc.getText('t'), index))
  const seen = presenceOf(7, { user: { name: 'Ann\u202e', color: '#AABBCC' }, selection: { anchor: place(5), head: place(6) } }, opened)
  assert.deepEqual(seen, { client: 7, name: 'Ann·', colour: '#AABBCC', cursor: { words: 'line 2, column 3', root: 't', before: 'tw', after: 'o', selected: 1 } })
  const hostile = [null, 1, 'x', [], { user: null }, { user: { name: {}, color: 'red;}' } }, { cursor: { head: { item: {} } } }, { cursor: { head: { item: { client: -1, clock: 'x' } } } },
    { cursor: { head: { tname: '__proto__' } } }, { user: { name: 'x'.repeat(1e6) } }, { cursor: { anchor: 5, head: { type: { client: 9, clock: 9 }, assoc: 'x' } } }]
  for (const state of hostile) {
    const { name, colour } = presenceOf(7, state, opened)
    assert.ok(name.length <= 61)
    assert.match(colour, /^#[0-9a-f]{6}$/)
  }
})
