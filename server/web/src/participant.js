// A person in the room as others announce them, read from their awareness state.
//
// The state comes from the network, so nothing in it is trusted: a name is short plain text, a colour is `#rrggbb`.
// The shape `{ user: { name, color, colorLight } }` is the one other Yjs editors use.

/** Colours of people. Only the hue is used on screen: app.css gives it the lightness that the theme needs. */
export const PALETTE = ['#4f46c8', '#0f7c7c', '#b4451f', '#93309c', '#2f7d32', '#946200', '#b8285a', '#1769b8']

export const MAX_NAME_LENGTH = 40

/** What `state` tells of the client: `{ clientId, name, color }`, always presentable. */
export function participantFrom(clientId, state) {
  const user = state?.user ?? {}
  return { clientId, name: cleanName(user.name) || 'Guest', color: cleanColor(user.color, clientId) }
}

/** `name` on one line, without outer blanks, at most MAX_NAME_LENGTH characters; empty when it is no text. */
export function cleanName(name) {
  if (typeof name !== 'string') return ''
  return [...name.replace(/\s+/g, ' ').trim()].slice(0, MAX_NAME_LENGTH).join('').trim()
}

/** One or two letters for `name`. */
export function initials(name) {
  const words = name.split(' ').filter(Boolean)
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words
  return chosen.map((word) => [...word][0].toLocaleUpperCase()).join('')
}

function cleanColor(color, clientId) {
  return typeof color === 'string' && /^#[0-9a-f]{6}$/i.test(color) ? color : PALETTE[clientId % PALETTE.length]
}
