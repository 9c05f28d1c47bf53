// The parts of the script editor (server/web/script) that need no browser, and a server made of a few lines to talk to them.

import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const web = join(dirname(fileURLToPath(import.meta.url)), '../../server/web')
export const editorFolder = join(web, 'script')

/** Modules of the page, which are TypeScript, with the Yjs that they have in the page. */
export async function load(...names) {
  const { build } = createRequire(join(web, 'package.json'))('esbuild')
  const folder = mkdtempSync(join(tmpdir(), 'weft-script-'))
  try {
    const contents = [...names.map((name) => `export * from './${name}'`), "export * as Y from 'yjs'"].join('\n')
    const outfile = join(folder, 'parts.mjs')
    await build({ stdin: { contents, resolveDir: editorFolder }, bundle: true, format: 'esm', platform: 'node', outfile, logLevel: 'error' })
    return await import(pathToFileURL(outfile))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const base64 = (bytes) => Buffer.from(bytes).toString('base64')
export const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'))

/** The sockets that a link opens: what it says is kept, what it hears is said by the test. */
export class Sockets {
  all = []

  constructor() {
    const { all } = this
    this.WebSocket = class {
      readyState = 1
      said = []
      constructor(url) {
        this.url = url
        all.push(this)
      }

      send(text) {
        const { OP, DATA } = JSON.parse(text)
        this.said.push({ op: OP, data: DATA })
      }

      close() {
        this.readyState = 3
      }
    }
  }

  get last() {
    return this.all.at(-1)
  }

  /** What was said since the last time, by name. */
  take() {
    return this.last.said.splice(0)
  }

  names() {
    return this.take().map(({ op }) => op)
  }

  operation(name, data, more = {}) {
    this.last.onmessage({ data: JSON.stringify({ OP: name, DATA: data, ...more }) })
  }

  action(name, data = {}) {
    this.last.onmessage({ data: JSON.stringify({ OP: 'NOOP', ACTION: name, DATA: data }) })
  }

  /** As the server greets somebody whose token it knows. */
  greet({ uuid = `uuid-${this.all.length}`, user = 1, username = 'ada' } = {}) {
    this.operation('SET_UUID', uuid, { RESUME: `secret-of-${uuid}` })
    this.action('GET_SETTINGS')
    this.operation('WS_AUTH_SUCCESS', { user_id: user, username })
  }

  break() {
    const { last } = this
    last.readyState = 3
    last.onclose({ code: 1006 })
  }
}

/** A document as the server builds it: `pages` is an object of page numbers, each a list of texts that Miranda (21) says. */
export function scriptOf(Y, pages = { 1: ['Boatswain!'] }) {
  const doc = new Y.Doc()
  let id = 0
  doc.transact(() => {
    doc.getMap('meta').set('revision_id', 3)
    doc.getMap('meta').set('last_saved_at', '')
    doc.getArray('deleted_line_ids')
    for (const [page, texts] of Object.entries(pages)) {
      const lines = new Y.Array()
      doc.getMap('pages').set(page, lines)
      for (const text of texts) {
        id += 1
        const line = new Y.Map()
        lines.push([line])
        for (const [key, value] of Object.entries({ _id: String(id), act_id: 1, scene_id: 11, line_type: 1, stage_direction_style_id: 0 })) line.set(key, value)
        const part = new Y.Map()
        const parts = new Y.Array()
        line.set('parts', parts)
        parts.push([part])
        for (const [key, value] of Object.entries({ _id: String(100 + id), part_index: 0, character_id: 21, character_group_id: 0 })) part.set(key, value)
        part.set('line_text', new Y.Text(text))
      }
    }
  })
  return doc
}

/** Step 0, as a server that has `doc` says it. */
export function wholeOf(Y, doc, more = {}) {
  return { step: 0, payload: base64(Y.encodeStateAsUpdate(doc)), state_vector: base64(Y.encodeStateVector(doc)), ...more }
}
