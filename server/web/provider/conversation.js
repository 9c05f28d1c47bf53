// One document's part in weft.v1: what is kept until the server has it, from where to go on after a break, and how much may be
// sent. No sockets and no timers; the counterpart in C++ is sync/weft_v1_client.h, whose header tells the rules.
//
// A write has a number. All up to `received` are at the server, all up to `durable` on its medium; those in between and behind
// are in the queue, except where a gap says that only an answer to the server's question (a SyncStep2) will tell it everything.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import * as awarenessProtocol from 'y-protocols/awareness'
import { stateChecksum } from './checksum.js'
import { codes, encode, noGeneration } from './messages.js'

const [typeSync, typeAwareness, typeQueryAwareness] = [0, 1, 3]
const [step1, step2, stepUpdate] = [0, 1, 2]

/** What y-websocket says, as bytes. */
function inner (type, ...parts) {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  for (const part of parts) {
    if (typeof part === 'number') encoding.writeVarUint(encoder, part)
    else encoding.writeVarUint8Array(encoder, part)
  }
  return encoding.toUint8Array(encoder)
}

export class Conversation {
  /**
   * @param {object} setup
   * @param {Y.Doc} setup.doc
   * @param {import('y-protocols/awareness').Awareness} setup.awareness
   * @param {unknown} setup.origin of what is applied
   * @param {number} setup.windowBytes what the server may send ahead
   * @param {number} setup.queueBytes of writes that wait; beyond, the server is asked what it lacks instead
   * @param {(event: string, detail?: any) => void} setup.tell 'entered', 'synced', 'saved', 'denied', 'access', 'generation'
   */
  constructor ({ room, doc, awareness, origin, windowBytes, queueBytes, tell }) {
    Object.assign(this, { room, doc, awareness, origin, windowBytes, queueBytes, tell })
    this.generation = noGeneration
    this.sequence = 0
    this.queue = [] // { number, update }, oldest first
    this.queued = 0 // bytes
    this.written = 0
    this.sent = 0
    this.received = 0
    this.durable = 0
    this.gapEnd = 0
    /** @type {'received' | 'durable' | null} what the server last promised */
    this.level = null
    this.announced = new Set() // clients whose awareness waits
    this.end()
    // What is there already may be unknown to the server.
    if (Y.encodeStateVector(doc).length > 1) this.gapEnd = this.written = 1
  }

  get unsaved () {
    return this.written - this.durable
  }

  /** Whether it is joined or about to be. */
  get begun () {
    return this.channel !== 0
  }

  // --- A conversation begins and ends

  /** @param {(frame: Uint8Array) => void} send */
  begin (channel, send) {
    this.channel = channel
    this.send = send
    this.allowance = this.windowBytes
    const allKept = this.gapEnd <= this.received
    send(encode('join', {
      channel,
      room: this.room,
      generation: this.generation,
      sequence: allKept ? this.sequence : 0,
      credit: this.windowBytes,
      stateVector: Y.encodeStateVector(this.doc)
    }))
  }

  end () {
    this.channel = 0
    this.send = null
    this.entered = false
    this.role = 'none'
    this.synced = false
    this.asked = false
    this.question = null
    this.underWay = [] // { number, isAnswer }
    this.credit = 0
    this.allowance = 0
    this.returned = 0
    this.checked = null // the number of writes when the checksum was asked for
  }

  /** All that this document has goes into whatever history the room has. */
  acceptGeneration () {
    this.generation = noGeneration
    this.sequence = 0
    this.received = this.durable = 0
    this.giveUpQueue()
  }

  // --- What is made here

  /** Returns false when it has to begin again in a new channel to be heard. */
  write (update) {
    this.queue.push({ number: ++this.written, update })
    this.queued += update.length
    let heard = true
    if (this.queued > this.queueBytes && this.queue.length > 1) {
      this.giveUpQueue()
      heard = !this.begun || (this.entered && (this.role !== 'write' || this.question !== null))
    }
    if (this.entered && this.role !== 'write') {
      this.tell('denied', { code: codes.forbidden, reason: 'this connection may read but not write' })
    }
    this.tell('saved')
    if (heard) this.pump()
    return heard
  }

  announce (clients) {
    for (const client of clients) this.announced.add(client)
    this.pump()
  }

  /** Asks for everything once more, as y-websocket does. */
  resync () {
    if (this.entered && this.credit > 0) this.sendData(inner(typeSync, step1, Y.encodeStateVector(this.doc)))
  }

  giveUpQueue () {
    this.queue = []
    this.queued = 0
    this.gapEnd = this.written
  }

  pump () {
    if (!this.entered) return
    if (this.announced.size > 0 && this.credit > 0) {
      const known = [...this.announced].filter((client) => this.awareness.meta.has(client))
      this.announced.clear()
      if (known.length > 0) {
        this.sendData(inner(typeAwareness, awarenessProtocol.encodeAwarenessUpdate(this.awareness, known)))
      }
    }
    if (this.role !== 'write') return
    if (this.question !== null && this.credit > 0) {
      const answer = Y.encodeStateAsUpdate(this.doc, this.question)
      this.question = null
      this.asked = true
      this.sent = this.written
      this.underWay.push({ number: this.written, isAnswer: true })
      this.sendData(inner(typeSync, step2, answer))
    }
    if (!this.asked) return
    for (const { number, update } of this.queue) {
      if (this.credit <= 0) return
      if (number <= this.sent) continue
      this.sent = number
      this.underWay.push({ number, isAnswer: false })
      this.sendData(inner(typeSync, stepUpdate, update))
    }
  }

  sendData (message) {
    this.credit -= message.length
    this.send(encode('data', { channel: this.channel, message }))
  }

  // --- What the server says in this channel

  onJoined ({ generation, sequence, role, how, credit }) {
    if (this.generation !== noGeneration && this.generation !== generation) return this.tell('generation', generation)
    this.generation = generation
    if (sequence < this.sequence) this.sequence = 0 // a log that was put back
    this.entered = true
    this.role = role
    this.credit = credit
    this.sent = this.received
    this.asked = how === 'resumed'
    this.tell('entered', { how, role })
    if (this.awareness.getLocalState() !== null) this.announced.add(this.doc.clientID)
    this.pump()
  }

  onData ({ message }) {
    if (this.allowance <= 0) return false
    this.allowance -= message.length
    const { channel } = this
    try {
      this.take(message)
    } finally {
      // Observers of the document may throw, and may have left.
      if (this.channel === channel) this.returnCredit(message.length)
    }
    return true
  }

  returnCredit (bytes) {
    this.returned += bytes
    if (this.returned < this.windowBytes / 2) return
    this.allowance += this.returned
    this.send(encode('credit', { channel: this.channel, bytes: this.returned }))
    this.returned = 0
  }

  take (message) {
    const decoder = decoding.createDecoder(message)
    const type = decoding.readVarUint(decoder)
    if (type === typeAwareness) {
      awarenessProtocol.applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this.origin)
    } else if (type === typeQueryAwareness) {
      this.announce(this.awareness.getStates().keys())
    } else if (type === typeSync) {
      const step = decoding.readVarUint(decoder)
      if (step === step1) {
        this.question = decoding.readVarUint8Array(decoder)
        this.pump()
      } else if (step === step2 || step === stepUpdate) {
        Y.applyUpdate(this.doc, decoding.readVarUint8Array(decoder), this.origin)
      }
    }
  }

  onAck ({ count, level }) {
    for (const { number, isAnswer } of this.underWay.splice(0, count)) {
      // Behind a gap an update says nothing about those before it.
      if (isAnswer || this.gapEnd <= this.received) this.received = Math.max(this.received, number)
    }
    this.level = level
    if (level === 'durable') this.durable = Math.max(this.durable, this.received)
    this.dropReceived()
    this.tell('saved')
  }

  onNack ({ count, code, reason }) {
    for (const { number } of this.underWay.splice(0, count)) this.gapEnd = Math.max(this.gapEnd, number)
    this.tell('denied', { code, reason })
  }

  dropReceived () {
    while (this.queue.length > 0 && this.queue[0].number <= this.received) this.queued -= this.queue.shift().update.length
  }

  onHeard ({ sequence }) {
    this.sequence = sequence
    if (this.synced) return
    this.synced = true
    // A reader is not asked what it has; if it is what the server has, nothing is unsaved.
    if (this.role !== 'write' && this.unsaved > 0) {
      this.checked = this.written
      this.send(encode('check', { channel: this.channel }))
    }
    this.tell('synced')
  }

  onChecksum ({ hash }) {
    if (this.checked === this.written && hash === stateChecksum(this.doc)) {
      this.received = this.durable = this.written
      this.dropReceived()
      this.tell('saved')
    }
    this.checked = null
  }

  onGeneration ({ generation }) {
    if (this.generation === noGeneration) this.generation = generation
    else if (this.generation !== generation) this.tell('generation', generation)
  }

  onCredit ({ bytes }) {
    this.credit += bytes
    this.pump()
  }

  onAccess ({ role, reason }) {
    this.role = role
    this.tell('access', { role, reason })
    this.pump()
  }
}
