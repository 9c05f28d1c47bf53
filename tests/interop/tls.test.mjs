// TLS: stock clients that check the certificate, beside clients in clear.

import assert from 'node:assert/strict'
import { get } from 'node:https'
import { connect } from 'node:tls'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { makeCertificate } from './certificates.mjs'
import { assertSameDocuments, converged } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually, within } from './eventually.mjs'
import { editSomewhere, readDocument } from './random_edits.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { freePort, serverTest } from './weft_server.mjs'

/** A server that speaks TLS on one port and in clear on the other, and what a client needs to reach the first. */
async function startWithTls(server, directory) {
  const { cert, key, ca } = makeCertificate(directory)
  const port = await freePort()
  server.listenPrefix = 'plain:'
  server.flags = [...server.flags, '--listen', `127.0.0.1:${port}`, '--tls-cert', cert, '--tls-key', key]
  await server.start()
  class SecureWebSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { ca })
    }
  }
  const secure = { websocketUrl: () => `wss://127.0.0.1:${port}` }
  const editor = (room, name) => new Editor(secure, room, { name, WebSocketPolyfill: SecureWebSocket })
  return { port, ca, editor }
}

serverTest(
  'editors over TLS and in clear share a room',
  async ({ server, own, directory }) => {
    console.log(`WEFT_SEED=${kSeed}`)
    const random = new SeededRandom(kSeed)
    const { editor } = await startWithTls(server, directory)
    const everybody = ['Ada', 'Bob', 'Eve'].map((name) => own(editor('shared', name)))
    everybody.push(own(new Editor(server, 'shared', { name: 'in clear' })))
    await converged(everybody)
    for (let i = 0; i < 200; ++i) editSomewhere(random.pick(everybody).doc, random)
    await converged(everybody)
    // Who was away comes back with what they wrote meanwhile.
    everybody[0].dropConnection()
    for (let i = 0; i < 50; ++i) editSomewhere(random.pick(everybody).doc, random)
    everybody[0].goOnline()
    await converged(everybody)
    assertSameDocuments(
      everybody.map((one) => one.doc),
      readDocument
    )
  },
  { started: false }
)

serverTest(
  'a large document reaches the server and a newcomer over TLS',
  async ({ server, own, directory }) => {
    const { editor } = await startWithTls(server, directory)
    const author = own(editor('book', 'the author'))
    await author.synced()
    const words = Array.from({ length: 300_000 }, (_unused, i) => `word${(i * 7919) % 100_003}`).join(' ')
    author.doc.getText('text').insert(0, words)
    const reader = own(editor('book', 'a reader'))
    await eventually('the reader to have it', () => reader.doc.getText('text').length === words.length)
    assert.equal(reader.doc.getText('text').toString(), words)
    assertSameDocuments([author.doc, reader.doc], readDocument)
  },
  { started: false }
)

serverTest(
  'pages are served to clients that check the certificate',
  async ({ server, directory }) => {
    const { port, ca } = await startWithTls(server, directory)
    const answer = await within(
      'an answer over HTTPS',
      new Promise((resolve, reject) => {
        get(`https://127.0.0.1:${port}/health`, { ca }, (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (text) => (body += text))
          response.on('end', () => resolve({ status: response.statusCode, body }))
        }).on('error', reject)
      })
    )
    assert.equal(answer.status, 200)
    assert.equal(JSON.parse(answer.body).status, 'ok')
  },
  { started: false }
)

serverTest(
  'the end of a server is told over TLS as well',
  async ({ server, own, directory }) => {
    const { editor, port, ca } = await startWithTls(server, directory)
    const ada = own(editor('ending', 'Ada'))
    await ada.synced()
    // One that never says anything.
    const silent = connect({ port, host: '127.0.0.1', ca })
    own({ dispose: () => silent.destroy() })
    silent.on('error', () => {})
    await within('a handshake', new Promise((resolve) => silent.once('secureConnect', resolve)))
    ada.doc.getText('text').insert(0, 'last words')
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
    await eventually('Ada to be told', () => ada.closes.length > 0)
    assert.equal(ada.closes[0].code, 1012)
  },
  { started: false }
)
