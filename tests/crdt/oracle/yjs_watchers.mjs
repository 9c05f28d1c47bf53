// What watches Yjs documents for the driver: observers, and undo managers. Events are written as
// crdt/driver/replica.cc writes them.

import * as Y from 'yjs'
import { encodeIds, encodeValue, toBase64 } from './yjs_values.mjs'
import { findType, kindOf } from './yjs_actions.mjs'

const withOrigin = (origin) => typeof origin === 'string' && origin !== '' ? { origin } : {}

const encodeEvent = (number, event) => {
  const { target, transaction } = event
  const changed = transaction.changed.get(target)
  const keys = [...changed].some((key) => key !== null)
    ? {
        keys: Object.fromEntries([...event.keys].map(([key, { action, oldValue }]) =>
          [key, action === 'add' ? { action } : { action, oldValue: encodeValue(oldValue) }]))
      }
    : {}
  return {
    observer: number,
    kind: kindOf(target),
    path: event.path,
    ...withOrigin(transaction.origin),
    local: transaction.local,
    ...keys,
    ...(changed.has(null) ? { delta: encodeValue(event.delta) } : {})
  }
}

// Calls `add` with each event; returns what ends that.
export const observe = (doc, request, add) => {
  const { observer: number, what = 'type', deep = false } = request
  if (what === 'transactions') {
    const handler = (transaction) => add({
      observer: number,
      ...withOrigin(transaction.origin),
      local: transaction.local,
      before: toBase64(Y.encodeStateVector(transaction.beforeState)),
      after: toBase64(Y.encodeStateVector(transaction.afterState)),
      deletes: encodeIds(transaction.deleteSet)
    })
    doc.on('afterTransaction', handler)
    return () => doc.off('afterTransaction', handler)
  }
  if (what === 'subdocuments') {
    const guids = (docs) => [...docs].map((subdocument) => subdocument.guid).sort()
    // Yjs destroys what was removed, and tells of it again as removed.
    const gone = new Set()
    const handler = ({ added, removed, loaded }) => {
      const news = [...removed].filter((subdocument) => !gone.has(subdocument))
      if (news.length + added.size + loaded.size === 0) return
      for (const subdocument of news) gone.add(subdocument)
      add({ observer: number, added: guids(added), removed: guids(news), loaded: guids(loaded) })
    }
    doc.on('subdocs', handler)
    return () => doc.off('subdocs', handler)
  }
  if (what !== 'type') throw new Error(`there is no observing of ${what}`)
  const type = findType(doc, request, request.kind)
  if (deep) {
    const handler = (events) => events.forEach((event) => add(encodeEvent(number, event)))
    type.observeDeep(handler)
    return () => type.unobserveDeep(handler)
  }
  const handler = (event) => add(encodeEvent(number, event))
  type.observe(handler)
  return () => type.unobserve(handler)
}

export const makeUndoManager = (doc, request, add) => {
  const { manager: number, scope, origins = [null], captureTimeout = 500, ignoreRemoteMapChanges = false } = request
  const types = scope?.map((type) => findType(doc, type, type.kind))
  if (types?.length === 0) throw new Error('a scope has a type')
  const manager = new Y.UndoManager(types ?? doc, {
    captureTimeout, ignoreRemoteMapChanges, trackedOrigins: new Set(origins)
  })
  const note = (stack) => ({ type, stackItem }) => add({
    manager: number,
    stack,
    type,
    insertions: encodeIds(stackItem.insertions),
    deletions: encodeIds(stackItem.deletions)
  })
  manager.on('stack-item-added', note('added'))
  manager.on('stack-item-updated', note('updated'))
  manager.on('stack-item-popped', note('popped'))
  manager.on('stack-cleared', ({ undoStackCleared: undo, redoStackCleared: redo }) =>
    add({ manager: number, stack: 'cleared', undo, redo }))
  return manager
}
