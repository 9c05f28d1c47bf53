// Where the lines of a page come from: the shared document while somebody edits, what is saved otherwise. One of the two at a
// time, so that nobody looks at the one and writes in the other.

import type * as Y from 'yjs'
import type { Room } from './room'
import { viewOf, type LineView, type SharedLine } from './script_document'
import type { ScriptApi, StoredLine } from './script_api'

/** A line, and what stays the same of it for as long as it stands where it is. */
export interface ShownLine {
  key: unknown
  view: LineView
}

export interface PageSource {
  /** What tells it from another one. */
  readonly of: unknown
  /** The greatest page that has lines, 0 when there is none. */
  lastPage(): Promise<number> | number
  lines(page: number): Promise<ShownLine[]> | ShownLine[]
  /** Has `changed` called when this page, or the number of pages, changes, until the answer is called. */
  watch(page: number, changed: () => void): () => void
}

export class SharedPages implements PageSource {
  readonly of: Room
  constructor(room: Room) {
    this.of = room
  }

  lastPage(): number {
    return this.of.script.pageNumbers().at(-1) ?? 0
  }

  lines(page: number): ShownLine[] {
    return this.of.script.sharedLines(page).map((line) => ({ key: line, view: viewOf(line) }))
  }

  watch(page: number, changed: () => void): () => void {
    const { script } = this.of
    let watched: Y.Array<SharedLine> | undefined
    const watchArray = () => {
      const lines = script.pageArray(page)
      if (lines === watched) return
      watched?.unobserveDeep(changed)
      watched = lines
      watched?.observeDeep(changed)
    }
    const onPages = () => {
      watchArray()
      changed()
    }
    watchArray()
    script.pages.observe(onPages)
    return () => {
      script.pages.unobserve(onPages)
      watched?.unobserveDeep(changed)
    }
  }
}

export class SavedPages implements PageSource {
  readonly of = this
  private readonly pages = new Map<number, Promise<{ lines: ShownLine[], lastPage: number }>>()
  private newest: Promise<{ lastPage: number }> | undefined

  constructor(private readonly api: Pick<ScriptApi, 'page'>) {}

  async lastPage(): Promise<number> {
    return (await (this.newest ?? this.ask(1))).lastPage
  }

  async lines(page: number): Promise<ShownLine[]> {
    return (await this.ask(page)).lines
  }

  private ask(page: number): Promise<{ lines: ShownLine[], lastPage: number }> {
    const known = this.pages.get(page)
    if (known !== undefined) return known
    const asked = this.api.page(page).then(({ lines, lastPage }) => ({ lines: lines.map(shownLine), lastPage }))
    // What failed is asked again.
    asked.catch(() => this.pages.delete(page))
    this.pages.set(page, asked)
    this.newest = asked
    return asked
  }

  watch(): () => void {
    return () => {}
  }
}

function shownLine(line: StoredLine): ShownLine {
  return {
    key: line.id,
    view: {
      id: String(line.id),
      type: line.line_type,
      act: line.act_id ?? 0,
      scene: line.scene_id ?? 0,
      style: line.stage_direction_style_id ?? 0,
      parts: line.line_parts.map((part) => ({
        id: String(part.id), character: part.character_id ?? 0, group: part.character_group_id ?? 0, text: part.line_text ?? ''
      }))
    }
  }
}
