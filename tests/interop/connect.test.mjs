// `weft connect` against a running server, as somebody at a terminal uses it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as Y from 'yjs'
import { makeCertificate } from './certificates.mjs'
import { Editor } from './editor.mjs'
import { eventually, within } from './eventually.mjs'
import { tokenTest } from './signer.mjs'
import { freePort, serverTest } from './weft_server.mjs'

class Terminal {
  constructor (...words) {
    this.output = ''
    this.errors = ''
    this.child = spawn(process.env.WEFT_BINARY, ['connect', ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout.setEncoding('utf8').on('data', (text) => { this.output += text })
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.errors += text })
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)))
  }

  exit () { return within('weft connect to end', this.ended) }
  shows (text) {
    return eventually(`"${text}" on the terminal`, () => this.output.includes(text), {
      describe: () => this.output + this.errors
    })
  }

  async dispose () {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

serverTest('a text is shown whole, and then what changes in it', async ({ server, own }) => {
  const ann = own(new Editor(server, 'text', { name: 'ann' }))
  await ann.synced()
  const text = ann.doc.getText('content')
  text.insert(0, 'hello')
  const terminal = own(new Terminal(server.websocketUrl(), 'text', '--text'))
  await terminal.shows('hello\n')
  text.insert(5, ' world')
  await terminal.shows('@5 +" world"\n')
  text.delete(0, 5)
  await terminal.shows('@0 -"hello"\n')
  await server.crash()
  await server.start()
  text.insert(0, 'back')
  await terminal.shows('+"back"')
  terminal.child.kill('SIGINT')
  assert.equal(await terminal.exit(), 0)
})

serverTest('a file is written and the document printed once', async ({ server, own, directory }) => {
  const doc = new Y.Doc()
  doc.getText('content').insert(0, 'from a file')
  doc.getMap('m').set('a', 1)
  for (const [name, update, flags] of [['v1', Y.encodeStateAsUpdate(doc), []], ['v2', Y.encodeStateAsUpdateV2(doc), ['--v2']]]) {
    const file = join(directory, name)
    await writeFile(file, update)
    const terminal = own(new Terminal(server.websocketUrl(), name, '--write', file, '--json', '--once', ...flags))
    assert.equal(await terminal.exit(), 0, terminal.errors)
    assert.deepEqual(JSON.parse(terminal.output), { content: 'from a file', m: { a: 1 } })
    assert.match(terminal.errors, /durable/)
    // Another one, with an account of the update.
    const reader = own(new Terminal(server.websocketUrl(), name, '--once'))
    assert.equal(await reader.exit(), 0)
    assert.match(reader.output, /"from a file" {2}in root "content"/)
  }
})

serverTest('what does not work says so, with the exit code', async ({ server, own, directory }) => {
  const file = join(directory, 'no update')
  await writeFile(file, 'no update')
  for (const [code, reason, ...words] of [
    [2, /--ca is of use with wss/, server.websocketUrl(), 'room', '--ca', file],
    [2, /cannot be read/, 'wss://127.0.0.1:1', 'room', '--ca', file],
    [2, /ws:\/\/localhost/, server.httpUrl('/'), 'room'],
    [2, /no update/, server.websocketUrl(), 'room', '--write', file],
    [1, /cannot connect/, 'ws://127.0.0.1:1', 'room', '--once']
  ]) {
    const terminal = own(new Terminal(...words))
    assert.equal(await terminal.exit(), code, terminal.errors)
    assert.match(terminal.errors, reason)
  }
})

tokenTest('a room is followed over TLS, with a token, and nothing is said to who only seems to be the server', async ({ server, own, directory, signer }) => {
  const { cert, key } = makeCertificate(directory)
  const others = join(directory, 'others')
  mkdirSync(others)
  const port = await freePort()
  await server.stop()
  server.listenPrefix = 'plain:'
  server.flags.push('--listen', `tls:127.0.0.1:${port}`, '--tls-cert', cert, '--tls-key', key)
  await server.start()
  const tokenFile = (name, token) => {
    const file = join(directory, name)
    writeFileSync(file, `${token}\n`)
    return file
  }
  const ann = own(new Editor(server, 'room', { params: { token: await signer.token('ann', { '*': 'write' }) } }))
  await ann.synced()
  ann.doc.getText('content').insert(0, 'secret')
  const reader = tokenFile('reader', await signer.token('bob', { room: 'read' }))
  const stranger = tokenFile('stranger', await signer.token('eve', { other: 'write' }))
  const update = join(directory, 'update')
  const doc = new Y.Doc()
  doc.getText('content').insert(0, 'more')
  writeFileSync(update, Y.encodeStateAsUpdate(doc))
  const follow = (...words) => own(new Terminal(`wss://127.0.0.1:${port}`, 'room', '--text', '--once', ...words))
  for (const [code, output, errors, ...words] of [
    [0, 'secret\n', /joined, to read only/, '--ca', cert, '--token-file', reader],
    [1, '', /4401/, '--ca', cert],
    [1, '', /4403/, '--ca', cert, '--token-file', stranger],
    [1, null, /not written: the room may only be read/, '--ca', cert, '--token-file', reader, '--write', update],
    [1, '', /its certificate is not accepted/, '--token-file', reader],
    [1, '', /its certificate is not accepted/, '--ca', makeCertificate(others).cert, '--token-file', reader]
  ]) {
    const terminal = follow(...words)
    assert.equal(await terminal.exit(), code, terminal.errors)
    if (output !== null) assert.equal(terminal.output, output)
    assert.match(terminal.errors, errors)
  }
})
