// Puts the page together: who this is, the link, the desk and the views; the page that the address names; what the buttons do.

// Plain JavaScript, shared with the other pages.
import { setUpTheme } from '../src/theme.js'
import { ask } from '../admin/dialog'
import { fill, icon, make, setText } from '../admin/elements'
import { counted } from '../admin/words'
import { Banners, timeOf } from './banners'
import { choose } from './choice'
import { Desk, type DeskApi, type TokenEnd } from './desk'
import { Link } from './link'
import { SCRIPT_ICONS } from './line_view'
import { SavedPages, SharedPages } from './page_source'
import { PageView } from './page_view'
import { PeoplePanel } from './people_panel'
import { pageAsText, scriptAsText } from './plain_text'
import type { Problem } from './protocol'
import { RevisionsPanel } from './revisions_panel'
import type { Room } from './room'
import { Refused, ScriptApi } from './script_api'
import { ShowNames } from './show_names'
import { askForAnother, askForToken, givenToken, keepToken } from './sign_in'

/** A notice stays as long as it takes to read. */
const NOTICE_MS = 6_000
const CHARACTER_MS = 70
const RETRY_MS = 3_000

const part = (id: string) => document.getElementById(id)!
const main = part('main')

function notice(words: string, kind: 'done' | 'failed' = 'done'): void {
  const last = part('notices').lastElementChild
  if (last?.textContent === words) last.remove()
  const note = make('p', { class: `notice ${kind}` }, words)
  part('notices').append(note)
  setTimeout(() => note.remove(), Math.max(NOTICE_MS, words.length * CHARACTER_MS))
}

const wordsOf = (error: unknown) => error instanceof Error ? error.message : String(error)

interface Address { page: number, line: number | undefined }

function readAddress(): Address {
  const found = /^#\/page\/(\d{1,9})(?:\/line\/(\d{1,9}))?$/.exec(location.hash)
  return { page: Math.max(1, Number(found?.[1] ?? 1)), line: found?.[2] === undefined ? undefined : Number(found[2]) - 1 }
}

/** The page for one person, until they sign out or are turned out: then to the reason, '' for signing out. */
function work(token: string): Promise<string> {
  return new Promise((resolve) => {
    const ended = new AbortController()
    const { signal } = ended
    const api = new ScriptApi(token)
    const link = new Link({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/v1/ws`,
      token: () => api.token,
      onUnheard: ({ name, why }) => console.error(`the server said something that this page does not know: ${name} (${why})`)
    })
    let saved = new SavedPages(api)
    let marks: Set<number> | undefined
    let isQueued = false
    const queue = () => {
      if (isQueued) return
      isQueued = true
      // Not an animation frame alone: a tab that is not seen has none, and goes on telling others where it is.
      setTimeout(() => {
        isQueued = false
        if (!signal.aborted) update()
      }, 0)
    }
    const deskApi: DeskApi = api
    const desk: Desk = new Desk(link, deskApi, {
      changed: queue,
      notice,
      replaced: () => {
        saved = new SavedPages(api)
        showPage()
      },
      lost: (unsaved, room) => { void tellLost(unsaved, room) },
      unknown: (end) => onUnknown(end)
    })
    const leave = (why: string) => {
      ended.abort()
      desk.end()
      main.replaceChildren()
      part('bar').replaceChildren()
      part('bar').hidden = true
      for (const id of ['reach', 'who', 'sign-out', 'keys']) part(id).hidden = true
      resolve(why)
    }
    api.onUnknown = (words) => link.refuse(words)

    // --- The bar

    const button = (label: string, path: string, act: () => void, more = '') => make('button', { type: 'button', class: `icon-button ${more}`, 'aria-label': label, title: label, onclick: act }, icon(path))
    const modeButtons = ([['view', 'View'], ['edit', 'Edit'], ['cuts', 'Cuts']] as const).map(([mode, words]) => make('button', {
      type: 'button', class: 'segment', 'data-mode': mode, onclick: () => void chooseMode(mode)
    }, words))
    const modeWhy = make('p', { class: 'mode-why', id: 'mode-why', 'data-testid': 'mode-why' })
    const undo = button('Undo (Ctrl Z)', SCRIPT_ICONS.undo, () => view.undo())
    const redo = button('Redo (Ctrl Shift Z)', SCRIPT_ICONS.redo, () => view.redo())
    const saveState = make('p', { class: 'save-state', role: 'status', 'data-testid': 'save-state' })
    const save = make('button', { type: 'button', class: 'button primary', onclick: () => void onSave() }, 'Save')
    const previous = button('Previous page', SCRIPT_ICONS.back, () => goTo(view.page - 1))
    const next = button('Next page', SCRIPT_ICONS.forward, () => goTo(view.page + 1))
    const pageInput = make('input', { type: 'text', inputmode: 'numeric', class: 'page-input', 'aria-label': 'Page', maxlength: 6, autocomplete: 'off' })
    const pageCount = make('span', { class: 'page-count', 'data-testid': 'page-count' })
    const pager = make('form', {
      class: 'pager', 'aria-label': 'Pages',
      onsubmit: (event: Event) => {
        event.preventDefault()
        const page = Number(pageInput.value)
        if (Number.isInteger(page) && page > 0) goTo(Math.min(page, pageLimit()))
        else pageInput.value = String(view.page)
        pageInput.select()
      }
    }, previous, make('label', { class: 'pager-label' }, make('span', { class: 'pager-word' }, 'Page'), pageInput), pageCount, next)
    const progress = make('progress', { class: 'progress', max: 1, 'aria-label': 'Saving', hidden: true })
    const panelButton = make('button', {
      type: 'button', class: 'button small panel-button', 'aria-expanded': 'false', 'aria-controls': 'aside', onclick: () => showPanel(aside.dataset['open'] === undefined)
    }, icon(SCRIPT_ICONS.people), make('span', { 'data-testid': 'people-count' }))
    fill(part('bar'),
      make('div', { class: 'segments-row modes', role: 'group', 'aria-label': 'Mode' }, modeButtons),
      make('div', { class: 'bar-edit' }, undo, redo),
      make('div', { class: 'bar-save' }, save, saveState),
      panelButton, pager, progress, modeWhy)

    // --- The views

    const view = new PageView({
      desk, goTo, notice,
      marks: () => marks,
      onMark: (cut) => {
        if (marks === undefined) return
        if (!marks.delete(cut)) marks.add(cut)
        queue()
      },
      onPages: () => queue()
    })
    const people = new PeoplePanel(desk, (page, line) => {
      showPanel(false)
      goTo(page, line)
    })
    const revisions = new RevisionsPanel(desk, {
      branch: (from) => {
        void ask({
          title: `New revision from ${from.number}`,
          words: 'It begins with the same lines, cues and cuts, and becomes the current one.',
          action: 'Begin the revision', fields: [{ label: 'What is it for?', name: 'description', required: true, hint: 'For example: “after the first read-through”' }],
          perform: ({ description }) => api.branch(from.id, description!.trim())
        })
      },
      load: (revision) => { void attempt(`Revision ${revision.number} is the current one now`, () => api.load(revision.id)) },
      remove: (revision) => {
        void ask({
          title: `Delete revision ${revision.number}?`,
          words: `“${revision.description}” and what only it has is gone then; revisions made from it stay. This cannot be undone.`,
          action: 'Delete the revision', danger: true, perform: () => api.remove(revision.id)
        })
      }
    })
    const live = make('section', { class: 'card panel', 'aria-labelledby': 'live-title' })
    const aside = make('aside', { class: 'aside', id: 'aside', 'aria-label': 'People and revisions' },
      make('div', { class: 'aside-head' }, button('Close', SCRIPT_ICONS.close, () => showPanel(false))), people.element, revisions.element, live)
    const banners = new Banners(desk, {
      resume: () => desk.request('edit'),
      discard: () => void discard(),
      stopLive: () => void attempt('The live session is over', () => api.stopSession()),
      giveUp: () => {
        void choose('Give up your edits?', [`${counted(desk.room?.unsaved ?? 0, 'edit')} of yours that the server did not take will be gone.`],
          [{ name: 'yes', words: 'Give them up', kind: 'danger-outline' }]).then((answer) => { if (answer === 'yes') desk.giveUp() })
      },
      signIn: () => void signInAgain(),
      keepText,
      leave: () => void leaveWithout('Your token was revoked.'),
      goTo: (problem: Problem) => goTo(problem.page!, problem.line! - 1, true)
    })
    fill(main, banners.element, make('div', { class: 'stage' }, make('div', { class: 'desk' }, view.element), aside))
    part('bar').hidden = false
    part('sign-out').hidden = token === ''
    part('keys').hidden = false
    part('reach').hidden = false

    // --- Actions

    async function attempt(done: string, act: () => Promise<unknown>): Promise<void> {
      try {
        await act()
        notice(done)
      } catch (error) {
        notice(wordsOf(error), 'failed')
      }
    }

    async function discard(): Promise<void> {
      await ask({
        title: 'Discard the unsaved changes?',
        words: 'The script goes back to what was last saved. Whatever was edited since then is gone for everybody; this cannot be undone.',
        action: 'Discard the changes', danger: true, perform: () => api.discard()
      })
    }

    async function chooseMode(mode: 'view' | 'edit' | 'cuts'): Promise<void> {
      if (mode === desk.mode && desk.asked === undefined) return
      const why = mode === 'edit' ? desk.whyNotEdit : mode === 'cuts' ? desk.whyNotCut : desk.whyNotStop
      if (why !== undefined) return notice(why, 'failed')
      if (marks !== undefined && changedCuts() > 0) {
        const answer = await choose('Store the cuts?', [`${counted(changedCuts(), 'mark')} ${changedCuts() === 1 ? 'is' : 'are'} not stored yet.`],
          [{ name: 'leave', words: 'Leave them', kind: 'danger-outline' }, { name: 'store', words: 'Store', kind: 'primary' }])
        if (answer === undefined) return
        if (answer === 'store' && !await storeCuts()) return
      }
      if (mode === 'view') return desk.view()
      if (mode === 'edit' && desk.config.hasDraft && desk.config.editors.length === 0) {
        const since = timeOf(desk.config.draft_since)
        const answer = await choose('There are unsaved changes', [
          `This revision was edited${since === '' ? '' : ` (${since})`} and not saved. Go on where that was left, or throw it away and begin with what is saved?`
        ], [{ name: 'discard', words: 'Discard …', kind: 'danger-outline' }, { name: 'resume', words: 'Resume editing', kind: 'primary' }])
        if (answer === 'discard') return discard()
        if (answer !== 'resume') return
      }
      desk.request(mode)
    }

    const changedCuts = () => marks === undefined ? 0 : [...marks].filter((cut) => !desk.cuts.has(cut)).length + [...desk.cuts].filter((cut) => !marks!.has(cut)).length

    async function storeCuts(): Promise<boolean> {
      const wanted = [...marks ?? []].sort((a, b) => a - b)
      try {
        await api.setCuts(wanted)
        desk.cuts = new Set(wanted)
        notice('Cuts stored')
        queue()
        return true
      } catch (error) {
        notice(wordsOf(error), 'failed')
        return false
      }
    }

    async function onSave(): Promise<void> {
      if (marks !== undefined) await storeCuts()
      else if (desk.whyNotSave === undefined) desk.save()
      else notice(desk.whyNotSave, desk.isDirty ? 'failed' : 'done')
    }

    /** The server takes the token no more. The page stays as it is, above all what was not sent; read on can who is nobody, too. */
    function onUnknown(end: TokenEnd): void {
      api.token = ''
      keepToken('')
      queue()
      if (end === 'expired') void signInAgain()
      else if (unsent() === 0) leave('Your token was revoked. Ask whoever runs the show for a new one.')
    }

    let isAsking = false
    async function signInAgain(): Promise<void> {
      if (isAsking) return
      isAsking = true
      const waiting = unsent()
      const another = await askForAnother({ id: link.userId, username: link.username },
        `The time of your token is over.${waiting === 0 ? '' : ` ${counted(waiting, 'edit')} of yours ${waiting === 1 ? 'waits' : 'wait'} in this page, and will be sent then.`} Everything stays as you have it.`)
      isAsking = false
      if (another === '' || signal.aborted) return
      keepToken(another)
      api.token = another
      link.renew()
    }

    const unsent = () => desk.room?.unsaved ?? 0

    function keepText(): void {
      if (desk.room === undefined) return
      const url = URL.createObjectURL(new Blob([scriptAsText(desk.room.script, new ShowNames(desk.show))], { type: 'text/plain' }))
      const name = `${(desk.show?.name ?? 'script').replace(/[^\p{L}\p{N}]+/gu, '-')}-not-sent.txt`
      make('a', { href: url, download: name }).click()
      // The browser has begun to read it by then.
      setTimeout(() => URL.revokeObjectURL(url), 60_000)
    }

    /** Never without a question while there is something that only this page has. */
    async function leaveWithout(why: string): Promise<void> {
      if (unsent() > 0) {
        const answer = await choose('Leave without your edits?', [`${counted(unsent(), 'edit')} of yours ${unsent() === 1 ? 'is' : 'are'} in this page alone, and will be gone.`],
          [{ name: 'leave', words: 'Leave without them', kind: 'danger-outline' }])
        if (answer !== 'leave') return
      }
      keepToken('')
      leave(why)
    }

    /** Edits of this person that have no document to come back into: their words, at least. */
    async function tellLost(unsaved: number, room: Room): Promise<void> {
      const area = make('textarea', { class: 'lost-text', readonly: true, rows: 8, 'aria-label': `Page ${view.page} as you had it` })
      area.value = pageAsText(room.script, view.page, new ShowNames(desk.show))
      await choose('The draft was discarded while you were away', [
        `${counted(unsaved, 'edit')} of yours had not reached the server, and what they were made in is gone: they cannot be put into the script of now. This is page ${view.page} as you had it, to copy from.`
      ], [], area)
    }

    // --- Pages

    function pageLimit(): number {
      return Math.max(1, view.lastPage + (desk.canType ? 1 : 0))
    }

    let shouldOpen = false
    function goTo(page: number, line?: number, open = false): void {
      shouldOpen = open
      const hash = `#/page/${Math.max(1, page)}${line === undefined ? '' : `/line/${line + 1}`}`
      if (location.hash === hash) showPage(true)
      else location.hash = hash
    }

    function showPage(isChosen = false): void {
      const { page, line } = readAddress()
      const source = desk.room?.hasDocument ? new SharedPages(desk.room) : saved
      view.show(source, page, isChosen && line !== undefined ? { line, open: shouldOpen } : undefined)
      if (isChosen && line === undefined) scrollTo(0, 0)
      shouldOpen = false
    }

    function showPanel(isOpen: boolean): void {
      if (isOpen) aside.dataset['open'] = ''
      else delete aside.dataset['open']
      panelButton.setAttribute('aria-expanded', String(isOpen))
      if (isOpen) aside.querySelector('button')?.focus()
    }

    // --- Showing

    let wasShared = false
    function update(): void {
      if (desk.mode === 'cuts' && desk.wish === 'cuts') marks ??= new Set(desk.cuts)
      else marks = undefined
      const isShared = desk.room?.hasDocument === true
      if (isShared !== wasShared) {
        wasShared = isShared
        showPage()
      }
      showHead()
      showBar()
      banners.update()
      people.update()
      revisions.update()
      showLive()
      view.update()
      setText(panelButton.querySelector('span')!, String(people.count))
      panelButton.title = `People (${people.count}) and revisions`
      panelButton.setAttribute('aria-label', panelButton.title)
    }

    function showHead(): void {
      const current = desk.revisions.revisions.find(({ id }) => id === desk.revisions.current)
      setText(part('show'), desk.show?.name ?? 'Script')
      document.title = `${desk.show?.name ?? 'Script'} · weft`
      setText(part('revision'), current === undefined ? '' : `Revision ${current.number}${current.description === '' ? '' : ` · ${current.description}`}`)
      const unsaved = desk.room?.unsaved ?? 0
      const [state, words] = desk.connection === 'open' ? unsaved > 0 ? ['sending', `Sending ${counted(unsaved, 'edit')}`] : ['there', 'Connected']
        : desk.connection === 'connecting' ? ['waiting', 'Connecting'] : desk.tokenEnd !== undefined ? ['gone', unsaved > 0 ? `Signed out · ${counted(unsaved, 'edit')} not sent` : 'Signed out'] : ['gone', unsaved > 0 ? `Offline · ${counted(unsaved, 'edit')} ${unsaved === 1 ? 'waits' : 'wait'}` : 'Offline']
      part('reach').dataset['state'] = state
      part('reach').dataset['unsaved'] = String(unsaved)
      setText(part('reach-word'), words!)
      part('who').hidden = !desk.isReady
      setText(part('who'), desk.link.userId === null ? 'Reading' : desk.link.username)
    }

    function showBar(): void {
      const reasons: string[] = []
      for (const element of modeButtons) {
        const mode = element.dataset['mode'] as 'view' | 'edit' | 'cuts'
        const why = mode === desk.mode ? undefined : !desk.isReady ? 'This page is still connecting.' : mode === 'edit' ? desk.whyNotEdit : mode === 'cuts' ? (desk.mode === 'edit' && desk.isDirty ? 'Save or discard the changes first: cuts are marked in what is saved.' : desk.whyNotCut) : desk.whyNotStop
        element.setAttribute('aria-pressed', String(desk.asked === undefined ? mode === desk.mode : mode === desk.asked))
        element.toggleAttribute('data-asked', desk.asked === mode)
        if (why === undefined) element.removeAttribute('aria-disabled')
        else {
          element.setAttribute('aria-disabled', 'true')
          if (!reasons.includes(why)) reasons.push(why)
        }
        element.title = why ?? ''
        element.setAttribute('aria-describedby', 'mode-why')
      }
      // The banner says it already when nothing can be changed at all.
      setText(modeWhy, desk.mode === 'view' && desk.connection === 'open' && desk.session === null ? reasons.join(' ') : '')
      const isEditing = desk.mode === 'edit'
      undo.hidden = redo.hidden = !isEditing
      const manager = desk.room?.script.undo
      undo.disabled = !desk.canType || (manager?.undoStack.length ?? 0) === 0
      redo.disabled = !desk.canType || (manager?.redoStack.length ?? 0) === 0
      save.hidden = !isEditing && marks === undefined
      if (marks !== undefined) {
        setText(save, 'Store cuts')
        save.disabled = changedCuts() === 0
        setText(saveState, changedCuts() === 0 ? counted(marks.size, 'cut') : `${counted(changedCuts(), 'mark')} to store`)
      } else {
        setText(save, 'Save')
        save.disabled = desk.whyNotSave !== undefined
        save.title = desk.whyNotSave ?? 'Ctrl S'
        const time = timeOf(desk.lastSavedAt || desk.room?.script.lastSavedAt)
        const unsaved = desk.room?.unsaved ?? 0
        // On phones this is the place that is always seen.
        setText(saveState, desk.tokenEnd !== undefined && unsaved > 0 ? `${counted(unsaved, 'edit')} not sent` : desk.connection === 'lost' && unsaved > 0 ? `Offline, ${counted(unsaved, 'edit')} ${unsaved === 1 ? 'waits' : 'wait'}` : desk.saving !== undefined ? desk.saving.total === 0 ? 'Saving …' : `Saving page ${desk.saving.page} of ${desk.saving.total}`
          : desk.room?.hasDocument !== true ? '' : desk.isDirty ? 'Unsaved changes' : time === '' ? 'All saved' : `Saved ${time}`)
        saveState.dataset['state'] = desk.saving !== undefined ? 'saving' : desk.isDirty ? 'dirty' : 'saved'
      }
      progress.hidden = desk.saving === undefined
      if (desk.saving !== undefined && desk.saving.total > 0) progress.value = desk.saving.page / desk.saving.total
      else progress.removeAttribute('value')
      previous.disabled = view.page <= 1
      next.disabled = view.page >= pageLimit()
      next.title = view.page >= view.lastPage && desk.canType ? 'New page' : 'Next page'
      if (document.activeElement !== pageInput) pageInput.value = String(view.page)
      setText(pageCount, view.page > view.lastPage && view.lastPage > 0 ? 'new' : `of ${Math.max(1, view.lastPage)}`)
    }

    let liveShown = ''
    function showLive(): void {
      const signature = JSON.stringify([desk.session, desk.user?.mayWrite, desk.connection, desk.isDirty])
      if (signature === liveShown) return
      liveShown = signature
      const mayWrite = desk.user?.mayWrite === true && desk.connection === 'open'
      fill(live, make('h2', { id: 'live-title' }, 'Live session'),
        make('p', { class: 'hint' }, desk.session !== null ? `Running${desk.session.since ? ` since ${timeOf(desk.session.since)}` : ''}. The script is frozen.` : 'While the show runs, the script is frozen for everybody.'),
        desk.user?.mayWrite === true && (desk.session !== null
          ? make('button', { type: 'button', class: 'button small', disabled: !mayWrite, onclick: () => void attempt('The live session is over', () => api.stopSession()) }, 'End the live session')
          : make('button', { type: 'button', class: 'button small', disabled: !mayWrite, onclick: () => void startLive() }, 'Start a live session …')))
    }

    async function startLive(): Promise<void> {
      await ask({
        title: 'Start a live session?',
        words: 'Nobody can change the script until the session ends. What is not saved stays as it is and can be saved afterwards.',
        action: 'Start the session', perform: () => api.startSession()
      })
    }

    // --- Keys of the whole page, and of the browser

    addEventListener('hashchange', () => showPage(true), { signal })
    addEventListener('online', () => link.hurry(), { signal })
    addEventListener('beforeunload', (event) => { if ((desk.room?.unsaved ?? 0) > 0 || changedCuts() > 0) event.preventDefault() }, { signal })
    addEventListener('keydown', (event) => {
      if (document.querySelector('dialog[open]') !== null) return
      const isControl = event.ctrlKey || event.metaKey
      const isField = event.target instanceof HTMLElement && event.target.matches('input, textarea, select')
      const key = event.key.toLowerCase()
      if (isControl && key === 's') void onSave()
      else if (isControl && !isField && key === 'z') {
        if (event.shiftKey) view.redo()
        else view.undo()
      } else if (isControl && !isField && key === 'y') view.redo()
      else if (event.altKey && key === 'pagedown') goTo(Math.min(view.page + 1, pageLimit()))
      else if (event.altKey && key === 'pageup') goTo(Math.max(1, view.page - 1))
      else if (key === 'escape' && aside.dataset['open'] !== undefined) showPanel(false)
      else if (key === 'escape' && view.close()) {}
      else if (!isField && !isControl && event.key === '?') showKeys()
      else return
      event.preventDefault()
    }, { signal })
    part('keys').onclick = showKeys
    part('sign-out').onclick = () => void leaveWithout('')

    showPage()
    update()
  })
}

function showKeys(): void {
  const keys: [string, string][] = [
    ['↑ ↓', 'to the line before or after'], ['Enter', 'edit the line'], ['Esc', 'close it'], ['N', 'a new line below'], ['Ctrl Enter', 'a new line below, while typing'],
    ['Alt ↑ ↓', 'move the line'], ['Delete', 'delete the line'], ['Space', 'mark a cut, in cuts mode'], ['Alt Page ↑ ↓', 'the page before or after'],
    ['Ctrl Z', 'undo what you did'], ['Ctrl Shift Z', 'do it again'], ['Ctrl S', 'save']
  ]
  void choose('Keyboard', [], [], make('dl', { class: 'keys' }, keys.map(([key, words]) => [make('dt', {}, key), make('dd', {}, words)])))
}

/** Resolves when there is a server that has a script; says what is wrong until then. */
async function reachServer(): Promise<void> {
  for (;;) {
    try {
      await new ScriptApi('').reach()
      return
    } catch (error) {
      fill(main, make('div', { class: 'empty-desk', role: 'alert' }, make('h2', {}, 'There is no script here'), make('p', {}, wordsOf(error))))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

async function run(): Promise<never> {
  let words = 'It is shown to everybody who may read it; to write in it, the server has to know you.'
  let token = givenToken()
  await reachServer()
  for (;;) {
    if (token === '') {
      token = await askForToken(main, words)
      keepToken(token)
    } else {
      try {
        await new ScriptApi(token).user()
      } catch (error) {
        if (error instanceof Refused && error.status === 401) {
          words = 'The server does not know this token, or its time is over.'
          token = ''
          keepToken('')
          continue
        }
      }
    }
    const why = await work(token)
    token = ''
    if (why !== '') words = why
  }
}

setUpTheme(part('theme'))
part('skip').addEventListener('click', (event) => {
  event.preventDefault()
  main.focus()
})
void run()
