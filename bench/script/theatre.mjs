// A long play on a running server, and people on its socket and in browsers, for as long as a measurement takes.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchBrowser } from '../../tests/browser/editor_page.mjs'
import { freePort, WeftServer } from '../../tests/interop/weft_server.mjs'
import { Person } from '../../tests/script/script_person.mjs'

export const LINES_ON_PAGE = 40

/** As many pages of dialogue, of which every fifth line is of two people. */
function bookOf(pages) {
  const lines = []
  for (let page = 1; page <= pages; ++page) {
    for (let line = 0; line < LINES_ON_PAGE; ++line) {
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

/**
 * Runs `body` with `server`, `come()`, who is somebody on the socket in edit mode and in the room, and `visit()`, a page of a
 * browser with storage of its own, at the script's address. All of it ends with the body.
 */
export async function withTheatre(weft, pages, body) {
  const directory = mkdtempSync(join(tmpdir(), 'weft-script-bench-'))
  const data = join(directory, 'data')
  mkdirSync(data)
  const book = join(directory, 'book.json')
  const secret = join(directory, 'secret')
  writeFileSync(book, JSON.stringify(bookOf(pages)))
  writeFileSync(secret, randomBytes(32).toString('hex'))
  execFileSync(weft, ['script', 'import', book, '--data', data], { stdio: 'pipe' })
  const token = execFileSync(weft, ['token', '--user', '1', '--jwt-secret-file', secret], { encoding: 'utf8' }).trim()
  process.env.WEFT_BINARY = weft
  const server = new WeftServer({
    dataDirectory: data, ports: [await freePort()], fileSizeLimitKiB: null, environment: {},
    flags: ['--script', '--jwt-secret-file', secret, '--log-level', 'warning']
  })
  const ends = [() => server.dispose()]
  const come = async () => {
    const person = new Person({ url: `${server.websocketUrl()}/api/v1/ws`, token })
    ends.push(() => person.dispose())
    await person.come()
    await person.edits()
    await person.joins()
    return person
  }
  let browser
  const visit = async (prepare) => {
    if (browser === undefined) {
      browser = await launchBrowser()
      ends.push(() => browser.close())
    }
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const page = await context.newPage()
    await page.addInitScript(prepare)
    await page.goto(server.httpUrl(`/script/#token=${token}`))
    return page
  }
  try {
    await server.start()
    return await body({ server, come, visit })
  } finally {
    for (const end of ends.reverse()) await end()
    rmSync(directory, { recursive: true, force: true })
  }
}
