// What it means that replicas agree, and that one holds everything another has seen.

import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { eventually } from './eventually.mjs'

/** The state vector of `doc` as an object, for messages and for comparisons that ignore the order. */
export function stateVectorOf(doc) {
  return Object.fromEntries([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b))
}

/** Whether both documents know the same blocks and the same deletions. */
function knowTheSame(a, b) {
  return (
    Buffer.compare(Y.encodeStateVector(a), Y.encodeStateVector(b)) === 0 &&
    Y.equalSnapshots(Y.snapshot(a), Y.snapshot(b))
  )
}

/** A new document with the state of `doc`. */
function copyOf(doc) {
  const copy = new Y.Doc()
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc))
  return copy
}

/**
 * The state of `doc` as a newcomer would encode it. Long-lived replicas of Yjs itself differ now and then in
 * where they cut a run of content into blocks, as this depends on the order in which updates came; loading
 * joins what can be joined.
 */
function canonicalBytes(doc) {
  return Buffer.from(Y.encodeStateAsUpdate(copyOf(doc)))
}

/**
 * Fails unless `doc` holds every block and every deletion that `other` knows.
 *
 * @param {string} what the claim, for the message
 */
export function assertHoldsAllOf(doc, other, what) {
  const before = copyOf(doc)
  const after = copyOf(doc)
  Y.applyUpdate(after, Y.encodeStateAsUpdate(other))
  const states = `${JSON.stringify(stateVectorOf(doc))} against ${JSON.stringify(stateVectorOf(other))}`
  assert.ok(knowTheSame(before, after), `not so: ${what}; the state is ${states}`)
}

/** Waits until all editors are in sync with their room and know the same. */
export async function converged(editors, withinMs = 10_000) {
  const names = editors.map((editor) => editor.name).join(', ')
  const [first, ...rest] = editors
  await eventually(
    `${names} to converge`,
    () =>
      editors.every((editor) => editor.provider.synced) && rest.every((editor) => knowTheSame(first.doc, editor.doc)),
    {
      withinMs,
      describe: () =>
        editors
          .map(
            ({ name, provider, doc }) =>
              `\n  ${name} (synced: ${provider.synced}) ${JSON.stringify(stateVectorOf(doc))}`
          )
          .join('')
    }
  )
}

/**
 * Fails unless the documents have the same state vector and the same state bytes, wait for nothing, and show
 * the same through `read`.
 *
 * @param {Y.Doc[]} docs
 * @param {(doc: Y.Doc) => unknown} read what a user sees of a document, as plain values
 */
export function assertSameDocuments(docs, read) {
  const [first, ...rest] = docs
  for (const doc of rest) {
    assert.deepEqual(read(doc), read(first))
    assert.deepEqual(stateVectorOf(doc), stateVectorOf(first))
    assert.deepEqual(canonicalBytes(doc), canonicalBytes(first))
  }
  for (const doc of docs) {
    assert.equal(doc.store.pendingStructs, null, 'no blocks wait for others')
    assert.equal(doc.store.pendingDs, null, 'no deletions wait for blocks')
  }
}
