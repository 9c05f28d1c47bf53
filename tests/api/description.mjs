// The description of the API as it is served, and the answers of the server beside it.
//
// `Description.call` sends a request and checks its answer: path, method and status have to be described, its
// headers and content have to be as described. What has been seen is counted, so that a test can say what is
// described and was never answered.

import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const kMethods = ['get', 'put', 'post', 'patch', 'delete']

const pathPattern = (path) =>
  new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`)

export class Description {
  #ajv = new Ajv2020({ strict: false, allErrors: true })
  #validators = new Map()

  constructor(document) {
    this.document = document
    /** "get /api/rooms 200", for each answer that came. */
    this.seen = new Set()
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(document, 'api')
    this.paths = Object.entries(document.paths).map(([path, item]) => ({ path, item, pattern: pathPattern(path) }))
  }

  static async of(server, path = '/api/openapi.json') {
    const response = await fetch(server.httpUrl(path))
    assert.equal(response.status, 200)
    return new Description(await response.json())
  }

  /** Every answer that is described, as in `seen`. */
  described() {
    return this.paths.flatMap(({ path, item }) =>
      kMethods
        .filter((method) => item[method])
        .flatMap((method) => Object.keys(item[method].responses).map((status) => `${method} ${path} ${status}`))
    )
  }

  resolve(thing) {
    if (!thing.$ref) return thing
    return thing.$ref.slice(2).split('/').reduce((part, name) => part[name.replace(/~1/g, '/')], this.document)
  }

  #validate(pointer, value, what) {
    const ref = `api#${pointer}`
    if (!this.#validators.has(ref)) this.#validators.set(ref, this.#ajv.compile({ $ref: ref }))
    const validate = this.#validators.get(ref)
    assert.ok(validate(value), `${what} is not as described: ${JSON.stringify(validate.errors)}\n${JSON.stringify(value)}`)
  }

  /** Checks one answer, and answers where it is described. */
  check({ method, target, status, headers, body }) {
    const path = target.replace(/[?#].*$/, '')
    const what = `${status} to ${method} ${target}`
    const known = this.paths.find(({ pattern }) => pattern.test(path))
    if (status === 204 && method === 'OPTIONS') return
    if (!known) {
      assert.equal(status, 404, `${what}: the path is not described`)
      return this.#checkContent('/components/responses/NotFound', headers, body, what)
    }
    const name = method === 'HEAD' ? 'get' : method.toLowerCase()
    const operation = known.item[name]
    if (!operation) {
      assert.equal(status, 405, `${what}: the method is not described`)
      return this.#checkContent('/components/responses/MethodNotAllowed', headers, body, what)
    }
    const escaped = known.path.replace(/~/g, '~0').replace(/\//g, '~1')
    const described = operation.responses[status]
    assert.ok(described, `${what} is not described: ${Buffer.from(body).toString().slice(0, 300)}`)
    this.seen.add(`${name} ${known.path} ${status}`)
    const pointer = described.$ref ? described.$ref.slice(1) : `/paths/${escaped}/${name}/responses/${status}`
    this.#checkContent(pointer, headers, body, what, method === 'HEAD')
  }

  /** Checks the data of an event of the stream. */
  checkEvent(data) {
    this.#validate('/components/schemas/Event', data, 'an event')
  }

  #checkContent(pointer, headers, body, what, isHead = false) {
    const response = this.resolve({ $ref: `#${pointer}` })
    for (const header of Object.keys(response.headers ?? {})) {
      assert.ok(headers[header.toLowerCase()] !== undefined, `${what} lacks the header ${header}`)
    }
    if (!response.content) {
      assert.equal(body.length, 0, `${what} has a body that is not described`)
      return
    }
    const type = (headers['content-type'] ?? '').split(';')[0]
    assert.ok(response.content[type], `${what} has the type ${type}, which is not described`)
    if (isHead) {
      assert.equal(body.length, 0, `${what} has a body`)
    } else if (/json$/.test(type)) {
      const escaped = type.replace(/\//g, '~1')
      this.#validate(`${pointer}/content/${escaped}/schema`, JSON.parse(Buffer.from(body).toString()), what)
    }
  }
}

/**
 * Sends one request, byte for byte as asked for, and resolves to { status, headers, body }.
 * `body`: bytes, a string, or something to be sent as JSON. `chunked`: without a Content-Length.
 */
export function send(server, method, target, { headers = {}, body, chunked = false } = {}) {
  const isBytes = body instanceof Uint8Array || typeof body === 'string'
  const content = body === undefined ? undefined : isBytes ? body : JSON.stringify(body)
  const sent = { ...headers }
  if (body !== undefined && !isBytes) sent['Content-Type'] ??= 'application/json'
  if (body instanceof Uint8Array) sent['Content-Type'] ??= 'application/octet-stream'
  if (content !== undefined && !chunked) sent['Content-Length'] = Buffer.byteLength(content)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: server.ports[0], method, path: target, headers: sent, agent: false },
      (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) })
        )
      }
    )
    // A refusal may come before the whole body is sent.
    request.on('error', (error) => (request.res ? undefined : reject(error)))
    if (chunked) request.flushHeaders()
    request.end(content)
  })
}

/** Sends requests to one server and holds each answer against its description. */
export class Caller {
  constructor(server, description) {
    this.server = server
    this.description = description
  }

  static async of(server, path) {
    return new Caller(server, await Description.of(server, path))
  }

  /** As `send`; the answer has `json` and `text` when it has such a body. */
  async call(method, target, options = {}) {
    const answer = await send(this.server, method, target, options)
    this.description.check({ method, target, ...answer })
    const type = answer.headers['content-type'] ?? ''
    if (answer.body.length > 0 && /json/.test(type)) answer.json = JSON.parse(answer.body.toString())
    if (/^text|xml/.test(type)) answer.text = answer.body.toString()
    return answer
  }

  /** The same, with the status that is expected of it. */
  async expect(status, method, target, options = {}) {
    const answer = await this.call(method, target, options)
    assert.equal(answer.status, status, `${method} ${target}: ${answer.body.toString().slice(0, 500)}`)
    return answer
  }

  /** A problem of this type. */
  async refuses(type, method, target, options = {}) {
    const answer = await this.call(method, target, options)
    assert.equal(answer.json?.type, `urn:weft:problem:${type}`, `${method} ${target}: ${answer.body}`)
    return answer
  }
}

/** A room's path. */
export const roomPath = (room, rest = '') => `/api/rooms/${encodeURIComponent(room)}${rest}`

/** An edit that inserts a text. */
export const typing = (text, { name = 'body', index = 0 } = {}) => ({
  actions: [{ op: 'text.insert', name, index, text }]
})
