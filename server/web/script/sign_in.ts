// Who this is: a token from the address (#token=…), which is taken out of it at once, from this tab, or from a form. Kept in
// sessionStorage: for this tab, until it is closed.

import { fill, make } from '../admin/elements'
import { readSetting, writeSetting } from '../src/settings.js'
import { Refused, ScriptApi } from './script_api'

const KEY = 'weft.script.token'

/** The token of the address, else that of this tab; '' without one. */
export function givenToken(): string {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash)
  if (found === null) return readSetting('sessionStorage', KEY)
  history.replaceState(null, '', location.pathname + location.search)
  const token = decode(found[1]!)
  keepToken(token)
  return token
}

export function keepToken(token: string): void {
  writeSetting('sessionStorage', KEY, token)
}

/** Shows the form in `host` and resolves to a token that the server took, or to '' for who only wants to read. */
export function askForToken(host: HTMLElement, words: string): Promise<string> {
  return new Promise((resolve) => {
    const failure = make('p', { class: 'failure', role: 'alert', id: 'sign-in-failure' })
    const input = make('input', {
      type: 'password', name: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false', 'aria-describedby': 'sign-in-failure'
    })
    const button = make('button', { type: 'submit', class: 'button primary' }, 'Sign in')
    const form = make('form', {
      class: 'card sign-in',
      onsubmit: async (event: Event) => {
        event.preventDefault()
        const token = input.value.trim()
        button.disabled = true
        failure.textContent = ''
        try {
          // A header holds printable ASCII alone, and so does every token.
          if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('This is no token: it has spaces, or signs that no token has.')
          await new ScriptApi(token).user()
          resolve(token)
        } catch (error) {
          failure.textContent = error instanceof Refused && error.status === 401
            ? 'The server does not know this token, or its time is over. Ask whoever runs the show for a new one.'
            : error instanceof Error ? error.message : String(error)
          input.setAttribute('aria-invalid', 'true')
          input.select()
        } finally {
          button.disabled = false
        }
      }
    },
    make('p', { class: 'sign-in-mark', 'aria-hidden': 'true' }, '❦'),
    make('h1', {}, 'Sign in to the script'),
    make('p', {}, words),
    make('label', { class: 'field' }, make('span', {}, 'Token'), input),
    failure,
    button,
    make('button', { type: 'button', class: 'button', onclick: () => resolve('') }, 'Read without signing in'),
    make('p', { class: 'hint' }, 'The token is kept for this tab only, until you close it.'))
    fill(host, form)
    input.focus()
  })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
