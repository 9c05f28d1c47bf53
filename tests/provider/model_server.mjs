// A server of weft.v1 in memory, which commits when it is told to: rooms with a log, and sockets that are the class
// `WebSocketPolyfill` takes. Frames travel as microtasks, in order.

import { decode, encode, noGeneration } from '../../server/web/provider/messages.js'
// The provider's own Yjs: there must not be two.
import * as Y from '../../server/web/node_modules/yjs/dist/yjs.mjs'
import * as decoding from '../../server/web/node_modules/lib0/decoding.js'
import * as encoding from '../../server/web/node_modules/lib0/encoding.js'
import { stateChecksum } from '../../server/web/provider/checksum.js'

export { Y }

const sync = (step, bytes) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, 0)
  encoding.writeVarUint(encoder, step)
  encoding.writeVarUint8Array(encoder, bytes)
  return encoding.toUint8Array(encoder)
}

class Room {
  constructor (number) {
    this.generation = number.toString(16).padStart(16, '0')
    this.log = []
    this.held = []
    this.doc = new Y.Doc()
  }

  get head () {
    return { generation: this.log.length === 0 ? noGeneration : this.generation, sequence: this.log.length }
  }
}

export class ModelServer {
  constructor ({ window = 1 << 18, level = 'durable' } = {}) {
    Object.assign(this, { window, level })
    this.rooms = new Map()
    this.sockets = new Set()
    this.made = 0 // sockets, ever
    this.frames = [] // all that clients sent, decoded
    this.tokens = []
    this.expiresMs = 0
    this.reachable = true
    this.role = 'write'
    this.autoCommit = true
    this.lastRoom = 0
    const server = this
    this.Socket = class {
      constructor (url, protocols) {
        Object.assign(this, { url, protocols, readyState: 0, protocol: '' })
        server.made++
        queueMicrotask(() => {
          if (!server.reachable) return this.end(1006)
          this.readyState = 1
          this.protocol = protocols[0]
          this.channels = new Map()
          server.sockets.add(this)
          this.onopen?.()
        })
      }

      send (bytes) {
        const frame = decode(bytes)
        queueMicrotask(() => { if (this.readyState === 1) server.receive(this, frame) })
      }

      close (code = 1000) { this.end(code) }

      end (code, reason = '') {
        if (this.readyState === 3) return
        this.readyState = 3
        server.sockets.delete(this)
        queueMicrotask(() => this.onclose?.({ code, reason }))
      }

      say (kind, message) {
        const data = encode(kind, message)
        queueMicrotask(() => { if (this.readyState === 1) this.onmessage?.({ data: data.buffer }) })
      }
    }
  }

  room (name) {
    if (!this.rooms.has(name)) this.rooms.set(name, new Room(++this.lastRoom))
    return this.rooms.get(name)
  }

  sent (kind) { return this.frames.filter((frame) => frame.kind === kind) }

  receive (socket, frame) {
    this.frames.push(frame)
    const member = socket.channels.get(frame.channel)
    switch (frame.kind) {
      case 'hello':
      case 'auth':
        this.tokens.push(frame.token)
        return socket.say('welcome', { version: 1, session: 's', features: 0, messageBytes: 1 << 20, channels: 10, expiresMs: this.expiresMs })
      case 'join': return this.join(socket, frame)
      case 'leave':
        socket.channels.delete(frame.channel)
        return socket.say('left', { channel: frame.channel, code: 1000, reason: '' })
      case 'data': return member && this.take(member, frame.message)
      case 'credit':
        if (member) { member.credit += frame.bytes; this.pump(member) }
        return
      case 'check':
        return socket.say('checksum', {
          channel: frame.channel, hash: stateChecksum(member.room.doc), stateVector: Y.encodeStateVector(member.room.doc)
        })
      case 'ping': return socket.say('pong', { number: frame.number })
    }
  }

  join (socket, { channel, room: name, generation, sequence, credit, stateVector }) {
    const room = this.room(name)
    const { head } = room
    if (generation !== noGeneration && generation !== head.generation) {
      return socket.say('refused', { channel, code: 4410, generation: head.generation, reason: 'another history' })
    }
    const member = { socket, channel, room, credit, allowance: this.window, waiting: [] }
    socket.channels.set(channel, member)
    const resumes = sequence > 0 && sequence <= head.sequence
    socket.say('joined', { channel, ...head, role: this.role, how: resumes ? 'resumed' : 'synced', credit: this.window })
    if (resumes) {
      for (const update of room.log.slice(sequence)) this.tell(member, sync(2, update))
    } else {
      if (this.role === 'write') this.tell(member, sync(0, Y.encodeStateVector(room.doc)))
      this.tell(member, sync(1, Y.encodeStateAsUpdate(room.doc, stateVector)))
    }
    this.tellHeard(member)
  }

  tell (member, message) {
    member.waiting.push(message)
    this.pump(member)
  }

  pump (member) {
    while (member.waiting.length > 0 && member.credit > 0) {
      const message = member.waiting.shift()
      if (typeof message === 'function') message()
      else {
        member.credit -= message.length
        member.socket.say('data', { channel: member.channel, message })
      }
    }
  }

  tellHeard (member) {
    const { generation, sequence } = member.room.head
    this.tell(member, () => {
      if (generation !== noGeneration) member.socket.say('generation', { channel: member.channel, generation })
      member.socket.say('heard', { channel: member.channel, sequence: this.level === 'durable' ? sequence : 0 })
    })
  }

  members (room) {
    return [...this.sockets].flatMap((socket) => [...socket.channels.values()]).filter((member) => member.room === room)
  }

  take (member, message) {
    if (member.allowance <= 0) throw new Error('the client sends without credit')
    const { socket, channel, room } = member
    member.allowance -= message.length
    const giveBack = () => {
      member.allowance += message.length
      socket.say('credit', { channel, bytes: message.length })
    }
    const decoder = decoding.createDecoder(message)
    if (decoding.readVarUint(decoder) === 1) {
      for (const other of this.members(room)) this.tell(other, message)
      return giveBack()
    }
    const step = decoding.readVarUint(decoder)
    const content = decoding.readVarUint8Array(decoder)
    if (step === 0) {
      this.tell(member, sync(1, Y.encodeStateAsUpdate(room.doc, content)))
      return giveBack()
    }
    if (this.role !== 'write') {
      socket.say('nack', { channel, code: 4403, count: 1, reason: 'read only' })
      return giveBack()
    }
    room.held.push(() => {
      const before = Y.encodeStateAsUpdate(room.doc)
      Y.applyUpdate(room.doc, content)
      if (Buffer.compare(before, Y.encodeStateAsUpdate(room.doc)) !== 0) {
        room.log.push(content)
        for (const other of this.members(room)) if (other !== member) this.tell(other, sync(2, content))
      }
      if (socket.channels.get(channel) === member) {
        socket.say('ack', { channel, level: this.level, count: 1, sequence: room.log.length })
        giveBack()
      }
      for (const other of this.members(room)) this.tellHeard(other)
    })
    if (this.autoCommit) this.commit(room)
  }

  commit (room) {
    for (const release of room.held.splice(0)) release()
  }

  setRole (role) {
    this.role = role
    for (const socket of this.sockets) {
      for (const member of socket.channels.values()) {
        socket.say('access', { channel: member.channel, role, reason: 'so it is' })
        if (role === 'write') this.tell(member, sync(0, Y.encodeStateVector(member.room.doc)))
      }
    }
  }

  drop (code = 1006, reason = '') {
    for (const socket of [...this.sockets]) socket.end(code, reason)
  }

  deleteRoom (name) {
    for (const member of this.members(this.room(name))) {
      member.socket.channels.delete(member.channel)
      member.socket.say('left', { channel: member.channel, code: 1012, reason: 'deleted' })
    }
    this.rooms.delete(name)
    this.rooms.set(name, new Room(++this.lastRoom))
  }
}
