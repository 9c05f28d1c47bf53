// People who use the stock providers, each behind the same few calls: in node, and in a page (tests/browser/people_page.mjs).

import { HocuspocusProvider, HocuspocusProviderWebsocket } from 'hocuspocus-provider-4'
import { createYjsProvider } from '@y-sweet/client'
import { WebsocketProvider } from 'y-websocket'
import { WeftProvider } from '../../server/web/provider/weft-provider.js'

const kReconnectWithinMs = 50

// For each provider: what is connected and has the room's content; how many edits are not known to be stored, or null
// where the provider does not count them; and its end. Where a socket carries several documents there is another one,
// in which the same is written.
const providers = {
  'y-websocket': ({ doc, url, room, token, WebSocketPolyfill }) => {
    const provider = new WebsocketProvider(url, room, doc, {
      WebSocketPolyfill, params: { token }, maxBackoffTime: kReconnectWithinMs, disableBc: true
    })
    provider.on('connection-error', () => {})
    return { isIn: () => provider.wsconnected && provider.synced, unsaved: () => null, end: () => provider.destroy() }
  },

  '@hocuspocus/provider': ({ doc, makeDoc, url, room, token, WebSocketPolyfill }) => {
    const socket = new HocuspocusProviderWebsocket({
      url, WebSocketPolyfill, delay: 20, minDelay: 10, maxDelay: kReconnectWithinMs
    })
    const other = makeDoc()
    const open = (name, document) => new HocuspocusProvider({ websocketProvider: socket, name, token, document })
    const opened = [open(room, doc), open(`${room}/other`, other)]
    for (const provider of opened) provider.attach()
    return {
      other,
      isIn: () => socket.status === 'connected' && opened.every((provider) => provider.isAuthenticated && provider.synced),
      unsaved: () => opened.reduce((sum, provider) => sum + provider.unsyncedChanges, 0),
      end: () => {
        for (const provider of opened) provider.destroy()
        socket.destroy()
      }
    }
  },

  // y-sweet's own service would make the token, with the address in it.
  '@y-sweet/client': ({ doc, url, room, token, WebSocketPolyfill }) => {
    const clientToken = { url, baseUrl: url, docId: room, token }
    const provider = createYjsProvider(doc, room, async () => clientToken, { WebSocketPolyfill, showDebuggerLink: false })
    return {
      isIn: () => provider.status === 'connected',
      unsaved: () => (provider.hasLocalChanges ? 1 : 0),
      end: () => {
        // It would come back after its own end, and try for ever where nobody lets it in.
        provider.connect = provider.attemptToConnect = async () => true
        provider.destroy()
        provider.clearHeartbeat()
        provider.clearConnectionTimeout()
      }
    }
  },

  'weft-provider': ({ doc, url, room, token, WebSocketPolyfill }) => {
    const provider = new WeftProvider(url, room, doc, {
      WebSocketPolyfill, maxBackoffTime: kReconnectWithinMs, token: () => token
    })
    return { isIn: () => provider.synced, unsaved: () => provider.unsaved, end: () => provider.destroy() }
  }
}

export const kProviders = Object.keys(providers)

const textOf = (doc) => doc.getText('text')
const lettersOf = (doc) => [...textOf(doc).toString()].sort().join('')

export class StockPerson {
  #use
  #docs

  /** `Y` is the Yjs of the provider: there must not be two in one document. */
  constructor({ kind, Y, ...setup }) {
    const doc = new Y.Doc()
    this.#use = providers[kind]({ doc, makeDoc: () => new Y.Doc(), ...setup })
    this.#docs = [doc, this.#use.other ?? doc]
  }

  write(words) {
    for (const doc of new Set(this.#docs)) textOf(doc).insert(textOf(doc).length, words)
  }

  /** Of both documents, once they have the same in whatever order. */
  text() {
    const [doc, other] = this.#docs
    return lettersOf(doc) === lettersOf(other) ? textOf(doc).toString() : `${textOf(doc)} | ${textOf(other)}`
  }

  isIn() {
    return this.#use.isIn()
  }

  unsaved() {
    return this.#use.unsaved()
  }

  dispose() {
    this.#use.end()
    for (const doc of this.#docs) doc.destroy()
  }
}
