// A script of 300 pages on a running server, as those who work on it meet it: opening it, a keystroke at another
// person's, saving all of it, and many who type at once.
//
//   node bench/script/live.mjs WEFT [--pages 300] [--keystrokes 2000] [--editors 50] [--seconds 60] [--json]
//
// Everything is checked: what was opened is the whole script, what was typed is at everybody's and in the saved
// lines; a result that is wrong ends it with exit code 1. Times are of this process, which decodes what it gets as
// a browser would; people on one machine share its processors.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually } from '../../tests/interop/eventually.mjs'
import { freePort, WeftServer } from '../../tests/interop/weft_server.mjs'
import { appending, Person } from '../../tests/script/http_world.mjs'

const kLinesOnPage = 40

/** As many pages of dialogue, of which every fifth line is of two people. */
function bookOf(pages) {
  const lines = []
  for (let page = 1; page <= pages; ++page) {
    for (let line = 0; line < kLinesOnPage; ++line) {
      const said = (who) => ({ character_id: who, text: `Page ${page}, line ${line}: what is said here is as long as lines of plays are.` })
      lines.push({ page, act_id: 1, scene_id: 11, line_type: 1, parts: line % 5 === 0 ? [said(21), said(22)] : [said(21)] })
    }
  }
  return {
    users: [{ id: 1, username: 'ada', roles: { 1: 'write' } }],
    shows: [{
      id: 1, name: 'A long play',
      acts: [{ id: 1, name: 'I' }],
      scenes: [{ id: 11, act_id: 1, name: 'A room' }],
      characters: [{ id: 21, name: 'One' }, { id: 22, name: 'Another' }],
      character_groups: [], stage_direction_styles: [],
      script: { revisions: [{ id: 1, parent: null, description: 'the first', current: true, lines, cues: [], cuts: [] }] }
    }]
  }
}

/** A server with such a book, and people on its socket, for as long as `body` takes. */
async function withBook(weft, pages, body) {
  const directory = mkdtempSync(join(tmpdir(), 'weft-script-bench-'))
  const data = join(directory, 'data')
  mkdirSync(data)
  const book = join(directory, 'book.json')
  const secret = join(directory, 'secret')
  writeFileSync(book, JSON.stringify(bookOf(pages)))
  writeFileSync(secret, randomBytes(32).toString('hex'))
  execFileSync(weft, ['script', 'import', book, '--data', data], { stdio: 'pipe' })
  const token = execFileSync(weft, ['token', '--user', '1', '--secret-file', secret], { encoding: 'utf8' }).trim()
  process.env.WEFT_BINARY = weft
  const server = new WeftServer({
    dataDirectory: data, ports: [await freePort()], fileSizeLimitKiB: null, environment: {},
    flags: ['--script', '--jwt-secret-file', secret, '--log-level', 'warning']
  })
  const people = []
  const come = async () => {
    const person = await Person.connect(server, token)
    people.push(person)
    return person
  }
  try {
    await server.start()
    return await body({ server, come })
  } finally {
    for (const person of people) person.dispose()
    await server.dispose()
    rmSync(directory, { recursive: true, force: true })
  }
}

const now = () => performance.now()
const linesOf = (doc) => [...doc.getMap('pages').values()].reduce((sum, page) => sum + page.length, 0)
const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]
const rounded = (ms) => Math.round(ms * 100) / 100

/** Opening: from the question to a whole document, the first time (the room is made) and the second. */
async function opening({ come }, pages) {
  const times = []
  for (let i = 0; i < 2; ++i) {
    const person = await come()
    const began = now()
    await person.joins()
    times.push(rounded(now() - began))
    assert.equal(linesOf(person.doc), pages * kLinesOnPage)
    person.dispose()
  }
  return { first_open_ms: times[0], open_ms: times[1] }
}

/** From a key to its letter at another person's, one key after the other. */
async function keystrokes({ come }, count) {
  const [ada, bob] = [await come(), await come()]
  await ada.edits()
  for (const person of [ada, bob]) await person.joins()
  const times = []
  for (let i = 0; i < count; ++i) {
    const page = String(1 + (i % 7))
    const text = (person) => person.doc.getMap('pages').get(page).get(0).get('parts').get(0).get('line_text')
    const heard = new Promise((done) => text(bob).observe(function once() {
      text(bob).unobserve(once)
      done(now())
    }))
    const began = now()
    ada.forget()
    await ada.writes(appending('x', page))
    times.push((await heard) - began)
  }
  for (let page = 1; page <= 7; ++page) assert.deepEqual(bob.texts(page), ada.texts(page))
  times.sort((a, b) => a - b)
  ada.say('LEAVE_SCRIPT_ROOM')
  return { keystrokes: count, keystroke_p50_ms: rounded(quantile(times, 0.5)), keystroke_p99_ms: rounded(quantile(times, 0.99)) }
}

/** Saving when every line has changed. */
async function saving({ come, server }, pages) {
  const ada = await come()
  await ada.edits()
  await ada.joins()
  await ada.writes((doc) => {
    for (const page of doc.getMap('pages').values()) {
      for (const line of page) line.get('parts').get(0).get('line_text').insert(0, 'New: ')
    }
  })
  ada.forget()
  const began = now()
  ada.say('SAVE_SCRIPT_DRAFT')
  await eventually('the end of the save', () => ada.heard.some((one) => ['SCRIPT_SAVED', 'SAVE_ERROR'].includes(one.ACTION)), { withinMs: 60_000 })
  const time = rounded(now() - began)
  assert.ok(ada.heard.some((one) => one.ACTION === 'SCRIPT_SAVED'), JSON.stringify(ada.heard.at(-1)))
  const last = await (await fetch(server.httpUrl(`/api/v1/show/script?page=${pages}`))).json()
  assert.ok(last.lines.length === kLinesOnPage && last.lines.every((line) => line.line_parts[0].line_text.startsWith('New: ')))
  return { save_of_all_lines_ms: time }
}

/** Many who type at once, each a letter of its own every 200 ms, in lines that they share. */
async function crowd({ come, server }, { editors, seconds }) {
  const people = []
  for (let i = 0; i < editors; ++i) {
    const person = await come()
    await person.edits()
    await person.joins()
    people.push(person)
  }
  const marks = people.map((_, i) => `<${i}>`)
  const typed = people.map(() => 0)
  const end = now() + seconds * 1000
  await Promise.all(people.map(async (person, i) => {
    while (now() < end) {
      person.forget()
      await person.writes(appending(marks[i], 1 + (i % 3), i % 5))
      typed[i] += 1
      await new Promise((again) => setTimeout(again, 200))
    }
  }))
  const all = (person) => [1, 2, 3].flatMap((page) => person.texts(page)).join('\n')
  const wanted = () => people.every((_, i) => all(people[0]).split(marks[i]).length - 1 === typed[i])
  await eventually('everything to be at everybody', () => wanted() && people.every((one) => all(one) === all(people[0])), { withinMs: 30_000 })
  people[0].forget()
  people[0].say('SAVE_SCRIPT_DRAFT')
  await people[0].hears('SCRIPT_SAVED')
  const saved = await Promise.all([1, 2, 3].map(async (page) => {
    const { lines } = await (await fetch(server.httpUrl(`/api/v1/show/script?page=${page}`))).json()
    return lines.map((line) => line.line_parts.map((part) => part.line_text).join('|')).join('\n')
  }))
  assert.equal(saved.join('\n'), all(people[0]), 'what is saved is what everybody sees')
  return { editors, seconds, typed: typed.reduce((a, b) => a + b, 0), lost: 0 }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pages: { type: 'string', default: '300' },
    keystrokes: { type: 'string', default: '2000' },
    editors: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false }
  }
})
if (positionals.length !== 1) {
  console.error('usage: live.mjs WEFT [--pages N] [--keystrokes N] [--editors N] [--seconds N] [--json]')
  process.exit(2)
}
const weft = resolve(positionals[0])
const pages = Number(values.pages)
const figures = await withBook(weft, pages, async (book) => ({
  lines: pages * kLinesOnPage,
  ...(await opening(book, pages)),
  ...(await keystrokes(book, Number(values.keystrokes))),
  ...(await saving(book, pages))
}))
// Everybody has a document of their own in this process: a short play will do.
Object.assign(figures, await withBook(weft, 5, (book) => crowd(book, { editors: Number(values.editors), seconds: Number(values.seconds) })))
if (values.json) {
  console.log(JSON.stringify(figures, null, 2))
} else {
  for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(22)} ${String(value).padStart(10)}`)
}
