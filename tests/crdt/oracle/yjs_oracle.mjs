// Real Yjs documents on command: the contract of crdt/driver/driver.h, answered by Yjs. One JSON object a
// line on standard input, one reply a line on standard output, in order; an error answers {"error": text}
// and the process goes on. "validate" finds nothing here.
//
// For tests of weft beside the driver's contract:
//
//   {"op":"history","seed","steps"?,"kinds"?,"gc"?}
//                                               → {"updates","states"} of replicas of Yjs, see yjs_history.mjs
//
// Nothing is random: a document that has to take a new client id gets the next of a fixed sequence, which
// "seed" moves, and the clock of undo managers is what requests say.

import { createRequire } from 'node:module'

const fail = (message) => {
  process.stderr.write(`yjs_oracle: ${message}\n`)
  process.exit(3)
}

// Yjs reports some events on the console, which would stand between the replies.
for (const method of ['log', 'info', 'warn', 'debug']) console[method] = console.error

const require = createRequire(import.meta.url)
let yjsVersion
try {
  yjsVersion = require('yjs/package.json').version
} catch {
  fail('the package yjs is not installed; run "npm ci" in tests/')
}
// Before Yjs is there, which keeps the function. Not 0, by which Yjs means that nothing has happened yet.
let now = 1
Date.now = () => now
// What Yjs puts into timers (permanent user data) is done when the request is, before its reply.
const timers = []
globalThis.setTimeout = (task) => { timers.push(task) }
const runTimers = () => { while (timers.length > 0) timers.shift()() }

const Y = await import('yjs')
const { asCount, encodeValue, fromBase64, toBase64 } = await import('./yjs_values.mjs')
const { findType, getRoot, kindOf, runAction } = await import('./yjs_actions.mjs')
const { makeUndoManager, observe } = await import('./yjs_watchers.mjs')
const { deliver, writeHistory } = await import('../golden/yjs_history.mjs')

// number → { doc, updates, updatesV2, events: since the last request, observers, managers: by number,
//   users: permanent user data or null }
const documents = new Map()
const firstClientId = 500_000_000
let nextClientId = firstClientId

const getEntry = (number) => {
  const entry = documents.get(number)
  if (entry === undefined) throw new Error(`there is no document ${JSON.stringify(number)}`)
  return entry
}

const open = (number, doc, both = false) => {
  const entry = { doc, both, updates: [], updatesV2: [], events: [], observers: new Map(), managers: new Map(), users: null }
  doc.on('update', (update) => entry.updates.push(toBase64(update)))
  if (both) doc.on('updateV2', (update) => entry.updatesV2.push(toBase64(update)))
  documents.get(number)?.doc.destroy()
  documents.set(number, entry)
  return { clientID: doc.clientID }
}

const forget = (entry) => { entry.updates = []; entry.updatesV2 = []; entry.events = [] }

// What happened since `forget`: one update or null (and all, when there are more), or a list.
const report = (entry, one) => {
  const { both, updates, updatesV2, events } = entry
  const watched = entry.observers.size + entry.managers.size > 0
  forget(entry)
  const form = (single, all, list) => ({
    ...(one ? { [single]: list[0] ?? null } : {}),
    ...(one && list.length < 2 ? {} : { [all]: list })
  })
  return {
    ...form('update', 'updates', updates),
    ...(both ? form('updateV2', 'updatesV2', updatesV2) : {}),
    ...(watched ? { events } : {})
  }
}

const getManager = (entry, number) => {
  const manager = entry.managers.get(number)
  if (manager === undefined) throw new Error('there is no such undo manager')
  return manager
}
const reportUndo = (entry, manager) =>
  ({ undo: manager.undoStack.length, redo: manager.redoStack.length, ...report(entry, false) })

const keepClientIdsDeterministic = (doc, before) => {
  if (doc.clientID !== before) doc.clientID = nextClientId++
}

const isV2 = ({ v = 1 }) => {
  if (v !== 1 && v !== 2) throw new Error(`unknown update format ${JSON.stringify(v)}`)
  return v === 2
}

const toSnapshot = (text, request) =>
  (isV2(request) ? Y.decodeSnapshotV2 : Y.decodeSnapshot)(fromBase64(text))

const operations = {
  version: () => ({ yjs: yjsVersion }),

  reset: () => {
    for (const { doc } of documents.values()) doc.destroy()
    documents.clear()
    nextClientId = firstClientId
    now = 1
    return {}
  },

  seed: ({ clientID }) => { nextClientId = asCount(clientID); return {} },

  new: ({ doc: number, clientID, gc = true, keep, both = false }) => {
    const gcFilter = keep === undefined ? undefined : (item) => item.id.clock % asCount(keep) !== 0
    const doc = new Y.Doc(gcFilter === undefined ? { gc } : { gc, gcFilter })
    doc.clientID = clientID ?? nextClientId++
    return open(number, doc, both)
  },

  drop: ({ doc: number }) => {
    getEntry(number).doc.destroy()
    documents.delete(number)
    return {}
  },

  apply: (request) => {
    const entry = getEntry(request.doc)
    const { doc } = entry
    const update = fromBase64(request.update)
    const before = doc.clientID
    forget(entry)
    try {
      const apply = isV2(request) ? Y.applyUpdateV2 : Y.applyUpdate
      apply(doc, update, request.origin ?? null)
    } finally {
      keepClientIdsDeterministic(doc, before)
      runTimers()
    }
    return { ...report(entry, false), clientID: doc.clientID }
  },

  edit: ({ doc: number, actions, origin = null }) => {
    const entry = getEntry(number)
    const { doc } = entry
    forget(entry)
    try {
      doc.transact(() => actions.forEach((action) => runAction(doc, action)), origin)
    } finally {
      runTimers()
    }
    return report(entry, true)
  },

  state: (request) => {
    const { doc } = getEntry(request.doc)
    const sv = request.sv === undefined ? undefined : fromBase64(request.sv)
    const encode = isV2(request) ? Y.encodeStateAsUpdateV2 : Y.encodeStateAsUpdate
    return { update: toBase64(encode(doc, sv)) }
  },

  sv: ({ doc }) => ({ sv: toBase64(Y.encodeStateVector(getEntry(doc).doc)) }),

  json: ({ doc: number, types }) => {
    const { doc } = getEntry(number)
    const json = {}
    const delta = {}
    for (const name of Object.keys(types)) {
      const type = getRoot(doc, name, types[name])
      json[name] = encodeValue(type)
      if (type instanceof Y.Text) delta[name] = encodeValue(type.toDelta())
    }
    return { json, delta }
  },

  read: (request) => {
    const type = findType(getEntry(request.doc).doc, request, request.kind)
    if (request.snapshot !== undefined) {
      if (!(type instanceof Y.Text)) throw new Error('only a text can be read at a snapshot')
      const { snapshot, previous } = request
      const before = previous === undefined ? undefined : toSnapshot(previous, request)
      return { delta: encodeValue(type.toDelta(toSnapshot(snapshot, request), before)) }
    }
    const reply = {
      kind: kindOf(type),
      json: encodeValue(type),
      length: type instanceof Y.Map ? type.size : type.length
    }
    if (type instanceof Y.Text) reply.delta = encodeValue(type.toDelta())
    if (type instanceof Y.Text || type instanceof Y.XmlElement) reply.attributes = encodeValue(type.getAttributes())
    return reply
  },

  pending: ({ doc: number }) => {
    const { pendingStructs, pendingDs } = getEntry(number).doc.store
    return { pending: pendingStructs !== null || pendingDs !== null }
  },

  subdocuments: ({ doc }) =>
    ({ subdocuments: [...getEntry(doc).doc.getSubdocs()].map(({ guid }) => guid).sort() }),

  validate: ({ doc }) => { getEntry(doc); return {} },

  observe: (request) => {
    const entry = getEntry(request.doc)
    const number = asCount(request.observer)
    const end = observe(entry.doc, request, (event) => entry.events.push(event))
    entry.observers.get(number)?.()
    entry.observers.set(number, end)
    return {}
  },

  unobserve: ({ doc: number, observer }) => {
    const { observers } = getEntry(number)
    if (!observers.has(observer)) throw new Error('there is no such observer')
    observers.get(observer)()
    observers.delete(observer)
    return {}
  },

  'undo.new': (request) => {
    const entry = getEntry(request.doc)
    const number = asCount(request.manager)
    const manager = makeUndoManager(entry.doc, request, (event) => entry.events.push(event))
    entry.managers.get(number)?.destroy()
    entry.managers.set(number, manager)
    return {}
  },

  'undo.undo': ({ doc, manager: number }) => {
    const entry = getEntry(doc)
    const manager = getManager(entry, number)
    forget(entry)
    const done = manager.undo() !== null
    runTimers()
    return { done, ...reportUndo(entry, manager) }
  },

  'undo.redo': ({ doc, manager: number }) => {
    const entry = getEntry(doc)
    const manager = getManager(entry, number)
    forget(entry)
    const done = manager.redo() !== null
    runTimers()
    return { done, ...reportUndo(entry, manager) }
  },

  'undo.stop': ({ doc, manager: number }) => {
    const entry = getEntry(doc)
    const manager = getManager(entry, number)
    forget(entry)
    manager.stopCapturing()
    return reportUndo(entry, manager)
  },

  'undo.clear': ({ doc, manager: number, undo = true, redo = true }) => {
    const entry = getEntry(doc)
    const manager = getManager(entry, number)
    forget(entry)
    manager.clear(undo, redo)
    return reportUndo(entry, manager)
  },

  'undo.drop': ({ doc, manager: number }) => {
    const entry = getEntry(doc)
    getManager(entry, number).destroy()
    entry.managers.delete(number)
    return {}
  },

  'users.new': ({ doc: number }) => {
    const entry = getEntry(number)
    if (entry.users !== null) throw new Error('there is permanent user data already')
    entry.users = new Y.PermanentUserData(entry.doc)
    return {}
  },

  'users.map': ({ doc: number, user, clientID, except }) => {
    const entry = getEntry(number)
    const { doc, users } = entry
    if (users === null) throw new Error('there is no permanent user data')
    if (typeof user !== 'string' || user === '') throw new Error('a user has a name')
    const filter = except === undefined ? undefined : (transaction) => transaction.origin !== except
    forget(entry)
    users.setUserMapping(doc, asCount(clientID ?? doc.clientID), user, { filter })
    runTimers()
    return report(entry, false)
  },

  'users.who': ({ doc: number, clientID, id }) => {
    const { users } = getEntry(number)
    if (users === null) throw new Error('there is no permanent user data')
    if (clientID !== undefined) return { user: users.getUserByClientId(clientID) }
    return { user: users.getUserByDeletedId(Y.createID(...id)) }
  },

  snapshot: (request) => {
    const snapshot = Y.snapshot(getEntry(request.doc).doc)
    return { snapshot: toBase64((isV2(request) ? Y.encodeSnapshotV2 : Y.encodeSnapshot)(snapshot)) }
  },

  'snapshot.doc': (request) => {
    const doc = new Y.Doc({ gc: request.gc ?? true })
    doc.clientID = request.clientID ?? nextClientId++
    Y.createDocFromSnapshot(getEntry(request.doc).doc, toSnapshot(request.snapshot, request), doc)
    return open(request.as, doc)
  },

  'snapshot.equal': (request) =>
    ({ equal: Y.equalSnapshots(toSnapshot(request.a, request), toSnapshot(request.b, request)) }),

  'snapshot.contains': (request) => {
    const contains = isV2(request) ? Y.snapshotContainsUpdateV2 : Y.snapshotContainsUpdate
    return { contains: contains(toSnapshot(request.snapshot, request), fromBase64(request.update)) }
  },

  position: (request) => {
    const type = findType(getEntry(request.doc).doc, request, request.kind)
    if (type instanceof Y.Map) throw new Error('a map has no positions')
    if (asCount(request.index) > type.length) throw new Error('the index is behind the end')
    const position = Y.createRelativePositionFromTypeIndex(type, request.index, request.assoc ?? 0)
    return {
      position: toBase64(Y.encodeRelativePosition(position)),
      json: Y.relativePositionToJSON(position)
    }
  },

  resolve: (request) => {
    const position = request.json === undefined
      ? Y.decodeRelativePosition(fromBase64(request.position))
      : Y.createRelativePositionFromJSON(request.json)
    const { doc } = getEntry(request.doc)
    const place = Y.createAbsolutePositionFromRelativePosition(position, doc, request.follow ?? true)
    if (place === null) return { index: null }
    const { type, index, assoc } = place
    const item = type._item
    return {
      index,
      assoc,
      ...(item === null
        ? { root: [...doc.share].find(([, root]) => root === type)[0] }
        : { item: [item.id.client, item.id.clock] })
    }
  },

  merge: (request) => {
    const merge = isV2(request) ? Y.mergeUpdatesV2 : Y.mergeUpdates
    return { update: toBase64(merge(request.updates.map(fromBase64))) }
  },

  diff: (request) => {
    const diff = isV2(request) ? Y.diffUpdateV2 : Y.diffUpdate
    return { update: toBase64(diff(fromBase64(request.update), fromBase64(request.sv))) }
  },

  convert: ({ update, from, to }) => {
    const bytes = fromBase64(update)
    if (isV2({ v: from }) === isV2({ v: to })) return { update: toBase64(bytes) }
    const convert = to === 2 ? Y.convertUpdateFormatV1ToV2 : Y.convertUpdateFormatV2ToV1
    return { update: toBase64(convert(bytes)) }
  },

  svOf: (request) => {
    const encode = isV2(request) ? Y.encodeStateVectorFromUpdateV2 : Y.encodeStateVectorFromUpdate
    return { sv: toBase64(encode(fromBase64(request.update))) }
  },

  parseMeta: (request) => {
    const parse = isV2(request) ? Y.parseUpdateMetaV2 : Y.parseUpdateMeta
    const { from, to } = parse(fromBase64(request.update))
    return { from: [...from], to: [...to] }
  },

  obfuscate: (request) => {
    const obfuscate = isV2(request) ? Y.obfuscateUpdateV2 : Y.obfuscateUpdate
    return { update: toBase64(obfuscate(fromBase64(request.update), request.options)) }
  },

  history: (request) => {
    const updates = writeHistory(request)
    const order = updates.map((_, i) => i).reverse()
    const { states } = deliver({ updates, order, gc: request.gc })
    return { updates: updates.map(toBase64), states: states.map(toBase64) }
  }
}

const answer = (line) => {
  timers.length = 0
  try {
    const request = JSON.parse(line)
    if (request.now !== undefined) now = request.now
    const operation = operations[request.op]
    if (operation === undefined) throw new Error(`unknown op ${JSON.stringify(request.op)}`)
    return operation(request)
  } catch (error) {
    return { error: String(error?.message ?? error) }
  }
}

let unfinishedLine = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (chunk) => {
  const lines = (unfinishedLine + chunk).split('\n')
  unfinishedLine = lines.pop()
  const replies = lines
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.stringify(answer(line)) + '\n')
  if (replies.length > 0) process.stdout.write(replies.join(''))
})
