// A `weft serve --script` with The Tempest in it, and what stands in its rows.

import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serverTest } from '../interop/weft_server.mjs'
import { Person } from './script_person.mjs'

const run = promisify(execFile)
const kSecret = 'a secret that only the tests of scripts know'

/** Users: ada and bob write, cleo reads, root is admin and has no role. */
export const ada = 1
export const bob = 2
export const cleo = 3
export const root = 4

const line = (id, page, text) => ({
  id,
  page,
  act_id: 1,
  scene_id: 11,
  line_type: 1,
  stage_direction_style_id: null,
  parts: [{ id: 100 + id, part_index: 0, character_id: 21, character_group_id: null, text }]
})

/** `texts` is a list of pages, each a list of texts that Miranda says; `shows` are further shows. */
export function tempest(texts = [['one', 'two', 'three'], ['four']], { cues = [], cuts = [], revisions, shows = [] } = {}) {
  let id = 0
  const lines = texts.flatMap((page, index) => page.map((text) => line(++id, index + 1, text)))
  return {
    users: [
      { id: ada, username: 'ada', admin: false, roles: { 1: 'write' } },
      { id: bob, username: 'bob', admin: false, roles: { 1: 'write' } },
      { id: cleo, username: 'cleo', admin: false, roles: { 1: 'read' } },
      { id: root, username: 'root', admin: true, roles: {} }
    ],
    shows: [{
      id: 1,
      name: 'The Tempest',
      acts: [{ id: 1, name: 'Act I' }],
      scenes: [{ id: 11, act_id: 1, name: 'On a ship' }],
      characters: [{ id: 21, name: 'Miranda' }, { id: 22, name: 'Prospero' }],
      character_groups: [{ id: 31, name: 'Mariners', characters: [21, 22] }],
      stage_direction_styles: [{ id: 41, name: 'Italic' }],
      script: {
        mode: 'full',
        revisions: revisions ?? [{ id: 1, parent: null, description: 'First', current: true, lines, cues, cuts }]
      }
    }, ...shows]
  }
}

/** Three pages, and another show without a line. */
export function repertory() {
  const empty = { id: 1, parent: null, description: 'First', current: true, lines: [], cues: [], cuts: [] }
  return tempest([['one', 'two', 'three'], ['four'], ['five']], { shows: [{ id: 2, name: 'Twelfth Night', acts: [], scenes: [], characters: [], character_groups: [], stage_direction_styles: [], script: { revisions: [empty] } }] })
}

/** Two revisions, of which the second is current. */
export function twoRevisions() {
  const first = tempest([['one', 'two', 'three'], ['four']]).shows[0].script.revisions[0]
  return tempest([], {
    revisions: [{ ...first, current: false }, { ...first, id: 2, parent: 1, description: 'Second', current: true }]
  })
}

/** Headers of HTTP that say who somebody is. */
export const bearer = (user) => ({ Authorization: `Bearer ${tokenOf(user)}` })

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function tokenOf(user, claims = {}) {
  const text = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded({ user_id: user, ...claims })}`
  return `${text}.${createHmac('sha256', kSecret).update(text).digest('base64url')}`
}

class Theatre {
  constructor({ server, own, directory }) {
    this.server = server
    this.own = own
    this.directory = directory
    this.secretFile = join(directory, 'secret')
  }

  get url() {
    return `${this.server.websocketUrl()}/api/v1/ws`
  }

  async weft(...args) {
    const { stdout } = await run(process.env.WEFT_BINARY, args, { maxBuffer: 1 << 28 })
    return stdout
  }

  async import(file) {
    const path = join(this.directory, 'import.json')
    writeFileSync(path, JSON.stringify(file))
    await this.weft('script', 'import', path, '--data', this.server.dataDirectory)
  }

  /** Somebody at the socket: known when there is a user, greeted in any case. */
  async person(user, options = {}) {
    const person = this.own(new Person({ url: this.url, token: user === undefined ? '' : tokenOf(user), ...options }))
    await person.come()
    return person
  }

  /** Somebody who is in the room, in edit mode. */
  async editor(user, options = {}) {
    const person = await this.person(user, options)
    await person.edits()
    await person.joins()
    return person
  }

  async viewer(user, options = {}) {
    const person = await this.person(user, options)
    await person.joins()
    return person
  }

  async call(method, path, { user, token = user === undefined ? '' : tokenOf(user), body } = {}) {
    const response = await fetch(this.server.httpUrl(path), {
      method,
      headers: {
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' })
      },
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const text = await response.text()
    let json
    try {
      json = JSON.parse(text)
    } catch {
      json = undefined
    }
    return { status: response.status, json, text }
  }

  async config() {
    return (await this.call('GET', '/api/v1/show/script/config')).json
  }

  async hasDraft() {
    return (await this.config()).hasDraft
  }

  async startSession() {
    const { status, text } = await this.call('POST', '/api/v1/show/sessions/start', { user: ada })
    if (status !== 201) throw new Error(`the session did not start: ${status} ${text}`)
  }

  /** A revision as its rows have it. */
  async stored(id = 1) {
    const all = JSON.parse(await this.weft('script', 'export', '--data', this.server.dataDirectory))
    return all.shows[0].script.revisions.find((revision) => revision.id === id)
  }

  /** Its texts, page by page. */
  async storedTexts(id = 1) {
    const pages = {}
    for (const { page, parts } of (await this.stored(id)).lines) (pages[page] ??= []).push(parts.map(({ text }) => text).join('|'))
    return pages
  }

  /** Walks every revision. Fails: when one is not whole. */
  async check() {
    await this.weft('script', 'check', '--data', this.server.dataDirectory)
  }
}

/** A test with a running server that has `file`. */
export function scriptTest(name, body, { file = tempest(), flags = [], ...setup } = {}) {
  serverTest(name, async (context) => {
    const theatre = new Theatre(context)
    writeFileSync(theatre.secretFile, kSecret)
    context.server.flags = ['--script', '--jwt-secret-file', theatre.secretFile, ...flags]
    if (file !== null) await theatre.import(file)
    await context.server.start()
    await body({ ...context, theatre })
  }, { started: false, timeoutMs: 60_000, ...setup })
}
