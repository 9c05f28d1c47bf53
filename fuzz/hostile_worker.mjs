// node hostile_worker.mjs ENGINE FOLDER: for each line {"file", "kind"} applies that update to an empty
// document and answers accept, refuse, poison or crash (hostile.mjs tells which is what).
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [engine, folder] = process.argv.slice(2)
for (const method of ['log', 'info', 'warn', 'debug']) console[method] = console.error
const require = createRequire(new URL('../bench/peers/package.json', import.meta.url))
const Y = engine === 'ywasm' ? require('ywasm') : await import(pathToFileURL(require.resolve(engine)))
const makeDocument = () => engine === 'ywasm' ? new Y.YDoc({ clientID: 1 }) : new Y.Doc()
const functions = {
  update_v1: [Y.applyUpdate, Y.encodeStateAsUpdate],
  update_v2: [Y.applyUpdateV2, Y.encodeStateAsUpdateV2]
}

function judge (bytes, kind) {
  const [apply, encode] = functions[kind]
  let applied = false
  try {
    const doc = makeDocument()
    apply(doc, bytes)
    applied = true
    apply(makeDocument(), encode(doc))
    return 'accept'
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return 'crash'
    return applied ? 'poison' : 'refuse'
  }
}

process.stdout.write('ready\n')
for await (const line of createInterface({ input: process.stdin })) {
  const { file, kind } = JSON.parse(line)
  process.stdout.write(judge(new Uint8Array(readFileSync(join(folder, file))), kind) + '\n')
}
