// One line of the script as it stands on the paper: who speaks and what, a direction, a cue line, a space; who is at it, and
// what is cut.

import { append, fill, icon, ICONS, make, type Child } from '../admin/elements'
import { colourOf } from './colour'
import { LineType, type LineView, type PartView } from './script_document'
import type { ShowNames } from './show_names'

/** Somebody else at a line. */
export interface Visitor { user: number | null, name: string }

export interface LineContext {
  names: ShowNames
  visitors: Visitor[]
  /** Labels of the cues at this line. */
  cues: string[]
  isCut: (part: PartView) => boolean
  /** Set where cuts can be marked: called with the part. */
  onCut: ((part: PartView) => void) | undefined
  /** What a save found wrong with it. */
  problems: string[]
  /** Act and scene where they begin. */
  heading: { act: string, scene: string } | undefined
}

export const SCRIPT_ICONS = {
  ...ICONS,
  plus: 'M10 4.500v11M4.500 10h11',
  up: 'M10 15.500v-11M5.500 9 10 4.500 14.500 9',
  down: 'M10 4.500v11M5.500 11l4.500 4.500 4.500-4.500',
  close: 'M5.500 5.500l9 9M14.500 5.500l-9 9',
  undo: 'M7.500 4 3.500 8l4 4M4 8h7.500a4.500 4.500 0 0 1 0 9H8',
  redo: 'M12.500 4l4 4-4 4M16 8H8.500a4.500 4.500 0 0 0 0 9H12',
  people: 'M7 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6M1.500 16.500c0-3 2.500-4.500 5.500-4.500s5.500 1.500 5.500 4.500M13.500 4a2.750 2.750 0 0 1 0 5.250M15 12.250c2 .5 3.500 1.750 3.500 4.250',
  tree: 'M6 4.500v11M6 10h5.500a2.500 2.500 0 0 0 2.500-2.500V7M6 6.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4M6 17.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4M14 7a2 2 0 1 0 0-4 2 2 0 0 0 0 4',
  keyboard: 'M2.500 5.500h15v9h-15zM5.500 8.500h.01M8.500 8.500h.01M11.500 8.500h.01M14.500 8.500h.01M6.500 11.750h7',
  cut: 'M6 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4M6 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4M7.500 7.250 16.500 14M7.500 12.750 16.500 6',
  live: 'M10 11.500a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3M6.500 13.500a5 5 0 0 1 0-7M13.500 6.500a5 5 0 0 1 0 7M4 16a8.500 8.500 0 0 1 0-12M16 4a8.500 8.500 0 0 1 0 12',
  pencil: 'M4 16l1-4 8-8 3 3-8 8zM11.500 5.500l3 3'
}

const TYPE_CLASSES: Record<number, string> = {
  [LineType.dialogue]: 'dialogue', [LineType.direction]: 'direction', [LineType.cue]: 'cue', [LineType.spacing]: 'spacing'
}

/** Puts into `element` what the line shows. The element itself carries its state. */
export function showLine(element: HTMLElement, line: LineView, context: LineContext): void {
  element.className = `line ${TYPE_CLASSES[line.type] ?? 'untyped'}`
  element.setAttribute('aria-label', labelOf(line, context))
  element.toggleAttribute('data-problem', context.problems.length > 0)
  markVisitors(element, context.visitors)
  fill(element,
    context.heading !== undefined && headingOf(context.heading),
    make('div', { class: 'line-body' }, bodyOf(line, context)),
    badgesOf(context.visitors),
    context.cues.length > 0 && line.type !== LineType.cue && make('p', { class: 'line-cues' }, cueChips(context.cues)),
    context.problems.map((words) => make('p', { class: 'line-problem' }, icon(ICONS.warning), words)))
}

export function markVisitors(element: HTMLElement, visitors: Visitor[]): void {
  const first = visitors[0]
  element.toggleAttribute('data-visited', first !== undefined)
  if (first === undefined) element.style.removeProperty('--who')
  else element.style.setProperty('--who', colourOf(first.user).paint)
}

export function badgesOf(visitors: Visitor[]): Child {
  return visitors.length > 0 && make('p', { class: 'badges' }, visitors.map(({ user, name }) => {
    const { paint, ink } = colourOf(user)
    const badge = make('span', { class: 'badge', 'data-testid': 'badge' }, name)
    badge.style.setProperty('background', paint)
    badge.style.setProperty('color', ink)
    return badge
  }))
}

export function headingOf({ act, scene }: { act: string, scene: string }): HTMLElement {
  return make('p', { class: 'heading' }, act !== '' && make('span', { class: 'heading-act' }, act), scene !== '' && make('span', { class: 'heading-scene' }, scene))
}

function labelOf(line: LineView, { names, visitors, problems, isCut }: LineContext): string {
  const cut = line.parts.some(isCut) ? ' Cut.' : ''
  const here = visitors.length > 0 ? ` ${visitors.map(({ name }) => name).join(', ')} here.` : ''
  return `${names.describe(line)}.${cut}${here}${problems.length > 0 ? ` ${problems.join('; ')}.` : ''}`
}

function cueChips(cues: string[]): HTMLElement[] {
  return cues.map((label) => make('span', { class: 'cue-chip' }, label))
}

function bodyOf(line: LineView, context: LineContext): Child {
  switch (line.type) {
    case LineType.dialogue: return dialogueOf(line, context)
    case LineType.direction: return directionOf(line, context)
    case LineType.cue:
      return [make('span', { class: 'cue-word' }, 'Cue'), context.cues.length > 0 && cueChips(context.cues), make('span', { class: 'cue-rule', 'aria-hidden': 'true' })]
    case LineType.spacing: return make('span', { class: 'visually-hidden' }, 'Space')
  }
  return make('span', { class: 'untyped-word' }, 'A line without a type')
}

function dialogueOf(line: LineView, context: LineContext): Child {
  const parts = line.parts.map((part) => {
    const speaker = context.names.speaker(part)
    return make('div', { class: part.group !== 0 ? 'part of-group' : 'part' },
      make('span', { class: speaker === '' ? 'speaker nobody' : 'speaker' }, speaker === '' ? 'Nobody' : speaker),
      words(part, context, 'No words yet'))
  })
  return make('div', { class: parts.length > 1 ? 'parts together' : 'parts' }, parts.length === 0 ? make('span', { class: 'nothing' }, 'No part yet') : parts)
}

function directionOf(line: LineView, context: LineContext): Child {
  const style = context.names.style(line.style)
  return make('div', { class: 'direction-body', 'data-style': style.toLowerCase() },
    line.parts.map((part) => words(part, context, 'No direction yet')))
}

/** The words of a part: with a mark to press where cuts are marked. */
function words(part: PartView, { isCut, onCut }: LineContext, none: string): HTMLElement {
  const cut = isCut(part)
  const spoken = part.text === '' ? make('span', { class: 'nothing' }, none) : part.text
  const body = cut ? make('s', { class: 'words' }) : make('span', { class: 'words' })
  append(body, spoken)
  if (onCut === undefined) return body
  return make('label', { class: 'cutting' },
    make('input', { type: 'checkbox', checked: cut, 'aria-label': `Cut: ${part.text.slice(0, 80) || none}`, onchange: () => onCut(part) }), body)
}
