// Drafts at rest: what the end of a room, a start of the server and damage leave of them. A draft is the tail of its room's log
// and has no file of its own; sections D (45, 46) and O of the behaviours that are asked of the system are shown as what is seen.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../interop/eventually.mjs'
import { ada, bob, cleo, scriptTest } from './script_server.mjs'

const kRoom = 'script/1/revision/1'

const dataFile = (server) => join(server.dataDirectory, 'data.mdb')
const written = (server) => createHash('sha256').update(readFileSync(dataFile(server))).digest('hex')

/** Somebody's edit that is stored, and nobody in the room afterwards. Returns what everything was when they stopped. */
async function leaveDraft(theatre, server) {
  const editor = await theatre.editor(ada)
  await editor.writes(() => editor.type(1, 0, ' and a draft'))
  const before = written(server)
  const mark = editor.mark()
  editor.say('STOP_SCRIPT_EDIT')
  await editor.hears('ROOM_CLOSED', mark)
  await editor.answered()
  await editor.dispose()
  return { before, texts: editor.texts() }
}

/** One bit of it is another one, wherever it stands in the file of a server that is stopped, but behind `except`. */
function damage(server, text, except = '\n') {
  const bytes = readFileSync(dataFile(server))
  let places = 0
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    if (bytes.subarray(0, at).toString('latin1', at - except.length) === except) continue
    bytes[at] ^= 1
    ++places
  }
  assert.notEqual(places, 0, `"${text}" is in no record`)
  writeFileSync(dataFile(server), bytes)
}

async function roomsInMemory(server) {
  const metrics = await (await fetch(server.httpUrl('/metrics'))).text()
  return Number(/^weft_rooms (\d+)$/m.exec(metrics)[1])
}

scriptTest('A045 the end of a room with a draft writes nothing: the draft was in the log before, and is there after kill -9', async ({ theatre, server }) => {
  const { before, texts } = await leaveDraft(theatre, server)
  assert.equal(written(server), before)
  await server.crash()
  await server.start()
  assert.equal(await theatre.hasDraft(), true)
  assert.deepEqual((await theatre.viewer(cleo)).texts(), texts)
})

scriptTest('A046 a room that nobody is in leaves memory when its time is over, and its draft stays without being written', async ({ theatre, server }) => {
  const { before, texts } = await leaveDraft(theatre, server)
  await eventually('the room to leave memory', async () => await roomsInMemory(server) === 0)
  assert.equal(written(server), before)
  assert.equal(await theatre.hasDraft(), true)
  const late = await theatre.viewer(cleo)
  assert.equal(await roomsInMemory(server), 1)
  assert.deepEqual(late.texts(), texts)
}, { flags: ['--room-idle-seconds', '1'] })

scriptTest('A156 A157 a start throws nothing away: drafts are in the log, and files beside it are none', async ({ theatre, server }) => {
  const { texts } = await leaveDraft(theatre, server)
  const names = readdirSync(server.dataDirectory)
  assert.deepEqual(names.filter((name) => !name.endsWith('.mdb') && name !== 'weft.lock'), [], 'a draft has no file of its own')
  await server.stop()
  const stray = ['draft_1.yjs', 'draft_7.yjs', 'draft_7.yjs.tmp']
  mkdirSync(join(server.dataDirectory, 'drafts'))
  for (const name of stray) for (const folder of ['.', 'drafts']) writeFileSync(join(server.dataDirectory, folder, name), 'of another system')
  await server.start()
  const { revisions } = (await theatre.call('GET', '/api/v1/show/script/revisions')).json
  assert.deepEqual(revisions.map((one) => [one.id, one.has_draft]), [[1, true]])
  assert.deepEqual((await theatre.viewer(cleo)).texts(), texts)
  assert.deepEqual(readdirSync(server.dataDirectory).sort(), [...names, ...stray, 'drafts'].sort())
  assert.deepEqual(readdirSync(join(server.dataDirectory, 'drafts')).sort(), stray)
})

scriptTest('A158 rows whose room has no log are what the room begins with', async ({ theatre, server }) => {
  await leaveDraft(theatre, server)
  const rows = JSON.parse(await theatre.weft('script', 'export', '--data', server.dataDirectory))
  await server.stop()
  rmSync(server.dataDirectory, { recursive: true })
  await theatre.import(rows)
  await server.start()
  assert.equal(await theatre.hasDraft(), false)
  const late = await theatre.viewer(cleo)
  assert.deepEqual(late.texts(), { 1: ['one', 'two', 'three'], 2: ['four'] })
  assert.equal(await theatre.hasDraft(), false)
})

scriptTest('A159 a damaged edit is set aside, all are told, and everything else of the draft is there and can be saved (hazard 31)', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  const other = await theatre.editor(bob)
  await editor.writes(() => editor.type(1, 0, ' that-breaks'))
  await other.writes(() => other.type(1, 1, ' that stays'))
  await server.stop()
  damage(server, 'that-breaks')
  await server.start()
  assert.equal(await theatre.hasDraft(), true)
  const { draft_since: since } = await theatre.config()
  assert.ok(Date.now() - Date.parse(since) < 600_000, `the draft began with the first edit that is there, not ${since}`)
  for (const [who, dialect] of [[cleo, 'tip'], [ada, 'seed']]) {
    const one = await theatre.viewer(who, { dialect })
    assert.match(await one.errorAfter(0), /lost one edit, stored as number 2: damaged on disk.*Everything else is here.*weft log quarantine script\/1\/revision\/1$/)
  }
  const late = await theatre.editor(bob)
  assert.deepEqual(late.texts()[1], ['one', 'two that stays', 'three'])
  assert.ok(late.names().indexOf('YJS_SYNC') < late.names().indexOf('COLLAB_ERROR'), 'behind the document')
  assert.match(server.output, /error .*"script\/1\/revision\/1" is damaged, the rest of it is served: .*record 2: wrong checksum/)
  assert.match(await theatre.weft('log', 'quarantine', kRoom, '--data', server.dataDirectory), /\b2\b.*checksum/)
  assert.ok((await late.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  assert.deepEqual((await theatre.storedTexts())[1], ['one', 'two that stays', 'three'])
  assert.ok(!(await theatre.viewer(cleo)).names().includes('COLLAB_ERROR'), 'what was saved is whole')
})

scriptTest('A159 a draft that is damaged from its beginning is set aside, all are told, and the saved script is there to go on with (hazard 31)', async ({ theatre, server }) => {
  await leaveDraft(theatre, server)
  await server.stop()
  damage(server, 'revision_id')
  await server.start()
  assert.equal(await theatre.hasDraft(), true)
  const [editor, other] = await Promise.all([theatre.editor(ada), theatre.editor(bob)])
  const saved = { 1: ['one', 'two', 'three'], 2: ['four'] }
  let aside
  for (const one of [editor, other, await theatre.viewer(cleo)]) {
    assert.deepEqual(one.texts(), saved)
    const error = await one.errorAfter(0)
    assert.match(error, /^The draft of this revision, one edit, could not be opened.*nothing of it is deleted; this is the script as it was last saved/)
    aside ??= /weft log show (\S+)$/.exec(error)[1]
    assert.ok(error.endsWith(` ${aside}`))
  }
  assert.equal(await theatre.hasDraft(), false)
  assert.match(server.output, /error .*lost what it builds on: it is set aside as the room "script\/1\/revision\/1\/set-aside\/\d+"/)
  // All of it is still in the log: what is damaged, and the edit.
  assert.match(await theatre.weft('log', 'quarantine', aside, '--data', server.dataDirectory), /\b1\b.*checksum/)
  const { head, quarantined } = JSON.parse((await theatre.weft('log', 'show', aside, '--json', '--data', server.dataDirectory)).split('\n')[0])
  assert.deepEqual([head, quarantined], [2, 1])
  const entered = await fetch(server.httpUrl(`/api/rooms/${encodeURIComponent(aside)}`))
  assert.notEqual(entered.status, 200, 'a draft is nobody\'s but the application\'s, aside or not')
  // People go on, and are told until they save.
  await editor.writes(() => editor.type(1, 0, ' again'))
  await other.writes(() => other.type(2, 0, ' too'))
  assert.ok((await editor.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one again', 'two', 'three'], 2: ['four too'] })
  await theatre.check()
  assert.ok(!(await theatre.viewer(cleo)).names().includes('COLLAB_ERROR'))
})

scriptTest('H31 a draft that has lost an edit which was saved does not take it back from the rows', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  await editor.writes(() => editor.type(1, 0, ' that-was-saved'))
  assert.ok((await editor.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  await editor.writes(() => editor.type(1, 1, ' of the draft'))
  await server.stop()
  const saved = await theatre.storedTexts()
  damage(server, 'that-was-saved', 'one ') // in the log, not in the rows
  await server.start()
  const late = await theatre.editor(bob)
  assert.deepEqual(late.texts(), saved)
  assert.match(await late.errorAfter(0), /one edit, could not be opened/)
  await late.writes(() => late.type(1, 2, ' more'))
  assert.ok((await late.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one that-was-saved', 'two', 'three more'], 2: ['four'] })
})
