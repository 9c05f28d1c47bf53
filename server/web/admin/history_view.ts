// The text of a room at any moment that the log keeps: a slider over its updates, what changed between two of them, named
// versions, and a way back.
//
// While the slider stands at the newest update it stays there as others write; anywhere else nothing moves.

import type { Change, Version } from './api'
import { inWords, isAbort } from './api'
import { ask } from './dialog'
import type { Piece } from './difference'
import { differenceOf } from './difference'
import { openDocument, rootsOf, textOf } from './document'
import { fill, icon, ICONS, make, makeSvg, setText } from './elements'
import { emptyNote, roomHash } from './page'
import type { RoomContext } from './room_view'
import { ago, bytes, count, counted, dateAndTime, nameOf } from './words'

const PLAY_MS = 250
const MOMENTS_KEPT = 40
/** Of a text that is shown. */
const MAX_SIGNS = 300_000
/** Updates that the strip of activity is made of, at most. */
const STRIP_UPDATES = 3_000
const STRIP_BARS = 160

export function historyView(host: HTMLElement, context: RoomContext): void {
  new HistoryView(context).start(host)
}

class HistoryView {
  #first = 0
  #head = 0
  #at: number
  #base = 0
  #follows: boolean
  #compares = false
  #root = ''
  #busy = false
  #again = false
  #playing = 0
  #updates = new Map<number, Promise<Uint8Array>>()
  #changes = new Map<number, Change>()
  #stripRead = 0
  #versions: Version[] = []

  #when = make('p', { class: 'when', 'aria-live': 'polite', 'data-testid': 'when' })
  #strip = makeSvg('svg', { class: 'strip', 'aria-hidden': 'true', preserveAspectRatio: 'none', height: 44 })
  #slider = make('input', { type: 'range', class: 'moment', id: 'moment', step: 1, 'aria-label': 'Moment' })
  #baseSlider = make('input', { type: 'range', class: 'moment base', id: 'base', step: 1, 'aria-label': 'Compared with' })
  #baseLabel = make('p', { class: 'base-label', hidden: true })
  #baseWords = make('output', { class: 'base-words', for: 'base' })
  #play = make('button', { type: 'button', class: 'icon-button', 'aria-label': 'Play', onclick: () => this.#togglePlay() })
  #compare = make('input', { type: 'checkbox', onchange: () => this.#setCompares(this.#compare.checked) })
  #restore = make('button', { type: 'button', class: 'button', onclick: () => void this.#askRestore() }, icon(ICONS.restore), 'Restore …')
  #structure = make('a', { class: 'button' }, 'Structure')
  #roots = make('select', { 'aria-label': 'Root type', onchange: () => { this.#root = this.#roots.value; void this.#show() } })
  #summary = make('p', { class: 'change-summary', role: 'status' })
  #text = make('pre', { class: 'content', tabindex: 0, 'aria-label': 'Content at this moment', 'data-testid': 'content' })
  #note = make('div')
  #list = make('ul', { class: 'versions', 'data-testid': 'versions' })

  constructor(private context: RoomContext) {
    const wanted = context.parameters.get('at')
    this.#at = wanted !== null && /^\d+$/.test(wanted) ? Number(wanted) : -1
    this.#follows = this.#at === -1
  }

  start(host: HTMLElement): void {
    const step = (by: number, label: string, path: string) =>
      make('button', { type: 'button', class: 'icon-button', 'aria-label': label, onclick: () => this.#go(this.#at + by) }, icon(path))
    fill(this.#play, icon(ICONS.play))
    fill(this.#baseLabel, 'since', this.#baseWords)
    this.#baseSlider.hidden = true
    fill(host,
      make('section', { class: 'card moment-card', 'aria-label': 'Moment' },
        make('div', { class: 'moment-head' }, this.#when,
          make('div', { class: 'moment-steps' }, step(-1, 'One update back', ICONS.back), this.#play, step(1, 'One update on', ICONS.forward),
            make('button', { type: 'button', class: 'button small', onclick: () => this.#go(this.#head) }, 'Newest'))),
        make('div', { class: 'track' }, this.#strip, this.#slider, this.#baseSlider),
        make('div', { class: 'compare-row' }, make('label', { class: 'check' }, this.#compare, make('span', {}, 'Show what changed')), this.#baseLabel)),
      make('div', { class: 'two-columns wide-left' },
        make('section', { class: 'card content-card', 'aria-label': 'Content' },
          make('header', { class: 'card-head' }, this.#roots, this.#summary,
            make('div', { class: 'card-actions' }, this.#structure, this.#restore)),
          this.#text, this.#note),
        make('section', { class: 'card', 'aria-label': 'Versions' },
          make('header', { class: 'card-head' }, make('h2', {}, 'Versions'),
            make('button', { type: 'button', class: 'button small', onclick: () => void this.#askName() }, icon(ICONS.tag), 'Name this moment …')),
          this.#list)))
    this.#slider.addEventListener('input', () => this.#go(Number(this.#slider.value)))
    this.#baseSlider.addEventListener('input', () => {
      this.#base = Math.min(Number(this.#baseSlider.value), this.#at)
      this.#baseSlider.value = String(this.#base)
      void this.#show()
    })
    this.context.signal.addEventListener('abort', () => clearTimeout(this.#playing))
    this.context.onStatus(() => this.#onStatus())
    this.#onStatus()
    void this.#readVersions()
  }

  #onStatus(): void {
    const { first, durable_head: head, records } = this.context.status()
    const isFirst = this.#slider.max === '' || this.#head === 0
    this.#first = Math.max(0, first - 1)
    if (head !== this.#head || isFirst) {
      this.#head = head
      void this.#readStrip(records)
      this.#go(this.#follows ? head : this.#at, this.#follows)
    }
  }

  /** Shows another moment; `by itself` means that nobody asked, so that the slider goes on following. */
  #go(to: number, byItself = false): void {
    this.#at = Math.min(this.#head, Math.max(this.#first, to))
    if (!byItself) this.#follows = this.#at === this.#head
    if (this.#base > this.#at) this.#base = this.#at
    for (const slider of [this.#slider, this.#baseSlider]) {
      slider.min = String(this.#first)
      slider.max = String(this.#head)
    }
    this.#slider.value = String(this.#at)
    this.#baseSlider.value = String(this.#base)
    this.#slider.style.setProperty('--part', `${this.#head === this.#first ? 100 : ((this.#at - this.#first) / (this.#head - this.#first)) * 100}%`)
    this.#structure.setAttribute('href', roomHash(this.context.room, 'structure', `?at=${this.#at}`))
    this.#restore.disabled = this.#at === this.#head
    this.#showWhen()
    void this.#show()
  }

  #setCompares(compares: boolean): void {
    this.#compares = compares
    this.#baseLabel.hidden = !compares
    this.#baseSlider.hidden = !compares
    if (compares) {
      // What a look at the last change wants to see; a version before it, if there is one.
      const version = this.#versions.map(({ sequence }) => sequence).filter((sequence) => sequence < this.#at).sort((a, b) => b - a)[0]
      this.#base = version ?? Math.max(this.#first, this.#at - Math.max(1, Math.round((this.#head - this.#first) / 4)))
    }
    this.#go(this.#at)
  }

  #togglePlay(): void {
    if (this.#playing !== 0) return this.#stopPlaying()
    if (this.#at === this.#head) this.#go(this.#first)
    const step = Math.max(1, Math.round((this.#head - this.#at) / 60))
    const next = () => {
      this.#playing = window.setTimeout(async () => {
        await this.#show()
        this.#go(this.#at + step)
        if (this.#at >= this.#head) this.#stopPlaying()
        else if (this.#playing !== 0) next()
      }, PLAY_MS)
    }
    this.#play.setAttribute('aria-label', 'Pause')
    fill(this.#play, icon(ICONS.pause))
    next()
  }

  #stopPlaying(): void {
    clearTimeout(this.#playing)
    this.#playing = 0
    this.#play.setAttribute('aria-label', 'Play')
    fill(this.#play, icon(ICONS.play))
  }

  // --- The content

  #updateAt(sequence: number): Promise<Uint8Array> {
    const known = this.#updates.get(sequence)
    if (known !== undefined) return known
    const { page, room, signal } = this.context
    const read = page.api.update(room, sequence, signal)
    this.#updates.set(sequence, read)
    read.catch(() => this.#updates.delete(sequence))
    const oldest = this.#updates.keys().next().value
    if (this.#updates.size > MOMENTS_KEPT && oldest !== undefined) this.#updates.delete(oldest)
    return read
  }

  /** One moment is read at a time; of those that were passed meanwhile the last one is next. */
  async #show(): Promise<void> {
    if (this.#busy) {
      this.#again = true
      return
    }
    this.#busy = true
    try {
      do {
        this.#again = false
        await this.#showNow()
      } while (this.#again && !this.context.signal.aborted)
    } finally {
      this.#busy = false
    }
  }

  async #showNow(): Promise<void> {
    const [at, base] = [this.#at, this.#base]
    try {
      const update = await this.#updateAt(at)
      const earlier = this.#compares ? await this.#updateAt(base) : null
      if (at !== this.#at || base !== this.#base) return
      this.#note.replaceChildren()
      this.#text.dataset['at'] = String(at)
      this.#showRoots(update, earlier)
      if (earlier !== null) this.#showDifference(earlier, update)
      else this.#showText(update)
    } catch (error) {
      if (isAbort(error)) return
      this.#text.replaceChildren()
      this.#summary.replaceChildren()
      fill(this.#note, emptyNote('This moment cannot be shown', inWords(error)))
    }
  }

  #showRoots(update: Uint8Array, earlier: Uint8Array | null): void {
    const names = [update, ...earlier === null ? [] : [earlier]].flatMap((each) => rootsOf(openDocument(each)).filter(({ kind }) => kind !== 'empty').map(({ name }) => name))
    const all = [...new Set(names)].sort()
    if (!all.includes(this.#root)) this.#root = all[0] ?? ''
    const shown = [...this.#roots.options].map(({ value }) => value)
    if (shown.join('\n') !== all.join('\n')) fill(this.#roots, all.map((name) => make('option', { value: name }, nameOf(name) === '' ? '(no name)' : nameOf(name))))
    this.#roots.value = this.#root
    this.#roots.hidden = all.length === 0
  }

  #showText(update: Uint8Array): void {
    const root = rootsOf(openDocument(update)).find(({ name }) => name === this.#root)
    const text = root === undefined ? '' : textOf(root)
    setText(this.#text, text.slice(0, MAX_SIGNS))
    this.#text.hidden = text === ''
    setText(this.#summary, text === '' ? '' : `${counted(text.length, 'character')}`)
    if (text === '') fill(this.#note, emptyNote('Nothing was there yet', 'The document was empty at this moment. Move the slider to the right.'))
    else if (text.length > MAX_SIGNS) fill(this.#note, make('p', { class: 'cut' }, `The first ${count(MAX_SIGNS)} characters are shown.`))
  }

  #showDifference(earlier: Uint8Array, later: Uint8Array): void {
    const { pieces } = differenceOf(earlier, later, this.#root)
    const top = this.#text.scrollTop
    let left = MAX_SIGNS
    fill(this.#text, pieces.map((piece) => {
      const text = piece.text.slice(0, Math.max(0, left))
      left -= text.length
      return elementOf({ ...piece, text })
    }))
    this.#text.hidden = false
    this.#text.scrollTop = top
    const length = (change: Piece['change']) => pieces.filter((piece) => piece.change === change).reduce((sum, { text }) => sum + text.length, 0)
    fill(this.#summary, make('ins', {}, `+${count(length('inserted'))}`), ' ', make('del', {}, `−${count(length('deleted'))}`), ' characters')
    if (pieces.length === 0) fill(this.#note, emptyNote('Nothing was there', 'The document was empty at both moments.'))
  }

  // --- When it was, and who

  async #changeAt(sequence: number): Promise<Change | undefined> {
    const known = this.#changes.get(sequence)
    if (known !== undefined || sequence === 0) return known
    const { page, room, signal } = this.context
    const { changes } = await page.api.changes(room, sequence, 1, signal)
    const found = changes.find((change) => change.sequence === sequence)
    if (found !== undefined) this.#changes.set(sequence, found)
    return found
  }

  #showWhen(): void {
    const [at, base] = [this.#at, this.#base]
    const number = `Update ${count(at)} of ${count(this.#head)}`
    const tell = (change: Change | undefined) => {
      if (at !== this.#at) return
      const version = this.#versions.find(({ sequence }) => sequence === at)
      fill(this.#when, make('strong', {}, at === 0 ? 'Before the first update' : number),
        version !== undefined && make('bdi', { class: 'chip' }, nameOf(version.name)),
        make('span', { class: 'when-time' }, change === undefined ? '' : dateAndTime(change.time)),
        make('span', { class: 'when-who' }, change === undefined ? '' : wordsOf(change)))
      this.#slider.setAttribute('aria-valuetext', `${number}${change === undefined ? '' : `, ${dateAndTime(change.time)}`}`)
    }
    tell(this.#changes.get(at))
    this.#changeAt(at).then(tell).catch(() => {})
    const tellBase = (change: Change | undefined) => {
      if (base === this.#base) setText(this.#baseWords, base === 0 ? 'the beginning' : `update ${count(base)}${change === undefined ? '' : `, ${dateAndTime(change.time)}`}`)
    }
    tellBase(this.#changes.get(base))
    if (this.#compares) this.#changeAt(base).then(tellBase).catch(() => {})
  }

  /** Bars of how much each update brought and took; where there are too many updates, none. */
  async #readStrip(records: number): Promise<void> {
    if (records > STRIP_UPDATES) return
    const { page, room, signal } = this.context
    try {
      for (let from: number | null = Math.max(this.#stripRead, this.#first) + 1; from !== null && from <= this.#head;) {
        const list = await page.api.changes(room, from, 1_000, signal)
        for (const change of list.changes) this.#changes.set(change.sequence, change)
        this.#stripRead = Math.max(this.#stripRead, list.changes.at(-1)?.sequence ?? 0)
        from = list.next
      }
    } catch {
      return
    }
    this.#drawStrip()
    this.#showWhen()
  }

  #drawStrip(): void {
    const span = this.#head - this.#first
    const bars = Math.max(1, Math.min(STRIP_BARS, span))
    const sums = Array.from({ length: bars }, () => ({ inserted: 0, deleted: 0 }))
    for (const { sequence, writers, deleted } of this.#changes.values()) {
      const sum = sums[Math.min(bars - 1, Math.floor(((sequence - this.#first - 1) / span) * bars))]
      if (sum === undefined) continue
      sum.inserted += writers.reduce((all, { elements }) => all + elements, 0)
      sum.deleted += deleted
    }
    // Roots, so that a large paste does not make all else invisible.
    const height = (value: number) => Math.sqrt(value)
    const most = Math.max(1, ...sums.map(({ inserted, deleted }) => height(inserted + deleted)))
    this.#strip.setAttribute('viewBox', `0 0 ${bars} 44`)
    fill(this.#strip, sums.map(({ inserted, deleted }, i) => {
      const all = inserted + deleted
      if (all === 0) return null
      const total = Math.max(2, (height(all) / most) * 42)
      const red = total * (deleted / all)
      return [
        makeSvg('rect', { class: 'bar-inserted', x: i + 0.12, width: 0.76, y: 44 - total, height: total - red }),
        deleted > 0 && makeSvg('rect', { class: 'bar-removed', x: i + 0.12, width: 0.76, y: 44 - red, height: red })
      ]
    }))
  }

  // --- Versions and the way back

  async #readVersions(): Promise<void> {
    try {
      this.#versions = await this.context.page.api.versions(this.context.room, this.context.signal)
    } catch (error) {
      if (!isAbort(error)) fill(this.#list, make('li', {}, emptyNote('Versions could not be read', inWords(error))))
      return
    }
    const sorted = [...this.#versions].sort((a, b) => b.sequence - a.sequence)
    fill(this.#list, sorted.map((version) => this.#versionOf(version)))
    if (sorted.length === 0) fill(this.#list, make('li', {}, emptyNote('No moment has a name yet', 'A version keeps a moment for good, even when older updates are merged.')))
    this.#showWhen()
  }

  #versionOf(version: Version): HTMLLIElement {
    return make('li', { class: 'version' },
      make('button', { type: 'button', class: 'version-name', onclick: () => this.#go(version.sequence) }, make('bdi', {}, nameOf(version.name))),
      make('span', { class: 'version-about' }, `update ${count(version.sequence)} · ${ago(version.made)}`),
      version.note !== '' && make('p', { class: 'version-note' }, nameOf(version.note)),
      make('button', { type: 'button', class: 'icon-button small', 'aria-label': `Forget the version ${nameOf(version.name)}`, title: 'Forget this name', onclick: () => void this.#askDrop(version) }, icon(ICONS.trash)))
  }

  async #askName(): Promise<void> {
    const { page, room } = this.context
    const at = this.#at
    await ask({
      title: `Name update ${count(at)}`,
      words: 'The moment is kept under this name for as long as the name is.',
      action: 'Name it',
      fields: [{ label: 'Name', name: 'name', required: true }, { label: 'Note', name: 'note', hint: 'What is special about it, if you like.' }],
      perform: ({ name, note }) => page.api.name(room, name ?? '', at, note ?? '')
    })
    await this.#readVersions()
  }

  async #askDrop(version: Version): Promise<void> {
    const { page, room } = this.context
    await ask({
      title: `Forget “${nameOf(version.name)}”?`,
      words: 'The document stays as it is. The moment can go when older updates are merged.',
      action: 'Forget the name',
      danger: true,
      perform: () => page.api.dropVersion(room, version.name)
    })
    await this.#readVersions()
  }

  async #askRestore(): Promise<void> {
    const { page, room, refresh } = this.context
    const at = this.#at
    const done = await ask({
      title: `Restore update ${count(at)}?`,
      words: `The content of this moment comes back as a new edit, for everybody who has the document open. What was written since (${counted(this.#head - at, 'update')}) is taken out of the text, and stays in the history.`,
      action: 'Restore',
      danger: true,
      perform: () => page.api.restore(room, at)
    })
    if (!done) return
    page.notice(`The content of update ${count(at)} is back.`)
    this.#follows = true
    refresh()
  }
}

function elementOf({ text, change, client }: Piece): Node | null {
  if (text === '') return null
  if (change === 'kept') return document.createTextNode(text)
  const title = client === undefined ? null : `${change === 'inserted' ? 'inserted' : 'written'} by client ${client}`
  return make(change === 'inserted' ? 'ins' : 'del', { title }, text)
}

function wordsOf({ writers, deleted, bytes: size }: Change): string {
  const inserted = writers.reduce((sum, { elements }) => sum + elements, 0)
  const who = writers.length === 0 ? '' : writers.length === 1 ? ` by client ${writers[0]!.client}` : ` by ${counted(writers.length, 'client')}`
  return `+${count(inserted)} −${count(deleted)}${who} · ${bytes(size)}`
}
