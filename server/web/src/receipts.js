// Knows how many edits of this page the server is not known to have received.
//
// The y-websocket protocol has no acknowledgements, but it has an order: a server answers a client's messages one after
// the other. So a SyncStep1 sent behind an edit is a request for a receipt: when its SyncStep2 arrives, the edit did too.
// Edits made offline travel in the answer to the server's own SyncStep1; no receipt is asked for before that was sent.
//
// A receipt says "received", not "on disk": this protocol cannot say more.

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import { ObservableV2 } from 'lib0/observable'
import * as sync from 'y-protocols/sync'
import { messageSync } from 'y-websocket'

/** Edits that follow each other this fast share one receipt. */
const GATHER_MS = 200

/** Emits `change` whenever `waiting` may have changed. */
export class Receipts extends ObservableV2 {
  #provider
  #edits = 0 // made here
  #received = 0 // of those, known to have reached the server
  #asked = [] // for each SyncStep1 in flight on this connection, the edits that its answer confirms
  #offlineEditsSent = false // on this connection
  #timer = null

  constructor(provider) {
    super()
    this.#provider = provider
    provider.doc.on('update', (_update, origin) => {
      if (origin === provider) return
      this.#edits += 1
      this.#askSoon()
      this.emit('change', [])
    })
    provider.on('status', ({ status }) => {
      this.#offlineEditsSent = false
      // The provider itself sends the first SyncStep1, before any edit of this page.
      this.#asked = status === 'connected' ? [0] : []
    })
    const handle = provider.messageHandlers[messageSync]
    provider.messageHandlers[messageSync] = (encoder, decoder, ...rest) => {
      const kind = decoding.peekVarUint(decoder)
      handle(encoder, decoder, ...rest)
      if (kind === sync.messageYjsSyncStep1) this.#onServerAsks()
      if (kind === sync.messageYjsSyncStep2) this.#onAnswer()
    }
  }

  /** Edits of this page that the server is not known to have. */
  get waiting() {
    return this.#edits - this.#received
  }

  #onServerAsks() {
    // The provider sends the answer when this handler has returned.
    queueMicrotask(() => {
      this.#offlineEditsSent = true
      this.#askSoon()
    })
  }

  #onAnswer() {
    this.#received = Math.max(this.#received, this.#asked.shift() ?? 0)
    this.#askSoon()
    this.emit('change', [])
  }

  #askSoon() {
    if (this.waiting > 0 && this.#timer === null) this.#timer = setTimeout(() => this.#ask(), GATHER_MS)
  }

  #ask() {
    this.#timer = null
    const socket = this.#provider.ws
    if (!this.#offlineEditsSent || this.#asked.length > 0 || socket?.readyState !== WebSocket.OPEN) return
    const encoder = encoding.createEncoder()
    encoding.writeVarUint(encoder, messageSync)
    sync.writeSyncStep1(encoder, this.#provider.doc)
    socket.send(encoding.toUint8Array(encoder))
    this.#asked.push(this.#edits)
  }
}
