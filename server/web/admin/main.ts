// Puts the page together: the token, the view that the address names, and whether the server is there.

// Plain JavaScript, shared with the demo page.
import { setUpTheme } from '../src/theme.js'
import { Api, ApiProblem, inWords } from './api'
import { fill, make, setText } from './elements'
import { liveView } from './live_view'
import { Monitor, SAMPLE_MS } from './metrics'
import type { Page } from './page'
import { repeat } from './page'
import { roomView } from './room_view'
import { roomsView } from './rooms_view'
import { askForToken, storedToken, storeToken } from './sign_in'

const RETRY_MS = 2_000
const NOTICE_MS = 6_000

const part = (id: string) => document.getElementById(id)!
const main = part('main')

function showReach(reached: boolean): void {
  const reach = part('reach')
  reach.hidden = false
  reach.dataset['state'] = reached ? 'there' : 'gone'
  setText(part('reach-word'), reached ? 'Connected' : 'Server gone, trying again')
}

function notice(words: string, kind: 'done' | 'failed' = 'done'): void {
  const note = make('p', { class: `notice ${kind}` }, words)
  part('notices').append(note)
  setTimeout(() => note.remove(), NOTICE_MS)
}

/** Shows the view of the address until it changes. */
function route(page: Page, signal: AbortSignal): void {
  let shown = new AbortController()
  let isFirst = true
  const show = () => {
    shown.abort()
    shown = new AbortController()
    const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?')
    const [view, ...rest] = path.split('/').map(decode)
    const parameters = new URLSearchParams(query)
    main.replaceChildren()
    for (const link of document.querySelectorAll<HTMLAnchorElement>('#nav a')) {
      const isCurrent = link.dataset['view'] === (view === 'live' ? 'live' : 'rooms')
      if (isCurrent) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
    if (view === 'live') liveView(main, page, shown.signal)
    else if (view === 'rooms' && rest[0] !== undefined && rest[0] !== '') {
      roomView(rest[0], rest[1] ?? 'members', parameters)(main, page, shown.signal)
    } else roomsView(parameters)(main, page, shown.signal)
    document.title = `${main.querySelector('h1')?.textContent ?? 'Admin'} · weft admin`
    // Who moves with the keyboard goes on from the new view.
    if (!isFirst) {
      scrollTo(0, 0)
      if (!main.contains(document.activeElement)) main.focus({ preventScroll: true })
    }
    isFirst = false
  }
  addEventListener('hashchange', show, { signal })
  signal.addEventListener('abort', () => shown.abort())
  show()
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Resolves to a token that may see everything: none, where the server asks for none, the stored one, or a new one. */
async function enter(): Promise<string> {
  let words = 'This page shows and changes every room of the server, so it asks for the token of an administrator.'
  for (;;) {
    const token = storedToken()
    try {
      await new Api(token).enter()
      return token
    } catch (error) {
      if (error instanceof ApiProblem && (error.status === 401 || error.status === 403)) {
        if (token !== '') words = error.message
        storeToken('')
        const given = await askForToken(main, words)
        storeToken(given)
        return given
      }
      showReach(false)
      fill(main, make('div', { class: 'empty' }, make('p', { class: 'empty-title' }, 'The server does not answer'), make('p', {}, inWords(error))))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

async function run(): Promise<never> {
  for (;;) {
    const token = await enter()
    const signedIn = new AbortController()
    const api = new Api(token)
    const left = new Promise<void>((resolve) => {
      api.onRefused = resolve
      part('sign-out').onclick = () => {
        storeToken('')
        resolve()
      }
    })
    api.onReached = showReach
    const monitor = new Monitor()
    part('nav').hidden = false
    part('sign-out').hidden = token === ''
    const { signal } = signedIn
    repeat(SAMPLE_MS, signal, () => monitor.sample(api, signal))
    route({ api, monitor, notice }, signal)
    await left
    signedIn.abort()
    part('nav').hidden = true
    part('sign-out').hidden = true
    part('reach').hidden = true
    main.replaceChildren()
  }
}

setUpTheme(part('theme'))
part('skip').addEventListener('click', (event) => {
  event.preventDefault()
  main.focus()
})
void run()
