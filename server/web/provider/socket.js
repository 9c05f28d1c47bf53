// One WebSocket that all providers of a server share, and which comes back after it ends.
//
// Providers with the same URL, token and WebSocket class are on the same socket; it is closed when the last one has left.

import { codes, decode, encode, isFinal, subprotocol } from './messages.js'

const silenceMs = 15_000
const firstDelayMs = 200

/** @type {Set<SharedSocket>} */
const pool = new Set()

/** The socket for these, with `member` on it. */
export function share (member, { url, token, WebSocketClass, protocols }) {
  for (const socket of pool) {
    if (socket.url === url && socket.token === token && socket.WebSocketClass === WebSocketClass) {
      socket.add(member)
      return socket
    }
  }
  const socket = new SharedSocket({ url, token, WebSocketClass, protocols })
  pool.add(socket)
  socket.add(member)
  return socket
}

export class SharedSocket {
  constructor ({ url, token, WebSocketClass, protocols }) {
    Object.assign(this, { url, token, WebSocketClass, protocols })
    /** Who is on it: { maxBackoffTime, shouldReconnect, onSocketBegin, onSocketEnd, onSocketError, onFinalEnd, join, on } */
    this.members = new Set()
    this.channels = new Map() // number → member
    this.ws = null
    this.greeted = false
    this.nextChannel = 1
    this.failures = 0
    this.closing = null
    this.retryTimer = this.renewTimer = this.silenceTimer = undefined
    this.heardAt = 0
  }

  get open () {
    return this.ws !== null && this.greeted
  }

  add (member) {
    this.members.add(member)
    if (this.open) member.join(this)
    else if (this.ws === null && this.retryTimer === undefined) this.connect()
  }

  remove (member) {
    for (const [channel, other] of this.channels) {
      if (other === member) this.leave(channel)
    }
    this.members.delete(member)
    if (this.members.size > 0) return
    pool.delete(this)
    clearTimeout(this.retryTimer)
    if (this.ws !== null) this.drop(null)
  }

  /** A new channel for `member`, whose number is returned. */
  enter (member) {
    const channel = this.nextChannel++
    this.channels.set(channel, member)
    return channel
  }

  leave (channel) {
    if (!this.channels.delete(channel)) return
    if (this.open) this.send(encode('leave', { channel }))
  }

  send = (frame) => {
    if (this.ws !== null && this.ws.readyState === 1) this.ws.send(frame)
  }

  connect () {
    this.retryTimer = undefined
    for (const member of this.members) member.onSocketBegin()
    const ws = new this.WebSocketClass(this.url, [subprotocol, ...this.protocols])
    ws.binaryType = 'arraybuffer'
    this.ws = ws
    this.closing = null
    ws.onopen = () => { void this.greet(ws) }
    ws.onmessage = ({ data }) => {
      if (this.ws !== ws) return
      this.heardAt = Date.now()
      this.receive(new Uint8Array(data))
    }
    ws.onerror = (event) => {
      if (this.ws === ws) for (const member of this.members) member.onSocketError(event)
    }
    ws.onclose = (event) => {
      if (this.ws === ws) this.drop(event)
    }
  }

  currentToken = async () => (typeof this.token === 'function' ? await this.token() : this.token) ?? ''

  async greet (ws) {
    if (this.ws !== ws) return
    if (ws.protocol !== subprotocol) {
      return this.drop({ code: codes.badVersion, reason: `the server at ${this.url} does not speak ${subprotocol}` })
    }
    let token
    try {
      token = await this.currentToken()
    } catch (error) {
      for (const member of this.members) member.onSocketError(error)
      if (this.ws === ws) this.drop(null)
      return
    }
    if (this.ws !== ws) return
    this.nextChannel = 1
    this.greeted = true
    this.heardAt = Date.now()
    this.silenceTimer = setInterval(() => this.checkSilence(), silenceMs / 5)
    this.send(encode('hello', { version: 1, client: 'weft-provider', token, features: 0 }))
    for (const member of [...this.members]) member.join(this)
  }

  checkSilence () {
    const silent = Date.now() - this.heardAt
    if (silent >= 2 * silenceMs) this.drop(null)
    else if (silent >= silenceMs) this.send(encode('ping', { number: 0 }))
  }

  receive (bytes) {
    let message
    try {
      message = decode(bytes)
    } catch (error) {
      return this.drop({ code: codes.malformed, reason: error.message })
    }
    if (message.kind === 'welcome') {
      this.failures = 0
      this.renewBefore(message.expiresMs)
    } else if (message.kind === 'closing') {
      this.closing = message
    } else if (message.channel !== undefined) {
      const member = this.channels.get(message.channel)
      if (member === undefined) return // it has left meanwhile
      if (message.kind === 'left' || message.kind === 'refused') this.channels.delete(message.channel)
      member.on(message)
    }
  }

  /** A token that is asked for is asked for again when it is about to end. */
  renewBefore (expiresMs) {
    clearTimeout(this.renewTimer)
    if (expiresMs === 0 || typeof this.token !== 'function') return
    this.renewTimer = setTimeout(() => { void this.renew() }, Math.min(expiresMs * 0.8, 2 ** 31 - 1))
  }

  async renew () {
    const ws = this.ws
    try {
      const token = await this.currentToken()
      if (this.ws === ws && this.open) this.send(encode('auth', { token }))
    } catch (error) {
      for (const member of this.members) member.onSocketError(error)
    }
  }

  /** The socket has ended, or is ended here (`event` null): comes back unless there is no use. */
  drop (event) {
    const ws = this.ws
    this.ws = null
    this.greeted = false
    ws.onopen = ws.onmessage = ws.onclose = null
    ws.onerror = () => {} // closing one that still connects is an error event, which node would throw
    ws.close()
    clearInterval(this.silenceTimer)
    clearTimeout(this.renewTimer)
    this.channels.clear()
    this.failures++
    const end = this.closing ?? event
    const members = [...this.members]
    for (const member of members) member.onSocketEnd(event)
    for (const member of members) {
      if (end !== null && this.members.has(member) && !member.shouldReconnect(end, member.provider)) {
        member.onFinalEnd({ code: end.code, reason: end.reason })
      }
    }
    if (this.members.size === 0 || this.ws !== null) return
    const longest = Math.max(...[...this.members].map((member) => member.maxBackoffTime))
    const delay = Math.min(firstDelayMs * 2 ** (this.failures - 1), longest)
    // A random part of it, so that all who lost a server do not come back at once.
    this.retryTimer = setTimeout(() => this.connect(), Math.max(this.closing?.retryMs ?? 0, delay) * (0.5 + Math.random() / 2))
  }
}

export const reconnectsAfter = ({ code }) => !isFinal(code)
