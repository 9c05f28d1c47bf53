// Who this is: a token from the address (#token=…), which is taken out of it at once, from this tab, or from a form; and from a
// dialog over the open page, when the time of a token is over. Kept in sessionStorage: for this tab, until it is closed.

import { fill, make } from '../admin/elements'
import { readSetting, writeSetting } from '../src/settings.js'
import { ask } from '../admin/dialog'
import { tokenIn } from '../admin/token'
import { Refused, ScriptApi, type User } from './script_api'

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

/** Whose token this is; throws in words when it is none that the server takes. */
async function ownerOf(token: string): Promise<User> {
  try {
    return (await new ScriptApi(token).user())!
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error
    throw new Error('The server does not know this token, or its time is over. Ask whoever runs the show for a new one.')
  }
}

/** Asks for another token of the same person over the open page; '' when they closed the dialog without one. */
export async function askForAnother(self: { id: number | null, username: string }, words: string): Promise<string> {
  let found = ''
  await ask({
    title: 'Sign in again', words, action: 'Sign in',
    fields: [{ label: 'Token', name: 'token', required: true, isSecret: true, hint: 'It is kept for this tab only, until you close it.' }],
    perform: async ({ token }) => {
      const given = tokenIn(token!)
      const owner = await ownerOf(given)
      if (self.id !== null && owner.id !== self.id) {
        throw new Error(`This is the token of ${owner.username}, and this page is that of ${self.username}. To go on as somebody else, sign out first.`)
      }
      found = given
    }
  })
  return found
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
        button.disabled = true
        failure.textContent = ''
        try {
          const token = tokenIn(input.value)
          await ownerOf(token)
          resolve(token)
        } catch (error) {
          failure.textContent = error instanceof Error ? error.message : String(error)
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
