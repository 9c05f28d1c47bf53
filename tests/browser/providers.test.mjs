// Each stock provider through a working day, in headless Chromium: a page for each person.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { after, before } from 'node:test'
import { build } from '../../server/web/node_modules/esbuild/lib/main.js'
import { kProviders } from '../interop/stock_people.mjs'
import { workingDay } from '../interop/working_day.mjs'
import { launchBrowser } from './editor_page.mjs'

let browser
let site
let origin

/** The script of the page, with one Yjs for all providers: there must not be two in a page. */
async function bundle() {
  const tests = fileURLToPath(new URL('../', import.meta.url))
  const built = await build({
    entryPoints: [fileURLToPath(new URL('people_page.mjs', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome120',
    // Nothing of it is for people: who looks at a failure wants names.
    minify: false,
    nodePaths: [`${tests}node_modules`],
    alias: { yjs: `${tests}node_modules/yjs` }
  })
  return built.outputFiles[0].contents
}

before(async () => {
  const script = await bundle()
  // A page of its own origin, so that it stays while the server is away.
  site = createServer((request, response) => {
    if (request.url === '/people.js') response.setHeader('content-type', 'text/javascript').end(script)
    else if (request.url === '/') response.setHeader('content-type', 'text/html').end('<!doctype html><title>people</title><script src=/people.js></script>')
    else response.writeHead(204).end()
  })
  await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${site.address().port}`
  browser = await launchBrowser()
})

after(async () => {
  await browser?.close()
  site?.closeAllConnections()
  site?.close()
})

/** A person in a page of their own, with storage of its own. */
class PagePerson {
  #context
  #page
  #complaints = []

  static async open(setup) {
    const person = new PagePerson()
    person.#context = await browser.newContext()
    person.#page = await person.#context.newPage()
    person.#page.on('pageerror', (error) => person.#complaints.push(error.stack))
    await person.#page.goto(origin)
    await person.#page.evaluate((words) => globalThis.join(words), setup)
    return person
  }

  #call(method, ...words) {
    return this.#page.evaluate(([name, given]) => globalThis.person[name](...given), [method, words])
  }

  write(words) {
    return this.#call('write', words)
  }

  text() {
    return this.#call('text')
  }

  isIn() {
    return this.#call('isIn')
  }

  unsaved() {
    return this.#call('unsaved')
  }

  async dispose() {
    await this.#context.close()
    assert.deepEqual(this.#complaints, [], 'nothing is thrown in a page')
  }
}

for (const kind of kProviders) workingDay(`${kind} in Chromium`, (setup) => PagePerson.open({ kind, ...setup }))
