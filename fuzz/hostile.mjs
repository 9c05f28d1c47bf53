// node hostile.mjs WEFT > HOSTILE.md (./dev fuzz hostile): what released implementations of Yjs's formats do with the inputs of
// `weft fuzz-corpus`, each in a process that has two seconds of a processor and 512 MB of heap. A process that hung or
// died is replaced, and the input counts as what ended it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processorSeconds } from './processor_time.mjs'

const kSeconds = 2
const here = dirname(fileURLToPath(import.meta.url))
const folder = join(mkdtempSync(join(tmpdir(), 'weft-hostile-')), 'corpus')
execFileSync(process.argv[2], ['fuzz-corpus', folder])
const { weft, inputs } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
const ofUpdates = inputs.filter(({ kind }) => kind.startsWith('update_'))
const engines = ['yjs', '@y/y', 'ywasm']

const versionOf = (name) =>
  JSON.parse(readFileSync(join(here, '../bench/peers/node_modules', name, 'package.json'), 'utf8')).version

async function judgeAll (engine) {
  const verdicts = []
  let child, lines
  const start = () => {
    child = spawn(process.execPath, ['--max-old-space-size=512', join(here, 'hostile_worker.mjs'), engine, folder],
      { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.on('error', () => {})
    lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return lines.next()
  }
  await start()
  for (const { file, kind } of ofUpdates) {
    child.stdin.write(JSON.stringify({ file, kind }) + '\n')
    let hung = false
    const before = processorSeconds(child.pid)
    const watch = setInterval(() => {
      hung ||= processorSeconds(child.pid) - before > kSeconds
      if (hung) child.kill('SIGKILL')
    }, 100)
    const { value, done } = await lines.next()
    clearInterval(watch)
    verdicts.push(done ? (hung ? 'hang' : 'crash') : value)
    if (!done && value !== 'crash') continue
    child.kill('SIGKILL')
    await start()
  }
  child.kill()
  return verdicts
}

const results = { weft: ofUpdates.map(({ verdict }) => verdict) }
for (const engine of engines) {
  console.error(`${engine}: ${ofUpdates.length} updates`)
  results[engine] = await judgeAll(engine)
}
rmSync(dirname(folder), { recursive: true })

const outcomes = ['accept', 'refuse', 'poison', 'hang', 'crash']
const names = { weft: `weft ${weft}` }
for (const engine of engines) names[engine] = `${engine} ${versionOf(engine)}`
console.log(`# Hostile updates, and what becomes of them

Written by \`./dev fuzz hostile\`: the ${ofUpdates.length} updates of \`weft fuzz-corpus\`, each applied to an empty document in a process
that has ${kSeconds} seconds of a processor. **accept**: applied, and another document of that implementation takes the state that it then encodes; **refuse**: an
error; **poison**: applied, but the state cannot be encoded or is refused by the next document; **hang**: nothing within them;
**crash**: the process ended, or WebAssembly trapped. Weft's row is
the manifest's verdict; that another document takes the state is a property of the target apply_update. Most of these inputs are
such as no replica writes, and to accept one is not wrong.

| | ${outcomes.join(' | ')} |
| --- | ${outcomes.map(() => '---:').join(' | ')} |`)
for (const [engine, verdicts] of Object.entries(results)) {
  console.log(`| ${names[engine]} | ${outcomes.map(outcome => verdicts.filter(verdict => verdict === outcome).length).join(' | ')} |`)
}
console.log(`
## Those that hang, crash or poison somebody

| input | weft | ${engines.join(' | ')} |
| --- | --- | ${engines.map(() => '---').join(' | ')} |`)
for (const [i, { file, bytes }] of ofUpdates.entries()) {
  const row = engines.map(engine => results[engine][i])
  if (row.every(verdict => verdict === 'accept' || verdict === 'refuse')) continue
  console.log(`| \`${file}\`, ${bytes} bytes | ${results.weft[i]} | ${row.join(' | ')} |`)
}
