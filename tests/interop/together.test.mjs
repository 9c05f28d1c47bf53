// Working together through weft-provider.js against a running server: modes and who is in them, breaks and the grace period,
// publishing with its progress and its one end, drafts and throwing them away.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
// The provider's own Yjs: there must not be two.
import * as Y from '../../server/web/node_modules/yjs/dist/yjs.mjs'
import { WeftProvider } from '../../server/web/provider/weft-provider.js'
import { eventually } from './eventually.mjs'
import { Signer } from './signer.mjs'
import { serverTest } from './weft_server.mjs'

let people = 0

/** Somebody on a socket of their own, who hears what happens to the room. */
class Person {
  constructor (server, room, { token = `nobody ${++people}` } = {}) {
    this.doc = new Y.Doc()
    this.provider = new WeftProvider(server.websocketUrl(), room, this.doc, {
      WebSocketPolyfill: WebSocket, maxBackoffTime: 100, token
    })
    this.text = this.doc.getText('content')
    this.heard = []
    this.modes = []
    this.provider.watch()
    this.provider.on('room', (event) => this.heard.push(event))
    this.provider.on('mode', (change) => this.modes.push(change))
  }

  synced () { return eventually('the provider to be synced', () => this.provider.synced) }
  shows (text) {
    return eventually(`the text "${text}"`, () => this.text.toString() === text, { describe: () => this.text.toString() })
  }

  hears (type, wanted = () => true) {
    return eventually(`the event ${type}`, () => this.heard.find((event) => event.type === type && wanted(event)), {
      describe: () => JSON.stringify(this.heard)
    })
  }

  types () { return this.heard.map(({ type }) => type) }
  dispose () { this.provider.destroy(); this.doc.destroy() }
}

async function two (server, own, room) {
  const both = [own(new Person(server, room)), own(new Person(server, room))]
  for (const person of both) await person.synced()
  // What is said to whom joined is heard: what an answer follows is watched.
  for (const { provider } of both) await provider.modes()
  return both
}

/** How a call was refused. */
async function refusal (promise) {
  const error = await promise.then((value) => assert.fail(`was granted: ${JSON.stringify(value)}`), (error) => error)
  assert.ok(error instanceof Error && error.problem !== undefined, String(error))
  return error
}

serverTest('modes are taken, refused with the reason, left, and their last holder is told', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'modes')
  assert.equal((await ann.provider.takeMode('solo')).mode, 'solo')
  assert.equal(ann.provider.mode, 'solo')
  await bob.hears('mode.taken', ({ mode }) => mode === 'solo')
  const refused = await refusal(bob.provider.takeMode('edit'))
  assert.deepEqual([refused.status, refused.problem.refusal.code, refused.problem.refusal.what], [409, 'excluded', 'solo'])
  assert.match(refused.message, /somebody is in the mode "solo"/)
  assert.equal(bob.provider.mode, null)
  assert.equal((await refusal(bob.provider.takeMode('fly'))).status, 404)

  const members = await bob.provider.members()
  const byWho = members.map(({ access, mode, you }) => [you ? 'bob' : 'ann', access, mode]).sort()
  assert.deepEqual(byWho, [['ann', 'write', 'solo'], ['bob', 'write', null]])
  const [edit, solo] = await bob.provider.modes()
  assert.deepEqual([edit.mode, edit.refusal.code, solo.mode, solo.holders.length], ['edit', 'excluded', 'solo', 1])

  // In place: never in two, and what was left is told to be empty.
  await ann.provider.takeMode('edit')
  await bob.hears('mode.emptied', ({ mode }) => mode === 'solo')
  await bob.provider.takeMode('edit')
  assert.equal((await refusal(ann.provider.takeMode('solo'))).problem.refusal.code, 'excluded')
  assert.equal(ann.provider.mode, 'edit')
  await ann.provider.leaveMode()
  await bob.hears('mode.left', ({ mode }) => mode === 'edit')
  assert.ok(!bob.heard.some(({ type, mode }) => type === 'mode.emptied' && mode === 'edit'))
  await bob.provider.leaveMode()
  await ann.hears('mode.emptied', ({ mode }) => mode === 'edit')
  assert.deepEqual(ann.modes.map(({ mode, reason }) => [mode, reason]), [['solo', ''], ['edit', ''], [null, '']])
})

serverTest('a mode outlives a break, and ends with its grace period when nobody comes back', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'grace')
  await ann.provider.takeMode('solo')
  await bob.hears('mode.taken')
  const before = ann.provider.ws
  before.terminate()
  await eventually('ann to be away', async () => (await bob.provider.modes())[1].holders[0].away || ann.provider.ws !== before)
  assert.equal((await refusal(bob.provider.takeMode('solo'))).problem.refusal.code, 'held')
  await eventually('ann to be back in her mode', async () => {
    const me = (await bob.provider.members()).find(({ you }) => !you)
    return me?.mode === 'solo'
  })
  assert.equal(ann.provider.mode, 'solo')
  assert.ok(!bob.types().includes('mode.left'), 'who is back in time has not left')
  ann.dispose()
  await bob.hears('mode.left')
  await bob.hears('mode.emptied')
  assert.equal((await bob.provider.takeMode('solo')).mode, 'solo')
}, { flags: ['--mode-grace-seconds', '2'] })

serverTest('who administrates ends a mode, and its holder is told', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'evicted')
  await ann.provider.takeMode('solo')
  const { status } = await fetch(server.httpUrl('/api/rooms/evicted/modes/solo'), { method: 'DELETE' })
  assert.equal(status, 204)
  await eventually('ann to know', () => ann.provider.mode === null)
  assert.equal(ann.modes.at(-1).reason, 'an administrator has ended it')
  await bob.hears('mode.emptied')
  await bob.provider.takeMode('solo')
})

serverTest('publishing has progress and one end, and what is edited after it is a draft', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'publish')
  ann.text.insert(0, 'one ')
  const published = await ann.provider.publish({ name: 'first', note: 'for Ann' })
  assert.deepEqual([published.version, published.sequence, published.has_draft], ['first', 1, false])
  await bob.hears('draft.saved')
  const ofIt = bob.heard.filter(({ publish }) => publish === published.publish)
  assert.deepEqual(ofIt.map(({ type, done, total }) => (total ? `${type} ${done}/${total}` : type)), [
    'publish.progress 0/2', 'publish.progress 1/2', 'publish.progress 2/2', 'draft.saved'
  ])
  assert.equal((await bob.provider.draft()).has_draft, false)
  bob.text.insert(4, 'two ')
  await ann.hears('draft.created')
  assert.deepEqual([(await bob.provider.draft()).has_draft, (await bob.provider.draft()).saved], [true, 1])

  // What stands against it is told, and no event: it has not begun.
  const count = ann.types().filter((type) => /^publish|saved/.test(type)).length
  await bob.provider.takeMode('solo')
  const blocked = await refusal(ann.provider.publish())
  assert.deepEqual([blocked.status, blocked.problem.blockers], [409, [{ code: 'held', detail: 'solo' }]])
  assert.equal((await refusal(ann.provider.discardDraft())).status, 409)
  assert.equal(ann.types().filter((type) => /^publish|saved/.test(type)).length, count)
  // A name that is taken has begun, and has an end.
  const failed = await refusal(bob.provider.publish({ name: 'first' }))
  assert.equal(failed.problem.type, 'urn:weft:problem:version-exists')
  assert.match((await ann.hears('publish.failed')).reason, /already/)
  await bob.provider.leaveMode()

  // Thrown away: all have the content of before when they hear of it.
  let shown = null
  ann.provider.on('draft', ({ type }) => { if (type === 'draft.discarded') shown = ann.text.toString() })
  assert.equal((await bob.provider.discardDraft()).changed, true)
  await ann.hears('draft.discarded')
  assert.equal(shown, 'one ')
  await bob.shows('one ')
  assert.equal((await ann.provider.draft()).has_draft, false)
  const ends = ann.types().filter((type) => /^(draft.saved|publish.failed)$/.test(type))
  assert.deepEqual(ends, ['draft.saved', 'publish.failed'])
})

serverTest('two publishes of one room at once: one is done, and the other is told that it is being published', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'at-once')
  ann.text.insert(0, 'x'.repeat(1 << 20))
  await ann.provider.whenDurable()
  const publish = (person) => person.provider.publish().then(() => null, (error) => error)
  const refusedOf = async () => {
    ann.text.insert(0, 'y')
    const refusals = (await Promise.all([ann, bob, ann, bob, ann, bob].map(publish))).filter((error) => error !== null)
    assert.ok(refusals.length < 6, 'none of them was done')
    return refusals
  }
  const refusals = await eventually('one to be asked for while another one is under way', async () => {
    const found = await refusedOf()
    return found.length > 0 && found
  })
  for (const { status, problem } of refusals) {
    assert.deepEqual([status, problem.blockers], [409, [{ code: 'publishing', detail: 'it is being published' }]])
  }
  // Afterwards nothing stands against it, and whoever was refused has no events.
  assert.deepEqual((await ann.provider.draft()).publish_blockers, [])
  await ann.provider.publish({ name: 'the last' })
  await bob.hears('version.made', ({ version }) => version === 'the last')
  await eventually('each that began to have its one end', () => {
    const begun = new Set(bob.heard.filter(({ type }) => type === 'publish.progress').map(({ publish }) => publish))
    const ends = bob.heard.filter(({ type }) => type === 'draft.saved').map(({ publish }) => publish)
    assert.deepEqual(ends, [...new Set(ends)])
    return ends.length === begun.size && ends.every((publish) => begun.has(publish))
  })
  assert.ok(!bob.types().includes('publish.failed'))
})

serverTest('who may read is told everything and may do nothing', async ({ server, own, directory }) => {
  const signer = await Signer.make('EdDSA')
  const keyFile = join(directory, 'public.pem')
  writeFileSync(keyFile, await signer.publicKey())
  server.flags = [...server.flags, '--auth', 'token', '--auth-key-file', keyFile]
  await server.start()
  const person = async (name, role) => own(new Person(server, 'rights', { token: await signer.token(name, { rights: role }) }))
  const ann = await person('ann', 'write')
  const eve = await person('eve', 'read')
  await ann.synced()
  await eve.synced()
  await eve.provider.modes()
  await ann.provider.takeMode('edit')
  assert.equal((await eve.hears('mode.taken')).subject, 'ann')
  const calls = [eve.provider.takeMode('edit'), eve.provider.publish(), eve.provider.discardDraft()]
  assert.deepEqual((await Promise.all(calls.map(refusal))).map(({ status }) => status), [403, 403, 403])
  assert.deepEqual((await eve.provider.members()).map(({ subject, access, mode }) => [subject, access, mode]).sort(), [
    ['ann', 'write', 'edit'], ['eve', 'read', null]
  ])
}, { started: false })

serverTest('the modes are those of --modes, and a blocker refuses one', async ({ server, own }) => {
  const [ann, bob] = await two(server, own, 'rules')
  assert.deepEqual((await ann.provider.modes()).map(({ mode, shared, blocked_by }) => [mode, shared, blocked_by]), [
    ['write', true, []], ['layout', false, ['unsaved-draft']]
  ])
  ann.text.insert(0, 'one ')
  await ann.provider.publish()
  await bob.provider.takeMode('layout')
  await bob.provider.leaveMode()
  ann.text.insert(0, 'two ')
  await ann.provider.whenDurable()
  assert.deepEqual((await refusal(bob.provider.takeMode('layout'))).problem.refusal, {
    code: 'blocked', what: 'unsaved-draft', reason: 'it is not to be entered now: unsaved-draft'
  })
}, { flags: ['--modes', 'write=shared,layout=exclusive,write!layout,layout~unsaved-draft'] })
