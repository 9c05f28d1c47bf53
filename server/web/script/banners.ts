// What everybody at the script should know now, in words, each with what can be done about it: no connection, a live session,
// edits that wait, a draft of an earlier evening, a save that failed.

import { fill, icon, make, type Child } from '../admin/elements'
import { counted } from '../admin/words'
import type { Desk } from './desk'
import { namesOf } from './modes'
import { SCRIPT_ICONS } from './line_view'
import type { Problem } from './protocol'
import { inWords } from './page_view'

export interface BannerActions {
  resume: () => void
  discard: () => void
  stopLive: () => void
  giveUp: () => void
  signIn: () => void
  /** Of a script that the server takes no more edits of. */
  keepText: () => void
  leave: () => void
  goTo: (problem: Problem) => void
}

interface Banner {
  name: string
  kind: 'quiet' | 'wait' | 'bad' | 'cold'
  path: string
  /** All that it shows, to know whether it changed. */
  signature: string
  content: () => Child
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

export function timeOf(iso: string | null | undefined): string {
  const time = Date.parse(iso ?? '')
  if (Number.isNaN(time)) return ''
  return Date.now() - time < 12 * 3_600_000 ? clock.format(time) : day.format(time)
}

const MOST_PROBLEMS = 200

export class Banners {
  readonly element = make('div', { class: 'banners', role: 'region', 'aria-label': 'What you should know', 'aria-live': 'polite' })
  private readonly shown = new Map<string, { element: HTMLElement, signature: string }>()

  constructor(private readonly desk: Desk, private readonly actions: BannerActions) {}

  update(): void {
    const banners = this.banners()
    const names = new Set(banners.map(({ name }) => name))
    for (const [name, { element }] of this.shown) {
      if (names.has(name)) continue
      element.remove()
      this.shown.delete(name)
    }
    banners.forEach((banner, index) => {
      let known = this.shown.get(banner.name)
      if (known === undefined) {
        known = { element: make('div', { 'data-testid': `banner-${banner.name}` }), signature: '' }
        this.shown.set(banner.name, known)
      }
      if (known.signature !== banner.signature) {
        known.signature = banner.signature
        known.element.className = `banner ${banner.kind}`
        fill(known.element, icon(banner.path), make('div', { class: 'banner-words' }, banner.content()))
      }
      if (this.element.children[index] !== known.element) this.element.insertBefore(known.element, this.element.children[index] ?? null)
    })
  }

  private banners(): Banner[] {
    const { desk, actions } = this
    const { room } = desk
    const all: Banner[] = []
    const add = (name: string, kind: Banner['kind'], path: string, key: unknown, content: () => Child) =>
      all.push({ name, kind, path, signature: JSON.stringify(key), content })
    const button = (words: string, act: () => void, more = '') => make('button', { type: 'button', class: `button small ${more}`, onclick: act }, words)
    const unsaved = room?.unsaved ?? 0

    if (desk.tokenEnd === 'revoked') {
      add('revoked', 'bad', SCRIPT_ICONS.warning, unsaved, () => [
        make('p', {}, make('strong', {}, `Your token was revoked, and ${counted(unsaved, 'edit')} of yours ${unsaved === 1 ? 'was' : 'were'} not sent. `),
          'The server takes nothing of yours any more. Below is the script as you had it; it is gone when you leave this page.'),
        make('span', { class: 'banner-actions' }, button('Download it', actions.keepText, 'primary'), button('Leave …', actions.leave))])
    } else if (desk.tokenEnd === 'expired') {
      add('token', 'bad', SCRIPT_ICONS.warning, unsaved, () => [
        make('p', {}, make('strong', {}, 'The server does not know you any more. '), unsaved === 0
          ? 'The time of your token is over: to go on, sign in again.'
          : `The time of your token is over. ${counted(unsaved, 'edit')} of yours ${unsaved === 1 ? 'waits' : 'wait'} here, and will be sent when you have signed in again. You can go on writing; keep this page open.`),
        button('Sign in again …', actions.signIn, 'primary')])
    } else if (desk.connection === 'lost') {
      add('offline', 'wait', SCRIPT_ICONS.warning, unsaved, () => [
        make('p', {}, make('strong', {}, 'No connection. '), unsaved === 0
          ? 'You can read on; this page tries again by itself.'
          : `${counted(unsaved, 'edit')} of yours ${unsaved === 1 ? 'waits' : 'wait'} here, and will be sent when the connection is back. You can go on writing; keep this page open.`),
        button('Try now', () => desk.tryAgain())])
    }
    if (desk.session !== null) {
      add('live', 'cold', SCRIPT_ICONS.live, [desk.session, desk.user?.mayWrite], () => [
        make('p', {}, make('strong', {}, 'Live session. '),
          `The show is running${desk.session?.since ? ` since ${timeOf(desk.session.since)}` : ''}${desk.session?.by ? `, started by ${desk.session.by}` : ''}: the script is frozen for everybody until it ends.`),
        desk.user?.mayWrite === true && button('End the live session', actions.stopLive)])
    }
    // Not while it is being asked: after a connection broke that is a moment.
    const isAsking = desk.asked !== undefined || room?.mayWrite === undefined
    if (desk.connection === 'open' && unsaved > 0 && (room?.isHeldBack ? !isAsking : room?.state === 'apart') && desk.session === null) {
      const why = desk.roomTrouble || desk.refusal
      add('held', 'bad', SCRIPT_ICONS.warning, [unsaved, why], () => [
        make('p', {}, make('strong', {}, `The server did not take ${counted(unsaved, 'edit')} of yours. `),
          why === '' ? 'They are kept here.' : `It says: ${why}. They are kept here.`),
        make('span', { class: 'banner-actions' }, button('Try again', () => desk.tryAgain()), button('Give them up …', actions.giveUp))])
    } else if (desk.isStuck) {
      add('stuck', 'bad', SCRIPT_ICONS.warning, desk.roomTrouble, () => [
        make('p', {}, make('strong', {}, 'The script does not arrive. '), desk.roomTrouble === '' ? 'The server has not answered for ten seconds.' : desk.roomTrouble),
        button('Ask again', () => desk.tryAgain())])
    }
    if (desk.saveError !== '') {
      add('problems', 'bad', SCRIPT_ICONS.warning, [desk.saveError, desk.problems], () => this.problems())
    }
    if (desk.mode === 'view' && desk.asked === undefined && desk.isReady && desk.config.hasDraft && desk.config.editors.length === 0 && desk.session === null) {
      const since = timeOf(desk.config.draft_since)
      add('draft', 'wait', SCRIPT_ICONS.pencil, [since, desk.user?.mayWrite], () => [
        make('p', {}, make('strong', {}, 'There are unsaved changes. '),
          `Somebody edited this revision${since === '' ? '' : ` (${since})`} and did not save. What you see below is what is saved.`),
        desk.user?.mayWrite === true && make('span', { class: 'banner-actions' }, button('Resume editing', actions.resume, 'primary'), button('Discard …', actions.discard))])
    }
    if (desk.mode === 'view' && desk.otherEditors.length > 0 && room?.state === 'synced') {
      const names = namesOf(desk.otherEditors)
      add('watching', 'quiet', SCRIPT_ICONS.people, names, () => make('p', {}, make('strong', {}, `${names} ${names.includes(' and ') ? 'are' : 'is'} editing. `), 'You see every change as it is made.'))
    }
    if (desk.refusal !== '' && desk.mode === 'view') {
      add('refusal', 'wait', SCRIPT_ICONS.warning, desk.refusal, () => make('p', {}, `${desk.refusal}.`.replace('..', '.')))
    }
    return all
  }

  private problems(): Child {
    const { problems, saveError } = this.desk
    const dismiss = make('button', { type: 'button', class: 'button small', onclick: () => this.desk.dismissProblems() }, 'Dismiss')
    const title = make('strong', {}, problems.length === 0 ? 'Not saved. ' : `Not saved: ${counted(problems.length, 'thing')} to put right first. `)
    if (problems.length === 0) return [make('p', {}, title, saveError), dismiss]
    const list = make('ol', { class: 'problems', 'data-testid': 'problems' }, problems.slice(0, MOST_PROBLEMS).map((problem) => {
      if (problem.page === undefined || problem.line === undefined) return make('li', {}, inWords(problem))
      const where = `Page ${problem.page}, line ${problem.line}`
      return make('li', {}, make('a', {
        href: `#/page/${problem.page}/line/${problem.line}`,
        onclick: (event: Event) => {
          event.preventDefault()
          this.actions.goTo(problem)
        }
      }, where), `: ${inWords(problem)}`)
    }))
    return [make('div', {}, make('p', {}, title), list, problems.length > MOST_PROBLEMS && make('p', {}, `and ${problems.length - MOST_PROBLEMS} more`)), dismiss]
  }
}
