// The script editor's socket, over a real one: sections B, C, D, H, I, J, K and L of the behaviours that are asked of the
// system, each test named by its numbers, in both forms of the protocol where they differ or might.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Y from 'yjs'
import { eventually } from '../interop/eventually.mjs'
import { agree, base64, bytesOf } from './script_person.mjs'
import { ada, bob, cleo, root, scriptTest, tempest, tokenOf, twoRevisions } from './script_server.mjs'

const kLive = 'Cannot edit script while a live session is in progress'
const dialects = ['tip', 'seed']

/** The test once in each form of the protocol. */
function bothTest(name, body, setup = {}) {
  for (const dialect of dialects) scriptTest(`${name} (${dialect})`, (context) => body({ ...context, dialect }), setup)
}

// --- The connection

scriptTest('the first messages are SET_UUID and GET_SETTINGS, and a token says who somebody is', async ({ theatre }) => {
  const person = await theatre.person(ada)
  assert.deepEqual(person.names().slice(0, 3), ['SET_UUID', 'GET_SETTINGS', 'WS_AUTH_SUCCESS'])
  assert.match(person.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(person.heard[1].data, {})
  assert.deepEqual(person.heard[2].data, { user_id: ada, username: 'ada' })
  const mark = person.mark()
  person.say('REFRESH_TOKEN', { token: tokenOf(ada) })
  await person.hears('WS_TOKEN_REFRESH_SUCCESS', mark)
  assert.deepEqual(person.names(mark), ['WS_AUTH_SUCCESS', 'WS_TOKEN_REFRESH_SUCCESS'])
})

scriptTest('a token that is none is refused in the words of the protocol, and the connection stays', async ({ theatre }) => {
  const person = await theatre.person()
  const reasonFor = async (token) => {
    const mark = person.mark()
    person.say('AUTHENTICATE', { token })
    return (await person.hears('WS_AUTH_ERROR', mark)).data
  }
  assert.equal(await reasonFor(''), 'No token provided')
  assert.equal(await reasonFor('nonsense'), 'Invalid or expired token')
  assert.equal(await reasonFor(tokenOf(ada, { exp: 1000 })), 'Invalid or expired token')
  assert.equal(await reasonFor(`${tokenOf(ada).slice(0, -4)}AAAA`), 'Invalid or expired token')
  assert.equal(await reasonFor(tokenOf(99)), 'User not found')
  person.say('AUTHENTICATE', { token: tokenOf(ada) })
  await person.hears('WS_AUTH_SUCCESS')
})

/** A token that the server takes for so many seconds yet: clocks may be off by half a minute. */
const tokenFor = (user, seconds, claims = {}) => tokenOf(user, { exp: Math.floor(Date.now() / 1000) - 30 + seconds, ...claims })

scriptTest('a token whose time is over ends its socket, and its mode waits for a new one', async ({ theatre }) => {
  const viewer = await theatre.viewer(cleo)
  const writer = await theatre.person(ada)
  await writer.edits()
  await writer.joins()
  const mark = writer.mark()
  writer.say('REFRESH_TOKEN', { token: tokenFor(ada, 5) })
  await writer.hears('WS_TOKEN_REFRESH_SUCCESS', mark)
  writer.type(1, 0, ' and more')
  await writer.isStored()
  assert.equal((await writer.hears('WS_AUTH_ERROR', mark)).data, 'Invalid or expired token')
  const { code, reason } = await writer.ended
  assert.deepEqual([code, reason], [4401, 'Invalid or expired token'])
  await agree(writer, viewer)
  // With a token that holds, everything is as it was.
  assert.equal(await writer.comeBack(), true)
  await writer.joins()
  writer.type(1, 0, '!')
  await writer.isStored()
  assert.equal(writer.refused, 0)
  await agree(writer, viewer)
  assert.ok(!viewer.names().includes('ROOM_CLOSED'))
})

scriptTest('a token that is refreshed in time ends nothing, and one that is not taken leaves the old one', async ({ theatre }) => {
  const person = await theatre.person(ada, { token: tokenFor(ada, 5) })
  const short = await theatre.person(bob, { token: tokenFor(bob, 5) })
  const mark = person.mark()
  person.say('REFRESH_TOKEN', { token: tokenOf(ada) })
  await person.hears('WS_TOKEN_REFRESH_SUCCESS', mark)
  short.say('REFRESH_TOKEN', { token: 'nonsense' })
  assert.equal((await short.ended).code, 4401)
  await person.edits()
})

scriptTest('a token that is revoked ends its socket and its mode at once, and is taken no more', async ({ theatre, server, directory }) => {
  const revoked = join(directory, 'revoked')
  writeFileSync(revoked, '')
  server.flags.push('--auth-revoked-file', revoked)
  await server.stop()
  await server.start()
  const token = tokenOf(ada, { jti: 'of-ada' })
  const [writer, onlooker, other] = [await theatre.editor(ada, { token }), await theatre.viewer(bob), await theatre.person(ada)]
  const [mark, from] = [onlooker.mark(), writer.mark()]
  writeFileSync(revoked, 'jti:of-ada\n')
  process.kill(server.pid, 'SIGHUP')
  assert.equal((await writer.hears('WS_AUTH_ERROR', from)).data, 'Revoked token')
  assert.deepEqual(await writer.ended, { code: 4401, reason: 'Revoked token' })
  await onlooker.hears('ROOM_CLOSED', mark)
  assert.deepEqual((await theatre.config()).editors, [])
  const again = await theatre.person()
  again.say('AUTHENTICATE', { token })
  assert.equal((await again.hears('WS_AUTH_ERROR')).data, 'Revoked token')
  assert.equal((await theatre.call('GET', '/api/v1/auth', { token })).status, 401)
  await other.edits()
})

// --- I. Modes

scriptTest('A100 A101 edit is granted, to a second person too, and everybody is told', async ({ theatre }) => {
  const [one, two, onlooker] = [await theatre.person(ada), await theatre.person(bob), await theatre.person()]
  for (const person of [one, two]) {
    const mark = onlooker.mark()
    await person.edits()
    assert.deepEqual((await onlooker.hears('GET_SCRIPT_CONFIG_STATUS', mark)).data, {})
  }
  assert.deepEqual((await theatre.config()).editors.map(({ internal_id: id, username }) => [id, username]), [[one.uuid, 'ada'], [two.uuid, 'bob']])
})

scriptTest('A102 A108 with a cutter nobody edits, nor cuts beside them', async ({ theatre }) => {
  const [one, two] = [await theatre.person(ada), await theatre.person(bob)]
  assert.equal(await one.asksFor('REQUEST_SCRIPT_CUTS'), undefined)
  assert.equal(await two.asksFor('REQUEST_SCRIPT_EDIT'), 'Cannot edit: another user is in cuts mode')
  assert.equal(await two.asksFor('REQUEST_SCRIPT_CUTS'), 'Cannot enter cuts mode: another user is already cutting')
})

scriptTest('A103 edit and cuts need the right to write, which admins have', async ({ theatre }) => {
  for (const person of [await theatre.person(cleo), await theatre.person()]) {
    assert.equal(await person.asksFor('REQUEST_SCRIPT_EDIT'), 'Insufficient permissions')
    assert.equal(await person.asksFor('REQUEST_SCRIPT_CUTS'), 'Insufficient permissions')
  }
  assert.equal(await (await theatre.person(root)).asksFor('REQUEST_SCRIPT_EDIT'), undefined)
})

bothTest('A104 A107 cuts are granted when nobody edits, and viewers are no editors', async ({ theatre, dialect }) => {
  await theatre.viewer(cleo, { dialect })
  const cutter = await theatre.person(ada, { dialect })
  assert.equal(await cutter.asksFor('REQUEST_SCRIPT_CUTS'), undefined)
  assert.deepEqual((await theatre.config()).cutters.map(({ username }) => username), ['ada'])
})

scriptTest('A105 cuts are refused with an editor', async ({ theatre }) => {
  await (await theatre.person(ada)).edits()
  assert.equal(await (await theatre.person(bob)).asksFor('REQUEST_SCRIPT_CUTS'), 'Cannot enter cuts mode: another user is editing')
})

bothTest('A106 cuts are refused with a draft', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.type(1, 0, '!')
  await editor.isStored()
  editor.say('STOP_SCRIPT_EDIT')
  assert.equal(await editor.asksFor('REQUEST_SCRIPT_CUTS'), 'Cannot enter cuts mode: unsaved draft exists')
})

scriptTest('A109 stopping leaves either mode', async ({ theatre }) => {
  const person = await theatre.person(ada)
  for (const op of ['REQUEST_SCRIPT_EDIT', 'REQUEST_SCRIPT_CUTS']) {
    assert.equal(await person.asksFor(op), undefined)
    person.say('STOP_SCRIPT_EDIT')
  }
  await person.answered()
  const { editors, cutters } = await theatre.config()
  assert.deepEqual([editors, cutters], [[], []])
})

scriptTest("A110 the end of a cutter's socket is told", async ({ theatre }) => {
  const [cutter, onlooker] = [await theatre.person(ada), await theatre.person(bob)]
  await cutter.asksFor('REQUEST_SCRIPT_CUTS')
  const mark = onlooker.mark()
  await cutter.die()
  await onlooker.hears('GET_SCRIPT_CONFIG_STATUS', mark)
  assert.deepEqual((await theatre.config()).cutters, [])
})

// --- J. Rooms

scriptTest('A111 joining without a show', async ({ theatre }) => {
  for (const dialect of dialects) {
    const person = await theatre.person(undefined, { dialect })
    person.joining()
    assert.equal(await person.errorAfter(0), 'No show loaded')
  }
}, { file: null })

scriptTest('A112 joining a revision that is not there, or without a revision where there is none', async ({ theatre }) => {
  const person = await theatre.person(undefined)
  const mark = person.mark()
  person.say('JOIN_SCRIPT_ROOM', { revision_id: 77 })
  assert.match(await person.errorAfter(mark), /no revision 77/)
})

bothTest('A113 A022 joining outside of edit mode: the document first, then the members, as a viewer', async ({ theatre, dialect }) => {
  const person = await theatre.person(ada, { dialect })
  const mark = person.mark()
  await person.joins()
  await person.answered()
  const names = person.names(mark)
  assert.deepEqual(names.slice(0, 2), ['YJS_SYNC', 'ROOM_MEMBERS'])
  assert.ok(names.includes('GET_SCRIPT_CONFIG_STATUS'))
  const [sync, members] = person.heard.slice(mark)
  assert.equal(sync.data.step, 0)
  assert.equal(sync.data.room_id, dialect === 'seed' ? 'draft_1' : undefined)
  assert.equal(members.data.room_id, sync.data.room_id)
  assert.deepEqual(members.data.members, [{ user_id: ada, username: 'ada', role: 'viewer' }])
  assert.deepEqual(person.texts(), { 1: ['one', 'two', 'three'], 2: ['four'] })
})

bothTest('A114 A021 joining in edit mode makes an editor, whatever the client says of itself', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const stranger = await theatre.viewer(undefined, { dialect })
  await eventually('both to be told', () => editor.heard.findLast(({ name }) => name === 'ROOM_MEMBERS').data.members.length === 2)
  assert.deepEqual(stranger.heard.findLast(({ name }) => name === 'ROOM_MEMBERS').data.members, [
    { user_id: ada, username: 'ada', role: 'editor' },
    { user_id: null, username: 'Unknown', role: 'viewer' }
  ])
})

bothTest('A115 A029 asking for edit in the room: the members, then the status; nobody is listed twice', async ({ theatre, dialect }) => {
  const person = await theatre.viewer(ada, { dialect })
  await person.answered()
  const mark = person.mark()
  await person.edits()
  assert.deepEqual(person.names(mark).slice(0, 2), ['ROOM_MEMBERS', 'GET_SCRIPT_CONFIG_STATUS'])
  assert.deepEqual(person.heard[mark].data.members, [{ user_id: ada, username: 'ada', role: 'editor' }])
})

bothTest('A116 A118 A121 the last editor stops: members, the end of the room, status; nothing is written', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect })
  await editor.answered()
  const [mark, viewerMark] = [editor.mark(), viewer.mark()]
  editor.say('STOP_SCRIPT_EDIT')
  await editor.answered()
  assert.deepEqual(editor.names(mark).slice(0, 3), ['ROOM_MEMBERS', 'ROOM_CLOSED', 'GET_SCRIPT_CONFIG_STATUS'])
  assert.deepEqual(editor.heard[mark].data.members.map(({ role }) => role), ['viewer', 'viewer'])
  assert.deepEqual((await viewer.hears('ROOM_CLOSED', viewerMark)).data, dialect === 'seed' ? { room_id: 'draft_1' } : {})
  assert.equal(await theatre.hasDraft(), false)
  assert.deepEqual((await theatre.config()).editors, [])
})

bothTest('A117 A122 the last editor of a draft stops: the draft is there, the revisions are told before the end of the room', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.type(1, 0, '!')
  await editor.isStored()
  const mark = editor.mark()
  editor.say('STOP_SCRIPT_EDIT')
  await editor.answered()
  const names = editor.names(mark)
  assert.ok(names.indexOf('GET_SCRIPT_REVISIONS') !== -1 && names.indexOf('GET_SCRIPT_REVISIONS') < names.indexOf('ROOM_CLOSED'), names.join())
  assert.equal(await theatre.hasDraft(), true)
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one', 'two', 'three'], 2: ['four'] }, 'a draft is no save')
  assert.deepEqual((await theatre.viewer(bob, { dialect })).texts()[1][0], 'one!')
})

bothTest('A119 A026 another editor remains: no end of the room, and both are told who is left', async ({ theatre, dialect }) => {
  const one = await theatre.editor(ada, { dialect })
  const two = await theatre.editor(bob, { dialect })
  await one.answered()
  const [mark, second] = [one.mark(), two.mark()]
  one.say('STOP_SCRIPT_EDIT')
  await one.answered()
  for (const [person, from] of [[one, mark], [two, second]]) {
    const { data } = await person.hears('ROOM_MEMBERS', from)
    assert.deepEqual(data.members.map(({ username, role }) => [username, role]), [['ada', 'viewer'], ['bob', 'editor']])
    assert.ok(!person.names(from).includes('ROOM_CLOSED'))
  }
})

bothTest("A120 A023 A028 an editor's socket dies and nobody comes back: members, the end of the room, status", async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect })
  await viewer.answered()
  const mark = viewer.mark()
  await editor.die()
  assert.deepEqual((await viewer.hears('ROOM_MEMBERS', mark)).data.members.map(({ username }) => username), ['cleo'])
  // When the grace of 15 seconds is over.
  await viewer.hears('ROOM_CLOSED', mark, 30_000)
  await viewer.hears('GET_SCRIPT_CONFIG_STATUS', mark)
  assert.deepEqual((await theatre.config()).editors, [])
})

scriptTest('A024 A042 leaving without being anywhere does nothing, and what is unknown or no JSON ends nothing', async ({ theatre }) => {
  const person = await theatre.person(ada)
  await person.answered()
  const mark = person.mark()
  person.leaves()
  person.say('NOTHING_KNOWN', { a: 1 })
  person.say('YJS_UPDATE', { payload: 'AAA=' })
  person.say('YJS_SYNC', { step: 1, payload: 'AA==' })
  await person.answered()
  assert.deepEqual(person.names(mark).filter((name) => !/STATUS|WS_AUTH_ERROR/.test(name)), [])
  for (const text of ['{', '[]', '"x"', 'null', '{"DATA":{}}', `${'['.repeat(5000)}`, '{"OP":7}']) person.raw(text)
  await person.answered()
  await person.joins()
})

// --- C. Sync

bothTest('A030 A031 A033 step 1 is answered by what it lacks; an empty state vector lacks everything', async ({ theatre, dialect }) => {
  const person = await theatre.viewer(cleo, { dialect })
  const first = person.heard.find(({ name }) => name === 'YJS_SYNC').data
  assert.ok(bytesOf(first.payload).length > 0)
  assert.deepEqual(Y.decodeStateVector(bytesOf(first.state_vector)), Y.decodeStateVector(Y.encodeStateVector(person.doc)))
  await person.answered()
  const mark = person.mark()
  person.say('YJS_SYNC', { step: 1, payload: base64(Y.encodeStateVector(new Y.Doc())) })
  const { data } = await person.hears('YJS_SYNC', mark)
  assert.equal(data.step, 2)
  const copy = new Y.Doc()
  Y.applyUpdate(copy, bytesOf(data.payload))
  assert.deepEqual(copy.getMap('pages').toJSON(), person.doc.getMap('pages').toJSON())
})

bothTest('A032 A034 an update goes to all but its sender, viewers included', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const others = [await theatre.editor(bob, { dialect: 'tip' }), await theatre.viewer(cleo, { dialect: 'seed' })]
  const mark = editor.mark()
  const marks = others.map((person) => person.mark())
  editor.type(1, 0, ' and only')
  await agree(editor, ...others)
  await editor.isStored()
  assert.ok(!editor.names(mark).includes('YJS_UPDATE'))
  for (const [index, person] of others.entries()) {
    const { data, whole } = await person.hears('YJS_UPDATE', marks[index])
    assert.deepEqual([whole.OP, whole.ACTION], ['NOOP', 'YJS_UPDATE'])
    assert.equal(data.room_id, person.dialect === 'seed' ? 'draft_1' : undefined)
  }
})

bothTest('A035 presence goes to all but its sender, as it was said', async ({ theatre, dialect }) => {
  const one = await theatre.viewer(ada, { dialect })
  const others = [await theatre.viewer(bob, { dialect: 'tip' }), await theatre.viewer(cleo, { dialect: 'seed' })]
  const marks = others.map((person) => person.mark())
  await one.answered()
  const mark = one.mark()
  const payload = base64(Buffer.from(JSON.stringify({ userId: ada, username: 'ada', page: 1, lineIndex: 2 })))
  one.say('YJS_AWARENESS', { payload })
  for (const [index, person] of others.entries()) {
    const { data } = await person.hears('YJS_AWARENESS', marks[index])
    assert.equal(data.payload, payload)
    assert.equal(data.room_id, person.dialect === 'seed' ? 'draft_1' : undefined)
  }
  await one.answered()
  assert.ok(!one.names(mark).includes('YJS_AWARENESS'))
})

scriptTest('A036 A043 a recipient that is dead stops nobody', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  const dead = await theatre.viewer(bob)
  const alive = await theatre.viewer(cleo)
  dead.socket._socket.pause()
  editor.type(1, 0, '!')
  await agree(editor, alive)
  await dead.die()
  editor.type(1, 0, '?')
  await agree(editor, alive)
  const mark = alive.mark()
  editor.say('STOP_SCRIPT_EDIT')
  await alive.hears('ROOM_CLOSED', mark)
})

bothTest('A037 A038 A039 A126 a room is clean at first, an edit makes a draft, a save ends it, and the room stays open', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  assert.equal(await theatre.hasDraft(), false)
  editor.type(1, 0, '!')
  await editor.isStored()
  assert.equal(await theatre.hasDraft(), true)
  const heard = await editor.saves()
  assert.equal(await theatre.hasDraft(), false)
  assert.ok(!heard.some(({ name }) => name === 'ROOM_CLOSED'))
  editor.type(1, 0, '!')
  await editor.isStored()
  assert.equal(await theatre.hasDraft(), true)
})

// --- B. Base64

/** All bytes of base64 come up: letters of one byte to four, and enough of them. */
const kWords = `${String.fromCodePoint(...Array(0x500).keys())} \u{1f3ad} ⚓`

bothTest('A016 the whole state is the same behind base64, both ways', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const { payload } = editor.heard.find(({ name }) => name === 'YJS_SYNC').data
  assert.match(payload, /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)
  assert.equal(base64(bytesOf(payload)), payload)
  assert.deepEqual(editor.texts(), await theatre.storedTexts())
  // There: a copy that has more is said whole.
  const copy = new Y.Doc()
  Y.applyUpdate(copy, bytesOf(payload))
  copy.getMap('pages').get('1').get(0).get('parts').get(0).get('line_text').insert(0, kWords)
  const whole = Y.encodeStateAsUpdate(copy)
  editor.sent += 1
  editor.say('YJS_SYNC', { step: 2, payload: base64(whole), ...(dialect === 'seed' ? { room_id: 'draft_1' } : {}) })
  await editor.isStored()
  assert.equal(editor.refused, 0)
  // And back.
  const late = await theatre.viewer(cleo, { dialect })
  assert.equal(late.texts()[1][0], `${kWords}one`)
  const again = new Y.Doc()
  Y.applyUpdate(again, bytesOf(late.heard.find(({ name }) => name === 'YJS_SYNC').data.payload))
  assert.deepEqual(Y.encodeStateVector(again), Y.encodeStateVector(copy))
  assert.deepEqual(again.getMap('pages').toJSON(), copy.getMap('pages').toJSON())
})

bothTest('A017 an update is the same bytes behind base64, both ways', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect })
  const mark = viewer.mark()
  let update
  editor.doc.once('update', (bytes) => { update = bytes })
  editor.type(1, 0, kWords)
  assert.equal((await viewer.hears('YJS_UPDATE', mark)).data.payload, base64(update))
  assert.equal(viewer.texts()[1][0], `one${kWords}`)
})

bothTest('A040 an update that comes during a save does not wait for it: it is taken, told, not in what is saved, and a draft', async ({ theatre, dialect, disk }) => {
  const editor = await theatre.editor(ada, { dialect })
  const other = await theatre.editor(bob, { dialect })
  await editor.writes(() => editor.type(1, 0, ' before'))
  await agree(editor, other)
  // The save is at its commit for as long as the disk waits.
  disk.wait()
  const mark = other.mark()
  editor.say('SAVE_SCRIPT_DRAFT')
  await other.hears('SAVE_PROGRESS', mark)
  editor.type(1, 0, ' behind it')
  await editor.answered()
  assert.ok(!other.names(mark).includes('SCRIPT_SAVED'))
  disk.goOn()
  await other.hears('SCRIPT_SAVED', mark)
  await editor.isStored()
  assert.equal(editor.refused, 0)
  await agree(editor, other)
  assert.equal(other.texts()[1][0], 'one before behind it')
  assert.equal((await theatre.storedTexts())[1][0], 'one before')
  assert.equal(await theatre.hasDraft(), true)
}, { slowDisk: true })

// --- B. What people do together

bothTest('A018 A019 edits of different fields, and insertions in one place: both are there, for everybody', async ({ theatre, dialect }) => {
  const one = await theatre.editor(ada, { dialect })
  const two = await theatre.editor(bob, { dialect })
  one.page(1).get(0).set('act_id', 0)
  two.page(1).get(0).set('scene_id', 0)
  one.type(1, 1, ' ada', 3)
  two.type(1, 1, ' bob', 3)
  await agree(one, two)
  assert.deepEqual([one.page(1).get(0).get('act_id'), one.page(1).get(0).get('scene_id')], [0, 0])
  assert.match(one.texts()[1][1], /^two( ada bob| bob ada)$/)
})

bothTest('A020 one is offline, both edit, then both have everything', async ({ theatre, dialect }) => {
  const one = await theatre.editor(ada, { dialect })
  const two = await theatre.editor(bob, { dialect })
  await one.die()
  one.type(1, 0, ' offline')
  two.type(1, 1, ' online')
  assert.ok(await one.comeBack())
  await one.joins()
  await agree(one, two)
  assert.deepEqual(two.texts()[1].slice(0, 2), ['one offline', 'two online'])
})

// --- H, K. Saving and discarding

bothTest('A123 A096 A097 A098 a save: progress, the patch, the end of it, in this order, for everybody in the room', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect: 'tip' })
  for (let round = 0; round < 5; ++round) {
    editor.addLine(1, 0, `new ${round}`)
    editor.deleteLine(1, 2)
    await editor.isStored()
    await agree(editor, viewer)
    const from = viewer.mark()
    const heard = await editor.saves()
    await viewer.hears('GET_SCRIPT_REVISIONS', from)
    for (const all of [heard, viewer.heard.slice(from)]) {
      const told = all.filter(({ name }) => ['SAVE_PROGRESS', 'YJS_UPDATE', 'SCRIPT_SAVED', 'GET_SCRIPT_REVISIONS'].includes(name))
      assert.deepEqual(told.map(({ name }) => name), [
        'SAVE_PROGRESS', 'SAVE_PROGRESS', 'SAVE_PROGRESS', 'YJS_UPDATE', 'SCRIPT_SAVED', 'GET_SCRIPT_REVISIONS'
      ])
      assert.deepEqual(told.slice(0, 3).map(({ data }) => [data.page, data.total, data.percent]), [[0, 2, 0], [1, 2, 50], [2, 2, 100]])
      const at = told[4].data.last_saved_at
      assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/)
      assert.ok(!Number.isNaN(Date.parse(at)))
      assert.equal(editor.meta('last_saved_at'), at)
    }
    assert.equal(editor.doc.getArray('deleted_line_ids').length, 0)
    await agree(editor, viewer)
  }
}, { flags: ['--threads', '3'] })

bothTest('A091 A092 lines that were never saved get rows, and the document their ids', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.addLine(1, 1, 'between')
  editor.addLine(2, 1, 'last')
  await editor.saves()
  for (const page of [1, 2]) for (const id of editor.ids(page)) assert.match(id, /^[1-9]\d*$/)
  const stored = await theatre.stored()
  assert.deepEqual(stored.lines.map(({ id }) => String(id)), [...editor.ids(1), ...editor.ids(2)])
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one', 'between', 'two', 'three'], 2: ['four', 'last'] })
  await theatre.check()
})

bothTest('A093 with nothing new there is a patch all the same', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const heard = await editor.saves()
  assert.equal(heard.filter(({ name }) => name === 'YJS_UPDATE').length, 1)
  const first = editor.meta('last_saved_at')
  assert.ok(!Number.isNaN(Date.parse(first)))
})

bothTest('A094 A124 a save that fails: SAVE_ERROR with the text to who asked, and no row is written', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.addLine(1, 0, 'fine')
  editor.addLine(1, 1, 'nobody says this', { character: 0 })
  editor.addLine(2, 0, 'nor this', { character: 0 })
  const heard = await editor.saves()
  const { data } = heard.find(({ name }) => name === 'SAVE_ERROR')
  assert.match(data.error, /page 1/)
  assert.deepEqual(data.problems.map(({ page, line }) => [page, line]), [[1, 2], [2, 1]], 'all that is wrong (hazard 30)')
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one', 'two', 'three'], 2: ['four'] })
  assert.equal(await theatre.hasDraft(), true)
})

bothTest('A095 A099 a deleted line is gone from the revision, and its number is not given again', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.deleteLine(2, 0)
  await editor.saves()
  // As a client does that has not heard of the save.
  editor.doc.getArray('deleted_line_ids').push([4, 5, 6])
  editor.addLine(2, 0, 'new')
  editor.addLine(2, 1, 'newer')
  await editor.saves()
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one', 'two', 'three'], 2: ['new', 'newer'] })
  assert.ok((await theatre.stored()).lines.slice(3).every(({ id }) => id > 4))
})

bothTest('A125 A041 discarding ends the room for everybody, and the script is the saved one', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect })
  editor.type(1, 0, ' that nobody wants')
  await editor.isStored()
  const [mark, viewerMark] = [editor.mark(), viewer.mark()]
  editor.say('DISCARD_SCRIPT_DRAFT')
  await editor.hears('GET_SCRIPT_REVISIONS', mark)
  assert.ok(editor.names(mark).includes('ROOM_CLOSED'))
  assert.deepEqual((await viewer.hears('ROOM_CLOSED', viewerMark)).data, dialect === 'seed' ? { room_id: 'draft_1' } : {})
  assert.equal(await theatre.hasDraft(), false)
  await editor.joins()
  assert.deepEqual(editor.texts()[1], ['one', 'two', 'three'])
})

bothTest('A127 discarding outside of the room throws the stored draft away', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  editor.type(1, 0, '!')
  await editor.isStored()
  editor.leaves()
  await editor.edits()
  assert.equal(await theatre.hasDraft(), true)
  const mark = editor.mark()
  editor.say('DISCARD_SCRIPT_DRAFT')
  await editor.hears('GET_SCRIPT_REVISIONS', mark)
  assert.equal(await theatre.hasDraft(), false)
})

scriptTest('only editors save and discard', async ({ theatre }) => {
  await theatre.editor(bob)
  const viewer = await theatre.viewer(ada)
  for (const op of ['SAVE_SCRIPT_DRAFT', 'DISCARD_SCRIPT_DRAFT']) {
    const mark = viewer.mark()
    viewer.say(op)
    assert.equal(await viewer.errorAfter(mark), 'Insufficient permissions')
  }
})

// --- L. A live session

bothTest('A128 A129 A130 A131 A132 while a live session runs: no modes, no joins, no saves, no updates; reading goes on', async ({ theatre, dialect }) => {
  const editor = await theatre.editor(ada, { dialect })
  const viewer = await theatre.viewer(cleo, { dialect })
  const outside = await theatre.person(bob, { dialect })
  editor.type(1, 0, '!')
  await editor.isStored()
  await theatre.startSession()
  for (const op of ['REQUEST_SCRIPT_EDIT', 'REQUEST_SCRIPT_CUTS']) assert.equal(await outside.asksFor(op), kLive)
  let mark = outside.mark()
  outside.joining()
  assert.equal(await outside.errorAfter(mark), kLive)
  const refused = [
    ['SAVE_SCRIPT_DRAFT', {}],
    ['DISCARD_SCRIPT_DRAFT', {}],
    ['YJS_UPDATE', { payload: 'AAA=' }],
    ['YJS_SYNC', { step: 2, payload: 'AAA=' }]
  ]
  for (const [op, data] of refused) {
    mark = editor.mark()
    editor.say(op, data)
    assert.equal(await editor.errorAfter(mark), kLive, op)
  }
  mark = editor.mark()
  editor.say('YJS_SYNC', { step: 1, payload: 'AA==' })
  assert.equal((await editor.hears('YJS_SYNC', mark)).data.step, 2)
  mark = viewer.mark()
  editor.say('YJS_AWARENESS', { payload: base64(Buffer.from('{"userId":1,"page":1,"lineIndex":0}')) })
  await viewer.hears('YJS_AWARENESS', mark)
  editor.leaves()
  await viewer.hears('ROOM_CLOSED', mark)
})

scriptTest('A150 another leader is elected when the socket of the live leader ends; without anybody else there is none', async ({ theatre }) => {
  const [one, two, onlooker] = [await theatre.person(ada), await theatre.person(bob), await theatre.person()]
  one.say('NEW_CLIENT')
  two.say('NEW_CLIENT')
  await Promise.all([one.answered(), two.answered()])
  await theatre.startSession()
  assert.equal((await onlooker.hears('ELECTED_LEADER')).data.internal_id, one.uuid)
  let mark = onlooker.mark()
  await one.die()
  assert.equal((await onlooker.hears('ELECTED_LEADER', mark)).data.internal_id, two.uuid)
  mark = onlooker.mark()
  await two.die()
  await onlooker.hears('NO_LEADER', mark)
})

// --- Revisions

scriptTest('the older form names its revision, the newer one is in the current one (hazard 33)', async ({ theatre }) => {
  const editor = await theatre.editor(ada, { dialect: 'seed', revision: 1 })
  const current = await theatre.viewer(bob)
  assert.equal(current.meta('revision_id'), 2)
  const same = await theatre.viewer(cleo, { dialect: 'seed', revision: 2 })
  assert.equal(same.meta('revision_id'), 2)
  editor.type(1, 0, ' of the first revision')
  await editor.saves()
  assert.equal((await theatre.storedTexts(1))[1][0], 'one of the first revision')
  assert.equal((await theatre.storedTexts(2))[1][0], 'one')
  assert.equal(current.texts()[1][0], 'one')
}, { file: twoRevisions() })
