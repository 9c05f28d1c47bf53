// What one person at the script knows and does: who they are, in which mode, in which room, how a save goes. Views read it and
// call its methods; it knows nothing of the page. Shared types stay in the room (room.ts): what is here is plain.
//
// The mode is what the server says (its list of editors and cutters has this connection or not), the wish is what the person
// chose: after a connection broke and its time was over, a wish to edit is asked again.
//
// Whoever edits is in the room, and whoever looks on while somebody does; else there is no room, and what is shown is what is
// saved.

import type { Link } from './link'
import type { Config, Person, Situation } from './modes'
import { whyNotCut, whyNotEdit } from './modes'
import type { Mode, Presence, Problem } from './protocol'
import { Room } from './room'
import type { Cue, LiveSession, Revisions, Show, User } from './script_api'

/** What of the HTTP calls it needs. */
export interface DeskApi {
  config(): Promise<Config>
  session(): Promise<LiveSession | null>
  user(): Promise<User | undefined>
  show(): Promise<Show>
  revisions(): Promise<Revisions>
  cuts(): Promise<number[]>
  cues(): Promise<Cue[]>
}

export interface DeskEvents {
  /** Something is another thing; called often, at most once a frame is enough to show it. */
  changed: () => void
  /** Something that somebody should read. */
  notice: (words: string, kind: 'done' | 'failed') => void
  /** What is saved is another thing, or the room is another one: pages are to be shown anew. */
  replaced: () => void
  /** Edits of this person were in a document that is no more: what they saw. */
  lost: (unsaved: number, room: Room) => void
  /** The server takes the token no more; what was edited stays here. */
  unknown: (end: TokenEnd) => void
}

/** How a token ended: another one helps, or somebody took it back. */
export type TokenEnd = 'expired' | 'revoked'

/** So long after a call that failed all is asked for anew. */
const RETRY_MS = 2_000

/** What the protocol says of a token that somebody took back. */
const REVOKED = 'Revoked token'

export type Known = 'edit' | 'cuts' | 'view'

export class Desk {
  connection: 'connecting' | 'open' | 'lost' = 'connecting'
  config: Config = { editors: [], cutters: [], hasDraft: false }
  /** Whether the server has told all of this at least once. */
  isReady = false
  session: LiveSession | null = null
  show: Show | undefined
  /** Who this is; nobody, without a token. */
  user: User | undefined
  /** Whether that was asked on this connection: the one before had another token, maybe. */
  private isUserKnown = false
  revisions: Revisions = { current: null, revisions: [] }
  cuts = new Set<number>()
  cues: Cue[] = []

  mode: Known = 'view'
  wish: Known = 'view'
  /** Asked for, and not yet answered. */
  asked: Mode | undefined
  /** Why the last wish was not granted. */
  refusal = ''

  room: Room | undefined
  /** Why edits are held back, or nobody is let in. */
  roomTrouble = ''
  isStuck = false

  saving: { page: number, total: number } | undefined
  saveError = ''
  problems: Problem[] = []
  lastSavedAt = ''
  /** There are changes that are not saved into the revision. */
  isDirty = false

  private presence: { page: number, lineIndex: number | null, lineId?: string } | undefined
  private refreshing: Promise<void> | undefined
  private refreshAgain = false
  private refreshingAll: Promise<void> | undefined
  private refreshAllAgain = false
  private retryTimer: ReturnType<typeof setTimeout> | undefined
  private isEnded = false
  /** Leaves the mode as soon as every edit is stored. */
  private isStopping = false
  /** Since the state of everybody was last asked for. */
  private hasEdited = false
  private isTurnedAway = false
  private readonly stop: (() => void)[] = []

  constructor(readonly link: Link, private readonly api: DeskApi, private readonly events: Partial<DeskEvents> = {}) {
    this.stop.push(
      link.onOpen(() => {
        this.connection = 'open'
        this.isUserKnown = false
        this.changed()
        void this.refreshAll()
      }),
      link.onClose(() => {
        this.connection = 'lost'
        this.asked = undefined
        this.saving = undefined
        this.room?.setMayWrite(undefined)
        this.changed()
      }),
      link.onRefused(() => {
        const end = this.tokenEnd!
        // What nobody will take any more is not to be written; it stays to be read.
        if (end === 'revoked') this.wish = 'view'
        this.events.unknown?.(end)
        this.changed()
      }),
      link.on('MODE_RESUMED', ({ mode }) => { this.grant(mode) }),
      link.on('GET_SCRIPT_CONFIG_STATUS', () => { void this.refresh() }),
      link.on('GET_SHOW_SESSION_DATA', () => { void this.refresh() }),
      ...(['GET_SCRIPT_REVISIONS', 'GET_SCRIPT_METADATA', 'GET_CUTS', 'GET_CUES', 'SHOW_CHANGED'] as const)
        .map((name) => link.on(name, () => { void this.refreshAll() })),
      link.on('REQUEST_EDIT_FAILURE', ({ reason }) => {
        // While edits wait to be stored the wish stays: it is asked again when things change.
        if ((this.room?.unsaved ?? 0) === 0) this.wish = 'view'
        this.asked = undefined
        this.refusal = reason
        this.changed()
      }),
      link.on('SAVE_PROGRESS', ({ page, total }) => {
        if (this.saving === undefined) this.clearProblems()
        this.saving = { page, total }
        this.changed()
      }),
      link.on('SCRIPT_SAVED', ({ last_saved_at: time }) => {
        this.saving = undefined
        this.clearProblems()
        this.isDirty = false
        if (time !== undefined) this.lastSavedAt = time
        this.events.notice?.('Saved', 'done')
        this.changed()
        void this.refresh()
      }),
      link.on('SAVE_ERROR', (failure) => { this.onSaveFailed(failure) }),
      link.on('SAVE_FAILED', (failure) => { this.onSaveFailed(failure) }),
      link.on('COLLAB_ERROR', ({ error }) => {
        // A save that is refused outright has no other end.
        if (this.saving?.total === 0) this.saving = undefined
        if (this.room?.state !== 'joining') this.events.notice?.(error, 'failed')
        this.changed()
      })
    )
    if (link.isOpen) {
      this.connection = 'open'
      void this.refreshAll()
    }
  }

  end(): void {
    this.isEnded = true
    clearTimeout(this.retryTimer)
    for (const stop of this.stop.splice(0)) stop()
    this.room?.leave()
    this.link.end()
  }

  // --- What is known

  get situation(): Situation {
    return {
      ...this.config, isLive: this.session !== null, self: this.link.uuid, mayWrite: this.isReady && this.isUserKnown ? this.user?.mayWrite ?? false : undefined,
      isConnected: this.connection === 'open'
    }
  }

  get whyNotEdit(): string | undefined { return whyNotEdit(this.situation) }
  get whyNotCut(): string | undefined { return whyNotCut(this.situation) }

  /** Whether the fields of lines may be changed now: also without a connection, since edits come back. */
  get canType(): boolean {
    return this.mode === 'edit' && this.wish === 'edit' && this.session === null && this.room?.hasDocument === true
  }

  get otherEditors(): Person[] {
    return this.config.editors.filter((person) => person.internal_id !== this.link.uuid)
  }

  get tokenEnd(): TokenEnd | undefined {
    return this.link.authError === '' ? undefined : this.link.authError === REVOKED ? 'revoked' : 'expired'
  }

  get whyNotSave(): string | undefined {
    if (this.saving !== undefined) return 'It is being saved.'
    if (this.connection !== 'open' || this.room?.state !== 'synced') return 'There is no connection to the server.'
    if (this.session !== null) return 'A live session is running.'
    if (this.mode !== 'edit') return 'Only who edits can save.'
    return this.isDirty ? undefined : 'Everything is saved.'
  }

  /** Why the mode cannot be left now. */
  get whyNotStop(): string | undefined {
    if (this.mode !== 'edit' || (this.room?.unsaved ?? 0) === 0) return undefined
    return this.room?.state !== 'synced' || this.room.isHeldBack ? 'The server has not received all of your edits yet.' : undefined
  }

  // --- What a person does

  request(mode: Mode): void {
    this.isStopping = false
    this.wish = mode
    this.refusal = ''
    this.ask(mode)
  }

  private ask(mode: Mode): void {
    if (this.mode !== 'view' && this.mode !== mode) this.link.send('STOP_SCRIPT_EDIT', {})
    this.asked = mode
    this.link.send(mode === 'edit' ? 'REQUEST_SCRIPT_EDIT' : 'REQUEST_SCRIPT_CUTS', {})
    this.changed()
  }

  /** Out of the mode; edits that are on their way arrive first. */
  view(): void {
    if (this.whyNotStop !== undefined) return
    this.wish = 'view'
    this.asked = undefined
    this.refusal = ''
    this.isStopping = true
    this.stopIfStored()
    this.changed()
  }

  private stopIfStored(): void {
    if (!this.isStopping || (this.room?.unsaved ?? 0) > 0) return
    this.isStopping = false
    this.mode = 'view'
    this.link.send('STOP_SCRIPT_EDIT', {})
  }

  /** Gives up what the server did not take, and begins with what it has. */
  giveUp(): void {
    const { room } = this
    if (room === undefined) return
    room.leave()
    this.forget()
    this.settle()
    this.changed()
  }

  /** Offers what the server did not take once more. */
  tryAgain(): void {
    if (this.connection !== 'open') this.link.hurry()
    else if (this.room?.isHeldBack) this.room.retry()
    else this.room?.join()
  }

  save(): void {
    if (this.whyNotSave !== undefined) return
    this.clearProblems()
    this.saving = { page: 0, total: 0 }
    this.link.send('SAVE_SCRIPT_DRAFT', {})
    this.changed()
  }

  /** Where this person is, for the others to see. */
  showPlace(place: { page: number, lineIndex: number | null, lineId?: string }): void {
    if (JSON.stringify(place) === JSON.stringify(this.presence)) return
    this.presence = place
    this.tellPlace()
  }

  private tellPlace(): void {
    if (this.presence === undefined) return
    const presence: Presence = { userId: this.link.userId, username: this.link.username, ...this.presence }
    this.room?.show(presence)
  }

  dismissProblems(): void {
    this.clearProblems()
    this.changed()
  }

  private clearProblems(): void {
    this.saveError = ''
    this.problems = []
  }

  // --- What the server tells

  /** Asks for the state of everybody; one question at a time, and one more when things change meanwhile. */
  refresh(): Promise<void> {
    if (this.refreshing !== undefined) {
      this.refreshAgain = true
      return this.refreshing
    }
    this.refreshing = this.askConfig().finally(() => {
      this.refreshing = undefined
      if (!this.refreshAgain || this.isEnded) return
      this.refreshAgain = false
      return this.refresh()
    })
    return this.refreshing
  }

  private async askConfig(): Promise<void> {
    try {
      const { uuid } = this.link
      // What is on its way yet may be stored before the answer, and not be in it.
      this.hasEdited = (this.room?.unsaved ?? 0) > 0
      const [config, session] = await Promise.all([this.api.config(), this.api.session()])
      // Of a connection that is no more: the next one asks again.
      if (this.isEnded || !this.link.isOpen || uuid !== this.link.uuid) return
      this.onConfig(config, session)
    } catch (error) {
      this.complain(error)
    }
  }

  /** All that can be asked: when somebody comes, and when what is saved has changed. */
  refreshAll(): Promise<void> {
    if (this.refreshingAll === undefined) {
      this.refreshingAll = this.askAll().finally(() => {
        this.refreshingAll = undefined
        if (!this.refreshAllAgain || this.isEnded) return
        this.refreshAllAgain = false
        return this.refreshAll()
      })
    } else this.refreshAllAgain = true
    return this.refreshingAll
  }

  private async askAll(): Promise<void> {
    const { uuid } = this.link
    try {
      const [user, show, revisions, cuts, cues] = await Promise.all(
        [this.api.user(), this.api.show(), this.api.revisions(), this.api.cuts(), this.api.cues()])
      if (this.isEnded) return
      this.user = user
      this.isUserKnown = uuid === this.link.uuid
      this.show = show
      this.revisions = revisions
      this.cuts = new Set(cuts)
      this.cues = cues
      this.events.replaced?.()
    } catch (error) {
      this.complain(error)
    }
    await this.refresh()
  }

  private complain(error: unknown): void {
    // Of a token that counts no more other words are said.
    if (this.isEnded || this.tokenEnd !== undefined) return
    this.events.notice?.(error instanceof Error ? error.message : String(error), 'failed')
    // A connection that opens asks by itself; while it is open nothing else would.
    clearTimeout(this.retryTimer)
    this.retryTimer = setTimeout(() => { if (this.link.isOpen) void this.refreshAll() }, RETRY_MS)
  }

  onConfig(config: Config, session: LiveSession | null): void {
    const wasLive = this.session !== null
    this.config = config
    this.session = session
    this.isReady = true
    // What was edited meanwhile may be in the answer or not.
    this.isDirty = config.hasDraft || this.hasEdited
    const isIn = (people: Person[]) => people.some((person) => person.internal_id === this.link.uuid)
    const granted: Known = isIn(config.editors) ? 'edit' : isIn(config.cutters) ? 'cuts' : 'view'
    if (granted !== 'view') this.grant(granted)
    else if (this.asked === undefined) this.onModeLost()
    if (wasLive && session === null) this.isTurnedAway = false
    this.settle()
    this.updateAccess()
    this.changed()
  }

  /** The server lists this connection in no mode: the one it had is over, or it never had one. */
  private onModeLost(): void {
    this.mode = 'view'
    if (this.wish === 'view') return
    const why = this.wish === 'edit' ? this.whyNotEdit : this.whyNotCut
    if (why === undefined) this.ask(this.wish)
    else if ((this.room?.unsaved ?? 0) === 0) {
      this.wish = 'view'
      this.refusal = why
    }
  }

  private grant(mode: Mode): void {
    // Somebody who has stopped meanwhile hears of the mode that was.
    if (this.wish === 'view') return
    this.asked = undefined
    this.refusal = ''
    this.mode = mode
    this.updateAccess()
    this.changed()
  }

  private updateAccess(): void {
    this.room?.setMayWrite(this.mode === 'edit' && this.session === null)
  }

  /** Into the room, or out of it. */
  private settle(): void {
    const hasUnsaved = (this.room?.unsaved ?? 0) > 0
    // Who has just asked to edit does not leave: leaving would give up what is being granted.
    const isAsking = this.asked === 'edit' && this.room !== undefined
    const wantsRoom = this.mode === 'edit' || isAsking || hasUnsaved || (this.config.editors.length > 0 && this.mode !== 'cuts')
    if (wantsRoom && this.room === undefined && this.session === null) this.enter()
    else if (wantsRoom && this.session === null && this.room?.state === 'apart' && !this.isTurnedAway) this.room.join()
    else if (!wantsRoom && this.room !== undefined) {
      this.room.leave()
      this.forget()
    }
  }

  private enter(): void {
    this.roomTrouble = ''
    this.isStuck = false
    this.isTurnedAway = false
    const room: Room = new Room(this.link, {
      changed: () => {
        if (room.state === 'synced' && !this.isHeldBack) this.roomTrouble = ''
        if (room.state === 'synced') this.isStuck = this.isTurnedAway = false
        this.stopIfStored()
        this.changed()
      },
      edited: () => {
        this.isDirty = this.hasEdited = true
        this.changed()
      },
      closed: () => {
        if (this.room !== room) return
        const { unsaved } = room
        this.forget()
        if (unsaved > 0) this.events.lost?.(unsaved, room)
        void this.refreshAll()
      },
      refused: (reason) => {
        this.roomTrouble = reason
        this.isTurnedAway = room.state === 'apart'
        this.changed()
        // Who may do what has changed, most likely.
        void this.refresh()
      },
      lost: (unsaved) => {
        this.forget()
        if (unsaved > 0) this.events.lost?.(unsaved, room)
        this.enter()
      },
      stuck: () => {
        this.isStuck = true
        this.changed()
      }
    })
    this.room = room
    this.updateAccess()
    room.join()
    this.tellPlace()
    this.events.replaced?.()
  }

  private get isHeldBack(): boolean {
    return this.room?.isHeldBack ?? false
  }

  private forget(): void {
    this.room = undefined
    this.roomTrouble = ''
    this.isStuck = false
    this.saving = undefined
    this.isDirty = this.config.hasDraft
    this.events.replaced?.()
  }

  private onSaveFailed({ error, problems }: { error: string, problems: Problem[] }): void {
    this.saving = undefined
    this.saveError = error
    this.problems = problems
    this.changed()
  }

  private changed(): void {
    if (!this.isEnded) this.events.changed?.()
  }
}
