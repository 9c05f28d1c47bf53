// The value language of the driver (crdt/value_language.h) and what requests put into documents
// (crdt/driver/content.h), for real Yjs.

import * as Y from 'yjs'

export const toBase64 = (bytes) => Buffer.from(bytes).toString('base64')
export const fromBase64 = (text) => {
  if (typeof text !== 'string') throw new Error('base64 text expected')
  return new Uint8Array(Buffer.from(text, 'base64'))
}

const isPlainObject = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

// What a value of the language stands for.
export const decodeValue = (value) => {
  if (Array.isArray(value)) return value.map(decodeValue)
  if (!isPlainObject(value)) return value
  const keys = Object.keys(value)
  if (keys.length === 1) {
    switch (keys[0]) {
      case '$binary': return fromBase64(value.$binary)
      case '$bigint': return BigInt(value.$bigint)
      case '$undefined': return undefined
      case '$number': return Number(value.$number)
    }
  }
  return Object.fromEntries(keys.map((key) => [key, decodeValue(value[key])]))
}

// How a value, or the JSON of a shared type, is written in the language.
export const encodeValue = (value) => {
  switch (typeof value) {
    case 'undefined': return { $undefined: true }
    case 'bigint': return { $bigint: value.toString() }
    case 'number': return Number.isFinite(value) ? value : { $number: String(value) }
    case 'object': break
    default: return value
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return { $binary: toBase64(value) }
  if (Array.isArray(value)) return value.map(encodeValue)
  if (value instanceof Y.XmlFragment || value instanceof Y.XmlText) return value.toString()
  if (value instanceof Y.AbstractType) return sharedTypeToJson(value)
  if (value instanceof Y.Doc) return { $doc: value.guid }
  return Object.fromEntries(Object.keys(value).map((key) => [key, encodeValue(value[key])]))
}

// As the type's own toJSON, except that every value is written in the language.
const sharedTypeToJson = (type) => {
  if (type instanceof Y.Text) return type.toString()
  if (type instanceof Y.Array) return type.toArray().map(encodeValue)
  if (type instanceof Y.Map) {
    return Object.fromEntries([...type.entries()].map(([key, value]) => [key, encodeValue(value)]))
  }
  return encodeValue(type.toJSON())
}

const refuse = (reason) => { throw new Error(reason) }

const decodeEntries = (object = {}) => Object.keys(object ?? {}).map((key) => [key, makeContent(object[key])])

// What an array refuses, before it has taken the values in front of it.
export const makeElements = (list) => list.map((element) => {
  const content = makeContent(element)
  if (content === undefined || typeof content === 'bigint') refuse('no element of an array')
  return content
})

const fillText = (text, { init, text: characters, delta }) => {
  const string = init ?? characters ?? ''
  if (typeof string !== 'string') refuse('a text begins as a string')
  text.insert(0, string)
  if (delta != null) text.applyDelta(decodeDelta(delta))
  return text
}

// A value, or a shared type that is not part of a document yet. Yjs integrates such a type's item
// before its content.
export const makeContent = (value) => {
  if (!isPlainObject(value) || value.$type === undefined) return decodeValue(value)
  switch (value.$type) {
    case 'map': return new Y.Map(decodeEntries(value.init))
    case 'array': {
      const array = new Y.Array()
      array.insert(0, makeElements(value.init ?? []))
      return array
    }
    case 'text': return fillText(new Y.Text(), value)
    case 'xmltext': return fillText(new Y.XmlText(), value)
    case 'xmlfragment': {
      const fragment = new Y.XmlFragment()
      if (value.init?.length > 0) fragment.insert(0, value.init.map(makeXmlNode))
      return fragment
    }
    case 'xml': return makeXmlNode(value.node)
    case 'doc': {
      if (typeof value.guid !== 'string' || value.guid === '') refuse('a subdocument has a guid')
      const { guid, gc = true, autoLoad = false, meta = null } = value
      return new Y.Doc({ guid, gc, autoLoad, meta: decodeValue(meta) })
    }
    default: return refuse(`unknown type ${JSON.stringify(value.$type)}`)
  }
}

// An XML node that is not part of a document yet. Yjs integrates its children before its attributes.
export const makeXmlNode = (node) => {
  if (!isPlainObject(node)) refuse('an XML node is an object')
  if (node.hook != null) {
    const hook = new Y.XmlHook(node.hook)
    for (const [key, value] of decodeEntries(node.init)) hook.set(key, value)
    return hook
  }
  if (node.element == null) return fillText(new Y.XmlText(), node)
  const element = new Y.XmlElement(node.element)
  if (node.children?.length > 0) element.insert(0, node.children.map(makeXmlNode))
  for (const name of Object.keys(node.attrs ?? {})) {
    element.setAttribute(name, decodeValue(node.attrs[name]))
  }
  return element
}

const holdsBigInt = (value) => {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  return Object.values(value).some(holdsBigInt)
}

// Format v1 keeps attributes and embeds as JSON text, in which there is neither undefined nor BigInt:
// Yjs throws when it encodes them.
export const decodeAttributes = (attributes) => {
  if (attributes == null) return undefined
  if (!isPlainObject(attributes)) refuse('attributes are an object')
  const decoded = decodeValue(attributes)
  if (Object.values(decoded).some((value) => value === undefined || holdsBigInt(value))) {
    refuse('undefined and BigInt cannot be attributes')
  }
  return decoded
}

const nothing = (value) => value == null || value.length === 0 || Object.keys(value).length === 0

// A type comes into a text without content: Yjs writes the end of its formatting behind the content.
export const makeEmbed = (json) => {
  const embed = makeContent(json)
  if (embed instanceof Y.AbstractType) {
    const { init, delta, node = {} } = json
    const empty = nothing(init) && nothing(delta) && nothing(node.children) && nothing(node.attrs) &&
      nothing(node.init) && nothing(node.text) && nothing(node.delta)
    if (!empty) refuse('a shared type comes into a text without content')
    return embed
  }
  const fits = ['object', 'number', 'boolean'].includes(typeof embed) && embed !== null &&
    !(embed instanceof Uint8Array) && !(embed instanceof Y.Doc) && !holdsBigInt(embed)
  if (!fits) refuse('an embed is an object without a BigInt, or a shared type')
  return embed
}

export const decodeDelta = (delta) => delta.map((op) => {
  const attributes = decodeAttributes(op.attributes)
  const withAttributes = attributes === undefined ? {} : { attributes }
  if (op.insert != null) {
    const insert = typeof op.insert === 'string' ? op.insert : makeEmbed(op.insert)
    if (insert instanceof Y.AbstractType) refuse('a delta inserts no shared types')
    return { insert, ...withAttributes }
  }
  if (op.retain != null) return { retain: asCount(op.retain), ...withAttributes }
  return { delete: asCount(op.delete) }
})

export const asCount = (number) => {
  if (!Number.isSafeInteger(number) || number < 0) refuse('an integer that is not negative is expected')
  return number
}

// As the driver writes what was deleted or inserted: {client: [[clock, length]]}.
export const encodeIds = (deleteSet) => Object.fromEntries([...deleteSet.clients]
  .map(([client, ranges]) => [client, ranges.map(({ clock, len }) => [clock, len])]))
