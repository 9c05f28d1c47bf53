// The page's link to the server: the stock y-websocket provider, told in words a person understands.

import { ObservableV2 } from 'lib0/observable'
import { WebsocketProvider } from 'y-websocket'
import { Receipts } from './receipts.js'

/**
 * Emits `change` when `state`, `reason` or `waiting` changed, and `open` after each time the connection was made.
 *
 * state   'connecting' until the document has been exchanged, 'online' then, 'offline' while attempts fail (they go on
 *         by themselves), 'closed' when the server said that trying again is pointless.
 * reason  what the server gave as the reason of the last close, or ''.
 * waiting edits of this page that the server is not known to have.
 */
export class Connection extends ObservableV2 {
  state = 'connecting'
  reason = ''
  #receipts

  constructor(origin, room, doc) {
    super()
    // Tabs of one browser could also talk past the server; here what is shown as shared went through it.
    const provider = new WebsocketProvider(origin, encodeURIComponent(room), doc, { disableBc: true })
    this.provider = provider
    this.#receipts = new Receipts(provider)
    this.#receipts.on('change', () => this.emit('change', []))

    provider.on('status', ({ status }) => {
      if (status === 'connected') {
        this.reason = ''
        this.#become('connecting')
        this.emit('open', [])
      }
    })
    provider.on('sync', (synced) => {
      if (synced) this.#become('online')
    })
    provider.on('connection-close', (event) => {
      this.reason = event?.reason ?? ''
      this.#become('offline')
    })
    provider.on('closed', () => this.#become('closed'))

    // A socket may take long to notice that the network changed, and the server may be on this very machine: try anew.
    const reconnect = () => {
      if (this.state === 'closed') return
      provider.disconnect()
      provider.connect()
    }
    addEventListener('offline', reconnect)
    addEventListener('online', () => {
      if (this.state !== 'online') reconnect()
    })
  }

  get waiting() {
    return this.#receipts.waiting
  }

  #become(state) {
    this.state = state
    this.emit('change', [])
  }
}
