// A WebSocket peer that speaks bytes of our choice, for what no well-behaved provider would ever send.
//
// Message := type payload                       all numbers varuint
//   0 Sync       := (0 SyncStep1 | 1 SyncStep2 | 2 Update) length bytes
//   1 Awareness  := length bytes
//   2 Auth       := 0 length reason
//   3 QueryAwareness

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import WebSocket from 'ws'
import { eventually, within } from './eventually.mjs'

export const kSync = 0
export const kAwareness = 1
export const kQueryAwareness = 3
export const kSyncStep1 = 0
export const kSyncStep2 = 1
export const kUpdate = 2

/** Writes with lib0's encoder and returns the bytes. */
export const written = (write) => encoding.encode(write)

export const syncMessage = (kind, body) =>
  written((encoder) => {
    encoding.writeVarUint(encoder, kSync)
    encoding.writeVarUint(encoder, kind)
    encoding.writeVarUint8Array(encoder, body)
  })

export const awarenessMessage = (body) =>
  written((encoder) => {
    encoding.writeVarUint(encoder, kAwareness)
    encoding.writeVarUint8Array(encoder, body)
  })

/** @param {{ client: number, clock: number, json: string }[]} entries */
export const awarenessBody = (entries) =>
  written((encoder) => {
    encoding.writeVarUint(encoder, entries.length)
    for (const { client, clock, json } of entries) {
      encoding.writeVarUint(encoder, client)
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarString(encoder, json)
    }
  })

/** The state vector of a document that holds nothing. */
export const kEmptyStateVector = Uint8Array.of(0)

/**
 * @param {Uint8Array} message
 * @returns {{ type: number, kind?: number, body?: Uint8Array }}
 */
function decodeMessage(message) {
  const decoder = decoding.createDecoder(message)
  const type = decoding.readVarUint(decoder)
  if (type === kSync) return { type, kind: decoding.readVarUint(decoder), body: decoding.readVarUint8Array(decoder) }
  if (type === kAwareness) return { type, body: decoding.readVarUint8Array(decoder) }
  return { type }
}

/** @returns {{ client: number, clock: number, json: string }[]} */
export function decodeAwareness(body) {
  const decoder = decoding.createDecoder(body)
  const count = decoding.readVarUint(decoder)
  return Array.from({ length: count }, () => ({
    client: decoding.readVarUint(decoder),
    clock: decoding.readVarUint(decoder),
    json: decoding.readVarString(decoder)
  }))
}

export class RawPeer {
  /**
   * @param {import('./weft_server.mjs').WeftServer} server
   * @param {string} room
   */
  constructor(server, room) {
    /** Decoded messages in the order they came. */
    this.received = []
    /** { code, reason } once the connection is closed, from whatever side. */
    this.closed = null
    this.socket = new WebSocket(`${server.websocketUrl()}/${room}`)
    this.socket.binaryType = 'nodebuffer'
    this.socket.on('message', (message) => this.received.push(decodeMessage(new Uint8Array(message))))
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
    })
    this.socket.on('error', () => {})
  }

  async opened() {
    await eventually('a raw peer to be connected', () => this.socket.readyState === WebSocket.OPEN, {
      describe: () => `state ${this.socket.readyState}, close ${JSON.stringify(this.closed)}`
    })
    return this
  }

  send(bytes) {
    this.socket.send(bytes, { binary: true })
  }

  sendText(text) {
    this.socket.send(text, { binary: false })
  }

  /** Waits for a message that `accept` takes, among those received so far and later. */
  receives(what, accept, withinMs = 10_000) {
    return eventually(`a raw peer to receive ${what}`, () => this.received.find(accept), {
      withinMs,
      describe: () =>
        `messages of the types [${this.received.map(({ type }) => type)}], close ${JSON.stringify(this.closed)}`
    })
  }

  /**
   * Asks for everything and resolves to the update that the server answers with. When it has come, the
   * server has dealt with all that was sent on this connection before.
   */
  async asksForEverything() {
    const before = this.received.length
    this.send(syncMessage(kSyncStep1, kEmptyStateVector))
    const answer = await eventually('a SyncStep2 in answer to a SyncStep1', () => {
      if (this.closed !== null) throw new Error(`the connection was closed instead: ${JSON.stringify(this.closed)}`)
      return this.received.slice(before).find((m) => m.type === kSync && m.kind === kSyncStep2)
    })
    return answer.body
  }

  /** Resolves to { code, reason } when the connection is closed. */
  isClosed(withinMs = 10_000) {
    return eventually('the server to close the connection', () => this.closed, { withinMs })
  }

  /** Resolves when the peer's own pings are answered, so when all that it sent before was read. */
  async pinged() {
    await within(
      'a pong',
      new Promise((resolve) => {
        this.socket.once('pong', resolve)
        this.socket.ping()
      })
    )
  }

  dispose() {
    this.socket.terminate()
  }
}
