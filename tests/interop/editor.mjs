// One person at work: a Yjs document that the stock y-websocket provider keeps in step with a room.

import { WebsocketProvider } from 'y-websocket'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { eventually } from './eventually.mjs'

// Every provider and every server listens for the end of this process.
process.setMaxListeners(0)

const kReconnectWithinMs = 50

export class Editor {
  /**
   * @param {import('./weft_server.mjs').WeftServer} server
   * @param {string} room as it stands in the address, so escaped by the caller where it has to be
   * @param {{ name?: string, params?: Record<string, string>, protocols?: string[], listener?: number,
   *   doc?: Y.Doc, WebSocketPolyfill?: typeof WebSocket }} [options]
   */
  constructor(server, room, options = {}) {
    const { name = 'an editor', params = {}, protocols = [], listener = 0, doc = new Y.Doc() } = options
    const { WebSocketPolyfill = WebSocket } = options
    this.name = name
    this.doc = doc
    /** Codes and reasons of the closes that came from the server or from a lost connection. */
    this.closes = []
    this.provider = new WebsocketProvider(server.websocketUrl(listener), room, doc, {
      WebSocketPolyfill,
      params,
      protocols,
      maxBackoffTime: kReconnectWithinMs,
      // Otherwise providers of one process exchange updates among themselves and no server is tested.
      disableBc: true
    })
    // Others take no notice of a state before its first change, as that has the clock they start from.
    this.awareness.setLocalStateField('user', { name })
    this.provider.on('connection-close', (event) => {
      if (event !== null) this.closes.push({ code: event.code, reason: event.reason })
    })
    // A server that is down is part of many tests; without a listener it would end the process.
    this.provider.on('connection-error', () => {})
  }

  get awareness() {
    return this.provider.awareness
  }

  /** The client ids of all others whose awareness state is known here. */
  get others() {
    return [...this.awareness.getStates().keys()].filter((client) => client !== this.doc.clientID)
  }

  synced(withinMs = 10_000) {
    return eventually(`${this.name} to be in sync with the room`, () => this.provider.synced, { withinMs })
  }

  isOffline() {
    return !this.provider.wsconnected
  }

  /** Closes the connection in the orderly way and stays away. */
  goOffline() {
    this.provider.disconnect()
  }

  goOnline() {
    this.provider.connect()
  }

  /** Takes the TCP connection away without a WebSocket close; the provider does not come back by itself. */
  dropConnection({ reset = false } = {}) {
    const socket = this.provider.ws
    this.provider.shouldConnect = false
    if (reset) socket._socket.resetAndDestroy()
    else socket.terminate()
  }

  dispose() {
    this.provider.destroy()
    this.doc.destroy()
  }
}
