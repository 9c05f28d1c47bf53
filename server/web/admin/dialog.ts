// Questions that are asked before something is done. The browser's own <dialog> keeps the focus inside, closes with Esc
// and gives the focus back.

import { inWords } from './api'
import { make } from './elements'

export interface Question {
  title: string
  words: string
  /** Of the button that does it. */
  action: string
  danger?: boolean
  fields?: { label: string, value?: string, name: string, hint?: string, required?: boolean, isSecret?: boolean }[]
  /** A text that has to be typed before it can be done. */
  confirmation?: string
  /** Does it; what it throws is shown, and the dialog stays. */
  perform: (answers: Record<string, string>) => Promise<unknown>
}

let asked = 0

/** Resolves when the dialog is gone: to whether it was done. */
export function ask(question: Question): Promise<boolean> {
  const id = `question-${(asked += 1)}`
  const inputs = (question.fields ?? []).map((field) => make('input', {
    name: field.name, value: field.value ?? '', required: field.required === true, spellcheck: 'false',
    ...(field.isSecret === true ? { type: 'password', autocomplete: 'current-password' } : { type: 'text', autocomplete: 'off', maxlength: 200 })
  }))
  const typed = question.confirmation === undefined ? null
    : make('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', 'data-testid': 'confirmation' })
  const failure = make('p', { class: 'failure', role: 'alert' })
  const submit = make('button', { type: 'submit', class: question.danger ? 'button danger' : 'button primary' }, question.action)
  const mayGo = () => typed === null || typed.value === question.confirmation
  const show = () => { submit.disabled = !mayGo() }
  typed?.addEventListener('input', show)
  show()

  return new Promise((resolve) => {
    let done = false
    const form = make('form', {
      onsubmit: async (event: Event) => {
        event.preventDefault()
        if (!mayGo()) return
        submit.disabled = true
        failure.textContent = ''
        try {
          await question.perform(Object.fromEntries(inputs.map((input) => [input.name, input.value])))
          done = true
          dialog.close()
        } catch (error) {
          failure.textContent = inWords(error)
          show()
        }
      }
    },
    make('h2', { id }, question.title),
    make('p', {}, question.words),
    inputs.map((input, i) => {
      const field = question.fields![i]!
      return make('label', { class: 'field' }, make('span', {}, field.label), input, field.hint !== undefined && make('span', { class: 'hint' }, field.hint))
    }),
    typed !== null && make('label', { class: 'field' }, make('span', {}, 'Type ', make('bdi', { class: 'to-type' }, question.confirmation ?? ''), ' to confirm'), typed),
    failure,
    make('div', { class: 'dialog-actions' },
      make('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, 'Cancel'), submit))
    const dialog = make('dialog', { 'aria-labelledby': id, class: 'dialog' }, form)
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(done)
    })
    document.body.append(dialog)
    dialog.showModal()
    const first = inputs[0] ?? typed ?? form.querySelector<HTMLElement>('.dialog-actions button')
    first?.focus()
  })
}
