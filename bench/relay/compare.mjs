// Runs the load generator against each relay in turn and collects medians:
//
//   node compare.mjs GENERATOR WEFT BARE [SCENARIO] [--peers] [--json] [--rounds=N] [--seconds=N] [--data=FOLDER]
//                    [--results=FOLDER] [--servers=NAME,NAME…]
//
// The server has core 0, the generator core 1. In each round a scenario is run with all servers one
// after the other, each freshly started, so that what disturbs the machine disturbs all. A run that
// fails costs the others nothing, and what is known is written after each scenario.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { cpus, release, type } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toMarkdown } from './report.mjs'
import { toSvg } from './plot.mjs'
import { names, scenarios } from './scenarios.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const peers = join(here, '../peers/relays')
const kServerCore = '0'
const kGeneratorCore = '1'
const kGeneratorTimeout = 240_000

const flags = new Map()
const words = []
for (const argument of process.argv.slice(2)) {
  const match = /^--([^=]+)(?:=(.*))?$/.exec(argument)
  if (match) flags.set(match[1], match[2] ?? '')
  else words.push(argument)
}
const [generator, weft, bare, wanted] = words
const rounds = Number(flags.get('rounds') ?? 3)
const dataRoot = flags.get('data') ?? 'build/relay-bench'
const say = text => { if (!flags.has('json')) console.error(text) }

const pinned = (core, command) => cpus().length > 1 ? ['taskset', '-c', core, ...command] : command

// What one client may send a second is a limit of weft that others do not have; writers here are
// crowds.
const flagsOf = { 'weft-accepted': ['--relay', 'accepted'] }
const weftFlags = ['--threads', '1', '--max-messages-per-second', '0', '--max-bytes-per-second', '0']

function freePort () {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

const canConnect = port => new Promise(resolve => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
  socket.once('error', () => resolve(false))
})

// A relay that can be started, stopped and started again with the same data.
class Relay {
  constructor (kind, port) {
    this.kind = kind
    this.port = port
    if (kind.startsWith('weft')) {
      const root = kind === 'weft-memory' ? '/dev/shm' : dataRoot
      mkdirSync(root, { recursive: true })
      this.data = mkdtempSync(join(root, 'weft-relay-'))
    }
  }

  command () {
    const node = script => [process.execPath, join(peers, script), String(this.port)]
    switch (this.kind) {
      case 'bare': return [bare, String(this.port)]
      case 'yws': return node('y_websocket.mjs')
      case 'hocus': return node('hocuspocus.mjs')
      default: return [weft, 'serve', '--listen', `127.0.0.1:${this.port}`, '--data', this.data, ...weftFlags, ...(flagsOf[this.kind] ?? [])]
    }
  }

  async start () {
    const [program, ...rest] = pinned(kServerCore, this.command())
    this.child = spawn(program, rest, { stdio: 'ignore' })
    this.gone = new Promise(resolve => this.child.once('exit', resolve))
    for (let attempt = 0; attempt < 200; ++attempt) {
      if (await canConnect(this.port)) return
      if (this.child.exitCode !== null) throw new Error(`${this.kind} ended with ${this.child.exitCode} instead of starting`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    throw new Error(`${this.kind} does not start`)
  }

  async stop () {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill('SIGTERM')
    const hard = setTimeout(() => this.child.kill('SIGKILL'), 10_000)
    await this.gone
    clearTimeout(hard)
  }

  forget () {
    if (this.data) rmSync(this.data, { recursive: true, force: true })
  }
}

function generate (relay, name, scenario, files) {
  const command = [generator, name, `--port=${relay.port}`, `--pid=${relay.child.pid}`, '--room=bench',
    ...scenario.flags, ...files]
  if (relay.kind === 'hocus') command.push('--hocuspocus')
  if (flags.has('seconds') && scenario.run !== 'S5') command.push(`--seconds=${flags.get('seconds')}`)
  const [program, ...rest] = pinned(kGeneratorCore, command)
  const run = spawnSync(program, rest, { encoding: 'utf8', timeout: kGeneratorTimeout })
  if (run.status !== 0) return { failure: (run.stderr || `ended by ${run.signal ?? run.error}`).trim() }
  return withRates(JSON.parse(run.stdout))
}

// What a second of the server's processor time carries: independent of who else had the core.
function withRates (result) {
  if (!(result.cpu_percent > 0)) return result
  for (const what of ['deliveries', 'visits']) {
    if (result[`${what}_per_s`] !== undefined) result[`${what}_per_cpu_s`] = 100 * result[`${what}_per_s`] / result.cpu_percent
  }
  return result
}

async function measure (kind, scenario) {
  const relay = new Relay(kind, await freePort())
  const files = relay.data ? [`--seen=${relay.data}.seen`] : []
  let result
  try {
    await relay.start()
    for (const [step] of scenario.steps ?? [[scenario.run]]) {
      if (step === 'restart') {
        await relay.stop()
        await relay.start()
        continue
      }
      result = generate(relay, step, scenario, files)
      if (result.failure) break
    }
    await relay.stop()
  } catch (error) {
    result = { failure: String(error.message) }
  } finally {
    relay.child?.kill('SIGKILL')
    relay.forget()
    if (relay.data) rmSync(`${relay.data}.seen`, { force: true })
  }
  return result
}

const median = values => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function summarise (runs) {
  const figures = {}
  for (const figure of Object.keys(runs[0] ?? {})) {
    if (figure === 'scenario') continue
    const values = runs.map(run => run[figure])
    figures[figure] = { median: median(values), min: Math.min(...values), max: Math.max(...values) }
  }
  return figures
}

const kinds = ['weft', 'weft-accepted', ...(existsSync('/dev/shm') ? ['weft-memory'] : []), 'bare']
if (flags.has('peers')) kinds.push('yws', 'hocus')
const asked = flags.get('servers')?.split(',') ?? kinds
const unknown = asked.filter(kind => !kinds.includes(kind))
if (unknown.length > 0) {
  console.error(`no server ${unknown.join(', ')}; there are ${kinds.join(', ')}`)
  process.exit(2)
}
const measured = kinds.filter(kind => asked.includes(kind))
const chosen = scenarios.filter(({ id }) => wanted === undefined || id === wanted || id.startsWith(`${wanted}-`))
if (chosen.length === 0) {
  console.error(`no scenario ${wanted}; there are ${scenarios.map(({ id }) => id).join(', ')}`)
  process.exit(2)
}

const versionOf = name => {
  try {
    return JSON.parse(readFileSync(join(peers, 'package-lock.json'))).packages[`node_modules/${name}`].version
  } catch { return undefined }
}
const lineOf = (program, ...rest) => spawnSync(program, rest, { encoding: 'utf8' }).stdout?.trim().split('\n')[0] ?? ''
const weftVersion = [lineOf(weft, '--version').replace(/^weft /, ''), lineOf('git', 'rev-parse', '--short', 'HEAD')].filter(Boolean).join(', ')
const versions = { weft: weftVersion }
if (flags.has('peers')) Object.assign(versions, { yws: versionOf('@y/websocket-server'), hocus: versionOf('@hocuspocus/server') })

const runs = {}
const failures = []
const makeReport = () => ({
  date: new Date().toISOString().slice(0, 10),
  machine: { cpu: cpus()[0].model, cores: cpus().length, kernel: `${type()} ${release()}`, node: process.version },
  rounds: Math.max(0, ...Object.values(runs).flatMap(byKind => Object.values(byKind).map(list => list.length))),
  seconds: flags.has('seconds') ? Number(flags.get('seconds')) : 5,
  versions,
  kinds: measured,
  results: Object.fromEntries(Object.entries(runs).map(([id, byKind]) =>
    [id, Object.fromEntries(Object.entries(byKind).map(([kind, list]) => [kind, summarise(list)]))])),
  failures
})

const results = flags.get('results') ?? (flags.has('peers') ? join(here, '../results') : undefined)
const ending = wanted === undefined || flags.has('results') ? '' : '.tmp'
function keep (report) {
  if (results === undefined) return
  mkdirSync(results, { recursive: true })
  const files = { json: JSON.stringify(report, null, 1) + '\n', md: toMarkdown(report), svg: toSvg(report) }
  for (const [kind, text] of Object.entries(files)) writeFileSync(join(results, `relay.${kind}${ending}`), text)
}

for (let round = 0; round < rounds; ++round) {
  for (const scenario of chosen) {
    for (const kind of measured) {
      if (scenario.only && !scenario.only.includes(kind)) continue
      const result = await measure(kind, scenario)
      const figure = scenario.figures[0]
      if (!result.failure && result[figure] === undefined) result.failure = `the generator tells no ${figure}`
      say(`${round + 1}/${rounds} ${scenario.id.padEnd(8)} ${names[kind].padEnd(20)} ` +
        (result.failure ?? scenario.figures.map(name => `${name} ${result[name]}`).join(', ')))
      if (result.failure) failures.push({ scenario: scenario.id, server: kind, reason: result.failure })
      else ((runs[scenario.id] ??= {})[kind] ??= []).push(result)
    }
    keep(makeReport())
  }
}
const report = makeReport()
console.log(flags.has('json') ? JSON.stringify(report) : toMarkdown(report))
process.exit(failures.length > 0 ? 1 : 0)
