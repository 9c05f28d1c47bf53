// Who is in a room: names, colours and cursors as the clients tell them, addresses and rights as the server knows them;
// and beside it what happens, as it happens.

import * as Y from 'yjs'
import type { Member, MemberList } from './api'
import { isAbort } from './api'
import { ask } from './dialog'
import { fill, icon, ICONS, make, setText } from './elements'
import type { RoomEvent } from './events'
import { listen } from './events'
import { openDocument } from './document'
import { emptyNote, failureNote, loadingNote, repeat } from './page'
import type { Presence } from './presence'
import { colourOf, presenceOf } from './presence'
import type { RoomContext } from './room_view'
import { ago, count, counted, nameOf, oneLine, timeOfDay } from './words'

const REFRESH_MS = 1_500
/** Of the document, in which cursors are looked up: larger ones are not loaded for that. */
const MAX_DOCUMENT_BYTES = 4_000_000
const EVENTS_SHOWN = 200

export function membersView(host: HTMLElement, context: RoomContext): void {
  const list = make('ul', { class: 'members', 'data-testid': 'members' })
  const note = make('div', {}, loadingNote('Reading who is here …'))
  const title = make('h2', {}, 'Members')
  fill(host, make('div', { class: 'two-columns' },
    make('section', { class: 'card', 'aria-label': 'Members' }, make('header', { class: 'card-head' }, title), list, note),
    eventsCard(context)))

  const document = new FollowedDocument(context)
  const lines = new Map<number, MemberLine>()
  let heard = false
  repeat(REFRESH_MS, context.signal, async () => {
    let found: MemberList
    try {
      found = await context.page.api.members(context.room, context.signal)
      await document.follow()
    } catch (error) {
      if (!isAbort(error) && !heard) fill(note, failureNote(error))
      return
    }
    heard = true
    const states = new Map(found.awareness.map(({ client, state }) => [client, state]))
    const present = new Set(found.members.map(({ member }) => member))
    for (const [member, line] of lines) {
      if (present.has(member)) continue
      line.element.remove()
      lines.delete(member)
    }
    for (const member of found.members) {
      let line = lines.get(member.member)
      if (line === undefined) {
        line = new MemberLine(member, context)
        lines.set(member.member, line)
        list.append(line.element)
      }
      line.show(member, member.clients.map((client) => presenceOf(client, states.get(client), document.doc)))
    }
    setText(title, found.members.length === 0 ? 'Members' : counted(found.members.length, 'member'))
    if (found.members.length > 0) note.replaceChildren()
    else fill(note, emptyNote('Nobody is here', 'Whoever opens this document shows here within two seconds, with name and cursor as far as the editor tells them.'))
  })
}

/**
 * The newest document. Read after the awareness, so that it has the characters that cursors stand at, and only when it
 * has changed.
 */
class FollowedDocument {
  doc: Y.Doc | null = null
  #tag = ''

  constructor(private context: RoomContext) {}

  async follow(): Promise<void> {
    const { page, room, signal, status } = this.context
    if (status().payload_bytes + status().snapshot_bytes > MAX_DOCUMENT_BYTES) return
    const newest = await page.api.newest(room, this.#tag, signal)
    if (newest === null) return
    this.doc = openDocument(newest.update)
    this.#tag = newest.tag
  }
}

class MemberLine {
  readonly element: HTMLLIElement
  #dot = make('span', { class: 'who-dot', 'aria-hidden': 'true' })
  #name = make('bdi', { class: 'member-name' })
  #cursor = make('p', { class: 'member-cursor' })
  #details = make('p', { class: 'member-details' })
  #access = make('span', { class: 'chip' })
  #shown = ''

  constructor(member: Member, context: RoomContext) {
    const kick = make('button', { type: 'button', class: 'button small', onclick: () => void this.#kick(member.member, context) }, icon(ICONS.leave), 'Kick')
    this.#name.id = `member-${member.member}`
    kick.setAttribute('aria-describedby', this.#name.id)
    this.element = make('li', { class: 'member', 'data-testid': 'member' }, this.#dot,
      make('div', { class: 'member-words' }, make('p', { class: 'member-head' }, this.#name, this.#access), this.#cursor, this.#details), kick)
  }

  show(member: Member, presences: Presence[]): void {
    const shown = JSON.stringify([member, presences, ago(member.joined)])
    if (shown === this.#shown) return
    this.#shown = shown
    const first = presences.find(({ name }) => name !== '') ?? presences[0]
    const name = first?.name || nameOf(member.subject) || `Member ${count(member.member)}`
    setText(this.#name, name)
    this.#dot.style.setProperty('--who', first?.colour ?? colourOf(member.member))
    setText(this.#access, member.access === 'write' ? 'may write' : 'reads only')
    this.#access.classList.toggle('quiet', member.access !== 'write')
    const cursor = presences.find((presence) => presence.cursor !== null)?.cursor ?? null
    fill(this.#cursor, cursor === null ? make('span', { class: 'quiet-words' }, 'no cursor in the text') : [
      make('span', { class: 'cursor-place' }, `${cursor.words} of `, make('bdi', {}, oneLine(nameOf(cursor.root), 40)),
        cursor.selected > 0 && `, ${count(cursor.selected)} selected`),
      (cursor.before !== '' || cursor.after !== '') && make('q', { class: 'cursor-text' },
        oneLine(cursor.before, 40), make('span', { class: 'caret', 'aria-label': '(here)' }), oneLine(cursor.after, 40))
    ])
    const others = presences.length > 1 ? `speaks for ${count(presences.length)} clients` : ''
    const subject = member.subject !== '' && member.subject !== name ? nameOf(member.subject) : ''
    setText(this.#details, [subject, member.address === '' ? 'local socket' : member.address, `here since ${ago(member.joined).replace(' ago', '')}`, others,
      first === undefined ? '' : `client ${first.client}`].filter((each) => each !== '').join(' · '))
  }

  async #kick(member: number, { room, page }: RoomContext): Promise<void> {
    const done = await ask({
      title: `Send ${this.#name.textContent} away?`,
      words: 'The connection is closed with code 4403, after which Yjs clients stay away until their page is loaded again. To keep somebody out for good, revoke the token.',
      action: 'Kick',
      danger: true,
      perform: () => page.api.kick(room, member)
    })
    if (done) page.notice('The member was sent away.')
  }
}

// --- What happens

function eventsCard(context: RoomContext): HTMLElement {
  const list = make('ol', { class: 'events', 'data-testid': 'events', tabindex: 0, 'aria-label': 'Events, the newest first' })
  const state = make('span', { class: 'stream-state', role: 'status' }, 'connecting …')
  const note = make('div', {}, emptyNote('Nothing has happened yet', 'Who comes and goes, edits, freezes and versions show here while this page is open.'))
  void listen(context.page.api, context.room, context.signal, (event) => {
    note.replaceChildren()
    const last = list.firstElementChild as HTMLElement | null
    // Edits come about once a second: one line says how far they are.
    if (event.type === 'room.changed' && last?.dataset['type'] === event.type) last.replaceWith(lineOf(event))
    else list.prepend(lineOf(event))
    if (list.children.length > EVENTS_SHOWN) list.lastElementChild?.remove()
    if (event.type !== 'room.changed') context.refresh()
  }, (open) => {
    setText(state, open ? 'live' : 'gone, trying again …')
    state.dataset['state'] = open ? 'there' : 'gone'
  })
  return make('section', { class: 'card events-card', 'aria-label': 'Events' }, make('header', { class: 'card-head' }, make('h2', {}, 'Events'), state), list, note)
}

function lineOf(event: RoomEvent): HTMLLIElement {
  return make('li', { class: 'event', 'data-type': event.type },
    make('time', { datetime: event.time }, timeOfDay(event.time)), make('span', { class: `event-kind kind-${event.type.replace('.', '-')}` }, wordsOf(event)))
}

function wordsOf(event: RoomEvent): string {
  const who = event.subject !== undefined && event.subject !== '' ? oneLine(nameOf(event.subject), 60) : `Member ${count(event.member ?? 0)}`
  switch (event.type) {
    case 'room.opened': return 'The first member came'
    case 'room.closed': return 'The last member left'
    case 'room.changed': return `Edited, up to update ${count(event.sequence ?? 0)}`
    case 'room.frozen': return `Frozen: ${oneLine(nameOf(event.reason ?? ''), 200)}`
    case 'room.unfrozen': return 'Unfrozen'
    case 'room.deleted': return 'Deleted'
    case 'room.quota': return `An edit was refused: ${oneLine(nameOf(event.reason ?? ''), 200)}`
    case 'member.joined': return `${who} came`
    case 'member.left': return `${who} left`
    case 'version.made': return `Version “${oneLine(nameOf(event.version ?? ''), 80)}” was made`
    case 'gap': return event.lost == null ? 'Some events were missed while the stream was gone' : `${counted(event.lost, 'event')} were missed`
    default: return event.type
  }
}
