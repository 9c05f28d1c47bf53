// The client's end of the script editor, without a browser: behaviours 160 to 200 of the acceptance list, each a test of its
// number, and what the page relies on beyond them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterEach, mock, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { base64, bytesOf, editorFolder, load, scriptOf, Sockets, wholeOf } from './editor_parts.mjs'

const parts = await load('protocol', 'link', 'room', 'desk', 'modes', 'script_document', 'text_change', 'page_source', 'plain_text', 'revisions_panel', 'script_api', 'show_names', 'colour')
const {
  changeBetween, colourOf, decodeMessage, Desk, hueOf, INCOMING, LineType, Link, newPageUpdate, OUTGOING, placeAfter, Room, scriptAsText, ScriptApi, ScriptDocument, SERVER, SharedPages,
  ShowNames, treeOf, whyNot, whyNotCut, whyNotEdit, Y
} = parts

const here = dirname(fileURLToPath(import.meta.url))
const opened = []
afterEach(() => {
  for (const link of opened.splice(0)) link.end()
})

/** A link whose server is the test. */
function connected({ greeted = true } = {}) {
  const sockets = new Sockets()
  const unheard = []
  const world = { token: 'token' }
  const link = new Link({ url: 'ws://server/api/v1/ws', token: () => world.token, WebSocket: sockets.WebSocket, onUnheard: (message) => unheard.push(message) })
  opened.push(link)
  if (greeted) {
    sockets.greet()
    sockets.take()
  }
  return Object.assign(world, { link, sockets, unheard })
}

/** A room that has heard nothing yet, and what it tells. */
function joining(options) {
  const world = connected(options)
  const told = []
  const room = new Room(world.link, {
    edited: () => told.push('edited'), closed: () => told.push('closed'), refused: (reason) => told.push(`refused: ${reason}`),
    lost: (count) => told.push(`lost ${count}`), stuck: () => told.push('stuck')
  })
  room.join()
  opened.push({ end: () => room.leave(false) })
  return { ...world, room, told }
}

/** A room that is in step with a server that has `doc`. */
function synced(pages) {
  const world = joining()
  const doc = scriptOf(Y, pages)
  world.sockets.action('YJS_SYNC', wholeOf(Y, doc))
  world.sockets.take()
  return { ...world, doc }
}

const textOf = (room) => room.script.linesOf(1).map((line) => line.parts.map((part) => part.text).join('/'))
const updateOf = (doc, edit) => {
  const before = Y.encodeStateVector(doc)
  doc.transact(edit)
  return base64(Y.encodeStateAsUpdate(doc, before))
}
const say = (doc, text) => updateOf(doc, () => doc.getMap('pages').get('1').get(0).get('parts').get(0).get('line_text').insert(0, text))

// --- 160-173: what comes in

test('A160 a synchronisation without a payload is not taken', () => {
  const { room, sockets, unheard } = joining()
  sockets.action('YJS_SYNC', { step: 0 })
  assert.deepEqual(unheard, [{ name: 'YJS_SYNC', why: 'malformed' }])
  assert.equal(room.hasDocument, false)
})

test('A161 step 0 is applied, and the room is synchronised', () => {
  const { room } = joining()
  const doc = scriptOf(Y)
  assert.equal(room.onSync({ step: 0, payload: Y.encodeStateAsUpdate(doc), stateVector: Y.encodeStateVector(doc), generation: '1', room: undefined }), true)
  assert.equal(room.state, 'synced')
  assert.deepEqual(textOf(room), ['Boatswain!'])
})

test('A162 a synchronisation with a room_id is taken', () => {
  const { room, sockets } = joining()
  sockets.action('YJS_SYNC', wholeOf(Y, scriptOf(Y), { room_id: 'draft_3' }))
  assert.equal(room.state, 'synced')
})

test('A163 a synchronisation without a room_id is taken', () => {
  const { room, sockets } = joining()
  sockets.action('YJS_SYNC', wholeOf(Y, scriptOf(Y)))
  assert.equal(room.state, 'synced')
})

test('A164 step 2 is applied', () => {
  const { room, sockets, doc } = synced()
  sockets.action('YJS_SYNC', { step: 2, payload: say(doc, 'Ho, ') })
  assert.deepEqual(textOf(room), ['Ho, Boatswain!'])
})

test('A165 an update before the synchronisation is not taken', () => {
  const { room } = joining()
  assert.equal(room.onUpdate({ payload: Y.encodeStateAsUpdate(scriptOf(Y)), room: undefined }), false)
  assert.deepEqual(textOf(room), [])
})

test('A166 an update without a payload is not taken', () => {
  const { sockets, unheard, told } = synced()
  sockets.action('YJS_UPDATE', {})
  sockets.action('YJS_UPDATE', { payload: 'no base64 !' })
  assert.deepEqual(unheard.map(({ why }) => why), ['malformed', 'malformed'])
  assert.deepEqual(told, [])
})

test('A167 an update is applied', () => {
  const { room, doc } = synced()
  assert.equal(room.onUpdate({ payload: bytesOf(say(doc, 'Ho, ')), room: undefined }), true)
  assert.deepEqual(textOf(room), ['Ho, Boatswain!'])
})

test('A168 an update with a room_id is applied', () => {
  const { room, sockets, doc } = synced()
  sockets.action('YJS_UPDATE', { payload: say(doc, 'Ho, '), room_id: 'draft_3' })
  assert.deepEqual(textOf(room), ['Ho, Boatswain!'])
})

const presenceOf = (state, more = {}) => ({ payload: base64(new TextEncoder().encode(JSON.stringify(state))), ...more })

test('A169 a presence before the synchronisation is not taken', () => {
  const { room, sockets } = joining()
  sockets.action('YJS_AWARENESS', presenceOf({ userId: 2, username: 'ben', page: 1, lineIndex: 0 }))
  assert.equal(room.presences.size, 0)
})

test('A170 a presence without a payload is not taken', () => {
  const { room, sockets, unheard } = synced()
  sockets.action('YJS_AWARENESS', {})
  assert.deepEqual(unheard, [{ name: 'YJS_AWARENESS', why: 'malformed' }])
  assert.equal(room.presences.size, 0)
})

test('A171 a presence is decoded', () => {
  const { room, sockets } = synced()
  sockets.action('YJS_AWARENESS', presenceOf({ userId: 2, username: 'ben', page: 4, lineIndex: 7 }, { member: 'm' }))
  assert.deepEqual([...room.presences], [['m', { userId: 2, username: 'ben', page: 4, lineIndex: 7 }]])
})

test('A172 a presence without a room_id, and without a member, is kept by user', () => {
  const { room, sockets } = synced()
  sockets.action('YJS_AWARENESS', presenceOf({ userId: 2, username: 'ben', page: 4, lineIndex: null }))
  assert.deepEqual([...room.presences.keys()], ['user 2'])
  sockets.action('YJS_AWARENESS', presenceOf({ userId: 2, username: 'ben', page: null, lineIndex: null }))
  assert.equal(room.presences.size, 0)
})

test('A173 a presence with a room_id is taken', () => {
  const { room, sockets } = synced()
  sockets.action('YJS_AWARENESS', presenceOf({ userId: 2, username: 'ben', page: 4, lineIndex: 7 }, { room_id: 'draft_3' }))
  assert.equal(room.presences.size, 1)
})

// --- 174-187: the store

const nobody = { editors: [], cutters: [], hasDraft: false }

/** A desk whose HTTP calls answer what the test says. */
function atDesk({ config = nobody, session = null, mayWrite = true } = {}) {
  const world = connected({ greeted: false })
  const answers = { config, session, user: { id: 1, username: 'ada', mayWrite } }
  const answer = (name) => {
    if (answers[name] instanceof Error) throw answers[name]
    return answers[name]
  }
  const told = []
  const desk = new Desk(world.link, {
    config: async () => answer('config'), session: async () => answer('session'), user: async () => answer('user'),
    show: async () => ({ id: 1, name: 'The Tempest' }), revisions: async () => ({ current: 3, revisions: [] }), cuts: async () => [], cues: async () => []
  }, { notice: (words) => told.push(words), lost: (count) => told.push(`lost ${count}`), unknown: (end) => told.push(end) })
  opened.push(desk)
  world.sockets.greet()
  return Object.assign(world, { desk, answers, told, settle: async () => { for (let i = 0; i < 20; ++i) await Promise.resolve() } })
}

/** A desk whose person edits. */
async function editing(options) {
  const world = atDesk(options)
  await world.settle()
  world.sockets.take()
  world.desk.request('edit')
  world.answers.config = { ...nobody, editors: [{ internal_id: 'uuid-1', username: 'ada' }] }
  world.sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await world.settle()
  const doc = scriptOf(Y)
  world.sockets.action('YJS_SYNC', wholeOf(Y, doc))
  return Object.assign(world, { doc, said: world.sockets.names() })
}

test('A174 members are stored', async () => {
  const { desk, sockets } = await editing()
  const members = [{ user_id: 1, username: 'ada', role: 'editor' }, { user_id: null, username: 'Unknown', role: 'viewer' }]
  sockets.action('ROOM_MEMBERS', { members })
  assert.deepEqual(desk.room.members, members)
})

test('A175 missing members are an empty list', async () => {
  const { desk, sockets } = await editing()
  sockets.action('ROOM_MEMBERS', { members: [{ user_id: 1, username: 'ada', role: 'editor' }] })
  sockets.action('ROOM_MEMBERS', {})
  assert.deepEqual(desk.room.members, [])
})

test('A176 members without DATA are an empty list', async () => {
  const { desk, sockets } = await editing()
  sockets.last.onmessage({ data: JSON.stringify({ OP: 'NOOP', ACTION: 'ROOM_MEMBERS' }) })
  assert.deepEqual(desk.room.members, [])
})

test('A177 ROOM_CLOSED leaves the room, and what is saved is shown', async () => {
  const { desk, sockets, answers, settle } = await editing()
  desk.view()
  answers.config = nobody
  sockets.action('ROOM_CLOSED')
  await settle()
  assert.equal(desk.room, undefined)
  assert.equal(sockets.names().includes('LEAVE_SCRIPT_ROOM'), false)
})

test('A178 SCRIPT_SAVED clears saving, error and dirty, and stores the time', async () => {
  const { desk, sockets } = await editing()
  desk.room.script.setText('1', 0, 'Ho')
  assert.equal(desk.isDirty, true)
  sockets.action('SAVE_ERROR', { error: 'no' })
  desk.save()
  sockets.action('SCRIPT_SAVED', { last_saved_at: '2026-11-29T07:00:00Z' })
  assert.deepEqual([desk.saving, desk.saveError, desk.isDirty, desk.lastSavedAt], [undefined, '', false, '2026-11-29T07:00:00Z'])
})

test('A179 SCRIPT_SAVED without a time stores none', async () => {
  const { desk, sockets } = await editing()
  sockets.action('SCRIPT_SAVED', {})
  assert.equal(desk.lastSavedAt, '')
})

test('A180 progress sets saving, page and total', async () => {
  const { desk, sockets } = await editing()
  sockets.action('SAVE_PROGRESS', { page: 2, total: 5, percent: 40 })
  assert.deepEqual(desk.saving, { page: 2, total: 5 })
})

test('A181 a save error is stored, with all problems, and saving is over', async () => {
  const { desk, sockets } = await editing()
  sockets.action('SAVE_PROGRESS', { page: 2, total: 5, percent: 40 })
  sockets.action('SAVE_ERROR', { error: '2 problems', problems: [{ kind: 'rule', page: 1, line: 1, what: 'needs a part' }, { kind: 'page-key', field: 'x', what: 'is no number' }] })
  assert.equal(desk.saving, undefined)
  assert.equal(desk.saveError, '2 problems')
  assert.deepEqual(desk.problems, [{ kind: 'rule', page: 1, line: 1, what: 'needs a part' }, { kind: 'page-key', field: 'x', what: 'is no number' }])
})

test('A182 a save error without DATA ends saving', async () => {
  const { desk, sockets } = await editing()
  sockets.action('SAVE_PROGRESS', { page: 2, total: 5, percent: 40 })
  sockets.last.onmessage({ data: JSON.stringify({ OP: 'NOOP', ACTION: 'SAVE_ERROR' }) })
  assert.equal(desk.saving, undefined)
  assert.notEqual(desk.saveError, '')
})

test('A183 COLLAB_ERROR is told', async () => {
  const { sockets, told } = await editing()
  sockets.action('COLLAB_ERROR', { error: 'Insufficient permissions' })
  assert.equal(told.at(-1), 'Insufficient permissions')
})

test('A184 COLLAB_ERROR without DATA does no harm', async () => {
  const { desk, sockets } = await editing()
  sockets.last.onmessage({ data: JSON.stringify({ OP: 'NOOP', ACTION: 'COLLAB_ERROR' }) })
  assert.equal(desk.room.state, 'synced')
})

/** Somebody who was never in a room, and a room that was left. */
async function roomless() {
  const { desk, sockets, settle } = atDesk()
  await settle()
  sockets.take()
  const left = synced()
  left.room.leave()
  return { desk, sockets, left }
}

test('A185 a synchronisation without a room is not taken', async () => {
  const { desk, sockets } = await roomless()
  const doc = scriptOf(Y)
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  assert.equal(desk.room, undefined)
  assert.deepEqual(sockets.names(), [])
  const { room, sockets: others } = joining()
  room.leave()
  others.take()
  assert.equal(room.onSync({ step: 0, payload: Y.encodeStateAsUpdate(doc), stateVector: Y.encodeStateVector(doc), generation: '1', room: undefined }), false)
  others.action('YJS_SYNC', wholeOf(Y, doc))
  assert.deepEqual([room.state, room.hasDocument, others.names()], ['left', false, []])
})

test('A186 an update without a room is not taken', async () => {
  const { desk, sockets, left } = await roomless()
  sockets.action('YJS_UPDATE', { payload: base64(Y.encodeStateAsUpdate(scriptOf(Y))) })
  assert.equal(desk.room, undefined)
  assert.deepEqual(sockets.names(), [])
  const before = left.told.length
  assert.equal(left.room.onUpdate({ payload: bytesOf(say(left.doc, 'Ho, ')), room: undefined }), false)
  assert.equal(left.told.length, before)
})

test('A187 a presence without a room is not taken', async () => {
  const { desk, sockets, left } = await roomless()
  const state = { userId: 2, username: 'ben', page: 1, lineIndex: 0 }
  sockets.action('YJS_AWARENESS', presenceOf(state, { member: 'm' }))
  assert.equal(desk.room, undefined)
  assert.deepEqual(sockets.names(), [])
  assert.equal(left.room.onPresence({ member: 'm', left: false, presence: state, room: undefined }), false)
  assert.equal(left.room.presences.size, 0)
})

// --- 188-196: who may

const free = { ...nobody, isLive: false, self: 'me', mayWrite: true, isConnected: true }
const ben = { internal_id: 'other', username: 'ben' }

test('A188 nobody may edit in a live session', () => assert.match(whyNotEdit({ ...free, isLive: true }), /live session/))
test('A189 nobody may edit in a live session, cutters or not', () => assert.match(whyNotEdit({ ...free, isLive: true, cutters: [ben] }), /live session/))
test('A190 editing is allowed when everything is free', () => assert.equal(whyNotEdit({ ...free, editors: [ben] }), undefined))
test('A191 nobody may edit while somebody cuts', () => assert.match(whyNotEdit({ ...free, cutters: [ben] }), /ben is marking cuts/))
test('A192 nobody may cut in a live session', () => assert.match(whyNotCut({ ...free, isLive: true }), /live session/))
test('A193 cutting is allowed when everything is free', () => assert.equal(whyNotCut(free), undefined))
test('A194 nobody may cut while somebody edits', () => assert.match(whyNotCut({ ...free, editors: [ben] }), /ben is editing/))
test('A195 one person cuts at a time', () => assert.match(whyNotCut({ ...free, cutters: [ben] }), /ben is marking cuts already/))
test('A196 nobody may cut while there is a draft', () => assert.match(whyNotCut({ ...free, hasDraft: true }), /unsaved changes/))

// --- 197-200

test('A197 the watchdog of a room never speaks after it was left', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const left = joining()
    left.room.leave()
    const waits = joining()
    mock.timers.tick(10_000)
    assert.deepEqual(left.told, [])
    assert.deepEqual(waits.told, ['stuck'])
  } finally {
    mock.timers.reset()
  }
})

test('A198 what came from the server is never sent back', () => {
  const { room, sockets, doc } = synced()
  sockets.action('YJS_UPDATE', { payload: say(doc, 'Ho, ') })
  Y.applyUpdate(room.doc, bytesOf(say(doc, 'Oh, ')), SERVER)
  assert.deepEqual(sockets.names(), [])
  room.script.setText('1', 0, 'Ho')
  assert.deepEqual(sockets.names(), ['YJS_UPDATE'])
})

test('A199 nothing is sent before the synchronisation is done, and then it is', () => {
  const { room, sockets } = joining()
  sockets.take()
  room.script.insertLine({ page: 1, index: 0 }, LineType.dialogue)
  room.show({ userId: 1, username: 'ada', page: 1, lineIndex: 0 })
  assert.deepEqual(sockets.names(), [])
  const doc = scriptOf(Y)
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  const said = sockets.take()
  assert.deepEqual(said.map(({ op, data }) => `${op} ${data.step ?? ''}`), ['YJS_SYNC 2', 'YJS_AWARENESS '])
  Y.applyUpdate(doc, bytesOf(said[0].data.payload))
  assert.deepEqual(doc.toJSON(), room.doc.toJSON())
})

test('A200 progress and its end are shown to everybody in the room, not to who saves alone', async () => {
  const { desk, sockets } = await editing()
  for (const [name, data] of [['SCRIPT_SAVED', {}], ['SAVE_FAILED', { error: 'no' }], ['SAVE_ERROR', { error: 'no' }]]) {
    sockets.action('SAVE_PROGRESS', { page: 0, total: 2, percent: 0 })
    assert.deepEqual(desk.saving, { page: 0, total: 2 })
    sockets.action(name, data)
    assert.equal(desk.saving, undefined, name)
  }
})

// --- Hazards on this end

test('H11 timers belong to the room: a second room is not disturbed by the first', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const first = joining()
    mock.timers.tick(9_000)
    first.room.leave()
    const second = new Room(first.link, { stuck: () => first.told.push('second stuck') })
    second.join()
    mock.timers.tick(9_000)
    assert.deepEqual(first.told, [])
    second.leave()
  } finally {
    mock.timers.reset()
  }
})

test('H12 presences are kept by connection, and go when the server says so or the link breaks', () => {
  const { room, sockets } = synced()
  const state = { userId: 2, username: 'ben', page: 1, lineIndex: 0 }
  sockets.action('YJS_AWARENESS', presenceOf(state, { member: 'tab 1' }))
  sockets.action('YJS_AWARENESS', presenceOf({ ...state, lineIndex: 3 }, { member: 'tab 2' }))
  assert.deepEqual([...room.presences.values()].map(({ lineIndex }) => lineIndex), [0, 3])
  sockets.action('YJS_AWARENESS', { member: 'tab 1', left: true })
  assert.deepEqual([...room.presences.keys()], ['tab 2'])
  sockets.break()
  assert.equal(room.presences.size, 0)
})

test('H14 two people who begin a page at once make one page, and no line is lost', () => {
  const doc = scriptOf(Y)
  const replicas = [0, 1].map(() => {
    const replica = new Y.Doc()
    Y.applyUpdate(replica, Y.encodeStateAsUpdate(doc))
    const script = new ScriptDocument(replica)
    return script
  })
  const ids = replicas.map((script) => script.insertLine({ page: 2, index: 0 }, LineType.dialogue))
  for (const [from, to] of [[0, 1], [1, 0]]) Y.applyUpdate(replicas[to].doc, Y.encodeStateAsUpdate(replicas[from].doc))
  for (const script of replicas) assert.deepEqual(script.linesOf(2).map(({ id }) => id).sort(), [...ids].sort())
  // What is undone is one's own line, never the page.
  replicas[0].undo.undo()
  Y.applyUpdate(replicas[1].doc, Y.encodeStateAsUpdate(replicas[0].doc))
  assert.deepEqual(replicas[1].linesOf(2).map(({ id }) => id), [ids[1]])
})

test('H15 two people who type in one text keep what both typed', () => {
  const one = synced()
  const two = synced()
  const doc = scriptOf(Y, { 1: ['Hello'] })
  for (const { sockets, room } of [one, two]) {
    room.leave(false)
    const again = new Room(sockets === one.sockets ? one.link : two.link)
    again.join()
    sockets.action('YJS_SYNC', wholeOf(Y, doc))
    sockets.take()
    if (sockets === one.sockets) one.room = again
    else two.room = again
  }
  one.room.script.setText('1', 0, 'Hello A')
  two.room.script.setText('1', 0, 'Oh Hello')
  const [fromOne] = one.sockets.take()
  const [fromTwo] = two.sockets.take()
  one.sockets.action('YJS_UPDATE', fromTwo.data)
  two.sockets.action('YJS_UPDATE', fromOne.data)
  assert.deepEqual([textOf(one.room), textOf(two.room)], [['Oh Hello A'], ['Oh Hello A']])
})

test('H16 what views are given are plain values, and a shared type is no part of them', async () => {
  const { desk } = await editing()
  const [line] = new SharedPages(desk.room).lines(1)
  assert.deepEqual(JSON.parse(JSON.stringify(line.view)), line.view)
})

test('H17 an edit of what is not there is an error, not nothing', () => {
  const { room } = synced()
  assert.throws(() => room.script.setText('99', 0, 'x'), /line 99 is not there/)
  assert.throws(() => room.script.sharedText('1', 1), /no part 2/)
  assert.throws(() => room.script.setAct('99', 1), /line 99 is not there/)
})

/** The words in capitals that the C++ sources of the application say, or hear. */
function namesInServer() {
  const folder = join(here, '../../server/script')
  const said = new Set()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cc'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    // Every name in quotes that is one: no other string of the application looks like this.
    for (const [, name] of text.matchAll(/"([A-Z]{2,}(?:_[A-Z]+)+)"/g)) said.add(name)
  }
  const hub = readFileSync(join(folder, 'hub.cc'), 'utf8')
  const heard = new Set([...hub.matchAll(/\{"([A-Z_]+)", &Hub::/g)].map(([, name]) => name))
  return { said, heard }
}

test('H18 every message that the server can say is one that the page hears, and what the page says is what the server hears', () => {
  const { said, heard } = namesInServer()
  assert.deepEqual([...heard].sort(), [...OUTGOING].sort(), 'what the page says is what the server hears')
  const unknown = [...said].filter((name) => !Object.hasOwn(INCOMING, name) && !heard.has(name))
  assert.deepEqual(unknown, [], 'the server says nothing that the page does not know')
  const never = Object.keys(INCOMING).filter((name) => !said.has(name))
  assert.deepEqual(never, [], 'the page knows nothing that the server never says')
})

test('H18 a message that is not in the registry is reported', () => {
  const { sockets, unheard } = connected()
  sockets.action('SAVE_PROGRES', {})
  sockets.last.onmessage({ data: 'no JSON' })
  assert.deepEqual(unheard, [{ name: 'SAVE_PROGRES', why: 'unknown' }, { name: '', why: 'no-message' }])
  assert.deepEqual(decodeMessage('{"OP":"toString"}'), [{ name: 'toString', why: 'unknown' }])
})

test('H27 edits made without a connection are counted, and come back when it does', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { room, sockets, doc } = synced()
    sockets.break()
    room.script.setText('1', 0, 'Boatswain! Ho!')
    room.script.insertLine({ page: 1, index: 1 }, LineType.spacing)
    assert.equal(room.unsaved, 2)
    Y.applyUpdate(doc, bytesOf(say(doc, 'Oh, ')))
    mock.timers.tick(1_000)
    sockets.greet({ uuid: 'second' })
    assert.deepEqual(sockets.names(), ['AUTHENTICATE', 'REFRESH_CLIENT', 'NEW_CLIENT', 'JOIN_SCRIPT_ROOM'])
    sockets.action('YJS_SYNC', wholeOf(Y, doc))
    const [back] = sockets.take()
    assert.deepEqual([back.op, back.data.step, room.unsaved], ['YJS_SYNC', 2, 2])
    Y.applyUpdate(doc, bytesOf(back.data.payload))
    sockets.action('YJS_RECEIPT', { count: 1, stored: true })
    assert.equal(room.unsaved, 0)
    assert.deepEqual(doc.toJSON(), room.doc.toJSON())
    assert.deepEqual(textOf(room), ['Oh, Boatswain! Ho!', ''])
  } finally {
    mock.timers.reset()
  }
})

test('a deletion made without a connection comes back, too', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { room, sockets, doc } = synced({ 1: ['one', 'two'] })
    sockets.break()
    room.script.deleteLine('1')
    mock.timers.tick(1_000)
    sockets.greet()
    sockets.take()
    sockets.action('YJS_SYNC', wholeOf(Y, doc))
    Y.applyUpdate(doc, bytesOf(sockets.take()[0].data.payload))
    assert.equal(doc.getMap('pages').get('1').length, 1)
  } finally {
    mock.timers.reset()
  }
})

for (const [how, next] of [['by what it began with', () => wholeOf(Y, scriptOf(Y))], ['by its generation', (doc) => wholeOf(Y, doc, { generation: '2' })]]) {
  test(`a document that was made anew is another one, told ${how}: nothing of the old one goes into it`, () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const { room, sockets, told, doc } = synced()
      sockets.break()
      room.script.setText('1', 0, 'mine')
      mock.timers.tick(1_000)
      sockets.greet()
      sockets.take()
      sockets.action('YJS_SYNC', next(doc))
      assert.deepEqual(told, ['edited', 'lost 1'])
      assert.deepEqual(sockets.names(), [])
      assert.deepEqual(textOf(room), ['mine'], 'what was written is still there to be copied')
    } finally {
      mock.timers.reset()
    }
  })
}

test('a refused edit is kept, holds later ones back, and goes again on a new connection', () => {
  const { room, sockets, doc, told } = synced()
  room.script.setText('1', 0, 'one')
  sockets.action('YJS_RECEIPT', { count: 1, stored: false, reason: 'a live session' })
  room.script.setText('1', 0, 'one two')
  assert.deepEqual([room.unsaved, sockets.names(), told.includes('refused: a live session')], [2, ['YJS_UPDATE'], true])
  room.retry()
  assert.equal(sockets.all.length, 2)
  sockets.greet({ uuid: 'second' })
  assert.ok(sockets.take().some(({ op, data }) => op === 'REFRESH_CLIENT' && data.resume === 'secret-of-uuid-1'))
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  Y.applyUpdate(doc, bytesOf(sockets.take()[0].data.payload))
  sockets.action('YJS_RECEIPT', { count: 1, stored: true })
  assert.equal(room.unsaved, 0)
  assert.deepEqual(doc.toJSON(), room.doc.toJSON())
})

test('an edit that was refused under a grant that is over goes again, and is not told as refused', () => {
  const { room, sockets, doc, told } = synced()
  room.script.setText('1', 0, 'one')
  // The answer to the question who edits was quicker than that to the edit.
  room.setMayWrite(false)
  room.setMayWrite(true)
  sockets.action('YJS_RECEIPT', { count: 1, stored: false, reason: 'Insufficient permissions' })
  assert.deepEqual([sockets.all.length, told], [2, ['edited']])
  sockets.greet({ uuid: 'second' })
  sockets.take()
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  assert.deepEqual([sockets.names(), room.isHeldBack, room.unsaved], [['YJS_SYNC'], false, 1])
})

test('what is written before it is known who may write is kept, and goes with the grant on the same connection', () => {
  const { room, sockets, doc } = synced()
  sockets.take()
  room.setMayWrite(undefined)
  room.script.setText('1', 0, 'one')
  room.script.setText('1', 0, 'one two')
  assert.deepEqual([sockets.names(), room.unsaved], [[], 2])
  room.setMayWrite(true)
  const [sent, ...more] = sockets.take()
  assert.deepEqual([sent.op, more, sockets.all.length], ['YJS_SYNC', [], 1])
  Y.applyUpdate(doc, bytesOf(sent.data.payload))
  sockets.action('YJS_RECEIPT', { count: 1, stored: true })
  assert.deepEqual([room.unsaved, room.isHeldBack], [0, false])
  assert.deepEqual(doc.toJSON(), room.doc.toJSON())
})

test('a connection on which nothing is answered is given up: a greeting, and an edit', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { sockets } = connected({ greeted: false })
    sockets.operation('SET_UUID', 'first', { RESUME: 'secret' })
    mock.timers.tick(15_000)
    assert.equal(sockets.all[0].readyState, 3)
    mock.timers.tick(1_000)
    assert.equal(sockets.all.length, 2)
    sockets.greet()
    mock.timers.tick(60_000)
    assert.equal(sockets.all.length, 2)

    const world = synced()
    world.room.script.setText('1', 0, 'one')
    mock.timers.tick(19_000)
    world.sockets.action('YJS_RECEIPT', { count: 1, stored: true })
    mock.timers.tick(60_000)
    world.room.script.setText('1', 0, 'one two')
    mock.timers.tick(19_000)
    world.room.script.setText('1', 0, 'one two three')
    assert.deepEqual([world.sockets.all.length, world.room.unsaved], [1, 2])
    mock.timers.tick(1_000)
    assert.equal(world.sockets.all.length, 2)
  } finally {
    mock.timers.reset()
  }
})

test('the secret of a connection that broke before it had taken the mode over is shown again', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { sockets } = connected()
    for (let i = 0; i < 2; ++i) {
      sockets.break()
      mock.timers.tick(20_000)
      sockets.greet()
    }
    assert.deepEqual(sockets.take().filter(({ op }) => op === 'REFRESH_CLIENT').map(({ data }) => data.resume), ['secret-of-uuid-1', 'secret-of-uuid-2'])
  } finally {
    mock.timers.reset()
  }
})

// --- The desk

test('edit mode is what the server lists, and the room is joined then', async () => {
  const { desk, said } = await editing()
  assert.deepEqual(said, ['REQUEST_SCRIPT_EDIT', 'JOIN_SCRIPT_ROOM'])
  assert.deepEqual([desk.mode, desk.canType], ['edit', true])
})

test('somebody who does not edit joins as soon as somebody does, and leaves when nobody does', async () => {
  const { desk, sockets, answers, settle } = atDesk()
  await settle()
  answers.config = { ...nobody, editors: [ben] }
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.ok(sockets.names().includes('JOIN_SCRIPT_ROOM'))
  assert.deepEqual([desk.mode, desk.canType], ['view', false])
  answers.config = nobody
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.deepEqual([desk.room, sockets.names()], [undefined, ['LEAVE_SCRIPT_ROOM']])
})

test('a refused mode is told as the server says it', async () => {
  const { desk, sockets, settle } = atDesk()
  await settle()
  desk.request('cuts')
  sockets.action('REQUEST_EDIT_FAILURE', { reason: 'Cannot enter cuts mode: unsaved draft exists' })
  assert.deepEqual([desk.mode, desk.asked, desk.refusal], ['view', undefined, 'Cannot enter cuts mode: unsaved draft exists'])
})

test('a mode that was lost with the connection is asked for again, and offline edits follow', async () => {
  const { desk, sockets, answers, settle, doc } = await editing()
  sockets.break()
  desk.room.script.setText('1', 0, 'Ho')
  answers.config = nobody
  desk.tryAgain()
  sockets.greet({ uuid: 'second' })
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  await settle()
  const asked = sockets.names()
  assert.ok(asked.includes('REQUEST_SCRIPT_EDIT'))
  assert.ok(!asked.includes('YJS_SYNC'), 'nothing is sent that is sure to be refused')
  desk.room.script.setText('1', 0, 'Ho')
  answers.config = { ...nobody, editors: [{ internal_id: 'second', username: 'ada' }] }
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.equal(sockets.all.length, 2)
  const back = sockets.take().find(({ op }) => op === 'YJS_SYNC')
  Y.applyUpdate(doc, bytesOf(back.data.payload))
  sockets.action('YJS_RECEIPT', { count: 1, stored: true })
  assert.equal(desk.room.unsaved, 0)
  assert.equal(doc.getMap('pages').get('1').get(0).get('parts').get(0).get('line_text').toString(), 'Ho')
})

test('whoever asks again for a mode that was lost stays in the room meanwhile', async () => {
  const { desk, sockets, answers, settle, doc } = await editing()
  sockets.break()
  answers.config = nobody
  desk.tryAgain()
  sockets.greet({ uuid: 'second' })
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  await settle()
  assert.deepEqual(sockets.names().filter((name) => name !== 'YJS_AWARENESS'), ['AUTHENTICATE', 'REFRESH_CLIENT', 'NEW_CLIENT', 'JOIN_SCRIPT_ROOM', 'REQUEST_SCRIPT_EDIT'])
  assert.equal(desk.room.state, 'synced')
})

test('whoever stops waits until their edits are stored', async () => {
  const { desk, sockets } = await editing()
  desk.room.script.setText('1', 0, 'Ho')
  sockets.take()
  desk.view()
  assert.deepEqual([sockets.names(), desk.canType], [[], false])
  sockets.action('YJS_RECEIPT', { count: 1, stored: true })
  assert.deepEqual(sockets.names(), ['STOP_SCRIPT_EDIT'])
})

test('a live session freezes the line, keeps the mode, and lets go on afterwards', async () => {
  const { desk, sockets, answers, settle } = await editing()
  answers.session = { id: 1, since: null, by: 'ben' }
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.deepEqual([desk.mode, desk.canType, desk.whyNotSave], ['edit', false, 'A live session is running.'])
  answers.session = null
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.deepEqual([desk.mode, desk.canType], ['edit', true])
})

test('changes that come while the state is asked for leave the script unsaved', async () => {
  const { desk, sockets, doc, settle } = await editing()
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  sockets.action('YJS_UPDATE', { payload: say(doc, 'Oh, ') })
  await settle()
  assert.equal(desk.isDirty, true)
})

test('edits that come back leave the script unsaved, though the server had no draft when the state was asked for', async () => {
  const { desk, sockets, answers, settle, doc } = await editing()
  sockets.break()
  desk.room.script.setText('1', 0, 'Ho')
  answers.config = { ...nobody, editors: [{ internal_id: 'second', username: 'ada' }] }
  desk.tryAgain()
  sockets.greet({ uuid: 'second' })
  sockets.action('YJS_SYNC', wholeOf(Y, doc))
  await settle()
  sockets.action('YJS_RECEIPT', { count: 1, stored: true })
  assert.deepEqual([desk.room.unsaved, desk.isDirty, desk.whyNotSave], [0, true, undefined])
})

test('a call that fails while the connection is open is made again', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { desk, answers, told, settle } = atDesk()
    await settle()
    const { config } = answers
    answers.config = new Error('The server does not answer.')
    await desk.refresh()
    answers.config = { ...config, hasDraft: true }
    assert.deepEqual([desk.config.hasDraft, told.at(-1)], [false, 'The server does not answer.'])
    mock.timers.tick(2_000)
    await settle()
    assert.equal(desk.config.hasDraft, true)
  } finally {
    mock.timers.reset()
  }
})

test('who was nobody on the last connection is not taken for nobody on the next one', async () => {
  const { desk, sockets, answers, settle } = await editing()
  const { user } = answers
  sockets.break()
  answers.user = undefined
  await desk.refreshAll()
  let onUser
  answers.user = new Promise((resolve) => { onUser = () => resolve(user) })
  answers.config = nobody
  desk.tryAgain()
  sockets.greet({ uuid: 'second' })
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  assert.deepEqual([desk.wish, desk.asked], ['edit', 'edit'])
  onUser()
  await settle()
})

test('somebody who is turned away from the room does not ask for ever', async () => {
  const { desk, sockets, answers, settle } = atDesk()
  await settle()
  answers.config = { ...nobody, editors: [ben] }
  sockets.action('GET_SCRIPT_CONFIG_STATUS')
  await settle()
  for (let i = 0; i < 3; ++i) {
    sockets.action('COLLAB_ERROR', { error: 'No active revision' })
    sockets.action('GET_SCRIPT_CONFIG_STATUS')
    await settle()
  }
  assert.equal(sockets.names().filter((name) => name === 'JOIN_SCRIPT_ROOM').length, 1)
  assert.equal(desk.roomTrouble, 'No active revision')
})

// --- A token that counts no more

for (const [how, end] of [
  ['is told so', ({ sockets }) => sockets.operation('WS_AUTH_ERROR', 'Invalid or expired token')],
  ['is closed upon', ({ sockets }) => sockets.last.onclose({ code: 4401, reason: 'Invalid or expired token' })],
  ['is told by an HTTP call', ({ link }) => link.refuse('Invalid or expired token')]
]) {
  test(`whoever edits and ${how} that their token is over keeps their edits, and goes on with another one`, async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const world = await editing()
      const { desk, sockets, told, doc, settle } = world
      const { room } = desk
      room.script.setText('1', 0, 'Ho')
      end(world)
      room.script.setText('1', 0, 'Ho, ho')
      assert.deepEqual([desk.tokenEnd, desk.connection, desk.canType, room.unsaved, told.filter((words) => words === 'expired').length], ['expired', 'lost', true, 2, 1])
      mock.timers.tick(60_000)
      desk.tryAgain()
      assert.equal(sockets.all.length, 1, 'nobody connects with a token that is over')
      world.token = 'another'
      desk.link.renew()
      sockets.greet({ uuid: 'second' })
      assert.deepEqual(sockets.take().slice(0, 2), [{ op: 'AUTHENTICATE', data: { token: 'another' } }, { op: 'REFRESH_CLIENT', data: { resume: 'secret-of-uuid-1' } }])
      sockets.action('MODE_RESUMED', { mode: 'edit' })
      sockets.action('YJS_SYNC', wholeOf(Y, doc))
      Y.applyUpdate(doc, bytesOf(sockets.take().find(({ op }) => op === 'YJS_SYNC').data.payload))
      sockets.action('YJS_RECEIPT', { count: 1, stored: true })
      await settle()
      assert.equal(desk.room, room, 'the document is the same one')
      assert.deepEqual([desk.tokenEnd, desk.connection, room.unsaved, textOf(room)], [undefined, 'open', 0, ['Ho, ho']])
      assert.deepEqual(doc.toJSON(), room.doc.toJSON())
    } finally {
      mock.timers.reset()
    }
  })
}

test('whoever comes back with a token whose time went by keeps what they wrote offline, and the secret of their mode', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const world = await editing()
    const { desk, sockets } = world
    sockets.break()
    desk.room.script.setText('1', 0, 'Ho')
    mock.timers.tick(1_000)
    sockets.operation('SET_UUID', 'second', { RESUME: 'secret-of-second' })
    sockets.operation('WS_AUTH_ERROR', 'Invalid or expired token')
    assert.deepEqual(sockets.names(), ['AUTHENTICATE'], 'nothing is done as nobody')
    assert.deepEqual([desk.tokenEnd, desk.mode, desk.room.unsaved], ['expired', 'edit', 1])
    world.token = 'not this one either'
    desk.link.renew()
    sockets.operation('SET_UUID', 'third')
    sockets.operation('WS_AUTH_ERROR', 'Invalid or expired token')
    assert.deepEqual(world.told.filter((words) => words === 'expired'), ['expired', 'expired'])
    desk.link.renew()
    sockets.greet({ uuid: 'fourth' })
    assert.ok(sockets.take().some(({ op, data }) => op === 'REFRESH_CLIENT' && data.resume === 'secret-of-uuid-1'))
  } finally {
    mock.timers.reset()
  }
})

test('a token that is revoked ends writing, and keeps what was not sent', async () => {
  const { desk, sockets, told } = await editing()
  const { room } = desk
  room.script.setText('1', 0, 'Ho')
  sockets.operation('WS_AUTH_ERROR', 'Revoked token')
  sockets.all[0].onclose({ code: 4401, reason: 'Revoked token' })
  assert.deepEqual([desk.tokenEnd, desk.canType, desk.room, room.unsaved, sockets.all.length], ['revoked', false, room, 1, 1])
  assert.deepEqual(told.filter((words) => words === 'revoked'), ['revoked'])
  assert.equal(scriptAsText(room.script, new ShowNames({ characters: [{ id: 21, name: 'Miranda' }] })), 'Page 1\n\nMiranda: Ho\n')
})

test('an HTTP call whose token is not taken says so once, and never of a token that was replaced meanwhile', async () => {
  const { fetch } = globalThis
  const shown = []
  try {
    globalThis.fetch = async (path, { headers }) => {
      shown.push(headers.Authorization)
      return new Response(JSON.stringify({ message: 'Revoked token' }), { status: 401 })
    }
    const api = new ScriptApi('old')
    const told = []
    api.onUnknown = (words) => {
      told.push(words)
      api.token = ''
    }
    await Promise.all([1, 2, 3].map(() => assert.rejects(api.show(), /Revoked token/)))
    await assert.rejects(api.show())
    assert.deepEqual([told, shown], [['Revoked token'], ['Bearer old', 'Bearer old', 'Bearer old', undefined]])
  } finally {
    globalThis.fetch = fetch
  }
})

test('a line as text is whole, however long it is', () => {
  const long = 'All lost! to prayers, to prayers! all lost! '.repeat(20)
  const doc = scriptOf(Y, { 1: [long], 3: ['Mercy on us!'] })
  assert.equal(scriptAsText(new ScriptDocument(doc), new ShowNames(undefined)), `Page 1\n\nCharacter #21: ${long}\n\nPage 3\n\nCharacter #21: Mercy on us!\n`)
})

// --- The document

test('a new line has act and scene of the line before, also over the border of a page', () => {
  const { room: { script } } = synced({ 1: ['one', 'two'] })
  script.setScene('2', 13, 2)
  const id = script.insertLine({ page: 1, index: 2 }, LineType.direction)
  const next = script.insertLine({ page: 4, index: 0 }, LineType.cue)
  const view = (line) => script.linesOf(script.find(line).page).find(({ id: other }) => other === line)
  assert.deepEqual([view(id).act, view(id).scene, view(id).parts.length], [2, 13, 1])
  assert.deepEqual([view(next).act, view(next).scene, view(next).parts.length], [2, 13, 0])
})

test('a line that is moved keeps its id, its parts and theirs; two who move it at once leave one', () => {
  const docs = [0, 1].map(() => new Y.Doc())
  const origin = scriptOf(Y, { 1: ['one', 'two', 'three'], 2: ['four'] })
  const [a, b] = docs.map((doc) => {
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(origin))
    return new ScriptDocument(doc)
  })
  const before = a.linesOf(1)[0]
  a.moveLine('1', { page: 1, index: 3 })
  assert.deepEqual(a.linesOf(1).at(-1), before)
  b.moveLine('1', { page: 2, index: 0 })
  for (const [from, to] of [[0, 1], [1, 0]]) Y.applyUpdate(docs[to], Y.encodeStateAsUpdate(docs[from]))
  for (const script of [a, b]) assert.equal(script.removeDoubles(), true)
  for (const [from, to] of [[0, 1], [1, 0]]) Y.applyUpdate(docs[to], Y.encodeStateAsUpdate(docs[from]))
  assert.deepEqual(a.doc.toJSON(), b.doc.toJSON())
  assert.deepEqual([1, 2].map((page) => a.linesOf(page).map(({ id }) => id)), [['2', '3', '1'], ['4']])
})

test('a line that two people moved at once is mended by who sees it, and by nobody who only reads', async () => {
  for (const mayWrite of [true, false]) {
    const { room, sockets, doc } = synced({ 1: ['one', 'two', 'three'] })
    room.setMayWrite(mayWrite)
    const other = new ScriptDocument(doc)
    const before = Y.encodeStateVector(doc)
    // As of one who has moved line 1 without having heard that it was moved.
    const copy = doc.getMap('pages').get('1').get(0).clone()
    doc.transact(() => doc.getMap('pages').get('1').push([copy]))
    assert.equal(other.linesOf(1).length, 4)
    sockets.action('YJS_UPDATE', { payload: base64(Y.encodeStateAsUpdate(doc, before)) })
    await Promise.resolve()
    assert.deepEqual(room.script.linesOf(1).map(({ id }) => id), mayWrite ? ['1', '2', '3'] : ['1', '2', '3', '1'])
    assert.deepEqual(sockets.names(), mayWrite ? ['YJS_UPDATE'] : [])
    assert.equal(room.script.undo.undoStack.length, 0)
  }
})

test('undo takes back what this person did, and nothing of the others', () => {
  const { room, sockets, doc } = synced()
  room.script.setText('1', 0, 'Boatswain! Ho')
  sockets.action('YJS_UPDATE', { payload: say(doc, 'Oh, ') })
  room.script.undo.undo()
  assert.deepEqual(textOf(room), ['Oh, Boatswain!'])
  room.script.undo.redo()
  assert.deepEqual(textOf(room), ['Oh, Boatswain! Ho'])
})

test('what is done to lines is undone by itself, not with what was typed just before or after', () => {
  const { room: { script } } = synced({ 1: ['one', 'two'] })
  script.setText('1', 0, 'one!')
  script.moveLine('1', { page: 1, index: 2 })
  script.deleteLine('1')
  const texts = () => script.linesOf(1).map(({ parts: [part] }) => part.text)
  script.undo.undo()
  assert.deepEqual(texts(), ['two', 'one!'])
  script.undo.undo()
  assert.deepEqual(texts(), ['one!', 'two'])
  script.undo.undo()
  assert.deepEqual(texts(), ['one', 'two'])
})

test('a line of another type keeps what the new one can have', () => {
  const { room: { script } } = synced()
  script.addPart('1')
  script.setSpeaker('1', 1, { group: 31 })
  script.setType('1', LineType.direction)
  assert.deepEqual(script.linesOf(1)[0].parts.map(({ character, group, text }) => [character, group, text]), [[0, 0, 'Boatswain!']])
  script.setType('1', LineType.spacing)
  assert.deepEqual(script.linesOf(1)[0].parts, [])
  script.setType('1', LineType.dialogue)
  assert.equal(script.linesOf(1)[0].parts.length, 1)
})

test('numbers in the document are numbers of JavaScript, never BigInts', () => {
  const { room: { script, doc } } = synced({ 1: [] })
  script.insertLine({ page: 1, index: 0 }, LineType.dialogue)
  const line = doc.getMap('pages').get('1').get(0)
  for (const key of ['act_id', 'scene_id', 'line_type', 'stage_direction_style_id']) assert.equal(typeof line.get(key), 'number', key)
  assert.equal(line.get('act_id') === 0, true)
})

test('the update that begins a page is the one that the server makes', () => {
  // Of one client 2^32 + 7, clock 0: a map entry "7" of the root "pages" that is an array; and no deletions.
  const bytes = [1, 1, 0x87, 0x80, 0x80, 0x80, 0x10, 0, 0x27, 1, 5, ...Buffer.from('pages'), 1, ...Buffer.from('7'), 0, 0]
  assert.deepEqual([...newPageUpdate(7)], bytes)
})

test('strangers in the document are left alone', () => {
  const { room: { script, doc } } = synced()
  doc.transact(() => {
    doc.getMap('pages').set('not a page', new Y.Array())
    doc.getMap('pages').set('3', 'not an array')
    doc.getMap('pages').get('1').insert(0, ['not a line'])
    doc.getMap('pages').get('1').get(1).set('act_id', 'not a number')
  }, SERVER)
  assert.deepEqual(script.pageNumbers(), [1])
  assert.deepEqual(script.linesOf(1).map(({ id, act }) => [id, act]), [['1', 0]])
  script.setText('1', 0, 'still edited')
  assert.deepEqual(script.linesOf(1)[0].parts[0].text, 'still edited')
})

// --- Small things

test('the change between two texts is the smallest one, and cuts no letter in half', () => {
  for (const [before, after, caret] of [['', 'a'], ['abc', 'abXc'], ['aaa', 'aaaa', 1], ['hello', 'helo'], ['😀', '😁'], ['a😀b', 'a😀😀b', 3], ['a😀😀b', 'a😀b', 1], ['one two', 'two one'], ['x', '']]) {
    const change = changeBetween(before, after, caret)
    assert.equal(before.slice(0, change.at) + change.inserted + before.slice(change.at + change.removed), after)
    for (const piece of [before.slice(0, change.at), change.inserted, before.slice(change.at + change.removed)]) assert.doesNotThrow(() => encodeURIComponent(piece), `${before} to ${after}`)
  }
  assert.equal(changeBetween('same', 'same'), undefined)
  assert.deepEqual(changeBetween('aaa', 'aaaa', 1), { at: 0, removed: 0, inserted: 'a' })
})

test('a caret goes along with what others change before it', () => {
  assert.equal(placeAfter(5, [{ retain: 2 }, { insert: 'xyz' }]), 8)
  assert.equal(placeAfter(5, [{ retain: 5 }, { insert: 'xyz' }]), 5)
  assert.equal(placeAfter(5, [{ delete: 3 }]), 2)
  assert.equal(placeAfter(5, [{ retain: 4 }, { delete: 4 }]), 4)
  assert.equal(placeAfter(5, [{ retain: 6 }, { insert: 'x' }]), 5)
})

test('the colour of a person is 137.508 degrees from that of the next one, and its name can be read on it', () => {
  assert.equal(hueOf(3), (3 * 137.508) % 360)
  assert.equal(colourOf(1).paint, 'hsl(137.5 65% 45%)')
  assert.deepEqual(new Set([...Array(360).keys()].map((user) => colourOf(user).ink)), new Set(['#000000', '#ffffff']))
})

test('the tree of revisions has each behind its parent, and survives parents that are not there', () => {
  const revision = (id, parent) => ({ id, number: id, parent, description: '', created: null, edited: null, hasDraft: false })
  assert.deepEqual(treeOf([revision(4, 1), revision(3, 2), revision(1, null), revision(2, 1), revision(9, 77)]).map(({ revision: { id }, depth }) => [id, depth]),
    [[1, 0], [2, 1], [3, 2], [4, 1], [9, 0]])
})

test('what cannot be done to a revision says why', () => {
  const revision = { id: 2, number: 2, parent: 1, description: '', created: null, edited: null, hasDraft: true }
  const state = { current: 3, isCurrentBusy: true, general: undefined }
  assert.match(whyNot(revision, state).branch, /unsaved changes/)
  assert.match(whyNot(revision, state).load, /in work/)
  assert.match(whyNot({ ...revision, hasDraft: false, parent: null }, state).remove, /first revision/)
  assert.deepEqual(whyNot({ ...revision, hasDraft: false }, { ...state, isCurrentBusy: false }), {})
})

test('the types of the script editor hold', () => {
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', join(editorFolder, 'tsconfig.json')], { stdio: 'pipe', encoding: 'utf8' })
})
