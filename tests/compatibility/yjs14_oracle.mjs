// Documents of @y/y 14 on command, for what can be compared without its own types: a part of the
// contract of tests/crdt/oracle/yjs_oracle.mjs, one JSON object a line in and out.

import { createInterface } from 'node:readline'
import * as Y from '@y/y'

for (const method of ['log', 'info', 'warn', 'debug']) console[method] = console.error

const toBase64 = (bytes) => Buffer.from(bytes).toString('base64')
const fromBase64 = (text) => new Uint8Array(Buffer.from(text, 'base64'))
const documents = new Map()
const get = (number) => {
  if (!documents.has(number)) throw new Error(`there is no document ${number}`)
  return documents.get(number)
}
const of = (v = 1) => (one, two) => v === 2 ? two : one

const operations = {
  new: ({ doc, clientID, gc = true }) => {
    const made = new Y.Doc({ gc })
    if (clientID !== undefined) made.clientID = clientID
    documents.set(doc, made)
    return { clientID: made.clientID }
  },
  apply: ({ doc, update, v }) => {
    of(v)(Y.applyUpdate, Y.applyUpdateV2)(get(doc), fromBase64(update))
    return {}
  },
  state: ({ doc, v, sv }) => {
    const known = sv === undefined ? undefined : fromBase64(sv)
    return { update: toBase64(of(v)(Y.encodeStateAsUpdate, Y.encodeStateAsUpdateV2)(get(doc), known)) }
  },
  sv: ({ doc }) => ({ sv: toBase64(Y.encodeStateVector(get(doc))) }),
  merge: ({ updates, v }) =>
    ({ update: toBase64(of(v)(Y.mergeUpdates, Y.mergeUpdatesV2)(updates.map(fromBase64))) }),
  diff: ({ update, sv, v }) =>
    ({ update: toBase64(of(v)(Y.diffUpdate, Y.diffUpdateV2)(fromBase64(update), fromBase64(sv))) }),
  convert: ({ update, from }) => ({
    update: toBase64(of(from)(Y.convertUpdateFormatV1ToV2, Y.convertUpdateFormatV2ToV1)(fromBase64(update)))
  }),
  svOf: ({ update, v }) => ({
    sv: toBase64(of(v)(Y.encodeStateVectorFromUpdate, Y.encodeStateVectorFromUpdateV2)(fromBase64(update)))
  }),
  intersect: ({ update, v, ids }) => {
    const set = Y.createIdSet()
    for (const [client, clock, length] of ids) set.add(client, clock, length)
    const cut = of(v)(Y.intersectUpdateWithContentIds, Y.intersectUpdateWithContentIdsV2)
    return { update: toBase64(cut(fromBase64(update), Y.createContentIds(set, set))) }
  },
  obfuscate: ({ update, v }) =>
    ({ update: toBase64(of(v)(Y.obfuscateUpdate, Y.obfuscateUpdateV2)(fromBase64(update))) }),
  snapshot: ({ doc, v }) =>
    ({ snapshot: toBase64(of(v)(Y.encodeSnapshot, Y.encodeSnapshotV2)(Y.snapshot(get(doc)))) })
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply
  try {
    const request = JSON.parse(line)
    reply = operations[request.op](request)
  } catch (error) {
    reply = { error: String(error?.message ?? error) }
  }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
