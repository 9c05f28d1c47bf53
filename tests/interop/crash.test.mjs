// The server dies by SIGKILL while people type.

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import * as Y from 'yjs'
import { assertSameDocuments, converged, assertHoldsAllOf, stateVectorOf } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually, within } from './eventually.mjs'
import { readDocument } from './random_edits.mjs'
import { kUpdate, RawPeer, syncMessage } from './raw_peer.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { receives, Typing } from './typing.mjs'
import { serverTest } from './weft_server.mjs'

const kRounds = 20
const kRoom = 'crashing'

/**
 * Kills the server soon after the witness has received so many updates, or somebody who joins in the middle of it
 * all has been given the document. Resolves to those who only read.
 */
async function killWhileTyping({ server, own, typists, witness, random }) {
  const received = receives(witness, random.integer(1, 120))
  const typing = own(new Typing(typists, random))
  await within('the typing to reach the witness', received)
  const readers = [witness]
  if (random.chance(0.5)) {
    const latecomer = own(new Editor(server, kRoom, { name: 'a latecomer' }))
    await latecomer.synced()
    readers.push(latecomer)
  }
  // Not a wait for anything: it moves the moment of death to any point between two commits of the log.
  await pause(random.integer(0, 10))
  await server.crash()
  await typing.dispose()
  const everybody = [...typists, ...readers]
  // What is still on its way to a client when the server dies counts as received, so let it arrive.
  await eventually('everybody to notice the crash', () => everybody.every((editor) => editor.isOffline()))
  for (const editor of everybody) editor.goOffline()
  return readers
}

/** Fails unless `fresh`, who knows nothing but what the server says, has all that anybody got from somebody else. */
function assertNothingReceivedIsMissing(fresh, typists, readers, round) {
  for (const reader of readers) {
    assertHoldsAllOf(fresh.doc, reader.doc, `round ${round}: what ${reader.name} had received is there`)
  }
  const found = stateVectorOf(fresh.doc)
  for (const typist of typists) {
    for (const [client, clock] of Object.entries(stateVectorOf(typist.doc))) {
      if (Number(client) === typist.doc.clientID) continue
      assert.ok(
        (found[client] ?? 0) >= clock,
        `round ${round}: ${typist.name} had received clock ${clock} of client ${client}`
      )
    }
  }
}

serverTest(
  'nothing that anybody had received from others is lost when the server is killed',
  async ({ server, own }) => {
    console.log(`WEFT_SEED=${kSeed}`)
    const random = new SeededRandom(kSeed)
    const typists = ['Ada', 'Bob', 'Eve'].map((name) => own(new Editor(server, kRoom, { name })))
    const witness = own(new Editor(server, kRoom, { name: 'the witness' }))
    await converged([...typists, witness])
    for (let round = 1; round <= kRounds; ++round) {
      const readers = await killWhileTyping({ server, own, typists, witness, random })
      await server.start()
      // Nobody who could send again what the server has lost is there.
      const fresh = own(new Editor(server, kRoom, { name: 'a fresh reader' }))
      await fresh.synced()
      assertNothingReceivedIsMissing(fresh, typists, readers, round)
      // Those who come back bring along what never reached the server.
      for (const editor of [...typists, witness]) editor.goOnline()
      await converged([...typists, witness, fresh])
      fresh.dispose()
    }
    assertSameDocuments(
      [...typists, witness].map((editor) => editor.doc),
      readDocument
    )
    for (const editor of typists)
      assert.ok(stateVectorOf(witness.doc)[editor.doc.clientID] > 0, `${editor.name} has typed`)
  },
  { timeoutMs: 60_000 }
)

/**
 * Writes word after word into the room, and asks after each, until the connection ends: what an answer of the server
 * has vouched for is in `vouched`.
 */
class Careful {
  vouched = new Y.Doc()
  #doc = new Y.Doc()

  constructor(server) {
    this.peer = new RawPeer(server, kRoom)
    this.done = this.#write()
  }

  async #write() {
    await this.peer.opened()
    let update
    this.#doc.on('update', (bytes) => {
      update = bytes
    })
    while (this.peer.closed === null) {
      this.#doc.getText('careful').insert(0, 'word ')
      const said = update
      this.peer.send(syncMessage(kUpdate, said))
      try {
        await this.peer.asksForEverything()
      } catch {
        return
      }
      Y.applyUpdate(this.vouched, said)
    }
  }

  dispose() {
    this.peer.dispose()
    return this.done
  }
}

serverTest(
  'relaying at once, a killed server has all that it vouched for, and who comes back brings the rest',
  async ({ server, own }) => {
    console.log(`WEFT_SEED=${kSeed}`)
    const random = new SeededRandom(kSeed)
    const typists = ['Ada', 'Bob', 'Eve'].map((name) => own(new Editor(server, kRoom, { name })))
    const witness = own(new Editor(server, kRoom, { name: 'the witness' }))
    await converged([...typists, witness])
    let words = 0
    for (let round = 1; round <= kRounds / 2; ++round) {
      const careful = own(new Careful(server))
      await killWhileTyping({ server, own, typists, witness, random })
      await careful.dispose()
      await server.start()
      const fresh = own(new Editor(server, kRoom, { name: 'a fresh reader' }))
      await fresh.synced()
      assertHoldsAllOf(fresh.doc, careful.vouched, `round ${round}: what an answer vouched for is there`)
      words += careful.vouched.getText('careful').length
      for (const editor of [...typists, witness]) editor.goOnline()
      await converged([...typists, witness, fresh])
      fresh.dispose()
    }
    assert.ok(words > 0, 'something was vouched for')
    // The answer vouches for what they brought as well.
    await (await own(new RawPeer(server, kRoom)).opened()).asksForEverything()
    for (const editor of [...typists, witness]) editor.goOffline()
    await server.crash()
    await server.start()
    const fresh = own(new Editor(server, kRoom, { name: 'the last reader' }))
    await fresh.synced()
    assertHoldsAllOf(fresh.doc, witness.doc, 'the server has healed')
  },
  { flags: ['--relay', 'accepted'], timeoutMs: 60_000 }
)

serverTest('clients that stay find each other again by themselves after a crash', async ({ server, own }) => {
  const editors = ['Ada', 'Bob'].map((name) => own(new Editor(server, kRoom, { name })))
  editors[0].doc.getText('text').insert(0, 'before. ')
  await converged(editors)
  await server.crash()
  await eventually('the editors to notice the crash', () => editors.every((editor) => editor.isOffline()))
  editors.forEach((editor) => editor.doc.getText('text').insert(0, `${editor.name} during. `))
  await server.start()
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
  assert.match(readDocument(editors[0].doc).text, /Ada during\. .*before\. $/)
})
