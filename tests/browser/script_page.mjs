// The script editor as people in a theatre use it, in Chromium; and a server that has a script for them.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { serverTest } from '../interop/weft_server.mjs'
import { until } from './until.mjs'

const [DIALOGUE, DIRECTION, CUE, SPACING] = [1, 2, 3, 4]

export const PEOPLE = {
  ada: { id: 1, username: 'Ada Brook', roles: { 1: 'write' } },
  ben: { id: 2, username: 'Ben Okafor', roles: { 1: 'write' } },
  cleo: { id: 3, username: 'Cleo Marsh', roles: { 1: 'read' } }
}

/** What `weft script import` reads: The Tempest, with the lines that `lines` makes. */
function theatre(lines) {
  return {
    users: Object.values(PEOPLE),
    shows: [{
      id: 1,
      name: 'The Tempest',
      acts: [{ id: 1, name: 'Act I' }, { id: 2, name: 'Act II' }],
      scenes: [{ id: 11, act_id: 1, name: 'On a ship at sea' }, { id: 12, act_id: 1, name: 'The island' }, { id: 13, act_id: 2, name: 'Another part of the island' }],
      characters: [[21, 'Master'], [22, 'Boatswain'], [23, 'Alonso'], [24, 'Antonio'], [25, 'Gonzalo'], [26, 'Miranda'], [27, 'Prospero'], [28, 'Ariel']].map(([id, name]) => ({ id, name })),
      character_groups: [{ id: 31, name: 'Mariners', characters: [21, 22] }],
      stage_direction_styles: [{ id: 41, name: 'Italic' }, { id: 42, name: 'Bold' }],
      script: {
        revisions: [
          { id: 1, parent: null, description: 'First folio', lines },
          { id: 2, parent: 1, description: 'After the read-through', current: true, lines, cues: [{ id: 1, line_id: 6, label: 'LX 4' }, { id: 2, line_id: 6, label: 'SND 2 thunder' }, { id: 3, line_id: 7, label: 'LX 5' }] },
          { id: 3, parent: 1, description: 'Schools tour', lines }
        ]
      }
    }]
  }
}

/** The first scenes: three pages. */
export function firstScenes() {
  const lines = []
  let part = 100
  let place = { page: 1, act_id: 1, scene_id: 11 }
  const add = (type, ...parts) => lines.push({
    id: lines.length + 1, ...place, line_type: type,
    parts: parts.map(([who, text], index) => ({ id: part++, part_index: index, text, ...(who === 31 ? { character_group_id: 31 } : who === 0 ? {} : { character_id: who }) }))
  })
  add(DIRECTION, [0, 'A tempestuous noise of thunder and lightning heard. Enter a Shipmaster and a Boatswain.'])
  add(DIALOGUE, [21, 'Boatswain!'])
  add(DIALOGUE, [22, 'Here, master: what cheer?'])
  add(DIALOGUE, [21, 'Good, speak to the mariners: fall to’t, yarely, or we run ourselves aground: bestir, bestir.'])
  add(DIRECTION, [0, 'Exit. Enter Mariners.'])
  add(CUE)
  add(DIALOGUE, [22, 'Heigh, my hearts! cheerly, cheerly, my hearts! yare, yare! Take in the topsail. Tend to the master’s whistle.'])
  add(DIRECTION, [0, 'Enter Alonso, Sebastian, Antonio, Ferdinand, Gonzalo, and others.'])
  add(DIALOGUE, [23, 'Good boatswain, have care. Where’s the master? Play the men.'])
  add(DIALOGUE, [22, 'I pray now, keep below.'])
  add(SPACING)
  add(DIALOGUE, [31, 'All lost! to prayers, to prayers! all lost!'], [25, 'Mercy on us!'])
  place = { page: 2, act_id: 1, scene_id: 12 }
  add(DIRECTION, [0, 'The island. Before Prospero’s cell. Enter Prospero and Miranda.'])
  add(DIALOGUE, [26, 'If by your art, my dearest father, you have\nPut the wild waters in this roar, allay them.'])
  add(DIALOGUE, [27, 'Be collected:\nNo more amazement: tell your piteous heart\nThere’s no harm done.'])
  add(DIALOGUE, [26, 'O, woe the day!'])
  place = { page: 3, act_id: 2, scene_id: 13 }
  add(DIALOGUE, [25, 'Beseech you, sir, be merry; you have cause, so have we all, of joy.'])
  return lines
}

/** `pages` pages of forty lines. */
export function manyPages(pages) {
  const lines = []
  for (let page = 1; page <= pages; ++page) {
    for (let i = 0; i < 40; ++i) {
      const type = i % 10 === 3 ? DIRECTION : i % 10 === 6 ? CUE : i % 10 === 9 ? SPACING : DIALOGUE
      const text = `Be collected: no more amazement: tell your piteous heart there’s no harm done. Page ${page}, line ${i + 1}.`
      lines.push({ page, act_id: 1, scene_id: 11, line_type: type, parts: type > DIRECTION ? [] : [{ text, ...(type === DIALOGUE ? { character_id: 21 + i % 8 } : {}) }] })
    }
  }
  return lines
}

/** A test with a server that has the script of `lines`; `tokenOf(person)` signs somebody in, with more flags of `weft token` if need be. */
export function scriptTest(name, body, { lines = firstScenes(), timeoutMs = 120_000 } = {}) {
  serverTest(name, async (world) => {
    const { server, directory } = world
    const file = join(directory, 'theatre.json')
    const secret = join(directory, 'secret')
    const written = theatre(lines)
    // Lines without ids can stand in one revision only; so do large scripts.
    if (lines[0].id === undefined) written.shows[0].script.revisions = [{ id: 1, parent: null, description: 'Whole', current: true, lines }]
    writeFileSync(file, JSON.stringify(written))
    writeFileSync(secret, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
    const weft = (...words) => execFileSync(process.env.WEFT_BINARY, words, { encoding: 'utf8' })
    weft('script', 'import', file, '--data', server.dataDirectory)
    server.flags = ['--script', '--jwt-secret-file', secret]
    await server.start()
    const tokenOf = (person, ...more) => weft('token', '--secret-file', secret, '--user', String(PEOPLE[person].id), ...more).trim()
    await body({ ...world, tokenOf })
  }, { started: false, timeoutMs })
}

export class ScriptPage {
  /** What the page must not do: errors in the console, requests to other hosts, breaches of its policy. */
  complaints = []
  #routes = []
  #isCut = false

  constructor(page, context, server, person) {
    this.page = page
    this.context = context
    this.server = server
    this.person = person
    page.setDefaultTimeout(20_000)
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack}`))
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      // Refusals and a server that is gone: the browser writes them, the page says them in words.
      if (/^Failed to load resource: /.test(message.text()) || /^WebSocket connection to 'ws:\S+' failed/.test(message.text())) return
      this.complaints.push(`console: ${message.text()}`)
    })
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && origin !== server.httpUrl('')) this.complaints.push(`request to ${request.url()}`)
    })
  }

  /** Lets the test cut this page off from the server. To be called before the page is opened. */
  async prepare() {
    await this.page.routeWebSocket(/\/api\/v1\/ws$/, (route) => {
      if (this.#isCut) return void route.close({ code: 1011 })
      const server = route.connectToServer()
      this.#routes.push([route, server])
    })
  }

  async goOffline() {
    this.#isCut = true
    await this.context.setOffline(true)
    for (const [route, server] of this.#routes.splice(0)) {
      await server.close()
      await route.close({ code: 1011 }).catch(() => {})
    }
    await this.banner('offline').waitFor()
  }

  async goOnline() {
    this.#isCut = false
    await this.context.setOffline(false)
    await this.banner('offline').waitFor({ state: 'detached' })
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true })
  }

  banner(name) {
    return this.page.getByTestId(`banner-${name}`)
  }

  mode(name) {
    return this.page.locator(`.modes [data-mode=${name}]`)
  }

  lines() {
    return this.page.locator('.lines > li')
  }

  line(words) {
    return this.lines().filter({ hasText: words }).first()
  }

  /** The field with the words of the open line. */
  words(part = 0) {
    return this.page.locator('.editing textarea').nth(part)
  }

  /** What the open page says, a line each. */
  async text() {
    return this.lines().evaluateAll((items) => items.map((item) => item.querySelector('textarea')?.value ?? [...item.querySelectorAll('.words')].map((words) => words.textContent).join(' / ')))
  }

  async untilText(what, holds) {
    await until(`${this.person} sees ${what}`, async () => holds(await this.text()), async () => JSON.stringify(await this.text()))
  }

  async untilMode(name) {
    await until(`${this.person} is in the mode ${name}`, async () => (await this.mode(name).getAttribute('aria-pressed')) === 'true' && (await this.mode(name).getAttribute('data-asked')) === null,
      async () => this.page.locator('.modes').innerHTML())
  }

  async edit() {
    await this.mode('edit').click()
    await this.page.locator('.adding').waitFor()
  }

  async view() {
    await this.mode('view').click()
    await this.untilMode('view')
  }

  async open(words) {
    await this.line(words).click()
    await this.words().waitFor()
  }

  async save() {
    await until(`${this.person} may save`, () => this.button('Save').isEnabled(), () => this.page.getByTestId('save-state').textContent())
    await this.button('Save').click()
  }

  async untilSaved() {
    await until(`${this.person} sees that it is saved`, async () => /^Saved /.test(await this.page.getByTestId('save-state').textContent()), () => this.page.locator('.bar').innerText())
  }

  /** Every edit of this page is stored. */
  async untilStored() {
    await until(`the edits of ${this.person} are stored`, async () => (await this.page.locator('#reach').getAttribute('data-unsaved')) === '0', () => this.page.locator('#reach').innerText())
  }

  async answer(name) {
    const dialog = this.page.getByRole('dialog')
    await dialog.getByRole('button', { name, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  async close() {
    await this.context.close()
  }
}

/** Opens /script/ for somebody; without a token when `token` is ''. */
export async function openScript(browser, server, person, token, { path = '', ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const script = new ScriptPage(page, context, server, person)
  await script.prepare()
  await page.goto(server.httpUrl(`/script/${token === '' ? '' : `#token=${token}`}`))
  if (token !== '') await page.locator('.lines > li').first().waitFor()
  if (path !== '') await page.goto(server.httpUrl(`/script/${path}`))
  return script
}
