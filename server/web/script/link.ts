// The socket of the script editor: connects, says who somebody is, connects again when it breaks, and takes the mode over that
// the last connection had. What comes in is handed to whoever listens for its name.
//
// What is sent while the link is broken is dropped: whoever needs it said says it when the link is open again. Timers and the
// socket end with `end`.
//
// When the server does not take the token, or not any more, the link breaks and stays broken until `renew`: connecting as
// nobody would give up the mode, and with it the edits that wait.

import { decodeMessage, encodeMessage, type Incoming, type IncomingName, type Listener, type Outgoing, type Unheard } from './protocol'

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 8_000
/** A connection over which the server has not said who this is in so long is taken for dead. */
const GREETING_TIMEOUT_MS = 15_000
const KEPT_SECRETS = 3
const UNAUTHORIZED = 4401

export interface LinkOptions {
  url: string
  token: () => string
  WebSocket?: typeof globalThis.WebSocket
  /** Of what came in and was not understood. */
  onUnheard?: (message: Unheard) => void
}

export class Link {
  /** Whether the server knows who this is, or that it is nobody. */
  isOpen = false
  /** The public name of this connection, once it is known. */
  uuid = ''
  userId: number | null = null
  username = ''
  /** Why the server does not take the token (any more); empty while it does. */
  authError = ''

  private socket: WebSocket | undefined
  /** Each takes over the mode that a connection had: of the last ones, since one may have broken before it had said so. */
  private secrets: string[] = []
  private secret = ''
  private waitMs = FIRST_WAIT_MS
  private timer: ReturnType<typeof setTimeout> | undefined
  private isEnded = false
  private readonly listeners = new Map<string, Set<Listener<any>>>()
  private readonly opened = new Set<() => void>()
  private readonly closed = new Set<() => void>()
  private readonly refused = new Set<(words: string) => void>()

  constructor(private readonly options: LinkOptions) {
    this.on('SET_UUID', (uuid, whole) => { this.onUuid(uuid, whole) })
    this.on('WS_AUTH_SUCCESS', (user) => {
      this.userId = user.user_id
      this.username = user.username
      this.authError = ''
      this.onKnown()
    })
    this.on('WS_AUTH_ERROR', (words) => { this.refuse(words) })
    this.connect()
  }

  on<Name extends IncomingName>(name: Name, listener: Listener<Name>): () => void {
    const all = this.listeners.get(name) ?? new Set()
    this.listeners.set(name, all)
    all.add(listener)
    return () => { all.delete(listener) }
  }

  onOpen(listener: () => void): () => void {
    this.opened.add(listener)
    return () => { this.opened.delete(listener) }
  }

  /** Called whenever the link breaks. */
  onClose(listener: () => void): () => void {
    this.closed.add(listener)
    return () => { this.closed.delete(listener) }
  }

  /** Called when the server does not take the token, or not any more. */
  onRefused(listener: (words: string) => void): () => void {
    this.refused.add(listener)
    return () => { this.refused.delete(listener) }
  }

  send<Name extends keyof Outgoing>(name: Name, data: Outgoing[Name]): void {
    if (this.socket?.readyState === 1) this.socket.send(encodeMessage(name, data))
  }

  /** Does not wait for its turn to try again. */
  hurry(): void {
    if (this.isEnded || this.authError !== '' || this.socket !== undefined) return
    clearTimeout(this.timer)
    this.connect()
  }

  /** The token counts no more, in the server's words: no connection until `renew`. */
  refuse(words: string): void {
    if (this.isEnded || this.authError !== '') return
    this.authError = words === '' ? 'Invalid or expired token' : words
    clearTimeout(this.timer)
    const old = this.socket
    if (old !== undefined) {
      this.onSocketClosed()
      old.close(1000)
    }
    for (const listener of [...this.refused]) listener(this.authError)
  }

  /** There is another token. */
  renew(): void {
    if (this.authError === '') return
    this.authError = ''
    this.waitMs = FIRST_WAIT_MS
    this.hurry()
  }

  /** Ends this connection and makes another one at once, which takes the mode over. */
  restart(): void {
    if (this.isEnded || this.socket === undefined) return
    const old = this.socket
    this.onSocketClosed()
    old.close(1000)
    this.hurry()
  }

  end(): void {
    this.isEnded = true
    clearTimeout(this.timer)
    this.socket?.close(1000)
  }

  private connect(): void {
    const socket = new (this.options.WebSocket ?? globalThis.WebSocket)(this.options.url)
    this.socket = socket
    socket.onmessage = (event: MessageEvent) => {
      if (socket === this.socket && typeof event.data === 'string') this.hear(event.data)
    }
    socket.onclose = ({ code, reason }: CloseEvent) => {
      if (socket !== this.socket) return
      if (code === UNAUTHORIZED) this.refuse(reason)
      else this.onSocketClosed()
    }
    socket.onerror = () => {}
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      if (socket !== this.socket || this.isOpen) return
      this.onSocketClosed()
      socket.close(1000)
    }, GREETING_TIMEOUT_MS)
  }

  private hear(text: string): void {
    for (const message of decodeMessage(text)) {
      if ('why' in message) this.options.onUnheard?.(message)
      else for (const listener of [...this.listeners.get(message.name) ?? []]) listener(message.data as Incoming[IncomingName], message.whole)
    }
  }

  private onUuid(uuid: string, whole: Record<string, unknown>): void {
    this.uuid = uuid
    this.secret = typeof whole['RESUME'] === 'string' ? whole['RESUME'] : ''
    const token = this.options.token()
    if (token === '') this.onKnown()
    else this.send('AUTHENTICATE', { token })
  }

  private onKnown(): void {
    if (this.isOpen) return
    this.isOpen = true
    clearTimeout(this.timer)
    this.waitMs = FIRST_WAIT_MS
    // The mode of the last connection, if its time is not over yet.
    if (this.userId !== null) for (const resume of this.secrets) this.send('REFRESH_CLIENT', { resume })
    if (this.secret !== '') this.secrets = [...this.secrets, this.secret].slice(-KEPT_SECRETS)
    this.send('NEW_CLIENT', {})
    for (const listener of [...this.opened]) listener()
  }

  private onSocketClosed(): void {
    this.isOpen = false
    this.socket = undefined
    for (const listener of [...this.closed]) listener()
    if (this.isEnded || this.authError !== '') return
    // Not all at once, when a server restarts.
    this.timer = setTimeout(() => { this.connect() }, this.waitMs * (0.5 + Math.random() / 2))
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS)
  }
}
