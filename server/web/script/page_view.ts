// One page of the script: its lines as on paper, the line that is being edited, and the keys that move among them. Of the whole
// script only this page is in the browser's tree; of a page that changes only the lines that are others are made anew.

import { fill, icon, make, setText } from '../admin/elements'
import type { Desk } from './desk'
import { LineEditor } from './line_editor'
import { SCRIPT_ICONS, showLine, type LineContext, type Visitor } from './line_view'
import type { PageSource, ShownLine } from './page_source'
import type { Problem } from './protocol'
import { LineType, type LineTypeNumber, type LineView, type PartView } from './script_document'
import { ShowNames, TYPE_NAMES } from './show_names'

export interface PageHost {
  desk: Desk
  /** Goes to another page, as if its address had been chosen. */
  goTo(page: number): void
  notice(words: string, kind?: 'done' | 'failed'): void
  /** Cuts that are marked and not stored yet; undefined outside of that mode. */
  marks(): Set<number> | undefined
  onMark(part: number): void
  /** Number of pages, once it is known. */
  onPages(last: number): void
}

interface Shown {
  key: unknown
  element: HTMLLIElement
  signature: string
  view: LineView
}

export class PageView {
  readonly element: HTMLElement
  page = 1
  lastPage = 0

  private source: PageSource | undefined
  private stopWatching = () => {}
  private lines: ShownLine[] = []
  private shown: Shown[] = []
  private names = new ShowNames(undefined)
  private open: { key: unknown, id: string, editor: LineEditor, element: HTMLLIElement } | undefined
  /** The line that keys go to when no field has them. */
  private current = 0
  private asked = 0
  private wanted: { line: number, open: boolean } | undefined
  private isLoading = false

  private readonly list = make('ol', { class: 'lines', 'aria-label': 'Lines', onkeydown: (event: KeyboardEvent) => this.onKey(event) })
  private readonly runningHead = make('p', { class: 'running-head' })
  private readonly folio = make('p', { class: 'folio' })
  private readonly empty = make('div', { class: 'paper-empty' })
  private readonly adding = make('div', { class: 'adding', role: 'group', 'aria-label': 'Add a line' })

  constructor(private readonly host: PageHost) {
    this.adding.append(make('span', { class: 'adding-word' }, 'Add'), ...[LineType.dialogue, LineType.direction, LineType.cue, LineType.spacing].map((type) =>
      make('button', { type: 'button', class: 'button small', onclick: () => this.insertAt(this.lines.length, type as LineTypeNumber) }, icon(SCRIPT_ICONS.plus), TYPE_NAMES[type] ?? '')))
    this.element = make('article', { class: 'paper', 'aria-label': 'Page of the script', 'data-testid': 'paper' },
      make('header', { class: 'paper-head' }, this.runningHead, this.folio), this.list, this.empty, this.adding)
    this.list.addEventListener('focusin', (event) => this.onFocus(event))
    this.list.addEventListener('click', (event) => this.onClick(event))
  }

  /** Shows a page. `line` counts from 0 and is gone to, opened for editing if asked. */
  show(source: PageSource, page: number, wanted?: { line: number, open: boolean }): void {
    const isAnother = source.of !== this.source?.of || page !== this.page
    this.wanted = wanted ?? this.wanted
    if (isAnother) {
      this.close(false)
      this.stopWatching()
      this.source = source
      if (page !== this.page) this.current = 0
      this.page = page
      let isQueued = false
      this.stopWatching = source.watch(page, () => {
        if (isQueued) return
        isQueued = true
        queueMicrotask(() => {
          isQueued = false
          this.load()
        })
      })
    } else {
      this.source = source
    }
    this.load()
  }

  private load(): void {
    const { source, page } = this
    if (source === undefined) return
    const question = ++this.asked
    const lines = source.lines(page)
    const last = source.lastPage()
    if (lines instanceof Promise || last instanceof Promise) {
      this.isLoading = true
      void Promise.all([lines, last]).then(([found, end]) => {
        if (question === this.asked) this.take(found, end)
      }, (error: unknown) => {
        if (question !== this.asked) return
        this.isLoading = false
        this.host.notice(error instanceof Error ? error.message : String(error), 'failed')
      })
    } else this.take(lines, last)
  }

  private take(lines: ShownLine[], last: number): void {
    this.isLoading = false
    this.lines = lines
    this.lastPage = last
    this.host.onPages(last)
    this.update()
    const { wanted } = this
    if (wanted === undefined) return
    this.wanted = undefined
    this.current = Math.min(wanted.line, Math.max(0, lines.length - 1))
    if (wanted.open && this.host.desk.canType) this.openAt(this.current)
    else this.focusCurrent()
  }

  /** Shows what has changed: in the document, among people, in the show. */
  update(): void {
    const { desk } = this.host
    if (this.names.show !== desk.show) this.names = new ShowNames(desk.show)
    this.settleOpen()
    const old = new Map(this.shown.map((one) => [one.key, one]))
    const visitors = this.visitorsByLine()
    const cues = new Map<string, string[]>()
    for (const cue of desk.cues) cues.set(String(cue.line), [...cues.get(String(cue.line)) ?? [], cue.label])
    const problems = this.problemsByLine()
    const marks = this.host.marks()
    const isCut = (part: PartView) => (marks ?? desk.cuts).has(Number(part.id))
    let before: LineView | undefined
    const next: Shown[] = this.lines.map(({ key, view }, index) => {
      const isOpen = this.open?.key === key
      const known = old.get(key)
      old.delete(key)
      const element = isOpen ? this.open!.element : known?.element ?? make('li', { tabindex: -1 })
      const context: LineContext = {
        names: this.names, visitors: visitors.get(index) ?? [], cues: cues.get(view.id) ?? [], isCut,
        onCut: marks === undefined || view.parts.some((part) => !/^\d+$/.test(part.id)) ? undefined : (part) => this.host.onMark(Number(part.id)),
        problems: problems.get(index) ?? [], heading: this.headingOf(view, before, index)
      }
      before = view
      if (isOpen) {
        this.open!.editor.update(view, this.editorContext(index, context))
        return { key, element, signature: 'open', view }
      }
      const signature = JSON.stringify([view, context.visitors, context.cues, view.parts.map(isCut), marks !== undefined, context.problems, context.heading])
      const isStale = known?.signature !== signature || known.element !== element
      if (isStale || this.namesShown !== this.names) showLine(element, view, context)
      element.dataset['id'] = view.id
      return { key, element, signature, view }
    })
    this.namesShown = this.names
    for (const gone of old.values()) gone.element.remove()
    next.forEach(({ element }, index) => {
      if (this.list.children[index] !== element) this.list.insertBefore(element, this.list.children[index] ?? null)
    })
    while (this.list.children.length > next.length) this.list.lastElementChild!.remove()
    this.shown = next
    this.current = Math.min(this.current, Math.max(0, next.length - 1))
    this.markCurrent()
    this.showRest()
    this.tellPlace()
  }

  private namesShown: ShowNames | undefined

  private showRest(): void {
    const { desk } = this.host
    const first = this.lines[0]?.view
    setText(this.runningHead, first === undefined ? desk.show?.name ?? '' : [this.names.act(first.act), this.names.scene(first.scene)].filter((name) => name !== '').join(' · '))
    setText(this.folio, String(this.page))
    this.adding.hidden = !desk.canType
    this.element.toggleAttribute('data-can-type', desk.canType)
    const isEmpty = this.lines.length === 0
    this.empty.hidden = !isEmpty
    const words = this.isLoading || !desk.isReady ? 'The page is on its way …'
      : desk.canType ? 'This page is empty. Add its first line below.'
        : this.page === 1 && this.lastPage === 0 ? 'There is nothing in this script yet. Whoever may write can begin it with “Edit”.' : 'There is nothing on this page.'
    if (isEmpty) fill(this.empty, make('p', {}, words))
  }

  /** Act and scene, where they begin: on the first page, and where they are others than in the line before. */
  private headingOf(view: LineView, before: LineView | undefined, index: number): LineContext['heading'] {
    if (index === 0 && this.page !== 1) return undefined
    const act = view.act !== (before?.act ?? 0) ? this.names.act(view.act) : ''
    const scene = view.scene !== (before?.scene ?? 0) ? this.names.scene(view.scene) : ''
    return act === '' && scene === '' ? undefined : { act, scene }
  }

  private visitorsByLine(): Map<number, Visitor[]> {
    const found = new Map<number, Visitor[]>()
    for (const presence of this.host.desk.room?.presences.values() ?? []) {
      if (presence.page !== this.page || presence.lineIndex === null) continue
      const byId = presence.lineId === undefined ? -1 : this.lines.findIndex(({ view }) => view.id === presence.lineId)
      const index = byId >= 0 ? byId : presence.lineIndex
      found.set(index, [...found.get(index) ?? [], { user: presence.userId, name: presence.username }])
    }
    return found
  }

  private problemsByLine(): Map<number, string[]> {
    const found = new Map<number, string[]>()
    for (const problem of this.host.desk.problems) {
      if (problem.page !== this.page || problem.line === undefined) continue
      const index = problem.line - 1
      found.set(index, [...found.get(index) ?? [], inWords(problem)])
    }
    return found
  }

  // --- The line that is edited

  /** Finds the open line again: by its place in the document, or by its id when somebody moved it. */
  private settleOpen(): void {
    const { open } = this
    if (open === undefined) return
    const room = this.host.desk.room
    const byKey = this.lines.find(({ key }) => key === open.key)
    const byId = byKey ?? this.lines.find(({ view }) => view.id === open.id)
    if (byId === undefined || room === undefined) {
      const elsewhere = room?.script.find(open.id)
      this.close(false)
      if (elsewhere !== undefined) this.host.notice(`The line that you had open is on page ${elsewhere.page} now.`)
      else if (room !== undefined && room.state !== 'left') this.host.notice('The line that you had open was deleted.')
      return
    }
    open.id = byId.view.id
    if (byId.key !== open.key) {
      const index = this.lines.indexOf(byId)
      this.close(false)
      this.openAt(index, false)
    }
  }

  private editorContext(index: number, { visitors, problems }: Pick<LineContext, 'visitors' | 'problems'>) {
    const here = visitors[0]
    return {
      names: this.names, visitors, problems, canType: this.host.desk.canType,
      whyNotMove: here === undefined ? undefined : `${here.name} is in this line: it stays where it is until they leave it.`,
      isFirst: index === 0 && this.page === 1, isLast: index === this.lines.length - 1 && this.page >= this.lastPage
    }
  }

  openAt(index: number, update = true): void {
    const line = this.lines[index]
    const { desk } = this.host
    if (line === undefined || desk.room === undefined || !desk.canType) return
    if (this.open !== undefined && this.open.key === line.key) return this.open.editor.focus()
    this.close(false)
    this.current = index
    const known = this.shown.find(({ key }) => key === line.key)
    const element = known?.element ?? make('li', { tabindex: -1 })
    const context = this.editorContext(index, { visitors: this.visitorsByLine().get(index) ?? [], problems: this.problemsByLine().get(index) ?? [] })
    const { script } = desk.room
    const id = () => this.open?.id ?? line.view.id
    const editor = new LineEditor(element, script, line.view, context, {
      close: () => this.close(),
      insert: (where) => this.insertAt(this.indexOf(id()) + (where === 'below' ? 1 : 0)),
      move: (step) => this.move(id(), step),
      remove: () => this.remove(id()),
      undo: () => this.undo(),
      redo: () => this.redo()
    })
    this.open = { key: line.key, id: line.view.id, editor, element }
    if (update) this.update()
    editor.focus()
    element.scrollIntoView({ block: 'nearest' })
  }

  /** Whether a line was open. */
  close(focus = true): boolean {
    const { open } = this
    if (open === undefined) return false
    this.open = undefined
    open.editor.destroy()
    const shown = this.shown.find(({ key }) => key === open.key)
    if (shown !== undefined) {
      shown.signature = ''
      open.element.removeAttribute('class')
    }
    if (focus) {
      this.update()
      this.focusCurrent()
    }
    return true
  }

  get hasOpenLine(): boolean {
    return this.open !== undefined
  }

  private indexOf(id: string): number {
    return this.lines.findIndex(({ view }) => view.id === id)
  }

  // --- What is done to lines

  insertAt(index: number, type?: LineTypeNumber): void {
    const { desk } = this.host
    if (!desk.canType || desk.room === undefined) return
    desk.room.script.insertLine({ page: this.page, index }, type ?? LineType.dialogue)
    this.load()
    this.openAt(index)
  }

  /** One place up or down; from the edge of a page onto the next one. */
  move(id: string, step: -1 | 1): void {
    const { desk } = this.host
    const place = desk.room?.script.find(id)
    if (!desk.canType || place === undefined) return
    const { script } = desk.room!
    const length = script.sharedLines(place.page).length
    const isInside = step < 0 ? place.index > 0 : place.index < length - 1
    const wasOpen = this.open?.id === id
    if (isInside) {
      script.moveLine(id, { page: place.page, index: step < 0 ? place.index - 1 : place.index + 2 })
      this.current = place.index + step
    } else {
      const page = place.page + step
      if (page < 1) return
      this.close(false)
      const index = step < 0 ? script.sharedLines(page).length : 0
      script.moveLine(id, { page, index })
      this.wanted = { line: index, open: wasOpen }
      this.host.goTo(page)
      return
    }
    this.load()
    if (!wasOpen) this.focusCurrent()
  }

  remove(id: string): void {
    const { desk } = this.host
    const index = this.indexOf(id)
    if (!desk.canType || index < 0) return
    const visitors = this.visitorsByLine().get(index) ?? []
    if (this.open?.id === id) this.close(false)
    desk.room?.script.deleteLine(id)
    this.current = Math.max(0, Math.min(index, this.lines.length - 2))
    this.load()
    this.focusCurrent()
    this.host.notice(visitors.length > 0 ? `Deleted, although ${visitors[0]!.name} was in it. Undo brings it back.` : 'Line deleted. Undo brings it back.')
  }

  undo(): void {
    this.host.desk.room?.script.undo.undo()
  }

  redo(): void {
    this.host.desk.room?.script.undo.redo()
  }

  // --- Keys and focus

  private onFocus(event: FocusEvent): void {
    const item = (event.target as HTMLElement).closest('li')
    const index = item === null ? -1 : this.shown.findIndex(({ element }) => element === item)
    if (index < 0) return
    this.current = index
    this.markCurrent()
    this.tellPlace()
  }

  private onClick(event: MouseEvent): void {
    const item = (event.target as HTMLElement).closest('li')
    if (item === null || item === this.open?.element) return
    const index = this.shown.findIndex(({ element }) => element === item)
    // Whoever marks a text to copy it does not want to edit it.
    if (getSelection()?.isCollapsed === false) return
    this.current = index
    if (this.host.desk.canType) this.openAt(index)
    else if (this.host.marks() === undefined) this.focusCurrent()
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.open !== undefined) {
      event.preventDefault()
      this.close()
      return
    }
    const item = this.shown[this.current]
    if (item === undefined || event.target !== item.element || event.ctrlKey || event.metaKey) return
    const { desk } = this.host
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0 && event.altKey) {
      if (desk.canType && (this.visitorsByLine().get(this.current) ?? []).length === 0) this.move(item.view.id, step)
    } else if (step !== 0) {
      this.current = Math.min(Math.max(0, this.current + step), this.shown.length - 1)
      this.focusCurrent()
    } else if (event.key === 'Home' || event.key === 'End') {
      this.current = event.key === 'Home' ? 0 : this.shown.length - 1
      this.focusCurrent()
    } else if (event.key === 'Enter') this.openAt(this.current)
    else if (event.key === ' ' && this.host.marks() !== undefined) item.element.querySelector<HTMLInputElement>('.cutting input')?.click()
    else if (event.key === 'Insert' || event.key === 'n') this.insertAt(this.current + 1)
    else if (event.key === 'Delete') this.remove(item.view.id)
    else return
    event.preventDefault()
  }

  focusCurrent(): void {
    const item = this.shown[this.current]
    if (item === undefined) return
    item.element.focus({ preventScroll: true })
    item.element.scrollIntoView({ block: 'nearest' })
  }

  private markCurrent(): void {
    this.shown.forEach(({ element }, index) => {
      const tabIndex = index === this.current && element !== this.open?.element ? 0 : -1
      if (element.tabIndex !== tabIndex) element.tabIndex = tabIndex
    })
  }

  private tellPlace(): void {
    const index = this.open === undefined ? -1 : this.lines.findIndex(({ key }) => key === this.open!.key)
    this.host.desk.showPlace(index < 0 ? { page: this.page, lineIndex: null } : { page: this.page, lineIndex: index, lineId: this.open!.id })
  }
}

export function inWords({ part, field, what }: Problem): string {
  const text = part === undefined ? what : `part ${part}: ${what}`
  return text === '' ? field ?? 'is wrong' : text.charAt(0).toUpperCase() + text.slice(1)
}
