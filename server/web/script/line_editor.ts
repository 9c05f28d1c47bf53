// One line that is being edited, in its place on the paper: its type, act, scene and style, its parts with who speaks and what.
// Every change is an edit of the shared document at once; what others do to the same line appears here.

import { fill, icon, make, setText } from '../admin/elements'
import type { LineTypeNumber, LineView, ScriptDocument } from './script_document'
import { LineType } from './script_document'
import { SCRIPT_ICONS, type Visitor, badgesOf, markVisitors } from './line_view'
import { TYPE_NAMES, type ShowNames } from './show_names'
import { TextBinding } from './text_binding'

export interface LineActions {
  close: () => void
  insert: (where: 'above' | 'below') => void
  move: (step: -1 | 1) => void
  remove: () => void
  undo: () => void
  redo: () => void
}

export interface EditorContext {
  names: ShowNames
  visitors: Visitor[]
  problems: string[]
  canType: boolean
  whyNotMove: string | undefined
  isFirst: boolean
  isLast: boolean
}

export class LineEditor {
  private readonly typeButtons: HTMLButtonElement[]
  private readonly act: HTMLSelectElement
  private readonly scene: HTMLSelectElement
  private readonly style: HTMLSelectElement
  private readonly styleField: HTMLElement
  private readonly partsHost = make('div', { class: 'edit-parts' })
  private readonly badgeHost = make('div', { class: 'edit-badges' })
  private readonly problemHost = make('div', {})
  private readonly addPart: HTMLButtonElement
  private readonly moveUp: HTMLButtonElement
  private readonly moveDown: HTMLButtonElement
  private readonly moveWhy = make('span', { class: 'hint' })
  private parts: { id: string, speaker: HTMLSelectElement | undefined, area: HTMLTextAreaElement, binding: TextBinding, remove: HTMLButtonElement | undefined }[] = []
  private shape = ''
  private line: LineView
  private context: EditorContext

  constructor(private readonly element: HTMLElement, private readonly script: ScriptDocument, line: LineView, context: EditorContext, private readonly actions: LineActions) {
    this.line = line
    this.context = context
    this.typeButtons = [LineType.dialogue, LineType.direction, LineType.cue, LineType.spacing].map((type) => make('button', {
      type: 'button', class: 'segment', 'data-type': type, onclick: () => this.script.setType(this.line.id, type as LineTypeNumber)
    }, TYPE_NAMES[type] ?? ''))
    this.act = this.select('Act', (value) => this.script.setAct(this.line.id, value))
    this.scene = this.select('Scene', (value) => this.script.setScene(this.line.id, value, this.context.names.actOfScene(value)))
    this.style = this.select('Style', (value) => this.script.setStyle(this.line.id, value))
    this.styleField = make('label', { class: 'small-field' }, make('span', {}, 'Style'), this.style)
    this.addPart = make('button', { type: 'button', class: 'button small', onclick: () => this.onAddPart() }, icon(SCRIPT_ICONS.plus), 'Part')
    const tool = (path: string, label: string, act: () => void, more = '') =>
      make('button', { type: 'button', class: `icon-button small ${more}`, 'aria-label': label, title: label, onclick: act }, icon(path))
    this.moveUp = tool(SCRIPT_ICONS.up, 'Move the line up', () => actions.move(-1))
    this.moveDown = tool(SCRIPT_ICONS.down, 'Move the line down', () => actions.move(1))
    element.className = 'line editing'
    element.setAttribute('aria-label', 'The line that you edit')
    fill(element,
      make('div', { class: 'edit-head' },
        make('div', { class: 'segments-row', role: 'group', 'aria-label': 'Type of the line' }, this.typeButtons),
        this.badgeHost,
        tool(SCRIPT_ICONS.close, 'Close (Esc)', actions.close, 'edit-close')),
      this.partsHost,
      this.problemHost,
      make('div', { class: 'edit-foot' },
        make('label', { class: 'small-field' }, make('span', {}, 'Act'), this.act),
        make('label', { class: 'small-field' }, make('span', {}, 'Scene'), this.scene),
        this.styleField,
        make('div', { class: 'edit-tools' },
          this.addPart,
          make('button', { type: 'button', class: 'button small', title: 'Ctrl Enter', onclick: () => actions.insert('below') }, icon(SCRIPT_ICONS.plus), 'Line below'),
          this.moveUp, this.moveDown,
          tool(SCRIPT_ICONS.trash, 'Delete the line', actions.remove, 'danger-ink'))),
      this.moveWhy)
    this.update(line, context)
  }

  destroy(): void {
    for (const { binding } of this.parts) binding.destroy()
    this.parts = []
  }

  /** Puts the caret into a part, or on the line's type when it has none. */
  focus(part = 0): void {
    const area = this.parts[Math.min(part, this.parts.length - 1)]?.area
    if (area === undefined) this.typeButtons.find((button) => button.getAttribute('aria-pressed') === 'true')?.focus()
    else {
      area.focus()
      area.setSelectionRange(area.value.length, area.value.length)
    }
  }

  update(line: LineView, context: EditorContext): void {
    this.line = line
    this.context = context
    const { names, canType, visitors, problems } = context
    markVisitors(this.element, visitors)
    this.element.toggleAttribute('data-problem', problems.length > 0)
    fill(this.badgeHost, badgesOf(visitors))
    fill(this.problemHost, problems.map((words) => make('p', { class: 'line-problem' }, icon(SCRIPT_ICONS.warning), words)))
    for (const button of this.typeButtons) {
      button.setAttribute('aria-pressed', String(Number(button.dataset['type']) === line.type))
      button.disabled = !canType
    }
    const show = names.show
    setOptions(this.act, [['0', 'No act'], ...(show?.acts ?? []).map(({ id, name }): [string, string] => [String(id), name])], String(line.act), names.act(line.act))
    setOptions(this.scene, [['0', 'No scene'], ...names.scenesOf(line.act).map(({ id, name }): [string, string] => [String(id), name])], String(line.scene), names.scene(line.scene))
    setOptions(this.style, [['0', 'Plain'], ...(show?.stage_direction_styles ?? []).map(({ id, name }): [string, string] => [String(id), name])], String(line.style), names.style(line.style))
    this.styleField.hidden = line.type !== LineType.direction
    for (const select of [this.act, this.scene, this.style]) select.disabled = !canType
    this.addPart.hidden = line.type !== LineType.dialogue || show?.mode === 'compact'
    for (const button of this.element.querySelectorAll<HTMLButtonElement>('.edit-tools button')) button.disabled = !canType
    this.moveUp.disabled ||= context.isFirst || context.whyNotMove !== undefined
    this.moveDown.disabled ||= context.isLast || context.whyNotMove !== undefined
    setText(this.moveWhy, context.whyNotMove ?? '')
    this.moveWhy.hidden = context.whyNotMove === undefined
    this.updateParts()
  }

  private updateParts(): void {
    const { line, context: { names, canType } } = this
    const shape = `${line.type}|${line.parts.map((part) => part.id).join(',')}`
    const shared = line.parts.map((_, index) => {
      try {
        return this.script.sharedText(line.id, index)
      } catch {
        return undefined
      }
    })
    // Ids change when a line is saved for the first time; the texts stay.
    const isSame = this.parts.length === line.parts.length && this.parts.every(({ binding }, i) => binding.text === shared[i]) &&
      this.shape.split('|')[0] === String(line.type)
    if (!isSame) this.makeParts(shared)
    this.shape = shape
    line.parts.forEach((part, index) => {
      const fields = this.parts[index]
      if (fields === undefined) return
      fields.id = part.id
      if (fields.speaker !== undefined) showSpeaker(fields.speaker, names, part.character, part.group, names.speaker(part))
      if (fields.speaker !== undefined) fields.speaker.disabled = !canType
      if (fields.remove !== undefined) fields.remove.disabled = !canType
      fields.area.readOnly = !canType
    })
  }

  private makeParts(shared: (import('yjs').Text | undefined)[]): void {
    const { line } = this
    const focused = this.parts.findIndex(({ area }) => area === document.activeElement)
    for (const { binding } of this.parts) binding.destroy()
    this.parts = []
    const rows: HTMLElement[] = []
    line.parts.forEach((part, index) => {
      const text = shared[index]
      if (text === undefined) {
        // Saving tells of it, too; here nothing could be written into it.
        rows.push(make('p', { class: 'line-problem' }, icon(SCRIPT_ICONS.warning), `Part ${index + 1} has no text that could be edited.`))
        return
      }
      const isDialogue = line.type === LineType.dialogue
      const number = line.parts.length > 1 ? ` of part ${index + 1}` : ''
      const speaker = !isDialogue ? undefined : make('select', {
        class: 'speaker-select', 'aria-label': `Who speaks${number}`,
        onchange: (event: Event) => {
          const [kind, id] = (event.target as HTMLSelectElement).value.split(':')
          this.script.setSpeaker(this.line.id, index, kind === 'group' ? { group: Number(id) } : { character: Number(id) })
        }
      })
      const area = make('textarea', {
        class: isDialogue ? 'words-area' : 'words-area direction-area', rows: 1, 'aria-label': isDialogue ? `Words${number}` : 'Stage direction',
        placeholder: isDialogue ? 'What is said' : 'What happens', spellcheck: 'true', autocomplete: 'off', onkeydown: (event: KeyboardEvent) => this.onKey(event)
      })
      const fit = () => {
        area.style.height = 'auto'
        area.style.height = `${area.scrollHeight + 2}px`
      }
      const binding = new TextBinding(area, text, fit)
      const remove = !isDialogue || line.parts.length < 2 ? undefined : make('button', {
        type: 'button', class: 'icon-button small danger-ink', 'aria-label': `Delete part ${index + 1}`, title: `Delete part ${index + 1}`,
        onclick: () => this.script.deletePart(this.line.id, index)
      }, icon(SCRIPT_ICONS.trash))
      rows.push(make('div', { class: 'edit-part' }, speaker, area, remove))
      this.parts.push({ id: part.id, speaker, area, binding, remove })
      requestAnimationFrame(fit)
    })
    fill(this.partsHost, rows)
    if (focused >= 0) this.focus(focused)
  }

  private onAddPart(): void {
    this.script.addPart(this.line.id)
    queueMicrotask(() => this.focus(this.parts.length - 1))
  }

  private onKey(event: KeyboardEvent): void {
    const isControl = event.ctrlKey || event.metaKey
    const key = event.key.toLowerCase()
    if (isControl && key === 'z') {
      event.preventDefault()
      if (event.shiftKey) this.actions.redo()
      else this.actions.undo()
    } else if (isControl && key === 'y') {
      event.preventDefault()
      this.actions.redo()
    } else if (isControl && key === 'enter') {
      event.preventDefault()
      if (this.context.canType) this.actions.insert('below')
    } else if (event.altKey && (key === 'arrowup' || key === 'arrowdown')) {
      event.preventDefault()
      const step = key === 'arrowup' ? -1 : 1
      const isBlocked = step < 0 ? this.moveUp.disabled : this.moveDown.disabled
      if (!isBlocked) this.actions.move(step)
    }
  }

  private select(label: string, choose: (value: number) => void): HTMLSelectElement {
    return make('select', { 'aria-label': label, onchange: (event: Event) => choose(Number((event.target as HTMLSelectElement).value)) })
  }
}

/** Changes options only when they are others, so that an open list stays open. What is chosen and not among them is added. */
function setOptions(select: HTMLSelectElement, options: [string, string][], value: string, name: string): void {
  const all = options.some(([id]) => id === value) ? options : [...options, [value, name] as [string, string]]
  const signature = JSON.stringify(all)
  if (select.dataset['options'] !== signature) {
    select.dataset['options'] = signature
    fill(select, all.map(([id, words]) => make('option', { value: id }, words)))
  }
  if (select.value !== value) select.value = value
}

function showSpeaker(select: HTMLSelectElement, names: ShowNames, character: number, group: number, name: string): void {
  const value = character !== 0 ? `character:${character}` : group !== 0 ? `group:${group}` : 'character:0'
  const show = names.show
  const isKnown = value === 'character:0' || (character !== 0 ? show?.characters.some(({ id }) => id === character) : show?.character_groups.some(({ id }) => id === group))
  const signature = JSON.stringify([show?.characters, show?.character_groups, isKnown ? '' : value])
  if (select.dataset['options'] !== signature) {
    select.dataset['options'] = signature
    const option = (kind: string) => ({ id, name: words }: { id: number, name: string }) => make('option', { value: `${kind}:${id}` }, words)
    fill(select,
      make('option', { value: 'character:0' }, 'Who speaks?'),
      make('optgroup', { label: 'Characters' }, show?.characters.map(option('character')) ?? []),
      (show?.character_groups.length ?? 0) > 0 && make('optgroup', { label: 'Groups' }, show?.character_groups.map(option('group')) ?? []),
      isKnown !== true && make('option', { value }, name))
  }
  if (select.value !== value) select.value = value
}
