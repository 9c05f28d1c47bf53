// What changed between two moments of a root.
//
// Of a text it is exact, not guessed from its characters: each character has an id, so it is known which were there at
// both moments and who wrote the new ones. What is shown otherwise (XML, values) is compared line by line.

import * as Y from 'yjs'
import type { Root } from './document'
import { openDocument, rootsOf, textOf } from './document'

export interface Piece { text: string, change: 'kept' | 'inserted' | 'deleted', client?: number }
export interface Difference { pieces: Piece[], exact: boolean }

/** Past this many edited lines the rest is shown as deleted and inserted anew. */
const MAX_EDITS = 500

export function differenceOf(earlier: Uint8Array, later: Uint8Array, name: string): Difference {
  const [before, after] = [openDocument(earlier), openDocument(later)]
  const [old, young] = [find(before, name), find(after, name)]
  const isText = [old, young].every((root) => root === undefined || root.kind === 'text' || root.kind === 'empty')
  if (isText) return { pieces: textPieces(before, after, openDocument(earlier, later), name), exact: true }
  const lines = (root: Root | undefined) => root === undefined || textOf(root) === '' ? [] : textOf(root).split('\n')
  return { pieces: linePieces(lines(old), lines(young)), exact: false }
}

function find(doc: Y.Doc, name: string): Root | undefined {
  return rootsOf(doc).find((root) => root.name === name)
}

/**
 * `both` has what either moment has: the earlier one still holds the content of what was deleted since, whatever the
 * server dropped of it afterwards.
 */
function textPieces(before: Y.Doc, after: Y.Doc, both: Y.Doc, name: string): Piece[] {
  const delta = both.getText(name).toDelta(Y.snapshot(after), Y.snapshot(before), (action: string, id: Y.ID) => ({ action, client: id.client }))
  const pieces: Piece[] = []
  for (const { insert, attributes } of delta) {
    const made = attributes?.ychange as { action: string, client: number } | undefined
    const text = typeof insert === 'string' ? insert : '\ufffc'
    const piece: Piece = made === undefined ? { text, change: 'kept' }
      : { text, change: made.action === 'removed' ? 'deleted' : 'inserted', client: made.client }
    const last = pieces.at(-1)
    if (last !== undefined && last.change === piece.change && last.client === piece.client) last.text += text
    else pieces.push(piece)
  }
  return pieces
}

/** Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), the greedy algorithm. */
export function linePieces(old: string[], young: string[]): Piece[] {
  let head = 0
  while (head < old.length && head < young.length && old[head] === young[head]) head += 1
  let tail = 0
  while (tail < old.length - head && tail < young.length - head && old.at(-1 - tail) === young.at(-1 - tail)) tail += 1
  const [a, b] = [old.slice(head, old.length - tail), young.slice(head, young.length - tail)]
  const pieces: Piece[] = []
  const add = (line: string, change: Piece['change']) => pieces.push({ text: `${line}\n`, change })
  for (const line of old.slice(0, head)) add(line, 'kept')
  for (const [line, change] of middle(a, b)) add(line, change)
  for (const line of old.slice(old.length - tail)) add(line, 'kept')
  return pieces
}

function middle(a: string[], b: string[]): [string, Piece['change']][] {
  // furthest.get(k): the furthest x on the diagonal x - y = k; one map for each number of edits.
  const steps: Map<number, number>[] = []
  let furthest = new Map<number, number>([[1, 0]])
  for (let edits = 0; edits <= Math.min(a.length + b.length, MAX_EDITS); edits += 1) {
    steps.push(new Map(furthest))
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
      let x = down ? furthest.get(k + 1) ?? 0 : (furthest.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1
      furthest.set(k, x)
      if (x >= a.length && x - k >= b.length) return trace(a, b, steps)
    }
  }
  return [...a.map((line) => [line, 'deleted'] as [string, 'deleted']), ...b.map((line) => [line, 'inserted'] as [string, 'inserted'])]
}

function trace(a: string[], b: string[], steps: Map<number, number>[]): [string, Piece['change']][] {
  const lines: [string, Piece['change']][] = []
  let [x, y] = [a.length, b.length]
  for (let edits = steps.length - 1; edits >= 0; edits -= 1) {
    const furthest = steps[edits]!
    const k = x - y
    const down = k === -edits || (k !== edits && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1))
    const fromX = furthest.get(down ? k + 1 : k - 1) ?? 0
    const fromY = fromX - (down ? k + 1 : k - 1)
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0) && x > 0 && y > 0 && a[x - 1] === b[y - 1]) {
      lines.push([a[x - 1]!, 'kept'])
      x -= 1
      y -= 1
    }
    if (edits === 0) break
    if (down) lines.push([b[--y]!, 'inserted'])
    else lines.push([a[--x]!, 'deleted'])
  }
  return lines.reverse()
}
