// The value language of the driver: JSON, with what JSON cannot say written as objects of one key that
// starts with a dollar sign, and nested shared types as {"$type": …, "init": …}.
//
//   value  := JSON | {"$binary": base64} | {"$bigint": digits} | {"$undefined": true} | {"$number": text}
//   nested := {"$type": "map",   "init": {key: value or nested}}
//           | {"$type": "array", "init": [value or nested]}
//           | {"$type": "text",  "init": string}
//   node   := {"element": name, "attrs": {name: value}, "children": [node]} | {"text": string}

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

// A value, or a shared type that is not part of a document yet. Yjs integrates such a type's item
// before its content.
export const makeContent = (value) => {
  if (!isPlainObject(value) || value.$type === undefined) return decodeValue(value)
  switch (value.$type) {
    case 'map': {
      const map = new Y.Map()
      for (const key of Object.keys(value.init ?? {})) map.set(key, makeContent(value.init[key]))
      return map
    }
    case 'array': {
      const array = new Y.Array()
      array.insert(0, (value.init ?? []).map(makeContent))
      return array
    }
    case 'text': return new Y.Text(value.init ?? '')
    default: throw new Error(`unknown type ${JSON.stringify(value.$type)}`)
  }
}

// An XML node that is not part of a document yet. Yjs integrates its children before its attributes.
export const makeXmlNode = (node) => {
  if (!isPlainObject(node)) throw new Error('an XML node is an object')
  if (node.element === undefined) return new Y.XmlText(node.text ?? '')
  const element = new Y.XmlElement(node.element)
  if (node.children?.length > 0) element.insert(0, node.children.map(makeXmlNode))
  for (const name of Object.keys(node.attrs ?? {})) {
    element.setAttribute(name, decodeValue(node.attrs[name]))
  }
  return element
}
