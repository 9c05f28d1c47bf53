// Waiting for something to become true, with a deadline.

import { setTimeout as pause } from 'node:timers/promises'

const DEADLINE_MS = 30_000
const POLL_MS = 20

/**
 * Resolves with the first truthy value of `condition()`. What it throws is thrown on. Past the deadline it fails, saying
 * `what` was awaited and, if `describe` is given, what was there instead.
 */
export async function until(what, condition, describe) {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) {
      const found = describe ? `; found: ${await describe()}` : ''
      throw new Error(`waited ${DEADLINE_MS / 1000} s for this: ${what}${found}`)
    }
    await pause(POLL_MS)
  }
}
