// Which room the page shows, and the links that lead to it.
//
// The room is named by the address: `/#name`, or `/?room=name`; the fragment wins because it can change without a
// reload. A name is any text; in addresses it is percent-encoded.

export const DEFAULT_ROOM = 'welcome'

/** The name of the room that `location` (a `Location` or a `URL`) asks for. */
export function roomFrom(location) {
  const fromHash = decoded(location.hash.slice(1))
  const fromQuery = new URLSearchParams(location.search).get('room') ?? ''
  const name = fromHash.trim() || fromQuery.trim()
  // As a path segment "." and ".." name folders, even percent-encoded: no such room can be reached.
  return name === '' || name === '.' || name === '..' ? DEFAULT_ROOM : name
}

/** The address to hand to others. */
export function invitationLink(location, room) {
  return `${location.origin}${location.pathname}#${encodeURIComponent(room)}`
}

/** The WebSocket origin of the server that sent this page, as y-websocket wants it. */
export function socketOrigin(location) {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}`
}

/** A name that nobody is likely to use: three short words' worth of randomness, easy to read aloud. */
export function freshRoomName() {
  const letters = crypto.getRandomValues(new Uint8Array(9))
  const syllables = Array.from({ length: 3 }, (_, i) =>
    pick('bdfgklmnprstvz', letters[3 * i]) + pick('aeiou', letters[3 * i + 1]) + pick('lmnrst', letters[3 * i + 2]))
  return syllables.join('-')
}

function pick(alphabet, byte) {
  return alphabet[byte % alphabet.length]
}

function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a stray percent sign: take the name as it was written
  }
}
