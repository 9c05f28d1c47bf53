// The form that asks for the token. It is kept in sessionStorage: for this tab, until it is closed.

import { Api, ApiProblem, inWords } from './api'
import { fill, make } from './elements'
import { tokenIn } from './token'

const KEY = 'weft.admin.token'

export function storedToken(): string {
  try {
    return sessionStorage.getItem(KEY) ?? ''
  } catch {
    return ''
  }
}

export function storeToken(token: string): void {
  try {
    if (token === '') sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
  } catch {
    // Then it lasts as long as the page.
  }
}

/** Shows the form in `host` and resolves to a token that the server took; `words` say why it is asked for. */
export function askForToken(host: HTMLElement, words: string): Promise<string> {
  return new Promise((resolve) => {
    const failure = make('p', { class: 'failure', role: 'alert', id: 'sign-in-failure' })
    const input = make('input', {
      type: 'password', name: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false',
      'aria-describedby': 'sign-in-failure sign-in-words'
    })
    const button = make('button', { type: 'submit', class: 'button primary' }, 'Sign in')
    const form = make('form', {
      class: 'card sign-in',
      onsubmit: async (event: Event) => {
        event.preventDefault()
        button.disabled = true
        failure.textContent = ''
        try {
          const token = tokenIn(input.value)
          await new Api(token).enter()
          resolve(token)
        } catch (error) {
          // Where everybody may write, a wrong token is one of anybody, and answered with 403.
          failure.textContent = error instanceof ApiProblem && (error.status === 401 || error.status === 403)
            ? 'This is not the token of an administrator. Check it for missing characters, or ask who runs the server for the one in --admin-token-file.'
            : inWords(error)
          input.setAttribute('aria-invalid', 'true')
          input.select()
          input.focus()
        } finally {
          button.disabled = false
        }
      }
    },
    make('h1', {}, 'Admin token'),
    make('p', { id: 'sign-in-words' }, words),
    make('label', { class: 'field' }, make('span', {}, 'Token'), input),
    failure,
    button,
    make('p', { class: 'hint' }, 'The password in the server’s --admin-token-file, or a signed token with the role admin in every room. It is kept for this tab only, until you close it.'))
    fill(host, form)
    input.focus()
  })
}
