// What differs between two texts that follow each other, and where a place in a text is after somebody else's change. Plain
// functions of strings: lengths are those of JavaScript, in UTF-16 code units, and no half of a surrogate pair is cut off.

/** At `at`, `removed` units are taken out and `inserted` is put in. */
export interface Change {
  at: number
  removed: number
  inserted: string
}

/** A change as Yjs tells it. */
export type Delta = readonly { retain?: number, insert?: unknown, delete?: number }[]

/**
 * The smallest change that makes `after` of `before`; undefined when there is none. `caret`, where the caret is in `after`,
 * decides between equal ones: who types a second "l" after the first one inserted that one.
 */
export function changeBetween(before: string, after: string, caret = after.length): Change | undefined {
  if (before === after) return undefined
  const shorter = Math.min(before.length, after.length)
  let back = 0
  const most = Math.min(shorter, after.length - Math.min(caret, after.length))
  while (back < most && before[before.length - 1 - back] === after[after.length - 1 - back]) ++back
  let front = 0
  while (front < shorter - back && before[front] === after[front]) ++front
  while (back < shorter - front && before[before.length - 1 - back] === after[after.length - 1 - back]) ++back
  if (front > 0 && isHigh(before.charCodeAt(front - 1)) && (isLow(before.charCodeAt(front)) || isLow(after.charCodeAt(front)))) --front
  if (back > 0 && isLow(before.charCodeAt(before.length - back)) &&
      (isHigh(before.charCodeAt(before.length - back - 1)) || isHigh(after.charCodeAt(after.length - back - 1)))) --back
  return { at: front, removed: before.length - front - back, inserted: after.slice(front, after.length - back) }
}

/** Where `place` is after `delta`. What is put in at the place itself comes behind it, unless `pushed`. */
export function placeAfter(place: number, delta: Delta, pushed = false): number {
  let old = 0
  let moved = place
  for (const step of delta) {
    if (old > place) break
    if (step.retain !== undefined) old += step.retain
    else if (step.delete !== undefined) {
      moved -= Math.min(step.delete, Math.max(0, place - old))
      old += step.delete
    } else if (old < place || pushed) {
      moved += typeof step.insert === 'string' ? step.insert.length : 1
    }
  }
  return moved
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff
