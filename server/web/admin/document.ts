// A document as Yjs reads it from an update of the server: what its roots are and show, and what it is made of.
//
// The document is never collected (gc: false), so that what was deleted is still there to be shown, as far as the
// server has kept it.

import * as Y from 'yjs'

export type RootKind = 'text' | 'array' | 'map' | 'xml' | 'empty'
export type AnyType = Y.AbstractType<any>
export interface Root { name: string, kind: RootKind, type: AnyType }

/** Throws when `update` is none. */
export function openDocument(...updates: Uint8Array[]): Y.Doc {
  const doc = new Y.Doc({ gc: false })
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc
}

/** By name, each as the shared type that its content suggests: an update does not tell the types of roots. */
export function rootsOf(doc: Y.Doc): Root[] {
  return [...doc.share.keys()].sort().map((name) => {
    const kind = kindOf(doc.share.get(name)!)
    return { name, kind, type: getRoot(doc, name, kind) }
  })
}

export function getRoot(doc: Y.Doc, name: string, kind: RootKind): AnyType {
  switch (kind) {
    case 'text': return doc.getText(name)
    case 'array': return doc.getArray(name)
    case 'map': return doc.getMap(name)
    case 'xml': return doc.getXmlFragment(name)
    case 'empty': return doc.get(name)
  }
}

function kindOf(type: AnyType): RootKind {
  if (type instanceof Y.Text) return 'text'
  if (type instanceof Y.Array) return 'array'
  if (type instanceof Y.Map) return 'map'
  if (type instanceof Y.XmlFragment) return 'xml'
  for (const item of itemsOf(type)) {
    const content = item.content
    if (content instanceof Y.ContentString || content instanceof Y.ContentFormat || content instanceof Y.ContentEmbed) return 'text'
    if (content instanceof Y.ContentType) return isXml(content.type) ? 'xml' : 'array'
    if (!(content instanceof Y.ContentDeleted)) return 'array'
  }
  return type._map.size > 0 ? 'map' : 'empty'
}

function isXml(type: AnyType): boolean {
  return type instanceof Y.XmlElement || type instanceof Y.XmlText || type instanceof Y.XmlHook
}

/** The items of a sequence, deleted ones among them. */
export function* itemsOf(type: AnyType): Generator<Y.Item> {
  for (let item = type._start; item !== null; item = item.right) yield item
}

/** What a root shows, as a text of lines. */
export function textOf({ kind, type }: Root): string {
  if (type instanceof Y.Text) return withEmbeds(type)
  if (type instanceof Y.XmlFragment) return xmlLines(type.toArray(), 0).join('\n')
  return kind === 'empty' ? '' : JSON.stringify(type.toJSON(), null, 2)
}

/** The text with one sign for each embedded thing, so that places in it are those of Yjs. */
export function withEmbeds(text: Y.Text): string {
  return text.toDelta().map(({ insert }: { insert: unknown }) => typeof insert === 'string' ? insert : '\ufffc').join('')
}

function xmlLines(nodes: unknown[], depth: number): string[] {
  const margin = '  '.repeat(depth)
  return nodes.flatMap((node) => {
    if (node instanceof Y.XmlText) return [`${margin}${node.toString()}`]
    if (!(node instanceof Y.XmlElement)) return [`${margin}${String(node)}`]
    const attributes = Object.entries(node.getAttributes()).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`).join('')
    const children = node.toArray()
    if (children.length === 0) return [`${margin}<${node.nodeName}${attributes}/>`]
    if (children.every((child) => child instanceof Y.XmlText)) {
      return [`${margin}<${node.nodeName}${attributes}>${children.join('')}</${node.nodeName}>`]
    }
    return [`${margin}<${node.nodeName}${attributes}>`, ...xmlLines(children, depth + 1), `${margin}</${node.nodeName}>`]
  })
}

// --- What it is made of

export interface Tally {
  items: number
  elements: number
  deletedItems: number
  deletedElements: number
  /** Of all content that is there, deleted or not, as UTF-8 or JSON; what the encoding adds is left out. */
  bytes: number
}

/** Of a type and of all that is in it. */
export function tallyOf(type: AnyType): Tally {
  const tally: Tally = { items: 0, elements: 0, deletedItems: 0, deletedElements: 0, bytes: 0 }
  const types = [type]
  for (let next = types.pop(); next !== undefined; next = types.pop()) {
    for (const item of allItemsOf(next)) {
      tally.items += 1
      tally.bytes += contentBytes(item)
      if (item.deleted) {
        tally.deletedItems += 1
        tally.deletedElements += item.length
      } else tally.elements += item.length
      if (item.content instanceof Y.ContentType) types.push(item.content.type)
    }
  }
  return tally
}

function* allItemsOf(type: AnyType): Generator<Y.Item> {
  yield* itemsOf(type)
  for (const last of type._map.values()) for (let item: Y.Item | null = last; item !== null; item = item.left) yield item
}

export interface Part { label: string, kind: string, preview: string, deleted: boolean, type: AnyType | null }

/** What is directly in a type: entries of a map, nodes and values of a sequence, runs of a text. */
export function partsOf(type: AnyType): Part[] {
  const entries = [...type._map].sort(([a], [b]) => a < b ? -1 : 1).map(([key, item]) => partOf(key, item))
  let index = 0
  const sequence = [...itemsOf(type)].map((item) => {
    const label = String(index)
    if (!item.deleted && item.countable) index += item.length
    return partOf(item.deleted ? '' : label, item)
  })
  return [...entries, ...sequence]
}

function partOf(label: string, item: Y.Item): Part {
  const type = item.content instanceof Y.ContentType ? item.content.type : null
  return { label, kind: type === null ? contentKind(item) : typeName(type), preview: previewOf(item), deleted: item.deleted, type }
}

export function typeName(type: AnyType): string {
  if (type instanceof Y.XmlElement) return `<${type.nodeName}>`
  return type instanceof Y.XmlText ? 'XML text' : type instanceof Y.XmlFragment ? 'XML'
    : type instanceof Y.Text ? 'text' : type instanceof Y.Array ? 'array' : type instanceof Y.Map ? 'map' : 'type'
}

function contentKind(item: Y.Item): string {
  const { content } = item
  if (content instanceof Y.ContentDeleted) return 'deleted'
  if (content instanceof Y.ContentString) return 'text'
  if (content instanceof Y.ContentFormat) return 'format'
  if (content instanceof Y.ContentEmbed) return 'embed'
  if (content instanceof Y.ContentBinary) return 'binary'
  if (content instanceof Y.ContentType) return typeName(content.type)
  return content instanceof Y.ContentDoc ? 'document' : 'value'
}

function contentBytes({ content }: Y.Item): number {
  if (content instanceof Y.ContentString) return utf8Length(content.str)
  if (content instanceof Y.ContentBinary) return content.content.length
  if (content instanceof Y.ContentEmbed) return utf8Length(JSON.stringify(content.embed) ?? '')
  if (content instanceof Y.ContentFormat) return utf8Length(content.key + (JSON.stringify(content.value) ?? ''))
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return utf8Length(JSON.stringify(content.arr) ?? '')
  return 0
}

const encoder = new TextEncoder()
function utf8Length(text: string): number {
  return encoder.encode(text).length
}

function previewOf({ content, length }: Y.Item): string {
  if (content instanceof Y.ContentString) return content.str
  if (content instanceof Y.ContentFormat) return `${content.key} = ${JSON.stringify(content.value)}`
  if (content instanceof Y.ContentEmbed) return JSON.stringify(content.embed)
  if (content instanceof Y.ContentBinary) return `${content.content.length} bytes`
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return content.arr.map((value) => JSON.stringify(value)).join(', ')
  if (content instanceof Y.ContentDeleted) return `${length} elements, dropped`
  return ''
}

export interface Block { clock: number, length: number, kind: string, preview: string, deleted: boolean, place: string }
export interface Writer { client: number, clock: number, blocks: number, deletedBlocks: number, deleted: number }

/** Who wrote in the document, the most first. */
export function writersOf(doc: Y.Doc): Writer[] {
  return [...doc.store.clients].map(([client, structs]) => {
    const deleted = structs.filter((struct) => struct.deleted)
    const last = structs.at(-1)
    return {
      client,
      clock: last === undefined ? 0 : last.id.clock + last.length,
      blocks: structs.length,
      deletedBlocks: deleted.length,
      deleted: deleted.reduce((sum, struct) => sum + struct.length, 0)
    }
  }).sort((a, b) => b.clock - a.clock)
}

/** The blocks of a writer, in the order of their clocks; those that keep nothing but their length are GC. */
export function blocksOf(doc: Y.Doc, client: number, begin: number, end: number): Block[] {
  return (doc.store.clients.get(client) ?? []).slice(begin, end).map((struct) => {
    const block = { clock: struct.id.clock, length: struct.length, deleted: struct.deleted }
    if (!(struct instanceof Y.Item)) return { ...block, kind: 'GC', preview: 'only its length is kept', place: '' }
    return { ...block, kind: contentKind(struct), preview: previewOf(struct), place: placeOf(struct) }
  })
}

/** The way to where an item is: root, keys and kinds of types. */
function placeOf(item: Y.Item): string {
  const steps: string[] = item.parentSub === null ? [] : [item.parentSub]
  let type = item.parent as AnyType | null
  while (type !== null && type._item !== null) {
    steps.unshift(type._item.parentSub ?? typeName(type))
    type = type._item.parent as AnyType | null
  }
  if (type !== null) steps.unshift(rootName(type))
  return steps.join(' › ')
}

export function rootName(root: AnyType): string {
  for (const [name, type] of root.doc?.share ?? []) if (type === root) return name
  return '?'
}
