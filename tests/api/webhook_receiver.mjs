// A receiver of webhooks that can be made to fail in every way, and notes what it took.

import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Webhook } from 'standardwebhooks'

export const kSecret = `whsec_${Buffer.from('a secret of thirty-two bytes ...').toString('base64')}`

export class WebhookReceiver {
  #server
  #webhook = new Webhook(kSecret)

  #scheme

  /** `tls`: { cert, key } in PEM, to be reached by https. */
  constructor({ tls = null } = {}) {
    /** Events in the order in which they were taken: { id, type, data }. */
    this.taken = []
    /** What came and was not taken, by what was done instead. */
    this.refused = []
    /** Requests whose signature is wrong. */
    this.forged = []
    /** What is done with the next request: null takes it; else a status, 'drop' or 'late' (takes it, and says nothing). */
    this.mood = () => null
    this.#scheme = tls ? 'https' : 'http'
    const create = tls ? (handle) => createTlsServer(tls, handle) : createServer
    this.#server = create((request, response) => {
      const chunks = []
      request.on('data', (chunk) => chunks.push(chunk))
      request.on('end', () => this.#answer(request, Buffer.concat(chunks).toString(), response))
      request.on('error', () => {})
    })
  }

  #answer(request, body, response) {
    try {
      this.#webhook.verify(body, request.headers)
    } catch (error) {
      this.forged.push(String(error))
    }
    const event = { id: request.headers['webhook-id'], body, ...JSON.parse(body) }
    const mood = this.mood(event)
    if (mood === null || mood === 'late') this.taken.push(event)
    if (mood !== null) this.refused.push(mood)
    if (mood === 'drop' || mood === 'late') {
      request.socket.destroy()
    } else {
      response.writeHead(mood ?? 204).end()
    }
  }

  listen(port = 0) {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', () => {
        this.port = this.#server.address().port
        this.url = `${this.#scheme}://127.0.0.1:${this.port}/hook?from=weft`
        resolve(this)
      })
    })
  }

  /** Nobody is there any more; `listen(port)` comes back. */
  async close() {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** What was taken, each id once, in the order in which it first came. */
  events() {
    const seen = new Map()
    for (const event of this.taken) if (!seen.has(event.id)) seen.set(event.id, event)
    return [...seen.values()]
  }

  of(room) {
    return this.events().filter(({ data }) => data.room === room)
  }

  dispose() {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
