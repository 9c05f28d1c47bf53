// The calls of the HTTP API that the page makes, and what their failures mean for who looks at it.
//
// Every call carries the token of this tab. A call that the server refuses throws an ApiProblem; one that does not
// reach it throws Unreachable. Both have words that say what to do.

export interface Status {
  head: number
  durable_head: number
  in_memory: boolean
  memory_bytes: number
  uncommitted_bytes: number
  appended_bytes: number
  quarantined: number
  frozen: string | null
  pending: Pending | null
}
export interface Range { client: number, clock: number, length: number }
export interface Pending {
  blocks: number
  elements: number
  deletes: number
  bytes: number
  beyond_limits: boolean
  waits_for: Range[]
  deletes_wait_for: Range[]
}
export interface ListedRoom {
  room: string
  generation: string
  members: number
  bytes: number
  created: string | null
  changed: string | null
  status: Status
}
export interface RoomList { rooms: ListedRoom[], next: string | null }
export interface RoomStatus {
  room: string
  generation: string
  head: number
  durable_head: number
  first: number
  records: number
  snapshot: number
  versions: number
  payload_bytes: number
  snapshot_bytes: number
  created: string | null
  changed: string | null
  in_memory: boolean
  members: number
  memory_bytes: number
  uncommitted_bytes: number
  frozen: string | null
  quarantine: { sequence: number, why: string, found: string, bytes: number }[]
  pending?: Pending | null
}
export interface Member {
  member: number
  subject: string
  address: string
  access: 'read' | 'write'
  joined: string
  clients: number[]
}
export interface MemberList { members: Member[], awareness: { client: number, state: unknown }[] }
export interface Change {
  sequence: number
  time: string
  bytes: number
  writers: { client: number, elements: number }[]
  deleted: number
}
export interface ChangeList { head: number, first: number, changes: Change[], next: number | null }
export interface Version { name: string, sequence: number, made: string, note: string }

/** The server answered, and the answer is no. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  constructor(readonly status: number, readonly type: string, words: string) {
    super(words)
  }
}

/** No answer came. */
export class Unreachable extends Error {
  override name = 'Unreachable'
  constructor() {
    super('The server does not answer. This page tries again by itself.')
  }
}

/** Whether `error` only says that whoever asked does not want the answer any more. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

export interface ListWish { contains: string, inMemory: boolean, limit: number }
interface Options { method?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal | undefined }

export class Api {
  /** Called when a token that was good before is refused. */
  onRefused: () => void = () => {}
  /** Called with whether the last call reached the server. */
  onReached: (reached: boolean) => void = () => {}

  constructor(public token: string) {}

  async send(path: string, { method = 'GET', body, headers = {}, signal }: Options = {}): Promise<Response> {
    const sent: Record<string, string> = { ...headers }
    if (this.token !== '') sent['Authorization'] = `Bearer ${this.token}`
    if (body !== undefined) sent['Content-Type'] = 'application/json'
    let response: Response
    try {
      response = await fetch(path, {
        method, headers: sent, body: body === undefined ? null : JSON.stringify(body), signal: signal ?? null, cache: 'no-store'
      })
    } catch (error) {
      if (isAbort(error)) throw error
      this.onReached(false)
      throw new Unreachable()
    }
    this.onReached(true)
    if (response.ok || response.status === 304) return response
    const problem = await problemOf(response)
    if (problem.status === 401) this.onRefused()
    throw problem
  }

  async #json<Result>(path: string, options: Options = {}): Promise<Result> {
    return await (await this.send(path, options)).json()
  }

  /** Whether this token may see everything; throws when it may not. */
  async enter(): Promise<void> {
    await this.send('api/stats')
  }

  rooms({ contains, inMemory, limit }: ListWish, signal?: AbortSignal): Promise<RoomList> {
    const query = new URLSearchParams({ include: 'status', limit: String(limit) })
    if (contains !== '') query.set('contains', contains)
    if (inMemory) query.set('in_memory', 'true')
    return this.#json(`api/rooms?${query}`, { signal })
  }

  room(room: string, signal?: AbortSignal): Promise<RoomStatus> {
    return this.#json(`${pathOf(room)}?include=pending`, { signal })
  }

  members(room: string, signal?: AbortSignal): Promise<MemberList> {
    return this.#json(`${pathOf(room)}/members`, { signal })
  }

  kick(room: string, member: number): Promise<unknown> {
    return this.send(`${pathOf(room)}/members/${member}`, { method: 'DELETE' })
  }

  freeze(room: string, reason: string): Promise<unknown> {
    return this.send(`${pathOf(room)}/freeze`, { method: 'POST', body: { reason } })
  }

  unfreeze(room: string): Promise<unknown> {
    return this.send(`${pathOf(room)}/freeze`, { method: 'DELETE' })
  }

  delete(room: string, generation: string): Promise<unknown> {
    const which = /^0+$/.test(generation) ? '' : `?generation=${generation}`
    return this.send(`${pathOf(room)}${which}`, { method: 'DELETE' })
  }

  /** The document at a moment, or the newest, as an update. */
  async update(room: string, at?: number, signal?: AbortSignal): Promise<Uint8Array> {
    const query = at === undefined ? '' : `?at=${at}`
    const response = await this.send(`${pathOf(room)}/update${query}`, { headers: { Accept: 'application/octet-stream' }, signal })
    return new Uint8Array(await response.arrayBuffer())
  }

  /** The newest document and its tag; null when it is still the one of `tag`, or there is none. */
  async newest(room: string, tag: string, signal?: AbortSignal): Promise<{ update: Uint8Array, tag: string } | null> {
    const headers: Record<string, string> = { Accept: 'application/octet-stream' }
    if (tag !== '') headers['If-None-Match'] = tag
    try {
      const response = await this.send(`${pathOf(room)}/update`, { headers, signal })
      if (response.status === 304) return null
      return { update: new Uint8Array(await response.arrayBuffer()), tag: response.headers.get('ETag') ?? '' }
    } catch (error) {
      if (error instanceof ApiProblem && error.type === 'no-such-room') return null
      throw error
    }
  }

  changes(room: string, from: number, limit: number, signal?: AbortSignal): Promise<ChangeList> {
    return this.#json(`${pathOf(room)}/changes?from=${from}&limit=${limit}`, { signal })
  }

  async versions(room: string, signal?: AbortSignal): Promise<Version[]> {
    const list = await this.#json<{ versions: Version[] }>(`${pathOf(room)}/versions`, { signal })
    return list.versions
  }

  /** Fails when there is one of this name. */
  name(room: string, version: string, at: number, note: string): Promise<unknown> {
    const path = `${pathOf(room)}/versions/${encodeURIComponent(version)}`
    return this.send(path, { method: 'PUT', body: { at, note }, headers: { 'If-None-Match': '*' } })
  }

  dropVersion(room: string, version: string): Promise<unknown> {
    return this.send(`${pathOf(room)}/versions/${encodeURIComponent(version)}`, { method: 'DELETE' })
  }

  restore(room: string, at: number): Promise<{ sequence: number, changed: boolean }> {
    return this.#json(`${pathOf(room)}/restore`, { method: 'POST', body: { at } })
  }

  async metrics(signal?: AbortSignal): Promise<string> {
    return await (await this.send('metrics', { signal })).text()
  }
}

export function pathOf(room: string): string {
  return `api/rooms/${encodeURIComponent(room)}`
}

/** `error` as a sentence for people. */
export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text().catch(() => '')
  let type = ''
  let detail = ''
  try {
    const problem = JSON.parse(text)
    type = String(problem.type ?? '').replace('urn:weft:problem:', '')
    detail = String(problem.detail ?? '')
  } catch {
    detail = text.trim()
  }
  return new ApiProblem(response.status, type, wordsFor(response.status, type, detail))
}

function wordsFor(status: number, type: string, detail: string): string {
  switch (type) {
    case 'unauthorized':
      return 'The server does not know this token, or it has expired. Enter another one.'
    case 'forbidden':
      return 'This token may not administrate this server. Enter one with the role admin.'
    case 'no-such-room':
      return 'There is no such room: it was deleted, or nobody has written in it.'
    case 'no-such-member':
      return 'This member has left already.'
    case 'history-dropped':
      return 'The log does not keep this moment any more: older updates were merged into a snapshot. Choose a later one.'
    case 'precondition-failed':
      return 'The room has a version of this name. Choose another one.'
    case 'another-generation':
      return 'The room was deleted and made anew meanwhile. Look at it again before you delete it.'
    case 'frozen':
      return `The room is frozen: unfreeze it first. (${detail})`
    case 'unavailable':
      return `The server is busy: ${detail}. Try again in a moment.`
  }
  return detail === '' ? `The server answered ${status}. Its log says more.` : `The server answered: ${detail}`
}
