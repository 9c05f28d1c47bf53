// A Yjs provider for weft.v1, with the API of y-websocket's WebsocketProvider and what that has no words for.
//
//   import * as Y from 'yjs'
//   import { WeftProvider } from 'weft-provider'        // or from http://your-server/weft-provider.js
//   const provider = new WeftProvider('wss://your-server', 'notes', new Y.Doc(), { token: () => fetchToken() })
//   provider.on('unsaved', (count) => { badge.textContent = count === 0 ? 'Saved' : 'Saving…' })
//   await provider.whenDurable()                        // everything so far is on the server's disk
//
// Providers for the same server share one socket. Edits made offline are kept and sent; after a break only what was missed is
// fetched. A room that was deleted and made anew is not merged into unasked: see the event 'generation'.

import { ObservableV2 } from 'lib0/observable'
import * as awarenessProtocol from 'y-protocols/awareness'
import { Conversation } from './conversation.js'
import { codes, encode, isFinal } from './messages.js'
import { reconnectsAfter, share } from './socket.js'

export { stateChecksum } from './checksum.js'

/**
 * Events, beside those of y-websocket ('status', 'sync', 'synced', 'connection-close', 'connection-error', 'closed'):
 *
 *   'unsaved'    count       edits that are not known to be on the server's disk
 *   'denied'     { code, reason }   an edit was not taken, or not sent since only reading is allowed; the document keeps it
 *   'access'     { role, reason }   'write', 'read' or 'none'; on joining too
 *   'generation' { known, found }   the room has another history than this document. The provider stays away until
 *                                   acceptGeneration(), which merges both; or destroy it and begin with an empty document
 *   'mode'       { mode, reason }   the mode that this connection is in now, or null; and why, when it was not left on purpose
 *   'room'       { type, … }        what happens to the room, as the events of the HTTP API: once watch() or takeMode() was called
 *   'modes', 'members', 'draft', 'publish'   the same, of these: mode.*, member.*, draft.*, and publish.progress with the one
 *                                   end of it (draft.saved or publish.failed, which have its number)
 *
 * @extends {ObservableV2<Record<string, (...args: any[]) => void>>}
 */
export class WeftProvider extends ObservableV2 {
  /**
   * @param {string} serverUrl
   * @param {string} roomname
   * @param {import('yjs').Doc} doc
   * @param {object} [options] as of y-websocket, and:
   * @param {string | (() => string | Promise<string>)} [options.token] asked for on each connection, and before it ends
   * @param {number} [options.queueBytes] of edits that wait for the server, before it is asked what it lacks instead
   */
  constructor (serverUrl, roomname, doc, {
    connect = true,
    awareness = new awarenessProtocol.Awareness(doc),
    params = {},
    protocols = [],
    WebSocketPolyfill = globalThis.WebSocket,
    resyncInterval = -1,
    maxBackoffTime = 2500,
    shouldReconnect = reconnectsAfter,
    token = '',
    queueBytes = 16 << 20,
    windowBytes = 1 << 20
  } = {}) {
    super()
    this.serverUrl = serverUrl.replace(/\/+$/, '')
    this.roomname = roomname
    this.doc = doc
    this.awareness = awareness
    this.params = params
    this.protocols = protocols
    this.maxBackoffTime = maxBackoffTime
    this.shouldReconnect = shouldReconnect
    this.shouldConnect = connect
    this.token = token
    this._WS = WebSocketPolyfill
    this._status = 'disconnected'
    this._synced = false
    this._unsaved = 0
    this._waiters = [] // { number, resolve, reject }
    this._socket = null
    this._parked = false // the room was lost for good, or has another history
    this._roomFailures = 0
    this._roomTimer = undefined
    this._asks = new Map() // number → { resolve, reject }, of this conversation
    this._lastAsk = 0
    this._watches = false
    this._mode = null // in which this connection is
    this._wantedMode = null // to be gone on with after a break
    this._taking = 0 // calls that are not answered
    this._lease = '' // the secret that goes on with it
    this._conversation = new Conversation({
      room: roomname,
      doc,
      awareness,
      origin: this,
      windowBytes,
      queueBytes,
      tell: (event, detail) => this._onConversation(event, detail)
    })
    this._member = this._makeMember()
    this._onUpdate = (update, origin) => {
      if (origin === this) return
      if (!this._conversation.write(update)) this._rejoin()
    }
    this._onAwareness = ({ added, updated, removed }, origin) => {
      if (origin !== this) this._conversation.announce([...added, ...updated, ...removed])
    }
    doc.on('update', this._onUpdate)
    awareness.on('update', this._onAwareness)
    this._onDocDestroy = () => this.destroy()
    doc.on('destroy', this._onDocDestroy)
    this._resyncTimer = resyncInterval > 0 ? setInterval(() => this._conversation.resync(), resyncInterval) : undefined
    this._tellUnsaved()
    if (connect) this.connect()
  }

  // --- As y-websocket

  get url () {
    const query = new URLSearchParams(this.params).toString()
    return this.serverUrl + '/' + (query === '' ? '' : '?' + query)
  }

  get synced () { return this._synced }
  get wsconnected () { return this._status === 'connected' }
  get wsconnecting () { return this._status === 'connecting' }
  get ws () { return this._socket?.ws ?? null }

  connect () {
    this.shouldConnect = true
    this._parked = false
    if (this._socket !== null) return
    const { url, token, protocols, _WS: WebSocketClass } = this
    this._socket = share(this._member, { url, token, WebSocketClass, protocols })
  }

  disconnect () {
    this.shouldConnect = false
    const socket = this._socket
    if (socket === null) return
    const { ws } = socket
    this._socket = null
    this._endConversation()
    socket.remove(this._member)
    if (ws !== null) this.emit('connection-close', [null, this])
  }

  destroy () {
    this.disconnect()
    clearInterval(this._resyncTimer)
    this.awareness.off('update', this._onAwareness)
    this.doc.off('update', this._onUpdate)
    this.doc.off('destroy', this._onDocDestroy)
    for (const { reject } of this._waiters.splice(0)) reject(new Error('the provider was destroyed'))
    super.destroy()
  }

  // --- What y-websocket has no words for

  /** Edits that are not known to be on the server's disk. */
  get unsaved () { return this._conversation.unsaved }

  /** 'durable', or 'received' when the server's log answers before the disk has it; null before the first answer. */
  get durability () { return this._conversation.level }

  /** 'write', 'read' or, while not joined, 'none'. */
  get role () { return this._conversation.role }

  /** The history of the room that this document belongs to: 16 hexadecimal digits. */
  get generation () { return this._conversation.generation }

  /** Resolves when every edit made so far is on the server's disk. Rejects when the provider is destroyed, and when this
   *  server does not tell. */
  whenDurable () {
    const number = this._conversation.written
    if (this._conversation.durable >= number) return Promise.resolve()
    return new Promise((resolve, reject) => this._waiters.push({ number, resolve, reject }))
  }

  // --- Working together. Without a connection, and when they are refused, these reject with an error that has `status` and `problem`.

  /** The mode that this connection is in, or null. */
  get mode () { return this._mode }

  /** From now on 'room' and its like are told. */
  watch () {
    if (this._watches) return
    this._watches = true
    this._sayWatch()
  }

  /** Enters a mode, or changes it in place; it is kept through a break of the grace period. Rejects with what stands against it:
   *  problem.refusal. */
  async takeMode (mode) {
    this.watch()
    ++this._taking
    try {
      const taken = await this._ask('take-mode', { mode, lease: this._lease })
      this._wantedMode = taken.mode
      this._lease = taken.lease
      this._setMode(taken.mode, '')
      return taken
    } finally {
      --this._taking
    }
  }

  /** Leaves the mode, if there is one. */
  async leaveMode () {
    if (this._wantedMode === null) return
    this._wantedMode = null
    this._lease = ''
    try {
      await this._ask('leave-mode')
    } catch (error) {
      if (error.status !== 404) throw error
    }
    this._setMode(null, '')
  }

  /** All modes: who is in them, and what a newcomer would be told. */
  async modes () { return (await this._ask('modes')).modes }

  /** Everybody who is connected: { member, subject, access, mode, you }. */
  async members () { return (await this._ask('members')).members }

  /** What of the room is not published: { has_draft, saved, head, since, publishing, … }. */
  draft () { return this._ask('draft') }

  /** Publishes what the server has, once it has all that was edited here so far. Resolves when it is published; rejects with
   *  problem.blockers when something stands against it. */
  async publish ({ name, note } = {}) {
    await this.whenDurable().catch(() => {}) // a server that does not tell has it in the order in which it was sent
    return this._ask('publish', { name, note })
  }

  /** Brings back what was published last, as an edit behind all others. */
  discardDraft () { return this._ask('discard') }

  /** After 'generation': everything in this document goes into the history that the room has now. */
  acceptGeneration () {
    this._conversation.acceptGeneration()
    this._parked = false
    this._tellUnsaved()
    if (this._socket?.open) this._member.join(this._socket)
  }

  // --- The shared socket

  _makeMember () {
    const provider = this
    return {
      provider,
      get maxBackoffTime () { return provider.maxBackoffTime },
      shouldReconnect: (event) => provider.shouldReconnect(event, provider),
      onSocketBegin: () => provider._setStatus('connecting'),
      onSocketError: (event) => provider.emit('connection-error', [event, provider]),
      onSocketEnd: (event) => {
        provider._endConversation()
        provider.emit('connection-close', [event, provider])
      },
      onFinalEnd: (end) => {
        provider.disconnect()
        provider.emit('closed', [end, provider])
      },
      join: (socket) => {
        if (provider._parked || provider._conversation.begun) return
        provider._conversation.begin(socket.enter(this._member), socket.send)
      },
      on: (message) => provider._onMessage(message)
    }
  }

  _onMessage (message) {
    const conversation = this._conversation
    if (message.channel !== conversation.channel) return
    switch (message.kind) {
      case 'joined': return conversation.onJoined(message)
      case 'refused':
        if (message.code === codes.otherGeneration) return this._onOtherGeneration(message.generation)
        return this._onLost(message)
      case 'left': return this._onLost(message)
      case 'data':
        if (!conversation.onData(message)) this._socket.drop({ code: codes.creditExceeded, reason: 'sent without credit' })
        return
      case 'ack': return conversation.onAck(message)
      case 'nack': return conversation.onNack(message)
      case 'heard': return conversation.onHeard(message)
      case 'generation': return conversation.onGeneration(message)
      case 'credit': return conversation.onCredit(message)
      case 'access': return conversation.onAccess(message)
      case 'checksum': return conversation.onChecksum(message)
      case 'answer': return this._onAnswer(message)
      case 'event': return this._onEvent(JSON.parse(message.text))
    }
  }

  _onConversation (event, detail) {
    switch (event) {
      case 'entered':
        this._setStatus('connected')
        this.emit('access', [{ role: detail.role, reason: '' }])
        this._sayWatch()
        void this._goOnWithMode()
        return
      case 'synced':
        this._roomFailures = 0
        return this._setSynced(true)
      case 'saved': return this._tellUnsaved()
      case 'denied': return this.emit('denied', [detail])
      case 'access': return this.emit('access', [detail])
      case 'generation':
        this._socket.leave(this._conversation.channel)
        return this._onOtherGeneration(detail)
    }
  }

  _onOtherGeneration (found) {
    this._parked = true
    this._endConversation()
    this.emit('generation', [{ known: this._conversation.generation, found }])
  }

  /** The room was left, and the socket is still there. */
  _onLost ({ code, reason }) {
    this._endConversation()
    if (isFinal(code)) {
      this._parked = true
      this.disconnect()
      this.emit('closed', [{ code, reason }, this])
      return
    }
    const delay = Math.min(200 * 2 ** this._roomFailures++, this.maxBackoffTime)
    this._roomTimer = setTimeout(() => {
      if (this._socket?.open) this._member.join(this._socket)
    }, delay * (0.5 + Math.random() / 2))
  }

  _rejoin () {
    this._socket.leave(this._conversation.channel)
    this._endConversation()
    this._member.join(this._socket)
  }

  _endConversation () {
    clearTimeout(this._roomTimer)
    const { entered } = this._conversation
    this._conversation.end()
    for (const { reject } of this._asks.values()) reject(refusal(0, { detail: 'the connection has ended' }))
    this._asks.clear()
    this._setSynced(false)
    this._setStatus('disconnected')
    if (!entered) return
    const others = [...this.awareness.getStates().keys()].filter((client) => client !== this.doc.clientID)
    awarenessProtocol.removeAwarenessStates(this.awareness, others, this)
  }

  // --- Working together

  _ask (verb, argumentsOfIt = {}) {
    const { entered, channel, send } = this._conversation
    if (!entered) return Promise.reject(refusal(0, { detail: 'there is no connection to the room' }))
    const number = ++this._lastAsk
    return new Promise((resolve, reject) => {
      this._asks.set(number, { resolve, reject })
      send(encode('ask', { channel, number, verb, arguments: JSON.stringify(argumentsOfIt) }))
    })
  }

  _onAnswer ({ number, status, text }) {
    const ask = this._asks.get(number)
    this._asks.delete(number)
    const answer = text === '' ? {} : JSON.parse(text)
    if (status < 300) ask?.resolve(answer)
    else ask?.reject(refusal(status, answer))
  }

  _sayWatch () {
    const { entered, channel, send } = this._conversation
    if (this._watches && entered) send(encode('watch', { channel, wanted: 'yes' }))
  }

  async _goOnWithMode () {
    const mode = this._wantedMode
    if (mode === null) return
    try {
      await this.takeMode(mode)
    } catch (error) {
      if (error.status === 0) return // the connection has ended again
      this._loseMode(error.message)
    }
  }

  _onEvent (event) {
    this.emit('room', [event])
    const [about] = event.type.split('.')
    if (about === 'mode') {
      if (event.type === 'mode.left' && this._mode === event.mode) void this._lookForMode()
      this.emit('modes', [event])
    } else if (about === 'member') {
      this.emit('members', [event])
    } else if (about === 'draft') {
      this.emit('draft', [event])
    }
    if (about === 'publish' || event.type === 'draft.saved') this.emit('publish', [event])
  }

  /** Somebody has left this mode: maybe it was this connection, sent out of it. */
  async _lookForMode () {
    if (this._taking > 0) return
    const mode = this._mode
    const members = await this.members().catch(() => null)
    const is = members?.find(({ you }) => you)
    if (is !== undefined && is.mode !== mode && this._wantedMode === mode) this._loseMode('an administrator has ended it')
  }

  _loseMode (reason) {
    this._wantedMode = null
    this._lease = ''
    this._setMode(null, reason)
  }

  _setMode (mode, reason) {
    if (this._mode === mode) return
    this._mode = mode
    this.emit('mode', [{ mode, reason }])
  }

  // --- Telling

  _setStatus (status) {
    if (this._status === status) return
    this._status = status
    this.emit('status', [{ status }])
  }

  _setSynced (synced) {
    if (this._synced === synced) return
    this._synced = synced
    this.emit('synced', [synced])
    this.emit('sync', [synced])
  }

  _tellUnsaved () {
    const { unsaved, durable, received, level } = this._conversation
    if (level === 'received') {
      for (const waiter of this._waiters.filter(({ number }) => number <= received)) {
        waiter.reject(new Error('this server does not tell when edits are on its disk (see its flag --durability)'))
      }
      this._waiters = this._waiters.filter(({ number }) => number > received)
    }
    for (const waiter of this._waiters.filter(({ number }) => number <= durable)) waiter.resolve()
    this._waiters = this._waiters.filter(({ number }) => number > durable)
    if (this._unsaved === unsaved) return
    this._unsaved = unsaved
    this.emit('unsaved', [unsaved])
  }
}

/** What was not done: `status` is that of HTTP, 0 without a connection; `problem` has more. */
function refusal (status, problem) {
  return Object.assign(new Error(problem.detail ?? problem.title ?? `refused with ${status}`), { status, problem })
}

/** So that an application changes one line: its import. */
export { WeftProvider as WebsocketProvider }
