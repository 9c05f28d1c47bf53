// Who may do what, and why not, in words: from what is known on this page. The server decides again; what it says then is
// shown as it says it.

export interface Person {
  internal_id: string
  username: string
  user_id?: number | null
}

/** What the server tells of everybody at the script. */
export interface Config {
  editors: Person[]
  cutters: Person[]
  hasDraft: boolean
  draft_since?: string | null
  /** How many are in the current room. */
  members?: number
}

export interface Situation extends Config {
  isLive: boolean
  /** The public name of this page's connection. */
  self: string
  /** Whether this person has the right; unknown until the server has said so. */
  mayWrite: boolean | undefined
  isConnected: boolean
}

const others = (people: Person[], self: string) => people.filter((person) => person.internal_id !== self)

export function namesOf(people: Person[]): string {
  const names = [...new Set(people.map((person) => person.username))]
  if (names.length < 2) return names[0] ?? 'Somebody'
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

const is = (people: Person[]) => new Set(people.map((person) => person.username)).size > 1 ? 'are' : 'is'

/** What keeps everybody from changing anything. */
function general(now: Situation): string | undefined {
  if (!now.isConnected) return 'There is no connection to the server.'
  if (now.isLive) return 'A live session is running: nothing can be changed until it ends.'
  if (now.mayWrite === false) return 'You may read this show, but not write in it.'
  return undefined
}

/** Undefined when editing is allowed. */
export function whyNotEdit(now: Situation): string | undefined {
  const cutting = others(now.cutters, now.self)
  return general(now) ?? (cutting.length > 0 ? `${namesOf(cutting)} ${is(cutting)} marking cuts. You can edit when that is done.` : undefined)
}

/** Undefined when cutting is allowed. */
export function whyNotCut(now: Situation): string | undefined {
  const why = general(now)
  if (why !== undefined) return why
  const editing = others(now.editors, now.self)
  if (editing.length > 0) return `${namesOf(editing)} ${is(editing)} editing. Cuts can be marked when nobody edits.`
  const cutting = others(now.cutters, now.self)
  if (cutting.length > 0) return `${namesOf(cutting)} ${is(cutting)} marking cuts already. One person does that at a time.`
  if (now.hasDraft) return 'There are unsaved changes. Save or discard them first: cuts are marked in what is saved.'
  return undefined
}

/** Undefined when a revision may be made, loaded or deleted, as far as everybody is concerned. */
export function whyNotChangeRevisions(now: Situation): string | undefined {
  return general(now)
}
