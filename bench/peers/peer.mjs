// node peer.mjs ENGINE FOLDER WORK: does one work with one engine on the inputs of FOLDER, and
// prints what it took, a line of JSON for each part. README.md tells the works.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crdtBenchmarks } from './crdt_benchmarks.mjs'
import { measure } from './measure.mjs'

const [engineName, folder, work] = process.argv.slice(2)
const engine = await (await import(`./engines/${engineName}.mjs`)).default()
const path = name => join(folder, name)
const readJson = name => JSON.parse(readFileSync(path(name), 'utf8'))

function right (condition, what) {
  if (!condition) throw new Error(`${engineName}, ${work}: ${what}`)
}

function skip (reason) {
  console.log(JSON.stringify({ work, skip: reason }))
}

// What a Yjs-compatible peer sent, as it lies in a file.
function readUpdates (name) {
  const bytes = readFileSync(path(name))
  const updates = []
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32LE(at)
    updates.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + size)))
    at += 4 + size
  }
  return updates
}

function replay (replica, trace) {
  if (trace.start !== '') engine.edit(replica, 0, 0, trace.start)
  for (const [position, deleted, inserted] of trace.edits) engine.edit(replica, position, deleted, inserted)
}

// Of the engine's own making: nobody else's updates fit.
function record (trace) {
  if (engine.wire === 'yjs') return readUpdates('trace.updates')
  const updates = []
  const replica = engine.create(1)
  engine.listen(replica, update => updates.push(update))
  replay(replica, trace)
  return updates
}

function recordState (trace, format) {
  if (engine.wire === 'yjs') return new Uint8Array(readFileSync(path(`trace.${format}`)))
  const replica = engine.create(1)
  engine.together(replica, () => replay(replica, trace))
  return engine.encode(replica, format)
}

function recordConcurrent (name) {
  if (engine.wire === 'yjs') return { updates: readUpdates(`${name}.concurrent.updates`), text: readFileSync(path(`${name}.concurrent.text`), 'utf8') }
  const trace = readJson(`${name}.concurrent.json`)
  const writers = Array.from({ length: trace.agents }, (_, agent) => {
    const writer = { replica: engine.create(agent + 1), seen: new Set(), sent: [] }
    engine.listen(writer.replica, update => writer.sent.push(update))
    return writer
  })
  const updates = []
  trace.txns.forEach(({ agent, parents, patches }, index) => {
    const writer = writers[agent]
    const open = [...parents]
    const unseen = []
    while (open.length > 0) {
      const next = open.pop()
      if (writer.seen.has(next)) continue
      writer.seen.add(next)
      unseen.push(next)
      open.push(...trace.txns[next].parents)
    }
    unseen.sort((a, b) => a - b)
    for (const update of unseen.flatMap(at => updates[at])) engine.apply(writer.replica, update)
    writer.sent = []
    engine.together(writer.replica, () => { for (const patch of patches) engine.edit(writer.replica, ...patch) })
    updates.push(writer.sent)
    writer.seen.add(index)
  })
  const all = updates.flat()
  const reader = engine.create(1_000)
  for (const update of all) engine.apply(reader, update)
  return { updates: all, text: engine.text(reader) }
}

function applyEach (updates, text, key = work) {
  measure(key, () => {
    const replica = engine.create(1_001)
    return {
      run () { for (const update of updates) engine.apply(replica, update) },
      check () {
        right(engine.text(replica) === text, 'the text is wrong')
        engine.free?.(replica)
        return {}
      }
    }
  })
}

function load (state, format, text, key = work) {
  measure(key, () => {
    let replica, read
    return {
      run () {
        replica = engine.load(state, format)
        read = engine.text(replica)
      },
      check () {
        right(read === text, 'the text is wrong')
        engine.free?.(replica)
        return { bytes: state.length }
      }
    }
  })
}

// A state that this process did not make: what making it took would hide what loading it takes.
function stateOfAnother (format) {
  if (engine.wire === 'yjs') return new Uint8Array(readFileSync(path(`trace.${format}`)))
  execFileSync(process.execPath, [fileURLToPath(import.meta.url), engineName, folder, 'write_state'])
  return new Uint8Array(readFileSync(path(`${engineName}.state`)))
}

// What the heaps of JavaScript and WebAssembly hold more after loading.
function memory (state, format, text) {
  const held = () => {
    globalThis.gc()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = held()
  const replica = engine.load(state, format)
  right(engine.text(replica).length === text.length, 'the text is wrong')
  console.log(JSON.stringify({ work, ms: [], bytes: state.length, memory: held() - before }))
  right(replica !== undefined, 'unreachable')
}

function doWork () {
  if (work === 'version') return console.log(JSON.stringify({ version: engine.version }))
  if (work === 'crdt') {
    if (engine.values === undefined) return skip('text only')
    return crdtBenchmarks(engine, readJson('crdt.json'), right)
  }
  if (work.startsWith('concurrent/')) {
    const { updates, text } = recordConcurrent(work.slice('concurrent/'.length))
    return applyEach(updates, text)
  }
  if (work.endsWith('_x100')) {
    if (engine.wire !== 'yjs') return skip('has another format')
    const state = new Uint8Array(readFileSync(path('x100.v1')))
    const text = readFileSync(path('x100.text'), 'utf8')
    return work === 'memory_x100' ? memory(state, 'v1', text) : load(state, 'v1', text)
  }
  const trace = readJson('trace.json')
  if (work === 'local_each' || work === 'local_once') {
    return measure(work, () => {
      const replica = engine.create(1)
      let bytes = 0
      if (work === 'local_each') engine.listen(replica, update => { bytes += update.length })
      return {
        run () {
          if (work === 'local_each') replay(replica, trace)
          else engine.together(replica, () => replay(replica, trace))
        },
        check () {
          right(engine.text(replica) === trace.end, 'the text is wrong')
          right(work === 'local_once' || bytes > 0, 'there were no updates')
          engine.free?.(replica)
          return { bytes }
        }
      }
    })
  }
  if (work === 'apply_each') return applyEach(record(trace), trace.end)
  if (work.startsWith('merge_')) {
    if (engine.merge === undefined) return skip('cannot merge updates without a document')
    const updates = record(trace).slice(0, work === 'merge_all' ? undefined : 10_000)
    if (work === 'merge_all') return skip('quadratic: not run')
    return measure(work, () => {
      let merged
      return { run () { merged = engine.merge(updates) }, check () { return { bytes: merged.length } } }
    })
  }
  if (work === 'memory') return memory(stateOfAnother(engine.formats[0]), engine.formats[0], trace.end)
  if (work === 'write_state') return writeFileSync(path(`${engineName}.state`), recordState(trace, engine.formats[0]))
  if (work === 'load') {
    for (const format of engine.formats) load(recordState(trace, format), format, trace.end, `load_${format}`)
    return
  }
  if (work === 'encode') {
    for (const format of engine.formats) {
      const replica = engine.load(recordState(trace, format), format)
      measure(`encode_${format}`, () => {
        let state
        return {
          run () { state = engine.encode(replica, format) },
          check () {
            right(engine.text(engine.load(state, format)) === trace.end, 'the state is wrong')
            return { bytes: state.length }
          }
        }
      })
    }
    return
  }
  throw new Error(`there is no work ${work}`)
}

doWork()
