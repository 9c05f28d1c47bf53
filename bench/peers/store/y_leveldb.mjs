// y-leveldb as bench/store measures it: prints appends a second, and microseconds of processor time an append.
//
//   node y_leveldb.mjs DIRECTORY own|batched ROOMS BEFORE APPENDS BATCH SECONDS
//
// own:     its storeUpdate for each update, which LevelDB does not sync; until SECONDS are over
// batched: its keys and values, but BATCH of them in one write of LevelDB that is synced, which its interface lacks

import { Buffer } from 'node:buffer'
import { LeveldbPersistence, getCurrentUpdateClock } from 'y-leveldb'
import * as Y from 'yjs'

const [directory, mode, ...numbers] = process.argv.slice(2)
const [rooms, before, appends, batch, seconds] = numbers.map(Number)
const log = new LeveldbPersistence(directory)
const heads = new Array(rooms).fill(0)
let count = 0

// An update of the size that the others store.
function keystroke (i) {
  const bytes = Buffer.alloc(27, 'u')
  bytes.writeUInt32LE(i, 0)
  return bytes
}

async function putBatches (end) {
  while (count < end) {
    const entries = []
    for (; entries.length < batch && count < end; ++count) {
      const room = count % rooms
      entries.push({ type: 'put', key: ['v1', `room-${room}`, 'update', heads[room]++], value: keystroke(count) })
    }
    await log._transact(db => db.batch(entries, { sync: true }))
  }
}

// Typing, as y-leveldb decodes a room's first update.
async function storeUpdates (milliseconds) {
  const doc = new Y.Doc()
  let update
  doc.on('update', bytes => { update = bytes })
  const text = doc.getText('text')
  const begin = performance.now()
  while (performance.now() - begin < milliseconds) {
    const stored = []
    for (let i = 0; i < 100; ++i, ++count) {
      text.insert(0, 'x')
      stored.push(log.storeUpdate(`room-${count % rooms}`, update))
    }
    await Promise.all(stored)
  }
}

if (mode === 'batched') await putBatches(before * rooms)
const prepared = count
const cpu = process.cpuUsage()
const begin = performance.now()
if (mode === 'batched') await putBatches(prepared + appends)
else await storeUpdates(1000 * seconds)
const took = performance.now() - begin
const { user, system } = process.cpuUsage(cpu)
if (mode === 'batched') {
  const last = await log._transact(db => getCurrentUpdateClock(db, 'room-0'))
  if (last !== heads[0] - 1) throw new Error(`room-0 ends with ${last}, not ${heads[0] - 1}`)
}
await log.destroy()
console.log(1000 * (count - prepared) / took, (user + system) / (count - prepared))
