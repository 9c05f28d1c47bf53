// The checksum of a document's state that weft.v1 compares (sync/state_checksum.h): FNV-1a, 64 bits, of the state vector and
// the merged deletions, clients and clocks ascending.

import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

const ascending = (map) => [...map].sort(([a], [b]) => a - b)

/** The bytes that are hashed: equal for documents that know and have deleted the same. */
export function canonicalState (doc) {
  const { sv, ds } = Y.snapshot(doc)
  const encoder = encoding.createEncoder()
  const known = ascending(sv).filter(([, clock]) => clock > 0)
  encoding.writeVarUint(encoder, known.length)
  for (const [client, clock] of known) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, clock)
  }
  const deleted = ascending(ds.clients)
  encoding.writeVarUint(encoder, deleted.length)
  for (const [client, ranges] of deleted) {
    encoding.writeVarUint(encoder, client)
    encoding.writeVarUint(encoder, ranges.length)
    for (const { clock, len } of ranges) {
      encoding.writeVarUint(encoder, clock)
      encoding.writeVarUint(encoder, len)
    }
  }
  return encoding.toUint8Array(encoder)
}

/** 16 hexadecimal digits. */
export function stateChecksum (doc) {
  // The two halves apart: a product of 64 bits does not fit a number.
  let high = 0xcbf29ce4
  let low = 0x84222325
  for (const byte of canonicalState(doc)) {
    low = (low ^ byte) >>> 0
    // The prime is 2^40 + 0x1b3.
    const product = low * 0x1b3
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0
    low = product >>> 0
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}
