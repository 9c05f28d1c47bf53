// What a document is made of, at one moment: its shared types as a tree, and its blocks by who wrote them; what was deleted
// (a tombstone) is marked. Read once, so that nothing moves under who reads; "Read again" is the newest.

import type * as Y from 'yjs'
import { isAbort } from './api'
import type { AnyType, Part, Tally, Writer } from './document'
import { blocksOf, openDocument, partsOf, rootsOf, tallyOf, writersOf } from './document'
import type { Child } from './elements'
import { fill, make } from './elements'
import { emptyNote, failureNote, loadingNote, roomHash } from './page'
import { colourOf } from './presence'
import type { RoomContext } from './room_view'
import { bytes, count, counted, nameOf, oneLine } from './words'

const AT_ONCE = 100
const PREVIEW = 120
/** Larger documents are loaded when somebody says so. */
const ASK_ABOVE_BYTES = 20_000_000

export function structureView(host: HTMLElement, context: RoomContext): void {
  const { page, room, signal, status, parameters } = context
  const wanted = parameters.get('at')
  const at = wanted !== null && /^\d+$/.test(wanted) ? Number(wanted) : undefined
  const read = async () => {
    fill(host, loadingNote('Reading the document …'))
    try {
      const update = await page.api.update(room, at, signal)
      const head = status().durable_head
      fill(host, contentOf(openDocument(update), update.length, momentBar(context, at, head, read)))
    } catch (error) {
      if (!isAbort(error)) fill(host, failureNote(error, read))
    }
  }
  const size = status().payload_bytes + status().snapshot_bytes
  if (size <= ASK_ABOVE_BYTES) return void read()
  fill(host, emptyNote('This is a large document', `Its log has ${bytes(size)}. To show its structure, all of it is loaded into this page.`,
    make('button', { type: 'button', class: 'button', onclick: () => void read() }, 'Load it')))
}

function momentBar({ room }: RoomContext, at: number | undefined, head: number, read: () => void): HTMLElement {
  return make('div', { class: 'moment-bar' },
    at === undefined ? make('p', {}, 'The newest state, up to update ', make('strong', {}, count(head)), '.')
      : make('p', {}, 'The state after update ', make('strong', {}, count(at)), '. ', make('a', { href: roomHash(room, 'structure') }, 'Show the newest')),
    at === undefined && make('button', { type: 'button', class: 'button small', onclick: read }, 'Read again'))
}

function contentOf(doc: Y.Doc, size: number, bar: HTMLElement): Child {
  const roots = rootsOf(doc)
  const writers = writersOf(doc)
  if (writers.length === 0) return [bar, emptyNote('The document is empty', 'Nobody had written in it at this moment.')]
  const clocks = writers.reduce((sum, { clock }) => sum + clock, 0)
  const deleted = writers.reduce((sum, writer) => sum + writer.deleted, 0)
  const blocks = writers.reduce((sum, writer) => sum + writer.blocks, 0)
  const tile = (label: string, value: string, more: string) =>
    make('div', { class: 'tile' }, make('dt', {}, label), make('dd', {}, value), make('dd', { class: 'tile-more' }, more))
  return [
    bar,
    make('dl', { class: 'tiles', 'data-testid': 'structure-tiles' },
      tile('Encoded', bytes(size), 'as a Yjs update'),
      tile('Elements', count(clocks - deleted), 'that are shown'),
      tile('Tombstones', count(deleted), `${clocks === 0 ? 0 : Math.round((deleted / clocks) * 100)} % of all elements`),
      tile('Blocks', count(blocks), clocks === 0 ? '' : `${(clocks / blocks).toFixed(1)} elements each`),
      tile('Writers', count(writers.length), 'client ids')),
    make('div', { class: 'two-columns even' },
      make('section', { class: 'card', 'aria-labelledby': 'types-title' },
        make('header', { class: 'card-head' }, make('h2', { id: 'types-title' }, 'Shared types'), legend()),
        make('div', { class: 'tree', 'data-testid': 'tree' }, roots.map((root) =>
          branch(nameOf(root.name) === '' ? '(no name)' : root.name, root.kind, '', false, root.type)))),
      make('section', { class: 'card', 'aria-labelledby': 'writers-title' },
        make('header', { class: 'card-head' }, make('h2', { id: 'writers-title' }, 'Blocks by writer'), legend()),
        make('div', { class: 'writers', 'data-testid': 'writers' }, writers.map((writer) => writerOf(doc, writer, writers[0]!.clock)))))
  ]
}

function legend(): HTMLElement {
  return make('span', { class: 'legend' }, make('del', {}, 'struck'), ' is deleted')
}

// --- The tree

function branch(label: string, kind: string, preview: string, deleted: boolean, type: AnyType | null): HTMLElement {
  const words = [
    label !== '' && make('bdi', { class: 'node-label' }, oneLine(nameOf(label), 60)),
    make('span', { class: 'node-kind' }, kind),
    preview !== '' && make(deleted ? 'del' : 'span', { class: 'node-preview' }, oneLine(preview, PREVIEW)),
    deleted && preview === '' && make('del', { class: 'node-preview' }, 'deleted')
  ]
  if (type === null) return make('div', { class: deleted ? 'node leaf is-deleted' : 'node leaf' }, words)
  const tally = tallyOf(type)
  const inside = make('div', { class: 'branch' })
  const summary = make('summary', { class: deleted ? 'node is-deleted' : 'node' }, words, make('span', { class: 'node-tally' }, tallyWords(tally)))
  return make('details', {
    ontoggle: (event: Event) => {
      if ((event.target as HTMLDetailsElement).open && inside.childElementCount === 0) showParts(inside, partsOf(type))
    }
  }, summary, inside)
}

function tallyWords({ elements, deletedElements, items, bytes: size }: Tally): string {
  const gone = deletedElements === 0 ? '' : `, ${count(deletedElements)} deleted`
  return `${counted(elements, 'element')}${gone} · ${counted(items, 'item')} · ${bytes(size)}`
}

function showParts(host: HTMLElement, parts: Part[]): void {
  showMore(host, parts.length, (i) => {
    const { label, kind, preview, deleted, type } = parts[i]!
    return branch(label, kind, preview, deleted, type)
  })
  if (parts.length === 0) host.append(make('p', { class: 'node leaf quiet-words' }, 'empty'))
}

/** The first of many, and a button for the next. */
function showMore(host: HTMLElement, length: number, one: (i: number) => HTMLElement, shown = 0): void {
  const end = Math.min(length, shown + AT_ONCE)
  for (let i = shown; i < end; i += 1) host.append(one(i))
  if (end === length) return
  const more = make('button', {
    type: 'button', class: 'button small',
    onclick: () => {
      const last = more.previousElementSibling
      more.remove()
      showMore(host, length, one, end)
      const next = last?.nextElementSibling
      const target = next instanceof HTMLDetailsElement ? next.querySelector('summary') : next instanceof HTMLElement ? next : null
      target?.focus()
    }
  }, `Show ${count(Math.min(AT_ONCE, length - end))} more of ${count(length - end)}`)
  host.append(more)
}

// --- Blocks

function writerOf(doc: Y.Doc, writer: Writer, most: number): HTMLElement {
  const { client, clock, blocks, deleted } = writer
  const inside = make('div', { class: 'blocks', role: 'list' })
  const dot = make('span', { class: 'who-dot', 'aria-hidden': 'true' })
  dot.style.setProperty('--who', colourOf(client))
  const bar = make('span', { class: 'writer-bar', 'aria-hidden': 'true' }, make('span', { class: 'bar-alive' }), make('span', { class: 'bar-deleted' }))
  bar.style.setProperty('--alive', `${((clock - deleted) / most) * 100}%`)
  bar.style.setProperty('--deleted', `${(deleted / most) * 100}%`)
  return make('details', {
    ontoggle: (event: Event) => {
      if (!(event.target as HTMLDetailsElement).open || inside.childElementCount > 0) return
      showMore(inside, blocks, (i) => blockOf(doc, client, i))
    }
  },
  make('summary', { class: 'writer' }, dot, make('span', { class: 'writer-name' }, `Client ${client}`),
    make('span', { class: 'writer-tally' }, `${counted(clock, 'element')}, ${count(deleted)} deleted · ${counted(blocks, 'block')}`), bar),
  inside)
}

/** With the place that it is in, where that is another one than that of the block before. */
function blockOf(doc: Y.Doc, client: number, index: number): HTMLElement {
  const [before, block] = index === 0 ? [undefined, ...blocksOf(doc, client, 0, 1)] : blocksOf(doc, client, index - 1, index + 1)
  const { clock, length, kind, preview, deleted, place } = block!
  const range = length === 1 ? count(clock) : `${count(clock)} – ${count(clock + length - 1)}`
  return make('div', { role: 'listitem' },
    place !== '' && place !== before?.place && make('p', { class: 'block-place' }, 'in ', make('bdi', {}, oneLine(nameOf(place), 80))),
    make('div', { class: deleted ? 'block is-deleted' : 'block' },
      make('span', { class: 'block-range' }, range),
      make('span', { class: 'node-kind' }, deleted && kind !== 'GC' && kind !== 'deleted' ? `${kind}, deleted` : kind),
      make(deleted ? 'del' : 'span', { class: 'node-preview' }, oneLine(preview, PREVIEW))))
}
