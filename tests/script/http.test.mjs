// The HTTP calls of the script application beside its socket: section M of the behaviours that are asked of the
// system and what N says of revisions, each test named by its number; live sessions; and what must not come in between.

import assert from 'node:assert/strict'
import WebSocket from 'ws'
import { eventually } from '../interop/eventually.mjs'
import { send } from '../api/description.mjs'
import { appending, sampleFile, scriptTest } from './http_world.mjs'

/** Sends requests as one user; the answers have `json`. */
const caller = (context, user) => async (method, path, body) => {
  const headers = user === undefined ? {} : await context.bearer(user)
  const answer = await send(context.server, method, `/api/v1/${path}`, { headers, body })
  const text = answer.body.toString()
  return { ...answer, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** A test whose body has `ada`, which calls as that user, and `config()`. */
const httpTest = (name, body, setup) =>
  scriptTest(
    name,
    (context) => {
      const ada = caller(context, 'ada')
      const config = async () => (await ada('GET', 'show/script/config')).json
      return body({ ...context, ada, config, as: (user) => caller(context, user) })
    },
    setup
  )

function refused(answer, code, words) {
  assert.equal(answer.status, 409, answer.text)
  assert.deepEqual(answer.json.blockers.map((blocker) => blocker.code), [code])
  assert.ok(answer.json.message.includes(words), `"${answer.json.message}" does not say "${words}"`)
}

/** Edits the current revision's first line, and leaves nobody in the room: a draft stays. */
async function leaveDraft({ person, config }, data = {}) {
  const bob = await person('bob')
  await bob.edits()
  await bob.joins(data)
  await bob.writes(appending(' and more'))
  bob.dispose()
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

httpTest('134: config lists an editor with its internal id and its name', async ({ person, config }) => {
  const bob = await person('bob')
  await bob.edits()
  assert.deepEqual((await config()).editors, [{ internal_id: bob.id, username: 'bob', user_id: 2 }])
})

httpTest('135: config lists a cutter', async ({ person, config }) => {
  const bob = await person('bob')
  bob.say('REQUEST_SCRIPT_CUTS')
  await bob.hears('GET_SCRIPT_CONFIG_STATUS')
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
  { file: { users: sampleFile().users.map((user) => ({ ...user, roles: {} })), shows: [] } }
)

httpTest('138: a page is changed without a draft and without a room', async ({ ada, person }) => {
  const eve = await person('eve')
  const { status, json } = await ada('PATCH', 'show/script?page=1', { lines: [kLine] })
  assert.equal(status, 200)
  assert.deepEqual(json.lines.map((line) => line.id), [6])
  await eve.hears('GET_SCRIPT_METADATA')
  await eve.joins()
  assert.deepEqual(eve.texts(), ['over HTTP'], 'who joins gets it')
})

httpTest('139: a page is not changed with a draft', async (context) => {
  await leaveDraft(context)
  const { ada } = context
  for (const [method, page] of [['PATCH', 1], ['POST', 9]]) {
    refused(await ada(method, `show/script?page=${page}`, { lines: [kLine] }), 'unsaved-draft', 'collaborative edit in progress')
  }
  refused(await ada('PUT', 'show/script/cuts', { cuts: [101] }), 'unsaved-draft', 'collaborative edit in progress')
})

httpTest('140: a page is not changed with somebody in the room, before anything was edited', async ({ ada, person }) => {
  const eve = await person('eve')
  await eve.joins()
  refused(await ada('PATCH', 'show/script?page=1', { lines: [kLine] }), 'occupied', 'collaborative edit in progress')
  refused(await ada('PUT', 'show/script/cuts', { cuts: [101] }), 'occupied', 'collaborative edit in progress')
})

httpTest('141: a page is changed with an empty room', async ({ ada, person, config }) => {
  const eve = await person('eve')
  await eve.joins()
  eve.say('LEAVE_SCRIPT_ROOM')
  await eventually('the room to be empty', async () => (await config()).members === 0)
  assert.equal((await ada('PATCH', 'show/script?page=1', { lines: [kLine] })).status, 200)
  await eve.joins()
  assert.deepEqual(eve.texts(), ['over HTTP'], 'a room without a draft is made anew')
})

httpTest('142, 143: revisions say which has a draft, and which somebody is in', async (context) => {
  const { ada, person } = context
  const marks = async () => (await ada('GET', 'show/script/revisions')).json.revisions.map((one) => one.has_draft)
  await ada('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  assert.deepEqual(await marks(), [false, false])
  await leaveDraft(context)
  assert.deepEqual(await marks(), [true, false])
  const eve = await person('eve')
  await eve.joins({ revision_id: 2 })
  assert.deepEqual(await marks(), [true, true])
})

httpTest('144, 145: another revision is loaded once nobody is in the current one', async ({ ada, person, config }) => {
  await ada('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  const eve = await person('eve')
  await eve.joins()
  refused(await ada('POST', 'show/script/revisions/current', { new_rev_id: 2 }), 'occupied', 'collaborative edit session')
  eve.say('LEAVE_SCRIPT_ROOM')
  await eventually('the room to be empty', async () => (await config()).members === 0)
  eve.forget()
  assert.equal((await ada('POST', 'show/script/revisions/current', { new_rev_id: 2 })).status, 200)
  await eve.hears('GET_SCRIPT_REVISIONS')
  assert.equal((await ada('GET', 'show/script/revisions')).json.current_revision, 2)
})

httpTest('146: a revision with a draft is not branched', async (context) => {
  await leaveDraft(context)
  const made = await context.ada('POST', 'show/script/revisions', { parent_revision_id: 1, description: 'x' })
  refused(made, 'unsaved-draft', 'active room or unsaved draft')
})

httpTest('147: a revision with somebody in its room is not branched', async ({ ada, person }) => {
  const eve = await person('eve')
  await eve.joins()
  refused(await ada('POST', 'show/script/revisions', { description: 'x' }), 'occupied', 'active room or unsaved draft')
})

httpTest('148: a revision with a draft is not deleted', async (context) => {
  const { ada } = context
  await ada('POST', 'show/script/revisions', { description: 'a branch' })
  await leaveDraft(context)
  refused(await ada('DELETE', 'show/script/revisions?rev_id=2'), 'unsaved-draft', 'active room or unsaved draft')
  assert.equal((await ada('DELETE', 'show/script/draft')).status, 200)
  assert.equal((await ada('DELETE', 'show/script/revisions?rev_id=2')).status, 200)
  assert.equal((await ada('GET', 'show/script/revisions')).json.current_revision, 1, 'the parent')
})

httpTest('149: a revision with somebody in its room is not deleted', async ({ ada, person }) => {
  await ada('POST', 'show/script/revisions', { description: 'a branch' })
  const eve = await person('eve')
  await eve.joins()
  refused(await ada('DELETE', 'show/script/revisions?rev_id=2'), 'occupied', 'active room or unsaved draft')
})

httpTest('154: lines are read in the order that they were written in, whatever their ids', async ({ ada }) => {
  const { lines } = (await ada('GET', 'show/script?page=1')).json
  for (const order of [[2, 1, 0], [1, 2, 0], [0, 2, 1]]) {
    const wanted = order.map((place) => lines[place])
    const { json } = await ada('PATCH', 'show/script?page=1', { lines: wanted })
    assert.deepEqual(json.lines, wanted)
  }
})

httpTest('155: a branch has every line of its parent, and none else', async ({ ada, as }) => {
  await ada('POST', 'show/script/revisions', { description: 'a branch', set_as_current: false })
  const [parent, branch] = await Promise.all([1, 2].map((id) => as()('GET', `show/script/compiled?rev_id=${id}`)))
  assert.deepEqual(branch.json, parent.json)
  assert.deepEqual(Object.keys(branch.json), ['1', '2', '3'])
  const { json } = await as()('GET', 'show/script/revisions/diff?from=1&to=2')
  assert.deepEqual([json.added, json.removed, json.changed, json.moved], [[], [], [], []])
})

httpTest('a draft is validated, discarded over HTTP, and does not come back', async (context) => {
  const { ada, config, person } = context
  const bob = await person('bob')
  await bob.edits()
  await bob.joins()
  await bob.writes((doc) => doc.getMap('pages').get('1').get(0).set('line_type', 'nonsense'))
  const checked = await ada('POST', 'show/script/validate')
  assert.deepEqual(checked.json.problems.map(({ page, line, field }) => [page, line, field]), [[1, 1, 'line_type']])
  bob.forget()
  assert.equal((await ada('DELETE', 'show/script/draft')).status, 200)
  await bob.hears('ROOM_CLOSED')
  await bob.hears('GET_SCRIPT_REVISIONS')
  assert.equal((await config()).hasDraft, false)
  await bob.joins()
  assert.deepEqual(bob.texts(), ['one', 'two', 'three'])
  assert.equal((await ada('POST', 'show/script/validate')).json.valid, true)
})

httpTest('a live session freezes editing, and a crash does not end it', async ({ ada, as, person, server }) => {
  const bob = await person('bob')
  await bob.edits()
  await bob.joins()
  const eve = await person('eve')
  assert.equal((await as('eve')('POST', 'show/sessions/start')).status, 403)
  assert.equal((await ada('POST', 'show/sessions/start')).status, 201)
  await eve.hears('GET_SHOW_SESSION_DATA')
  await assert.rejects(bob.writes(appending('!')), /live session/)
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
      const { status, json } = await ada(...attempt)
      assert.deepEqual([status, json.blockers[0].code], [409, 'frozen'], attempt.join(' '))
    }
  }
  await frozen()
  await server.crash()
  await server.start()
  await frozen()
  const session = (await as()('GET', 'show/sessions/current')).json
  assert.deepEqual([session.live, session.session.started_by.username], [true, 'ada'])
  const again = await person('bob')
  again.say('REQUEST_SCRIPT_EDIT')
  assert.match((await again.hears('REQUEST_EDIT_FAILURE')).DATA.reason, /live session/)
  assert.equal((await ada('POST', 'show/sessions/stop')).status, 200)
  await again.edits()
})

httpTest('another show is loaded, and those in the room of the old one leave it', async ({ as, person }) => {
  const eve = await person('eve')
  await eve.joins()
  eve.forget()
  assert.equal((await as('ada')('POST', 'show?load=true', { id: 2 })).status, 403)
  assert.equal((await as('root')('POST', 'show?load=true', { id: 2 })).status, 200)
  await eve.hears('ROOM_CLOSED')
  await eve.hears('SHOW_CHANGED')
  assert.equal((await as()('GET', 'show')).json.name, 'Twelfth Night')
})

httpTest('the room of a revision is entered through the application alone', async ({ server, person, own }) => {
  const eve = await person('eve')
  await eve.joins()
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

httpTest('who joins while a call replaces lines gets what is stored, and can save it', async ({ ada, person }) => {
  const bob = await person('bob')
  await bob.edits()
  for (let round = 1; round <= 15; ++round) {
    const line = { ...kLine, line_parts: [{ character_id: 21, line_text: `round ${round}` }] }
    bob.forget()
    const [{ status }] = await Promise.all([ada('PATCH', 'show/script?page=1', { lines: [line] }), bob.joins()])
    assert.ok(status === 200 || status === 409)
    const { json } = await ada('GET', 'show/script?page=1')
    assert.deepEqual(bob.texts(), json.lines.map((one) => one.line_parts[0].line_text), 'the document is what is stored')
    await bob.writes(appending('.'))
    bob.forget()
    bob.say('SAVE_SCRIPT_DRAFT')
    await bob.hears('SCRIPT_SAVED')
    bob.say('LEAVE_SCRIPT_ROOM')
    await bob.edits()
  }
}, { timeoutMs: 60_000 })
