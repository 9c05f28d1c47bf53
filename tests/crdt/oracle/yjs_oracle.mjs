// Real Yjs documents on command: one JSON object a line on standard input, one reply a line on
// standard output, in order. Requests may be pipelined; an error answers {"error": text} and the
// process goes on. Bytes are base64, indices UTF-16 code units, values as in yjs_values.mjs.
//
//   {"op":"version"}                                        → {"yjs"}
//   {"op":"new","doc","clientID"?,"gc"?}                    → {"clientID"}
//   {"op":"apply","doc","update","v"?}                      → {"updates":[v1 updates emitted],"clientID"}
//   {"op":"state","doc","v"?,"sv"?}                         → {"update"}
//   {"op":"sv","doc"}                                       → {"sv"}
//   {"op":"json","doc","types":{name:kind}}                 → {"json":{name:value},"delta":{name:delta}}
//   {"op":"edit","doc","actions":[action]}                  → {"update": v1 or null}
//   {"op":"merge","updates","v"?}                           → {"update"}
//   {"op":"diff","update","sv","v"?}                        → {"update"}
//   {"op":"convert","update","from","to"}                   → {"update"}
//   {"op":"svOf","update","v"?}                             → {"sv"}
//   {"op":"history","seed","replicas"?,"steps"?,"kinds"?}   → see yjs_history.mjs
//   {"op":"drop","doc"}                                     → {}
//
//   action := {"op": "text.insert", "name", "path"?, "index", "text", "attrs"?}
//           | {"op": "text.delete", "name", "path"?, "index", "len"}
//           | {"op": "text.format", "name", "path"?, "index", "len", "attrs"}
//           | {"op": "text.embed", "name", "path"?, "index", "embed", "attrs"?}
//           | {"op": "array.insert", "name", "path"?, "index", "values"}
//           | {"op": "array.delete" or "xml.delete", "name", "path"?, "index", "len"}
//           | {"op": "map.set" or "xml.setAttribute", "name", "path"?, "key", "value"}
//           | {"op": "map.delete" or "xml.removeAttribute", "name", "path"?, "key"}
//           | {"op": "xml.insert", "name", "path"?, "index", "node"}
//
// Nothing is random: a document that has to take a new client id gets the next of a fixed sequence.

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
const Y = await import('yjs')
const { decodeValue, encodeValue, fromBase64, makeContent, makeXmlNode, toBase64 } =
  await import('./yjs_values.mjs')
const { randomHistory } = await import('./yjs_history.mjs')

const documents = new Map() // number → { doc, emitted: v1 updates since the last request }
let nextClientId = 500_000_000

const getEntry = (number) => {
  const entry = documents.get(number)
  if (entry === undefined) throw new Error(`there is no document ${JSON.stringify(number)}`)
  return entry
}

const rootGetters = {
  text: (doc, name) => doc.getText(name),
  array: (doc, name) => doc.getArray(name),
  map: (doc, name) => doc.getMap(name),
  xmlfragment: (doc, name) => doc.getXmlFragment(name),
  xmltext: (doc, name) => doc.get(name, Y.XmlText),
  xmlelement: (doc, name) => doc.get(name, Y.XmlElement)
}
const getRoot = (doc, name, kind) => {
  const getter = rootGetters[kind]
  if (getter === undefined) throw new Error(`unknown type ${JSON.stringify(kind)}`)
  return getter(doc, name)
}

// The root that an action names. Its kind follows from what the document knows already, else from the
// path's first step, else from the action.
const getRootOfAction = (doc, name, path, action) => {
  const known = doc.share.get(name)
  if (known !== undefined && known.constructor !== Y.AbstractType) return known
  if (path.length === 0) return getRoot(doc, name, action === 'xml' ? 'xmlfragment' : action)
  if (typeof path[0] === 'string') return doc.getMap(name)
  const first = known?._first
  const holdsXml = action === 'xml' ||
    first?.content?.type instanceof Y.XmlElement || first?.content?.type instanceof Y.XmlText
  return holdsXml ? doc.getXmlFragment(name) : doc.getArray(name)
}

const getTarget = (doc, { name, path = [] }, action) => {
  let type = getRootOfAction(doc, name, path, action)
  for (const step of path) {
    type = type.get(step)
    if (!(type instanceof Y.AbstractType)) {
      throw new Error(`no shared type at ${JSON.stringify(step)} of ${JSON.stringify(path)}`)
    }
  }
  return type
}

const decodeAttributes = (attributes) =>
  attributes === undefined ? undefined : decodeValue(attributes)

const actions = {
  'text.insert': (type, a) => type.insert(a.index, a.text, decodeAttributes(a.attrs)),
  'text.delete': (type, a) => type.delete(a.index, a.len),
  'text.format': (type, a) => type.format(a.index, a.len, decodeAttributes(a.attrs)),
  'text.embed': (type, a) =>
    type.insertEmbed(a.index, makeContent(a.embed), decodeAttributes(a.attrs)),
  'array.insert': (type, a) => type.insert(a.index, a.values.map(makeContent)),
  'array.delete': (type, a) => type.delete(a.index, a.len),
  'map.set': (type, a) => type.set(a.key, makeContent(a.value)),
  'map.delete': (type, a) => type.delete(a.key),
  'xml.insert': (type, a) => type.insert(a.index, [makeXmlNode(a.node)]),
  'xml.delete': (type, a) => type.delete(a.index, a.len),
  'xml.setAttribute': (type, a) => type.setAttribute(a.key, decodeValue(a.value)),
  'xml.removeAttribute': (type, a) => type.removeAttribute(a.key)
}

// An action is {"op": name, …}; {"action": name, …}, {"type": name, …} and {name: {…}} mean the same.
const parseAction = (request) => {
  const keys = Object.keys(request)
  if (keys.length === 1 && actions[keys[0]] !== undefined) return [keys[0], request[keys[0]]]
  const name = request.op ?? request.action ?? request.type
  if (actions[name] === undefined) throw new Error(`unknown action ${JSON.stringify(name)}`)
  return [name, request]
}

const runAction = (doc, request) => {
  const [name, members] = parseAction(request)
  actions[name](getTarget(doc, members, name.slice(0, name.indexOf('.'))), members)
}

const keepClientIdsDeterministic = (doc, before) => {
  if (doc.clientID !== before) doc.clientID = nextClientId++
}

const isV2 = ({ v = 1 }) => {
  if (v !== 1 && v !== 2) throw new Error(`unknown update format ${JSON.stringify(v)}`)
  return v === 2
}

const operations = {
  version: () => ({ yjs: yjsVersion }),

  new: ({ doc: number, clientID, gc = true }) => {
    const entry = { doc: new Y.Doc({ gc }), emitted: [] }
    entry.doc.clientID = clientID ?? nextClientId++
    entry.doc.on('update', (update) => entry.emitted.push(update))
    documents.get(number)?.doc.destroy()
    documents.set(number, entry)
    return { clientID: entry.doc.clientID }
  },

  drop: ({ doc: number }) => {
    getEntry(number).doc.destroy()
    documents.delete(number)
    return {}
  },

  apply: (request) => {
    const { doc, emitted } = getEntry(request.doc)
    const update = fromBase64(request.update)
    const before = doc.clientID
    emitted.length = 0
    try {
      if (isV2(request)) Y.applyUpdateV2(doc, update, 'apply')
      else Y.applyUpdate(doc, update, 'apply')
    } finally {
      keepClientIdsDeterministic(doc, before)
    }
    return { updates: emitted.map(toBase64), clientID: doc.clientID }
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

  edit: ({ doc: number, actions: list }) => {
    const { doc, emitted } = getEntry(number)
    emitted.length = 0
    doc.transact(() => list.forEach((action) => runAction(doc, action)), 'edit')
    return { update: emitted.length === 0 ? null : toBase64(emitted[0]) }
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

  history: randomHistory
}

const answer = (line) => {
  try {
    const request = JSON.parse(line)
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
