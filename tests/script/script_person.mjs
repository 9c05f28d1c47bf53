// Somebody at the socket of the script editor, in either form of its protocol: what is said is written down in order, and the
// document follows it as the clients do.

import WebSocket from 'ws'
import * as Y from 'yjs'
import { eventually } from '../interop/eventually.mjs'

const kServer = 'server'

export const base64 = (bytes) => Buffer.from(bytes).toString('base64')
export const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'))

let lastTemporary = 0
/** The name of something that was never saved. */
const temporaryId = () => `3d9e4b2a-0000-4000-8000-${String(++lastTemporary).padStart(12, '0')}`

export class Person {
  /** All that was said to it: { name, data, whole }. */
  heard = []
  doc = new Y.Doc()
  generation = undefined
  uuid = ''
  secret = ''
  stored = 0
  refused = 0
  /** Why the last edit was not taken. */
  refusal = ''
  sent = 0
  isOffline = false
  /** Edits that were made while nobody heard. */
  owes = false

  /** `dialect`: "tip", or "seed", which names its revision and is told its room. */
  constructor({ url, token = '', dialect = 'tip', revision = 1, receipts = true }) {
    Object.assign(this, { url, token, dialect, revision, receipts })
    this.#follow()
  }

  #follow() {
    this.doc.on('update', (update, origin) => {
      if (origin === kServer) return
      if (this.isOffline) this.owes = true
      else this.update(update)
    })
  }

  // --- The connection

  async come() {
    this.socket = new WebSocket(this.url)
    this.socket.on('message', (bytes, isBinary) => this.#hear(bytes, isBinary))
    this.socket.on('error', () => {})
    this.ended = new Promise((resolve) => this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })))
    const mark = this.mark()
    await this.hears('GET_SETTINGS', mark)
    if (this.token === '') return
    this.say('AUTHENTICATE', { token: this.token })
    await this.hears('WS_AUTH_SUCCESS', mark)
  }

  /** Without a word, as when the network goes. */
  async die() {
    this.isOffline = true
    this.socket.terminate()
    await this.ended
  }

  /** With the mode that it had, if that still stands. */
  async comeBack() {
    const { secret } = this
    const mark = this.mark()
    await this.come()
    this.say('REFRESH_CLIENT', { resume: secret })
    await this.answered()
    this.isOffline = false
    return this.heard.slice(mark).some(({ name }) => name === 'MODE_RESUMED')
  }

  async dispose() {
    if (this.socket.readyState === WebSocket.CLOSED) return
    this.socket.terminate()
    await this.ended
  }

  // --- Saying and hearing

  say(op, data = {}) {
    this.raw(JSON.stringify({ OP: op, DATA: data }))
  }

  raw(text) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text)
  }

  update(bytes) {
    this.sent += 1
    this.say('YJS_UPDATE', { payload: base64(bytes), ...this.#room() })
  }

  #room() {
    return this.dialect === 'seed' ? { room_id: `draft_${this.revision}` } : {}
  }

  #hear(bytes, isBinary) {
    if (isBinary) throw new Error('a binary message')
    const whole = JSON.parse(String(bytes))
    const name = whole.OP === 'NOOP' ? whole.ACTION : whole.OP
    const data = whole.DATA
    this.heard.push({ name, data, whole })
    if (name === 'SET_UUID') [this.uuid, this.secret] = [data, whole.RESUME]
    if (name === 'YJS_SYNC') this.#sync(data)
    if (name === 'YJS_UPDATE') Y.applyUpdate(this.doc, bytesOf(data.payload), kServer)
    if (name !== 'YJS_RECEIPT') return
    this[data.stored ? 'stored' : 'refused'] += data.count
    if (!data.stored) this.refusal = data.reason
  }

  #sync(data) {
    if (data.step === 0) {
      // A document that was discarded and made anew is another one.
      if (this.generation !== undefined && data.generation !== this.generation) this.forget()
      this.generation = data.generation
    }
    Y.applyUpdate(this.doc, bytesOf(data.payload), kServer)
    if (data.step !== 0) return
    this.say('YJS_SYNC', { step: 1, payload: base64(Y.encodeStateVector(this.doc)), ...this.#room() })
    if (!this.owes) return
    this.owes = false
    this.sent += 1
    const missing = Y.encodeStateAsUpdate(this.doc, bytesOf(data.state_vector))
    this.say('YJS_SYNC', { step: 2, payload: base64(missing), ...this.#room() })
  }

  /** Another document, empty. */
  forget() {
    this.doc = new Y.Doc()
    this.generation = undefined
    this.owes = false
    this.#follow()
  }

  mark() {
    return this.heard.length
  }

  /** The first message of that name from `mark` on. */
  async hears(name, mark = 0, withinMs = 10_000) {
    return eventually(`"${name}"`, () => this.heard.slice(mark).find((one) => one.name === name), {
      withinMs,
      describe: () => this.names(mark).join(', ')
    })
  }

  names(mark = 0) {
    return this.heard.slice(mark).map(({ name }) => name)
  }

  /** Everything that it said before has been handled, and what that says at once is here. */
  async answered() {
    const mark = this.mark()
    this.say('AUTHENTICATE', { token: '' })
    await this.hears('WS_AUTH_ERROR', mark)
  }

  // --- Modes and rooms

  async edits() {
    const mark = this.mark()
    this.say('REQUEST_SCRIPT_EDIT')
    await this.answered()
    const failure = this.heard.slice(mark).find(({ name }) => name === 'REQUEST_EDIT_FAILURE')
    if (failure) throw new Error(failure.data.reason)
  }

  /** Why it may not, or nothing. */
  async asksFor(op) {
    const mark = this.mark()
    this.say(op)
    await this.answered()
    return this.heard.slice(mark).find(({ name }) => name === 'REQUEST_EDIT_FAILURE')?.data.reason
  }

  joining() {
    this.say('JOIN_SCRIPT_ROOM', { receipts: this.receipts, role: 'editor', ...(this.dialect === 'seed' ? { revision_id: this.revision } : {}) })
  }

  async joins() {
    const mark = this.mark()
    this.joining()
    await this.hears('ROOM_MEMBERS', mark)
  }

  leaves() {
    this.say('LEAVE_SCRIPT_ROOM', this.#room())
  }

  /** What it said last of itself as an error, from `mark` on. */
  async errorAfter(mark) {
    return (await this.hears('COLLAB_ERROR', mark)).data.error
  }

  async isStored() {
    await eventually('receipts of all edits', () => this.stored + this.refused === this.sent, {
      describe: () => `${this.stored} stored and ${this.refused} refused of ${this.sent}`
    })
  }

  /** What it hears of a save until its end. */
  async saves() {
    await this.isStored()
    const mark = this.mark()
    this.say('SAVE_SCRIPT_DRAFT')
    await eventually('the end of the save', () => this.names(mark).some((name) => name === 'SCRIPT_SAVED' || name === 'SAVE_ERROR'), {
      describe: () => this.names(mark).join(', ')
    })
    await this.answered()
    return this.heard.slice(mark)
  }

  // --- The script

  page(number) {
    return this.doc.getMap('pages').get(String(number))
  }

  /** Of each page, the texts of its lines. */
  texts() {
    const pages = {}
    for (const [page, lines] of this.doc.getMap('pages').entries()) {
      pages[page] = lines.toArray().map((line) => line.get('parts').toArray().map((part) => part.get('line_text').toString()).join('|'))
    }
    return pages
  }

  ids(page) {
    return this.page(page).toArray().map((line) => line.get('_id'))
  }

  textOf(page, index) {
    return this.page(page).get(index).get('parts').get(0).get('line_text')
  }

  type(page, index, text, at = this.textOf(page, index).length) {
    this.textOf(page, index).insert(at, text)
  }

  addLine(page, index, text, { type = 1, id = temporaryId(), character = 21 } = {}) {
    this.doc.transact(() => {
      const lines = this.page(page)
      const line = new Y.Map()
      lines.insert(index, [line])
      for (const [key, value] of Object.entries({ _id: id, act_id: 1, scene_id: 11, line_type: type, stage_direction_style_id: 0 })) line.set(key, value)
      const parts = new Y.Array()
      line.set('parts', parts)
      const part = new Y.Map()
      parts.push([part])
      for (const [key, value] of Object.entries({ _id: temporaryId(), part_index: 0, character_id: character, character_group_id: 0 })) part.set(key, value)
      part.set('line_text', new Y.Text(text))
    })
    return id
  }

  /** Changes the document, and resolves when that is stored. Fails: when it is refused. */
  async writes(change) {
    const { refused } = this
    this.doc.transact(() => change(this.doc))
    await this.isStored()
    if (this.refused > refused) throw new Error(`refused: ${this.refusal}`)
  }

  deleteLine(page, index) {
    this.doc.transact(() => {
      const id = Number(this.page(page).get(index).get('_id'))
      this.page(page).delete(index, 1)
      if (Number.isInteger(id)) this.doc.getArray('deleted_line_ids').push([id])
    })
  }

  meta(name) {
    return this.doc.getMap('meta').get(name)
  }
}

const contentOf = (person) => JSON.stringify([person.texts(), person.doc.getMap('meta').toJSON(), person.doc.getArray('deleted_line_ids').toJSON()])

/** All of them have the same document. */
export async function agree(...people) {
  await eventually('everybody to have the same script', () => new Set(people.map(contentOf)).size === 1, {
    describe: () => people.map(contentOf).join('\n')
  })
}
