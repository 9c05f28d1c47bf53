// The shared document of a script: pages of lines, lines of parts, as they stand in Yjs, and the edits that people make.
// Nothing of the page that shows it is here.
//
//   meta               Y.Map    revision_id, last_saved_at
//   pages              Y.Map    "1", "2", … -> Y.Array of lines
//   line               Y.Map    _id, act_id, scene_id, line_type, stage_direction_style_id, parts: Y.Array of parts
//   part               Y.Map    _id, part_index, character_id, character_group_id, line_text: Y.Text
//   0 stands for "none" in every id; _id is a decimal number, or a UUID until the line is saved
//
// Edits are single transactions with the origin of their kind, so that whoever sends them can tell them from what came in and
// undo takes back one's own alone. Texts are changed by their difference: who types in the middle of a line while somebody
// else does keeps what both wrote. Edits of what is not there throw.
//
// Costs: an edit looks at the page of its line (and at all pages when the line has moved); nothing looks at the whole document
// for a keystroke.

import * as Y from 'yjs'
import { changeBetween } from './text_change'

export const STRUCTURE = 'local-bridge'
export const FIELDS = 'local-edit'
/** The beginning of a page: sent like an edit, and nobody's to undo, since others may write on that page by then. */
export const PAGE = 'local-page'

/** Mending what edits of several people left behind: nobody's to undo, either. */
export const REPAIR = 'local-repair'

export const LineType = { dialogue: 1, direction: 2, cue: 3, spacing: 4 } as const
export type LineTypeNumber = (typeof LineType)[keyof typeof LineType]

export interface PartView {
  id: string
  character: number
  group: number
  text: string
}
export interface LineView {
  id: string
  type: number
  act: number
  scene: number
  style: number
  parts: PartView[]
}

/** Where a line stands: on which page, at which place from 0. */
export interface Place {
  page: number
  index: number
}

export type SharedLine = Y.Map<unknown>
type SharedPart = Y.Map<unknown>

const number = (map: Y.Map<unknown>, key: string): number => {
  const value = map.get(key)
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

export class ScriptDocument {
  readonly meta: Y.Map<unknown>
  readonly pages: Y.Map<unknown>
  readonly undo: Y.UndoManager
  /** On which page a line was when it was last looked for. */
  private readonly lastPage = new Map<string, number>()

  constructor(readonly doc: Y.Doc) {
    this.meta = doc.getMap('meta')
    this.pages = doc.getMap('pages')
    doc.getArray('deleted_line_ids')
    this.undo = new Y.UndoManager([this.pages], { trackedOrigins: new Set([STRUCTURE, FIELDS]), captureTimeout: 600 })
  }

  destroy(): void {
    this.undo.destroy()
  }

  get lastSavedAt(): string {
    const value = this.meta.get('last_saved_at')
    return typeof value === 'string' ? value : ''
  }

  /** The numbers of pages that have lines, ascending. Keys that are no numbers are left alone: saving tells of them. */
  pageNumbers(): number[] {
    const numbers: number[] = []
    for (const [key, lines] of this.pages) {
      if (/^\d{1,9}$/.test(key) && lines instanceof Y.Array && lines.length > 0) numbers.push(Number(key))
    }
    return numbers.sort((a, b) => a - b)
  }

  linesOf(page: number): LineView[] {
    return this.sharedLines(page).map(viewOf)
  }

  /** The lines of a page, as they are in the document: each is the same object for as long as the line stays where it is. */
  sharedLines(page: number): SharedLine[] {
    return this.pageArray(page)?.toArray().filter((line): line is SharedLine => line instanceof Y.Map) ?? []
  }

  pageArray(page: number): Y.Array<SharedLine> | undefined {
    const lines = this.pages.get(String(page))
    return lines instanceof Y.Array ? lines as Y.Array<SharedLine> : undefined
  }

  /** Where a line of this id stands now; undefined when it was deleted. */
  find(id: string): Place | undefined {
    const last = this.lastPage.get(id)
    const there = last === undefined ? undefined : this.findOn(last, id)
    if (there !== undefined) return there
    for (const page of this.pageNumbers()) {
      const place = this.findOn(page, id)
      if (place !== undefined) return place
    }
    return undefined
  }

  private findOn(page: number, id: string): Place | undefined {
    const index = this.pageArray(page)?.toArray().findIndex((line) => line instanceof Y.Map && line.get('_id') === id) ?? -1
    if (index < 0) return undefined
    this.lastPage.set(id, page)
    return { page, index }
  }

  /** A new line before the one at `place`, or at the end of the page. Act and scene are those of the line before. */
  insertLine(place: Place, type: LineTypeNumber): string {
    const id = crypto.randomUUID()
    const before = this.lineBefore(place)
    this.beginPage(place.page)
    this.structure(() => {
      const lines = this.pageArray(place.page)!
      const line: SharedLine = new Y.Map()
      lines.insert(Math.min(place.index, lines.length), [line])
      line.set('_id', id)
      line.set('act_id', before?.act ?? 0)
      line.set('scene_id', before?.scene ?? 0)
      line.set('line_type', type)
      line.set('stage_direction_style_id', 0)
      const parts = new Y.Array<SharedPart>()
      line.set('parts', parts)
      if (type === LineType.dialogue || type === LineType.direction) addPart(parts)
    })
    return id
  }

  deleteLine(id: string): void {
    const place = this.find(id)
    if (place === undefined) return
    this.structure(() => this.pageArray(place.page)!.delete(place.index, 1))
  }

  /**
   * Moves a line by deleting it and writing a copy of it with its id. Two people who move the same line at once make two of
   * it: `removeDoubles`, which the room of every editor calls when lines came in, keeps the first.
   */
  moveLine(id: string, to: Place): void {
    const from = this.find(id)
    if (from === undefined) return
    this.beginPage(to.page)
    this.structure(() => {
      const source = this.pageArray(from.page)!
      const copy = source.get(from.index).clone()
      source.delete(from.index, 1)
      const target = this.pageArray(to.page)!
      const index = from.page === to.page && from.index < to.index ? to.index - 1 : to.index
      target.insert(Math.min(index, target.length), [copy])
    })
  }

  /** Whether a line stood in two places. O(lines). */
  removeDoubles(): boolean {
    const seen = new Set<unknown>()
    const doubles: Place[] = []
    for (const page of this.pageNumbers()) {
      this.pageArray(page)!.forEach((line, index) => {
        if (!(line instanceof Y.Map)) return
        const id = line.get('_id')
        if (seen.has(id)) doubles.push({ page, index })
        seen.add(id)
      })
    }
    if (doubles.length === 0) return false
    this.doc.transact(() => {
      for (const { page, index } of doubles.reverse()) this.pageArray(page)!.delete(index, 1)
    }, REPAIR)
    return true
  }

  /** Another type keeps what the new one can have. */
  setType(id: string, type: LineTypeNumber): void {
    this.changeLine(id, (line) => {
      line.set('line_type', type)
      const parts = partsOf(line)
      if (type === LineType.cue || type === LineType.spacing) {
        if (parts.length > 0) parts.delete(0, parts.length)
        return
      }
      if (parts.length === 0) addPart(parts)
      if (type !== LineType.direction) return
      if (parts.length > 1) parts.delete(1, parts.length - 1)
      parts.get(0).set('character_id', 0)
      parts.get(0).set('character_group_id', 0)
    }, STRUCTURE)
  }

  setAct(id: string, act: number): void {
    this.changeLine(id, (line) => line.set('act_id', act))
  }

  setScene(id: string, scene: number, act?: number): void {
    this.changeLine(id, (line) => {
      line.set('scene_id', scene)
      if (act !== undefined) line.set('act_id', act)
    })
  }

  setStyle(id: string, style: number): void {
    this.changeLine(id, (line) => line.set('stage_direction_style_id', style))
  }

  addPart(id: string): void {
    this.changeLine(id, (line) => addPart(partsOf(line)), STRUCTURE)
  }

  deletePart(id: string, part: number): void {
    this.changeLine(id, (line) => {
      const parts = partsOf(line)
      if (part >= parts.length) return
      parts.delete(part, 1)
      parts.toArray().forEach((other, index) => {
        if (number(other, 'part_index') !== index) other.set('part_index', index)
      })
    }, STRUCTURE)
  }

  /** A character or a group speaks, never both. */
  setSpeaker(id: string, part: number, speaker: { character?: number, group?: number }): void {
    this.changePart(id, part, (shared) => {
      shared.set('character_id', speaker.character ?? 0)
      shared.set('character_group_id', speaker.group ?? 0)
    })
  }

  /** `caret`: where it is in `text`, to know which of two equal letters was typed. */
  setText(id: string, part: number, text: string, caret?: number): void {
    replaceText(this.sharedText(id, part), text, caret)
  }

  /** The shared text of a part: what an editor binds to. */
  sharedText(id: string, part: number): Y.Text {
    const text = this.partFor(id, part).get('line_text')
    if (!(text instanceof Y.Text)) throw new Error(`part ${part + 1} of line ${id} has no text`)
    return text
  }

  private lineBefore(place: Place): LineView | undefined {
    const here = this.pageArray(place.page)?.toArray() ?? []
    const before = here.slice(0, place.index).reverse().find((line) => line instanceof Y.Map)
    if (before !== undefined) return viewOf(before)
    const earlier = this.pageNumbers().filter((page) => page < place.page).pop()
    const last = earlier === undefined ? undefined : this.sharedLines(earlier).pop()
    return last && viewOf(last)
  }

  /**
   * The array of a page, made when the document lacks it: by the same update whoever asks for it, so that two people who begin
   * a page at once make one and lose no line.
   */
  private beginPage(page: number): void {
    if (this.pageArray(page) !== undefined) return
    Y.applyUpdate(this.doc, newPageUpdate(page), PAGE)
    // Somebody took the page away that this update once made.
    if (this.pageArray(page) === undefined) this.doc.transact(() => this.pages.set(String(page), new Y.Array()), PAGE)
  }

  /** A step of its own for undo, whatever was typed just before and is typed just after. */
  private structure(change: () => void): void {
    this.undo.stopCapturing()
    this.doc.transact(change, STRUCTURE)
    this.undo.stopCapturing()
  }

  private changeLine(id: string, change: (line: SharedLine) => void, origin = FIELDS): void {
    const line = this.lineFor(id)
    if (origin === STRUCTURE) this.structure(() => change(line))
    else this.doc.transact(() => change(line), origin)
  }

  private changePart(id: string, part: number, change: (part: SharedPart) => void): void {
    const shared = this.partFor(id, part)
    this.doc.transact(() => change(shared), FIELDS)
  }

  private lineFor(id: string): SharedLine {
    const place = this.find(id)
    if (place === undefined) throw new Error(`line ${id} is not there any more`)
    return this.pageArray(place.page)!.get(place.index)
  }

  private partFor(id: string, part: number): SharedPart {
    const parts = this.lineFor(id).get('parts')
    const shared = parts instanceof Y.Array ? parts.get(part) : undefined
    if (!(shared instanceof Y.Map)) throw new Error(`line ${id} has no part ${part + 1}`)
    return shared as SharedPart
  }
}

/** The update that makes page `page`, empty: its writer is client 2^32 + page, which nobody else is. */
export function newPageUpdate(page: number): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = 2 ** 32 + page
  doc.getMap('pages').set(String(page), new Y.Array())
  return Y.encodeStateAsUpdate(doc)
}

/** Changes `shown` into `text` by taking out and putting in what differs. */
export function replaceText(shown: Y.Text, text: string, caret?: number): void {
  const change = changeBetween(shown.toString(), text, caret)
  if (change === undefined) return
  shown.doc!.transact(() => {
    if (change.removed > 0) shown.delete(change.at, change.removed)
    if (change.inserted !== '') shown.insert(change.at, change.inserted)
  }, FIELDS)
}

function partsOf(line: SharedLine): Y.Array<SharedPart> {
  const parts = line.get('parts')
  if (parts instanceof Y.Array) return parts as Y.Array<SharedPart>
  const made = new Y.Array<SharedPart>()
  line.set('parts', made)
  return made
}

function addPart(parts: Y.Array<SharedPart>): void {
  const part: SharedPart = new Y.Map()
  const index = parts.length
  parts.push([part])
  part.set('_id', crypto.randomUUID())
  part.set('part_index', index)
  part.set('character_id', 0)
  part.set('character_group_id', 0)
  part.set('line_text', new Y.Text())
}

export function viewOf(line: SharedLine): LineView {
  const parts = line.get('parts')
  return {
    id: String(line.get('_id') ?? ''),
    type: number(line, 'line_type'),
    act: number(line, 'act_id'),
    scene: number(line, 'scene_id'),
    style: number(line, 'stage_direction_style_id'),
    parts: parts instanceof Y.Array
      ? parts.toArray().filter((part): part is SharedPart => part instanceof Y.Map).map(partViewOf)
      : []
  }
}

function partViewOf(part: SharedPart): PartView {
  const text = part.get('line_text')
  return {
    id: String(part.get('_id') ?? ''),
    character: number(part, 'character_id'),
    group: number(part, 'character_group_id'),
    text: text instanceof Y.Text ? text.toString() : ''
  }
}
