// A restart under load: nobody loses an edit, and nobody stays away.

import assert from 'node:assert/strict'
import { assertSameDocuments, converged } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { readDocument } from './random_edits.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { Typing } from './typing.mjs'
import { serverTest } from './weft_server.mjs'

const kRooms = 4
const kEditorsOfARoom = 8

serverTest(
  'people who type through a restart lose nothing, and all come back',
  async ({ server, own }) => {
    console.log(`WEFT_SEED=${kSeed}`)
    const random = new SeededRandom(kSeed)
    const rooms = Array.from({ length: kRooms }, (_unused, i) =>
      Array.from({ length: kEditorsOfARoom }, (_unused2, j) =>
        own(new Editor(server, `room ${i}`, { name: `editor ${j} of room ${i}` }))
      )
    )
    const everybody = rooms.flat()
    for (const room of rooms) await converged(room)
    const typing = own(new Typing(everybody, random))
    const closed = new Map()
    for (const editor of everybody) {
      editor.provider.on('connection-close', (event) => {
        if (event?.code === 1012) closed.set(editor, performance.now())
      })
    }
    // They type on all the time: before, while they are sent away, and while nobody is there.
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    const atEnd = performance.now()
    await server.start()
    await eventually('everybody to be back', () => everybody.every((editor) => editor.provider.wsconnected))
    const back = performance.now()
    await typing.dispose()
    for (const room of rooms) {
      await converged(room)
      assertSameDocuments(
        room.map((editor) => editor.doc),
        readDocument
      )
    }
    // What the server has is what a newcomer sees.
    const fresh = own(new Editor(server, 'room 0', { name: 'a fresh reader' }))
    await fresh.synced()
    await converged([...rooms[0], fresh])
    assert.equal(closed.size, everybody.length, 'each was told to come back')
    const times = [...closed.values()].sort((a, b) => a - b)
    const ms = (span) => `${Math.round(span)} ms`
    console.log(
      `${times.length} clients: closed over ${ms(times.at(-1) - times[0])}, the end ${ms(atEnd - times[0])} after the first, ` +
        `all back ${ms(back - times[0])} after it`
    )
  },
  { timeoutMs: 60_000 }
)
