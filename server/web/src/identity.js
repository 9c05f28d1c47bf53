// Who I am: the name and the colour that others see.
//
// A name that was typed is kept in localStorage for all rooms of this browser. Before that every tab has a made-up name
// of its own (kept for the tab's life), so that two windows of one browser can be told apart. The colour belongs to the
// page: it gives way when someone already here has the same.

import { PALETTE, cleanName, participantFrom } from './participant.js'
import { readSetting, writeSetting } from './settings.js'

const NAME_KEY = 'weft.name'
const FABRICS = ['Cotton', 'Linen', 'Velvet', 'Silk', 'Tweed', 'Denim', 'Flannel', 'Felt', 'Satin', 'Corduroy', 'Jersey', 'Canvas']
const ANIMALS = ['Otter', 'Heron', 'Fox', 'Wren', 'Badger', 'Lynx', 'Finch', 'Hare', 'Marten', 'Owl', 'Seal', 'Swift']

export class Identity {
  #awareness

  /** Announces this page's user on `awareness`. */
  constructor(awareness) {
    this.#awareness = awareness
    this.#announce(storedName('localStorage') || storedName('sessionStorage') || madeUpName(), anyOf(PALETTE))
  }

  get name() {
    return this.#awareness.getLocalState().user.name
  }

  /** Takes a new name and remembers it. An empty one is refused; returns the name in force. */
  rename(text) {
    const name = cleanName(text)
    if (name !== '' && name !== this.name) {
      writeSetting('localStorage', NAME_KEY, name)
      this.#announce(name, this.#awareness.getLocalState().user.color)
    }
    return this.name
  }

  /** Changes to a colour that nobody else here has, if mine is taken and one is free. */
  avoidTakenColor() {
    const taken = new Set()
    for (const [clientId, state] of this.#awareness.getStates()) {
      if (clientId !== this.#awareness.clientID) taken.add(participantFrom(clientId, state).color)
    }
    const free = PALETTE.filter((color) => !taken.has(color))
    if (taken.has(this.#awareness.getLocalState().user.color) && free.length > 0) this.#announce(this.name, anyOf(free))
  }

  /** Says again who is here. Peers ignore a state whose clock they know, as after a reconnection: this advances it. */
  repeat() {
    this.#awareness.setLocalState({ ...this.#awareness.getLocalState() })
  }

  #announce(name, color) {
    this.#awareness.setLocalStateField('user', { name, color, colorLight: `${color}33` })
  }
}

function madeUpName() {
  const name = `${anyOf(FABRICS)} ${anyOf(ANIMALS)}`
  writeSetting('sessionStorage', NAME_KEY, name)
  return name
}

function anyOf(list) {
  return list[Math.floor(Math.random() * list.length)]
}

function storedName(area) {
  return cleanName(readSetting(area, NAME_KEY))
}
