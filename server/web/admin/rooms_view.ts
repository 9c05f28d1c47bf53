// All rooms: searched by the server, sorted and paged here, with rates measured between two looks at them.
//
// The address keeps what was searched for, the order and the page, so that "back" leads to the same list. While somebody
// points into the table or has the focus in it, rows keep their places; numbers go on.

import type { ListedRoom, RoomList } from './api'
import { isAbort } from './api'
import { fill, icon, ICONS, make, setText } from './elements'
import type { Page, View } from './page'
import { emptyNote, failureNote, loadingNote, repeat, roomHash } from './page'
import { ago, bytes, count, counted, decimal, duration, nameOf } from './words'

const REFRESH_MS = 2_000
const SEARCH_MS = 250
/** Of one list: more are found by searching. */
const LISTED = 1_000
const ROWS = 25

interface Row extends ListedRoom {
  updateRate: number | null
  byteRate: number | null
  waiting: number
}
interface Column {
  key: string
  title: string
  /** Of whoever is not sure what the title means. */
  about?: string
  numeric?: boolean
  order: (row: Row) => number | string
  show: (row: Row) => string
  /** Something is there that should not be. */
  alarm?: (row: Row) => 'wait' | 'bad' | null
}

const COLUMNS: Column[] = [
  { key: 'room', title: 'Room', order: (row) => row.room, show: (row) => nameOf(row.room) },
  { key: 'members', title: 'Members', numeric: true, order: (row) => row.members, show: (row) => count(row.members) },
  { key: 'updates', title: 'Updates', about: 'Updates a second, now', numeric: true, order: (row) => row.updateRate ?? 0,
    show: (row) => rate(row.updateRate, (value) => `${decimal(value)}/s`) },
  { key: 'traffic', title: 'Written', about: 'Bytes written to the log a second, now', numeric: true, order: (row) => row.byteRate ?? 0,
    show: (row) => rate(row.byteRate, (value) => `${bytes(value)}/s`) },
  { key: 'size', title: 'Stored', about: 'Bytes in the log: updates and snapshots', numeric: true, order: (row) => row.bytes, show: (row) => bytes(row.bytes) },
  { key: 'head', title: 'Head', about: 'The last update that was accepted', numeric: true, order: (row) => row.status.head, show: (row) => count(row.status.head) },
  { key: 'durable', title: 'Durable', about: 'The last update that is on the disk', numeric: true, order: (row) => row.status.durable_head,
    show: (row) => count(row.status.durable_head), alarm: (row) => row.status.durable_head < row.status.head ? 'wait' : null },
  { key: 'waiting', title: 'Waiting', about: 'Blocks that wait for updates which have not come', numeric: true, order: (row) => row.waiting,
    show: (row) => row.waiting === 0 ? '–' : counted(row.waiting, 'block'), alarm: (row) => row.waiting > 0 ? 'wait' : null },
  { key: 'quarantine', title: 'Damaged', about: 'Damaged records that were set aside (quarantine)', numeric: true, order: (row) => row.status.quarantined,
    show: (row) => row.status.quarantined === 0 ? '–' : count(row.status.quarantined), alarm: (row) => row.status.quarantined > 0 ? 'bad' : null },
  { key: 'changed', title: 'Changed', numeric: true, order: (row) => row.changed ?? '', show: (row) => ago(row.changed) }
]

function rate(value: number | null, words: (value: number) => string): string {
  return value === null || value === 0 ? '–' : words(value)
}

/** What the rooms wait for, for whoever points at the number. */
export function waitsFor(row: { status: { pending: ListedRoom['status']['pending'] } }): string {
  const pending = row.status.pending
  if (pending === null) return ''
  const first = [...pending.waits_for, ...pending.deletes_wait_for][0]
  const missing = first === undefined ? 'updates that have not come' : `what client ${first.client} wrote from ${count(first.clock)} on`
  return pending.beyond_limits ? 'Some of it waits for ever: it is beyond what a document can hold.' : `They wait for ${missing}.`
}

export function roomsView(parameters: URLSearchParams): View {
  return (host, page, signal) => new RoomsView(host, page, signal, parameters).start()
}

class RoomsView {
  #query: string
  #inMemory: boolean
  #sort: string
  #descending: boolean
  #pageNumber: number
  #rows: Row[] = []
  #shownOrder: string[] = []
  #orderIsOld = true
  #more = false
  #heard = false
  #last = new Map<string, { time: number, head: number, bytes: number }>()
  #lines = new Map<string, HTMLTableRowElement>()
  #refresh: () => void = () => {}
  #asked = 0

  #tiles = make('dl', { class: 'tiles', 'data-testid': 'tiles' })
  #search = make('input', { type: 'search', id: 'room-search', placeholder: 'Search by name', autocomplete: 'off', spellcheck: 'false', 'aria-label': 'Search rooms by name', 'aria-keyshortcuts': '/' })
  #found = make('p', { class: 'found', role: 'status' })
  #body = make('tbody')
  #heads = new Map<string, HTMLTableCellElement>()
  #note = make('div', { class: 'table-note' })
  #pages = make('nav', { class: 'pages', 'aria-label': 'Pages of the list' })
  #table: HTMLTableElement

  constructor(private host: HTMLElement, private page: Page, private signal: AbortSignal, parameters: URLSearchParams) {
    this.#query = parameters.get('q') ?? ''
    this.#inMemory = parameters.get('in') === 'memory'
    const sort = parameters.get('sort') ?? '-members'
    this.#descending = sort.startsWith('-')
    this.#sort = sort.replace(/^-/, '')
    if (!COLUMNS.some(({ key }) => key === this.#sort)) this.#sort = 'members'
    this.#pageNumber = Math.max(1, Number(parameters.get('page')) || 1)
    this.#search.value = this.#query
    this.#table = make('table', { class: 'rooms', 'aria-label': 'Rooms', 'data-testid': 'rooms' },
      make('thead', {}, make('tr', {}, COLUMNS.map((column) => this.#headOf(column)))), this.#body)
  }

  start(): void {
    let typing = 0
    this.#search.addEventListener('input', () => {
      clearTimeout(typing)
      typing = window.setTimeout(() => this.#look({ query: this.#search.value.trim() }), SEARCH_MS)
    })
    document.addEventListener('keydown', (event) => this.#onKey(event), { signal: this.signal })
    this.#table.addEventListener('keydown', (event) => this.#onRowKey(event))
    const scope = (label: string, value: boolean) => make('label', {},
      make('input', { type: 'radio', name: 'scope', checked: this.#inMemory === value, onchange: () => this.#look({ inMemory: value }) }), make('span', {}, label))
    fill(this.host,
      make('div', { class: 'view-head' }, make('h1', {}, 'Rooms')),
      this.#tiles,
      make('div', { class: 'toolbar' },
        make('div', { class: 'search' }, icon(ICONS.search), this.#search),
        make('fieldset', { class: 'segments' }, make('legend', { class: 'visually-hidden' }, 'Which rooms'), scope('All', false), scope('In memory', true)),
        make('label', { class: 'sort-choice' }, make('span', {}, 'Sort by'), this.#sortChoice()),
        this.#found),
      make('div', { class: 'card table-card' }, this.#table, this.#note, this.#pages))
    fill(this.#note, loadingNote('Reading the list of rooms …'))
    this.page.monitor.onSample(() => this.#showTiles(), this.signal)
    this.#showTiles()
    this.#refresh = repeat(REFRESH_MS, this.signal, () => this.#read())
  }

  /** For narrow windows, where rows are cards and no heads can be pressed. */
  #sortChoice(): HTMLSelectElement {
    const select = make('select', { onchange: () => this.#sortBy(select.value, select.value !== 'room') },
      COLUMNS.map(({ key, title }) => make('option', { value: key, selected: key === this.#sort }, title)))
    return select
  }

  #headOf(column: Column): HTMLTableCellElement {
    const head = make('th', { scope: 'col', class: column.numeric ? `numeric col-${column.key}` : `col-${column.key}`, title: column.about ?? null },
      make('button', { type: 'button', onclick: () => this.#sortBy(column.key, column.key === this.#sort ? !this.#descending : column.numeric === true) },
        column.title, make('span', { class: 'arrow', 'aria-hidden': 'true' })))
    this.#heads.set(column.key, head)
    return head
  }

  #sortBy(key: string, descending: boolean): void {
    this.#sort = key
    this.#descending = descending
    this.#pageNumber = 1
    this.#orderIsOld = true
    this.#keepInAddress()
    this.#show()
  }

  #look({ query = this.#query, inMemory = this.#inMemory }): void {
    this.#query = query
    this.#inMemory = inMemory
    this.#pageNumber = 1
    this.#orderIsOld = true
    this.#asked += 1
    this.#keepInAddress()
    this.#refresh()
  }

  #keepInAddress(): void {
    const parameters = new URLSearchParams()
    if (this.#query !== '') parameters.set('q', this.#query)
    if (this.#inMemory) parameters.set('in', 'memory')
    parameters.set('sort', `${this.#descending ? '-' : ''}${this.#sort}`)
    if (this.#pageNumber > 1) parameters.set('page', String(this.#pageNumber))
    history.replaceState(null, '', `#/rooms?${parameters}`)
  }

  async #read(): Promise<void> {
    const asked = this.#asked
    let list: RoomList
    try {
      list = await this.page.api.rooms({ contains: this.#query, inMemory: this.#inMemory, limit: LISTED }, this.signal)
    } catch (error) {
      // What is there stays: the mark in the header says that the server is gone.
      if (!isAbort(error) && !this.#heard) fill(this.#note, failureNote(error, this.#refresh))
      return
    }
    if (asked !== this.#asked) return this.#refresh()
    const now = performance.now()
    this.#rows = list.rooms.map((room) => this.#rowOf(room, now))
    this.#more = list.next !== null
    this.#heard = true
    const busy = this.#table.matches(':hover') || this.#body.contains(document.activeElement)
    if (!busy) this.#orderIsOld = true
    this.#show()
  }

  #rowOf(room: ListedRoom, now: number): Row {
    const { head, appended_bytes: written, pending } = room.status
    const last = this.#last.get(room.room)
    const seconds = last === undefined ? 0 : (now - last.time) / 1000
    this.#last.set(room.room, { time: now, head, bytes: written })
    const rateOf = (value: number) => seconds > 0 ? Math.max(0, value) / seconds : null
    return {
      ...room,
      updateRate: rateOf(head - (last?.head ?? 0)),
      byteRate: rateOf(written - (last?.bytes ?? 0)),
      waiting: pending === null ? 0 : pending.blocks + (pending.blocks === 0 ? pending.deletes : 0)
    }
  }

  #ordered(): Row[] {
    const { order } = COLUMNS.find(({ key }) => key === this.#sort)!
    const turned = this.#descending ? -1 : 1
    const sorted = [...this.#rows].sort((a, b) => {
      const [x, y] = [order(a), order(b)]
      return x < y ? -turned : x > y ? turned : a.room < b.room ? -1 : 1
    })
    if (this.#orderIsOld) {
      this.#shownOrder = sorted.map(({ room }) => room)
      this.#orderIsOld = false
      return sorted
    }
    const places = new Map(this.#shownOrder.map((room, i) => [room, i]))
    return sorted.sort((a, b) => (places.get(a.room) ?? Infinity) - (places.get(b.room) ?? Infinity) || 0)
  }

  #show(): void {
    const rows = this.#ordered()
    const pages = Math.max(1, Math.ceil(rows.length / ROWS))
    this.#pageNumber = Math.min(this.#pageNumber, pages)
    const shown = rows.slice((this.#pageNumber - 1) * ROWS, this.#pageNumber * ROWS)
    for (const [key, head] of this.#heads) {
      head.setAttribute('aria-sort', key === this.#sort ? (this.#descending ? 'descending' : 'ascending') : 'none')
    }
    this.#showLines(shown)
    const scope = this.#inMemory ? 'in memory' : 'in the log'
    const some = this.#query === '' ? `${counted(rows.length, 'room')} ${scope}` : `${counted(rows.length, 'room')} found`
    setText(this.#found, this.#more ? `The first ${counted(rows.length, 'room')}: search to see others` : some)
    this.#table.classList.toggle('is-empty', rows.length === 0)
    if (rows.length > 0) this.#note.replaceChildren()
    else fill(this.#note, this.#emptyNote())
    this.#showPages(pages)
  }

  #emptyNote(): HTMLElement {
    if (this.#query !== '') return emptyNote('No room has this in its name', 'Search for a part of the name; upper and lower case are the same.')
    if (this.#inMemory) return emptyNote('No room is in memory', 'A room is in memory while somebody is in it, and a while after. "All" shows those that the log has.')
    return emptyNote('There are no rooms yet', 'A room is there as soon as somebody has written in it: connect a Yjs editor to this server, or open its demo page.',
      make('a', { class: 'button', href: './' }, 'Open the demo page'))
  }

  #showLines(rows: Row[]): void {
    const names = new Set(rows.map(({ room }) => room))
    for (const [name, line] of this.#lines) {
      if (names.has(name)) continue
      line.remove()
      this.#lines.delete(name)
    }
    rows.forEach((row, i) => {
      let line = this.#lines.get(row.room)
      if (line === undefined) {
        line = this.#newLine(row)
        this.#lines.set(row.room, line)
      }
      this.#fillLine(line, row)
      if (this.#body.children[i] !== line) this.#body.insertBefore(line, this.#body.children[i] ?? null)
    })
  }

  #newLine(row: Row): HTMLTableRowElement {
    return make('tr', {}, COLUMNS.map((column) => {
      if (column.key !== 'room') return make('td', { class: `numeric col-${column.key}`, 'data-label': column.title })
      return make('th', { scope: 'row', class: 'col-room' },
        make('a', { href: roomHash(row.room), title: nameOf(row.room) }, make('bdi', {}, nameOf(row.room))), make('span', { class: 'chip frozen', hidden: true }, 'frozen'))
    }))
  }

  #fillLine(line: HTMLTableRowElement, row: Row): void {
    COLUMNS.forEach((column, i) => {
      const cell = line.cells[i]!
      if (column.key === 'room') {
        const chip = cell.querySelector<HTMLElement>('.chip')!
        chip.hidden = row.status.frozen === null
        chip.title = row.status.frozen ?? ''
        return
      }
      const text = column.show(row)
      setText(cell, text)
      cell.classList.toggle('nothing', text === '–' || text === '0')
      const alarm = column.alarm?.(row) ?? null
      if (alarm === null) delete cell.dataset['alarm']
      else cell.dataset['alarm'] = alarm
      if (column.key === 'waiting') cell.title = waitsFor(row)
    })
  }

  #showPages(pages: number): void {
    const focused = this.#pages.contains(document.activeElement) ? document.activeElement?.getAttribute('data-step') : null
    this.#pages.hidden = pages === 1
    const step = (by: number, label: string, path: string) => make('button', {
      type: 'button', class: 'icon-button', 'aria-label': label, 'data-step': by, disabled: this.#pageNumber + by < 1 || this.#pageNumber + by > pages,
      onclick: () => {
        this.#pageNumber += by
        this.#keepInAddress()
        this.#show()
      }
    }, icon(path))
    fill(this.#pages, step(-1, 'Previous page', ICONS.back), make('span', {}, `Page ${this.#pageNumber} of ${pages}`), step(1, 'Next page', ICONS.forward))
    if (focused !== null) this.#pages.querySelector<HTMLElement>(`[data-step="${focused}"]:enabled`)?.focus()
  }

  #showTiles(): void {
    const moment = this.page.monitor.latest
    const recent = recentOf(this.page)
    const tile = (label: string, value: string, alarm = false) =>
      make('div', { class: 'tile', 'data-alarm': alarm ? 'bad' : null }, make('dt', {}, label), make('dd', {}, value))
    fill(this.#tiles,
      tile('Connections', moment === undefined ? '–' : count(moment.connections)),
      tile('Rooms in memory', moment === undefined ? '–' : count(moment.rooms)),
      tile('Updates', recent.updates === null ? '–' : `${decimal(recent.updates)}/s`),
      tile('Commit p99', recent.commit === null ? '–' : duration(recent.commit)),
      tile('Memory', moment === undefined ? '–' : bytes(moment.memory)),
      tile('Log', moment === undefined ? '–' : moment.logUp ? 'Takes updates' : 'Takes nothing: see its log', moment?.logUp === false))
  }

  #onKey(event: KeyboardEvent): void {
    const writing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    if (event.key === '/' && !writing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      this.#search.focus()
    } else if (event.key === 'Escape' && event.target === this.#search && this.#search.value !== '') {
      this.#search.value = ''
      this.#look({ query: '' })
    } else if (event.key === 'ArrowDown' && event.target === this.#search) {
      event.preventDefault()
      this.#body.querySelector('a')?.focus()
    }
  }

  /** Arrow keys go from room to room. */
  #onRowKey(event: KeyboardEvent): void {
    const links = [...this.#body.querySelectorAll('a')]
    const at = links.indexOf(document.activeElement as HTMLAnchorElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key]
    if (at === -1 || to === undefined) return
    event.preventDefault()
    if (to < 0) this.#search.focus()
    else links[Math.min(to, links.length - 1)]?.focus()
  }
}

function recentOf(page: Page): { updates: number | null, commit: number | null } {
  const recent = page.monitor.moments.slice(-5)
  const last = (value: (moment: (typeof recent)[number]) => number | null) => {
    for (const moment of [...recent].reverse()) if (value(moment) !== null) return value(moment)
    return null
  }
  return { updates: last((moment) => moment.updates), commit: last((moment) => moment.commitP99) }
}
