// The HTTP calls of the script application beside its socket: section M of the behaviours that are asked of the
// system and what N says of revisions, each test named by its number; live sessions; and what must not come in between.

import assert from 'node:assert/strict'
import WebSocket from 'ws'
import { eventually } from '../interop/eventually.mjs'
import { send } from '../api/description.mjs'
import { ada, bearer, bob, cleo, repertory, root, scriptTest } from './script_server.mjs'

/** Sends requests as a user; the answers have `json`. */
const caller = (server, user) => async (method, path, body) => {
  const headers = user === undefined ? {} : bearer(user)
  const answer = await send(server, method, `/api/v1/${path}`, { headers, body })
  const text = answer.body.toString()
  return { ...answer, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** A test whose body has `call`, which Ada calls by, `as(user)` for others, and `config()`. */
const httpTest = (name, body, setup) =>
  scriptTest(
    name,
    (context) => {
      const as = (user) => caller(context.server, user)
      return body({ ...context, call: as(ada), as, config: () => context.theatre.config() })
    },
    { file: repertory(), ...setup }
  )

function refused(answer, code, words) {
  assert.equal(answer.status, 409, answer.text)
  assert.deepEqual(answer.json.blockers.map((blocker) => blocker.code), [code])
  assert.ok(answer.json.message.includes(words), `"${answer.json.message}" does not say "${words}"`)
}

/** Edits the current revision's first line, and leaves nobody in the room: a draft stays. */
async function leaveDraft({ theatre, config }) {
  const writer = await theatre.editor(bob)
  await writer.writes(() => writer.type(1, 0, ' and more'))
  await writer.dispose()
  await eventually('the editor to be gone', async () => {
    const { editors, members } = await config()
    return editors.length === 0 && members === 0
  }, { withinMs: 30_000 })
}

const kLine = { line_type: 1, act_id: 1, scene_id: 11, line_parts: [{ character_id: 21, line_text: 'over HTTP' }] }

httpTest('133: config has empty lists and no draft', async ({ as }) => {
  const { status, json } = await as()('GET', 'show/script/config')
  assert.equal(status, 200)
  assert.deepEqual([json.editors, json.cutters, json.hasDraft], [[], [], false])
})

httpTest('134: config lists an editor with its internal id and its name', async ({ theatre, config }) => {
  const editor = await theatre.person(bob)
  await editor.edits()
  assert.deepEqual((await config()).editors, [{ internal_id: editor.uuid, username: 'bob', user_id: bob }])
})

httpTest('44: config names the room that somebody is in, and none without anybody', async ({ theatre, config }) => {
  const room = async () => {
    const { room: name, members } = await config()
    return [name, members]
  }
  assert.deepEqual(await room(), [null, 0])
  const viewer = await theatre.viewer(cleo)
  assert.deepEqual(await room(), ['script/1/revision/1', 1])
  viewer.leaves()
  await viewer.answered()
  assert.deepEqual(await room(), [null, 0])
})

httpTest('135: config lists a cutter', async ({ theatre, config }) => {
  await (await theatre.person(bob)).asksFor('REQUEST_SCRIPT_CUTS')
  assert.deepEqual((await config()).cutters.map((one) => one.username), ['bob'])
})

httpTest('136: config tells of a draft', async (context) => {
  await leaveDraft(context)
  const config = await context.config()
  assert.equal(config.hasDraft, true)
})

httpTest(
  '137: config without a show is 400',
  async ({ as }) => {
    const { status, json } = await as()('GET', 'show/script/config')
    assert.equal(status, 400)
    assert.equal(json.message, 'No show loaded')
  },
  { file: { users: repertory().users.map((user) => ({ ...user, roles: {} })), shows: [] } }
)

httpTest('138: a page is changed without a draft and without a room', async ({ call, theatre }) => {
  const viewer = await theatre.person(cleo)
  const { status, json } = await call('PATCH', 'show/script?page=1', { lines: [kLine] })
  assert.equal(status, 200)
  assert.deepEqual(json.lines.map((line) => line.id), [6])
  await viewer.hears('GET_SCRIPT_METADATA')
  await viewer.joins()
  assert.deepEqual(viewer.texts()[1], ['over HTTP'], 'who joins gets it')
})

httpTest('139: a page is not changed with a draft', async (context) => {
  await leaveDraft(context)
  const { call } = context
  for (const [method, page] of [['PATCH', 1], ['POST', 9]]) {
    refused(await call(method, `show/script?page=${page}`, { lines: [kLine] }), 'unsaved-draft', 'collaborative edit in progress')
  }
  refused(await call('PUT', 'show/script/cuts', { cuts: [101] }), 'unsaved-draft', 'collaborative edit in progress')
})

httpTest('140: a page is not changed with somebody in the room, before anything was edited (hazard 19)', async ({ call, theatre }) => {
  await theatre.viewer(cleo)
  refused(await call('PATCH', 'show/script?page=1', { lines: [kLine] }), 'occupied', 'collaborative edit in progress')
  refused(await call('PUT', 'show/script/cuts', { cuts: [101] }), 'occupied', 'collaborative edit in progress')
})

httpTest('141: a page is changed with an empty room', async ({ call, theatre, config }) => {
  const viewer = await theatre.viewer(cleo)
  viewer.leaves()
  await eventually('the room to be empty', async () => (await config()).members === 0)
  assert.equal((await call('PATCH', 'show/script?page=1', { lines: [kLine] })).status, 200)
  await viewer.joins()
  assert.deepEqual(viewer.texts()[1], ['over HTTP'], 'a room without a draft is made anew')
})

httpTest('142, 143: revisions say which has a draft, and which somebody is in', async (context) => {
  const { call, theatre } = context
  const marks = async () => (await call('GET', 'show/script/revisions')).json.revisions.map((one) => one.has_draft)
  await call('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  assert.deepEqual(await marks(), [false, false])
  await leaveDraft(context)
  assert.deepEqual(await marks(), [true, false])
  await theatre.viewer(cleo, { dialect: 'seed', revision: 2 })
  assert.deepEqual(await marks(), [true, true])
})

httpTest('144, 145: another revision is loaded once nobody is in the current one', async ({ call, theatre, config }) => {
  await call('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  const viewer = await theatre.viewer(cleo)
  refused(await call('POST', 'show/script/revisions/current', { new_rev_id: 2 }), 'occupied', 'collaborative edit session')
  viewer.leaves()
  await eventually('the room to be empty', async () => (await config()).members === 0)
  const mark = viewer.mark()
  assert.equal((await call('POST', 'show/script/revisions/current', { new_rev_id: 2 })).status, 200)
  await viewer.hears('GET_SCRIPT_REVISIONS', mark)
  assert.equal((await call('GET', 'show/script/revisions')).json.current_revision, 2)
})

httpTest('146: a revision with a draft is not branched', async (context) => {
  await leaveDraft(context)
  const made = await context.call('POST', 'show/script/revisions', { parent_revision_id: 1, description: 'x' })
  refused(made, 'unsaved-draft', 'active room or unsaved draft')
})

httpTest('147: a revision with somebody in its room is not branched', async ({ call, theatre }) => {
  await theatre.viewer(cleo)
  refused(await call('POST', 'show/script/revisions', { description: 'x' }), 'occupied', 'active room or unsaved draft')
})

httpTest('148: a revision with a draft is not deleted', async (context) => {
  const { call } = context
  await call('POST', 'show/script/revisions', { description: 'a branch' })
  await leaveDraft(context)
  refused(await call('DELETE', 'show/script/revisions?rev_id=2'), 'unsaved-draft', 'active room or unsaved draft')
  assert.equal((await call('DELETE', 'show/script/draft')).status, 200)
  assert.equal((await call('DELETE', 'show/script/revisions?rev_id=2')).status, 200)
  assert.equal((await call('GET', 'show/script/revisions')).json.current_revision, 1, 'the parent')
})

httpTest('149: a revision with somebody in its room is not deleted', async ({ call, theatre }) => {
  await call('POST', 'show/script/revisions', { description: 'a branch' })
  await theatre.viewer(cleo)
  refused(await call('DELETE', 'show/script/revisions?rev_id=2'), 'occupied', 'active room or unsaved draft')
})

httpTest('154: lines are read in the order that they were written in, whatever their ids', async ({ call }) => {
  const { lines } = (await call('GET', 'show/script?page=1')).json
  for (const order of [[2, 1, 0], [1, 2, 0], [0, 2, 1]]) {
    const wanted = order.map((place) => lines[place])
    const { json } = await call('PATCH', 'show/script?page=1', { lines: wanted })
    assert.deepEqual(json.lines, wanted)
  }
})

httpTest('155: a branch has every line of its parent, and none else', async ({ call, as }) => {
  await call('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  const [parent, branch] = await Promise.all([1, 2].map((id) => as()('GET', `show/script/compiled?rev_id=${id}`)))
  assert.deepEqual(branch.json, parent.json)
  assert.deepEqual(Object.keys(branch.json), ['1', '2', '3'])
  const { json } = await as()('GET', 'show/script/revisions/diff?from=1&to=2')
  assert.deepEqual([json.added, json.removed, json.changed, json.moved], [[], [], [], []])
})

httpTest('a draft is validated, discarded over HTTP, and does not come back', async (context) => {
  const { call, config, theatre } = context
  const editor = await theatre.editor(bob)
  await editor.writes(() => editor.page(1).get(0).set('line_type', 'nonsense'))
  const checked = await call('POST', 'show/script/validate')
  assert.deepEqual(checked.json.problems.map(({ page, line, field }) => [page, line, field]), [[1, 1, 'line_type']])
  const mark = editor.mark()
  assert.equal((await call('DELETE', 'show/script/draft')).status, 200)
  await editor.hears('ROOM_CLOSED', mark)
  await editor.hears('GET_SCRIPT_REVISIONS', mark)
  assert.equal((await config()).hasDraft, false)
  await editor.joins()
  assert.deepEqual(editor.texts()[1], ['one', 'two', 'three'])
  assert.equal((await call('POST', 'show/script/validate')).json.valid, true)
})

httpTest('a live session freezes editing, and a crash does not end it', async ({ call, as, theatre, server }) => {
  const editor = await theatre.editor(bob)
  const viewer = await theatre.person(cleo)
  assert.equal((await as(cleo)('POST', 'show/sessions/start')).status, 403)
  assert.equal((await call('POST', 'show/sessions/start')).status, 201)
  await viewer.hears('GET_SHOW_SESSION_DATA')
  await assert.rejects(editor.writes(() => editor.type(1, 0, '!')), /live session/)
  const frozen = async () => {
    const attempts = [
      ['PATCH', 'show/script?page=1', { lines: [kLine] }],
      ['PUT', 'show/script/cuts', { cuts: [] }],
      ['POST', 'show/cues', { line_id: 1, label: 'LX 1' }],
      ['POST', 'show/script/revisions', { description: 'x' }],
      ['POST', 'show/script/revisions/current', { new_rev_id: 1 }],
      ['DELETE', 'show/script/draft'],
      ['POST', 'show/sessions/start']
    ]
    for (const attempt of attempts) {
      const { status, json } = await call(...attempt)
      assert.deepEqual([status, json.blockers[0].code], [409, 'frozen'], attempt.join(' '))
    }
  }
  await frozen()
  await server.crash()
  await server.start()
  await frozen()
  const session = (await as()('GET', 'show/sessions/current')).json
  assert.deepEqual([session.live, session.session.started_by.username], [true, 'ada'])
  const again = await theatre.person(bob)
  assert.match(await again.asksFor('REQUEST_SCRIPT_EDIT'), /live session/)
  assert.equal((await call('POST', 'show/sessions/stop')).status, 200)
  await again.edits()
})

httpTest('another show is loaded, and those in the room of the old one leave it', async ({ as, theatre }) => {
  const viewer = await theatre.viewer(cleo)
  assert.equal((await as(ada)('POST', 'show?load=true', { id: 2 })).status, 403)
  assert.equal((await as(root)('POST', 'show?load=true', { id: 2 })).status, 200)
  await viewer.hears('ROOM_CLOSED')
  await viewer.hears('SHOW_CHANGED')
  assert.equal((await as()('GET', 'show')).json.name, 'Twelfth Night')
})

httpTest('Hazard 32: another show is not loaded over a draft, nobody leaves its room, and the draft stays until somebody ends it', async (context) => {
  const { as, config, theatre } = context
  await leaveDraft(context)
  const viewer = await theatre.viewer(cleo)
  const mark = viewer.mark()
  refused(await as(root)('POST', 'show?load=true', { id: 2 }), 'unsaved-draft', 'draft')
  await viewer.answered()
  assert.deepEqual(viewer.names(mark).filter((name) => name === 'ROOM_CLOSED' || name === 'SHOW_CHANGED'), [])
  assert.equal((await config()).hasDraft, true)
  assert.equal((await theatre.viewer(bob)).texts()[1][0], 'one and more')
  const writer = await theatre.editor(bob)
  await writer.saves()
  assert.equal((await as(root)('POST', 'show?load=true', { id: 2 })).status, 200)
  assert.equal((await theatre.storedTexts())[1][0], 'one and more')
})

httpTest('the room of a revision is entered through the application alone', async ({ server, theatre, own }) => {
  await theatre.viewer(cleo)
  const room = 'script/1/revision/1'
  const stranger = new WebSocket(`${server.websocketUrl()}/${room}`)
  own({ dispose: () => stranger.terminate() })
  const code = await new Promise((resolve) => stranger.once('close', resolve))
  assert.equal(code, 4403)
  for (const [method, path] of [['GET', '/text'], ['POST', '/edits'], ['DELETE', '']]) {
    const body = method === 'POST' ? { actions: [] } : undefined
    const { status } = await send(server, method, `/api/rooms/${encodeURIComponent(room)}${path}`, { body })
    assert.equal(status, 403, `${method} ${path}`)
  }
  const other = new WebSocket(`${server.websocketUrl()}/another`)
  own({ dispose: () => other.terminate() })
  await new Promise((resolve) => other.once('message', resolve))
})

httpTest('who joins while a call replaces lines gets what is stored, and can save it', async ({ call, theatre }) => {
  const editor = await theatre.person(bob)
  await editor.edits()
  for (let round = 1; round <= 15; ++round) {
    const line = { ...kLine, line_parts: [{ character_id: 21, line_text: `round ${round}` }] }
    const [{ status }] = await Promise.all([call('PATCH', 'show/script?page=1', { lines: [line] }), editor.joins()])
    assert.ok(status === 200 || status === 409)
    const { json } = await call('GET', 'show/script?page=1')
    assert.deepEqual(editor.texts()[1], json.lines.map((one) => one.line_parts[0].line_text), 'the document is what is stored')
    editor.type(1, 0, '.')
    assert.ok((await editor.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
    editor.leaves()
    await editor.edits()
  }
}, { timeoutMs: 60_000 })

httpTest('a save is told on the general event stream: progress and one end under its number, for who may read the room', async ({ theatre, server }) => {
  const editor = await theatre.editor(ada)
  await editor.writes(() => editor.type(1, 0, ' and more'))
  const stop = new AbortController()
  const stream = await fetch(server.httpUrl('/api/events?room=script/1/revision/1'), { signal: stop.signal })
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader()
  let heard = (await reader.read()).value
  assert.ok((await editor.saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  while (!heard.includes('event: draft.saved\n')) heard += (await reader.read()).value
  stop.abort()
  const ofIt = [...heard.matchAll(/^event: (publish\.\w+|draft\.saved)\ndata: (.*)$/gm)].map(([, event, data]) => [event, JSON.parse(data)])
  assert.deepEqual([...new Set(ofIt.map(([event]) => event))], ['publish.progress', 'draft.saved'])
  assert.ok(ofIt[0][1].publish > 0)
  for (const [, { publish }] of ofIt) assert.equal(publish, ofIt[0][1].publish)
  const steps = ofIt.slice(0, -1).map(([, { done, total }]) => done / total)
  assert.deepEqual(steps, [...steps].sort((a, b) => a - b))
})
