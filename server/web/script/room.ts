// The shared document of one script on this page, kept in step with the server through a link (link.ts). Timers and listeners
// live and die with it: nothing of it happens after `leave`.
//
//   joining ──step 0──> synced ──link breaks, or the server refuses an edit──> apart ──(the link opens)──> joining
//
// Edits are counted until the server says that they are stored, and they stay in the document whatever happens to the link.
// They are sent while the server is known to take them on this connection (`setMayWrite`), and held back until then.
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
/** A connection on which no edit was answered for so long is taken for dead. */
const RECEIPT_TIMEOUT_MS = 20_000

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

  /** Of each message that the server will answer with a receipt: how many edits are in it, and under which grant it was sent. */
  private readonly inFlight: { edits: number, grant: number }[] = []
  /** Undefined while nobody knows, as on a new connection. */
  mayWrite: boolean | undefined = true
  /** How many times writing was allowed. */
  private grant = 0
  /** An edit was refused or not sent, so later ones, which build on it, are held back. */
  isHeldBack = false
  /** What the server has at least, as a state vector; undefined when it does not say. */
  private serverHas: Uint8Array | undefined
  /** What the server had when this document was begun, which any later state of the same document has, too; and what it calls it. */
  private birth: { had: Map<number, number> | undefined, generation: string | undefined } | undefined
  private watchdog: ReturnType<typeof setTimeout> | undefined
  private receiptWatchdog: ReturnType<typeof setTimeout> | undefined
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

  /** Whether edits are sent; undefined while nobody knows. When they may be again, what was held back goes. */
  setMayWrite(mayWrite: boolean | undefined): void {
    if (this.mayWrite === mayWrite) return
    this.mayWrite = mayWrite
    if (mayWrite !== true) return
    this.grant += 1
    if (this.unsaved === 0) return
    if (this.state === 'synced' && this.isHeldBack && this.inFlight.length === 0) this.offer()
    else if (this.isHeldBack || this.state === 'apart') this.retry()
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
    if (state !== 'synced') this.takeExpected()
    if (this.state === state) return
    this.state = state
    this.events.changed?.()
  }

  private setUnsaved(count: number): void {
    if (this.unsaved === count) return
    this.unsaved = count
    this.events.changed?.()
  }

  /** Of `edits` a receipt will come. */
  private expect(edits: number): void {
    this.inFlight.push({ edits, grant: this.grant })
    if (this.inFlight.length === 1) this.watchReceipts()
  }

  /** The first `count` of what was expected has come. */
  private takeExpected(count = Infinity): Room['inFlight'] {
    const taken = this.inFlight.splice(0, count)
    this.watchReceipts()
    return taken
  }

  private watchReceipts(): void {
    clearTimeout(this.receiptWatchdog)
    if (this.inFlight.length > 0) this.receiptWatchdog = setTimeout(() => { this.retry() }, RECEIPT_TIMEOUT_MS)
  }

  private part(): void {
    this.presences.clear()
    this.members = []
    this.setState('apart')
  }

  /** Sends what the server lacks, which is every edit that is not stored. */
  private offer(): void {
    this.isHeldBack = this.mayWrite !== true
    if (this.isHeldBack) return
    this.link.send('YJS_SYNC', { step: 2, payload: toBase64(Y.encodeStateAsUpdate(this.doc, this.serverHas)) })
    this.expect(this.unsaved)
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
    this.serverHas = data.stateVector
    this.takeExpected()
    // What the server lacks, if anything: deletions show in no state vector, but they were counted.
    const ours = Y.decodeStateVector(Y.encodeStateVector(this.doc))
    const isBehind = theirs !== undefined && !contains(theirs, ours)
    if (this.unsaved === 0 && isBehind) this.unsaved = 1
    if (this.unsaved > 0) this.offer()
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
    const answered = this.takeExpected(count)
    if (stored) {
      this.setUnsaved(Math.max(0, this.unsaved - answered.reduce((sum, { edits }) => sum + edits, 0)))
      return
    }
    this.isHeldBack = true
    // It was sent before writing was allowed anew, and what came behind it may have been refused for that alone.
    if (this.mayWrite === true && answered.some(({ grant }) => grant !== this.grant)) return this.retry()
    this.events.refused?.(reason ?? 'The server did not take an edit.')
    this.events.changed?.()
  }

  /** Two people who moved one line at once have made two of it. */
  private readonly onTransaction = ({ origin, changed }: Y.Transaction): void => {
    if (origin !== SERVER || this.isMending || ![...changed.keys()].some((type) => type.parent === this.script.pages)) return
    this.isMending = true
    queueMicrotask(() => {
      this.isMending = false
      if (this.state === 'synced' && this.mayWrite === true && !this.isHeldBack) this.script.removeDoubles()
    })
  }

  private readonly onLocalUpdate = (update: Uint8Array, origin: unknown): void => {
    if (origin === SERVER) return
    if (this.state === 'synced' && this.mayWrite === true && !this.isHeldBack) {
      this.link.send('YJS_UPDATE', { payload: toBase64(update) })
      this.expect(1)
    } else if (this.state === 'synced') this.isHeldBack = true
    this.setUnsaved(this.unsaved + 1)
    this.events.edited?.()
  }
}

function contains(all: Map<number, number>, some: Map<number, number>): boolean {
  for (const [client, clock] of some) if ((all.get(client) ?? 0) < clock) return false
  return true
}
