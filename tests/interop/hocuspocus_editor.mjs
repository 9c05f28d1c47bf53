// People who work with the stock provider of Hocuspocus: several documents on one socket.

import * as version2 from 'hocuspocus-provider-2'
import * as version3 from 'hocuspocus-provider-3'
import * as version4 from 'hocuspocus-provider-4'
import WebSocket from 'ws'
import * as Y from 'yjs'
import { eventually } from './eventually.mjs'

process.setMaxListeners(0)

/** The provider's major versions, each a class of sockets and one of documents. */
export const versions = { 2: version2, 3: version3, 4: version4 }

/** One socket with documents on it. */
export class HocuspocusClient {
  /**
   * @param {import('./weft_server.mjs').WeftServer} server
   * @param {{ version?: 2 | 3 | 4, path?: string }} [options]
   */
  constructor(server, { version = 4, path = '' } = {}) {
    this.version = version
    this.documents = []
    this.socket = new versions[version].HocuspocusProviderWebsocket({
      url: server.websocketUrl() + path,
      WebSocketPolyfill: WebSocket,
      delay: 20,
      minDelay: 10,
      maxDelay: 50
    })
  }

  /** Opens a document on this socket. */
  open(name, { token = '', sessionAwareness = false } = {}) {
    const document = new HocuspocusDocument(this, { name, token, sessionAwareness })
    this.documents.push(document)
    return document
  }

  dispose() {
    for (const document of this.documents) document.close()
    this.socket.destroy()
  }
}

class HocuspocusDocument {
  constructor(client, { name, token, sessionAwareness }) {
    this.name = name
    this.doc = new Y.Doc()
    /** What the provider said, as names of its events. */
    this.heard = []
    this.stateless = []
    this.open = true
    this.provider = new versions[client.version].HocuspocusProvider({
      websocketProvider: client.socket,
      name,
      token,
      sessionAwareness,
      document: this.doc,
      broadcast: false,
      preserveConnection: true,
      onAuthenticated: () => this.heard.push(`authenticated ${this.provider.authorizedScope}`),
      onAuthenticationFailed: ({ reason }) => this.heard.push(`denied: ${reason}`),
      onStateless: ({ payload }) => this.stateless.push(payload)
    })
    if (client.version > 2) this.provider.attach()
  }

  get text() {
    return this.doc.getText('text')
  }

  get awareness() {
    return this.provider.awareness
  }

  get unsynced() {
    return this.provider.unsyncedChanges
  }

  /**
   * What the provider itself calls synced. A receipt that is on its way when a sync is asked for counts twice: the
   * provider sets its count to 1 and takes the receipt off that, which no server can know; so it may be below 0.
   */
  hasNothingUnsynced() {
    return eventually(`${this.name} to have nothing unsynced`, () => this.provider.synced && !this.provider.hasUnsyncedChanges, {
      describe: () => `synced ${this.provider.synced}, ${this.unsynced} changes under way, ${this.heard}`
    })
  }

  /** In sync, and everything of it stored. */
  settled() {
    return eventually(`${this.name} to be stored`, () => this.provider.synced && this.unsynced === 0, {
      describe: () => `synced ${this.provider.synced}, ${this.unsynced} changes under way, ${this.heard}`
    })
  }

  shows(text) {
    return eventually(`${this.name} to show ${text}`, () => this.text.toString() === text, {
      describe: () => this.text.toString()
    })
  }

  close() {
    if (!this.open) return
    this.open = false
    this.provider.destroy()
    this.doc.destroy()
  }
}
