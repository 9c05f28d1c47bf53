// What a request "edit" does to a Yjs document (crdt/driver/actions.h), and how requests name types
// (crdt/driver/type_path.h). Yjs takes indices behind the end and calls that do not suit a type as it
// happens; the contract refuses them.

import * as Y from 'yjs'
import {
  asCount, decodeAttributes, decodeDelta, decodeValue, makeContent, makeElements, makeEmbed, makeXmlNode
} from './yjs_values.mjs'

const rootGetters = {
  text: (doc, name) => doc.getText(name),
  array: (doc, name) => doc.getArray(name),
  map: (doc, name) => doc.getMap(name),
  xmlfragment: (doc, name) => doc.getXmlFragment(name),
  xmltext: (doc, name) => doc.get(name, Y.XmlText),
  xmlelement: (doc, name) => doc.get(name, Y.XmlElement)
}
export const getRoot = (doc, name, kind) => {
  const getter = rootGetters[kind]
  if (getter === undefined) throw new Error(`unknown type ${JSON.stringify(kind)}`)
  return getter(doc, name)
}

export const kindOf = (type) => {
  if (type instanceof Y.XmlHook) return 'xmlhook'
  if (type instanceof Y.XmlText) return 'xmltext'
  if (type instanceof Y.XmlElement) return 'xmlelement'
  if (type instanceof Y.XmlFragment) return 'xmlfragment'
  if (type instanceof Y.Text) return 'text'
  if (type instanceof Y.Array) return 'array'
  if (type instanceof Y.Map) return 'map'
  return 'undefined'
}

// The root that a request names. Its kind follows from what the document knows already, else from the
// path's first step, else from the request.
const findRoot = (doc, name, path, kind) => {
  if (typeof name !== 'string') throw new Error('a name is expected')
  const known = doc.share.get(name)
  if (known !== undefined && known.constructor !== Y.AbstractType) return known
  if (path.length === 0) return getRoot(doc, name, kind)
  if (typeof path[0] === 'string') return doc.getMap(name)
  const first = known?._first
  const holdsXml = kind === 'xmlfragment' ||
    first?.content?.type instanceof Y.XmlElement || first?.content?.type instanceof Y.XmlText
  return holdsXml ? doc.getXmlFragment(name) : doc.getArray(name)
}

const embedAt = (text, offset) => {
  for (const { insert } of text.toDelta()) {
    const length = typeof insert === 'string' ? insert.length : 1
    if (offset < length) return typeof insert === 'string' ? undefined : insert
    offset -= length
  }
  return undefined
}

const step = (type, at) => {
  if (typeof at === 'string') return type instanceof Y.Map ? type.get(at) : undefined
  asCount(at)
  if (type instanceof Y.Text) return embedAt(type, at)
  if (type instanceof Y.Array || type instanceof Y.XmlFragment) return type.get(at)
  return undefined
}

const follow = (doc, members, kind) => {
  const path = members.path ?? []
  return path.reduce(step, findRoot(doc, members.name, path, kind))
}

// The shared type that the members "name" and "path" lead to.
export const findType = (doc, members, kind) => {
  const type = follow(doc, members, kind)
  if (!(type instanceof Y.AbstractType)) throw new Error('the path does not lead to a shared type')
  return type
}

const target = (doc, members, kind, ...constructors) => {
  const type = findType(doc, members, kind)
  if (!constructors.some((constructor) => type instanceof constructor)) {
    throw new Error(`the action does not suit a type of the kind ${kindOf(type)}`)
  }
  return type
}

const madeUpNewlines = 1 << 16

const indexIn = (length, index) => {
  if (asCount(index) > length) throw new Error('the index is behind the end')
  return index
}
const rangeIn = (length, { index, len }) => {
  if (asCount(index) + asCount(len) > length) throw new Error('the range ends behind the end')
  return [index, len]
}
const asText = (text) => {
  if (typeof text !== 'string') throw new Error('a string is expected')
  return text
}
const given = (value) => {
  if (value === undefined || value === null) throw new Error('a value is expected')
  return value
}

// None and an empty object mean the same for an embed; Yjs looks for its place in two ways.
const someAttributes = (attributes) => {
  const decoded = decodeAttributes(attributes)
  return decoded === undefined || Object.keys(decoded).length === 0 ? undefined : decoded
}

const onText = (edit) => (doc, a) => edit(target(doc, a, 'text', Y.Text), a)
const onMap = (edit) => (doc, a) => edit(target(doc, a, 'map', Y.Map), a)
const onXml = (edit) => (doc, a) => edit(target(doc, a, 'xmlfragment', Y.XmlFragment), a)
const onElement = (edit) => (doc, a) => edit(target(doc, a, 'xmlfragment', Y.XmlElement), a)
const setAttribute = (type, a) => type.setAttribute(asText(a.key), decodeValue(a.value))
const removeAttribute = (type, a) => type.removeAttribute(asText(a.key))
const deleteElements = (type, a) => type.delete(...rangeIn(type.length, a))

const actions = {
  'text.insert': onText((text, a) =>
    text.insert(indexIn(text.length, a.index), asText(a.text), decodeAttributes(a.attrs))),
  'text.delete': onText((text, a) => text.delete(...rangeIn(text.length, a))),
  'text.format': onText((text, a) => {
    indexIn(text.length, a.index)
    const [index, length] = rangeIn(text.length + madeUpNewlines, a)
    text.format(index, length, decodeAttributes(given(a.attrs)))
  }),
  'text.embed': onText((text, a) =>
    text.insertEmbed(indexIn(text.length, a.index), makeEmbed(a.embed), someAttributes(a.attrs))),
  'text.delta': onText((text, a) => {
    const delta = decodeDelta(a.delta)
    const retained = delta.reduce((sum, op) => sum + (op.retain ?? 0), 0)
    if (retained > text.length + madeUpNewlines) throw new Error('a delta retains far more than there is')
    // Yjs fails to delete from a text that nothing was ever in; weft deletes nothing.
    if (text._start === null) while (delta[0]?.delete !== undefined) delta.shift()
    text.applyDelta(delta, { sanitize: a.sanitize ?? true })
  }),
  'text.setAttribute': onText(setAttribute),
  'text.removeAttribute': onText(removeAttribute),
  'array.insert': (doc, a) => {
    const array = target(doc, a, 'array', Y.Array)
    array.insert(indexIn(array.length, a.index), makeElements(a.values))
  },
  'array.delete': (doc, a) => deleteElements(target(doc, a, 'array', Y.Array, Y.XmlFragment), a),
  'map.set': onMap((map, a) => map.set(asText(a.key), makeContent(a.value))),
  'map.delete': onMap((map, a) => map.delete(asText(a.key))),
  'map.clear': onMap((map) => map.clear()),
  'xml.insert': onXml((xml, a) => xml.insert(indexIn(xml.length, a.index), [makeXmlNode(a.node)])),
  'xml.delete': onXml(deleteElements),
  'xml.setAttribute': onElement(setAttribute),
  'xml.removeAttribute': onElement(removeAttribute),
  'subdocument.load': (doc, a) => {
    const subdocument = follow(doc, a, undefined)
    if (!(subdocument instanceof Y.Doc)) throw new Error('the path does not lead to a subdocument')
    subdocument.load()
  }
}

// An action is {"op": name, …}; {"action": name, …}, {"type": name, …} and {name: {…}} mean the same.
const parseAction = (request) => {
  const keys = Object.keys(request)
  if (keys.length === 1 && actions[keys[0]] !== undefined) return [keys[0], request[keys[0]]]
  const name = request.op ?? request.action ?? request.type
  if (actions[name] === undefined) throw new Error(`unknown action ${JSON.stringify(name)}`)
  return [name, request]
}

export const runAction = (doc, request) => {
  const [name, members] = parseAction(request)
  actions[name](doc, members)
}
