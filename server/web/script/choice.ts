// A question with several answers. The browser's own <dialog> keeps the focus inside, closes with Esc and gives the focus back.

import { make } from '../admin/elements'

export interface Answer<Name extends string> { name: Name, words: string, kind?: 'primary' | 'danger-outline' }

let asked = 0

/** Resolves to the name of the answer; undefined when the dialog was closed without one. */
export function choose<Name extends string>(title: string, words: string[], answers: Answer<Name>[], more?: HTMLElement): Promise<Name | undefined> {
  const id = `choice-${(asked += 1)}`
  return new Promise((resolve) => {
    let chosen: Name | undefined
    const buttons = answers.map(({ name, words: label, kind }) => make('button', {
      type: 'button', class: `button ${kind ?? ''}`,
      onclick: () => {
        chosen = name
        dialog.close()
      }
    }, label))
    const dialog = make('dialog', { class: 'dialog', 'aria-labelledby': id }, make('div', { class: 'dialog-body' },
      make('h2', { id }, title), words.map((paragraph) => make('p', {}, paragraph)), more,
      make('div', { class: 'dialog-actions' }, make('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, answers.length === 0 ? 'Close' : 'Cancel'), buttons)))
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(chosen)
    })
    document.body.append(dialog)
    dialog.showModal()
    ;(buttons.find((button) => button.classList.contains('primary')) ?? dialog.querySelector('button'))?.focus()
  })
}
