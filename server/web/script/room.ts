// The shared document of one script on this page, kept in step with the server through a link (link.ts). Timers and listeners
// live and die with it: nothing of it happens after `leave`.
//
//   joining ──step 0──> synced ──link breaks, or the server refuses an edit──> apart ──(the link opens)──> joining
//
// Edits are counted until the server says that they are stored, and they stay in the document whatever happens to the link.
// When it is back the server says what it has, and gets what it lacks. That goes for the same document alone: one that was
// discarded and made anew is another one, which lacks what this one began with; then the room ends with `lost`, and hands
// over what was not stored.
//
// Who is where is kept by connection, as the server names them: two tabs of one person are two.

import * as Y from 'yjs'
import type { Link } from './link'
import { encodePresence, toBase64, type Incoming, type Member, type Presence } from './protocol'
import { ScriptDocument } from './script_document'

const SYNC_TIMEOUT_MS = 10_000

/** What came from the server, as an origin of transactions. */
export const SERVER = 'server'

export interface RoomEvents {
  /** The state, the count of unsaved edits, members or presences are others. */
  changed: () => void
  /** Somebody has edited: the document is not what was saved. */
  edited: () => void
  /** The server closed the room. */
  closed: () => void
  /** It let nobody in, or took no edit: why. */
  refused: (reason: string) => void
  /** The document is another one now; so many edits of this one were not stored. */
  lost: (unsaved: number) => void
  /** Nothing came for too long. */
  stuck: () => void
}

export class Room {
  readonly doc = new Y.Doc()
  readonly script = new ScriptDocument(this.doc)
  /** By connection. Never the own one. */
  readonly presences = new Map<string, Presence>()
  state: 'joining' | 'synced' | 'apart' | 'left' = 'apart'
  /** Whether there is a document to show: from the first synchronisation on. */
  hasDocument = false
  /** Own edits that the server has not confirmed. */
  unsaved = 0
  members: Member[] = []

  /** Of each message that the server will answer with a receipt: how many edits are in it. */
  private inFlight: number[] = []
  private mayWrite = true
  /** An edit was refused, so later ones, which build on it, are held back. */
  isHeldBack = false
  /** What the server had when this document was begun, which any later state of the same document has, too; and what it calls it. */
  private birth: { had: Map<number, number> | undefined, generation: string | undefined } | undefined
  private watchdog: ReturnType<typeof setTimeout> | undefined
  private readonly stop: (() => void)[] = []
  private presence: Presence | undefined
  private isMending = false

  constructor(private readonly link: Link, private readonly events: Partial<RoomEvents> = {}) {
    this.doc.on('update', this.onLocalUpdate)
    this.doc.on('afterTransaction', this.onTransaction)
    this.stop.push(
      link.on('YJS_SYNC', (data) => { this.onSync(data) }),
      link.on('YJS_UPDATE', (data) => { this.onUpdate(data) }),
      link.on('YJS_AWARENESS', (data) => { this.onPresence(data) }),
      link.on('YJS_RECEIPT', (data) => { this.onReceipt(data) }),
      link.on('ROOM_MEMBERS', ({ members }) => {
        this.members = members
        this.events.changed?.()
      }),
      link.on('ROOM_CLOSED', () => {
        this.leave(false)
        this.events.closed?.()
      }),
      link.on('COLLAB_ERROR', ({ error }) => {
        if (this.state !== 'joining') return
        this.setState('apart')
        this.events.refused?.(error)
      }),
      link.onOpen(() => { this.join() }),
      link.onClose(() => { this.part() })
    )
  }

  /** Asks for the document, again if need be. From the first time on it is asked for whenever the link opens. */
  join(): void {
    if (this.state === 'left' || !this.link.isOpen) return
    this.setState('joining')
    this.link.send('JOIN_SCRIPT_ROOM', { receipts: true })
    this.watchdog = setTimeout(() => { this.events.stuck?.() }, SYNC_TIMEOUT_MS)
  }

  leave(tell = true): void {
    if (this.state === 'left') return
    this.setState('left')
    for (const stop of this.stop.splice(0)) stop()
    this.doc.off('update', this.onLocalUpdate)
    this.doc.off('afterTransaction', this.onTransaction)
    this.script.destroy()
    if (tell && this.link.isOpen) this.link.send('LEAVE_SCRIPT_ROOM', {})
  }

  /** Whether edits are sent. When they may be again, what was held back goes with a new connection. */
  setMayWrite(mayWrite: boolean): void {
    if (this.mayWrite === mayWrite) return
    this.mayWrite = mayWrite
    if (mayWrite && this.unsaved > 0 && (this.isHeldBack || this.state === 'apart')) this.retry()
  }

  /** Offers what was refused once more. */
  retry(): void {
    this.link.restart()
  }

  /** Where this person is: shown to the others. */
  show(presence: Presence): void {
    this.presence = presence
    this.sendPresence()
  }

  private sendPresence(): void {
    if (this.presence === undefined || this.state !== 'synced') return
    this.link.send('YJS_AWARENESS', { payload: encodePresence(this.presence) })
  }

  private setState(state: Room['state']): void {
    clearTimeout(this.watchdog)
    if (this.state === state) return
    this.state = state
    this.events.changed?.()
  }

  private setUnsaved(count: number): void {
    if (this.unsaved === count) return
    this.unsaved = count
    this.events.changed?.()
  }

  private part(): void {
    this.inFlight = []
    this.presences.clear()
    this.members = []
    this.setState('apart')
  }

  /** Whether the message was taken. */
  onSync(data: Incoming['YJS_SYNC']): boolean {
    if (this.state === 'left') return false
    if (data.step !== 0) {
      if (this.state !== 'synced') return false
      Y.applyUpdate(this.doc, data.payload, SERVER)
      return true
    }
    const theirs = data.stateVector && Y.decodeStateVector(data.stateVector)
    if (this.birth !== undefined && (data.generation !== this.birth.generation || (theirs && this.birth.had && !contains(theirs, this.birth.had)))) {
      const { unsaved } = this
      this.leave(false)
      this.events.lost?.(unsaved)
      return false
    }
    this.birth ??= { had: theirs, generation: data.generation }
    // For whoever listens to updates Yjs encodes all of it once more: a tenth of what it costs to take in a long script.
    this.doc.off('update', this.onLocalUpdate)
    Y.applyUpdate(this.doc, data.payload, SERVER)
    this.doc.on('update', this.onLocalUpdate)
    this.hasDocument = true
    this.isHeldBack = false
    this.inFlight = []
    // What the server lacks, if anything: deletions show in no state vector, but they were counted.
    const ours = Y.decodeStateVector(Y.encodeStateVector(this.doc))
    const isBehind = theirs !== undefined && !contains(theirs, ours)
    if (this.unsaved === 0 && isBehind) this.unsaved = 1
    if (this.unsaved > 0) {
      if (this.mayWrite) {
        this.link.send('YJS_SYNC', { step: 2, payload: toBase64(Y.encodeStateAsUpdate(this.doc, data.stateVector)) })
        this.inFlight.push(this.unsaved)
      } else {
        this.isHeldBack = true
      }
    }
    this.setState('synced')
    this.sendPresence()
    return true
  }

  onUpdate(data: Incoming['YJS_UPDATE']): boolean {
    if (this.state !== 'synced') return false
    Y.applyUpdate(this.doc, data.payload, SERVER)
    this.events.edited?.()
    return true
  }

  onPresence({ member, left, presence }: Incoming['YJS_AWARENESS']): boolean {
    if (this.state !== 'synced') return false
    const key = member ?? `user ${presence?.userId}`
    if (left || presence === undefined || presence.page === null) this.presences.delete(key)
    else this.presences.set(key, presence)
    this.events.changed?.()
    return true
  }

  private onReceipt({ count, stored, reason }: Incoming['YJS_RECEIPT']): void {
    const edits = this.inFlight.splice(0, count).reduce((sum, some) => sum + some, 0)
    if (stored) {
      this.setUnsaved(Math.max(0, this.unsaved - edits))
      return
    }
    this.isHeldBack = true
    this.events.refused?.(reason ?? 'The server did not take an edit.')
    this.events.changed?.()
  }

  /** Two people who moved one line at once have made two of it. */
  private readonly onTransaction = ({ origin, changed }: Y.Transaction): void => {
    if (origin !== SERVER || this.isMending || ![...changed.keys()].some((type) => type.parent === this.script.pages)) return
    this.isMending = true
    queueMicrotask(() => {
      this.isMending = false
      if (this.state === 'synced' && this.mayWrite && !this.isHeldBack) this.script.removeDoubles()
    })
  }

  private readonly onLocalUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === SERVER) return
    if (this.state === 'synced' && this.mayWrite && !this.isHeldBack) {
      this.link.send('YJS_UPDATE', { payload: toBase64(update) })
      this.inFlight.push(1)
    }
    this.setUnsaved(this.unsaved + 1)
    this.events.edited?.()
  }
}

function contains(all: Map<number, number>, some: Map<number, number>): boolean {
  for (const [client, clock] of some) if ((all.get(client) ?? 0) < clock) return false
  return true
}
