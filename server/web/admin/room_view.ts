// One room: how it is, what an administrator can do with it, and its parts as tabs.

import type { RoomStatus } from './api'
import { ApiProblem, isAbort } from './api'
import { ask } from './dialog'
import { fill, icon, ICONS, make } from './elements'
import { historyView } from './history_view'
import { membersView } from './members_view'
import type { Page, View } from './page'
import { attempt, emptyNote, failureNote, loadingNote, repeat, roomHash } from './page'
import { structureView } from './structure_view'
import { ago, bytes, count, counted, dateAndTime, nameOf } from './words'

const REFRESH_MS = 2_000
const TABS = [['members', 'Members'], ['history', 'History'], ['structure', 'Structure']] as const

/** What the tabs of a room share. */
export interface RoomContext {
  room: string
  page: Page
  signal: AbortSignal
  parameters: URLSearchParams
  status: () => RoomStatus
  /** Calls `heard` whenever the room was looked at. */
  onStatus(heard: () => void): void
  /** Looks at the room at once. */
  refresh(): void
}

export function roomView(room: string, tab: string, parameters: URLSearchParams): View {
  return (host, page, signal) => show(room, tab, parameters, host, page, signal)
}

function show(room: string, tab: string, parameters: URLSearchParams, host: HTMLElement, page: Page, signal: AbortSignal): void {
  const chips = make('div', { class: 'chips' })
  const actions = make('div', { class: 'room-actions' })
  const facts = make('dl', { class: 'facts', 'data-testid': 'facts' })
  const trouble = make('div', { class: 'troubles' })
  const panel = make('div', { class: 'panel', role: 'tabpanel', id: 'panel', 'aria-labelledby': `tab-${tab}`, tabindex: -1 })
  const heard = new Set<() => void>()
  let status: RoomStatus | null = null

  fill(host,
    make('nav', { class: 'crumbs', 'aria-label': 'Way here' }, make('a', { href: '#/rooms' }, icon(ICONS.back), 'Rooms')),
    make('div', { class: 'room-head' },
      make('div', { class: 'room-title' }, make('h1', {}, make('bdi', { 'data-testid': 'room-name' }, nameOf(room))), chips), actions),
    facts, trouble, tabsOf(room, tab), panel)
  fill(panel, loadingNote('Reading the room …'))

  const refresh = repeat(REFRESH_MS, signal, async () => {
    const isFirst = status === null
    try {
      status = await page.api.room(room, signal)
    } catch (error) {
      if (isAbort(error)) return
      if (error instanceof ApiProblem && error.type === 'no-such-room') {
        status = null
        for (const part of [chips, actions, facts, trouble]) part.replaceChildren()
        fill(panel, emptyNote('There is no such room', 'It was deleted, or nobody has written in it yet. It shows here as soon as somebody does.',
          make('a', { class: 'button', href: '#/rooms' }, 'Back to all rooms')))
      } else if (isFirst) fill(panel, failureNote(error, refresh))
      return
    }
    showStatus(status, chips, facts, trouble)
    showActions(actions, context)
    if (isFirst) {
      panel.replaceChildren()
      heard.clear()
      if (tab === 'history') historyView(panel, context)
      else if (tab === 'structure') structureView(panel, context)
      else membersView(panel, context)
    }
    for (const each of heard) each()
  })
  const context: RoomContext = {
    room, page, signal, parameters, refresh, status: () => status!, onStatus: (each) => heard.add(each)
  }
}

/** Links rather than buttons: each part of a room has an address. Arrow keys go from one to the next, as in tabs. */
function tabsOf(room: string, current: string): HTMLElement {
  const known = TABS.some(([key]) => key === current) ? current : 'members'
  const links = TABS.map(([key, title]) => make('a', {
    href: roomHash(room, key), role: 'tab', id: `tab-${key}`, 'aria-selected': String(key === known), 'aria-controls': 'panel', tabindex: key === known ? 0 : -1
  }, title))
  return make('div', {
    class: 'tabs', role: 'tablist', 'aria-label': 'Parts of the room',
    onkeydown: (event: KeyboardEvent) => {
      const at = links.indexOf(document.activeElement as HTMLAnchorElement)
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key]
      if (at === -1 || to === undefined) return
      event.preventDefault()
      links[(to + links.length) % links.length]!.focus()
    }
  }, links)
}

function showStatus(status: RoomStatus, chips: HTMLElement, facts: HTMLElement, trouble: HTMLElement): void {
  fill(chips,
    status.frozen !== null && make('span', { class: 'chip frozen', 'data-testid': 'frozen' }, 'frozen'),
    status.in_memory ? make('span', { class: 'chip' }, 'in memory') : make('span', { class: 'chip quiet' }, 'on disk'))
  const fact = (label: string, value: string, title: string) => make('div', { title }, make('dt', {}, label), make('dd', {}, value))
  fill(facts,
    fact('Members', count(status.members), 'WebSockets in the room'),
    fact('Head', count(status.head), 'The last update that was accepted'),
    fact('Durable', count(status.durable_head), 'The last update that is on the disk'),
    fact('Stored', bytes(status.payload_bytes + status.snapshot_bytes), 'Bytes in the log: updates and snapshots'),
    fact('In memory', status.in_memory ? bytes(status.memory_bytes) : '–', 'Estimated'),
    fact('Updates kept', count(status.records), status.snapshot > 0 ? `The newest snapshot goes to update ${count(status.snapshot)}` : 'There is no snapshot yet'),
    fact('Changed', ago(status.changed), status.changed === null ? '' : dateAndTime(status.changed)),
    fact('Made', status.created === null ? '–' : ago(status.created), status.created === null ? '' : dateAndTime(status.created)))
  fill(trouble, status.frozen !== null && note('frozen', `Frozen: nobody can write. Those who try are told “${status.frozen}”.`), pendingNote(status), quarantineNote(status))
}

function note(kind: string, words: string): HTMLElement {
  return make('p', { class: `trouble ${kind}` }, icon(kind === 'frozen' ? ICONS.freeze : ICONS.warning), make('span', {}, words))
}

function pendingNote({ pending }: RoomStatus): HTMLElement | null {
  if (pending === null || pending === undefined) return null
  const ranges = [...pending.waits_for, ...pending.deletes_wait_for].slice(0, 3).map(({ client, clock, length }) =>
    `client ${client}, clocks ${count(clock)} to ${count(clock + length - 1)}`)
  const what = pending.blocks > 0 ? counted(pending.blocks, 'block') : counted(pending.deletes, 'deletion')
  if (pending.beyond_limits) return note('wait', `Waiting for ever: ${what} beyond what a document can hold. Whoever wrote them has to write them anew.`)
  return note('wait', `Waiting: ${what} (${bytes(pending.bytes)}) not shown, since something before it is missing: ${ranges.join('; ')}. They come when that client connects again.`)
}

function quarantineNote({ quarantine }: RoomStatus): HTMLElement | null {
  if (quarantine.length === 0) return null
  const which = quarantine.slice(0, 3).map(({ sequence, why }) => `update ${count(sequence)} (${why})`).join(', ')
  return note('bad', `Damaged: ${counted(quarantine.length, 'record')} of the log could not be read and were set aside: ${which}${quarantine.length > 3 ? ' …' : ''}. weft log verify says more; a client that still has the edit brings it back.`)
}

function showActions(host: HTMLElement, context: RoomContext): void {
  const frozen = context.status().frozen !== null
  // Made once for each state, so that the focus stays where it is.
  if (host.dataset['frozen'] === String(frozen)) return
  host.dataset['frozen'] = String(frozen)
  fill(host,
    make('button', { type: 'button', class: 'button', onclick: () => void (frozen ? unfreeze(context) : freeze(context)) },
      icon(ICONS.freeze), frozen ? 'Unfreeze' : 'Freeze …'),
    make('button', { type: 'button', class: 'button danger-outline', onclick: () => void remove(context) }, icon(ICONS.trash), 'Delete …'))
}

async function freeze({ room, page, refresh }: RoomContext): Promise<void> {
  const done = await ask({
    title: 'Freeze this room',
    words: 'Everybody can go on reading, nobody can write until you unfreeze it. It ends when the server restarts.',
    action: 'Freeze',
    fields: [{ label: 'Reason', name: 'reason', value: 'An administrator has frozen this document', hint: 'Whoever tries to write is told so.', required: true }],
    perform: ({ reason }) => page.api.freeze(room, reason ?? '')
  })
  if (done) page.notice('The room is frozen.')
  refresh()
}

async function unfreeze({ room, page, refresh }: RoomContext): Promise<void> {
  await attempt(page, 'The room takes edits again.', () => page.api.unfreeze(room))
  refresh()
}

async function remove({ room, page, status }: RoomContext): Promise<void> {
  const done = await ask({
    title: 'Delete this room',
    words: `Its content, its ${counted(status().versions, 'version')} and its history are gone for good, and ${counted(status().members, 'member is', 'members are')} sent away. A client that comes back with a copy makes it anew.`,
    action: 'Delete for good',
    danger: true,
    confirmation: room,
    perform: () => page.api.delete(room, status().generation)
  })
  if (!done) return
  page.notice('The room is deleted.')
  location.hash = '#/rooms'
}

