// Editors that type on and on, until told to stop.

import { setTimeout as pause } from 'node:timers/promises'
import { editSomewhere } from './random_edits.mjs'

const kLongestPauseMs = 4
const kMostEdits = 300

/**
 * Lets `editors` type at random places, each at its own pace, connected or not, until it is disposed of or
 * everybody has made `kMostEdits` edits.
 */
export class Typing {
  #goesOn = true
  #typists

  constructor(editors, random) {
    this.#typists = Promise.all(editors.map((editor) => this.#type(editor, random)))
  }

  async #type(editor, random) {
    for (let edit = 0; edit < kMostEdits && this.#goesOn; ++edit) {
      editSomewhere(editor.doc, random)
      await pause(random.integer(0, kLongestPauseMs))
    }
  }

  /** Resolves when the last one has stopped. */
  dispose() {
    this.#goesOn = false
    return this.#typists
  }
}

/** Resolves when `reader` has received `count` more updates from its room. */
export function receives(reader, count) {
  return new Promise((resolve) => {
    const onUpdate = (_update, origin) => {
      if (origin !== reader.provider || --count > 0) return
      reader.doc.off('update', onUpdate)
      resolve()
    }
    reader.doc.on('update', onUpdate)
  })
}
