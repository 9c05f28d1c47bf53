// node bench/peers/compare.mjs WEFT_PEER [--rounds=N] [--only=REGEX] [--core=N] [--native=PROGRAM] [--remark=TEXT]
//
// Measures weft and other engines on the same inputs, and writes bench/results/engine.{json,md,svg}.
// In each round every engine does a work right after the other, each in a process of its own, all on
// the same core: what disturbs one disturbs all. Reported are medians over all rounds.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { toMarkdown } from './report.mjs'
import { toSvg } from './plot.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const inputs = `${root}build/peers/inputs`
const results = `${root}bench/results`
const kTimeoutMs = 60_000
const kTimeoutOfRowsMs = 300_000 // of crdt-benchmarks, which are a hundred works in one process
// A process that took longer is not repeated in later rounds.
const kSlowMs = 20_000

const [weftPeer, ...flags] = process.argv.slice(2)
const flag = (name, otherwise) => flags.find(f => f.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise
const unknown = flags.find(f => !/^--(rounds|only|core|native|trace|remark)=/.test(f))
if (weftPeer === undefined || unknown !== undefined) {
  console.error(unknown === undefined ? 'compare: which program?' : `--peers knows --rounds=, --only=, --core=, --trace= and --remark=, not ${unknown}`)
  process.exit(2)
}
const rounds = Number(flag('rounds', 3))
const only = new RegExp(flag('only', '.'))
const core = flag('core', String(os.cpus().length - 1))
const native = flag('native', '')
const traces = flags.filter(f => f.startsWith('--trace=')).map(f => f.slice('--trace='.length))

rmSync(inputs, { recursive: true, force: true })
mkdirSync(inputs, { recursive: true })
mkdirSync(results, { recursive: true })
console.error('Writing the inputs')
execFileSync(weftPeer, ['inputs', inputs, ...traces], { stdio: 'inherit' })

const concurrent = readdirSync(inputs).filter(name => name.endsWith('.concurrent.json')).map(name => name.slice(0, -'.concurrent.json'.length))
const works = ['local_each', 'local_once', 'apply_each', 'encode', 'load', ...concurrent.map(name => `concurrent/${name}`),
  'merge_10000', 'merge_all', 'load_x100', 'memory', 'memory_x100', 'crdt'].filter(work => only.test(work))

const script = fileURLToPath(new URL('peer.mjs', import.meta.url))
const node = engine => work => [process.execPath, ['--expose-gc', script, engine, inputs, work]]
const peers = [
  { name: 'weft', command: work => [weftPeer, ['run', inputs, work]], language: 'C++' },
  // No engine: the least that the format allows (bench/format_limit.h).
  { name: 'limit', command: work => [weftPeer, ['limit', inputs, work]], language: 'C++', works: /^(encode|load|load_x100|crdt)$/ },
  { name: 'yjs', command: node('yjs'), language: 'JavaScript' },
  { name: '@y/y', command: node('y_y'), language: 'JavaScript' },
  { name: 'ywasm', command: node('ywasm'), language: 'WebAssembly' },
  { name: 'loro', command: node('loro'), language: 'WebAssembly' },
  { name: 'json-joy', command: node('json_joy'), language: 'JavaScript' },
  { name: 'automerge', command: node('automerge'), language: 'WebAssembly' },
  { name: 'diamond-types', command: node('diamond_types'), language: 'WebAssembly' }
]
const kNative = ['yrs', 'loro', 'diamond-types', 'automerge']
if (native !== '') {
  for (const engine of kNative) {
    peers.push({ name: `${engine} (native)`, command: work => [native, [engine, inputs, work]], language: 'Rust' })
  }
}

// The lines that a process printed, and what ended it early.
function run (peer, work) {
  const [program, argv] = peer.command(work)
  const begin = Date.now()
  const done = spawnSync('taskset', ['-c', core, program, ...argv], { encoding: 'utf8', timeout: work === 'crdt' ? kTimeoutOfRowsMs : kTimeoutMs, maxBuffer: 1 << 28 })
  const lines = (done.stdout ?? '').split('\n').filter(line => line.startsWith('{') && line.endsWith('}')).map(line => JSON.parse(line))
  let failure
  if (done.error?.code === 'ETIMEDOUT') failure = 'longer than a minute, with what it needs'
  else if (done.status !== 0) failure = (done.stderr ?? '').split('\n').find(line => /error|wrong|weft_peer|panick/i.test(line))?.trim() ?? `ended with ${done.status ?? done.signal}`
  return { lines, failure, tookMs: Date.now() - begin }
}

function median (numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

// rows[part][peer] = { ms: [...], bytes, memory } or { missing }
const rows = {}
const done = new Set()

function measureRound (round) {
  for (const work of works) {
    for (const peer of peers) {
      if (done.has(`${work} ${peer.name}`) || peer.works?.test(work) === false) continue
      const { lines, failure, tookMs } = run(peer, work)
      for (const { work: part, ms, bytes, memory, skip } of lines) {
        const cell = ((rows[part] ??= {})[peer.name] ??= { ms: [] })
        if (skip !== undefined) cell.missing = skip
        else Object.assign(cell, { bytes, memory: memory || undefined })
        // The first run of a process finds cold caches and code that is not compiled yet.
        if (ms !== undefined) cell.ms.push(...(ms.length > 2 ? ms.slice(1) : ms))
      }
      if (failure !== undefined) {
        console.error(`  ${peer.name}, ${work}: ${failure}`)
        if (peer.name === 'weft' || peer.name === 'limit') process.exit(1)
        if (!rows[work]?.[peer.name]) (rows[work] ??= {})[peer.name] = { ms: [], missing: failure }
      }
      if (failure !== undefined || (tookMs > kSlowMs && work !== 'crdt') || lines.some(line => line.skip !== undefined)) done.add(`${work} ${peer.name}`)
    }
    console.error(`round ${round + 1} of ${rounds}: ${work}`)
  }
}

const versions = {}
for (const peer of peers) {
  if (peer.name === 'limit') continue
  const { lines } = peer.name === 'weft' ? { lines: [{ version: execFileSync('git', ['-C', root, 'describe', '--always', '--dirty'], { encoding: 'utf8' }).trim() }] } : run(peer, 'version')
  versions[peer.name] = { version: lines[0]?.version ?? '?', language: peer.language }
}
const trace = JSON.parse(execFileSync('head', ['-c', '200', `${inputs}/trace.json`], { encoding: 'utf8' }).match(/"name":("[^"]*")/)[1])

const summarise = ({ ms, ...cell }) => ({ ...cell, runs: ms.length, ...(ms.length > 0 && { median: Number(median(ms).toPrecision(4)) }) })
const summary = cells => Object.fromEntries(Object.entries(cells).map(([peer, cell]) => [peer, summarise(cell)]))

const partial = only.source !== '.'
const write = (name, text) => writeFileSync(`${results}/engine.${name}${partial ? '.tmp' : ''}`, text)

let report
for (let round = 0; round < rounds; ++round) {
  measureRound(round)
  report = {
    date: new Date().toISOString().slice(0, 10),
    machine: { cpu: os.cpus()[0].model.trim(), cores: os.cpus().length, node: process.version, rounds: round + 1 },
    ...(flag('remark') !== undefined && { remark: flag('remark') }),
    notes: native === '' ? ['No native programs: cargo, or the registry of its packages, is not there.'] : [],
    trace: { name: trace },
    versions,
    rows: Object.fromEntries(Object.entries(rows).map(([part, cells]) => [part, summary(cells)]))
  }
  // After each round: who ends it then has the rounds before.
  write('json', JSON.stringify(report, null, 1) + '\n')
  write('md', toMarkdown(report))
  write('svg', toSvg(report))
}
console.log(toMarkdown(report))
if (partial) console.error('Only a part was measured: what was written ends in .tmp.')
