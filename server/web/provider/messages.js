// The messages of weft.v1 (sync/PROTOCOL.md), as bytes and as objects.
//
//   encode('ack', { channel: 3, level: 'durable', count: 2, sequence: 302 })  → Uint8Array
//   decode(bytes)                         → { kind: 'ack', channel: 3, level: 'durable', … }
//
// Generations and hashes are 16 hexadecimal digits, for they do not fit a number. A kind that is not known decodes to
// { kind: 'unknown' }; bytes that are no message throw.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'

export const subprotocol = 'weft.v1'
export const noGeneration = '0'.repeat(16)

/** Codes of Refused, Left, Nack and Closing with a meaning of their own; 4400 to 4499 are final. */
export const codes = { malformed: 4400, forbidden: 4403, badVersion: 4406, otherGeneration: 4410, creditExceeded: 4430 }
export const isFinal = (code) => code >= 4400 && code < 4500

const number = { read: decoding.readVarUint, write: encoding.writeVarUint }
const positive = {
  read: (decoder) => {
    const value = decoding.readVarUint(decoder)
    if (value === 0) throw new Error('a count is 0')
    return value
  },
  write: encoding.writeVarUint
}
const text = { read: decoding.readVarString, write: encoding.writeVarString }
const buffer = { read: decoding.readVarUint8Array, write: encoding.writeVarUint8Array }
const rest = { read: decoding.readTailAsUint8Array, write: encoding.writeUint8Array }
const fixed = {
  read: (decoder) => Array.from(decoding.readUint8Array(decoder, 8), (byte) => byte.toString(16).padStart(2, '0')).join(''),
  write: (encoder, hex) => {
    for (let i = 0; i < 16; i += 2) encoding.writeUint8(encoder, parseInt(hex.slice(i, i + 2), 16))
  }
}
const choice = (...names) => ({
  read: (decoder) => {
    const name = names[decoding.readVarUint(decoder)]
    if (name === undefined) throw new Error('a number has no meaning here')
    return name
  },
  write: (encoder, name) => encoding.writeVarUint(encoder, names.indexOf(name))
})
const role = choice('none', 'read', 'write')

// In the order of their numbers, the fields in the order of the grammar.
const grammar = {
  hello: { version: number, client: text, token: text, features: number },
  welcome: { version: number, session: text, features: number, messageBytes: number, channels: number, expiresMs: number },
  join: { channel: number, room: text, generation: fixed, sequence: number, credit: number, stateVector: buffer },
  joined: { channel: number, generation: fixed, sequence: number, role, how: choice('synced', 'resumed'), credit: number },
  refused: { channel: number, code: number, generation: fixed, reason: text },
  leave: { channel: number },
  left: { channel: number, code: number, reason: text },
  data: { channel: number, message: rest },
  ack: { channel: number, level: choice('received', 'durable'), count: positive, sequence: number },
  nack: { channel: number, code: number, count: positive, reason: text },
  heard: { channel: number, sequence: number },
  generation: { channel: number, generation: fixed },
  credit: { channel: number, bytes: positive },
  auth: { token: text },
  access: { channel: number, role, reason: text },
  check: { channel: number },
  checksum: { channel: number, hash: fixed, stateVector: buffer },
  closing: { code: number, retryMs: number, reason: text },
  ping: { number },
  pong: { number },
  ask: { channel: number, number, verb: text, arguments: text },
  answer: { channel: number, number, status: number, text },
  watch: { channel: number, wanted: choice('no', 'yes') },
  event: { channel: number, text }
}
const kinds = Object.keys(grammar)

export function encode (kind, message) {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, kinds.indexOf(kind))
  for (const [name, field] of Object.entries(grammar[kind])) field.write(encoder, message[name])
  return encoding.toUint8Array(encoder)
}

export function decode (bytes) {
  const decoder = decoding.createDecoder(bytes)
  const kind = kinds[decoding.readVarUint(decoder)]
  if (kind === undefined) return { kind: 'unknown' }
  const message = { kind }
  for (const [name, field] of Object.entries(grammar[kind])) message[name] = field.read(decoder)
  return message
}
