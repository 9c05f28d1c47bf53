// Rights that a service of the operator tells, asked over TLS.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { makeCertificate } from './certificates.mjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { serverTest } from './weft_server.mjs'

/** Who asks with the token "T" is told that it may do T. */
class Service {
  constructor({ cert, key }) {
    this.asked = []
    this.server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
      const chunks = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => {
        const question = JSON.parse(Buffer.concat(chunks))
        this.asked.push(question)
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ role: question.token, subject: 'x' }))
      })
    })
  }

  async listen() {
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `https://127.0.0.1:${this.server.address().port}/rights`
    return this
  }

  dispose() {
    this.server.closeAllConnections()
    this.server.close()
  }
}

const textOf = (person) => person.doc.getText('content')

serverTest('a service is asked over TLS, and one whose certificate does not count is not told any token', async ({ server, own, directory }) => {
  const files = makeCertificate(directory)
  const others = join(directory, 'others')
  mkdirSync(others)
  const service = own(await new Service(files).listen())
  const person = (token) => own(new Editor(server, 'notes', { params: { token } }))
  const flags = (ca) => ['--auth', 'callback', '--auth-callback-url', service.url, '--auth-callback-ca', ca]

  server.flags = flags(makeCertificate(others).cert)
  await server.start()
  const early = person('write')
  await eventually('it to be told to come back', () => early.closes.some(({ code }) => code === 1013))
  assert.match(server.output, /its certificate is not accepted/)
  assert.deepEqual(service.asked, [])
  await server.stop()

  server.flags = flags(files.cert)
  await server.start()
  await early.synced()
  textOf(early).insert(0, 'taken')
  const reader = person('read')
  await eventually('a reader to see it', () => textOf(reader).toString() === 'taken')
  const nobody = person('none')
  await eventually('a stranger to be sent away', () => nobody.closes.some(({ code }) => code === 4403))
  assert.deepEqual([...new Set(service.asked.map(({ room }) => room))], ['notes'])
}, { started: false })
