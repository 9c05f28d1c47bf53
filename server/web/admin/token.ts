// What was typed or pasted as a token, on any page that asks for one.

/** The token in `text`; throws in words when it cannot be one. */
export function tokenIn(text: string): string {
  const token = text.trim()
  // A header holds printable ASCII alone, and so does every token.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('This is no token: it has spaces, or signs that no token has.')
  return token
}
