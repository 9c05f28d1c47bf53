// The messages of the script editor's socket, for both directions: one list, from which types, checks and routing follow, so
// that none is said that nobody hears. A message that comes in and is not in it, or that is not as it says, is reported
// (`Unheard`) and not handed on.
//
//   client -> server   { OP, DATA }
//   server -> client   { OP, DATA } or { OP: 'NOOP', ACTION, DATA }        bytes in JSON: standard base64
//
// Members that are not known are left alone.

export interface Member {
  user_id: number | null
  username: string
  role: 'editor' | 'viewer'
}

/** What is wrong with a line, as the server found it: where, counted from 1, and why. */
export interface Problem {
  kind: string
  page?: number
  line?: number
  part?: number
  field?: string
  what: string
}

export type Mode = 'edit' | 'cuts'

/** Where somebody is. Both null: nowhere any more. `lineId` goes with the line when it moves. */
export interface Presence {
  userId: number | null
  username: string
  page: number | null
  lineIndex: number | null
  lineId?: string
}

type Reader<T> = (value: unknown) => T | undefined
type Fields = Record<string, unknown>

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Fields : undefined
const textIn = (fields: Fields, name: string): string | undefined => typeof fields[name] === 'string' ? fields[name] : undefined
const numberIn = (fields: Fields, name: string): number | undefined =>
  typeof fields[name] === 'number' && Number.isFinite(fields[name]) ? fields[name] : undefined

const text: Reader<string> = (value) => typeof value === 'string' ? value : undefined
const nothing: Reader<Record<string, never>> = () => ({})

/** An object of which `read` makes something; DATA that is missing counts as an empty one. */
const object = <T>(read: (fields: Fields) => T | undefined): Reader<T> => (value) => {
  const fields = value === undefined || value === null ? {} : fieldsOf(value)
  return fields === undefined ? undefined : read(fields)
}

function readMember(value: unknown): Member | undefined {
  const fields = fieldsOf(value)
  if (fields === undefined) return undefined
  return {
    user_id: numberIn(fields, 'user_id') ?? null,
    username: textIn(fields, 'username') ?? 'Unknown',
    role: fields['role'] === 'editor' ? 'editor' : 'viewer'
  }
}

function readProblem(value: unknown): Problem | undefined {
  const fields = fieldsOf(value)
  const what = fields && textIn(fields, 'what')
  if (fields === undefined || what === undefined) return undefined
  const problem: Problem = { kind: textIn(fields, 'kind') ?? 'rule', what }
  for (const name of ['page', 'line', 'part'] as const) {
    const at = numberIn(fields, name)
    if (at !== undefined) problem[name] = at
  }
  const field = textIn(fields, 'field')
  if (field !== undefined) problem.field = field
  return problem
}

const listIn = <T>(fields: Fields, name: string, read: Reader<T>): T[] => {
  const list = fields[name]
  return Array.isArray(list) ? list.map(read).filter((item): item is T & {} => item !== undefined) : []
}

const failure = object((fields) => ({ error: textIn(fields, 'error') ?? 'The server does not say why.', problems: listIn(fields, 'problems', readProblem) }))

/** What the server says, by the name of its OP or ACTION, and how its DATA is read. */
export const INCOMING = {
  SET_UUID: text,
  GET_SETTINGS: nothing,
  WS_AUTH_SUCCESS: object((fields) => {
    const user_id = numberIn(fields, 'user_id')
    return user_id === undefined ? undefined : { user_id, username: textIn(fields, 'username') ?? '' }
  }),
  WS_AUTH_ERROR: text,
  WS_TOKEN_REFRESH_SUCCESS: nothing,
  MODE_RESUMED: object((fields) => fields['mode'] === 'edit' || fields['mode'] === 'cuts' ? { mode: fields['mode'] as Mode } : undefined),
  REQUEST_EDIT_FAILURE: object((fields) => ({ reason: textIn(fields, 'reason') ?? 'The server does not say why.' })),
  GET_SCRIPT_CONFIG_STATUS: nothing,
  GET_SCRIPT_REVISIONS: nothing,
  YJS_SYNC: object((fields) => {
    const payload = fromBase64(fields['payload'])
    return payload && { step: numberIn(fields, 'step') ?? 1, payload, stateVector: fromBase64(fields['state_vector']), generation: textIn(fields, 'generation'), room: textIn(fields, 'room_id') }
  }),
  YJS_UPDATE: object((fields) => {
    const payload = fromBase64(fields['payload'])
    return payload && { payload, room: textIn(fields, 'room_id') }
  }),
  YJS_AWARENESS: object((fields) => {
    const payload = fromBase64(fields['payload'])
    const member = textIn(fields, 'member')
    const left = fields['left'] === true
    if (payload === undefined) return left && member !== undefined ? { member, left, presence: undefined } : undefined
    const presence = readPresence(payload)
    return presence && { member, left, presence }
  }),
  YJS_RECEIPT: object((fields) => {
    const count = numberIn(fields, 'count')
    return count === undefined ? undefined : { count, stored: fields['stored'] === true, reason: textIn(fields, 'reason') }
  }),
  ROOM_MEMBERS: object((fields) => ({ members: listIn(fields, 'members', readMember) })),
  ROOM_CLOSED: nothing,
  SAVE_PROGRESS: object((fields) => ({
    page: numberIn(fields, 'page') ?? 0, total: numberIn(fields, 'total') ?? 0, percent: numberIn(fields, 'percent') ?? 0
  })),
  SCRIPT_SAVED: object((fields) => ({ last_saved_at: textIn(fields, 'last_saved_at') })),
  SAVE_ERROR: failure,
  SAVE_FAILED: failure,
  COLLAB_ERROR: object((fields) => ({ error: textIn(fields, 'error') ?? 'The server does not say why.' })),
  ELECTED_LEADER: object((fields) => ({ internal_id: textIn(fields, 'internal_id') ?? '' })),
  NO_LEADER: nothing,
  // Something is another thing now, to be asked for anew.
  SHOW_CHANGED: nothing,
  GET_SHOW_SESSION_DATA: nothing,
  GET_SCRIPT_METADATA: nothing,
  GET_CUTS: nothing,
  GET_CUES: nothing
} satisfies Record<string, Reader<unknown>>

export type IncomingName = keyof typeof INCOMING
export type Incoming = { [Name in IncomingName]: NonNullable<ReturnType<typeof INCOMING[Name]>> }
export type Listener<Name extends IncomingName> = (data: Incoming[Name], whole: Record<string, unknown>) => void

/** What a client says. */
export interface Outgoing {
  AUTHENTICATE: { token: string }
  REFRESH_TOKEN: { token: string }
  NEW_CLIENT: Record<string, never>
  REFRESH_CLIENT: { resume: string }
  REQUEST_SCRIPT_EDIT: Record<string, never>
  REQUEST_SCRIPT_CUTS: Record<string, never>
  STOP_SCRIPT_EDIT: Record<string, never>
  JOIN_SCRIPT_ROOM: { receipts: true }
  LEAVE_SCRIPT_ROOM: Record<string, never>
  YJS_SYNC: { step: 1 | 2, payload: string }
  YJS_UPDATE: { payload: string }
  YJS_AWARENESS: { payload: string }
  SAVE_SCRIPT_DRAFT: Record<string, never>
  DISCARD_SCRIPT_DRAFT: Record<string, never>
}

/** The names of these, for whoever checks that both ends know the same. */
export const OUTGOING = Object.keys({
  AUTHENTICATE: 0, REFRESH_TOKEN: 0, NEW_CLIENT: 0, REFRESH_CLIENT: 0, REQUEST_SCRIPT_EDIT: 0, REQUEST_SCRIPT_CUTS: 0,
  STOP_SCRIPT_EDIT: 0, JOIN_SCRIPT_ROOM: 0, LEAVE_SCRIPT_ROOM: 0, YJS_SYNC: 0, YJS_UPDATE: 0, YJS_AWARENESS: 0,
  SAVE_SCRIPT_DRAFT: 0, DISCARD_SCRIPT_DRAFT: 0
} satisfies Record<keyof Outgoing, 0>)

export function encodeMessage<Name extends keyof Outgoing>(op: Name, data: Outgoing[Name]): string {
  return JSON.stringify({ OP: op, DATA: data })
}

export type Heard = { [Name in IncomingName]: { name: Name, data: Incoming[Name], whole: Record<string, unknown> } }[IncomingName]
export interface Unheard { name: string, why: 'no-message' | 'unknown' | 'malformed' }

/** What a text says: its operation, its action, or both, in this order. */
export function decodeMessage(message: string): (Heard | Unheard)[] {
  let whole: Fields | undefined
  try {
    whole = fieldsOf(JSON.parse(message))
  } catch {
    whole = undefined
  }
  if (whole === undefined) return [{ name: '', why: 'no-message' }]
  const fields = whole
  const names = [fields['OP'], fields['ACTION']].filter((name): name is string => typeof name === 'string' && name !== 'NOOP')
  return names.map((name): Heard | Unheard => {
    if (!Object.hasOwn(INCOMING, name)) return { name, why: 'unknown' }
    const data = INCOMING[name as IncomingName](fields['DATA'])
    return data === undefined ? { name, why: 'malformed' } : { name, data, whole: fields } as Heard
  })
}

export function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = []
  for (let at = 0; at < bytes.length; at += 0x8000) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)))
  return btoa(pieces.join(''))
}

/** Undefined when it is none. */
export function fromBase64(base64: unknown): Uint8Array | undefined {
  if (typeof base64 !== 'string') return undefined
  try {
    const letters = atob(base64)
    const bytes = new Uint8Array(letters.length)
    for (let i = 0; i < letters.length; ++i) bytes[i] = letters.charCodeAt(i)
    return bytes
  } catch {
    return undefined
  }
}

export function encodePresence(presence: Presence): string {
  return toBase64(new TextEncoder().encode(JSON.stringify(presence)))
}

function readPresence(payload: Uint8Array): Presence | undefined {
  let fields: Fields | undefined
  try {
    fields = fieldsOf(JSON.parse(new TextDecoder().decode(payload)))
  } catch {
    return undefined
  }
  if (fields === undefined) return undefined
  const place = (name: string): number | null => {
    const at = numberIn(fields, name)
    return at !== undefined && Number.isInteger(at) && at >= 0 ? at : null
  }
  const presence: Presence = {
    userId: numberIn(fields, 'userId') ?? null, username: textIn(fields, 'username') ?? 'Unknown', page: place('page'), lineIndex: place('lineIndex')
  }
  const lineId = textIn(fields, 'lineId')
  if (lineId !== undefined) presence.lineId = lineId
  return presence
}
