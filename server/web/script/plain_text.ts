// Lines as plain text: for edits that the server will not take, so that whoever made them keeps their words.

import { LineType, type LineView, type ScriptDocument } from './script_document'
import type { ShowNames } from './show_names'

/** One line of the script, whole. */
export function lineAsText(line: LineView, names: ShowNames): string {
  if (line.type === LineType.cue) return '[Cue line]'
  if (line.type === LineType.direction) return `(${line.parts.map(({ text }) => text).join(' ')})`
  return line.parts.map((part) => {
    const speaker = names.speaker(part)
    return speaker === '' ? part.text : `${speaker}: ${part.text}`
  }).join('\n')
}

export function pageAsText(script: ScriptDocument, page: number, names: ShowNames): string {
  return script.linesOf(page).map((line) => lineAsText(line, names)).join('\n')
}

export function scriptAsText(script: ScriptDocument, names: ShowNames): string {
  return script.pageNumbers().map((page) => `Page ${page}\n\n${pageAsText(script, page, names)}\n`).join('\n')
}
