// A disk that is full, and data directories that cannot be used.

import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { converged, assertHoldsAllOf } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { freePort, WeftServer, serverTest } from './weft_server.mjs'

const kLimitKiB = 2_048
const kPieceBytes = 64 << 10
const textOf = (editor) => editor.doc.getText('text').toString()

/** Two editors of one room who have met, and whose first words are stored. */
async function editorsWhoMet(server, own, room) {
  const editors = ['Ada', 'Bob'].map((name) => own(new Editor(server, room, { name })))
  editors[0].doc.getText('text').insert(0, `kept in ${room}. `)
  await converged(editors)
  return editors
}

/** Writes piece after piece until the server refuses one: the writer loses its connection. */
async function writeUntilRefused(writer, reader) {
  const picture = writer.doc.getArray('pictures')
  for (let piece = 0; writer.closes.length === 0; ++piece) {
    assert.ok(piece * kPieceBytes < 4 * kLimitKiB * 1024, 'the limit is reached')
    picture.push([new Uint8Array(kPieceBytes).fill(piece)])
    await eventually(
      'the piece to reach the reader or to be refused',
      () => writer.closes.length > 0 || reader.doc.getArray('pictures').length === picture.length
    )
  }
}

serverTest(
  'a full disk refuses edits and says so, while readers go on reading',
  async ({ server, own }) => {
    const [ada, bob] = await editorsWhoMet(server, own, 'filled')
    const [, eve] = await editorsWhoMet(server, own, 'quiet')
    await writeUntilRefused(ada, bob)
    ada.goOffline()
    const [{ code, reason }] = ada.closes
    assert.ok(code >= 4500 && code <= 4599, `closed with ${code} ${reason}, which says: try again later`)
    assert.notEqual(reason, '')
    await eventually(
      'the server to say what is wrong',
      () => /disk|space|full|too large|no room/i.test(server.output),
      {
        describe: () => server.output
      }
    )
    assert.ok(server.isRunning)
    assert.deepEqual(bob.closes, [], 'Bob, who wrote nothing, kept the connection')
    assert.deepEqual(eve.closes, [], 'Eve, in another room, kept the connection')
    for (const [room, before] of [
      ['filled', bob],
      ['quiet', eve]
    ]) {
      const reader = own(new Editor(server, room, { name: `a reader of ${room}` }))
      await reader.synced()
      assert.ok(textOf(reader).startsWith(`kept in ${room}. `))
      assertHoldsAllOf(reader.doc, before.doc, 'a newcomer finds what others have received')
    }
  },
  { fileSizeLimitKiB: kLimitKiB }
)

serverTest(
  'when the disk has room again, edits are taken again, and none was lost',
  async ({ server, own }) => {
    const [ada, bob] = await editorsWhoMet(server, own, 'filled')
    await writeUntilRefused(ada, bob)
    ada.doc.getText('text').insert(0, 'written while the disk was full. ')
    server.liftFileSizeLimit()
    // Ada's provider comes back by itself and offers again what was refused.
    await converged([ada, bob], 20_000)
    assert.equal(textOf(bob), 'written while the disk was full. kept in filled. ')
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    for (const editor of [ada, bob]) editor.goOffline()
    await server.start()
    const fresh = own(new Editor(server, 'filled', { name: 'a fresh reader' }))
    await fresh.synced()
    assertHoldsAllOf(fresh.doc, ada.doc, 'all that Ada wrote is stored')
  },
  { fileSizeLimitKiB: kLimitKiB }
)

serverTest(
  'relayed at once, what the full disk refused comes back from who has seen it',
  async ({ server, own }) => {
    const [ada, bob] = await editorsWhoMet(server, own, 'filled')
    await writeUntilRefused(ada, bob)
    ada.goOffline() // and never comes back
    server.liftFileSizeLimit()
    const fresh = own(new Editor(server, 'filled', { name: 'a fresh reader' }))
    await eventually('the fresh reader to have all that Bob has seen', () =>
      fresh.doc.getArray('pictures').length === bob.doc.getArray('pictures').length, { withinMs: 20_000 })
    await converged([bob, fresh])
    assert.deepEqual(bob.closes, [], 'Bob, who wrote nothing, kept the connection')
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    bob.goOffline()
    fresh.goOffline()
    await server.start()
    const last = own(new Editor(server, 'filled', { name: 'the last reader' }))
    await last.synced()
    assertHoldsAllOf(last.doc, bob.doc, 'all that Bob had seen is stored')
  },
  { fileSizeLimitKiB: kLimitKiB, flags: ['--relay', 'accepted'] }
)

serverTest(
  'what others had received before the disk was full survives a crash',
  async ({ server, own }) => {
    const [ada, bob] = await editorsWhoMet(server, own, 'filled')
    await writeUntilRefused(ada, bob)
    for (const editor of [ada, bob]) editor.goOffline()
    await server.crash()
    server.fileSizeLimitKiB = null
    await server.start()
    const fresh = own(new Editor(server, 'filled', { name: 'a fresh reader' }))
    await fresh.synced()
    assertHoldsAllOf(fresh.doc, bob.doc, 'a fresh reader finds all that others had received')
  },
  { fileSizeLimitKiB: kLimitKiB }
)

/** Starts a server that cannot start; fails unless it ends by itself with an error code. Resolves to its output. */
async function refusal(server) {
  server.launch()
  const { code, signal } = await server.exited()
  assert.equal(signal, null, server.output)
  assert.notEqual(code, 0, server.output)
  return server.output
}

serverTest(
  'a data directory that is a file is refused with its name',
  async ({ server, directory }) => {
    server.dataDirectory = `${directory}/a-file`
    await writeFile(server.dataDirectory, 'not a directory')
    assert.match(await refusal(server), /a-file/)
  },
  { started: false }
)

serverTest(
  'a data directory that cannot be made is refused with its name',
  async ({ server }) => {
    // Nobody, not even root, can make a directory there.
    server.dataDirectory = '/proc/weft-data'
    assert.match(await refusal(server), /\/proc\/weft-data/)
  },
  { started: false }
)

serverTest(
  'a data directory that another server uses is refused, and the other one goes on',
  async ({ server, own }) => {
    const editors = await editorsWhoMet(server, own, 'owned')
    const second = own(
      new WeftServer({
        dataDirectory: server.dataDirectory,
        ports: [await freePort()],
        fileSizeLimitKiB: null,
        flags: []
      })
    )
    assert.ok((await refusal(second)).includes(server.dataDirectory))
    editors[1].doc.getText('text').insert(0, 'undisturbed ')
    await converged(editors)
  }
)

serverTest(
  'an address that is in use is refused with its name',
  async ({ server, own }) => {
    const occupant = createServer()
    own({ dispose: () => occupant.close() })
    await new Promise((resolve) => occupant.listen(server.ports[0], '127.0.0.1', resolve))
    assert.ok((await refusal(server)).includes(String(server.ports[0])))
  },
  { started: false }
)
