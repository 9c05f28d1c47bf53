// A script of 300 pages on a running server, as those who work on it meet it: opening it in a browser, a keystroke in
// another browser, saving all of it, and many who type at once.
//
//   node bench/script/live.mjs WEFT [--pages 300] [--keystrokes 1000] [--editors 50] [--seconds 60] [--json]
//
// Everything is checked: what was opened is the whole script, what was typed is at everybody's and in the saved lines. A
// result that is wrong, or above its limit, ends it with exit code 1. With the default sizes it writes
// bench/results/script.{json,md}; with others, files beside them that end in .tmp.
//
// Times in browsers are taken by the pages themselves, between what a person does and what a person sees. Everybody is on
// this machine and shares its processors.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { eventually } from '../../tests/interop/eventually.mjs'
import { toMarkdown } from './report.mjs'
import { LINES_ON_PAGE, withTheatre } from './theatre.mjs'

const OPENINGS = 5
const KEYS_A_SECOND = 25
const kResults = join(dirname(fileURLToPath(import.meta.url)), '../results')

const now = () => performance.now()
const linesOf = (doc) => [...doc.getMap('pages').values()].reduce((sum, page) => sum + page.length, 0)
const sorted = (numbers) => [...numbers].sort((a, b) => a - b)
const quantile = (numbers, part) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))]
const rounded = (ms) => Math.round(ms * 10) / 10

/** Runs in each page before anything of it: writes down when what is seen first. */
function watchPage() {
  globalThis.times = {}
  const first = {
    lines: () => document.querySelector('.lines > li') !== null,
    document: () => (document.querySelector('[data-testid=save-state]')?.textContent ?? '') !== '',
    typing: () => document.querySelector('.adding:not([hidden])') !== null,
    saved: () => globalThis.times.clicked !== undefined && /^Saved /.test(document.querySelector('[data-testid=save-state]')?.textContent ?? '')
  }
  const look = () => {
    for (const [name, holds] of Object.entries(first)) {
      if (globalThis.times[name] === undefined && holds()) globalThis.times[name] = performance.now()
    }
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
  document.addEventListener('click', () => {
    globalThis.times = { ...globalThis.times, clicked: performance.now(), saved: undefined }
  }, true)
}

const timeOf = async (page, name) => (await page.waitForFunction((what) => globalThis.times[what], name)).jsonValue()

/** A fresh browser while somebody edits: the page, and the whole document behind it. */
async function opening({ come, visit }, pages) {
  const editor = await come()
  assert.equal(linesOf(editor.doc), pages * LINES_ON_PAGE)
  const lines = []
  const whole = []
  for (let i = 0; i < OPENINGS; ++i) {
    const page = await visit(watchPage)
    whole.push(await timeOf(page, 'document'))
    lines.push(await timeOf(page, 'lines'))
    assert.equal(await page.getByTestId('page-count').textContent(), `of ${pages}`)
    await page.context().close()
  }
  await editor.dispose()
  return { first_page_ms: rounded(quantile(lines, 0.5)), open_ms: rounded(quantile(whole, 0.5)), open_max_ms: rounded(Math.max(...whole)) }
}

/** From the button to a line that can be typed in. */
async function beginToEdit(page) {
  await page.locator('.modes [data-mode=edit]:not([aria-disabled])').click()
  const seen = await timeOf(page, 'typing')
  return seen - await page.evaluate(() => globalThis.times.clicked)
}

/** From a key in one browser to its letter in another, at the pace of somebody who types fast. */
async function keystrokes(writer, reader, count) {
  await writer.locator('.lines > li').first().click()
  await writer.locator('.editing textarea').first().waitFor()
  await writer.evaluate(() => {
    globalThis.pressed = []
    addEventListener('keydown', (event) => globalThis.pressed.push(performance.timeOrigin + event.timeStamp), true)
  })
  const text = () => reader.locator('.lines > li').first().locator('.words').first()
  const before = (await text().textContent()).length
  await reader.evaluate((length) => {
    globalThis.arrived = []
    const words = () => document.querySelector('.lines > li .words')?.textContent.length ?? 0
    new MutationObserver(() => {
      for (const letters = words() - length; globalThis.arrived.length < letters;) globalThis.arrived.push(performance.timeOrigin + performance.now())
    }).observe(document.querySelector('.lines'), { subtree: true, childList: true, characterData: true })
  }, before)
  const began = now()
  for (let i = 0; i < count; ++i) {
    await new Promise((again) => setTimeout(again, Math.max(0, began + i * 1000 / KEYS_A_SECOND - now())))
    await writer.keyboard.press(i % 7 === 6 ? 'Space' : 'x')
  }
  await reader.waitForFunction((all) => globalThis.arrived.length >= all, count)
  const [pressed, arrived] = [await writer.evaluate(() => globalThis.pressed), await reader.evaluate(() => globalThis.arrived)]
  assert.equal(pressed.length, count)
  assert.equal((await text().textContent()).length, before + count)
  const times = pressed.map((time, index) => arrived[index] - time)
  await writer.keyboard.press('Escape')
  return { keystrokes: count, keystroke_p50_ms: rounded(quantile(times, 0.5)), keystroke_p99_ms: rounded(quantile(times, 0.99)) }
}

/** Saving when every line has changed: from the button to the word that it is saved. */
async function saving({ come, server }, page, pages) {
  const editor = await come()
  await editor.writes((doc) => {
    for (const lines of doc.getMap('pages').values()) {
      for (const line of lines) line.get('parts').get(0).get('line_text').insert(0, 'New: ')
    }
  })
  await page.locator('.words', { hasText: 'New: ' }).first().waitFor()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  const seen = await timeOf(page, 'saved')
  const time = seen - await page.evaluate(() => globalThis.times.clicked)
  const last = await (await fetch(server.httpUrl(`/api/v1/show/script?page=${pages}`))).json()
  assert.ok(last.lines.length === LINES_ON_PAGE && last.lines.every((line) => line.line_parts[0].line_text.startsWith('New: ')))
  await editor.dispose()
  return { save_ms: rounded(time) }
}

/** Many who type at once, each a word of its own every 200 ms, in lines that they share. */
async function crowd({ come, server }, { editors, seconds }) {
  const people = []
  for (let i = 0; i < editors; ++i) people.push(await come())
  const marks = people.map((_, i) => `<${i}>`)
  const typed = people.map(() => 0)
  const end = now() + seconds * 1000
  await Promise.all(people.map(async (person, i) => {
    while (now() < end) {
      person.type(1 + (i % 3), i % 5, marks[i])
      typed[i] += 1
      await new Promise((again) => setTimeout(again, 200))
    }
    await person.isStored()
    assert.equal(person.refused, 0)
  }))
  const all = (person) => [1, 2, 3].flatMap((page) => person.texts()[page]).join('\n')
  const missing = (text) => people.reduce((sum, _, i) => sum + typed[i] - (text.split(marks[i]).length - 1), 0)
  await eventually('everything to be at everybody', () => missing(all(people[0])) === 0 && people.every((one) => all(one) === all(people[0])),
    { withinMs: 30_000, describe: () => `${missing(all(people[0]))} of ${typed.reduce((a, b) => a + b, 0)} lost` })
  assert.ok((await people[0].saves()).some(({ name }) => name === 'SCRIPT_SAVED'))
  const saved = await Promise.all([1, 2, 3].map(async (page) => {
    const { lines } = await (await fetch(server.httpUrl(`/api/v1/show/script?page=${page}`))).json()
    return lines.map((line) => line.line_parts.map((part) => part.line_text).join('|')).join('\n')
  }))
  assert.equal(saved.join('\n'), all(people[0]), 'what is saved is what everybody sees')
  return { editors, seconds, typed: typed.reduce((a, b) => a + b, 0), lost: missing(saved.join('\n')) }
}

const kDefaults = { pages: '300', keystrokes: '1000', editors: '50', seconds: '60' }
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { ...Object.fromEntries(Object.entries(kDefaults).map(([name, value]) => [name, { type: 'string', default: value }])), json: { type: 'boolean', default: false } }
})
const sizes = Object.fromEntries(Object.keys(kDefaults).map((name) => [name, Number(values[name])]))
if (positionals.length !== 1 || !Object.values(sizes).every((size) => Number.isInteger(size) && size > 0)) {
  console.error('usage: live.mjs WEFT [--pages N] [--keystrokes N] [--editors N] [--seconds N] [--json]')
  process.exit(2)
}
const weft = resolve(positionals[0])
const { pages } = sizes
const load = loadavg()[0]
const began = now()
const figures = { pages, lines: pages * LINES_ON_PAGE }
await withTheatre(weft, pages, async (theatre) => {
  Object.assign(figures, await opening(theatre, pages))
  const [writer, reader] = [await theatre.visit(watchPage), await theatre.visit(watchPage)]
  figures.begin_to_edit_ms = rounded(await beginToEdit(writer))
  await timeOf(reader, 'document')
  Object.assign(figures, await keystrokes(writer, reader, sizes.keystrokes))
  Object.assign(figures, await saving(theatre, writer, pages))
})
// Everybody has a document of their own in this process: a short play will do.
Object.assign(figures, await withTheatre(weft, 5, (theatre) => crowd(theatre, sizes)))

const isWhole = Object.entries(kDefaults).every(([name, value]) => values[name] === value)
const report = {
  date: new Date().toISOString().slice(0, 10),
  command: `./dev bench script live${isWhole ? '' : Object.keys(kDefaults).map((name) => ` --${name} ${values[name]}`).join('')}`,
  machine: { cpu: cpus()[0].model, cores: cpus().length, load: Number(load.toFixed(1)), node: process.versions.node },
  took_s: Math.round((now() - began) / 1000),
  figures,
  limits: { open_max_ms: 2000, begin_to_edit_ms: 2000, keystroke_p99_ms: 50, save_ms: 1000, lost: 0 }
}
const end = isWhole ? '' : '.tmp'
writeFileSync(join(kResults, `script.json${end}`), `${JSON.stringify(report, null, 1)}\n`)
writeFileSync(join(kResults, `script.md${end}`), toMarkdown(report))
console.log(values.json ? JSON.stringify(report, null, 2) : toMarkdown(report))
const missed = Object.entries(report.limits).filter(([name, limit]) => !(figures[name] <= limit))
for (const [name, limit] of missed) console.error(`${name} is ${figures[name]}, above its limit of ${limit}`)
process.exitCode = missed.length === 0 ? 0 : 1
