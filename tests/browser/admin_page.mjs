// The admin page as an administrator uses it, in Chromium; and servers that are full of people for it to look at.

import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Y from 'yjs'
import { Editor } from '../interop/editor.mjs'
import { until } from './until.mjs'

export const TOKEN = `token-${randomUUID()}`

/** Flags of a server whose administrators show TOKEN. */
export function withToken(directory) {
  const file = join(directory, 'admin-token')
  writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 })
  return ['--admin-token-file', file]
}

/** A call of the API as an administrator. */
export async function call(server, method, path, body) {
  const isBytes = body instanceof Uint8Array
  const headers = { Authorization: `Bearer ${TOKEN}` }
  if (body !== undefined) headers['Content-Type'] = isBytes ? 'application/octet-stream' : 'application/json'
  const response = await fetch(server.httpUrl(path), { method, headers, body: body === undefined || isBytes ? body : JSON.stringify(body) })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}

export const pathOf = (room) => `/api/rooms/${encodeURIComponent(room)}`

export class AdminPage {
  /** What the page must not do: errors in the console, requests to other hosts, breaches of its policy. */
  complaints = []
  /** Statuses of failed requests, which the browser writes to the console, too. */
  refusals = []

  constructor(page, context, server) {
    this.page = page
    this.context = context
    this.server = server
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack}`))
    page.on('dialog', (dialog) => {
      this.complaints.push(`a script of somebody else ran: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      const refused = /^Failed to load resource: (?:the server responded with a status of (\d+)|net::ERR_CONNECTION_REFUSED|net::ERR_INCOMPLETE|net::ERR_CONNECTION_RESET|net::ERR_EMPTY_RESPONSE)/.exec(message.text())
      if (refused) this.refusals.push(Number(refused[1] ?? 0))
      else this.complaints.push(`console: ${message.text()}`)
    })
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && origin !== server.httpUrl('')) this.complaints.push(`request to ${request.url()}`)
    })
  }

  async signIn(token = TOKEN) {
    await this.page.getByLabel('Token', { exact: true }).fill(token)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  /** Opens a part of a room: members, history or structure. */
  async openRoom(room, tab = 'members', query = '') {
    await this.page.goto(`${this.server.httpUrl('/admin')}#/rooms/${encodeURIComponent(room)}/${tab}${query}`)
    await this.page.getByRole('tab', { name: new RegExp(tab, 'i'), selected: true }).waitFor()
  }

  async openView(hash) {
    await this.page.goto(`${this.server.httpUrl('/admin')}#/${hash}`)
  }

  row(room) {
    return this.page.getByTestId('rooms').locator('tbody tr').filter({ has: this.page.getByRole('link', { name: room, exact: true }) })
  }

  /** The names in the table, in its order. */
  rooms() {
    return this.page.getByTestId('rooms').locator('tbody th a').allTextContents()
  }

  async untilRooms(expected) {
    await until(`the rooms are ${expected}`, async () => (await this.rooms()).join() === expected.join(), () => this.rooms())
  }

  content() {
    return this.page.getByTestId('content')
  }

  async untilContent(expected) {
    await until(`the content is ${JSON.stringify(expected)}`, async () => (await this.content().textContent()) === expected,
      () => this.content().textContent())
  }

  /** Presses a button that asks first, answers, and waits until it is done. */
  async confirm(action, { fields = {}, typed } = {}) {
    const dialog = this.page.getByRole('dialog')
    await dialog.waitFor()
    for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value)
    if (typed !== undefined) await dialog.getByTestId('confirmation').fill(typed)
    await dialog.getByRole('button', { name: action, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  async close() {
    await this.context.close()
  }
}

/** Opens /admin in a context of its own, and signs in unless `token` is null. */
export async function openAdmin(browser, server, { token = TOKEN, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const admin = new AdminPage(page, context, server)
  await page.goto(server.httpUrl('/admin'))
  if (token !== null) {
    await admin.signIn(token)
    await page.getByRole('heading', { name: 'Rooms', exact: true }).waitFor()
  }
  return admin
}

const PEOPLE = [
  ['Mira Lindqvist', '#b0415e'], ['Tomás Rivera', '#2f7d5b'], ['Jun Watanabe', '#3d6fb5'], ['Ines Okafor', '#a85b1c'], ['Ruth Adler', '#8a4fb0']
]
const TEAMS = ['press', 'product', 'field', 'legal', 'atlas', 'loom', 'school']
const PAGES = ['handover', 'weekly notes', 'price list', 'interview guide', 'release plan', 'open questions', 'budget', 'glossary']

export const BUSY_ROOM = 'press/spring release'

/** Fifty rooms with people in them who go on typing until `dispose`. */
export class BusyServer {
  #editors = []
  #goesOn = true
  #typing = []

  static async fill(server, { rooms = 50 } = {}) {
    const busy = new BusyServer()
    const names = [BUSY_ROOM]
    for (let i = 0; names.length < rooms; ++i) names.push(`${TEAMS[i % TEAMS.length]}/${PAGES[i % PAGES.length]} ${Math.floor(i / PAGES.length) + 1}`)
    await writeHistory(server, BUSY_ROOM)
    for (const [i, room] of names.entries()) {
      const people = i === 0 ? 5 : 1 + (i % 3)
      for (let k = 0; k < people; ++k) busy.#editors.push(busy.#join(server, room, PEOPLE[(i + k) % PEOPLE.length], k))
    }
    await Promise.all(busy.#editors.map((editor) => editor.synced()))
    busy.#typing = busy.#editors.map((editor, i) => busy.#type(editor, i))
    return busy
  }

  #join(server, room, [name, color], index) {
    const editor = new Editor(server, encodeURIComponent(room), { name, params: { token: TOKEN } })
    editor.awareness.setLocalStateField('user', { name, color })
    editor.index = index
    return editor
  }

  /** Writes word by word at the end, its cursor behind it; now and then it takes a word back. */
  async #type(editor, i) {
    const text = editor.doc.getText('content')
    const words = 'the picture of the loom goes first and the list of prices can wait until Thursday '.split(' ')
    for (let n = 0; this.#goesOn; ++n) {
      await new Promise((resolve) => setTimeout(resolve, 150 + ((i * 37 + n * 61) % 400)))
      if (!this.#goesOn) return
      if (n % 9 === 8 && text.length > 40) text.delete(text.length - 6, 5)
      else text.insert(text.length, `${words[(n + i) % words.length]} `)
      const at = editor.index === 0 ? text.length : Math.max(0, text.length - 60 * editor.index)
      editor.awareness.setLocalStateField('cursor', {
        anchor: Y.createRelativePositionFromTypeIndex(text, Math.max(0, at - (editor.index === 2 ? 12 : 0))),
        head: Y.createRelativePositionFromTypeIndex(text, at)
      })
    }
  }

  /** Nobody types any more; everybody stays. */
  async rest() {
    this.#goesOn = false
    await Promise.all(this.#typing)
  }

  async dispose() {
    await this.rest()
    for (const editor of this.#editors) editor.dispose()
  }
}

const DRAFTS = [
  'Spring release: what we say first\n\n',
  'Everyone who opens this page writes in the same text. ',
  'Each person has a colour and a name, and nobody waits for anybody. ',
  'You keep typing when the connection is gone, and the words meet again when it is back.\n\n',
  'What is left to do\n',
  '- Read the introduction aloud and cut whatever sounds like a brochure.\n',
  '- Ask Tomás for the picture of the loom; the one we have is too small.\n',
  '- Decide on Thursday whether the price list goes first.\n\n'
]

/** A text of three writers in about ninety updates, with words taken back, a map beside it, and two versions. */
async function writeHistory(server, room) {
  const docs = [1_284_551, 77_310_924, 3_905_118].map((client) => {
    const doc = new Y.Doc()
    doc.clientID = client
    return doc
  })
  const share = async (doc, edit) => {
    const before = Y.encodeStateVector(doc)
    doc.transact(() => edit(doc.getText('content')))
    const update = Y.encodeStateAsUpdate(doc, before)
    for (const other of docs) if (other !== doc) Y.applyUpdate(other, update)
    await call(server, 'POST', `${pathOf(room)}/update`, update)
  }
  let turn = 0
  for (const draft of DRAFTS) {
    const doc = docs[turn++ % docs.length]
    for (const word of draft.match(/.{1,9}/gs)) await share(doc, (text) => text.insert(text.length, word))
    if (turn === 4) {
      const meet = docs[0].getText('content').toString().indexOf('meet again')
      await share(docs[0], (text) => text.delete(meet, 10))
      await share(docs[0], (text) => text.insert(meet, 'come together'))
      await call(server, 'PUT', `${pathOf(room)}/versions/${encodeURIComponent('first draft')}`, { note: 'As it went to Ruth.' })
    }
  }
  await share(docs[1], (text) => text.insert(0, '# '))
  await share(docs[2], (text) => text.delete(text.toString().indexOf('- Decide on Thursday'), 56))
  await share(docs[2], (text) => text.insert(text.toString().indexOf('- Ask'), '- Ask Ruth whether the price list goes first.\n'))
  const meta = docs[0].getMap('meta')
  const before = Y.encodeStateVector(docs[0])
  docs[0].transact(() => {
    meta.set('status', 'draft')
    meta.set('tags', Y.Array.from(['spring', 'press']))
    meta.set('status', 'review')
  })
  await call(server, 'POST', `${pathOf(room)}/update`, Y.encodeStateAsUpdate(docs[0], before))
  await call(server, 'PUT', `${pathOf(room)}/versions/${encodeURIComponent('for the printer')}`, {})
}
