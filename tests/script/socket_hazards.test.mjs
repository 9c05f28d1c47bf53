// What went wrong in the system that this one replaces (server/script/README.md), over a real socket. Each
// test names its hazard and fails on that design.

import assert from 'node:assert/strict'
import { eventually } from '../interop/eventually.mjs'
import { agree, base64 } from './script_person.mjs'
import { ada, bob, cleo, root, scriptTest, tempest, twoRevisions } from './script_server.mjs'

scriptTest('Hazard 1: what a viewer or a stranger writes changes nothing, is told to nobody, and is refused', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  for (const user of [cleo, bob, undefined]) {
    const viewer = await theatre.viewer(user)
    const mark = viewer.mark()
    viewer.type(1, 0, ' by a viewer')
    assert.equal(await viewer.errorAfter(mark), 'Insufficient permissions')
    await viewer.isStored()
    assert.equal(viewer.refused, 1)
  }
  const witness = await theatre.viewer(root)
  assert.equal(witness.texts()[1][0], 'one')
  assert.equal(editor.texts()[1][0], 'one')
  assert.equal(await theatre.hasDraft(), false)
})

scriptTest('Hazards 2 and 4: a save while three people type has what was typed before it, loses nothing of what came after, and leaves that as a draft', async ({ theatre }) => {
  const people = [await theatre.editor(ada), await theatre.editor(bob), await theatre.editor(root)]
  for (let round = 0; round < 40; ++round) {
    for (const [index, person] of people.entries()) person.type(1, index, `${round} `)
    if (round % 10 === 5) {
      for (const person of people) await person.isStored()
      const before = people[0].texts()
      people[0].say('SAVE_SCRIPT_DRAFT')
      for (const [index, person] of people.entries()) person.type(1, index, 'meanwhile ')
      assert.ok(before)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const person of people) await person.isStored()
  await agree(...people)
  for (const [index, word] of ['one', 'two', 'three'].entries()) {
    const numbers = people[0].texts()[1][index].match(/\d+/g).map(Number)
    assert.deepEqual(numbers, [...Array(40).keys()], word)
    assert.equal(people[0].texts()[1][index].match(/meanwhile/g).length, 4)
  }
  await people[0].saves()
  people[1].type(1, 0, 'behind it')
  await people[1].isStored()
  assert.equal(await theatre.hasDraft(), true, 'what came after the save is a draft')
  await people[0].saves()
  assert.equal(await theatre.hasDraft(), false)
  assert.deepEqual(await theatre.storedTexts(), people[0].texts())
})

scriptTest('Hazard 3: after a save there is no draft, and none comes back when the room ends or the server does', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  editor.type(1, 0, '!')
  await editor.saves()
  editor.say('STOP_SCRIPT_EDIT')
  await editor.hears('ROOM_CLOSED')
  assert.equal(await theatre.hasDraft(), false)
  await server.stop()
  await server.start()
  assert.equal(await theatre.hasDraft(), false)
})

scriptTest('Hazard 5: what was discarded does not return, not with the room, the server, or a client that was away', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  const away = await theatre.editor(bob)
  editor.type(1, 0, ' discarded')
  away.type(1, 1, ' discarded')
  await agree(editor, away)
  await away.die()
  away.type(1, 2, ' discarded')
  const mark = editor.mark()
  editor.say('DISCARD_SCRIPT_DRAFT')
  await editor.hears('GET_SCRIPT_REVISIONS', mark)
  assert.equal(await theatre.hasDraft(), false)
  const first = await theatre.viewer(cleo)
  assert.deepEqual(first.texts()[1], ['one', 'two', 'three'])
  // It is told that the document is another one, and drops its own.
  await away.comeBack()
  await away.joins()
  await away.answered()
  assert.deepEqual(away.texts()[1], ['one', 'two', 'three'])
  assert.equal(await theatre.hasDraft(), false)
  await server.crash()
  await server.start()
  assert.equal(await theatre.hasDraft(), false)
  assert.deepEqual((await theatre.viewer(root)).texts()[1], ['one', 'two', 'three'])
})

scriptTest('Hazard 6: of many first joins at once all are in one room, and nobody is forgotten', async ({ theatre }) => {
  const people = []
  for (let i = 0; i < 12; ++i) people.push(await theatre.person(i % 2 === 0 ? ada : bob))
  for (const person of people) await person.edits()
  await Promise.all(people.map((person) => person.joins()))
  await eventually('all to know all', () => people.every((person) => person.heard.findLast(({ name }) => name === 'ROOM_MEMBERS').data.members.length === 12))
  for (const [index, person] of people.entries()) person.type(1, 0, ` ${index}`)
  await agree(...people)
  assert.equal(new Set(people.map(({ generation }) => generation)).size, 1)
  const mark = people[11].mark()
  people[0].say('STOP_SCRIPT_EDIT')
  assert.equal((await people[11].hears('ROOM_MEMBERS', mark)).data.members.filter(({ role }) => role === 'viewer').length, 1)
}, { flags: ['--threads', '3'] })

scriptTest('Hazards 8 and 10: lines replaced in one spot, and changed again after a save, are all saved; cues and cuts stay where they were', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  for (const spot of [0, 1, 2]) {
    editor.deleteLine(1, spot)
    editor.addLine(1, spot, `replaced ${spot}`)
    await editor.saves()
    editor.type(1, spot, ' and changed')
    await editor.saves()
    assert.deepEqual((await theatre.storedTexts())[1], editor.texts()[1])
    await theatre.check()
    const again = await theatre.viewer(bob)
    assert.deepEqual(again.texts(), editor.texts())
    assert.deepEqual(again.ids(1), editor.ids(1))
  }
  const { cues, cuts, lines } = await theatre.stored()
  assert.deepEqual(cues.map(({ line_id: line }) => line), [4])
  assert.deepEqual(cuts, [104])
  assert.equal(lines.at(-1).id, 4)
}, { file: tempest(undefined, { cues: [{ id: 1, line_id: 4, label: 'LX 1' }], cuts: [104] }) })

scriptTest('Hazard 12: who leaves, dies or has two windows is shown rightly', async ({ theatre }) => {
  const witness = await theatre.viewer(cleo)
  const [one, two] = [await theatre.viewer(ada), await theatre.viewer(ada)]
  const at = (lineIndex) => ({ payload: base64(Buffer.from(JSON.stringify({ userId: ada, username: 'ada', page: 1, lineIndex }))) })
  one.say('YJS_AWARENESS', at(0))
  two.say('YJS_AWARENESS', at(1))
  await eventually('both to be seen', () => new Set(witness.heard.filter(({ name }) => name === 'YJS_AWARENESS').map(({ data }) => data.member)).size === 2)
  let mark = witness.mark()
  one.leaves()
  let gone = (await witness.hears('YJS_AWARENESS', mark)).data
  assert.deepEqual([gone.member, gone.left, gone.payload], [one.uuid, true, undefined], 'the other window is still there')
  mark = witness.mark()
  await two.die()
  gone = (await witness.hears('YJS_AWARENESS', mark)).data
  assert.equal(gone.member, two.uuid)
  assert.deepEqual(JSON.parse(Buffer.from(gone.payload, 'base64')), { userId: ada, username: 'ada', page: null, lineIndex: null })
  // Who comes later sees nobody who is not there.
  const late = await theatre.viewer(bob)
  await late.answered()
  assert.ok(!late.names().includes('YJS_AWARENESS'))
})

scriptTest('Hazard 13: whoever saw the progress of a save sees its end, also when it fails', async ({ theatre }) => {
  const [one, two] = [await theatre.editor(ada), await theatre.editor(bob)]
  one.addLine(1, 0, 'nobody says this', { character: 0 })
  await agree(one, two)
  const mark = two.mark()
  const heard = await one.saves()
  assert.ok(heard.some(({ name }) => name === 'SAVE_ERROR'))
  await two.hears('SAVE_FAILED', mark)
  // Two saves at once: each has its end.
  two.deleteLine(1, 0)
  await agree(one, two)
  const [first, second] = await Promise.all([one.saves(), two.saves()])
  for (const all of [first, second]) assert.ok(all.some(({ name }) => name === 'SCRIPT_SAVED'))
})

scriptTest('Hazard 14: two people begin a page of two arrays, one of which stays: what is saved is what everybody sees', async ({ theatre }) => {
  const [one, two] = [await theatre.editor(ada), await theatre.editor(bob)]
  one.addLine(2, 1, 'of ada')
  two.addLine(2, 1, 'of bob')
  await agree(one, two)
  assert.deepEqual([...one.texts()[2]].sort(), ['four', 'of ada', 'of bob'])
  await one.saves()
  assert.deepEqual((await theatre.storedTexts())[2], one.texts()[2])
})

scriptTest('Hazard 20: ids and roles that a client claims are not looked at', async ({ theatre }) => {
  const stranger = await theatre.person()
  stranger.say('JOIN_SCRIPT_ROOM', { role: 'editor', user_id: ada, revision_id: 1 })
  assert.deepEqual((await stranger.hears('ROOM_MEMBERS')).data.members, [{ user_id: null, username: 'Unknown', role: 'viewer' }])
})

scriptTest('Hazard 21: a public id takes nothing over, nor does a secret of somebody else, nor one that was used', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  const { editors } = await theatre.config()
  assert.equal(editors[0].internal_id, editor.uuid)
  const { secret } = editor
  const thief = await theatre.person(bob)
  thief.say('REFRESH_CLIENT', editor.uuid)
  thief.say('REFRESH_CLIENT', { resume: editor.uuid })
  thief.say('REFRESH_CLIENT', { resume: secret })
  await thief.answered()
  assert.ok(!thief.names().includes('MODE_RESUMED'))
  await editor.die()
  assert.ok(await editor.comeBack())
  const again = await theatre.person(ada)
  again.say('REFRESH_CLIENT', { resume: secret })
  await again.answered()
  assert.ok(!again.names().includes('MODE_RESUMED'), 'a secret is good once')
})

scriptTest('Hazards 22 and 30: a poisoned document can be edited, mended and saved, and everything that is wrong is told at once', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  const pages = editor.doc.getMap('pages')
  editor.doc.transact(() => {
    editor.page(1).get(0).set('_id', 'inf')
    editor.page(1).get(1).set('line_type', 'dialogue')
    editor.page(1).get(2).delete('parts')
    pages.set('not a page', 7)
  })
  const failed = (await editor.saves()).find(({ name }) => name === 'SAVE_ERROR').data
  assert.ok(failed.problems.length >= 4, JSON.stringify(failed.problems))
  for (const line of [1, 2, 3]) assert.ok(failed.problems.some((problem) => problem.page === 1 && problem.line === line), `line ${line}`)
  assert.ok(failed.problems.some(({ kind }) => kind === 'page-key'))
  editor.doc.transact(() => {
    pages.delete('not a page')
    editor.page(1).get(0).set('_id', '1')
    editor.page(1).get(1).set('line_type', 1)
    editor.page(1).delete(2, 1)
  })
  assert.ok((await editor.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  assert.deepEqual(await theatre.storedTexts(), { 1: ['one', 'two'], 2: ['four'] })
})

scriptTest('Hazards 23 and 24: bad bytes, and sockets that end in the middle of anything, leave the room as it should be', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  for (const text of ['{', '\u0000', '{"OP":"YJS_UPDATE","DATA":7}', '{"OP":"YJS_SYNC","DATA":{"step":2,"payload":"no base64!"}}']) editor.raw(text)
  editor.say('YJS_UPDATE', { payload: base64(Uint8Array.of(255, 255, 255, 255)) })
  editor.say('YJS_SYNC', { step: 1, payload: base64(Uint8Array.of(255, 255, 255, 255)) })
  await editor.answered()
  const brief = []
  for (let i = 0; i < 20; ++i) {
    const person = await theatre.person(bob)
    person.say('REQUEST_SCRIPT_EDIT')
    person.joining()
    person.say('YJS_UPDATE', { payload: 'AAA=' })
    brief.push(person.die())
  }
  await Promise.all(brief)
  const last = await theatre.viewer(cleo)
  await eventually('those who died to be gone', () => last.heard.findLast(({ name }) => name === 'ROOM_MEMBERS').data.members.length <= 2)
  const mark = last.mark()
  editor.type(1, 0, '!')
  await last.hears('YJS_UPDATE', mark)
})

scriptTest('Hazard 25: leaving is like stopping: the last editor takes the room along, and no mode stays', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  const viewer = await theatre.viewer(cleo)
  const mark = viewer.mark()
  editor.leaves()
  await viewer.hears('ROOM_CLOSED', mark)
  assert.deepEqual((await theatre.config()).editors, [])
  // And a viewer who stops closes nothing for others.
  const [one, two] = [await theatre.viewer(cleo), await theatre.viewer(bob)]
  const from = two.mark()
  one.say('STOP_SCRIPT_EDIT')
  await one.answered()
  await two.answered()
  assert.ok(!two.names(from).includes('ROOM_CLOSED'))
})

scriptTest('Hazard 26: what was said to be stored is there after kill -9, and after an orderly end', async ({ theatre, server }) => {
  let editor = await theatre.editor(ada)
  for (const end of ['crash', 'stop']) {
    editor.type(1, 0, ` before ${end}`)
    await editor.isStored()
    const expected = editor.texts()
    await server[end]()
    await server.start()
    assert.equal(await theatre.hasDraft(), true)
    editor = await theatre.editor(ada)
    assert.deepEqual(editor.texts(), expected)
  }
})

scriptTest('Hazard 26: kill -9 in the middle of a save leaves either all of it or nothing, and the document agrees with the rows', async ({ theatre, server }) => {
  for (let round = 0; round < 8; ++round) {
    const editor = await theatre.editor(ada)
    const before = await theatre.storedTexts()
    editor.addLine(1, 0, `round ${round}`)
    await editor.isStored()
    const after = editor.texts()
    const mark = editor.mark()
    editor.say('SAVE_SCRIPT_DRAFT')
    // At another moment each time: at once, with the progress, with the patch, or at the end.
    const moment = [undefined, 'SAVE_PROGRESS', 'YJS_UPDATE', 'SCRIPT_SAVED'][round % 4]
    if (moment !== undefined) await editor.hears(moment, mark)
    await server.crash()
    await server.start()
    await theatre.check()
    const stored = await theatre.storedTexts()
    const draft = await theatre.hasDraft()
    assert.deepEqual(stored, draft ? before : after, `round ${round}`)
    if (moment === 'YJS_UPDATE' || moment === 'SCRIPT_SAVED') assert.equal(draft, false, 'what was told is stored')
    const again = await theatre.editor(bob)
    assert.deepEqual(again.texts(), after)
    assert.ok((await again.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
    assert.deepEqual(await theatre.storedTexts(), after)
    assert.equal(new Set((await theatre.stored()).lines.map(({ id }) => id)).size, (await theatre.stored()).lines.length)
  }
})

scriptTest('Hazard 27: what was done offline comes back, deletions too, also over a server that was killed', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  await server.crash()
  await editor.die()
  editor.type(1, 0, ' offline')
  editor.addLine(2, 1, 'offline')
  editor.deleteLine(1, 2)
  const expected = editor.texts()
  await server.start()
  await editor.comeBack()
  await editor.edits()
  await editor.joins()
  await editor.isStored()
  assert.equal(editor.refused, 0)
  const witness = await theatre.viewer(cleo)
  await agree(witness, editor)
  assert.deepEqual(witness.texts(), expected)
})

scriptTest('Hazard 28: while the disk waits the loop does not: presence, modes, HTTP and other rooms go on; what depends on the edit follows', async ({ theatre, disk }) => {
  const editor = await theatre.editor(ada)
  const viewer = await theatre.viewer(cleo)
  const elsewhere = await theatre.viewer(root, { dialect: 'seed', revision: 1 })
  const late = await theatre.person(bob)
  const mark = viewer.mark()
  disk.wait()
  editor.type(1, 0, ' for the disk')
  editor.say('YJS_AWARENESS', { payload: base64(Buffer.from(JSON.stringify({ userId: ada, username: 'ada', page: 1, lineIndex: 0 }))) })
  await viewer.hears('YJS_AWARENESS', mark)
  await late.edits()
  assert.deepEqual((await theatre.config()).editors.map(({ username }) => username).sort(), ['ada', 'bob'])
  const from = elsewhere.mark()
  elsewhere.say('YJS_SYNC', { step: 1, payload: base64(Uint8Array.of(0)) })
  assert.equal((await elsewhere.hears('YJS_SYNC', from)).data.step, 2)
  const beside = await theatre.viewer(cleo, { dialect: 'seed', revision: 1 })
  assert.equal(beside.texts()[1][0], 'one')
  // Nobody is told what is not kept: not by the edit, not by an answer.
  viewer.say('YJS_SYNC', { step: 1, payload: base64(Uint8Array.of(0)) })
  late.joining()
  await Promise.all([viewer.answered(), late.answered(), editor.answered()])
  assert.equal(editor.stored, 0)
  assert.equal(viewer.texts()[1][0], 'one')
  assert.ok(!late.names().includes('YJS_SYNC'))
  disk.goOn()
  await editor.isStored()
  await agree(editor, viewer, late)
  assert.equal(late.texts()[1][0], 'one for the disk')
}, { slowDisk: true, file: twoRevisions() })

scriptTest('Hazard 34: the last editor dies and comes back in time: the mode stays, nobody is sent away', async ({ theatre }) => {
  const editor = await theatre.editor(ada)
  const viewer = await theatre.viewer(cleo)
  const mark = viewer.mark()
  await editor.die()
  editor.type(1, 0, ' in the tunnel')
  assert.ok(await editor.comeBack())
  await editor.joins()
  await agree(editor, viewer)
  assert.deepEqual((await viewer.heard.findLast(({ name }) => name === 'ROOM_MEMBERS')).data.members.map(({ username, role }) => [username, role]), [['cleo', 'viewer'], ['ada', 'editor']])
  assert.ok(!viewer.names(mark).includes('ROOM_CLOSED'))
})

scriptTest('rooms of scripts are open to no other dialect, and to nobody who writes through the API', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  const room = 'script/1/revision/1'
  const { default: WebSocket } = await import('ws')
  const closed = await new Promise((resolve, reject) => {
    const socket = new WebSocket(`${server.websocketUrl()}/${room}`)
    socket.once('close', (code) => resolve(code))
    socket.once('error', reject)
  })
  assert.equal(closed, 4403)
  const path = `/api/rooms/${encodeURIComponent(room)}`
  const writes = [
    ['POST', '/update'], ['POST', '/edits', {}], ['POST', '/restore', { version: 'x' }], ['PUT', '/versions/x', {}],
    ['POST', '/freeze', {}], ['DELETE', '']
  ]
  for (const [method, at, body] of writes) {
    assert.equal((await theatre.call(method, path + at, { body })).status, 403, `${method} ${at}`)
  }
  editor.type(1, 0, '!')
  await editor.isStored()
  assert.equal(editor.refused, 0)
})
