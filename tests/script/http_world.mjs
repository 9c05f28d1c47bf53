// A `weft serve --script` with a show in it, tokens of its users, and people on its socket.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { eventually } from '../interop/eventually.mjs'
import { serverTest } from '../interop/weft_server.mjs'

/** Whose tokens there are, by name. */
export const kUsers = { ada: 1, bob: 2, eve: 3, root: 4 }

const dialogue = (id, page, text) => ({
  id, page, act_id: 1, scene_id: 11, line_type: 1, parts: [{ id: 100 + id, character_id: 21, text }]
})

/** Ada and bob write in show 1, eve reads there, root may everything. Lines 1 to 5 stand on pages 1, 1, 1, 2, 3. */
export function sampleFile() {
  const show = (id, name, lines) => ({
    id, name,
    acts: [{ id: 1, name: 'I' }, { id: 2, name: 'II' }],
    scenes: [{ id: 11, act_id: 1, name: 'A ship at sea' }],
    characters: [{ id: 21, name: 'Miranda' }, { id: 22, name: 'Prospero' }],
    character_groups: [{ id: 31, name: 'Mariners', characters: [22] }],
    stage_direction_styles: [{ id: 41, name: 'italic' }],
    script: { revisions: [{ id: 1, parent: null, description: 'the first', current: true, lines, cues: [], cuts: [] }] }
  })
  return {
    users: [
      { id: 1, username: 'ada', roles: { 1: 'write' } },
      { id: 2, username: 'bob', roles: { 1: 'write' } },
      { id: 3, username: 'eve', roles: { 1: 'read' } },
      { id: 4, username: 'root', admin: true }
    ],
    shows: [
      show(1, 'The Tempest', [
        dialogue(1, 1, 'one'), dialogue(2, 1, 'two'), dialogue(3, 1, 'three'), dialogue(4, 2, 'four'), dialogue(5, 3, 'five')
      ]),
      show(2, 'Twelfth Night', [])
    ]
  }
}

/** One person on the socket: what it was told, and its copy of the document. */
export class Person {
  static async connect(server, token) {
    const person = new Person()
    person.heard = []
    person.doc = new Y.Doc()
    person.socket = new WebSocket(`${server.websocketUrl()}/api/v1/ws`)
    person.socket.on('error', () => {})
    person.socket.on('message', (data) => person.#hear(JSON.parse(data)))
    person.id = (await person.hears('SET_UUID')).DATA
    if (token) {
      person.say('AUTHENTICATE', { token })
      await person.hears('WS_AUTH_SUCCESS')
    }
    return person
  }

  #hear(message) {
    if (['YJS_SYNC', 'YJS_UPDATE'].includes(message.ACTION)) {
      Y.applyUpdate(this.doc, Buffer.from(message.DATA.payload, 'base64'), 'server')
    }
    this.heard.push(message)
  }

  say(OP, DATA = {}) {
    this.socket.send(JSON.stringify({ OP, DATA }))
  }

  /** The first message of this name that was not taken yet; those before it stay. */
  async hears(name, fits = () => true) {
    const index = () => this.heard.findIndex((one) => (one.ACTION ?? one.OP) === name && fits(one.DATA))
    await eventually(`the message ${name}`, () => index() >= 0, {
      describe: () => JSON.stringify(this.heard.map((one) => one.ACTION ?? one.OP))
    })
    return this.heard.splice(index(), 1)[0]
  }

  /** Nothing that was heard so far counts any more. */
  forget() {
    this.heard.length = 0
  }

  async edits() {
    this.say('REQUEST_SCRIPT_EDIT')
    await this.hears('GET_SCRIPT_CONFIG_STATUS')
  }

  async joins(data = {}) {
    this.doc = new Y.Doc()
    this.say('JOIN_SCRIPT_ROOM', { receipts: true, ...data })
    await this.hears('YJS_SYNC', ({ step }) => step === 0)
    await this.hears('ROOM_MEMBERS')
  }

  /** Changes the document, and resolves when that is stored. */
  async writes(change) {
    const before = Y.encodeStateVector(this.doc)
    this.doc.transact(() => change(this.doc))
    const payload = Buffer.from(Y.encodeStateAsUpdate(this.doc, before)).toString('base64')
    this.say('YJS_UPDATE', { payload })
    const { DATA } = await this.hears('YJS_RECEIPT')
    if (!DATA.stored) throw new Error(`refused: ${DATA.reason}`)
  }

  /** The texts of a page's lines. */
  texts(page = 1) {
    const lines = this.doc.getMap('pages').get(String(page))
    return lines ? lines.toArray().map((line) => line.get('parts').toArray().map((part) => part.get('line_text').toString()).join('|')) : []
  }

  dispose() {
    this.socket.terminate()
  }
}

/** Appends to the first part of a line. */
export const appending = (text, page = 1, line = 0) => (doc) => {
  const found = doc.getMap('pages').get(String(page)).get(line).get('parts').get(0).get('line_text')
  found.insert(found.length, text)
}

/**
 * A test with a running script server. Beside what `serverTest` gives, the body has `bearer(name)`, headers for
 * HTTP; `person(name)`, somebody on the socket; and `token(name)`.
 */
export function scriptTest(name, body, { file = sampleFile(), flags = [], ...setup } = {}) {
  serverTest(
    name,
    async (context) => {
      const { server, directory, own } = context
      const secret = randomBytes(32).toString('hex')
      const secretFile = join(directory, 'secret')
      writeFileSync(secretFile, secret, { mode: 0o600 })
      mkdirSync(server.dataDirectory, { recursive: true })
      const show = join(directory, 'show.json')
      writeFileSync(show, JSON.stringify(file))
      if (file.shows.length > 0 || file.users.length > 0) {
        execFileSync(process.env.WEFT_BINARY, ['script', 'import', show, '--data', server.dataDirectory], { stdio: 'pipe' })
      }
      server.flags = ['--script', '--jwt-secret-file', secretFile, ...flags]
      await server.start()
      const token = (user, claims = {}) =>
        new SignJWT({ user_id: kUsers[user] ?? user, ...claims })
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime('10m')
          .sign(new TextEncoder().encode(secret))
      const bearer = async (user) => ({ Authorization: `Bearer ${await token(user)}` })
      const person = async (user) => own(await Person.connect(server, user && (await token(user))))
      await body({ ...context, token, bearer, person })
    },
    { ...setup, started: false }
  )
}
