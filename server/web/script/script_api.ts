// The HTTP calls of the script editor, and what their failures mean for who works with it.

import type { Config } from './modes'

export interface Named { id: number, name: string }
export interface Show extends Named {
  acts: Named[]
  scenes: (Named & { act_id: number | null })[]
  characters: Named[]
  character_groups: (Named & { characters: number[] })[]
  stage_direction_styles: Named[]
  /** Compact: a line of dialogue has one part. */
  mode: 'full' | 'compact'
}

export interface User { id: number, username: string, mayWrite: boolean }

export interface Revision {
  id: number
  number: number
  parent: number | null
  description: string
  created: string | null
  edited: string | null
  lines?: number
  hasDraft: boolean
}
export interface Revisions { current: number | null, revisions: Revision[] }

export interface StoredPart { id: number, character_id: number | null, character_group_id: number | null, line_text: string | null }
export interface StoredLine {
  id: number
  act_id: number | null
  scene_id: number | null
  line_type: number
  stage_direction_style_id: number | null
  line_parts: StoredPart[]
}
export interface Cue { id: number, line: number, label: string }
export interface LiveSession { id: number, since: string | null, by: string }

/** The server answered, and the answer is no. */
export class Refused extends Error {
  override name = 'Refused'
  constructor(readonly status: number, words: string) {
    super(words)
  }
}

/** No answer came. */
export class Unreachable extends Error {
  override name = 'Unreachable'
  constructor() {
    super('The server does not answer. Nothing was changed; try again in a moment.')
  }
}

interface Options { method?: string, body?: unknown }

export class ScriptApi {
  /** Called when the server does not know the token it was just shown (any more), with its words. */
  onUnknown: (words: string) => void = () => {}

  /** As somebody, or as nobody: `token` may be another one, or '', at any time. */
  constructor(public token: string, private readonly base = '/api/v1/') {}

  config(): Promise<Config> {
    return this.get<Config>('show/script/config')
  }

  async session(): Promise<LiveSession | null> {
    const { session } = await this.get<{ session: { id: number, started_at: string, started_by: { username: string } } | null }>('show/sessions/current')
    return session === null ? null : { id: session.id, since: session.started_at, by: session.started_by.username }
  }

  /** Who the token is of, and whether they may write in the current show. */
  async user(): Promise<User | undefined> {
    if (this.token === '') return undefined
    const user = await this.get<{ id: number, username: string, may_write: boolean }>('auth')
    return { id: user.id, username: user.username, mayWrite: user.may_write }
  }

  /** Throws when this server has no script, or is not there. */
  async reach(): Promise<void> {
    await this.get('shows')
  }

  startSession(): Promise<void> { return this.send('show/sessions/start', { method: 'POST' }) }
  stopSession(): Promise<void> { return this.send('show/sessions/stop', { method: 'POST' }) }

  show(): Promise<Show> {
    return this.get<Show>('show')
  }

  async revisions(): Promise<Revisions> {
    const list = await this.get<{ current_revision: number | null, revisions: Record<string, unknown>[] }>('show/script/revisions')
    return {
      current: list.current_revision,
      revisions: list.revisions.map((one) => ({
        id: one['id'] as number, number: one['revision'] as number, parent: (one['previous_revision_id'] ?? null) as number | null,
        description: String(one['description'] ?? ''), created: (one['created_at'] ?? null) as string | null,
        edited: (one['edited_at'] ?? null) as string | null, lines: Number(one['lines'] ?? 0), hasDraft: one['has_draft'] === true
      }))
    }
  }

  branch(parent: number, description: string): Promise<void> {
    return this.send('show/script/revisions', { method: 'POST', body: { parent_revision_id: parent, description, set_as_current: true } })
  }

  load(revision: number): Promise<void> {
    return this.send('show/script/revisions/current', { method: 'POST', body: { new_rev_id: revision } })
  }

  remove(revision: number): Promise<void> {
    return this.send(`show/script/revisions?rev_id=${revision}`, { method: 'DELETE' })
  }

  discard(): Promise<void> { return this.send('show/script/draft', { method: 'DELETE' }) }

  async cuts(): Promise<number[]> {
    return (await this.get<{ cuts: number[] }>('show/script/cuts')).cuts
  }

  setCuts(cuts: number[]): Promise<void> { return this.send('show/script/cuts', { method: 'PUT', body: { cuts } }) }

  async cues(): Promise<Cue[]> {
    const { cues } = await this.get<{ cues: { id: number, line_id: number, label: string }[] }>('show/cues')
    return cues.map(({ id, line_id, label }) => ({ id, line: line_id, label }))
  }

  /** A page as it is saved, and the last page that has lines. */
  async page(page: number): Promise<{ lines: StoredLine[], lastPage: number }> {
    const { lines, max_page } = await this.get<{ lines: StoredLine[], max_page: number }>(`show/script?page=${page}`)
    return { lines, lastPage: max_page }
  }

  private async get<Result>(path: string): Promise<Result> {
    return await (await this.call(path)).json() as Result
  }

  private async send(path: string, options: Options): Promise<void> {
    await this.call(path, options)
  }

  private async call(path: string, { method = 'GET', body }: Options = {}): Promise<Response> {
    const headers: Record<string, string> = {}
    const { token } = this
    if (token !== '') headers['Authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    let response: Response
    try {
      response = await fetch(this.base + path, { method, headers, body: body === undefined ? null : JSON.stringify(body), cache: 'no-store' })
    } catch {
      throw new Unreachable()
    }
    if (response.ok) return response
    const words = wordsOf(response.status, await response.text().catch(() => ''))
    if (response.status === 401 && token !== '' && token === this.token) this.onUnknown(words)
    throw new Refused(response.status, words)
  }
}

function wordsOf(status: number, text: string): string {
  try {
    const { message, detail } = JSON.parse(text) as { message?: unknown, detail?: unknown }
    const words = message ?? detail
    if (typeof words === 'string' && words !== '') return words
  } catch {
    // No JSON: a proxy, or a server that has no script.
  }
  if (status === 404) return 'This server has no script: it is to be started with --script.'
  return text.trim() === '' ? `The server answered ${status}.` : text.trim().slice(0, 300)
}
