// Bytes that no stock client sends: malformed updates, state vectors and awareness states, and well-formed
// updates with absurd claims.
//
// UpdateV1  := clients (structs client clock Struct*)* DeleteSet
// DeleteSet := clients (client ranges (clock length)*)*
// Struct    := info ...    info: the kind of content in the lower 5 bits; 0 is GC and 10 is Skip, each with a length
// An item without neighbours names its parent: 1 and the name of a root type.

import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import {
  awarenessBody,
  awarenessMessage,
  kAwareness,
  kSync,
  kSyncStep1,
  kSyncStep2,
  kUpdate,
  syncMessage,
  written
} from './raw_peer.mjs'

const kClient = 7
const kHuge = 2 ** 31
const kHighest = Number.MAX_SAFE_INTEGER
const kDeep = 100_000

const kGc = 0
const kDeleted = 1
const kJson = 2
const kBinary = 3
const kString = 4
const kEmbed = 5
const kFormat = 6
const kType = 7
const kAny = 8
const kMove = 11
const kSkip = 10
const kHasParentSub = 0x20

const numbers = (...values) => written((encoder) => values.forEach((value) => encoding.writeVarUint(encoder, value)))
const text = (value) => written((encoder) => encoding.writeVarString(encoder, value))
const buffer = (bytes) => written((encoder) => encoding.writeVarUint8Array(encoder, bytes))
const joined = (...parts) => new Uint8Array(Buffer.concat(parts))

const kNotUtf8 = Uint8Array.of(0xc3, 0x28)
const kNoDeletions = numbers(0)

/** An update of one struct, in which nothing is deleted. */
const oneStruct = (...parts) => joined(numbers(1, 1, kClient, 0), ...parts, kNoDeletions)

/** An update of one item at the start of the root type `root`. */
const oneItem = (kind, ...content) => oneStruct(Uint8Array.of(kind), numbers(1), text('root'), ...content)

function realUpdate() {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'a real update')
  doc.getText('text').delete(2, 4)
  return Y.encodeStateAsUpdate(doc)
}

/** Updates that stock Yjs cannot apply: a log that holds one, or a server that passes one on, breaks its room. */
export const kMalformedUpdates = {
  'no bytes': new Uint8Array(0),
  'a number that does not end': Uint8Array.of(0x80),
  'a number of more than 53 bits': joined(new Uint8Array(9).fill(0xff), Uint8Array.of(1)),
  'a real update without its last byte': realUpdate().slice(0, -1),
  'a real update without its first byte': realUpdate().slice(1),
  'very many clients': numbers(kHuge),
  'as many clients as a number can say': numbers(kHighest),
  'very many structs': numbers(1, kHuge, kClient, 0),
  'as many structs as a number can say': numbers(1, kHighest, kClient, 0),
  'very many structs, and one is there': joined(numbers(1, kHuge, kClient, 0), Uint8Array.of(kGc), numbers(1)),
  'very many clients with deletions': numbers(0, kHuge),
  'very many deletions': numbers(0, 1, kClient, kHuge),
  'as many deletions as a number can say': numbers(0, 1, kClient, kHighest),
  'a text longer than the update': oneItem(kString, numbers(2 ** 40), new Uint8Array(3)),
  'a binary value longer than the update': oneItem(kBinary, numbers(kHuge), new Uint8Array(3)),
  'very many values': oneItem(kAny, numbers(kHuge), Uint8Array.of(126)),
  'very many JSON values': oneItem(kJson, numbers(kHuge), text('1')),
  'an array of very many values': oneItem(kAny, numbers(1), Uint8Array.of(117), numbers(kHuge)),
  'an object of very many values': oneItem(kAny, numbers(1), Uint8Array.of(118), numbers(kHuge)),
  'values nested very deep': oneItem(
    kAny,
    numbers(1),
    new Uint8Array(2 * kDeep).map((_byte, i) => (i % 2 === 0 ? 117 : 1)),
    Uint8Array.of(126)
  ),
  'a value of an unknown kind': oneItem(kAny, numbers(1), Uint8Array.of(90)),
  'content of an unknown kind': oneItem(29),
  'moved content, which released Yjs does not have': oneItem(kMove, numbers(0, 0, 0, 0)),
  'a type of an unknown kind': oneItem(kType, numbers(99)),
  'a format whose value is no JSON': oneItem(kFormat, text('bold'), text('{')),
  'an embed that is no JSON': oneItem(kEmbed, text('{]')),
  'a JSON value that is none': oneItem(kJson, numbers(1), text('tru')),
  'a text that is not UTF-8': oneItem(kString, buffer(kNotUtf8)),
  'the name of a root type that is not UTF-8': oneStruct(
    Uint8Array.of(kString),
    numbers(1),
    buffer(kNotUtf8),
    text('x')
  ),
  'a map key that is not UTF-8': oneItem(kAny | kHasParentSub, buffer(kNotUtf8), numbers(1), Uint8Array.of(126))
}

/** Updates with absurd claims that cost nothing to apply. A server may refuse them; it must not suffer. */
export const kAbsurdUpdates = {
  'a huge collected range': oneStruct(Uint8Array.of(kGc), numbers(kHuge - 1)),
  'a collected range up to the highest number': oneStruct(Uint8Array.of(kGc), numbers(kHighest)),
  'a collected range past the highest number': joined(
    numbers(1, 1, kClient, kHighest),
    Uint8Array.of(kGc),
    numbers(kHighest),
    kNoDeletions
  ),
  'a huge deleted item': oneItem(kDeleted, numbers(kHuge - 1)),
  'a skip up to the highest number': oneStruct(Uint8Array.of(kSkip), numbers(kHighest)),
  'a skip, then a block': joined(
    numbers(1, 2, kClient, 0),
    Uint8Array.of(kSkip),
    numbers(kHuge),
    Uint8Array.of(kGc),
    numbers(1),
    kNoDeletions
  ),
  'a block at the highest clock': joined(
    numbers(1, 1, kClient, kHighest),
    Uint8Array.of(kGc),
    numbers(1),
    kNoDeletions
  ),
  'a deletion up to the highest number': numbers(0, 1, kClient, 1, 0, kHighest),
  'a deletion past the highest number': numbers(0, 1, kClient, 1, kHighest, kHighest),
  'a block of no length': oneStruct(Uint8Array.of(kGc), numbers(0)),
  // A v2 update that makes readers of v2 declare blocks without end; clients of y-websocket speak v1.
  'a run-length bomb of the other encoding': new Uint8Array(
    Buffer.from('00010000000001000100010200001602000001fdffffffff7f0000', 'hex')
  )
}

const deepJson = '['.repeat(kDeep) + ']'.repeat(kDeep)

/** Whole messages that are malformed in their framing or in what is not an update. */
export const kMalformedMessages = {
  'no bytes': new Uint8Array(0),
  'a type that does not end': Uint8Array.of(0x80),
  'a type of more than 53 bits': joined(new Uint8Array(9).fill(0xff), Uint8Array.of(1)),
  'a sync message without a kind': numbers(kSync),
  'a sync message without a body': numbers(kSync, kSyncStep1),
  'a state vector longer than the message': numbers(kSync, kSyncStep1, 2 ** 32),
  'an update longer than the message': joined(numbers(kSync, kUpdate, kHighest), new Uint8Array(10)),
  'an answer longer than the message': joined(numbers(kSync, kSyncStep2, 11), new Uint8Array(10)),
  'a state vector of no bytes': syncMessage(kSyncStep1, new Uint8Array(0)),
  'a state vector of very many clients': syncMessage(kSyncStep1, numbers(kHuge)),
  'a state vector that ends early': syncMessage(kSyncStep1, numbers(2, kClient, 5, kClient + 1)),
  'an awareness message without a body': numbers(kAwareness),
  'an awareness message longer than it is': numbers(kAwareness, 2 ** 32),
  'awareness of very many clients': awarenessMessage(numbers(kHuge)),
  'awareness that ends early': awarenessMessage(numbers(1, kClient)),
  'an awareness state that is no JSON': awarenessMessage(
    awarenessBody([{ client: kClient, clock: 1, json: '{"user":' }])
  ),
  'an awareness state without text': awarenessMessage(awarenessBody([{ client: kClient, clock: 1, json: '' }])),
  'an awareness state that is not UTF-8': awarenessMessage(
    joined(numbers(1, kClient, 1), buffer(Uint8Array.of(0x22, 0xff, 0x22)))
  ),
  'an awareness state nested very deep': awarenessMessage(
    awarenessBody([{ client: kClient, clock: 1, json: deepJson }])
  )
}

/** Whole messages of other dialects, which are to be ignored. */
export const kForeignMessages = {
  ...Object.fromEntries(
    [4, 5, 6, 7, 8, 9, 10, 100, 102, 127, 128, 2 ** 32, kHighest].map((type) => [
      `type ${type}`,
      joined(numbers(type), Uint8Array.of(1, 2, 3, 0xff))
    ])
  ),
  'a type and nothing else': numbers(42),
  'a sync message of an unknown kind': numbers(kSync, 3, 1, 2),
  'a permission that is denied to the server': joined(numbers(2, 0), text('go away')),
  'an auth message of an unknown kind': numbers(2, 5),
  'a sync message with something behind it': joined(syncMessage(kSyncStep1, Uint8Array.of(0)), Uint8Array.of(9, 9, 9))
}

/** Bytes on the TCP connection that are no WebSocket frame that a client may send. */
export const kMalformedFrames = {
  'a frame without a mask': Uint8Array.of(0x82, 0x01, 0x08),
  'a frame with reserved bits': Uint8Array.of(0xf2, 0x81, 0, 0, 0, 0, 8),
  'a frame of a reserved kind': Uint8Array.of(0x83, 0x81, 0, 0, 0, 0, 8),
  'a frame of a length with its highest bit set': Uint8Array.of(
    0x82,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0,
    0,
    0,
    0
  ),
  'a frame of more bytes than any memory has': Uint8Array.of(
    0x82,
    0xff,
    0x00,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0,
    0,
    0,
    0
  ),
  'a ping longer than a ping may be': Uint8Array.of(0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0, ...new Uint8Array(126)),
  'a ping in fragments': Uint8Array.of(0x09, 0x80, 0, 0, 0, 0),
  'a continuation of nothing': Uint8Array.of(0x80, 0x81, 0, 0, 0, 0, 8)
}
