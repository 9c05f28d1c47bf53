// y-leveldb, storing the same updates as weft_store_bench: prints appends a second.
//   cd FOLDER-WITH-y-leveldb && node store_peer.mjs DIRECTORY SECONDS
// It does not wait for the disk; its rooms take turns, as its own transactions do.

import { createRequire } from 'node:module'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const require = createRequire(join(process.cwd(), 'package.json'))
const { LeveldbPersistence } = require('y-leveldb')
const Y = require('yjs')

const [directory, seconds] = [process.argv[2], Number(process.argv[3])]
const folder = mkdtempSync(join(directory, 'weft-bench-'))
const log = new LeveldbPersistence(folder)
const doc = new Y.Doc()
let update
doc.on('update', bytes => { update = bytes })
const text = doc.getText('text')
let count = 0
const begin = performance.now()
while (performance.now() - begin < 1000 * seconds) {
  const batch = []
  for (let i = 0; i < 100; ++i, ++count) {
    text.insert(0, 'x')
    batch.push(log.storeUpdate(`room-${count % 100}`, update))
  }
  await Promise.all(batch)
}
const rate = 1000 * count / (performance.now() - begin)
await log.destroy()
rmSync(folder, { recursive: true })
console.log(rate)
