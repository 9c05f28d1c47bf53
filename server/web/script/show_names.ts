// The names that lines refer to, by number, and what to say of numbers that the show does not have.

import type { Show } from './script_api'
import type { LineView, PartView } from './script_document'
import { LineType } from './script_document'

export const TYPE_NAMES: Record<number, string> = {
  [LineType.dialogue]: 'Dialogue', [LineType.direction]: 'Stage direction', [LineType.cue]: 'Cue line', [LineType.spacing]: 'Spacing'
}

export class ShowNames {
  private readonly acts: Map<number, string>
  private readonly scenes: Map<number, string>
  private readonly characters: Map<number, string>
  private readonly groups: Map<number, string>
  private readonly styles: Map<number, string>

  constructor(readonly show: Show | undefined) {
    const byId = (list: { id: number, name: string }[] | undefined) => new Map(list?.map(({ id, name }) => [id, name]))
    this.acts = byId(show?.acts)
    this.scenes = byId(show?.scenes)
    this.characters = byId(show?.characters)
    this.groups = byId(show?.character_groups)
    this.styles = byId(show?.stage_direction_styles)
  }

  act(id: number): string { return id === 0 ? '' : this.acts.get(id) ?? `Act #${id}` }
  scene(id: number): string { return id === 0 ? '' : this.scenes.get(id) ?? `Scene #${id}` }
  style(id: number): string { return id === 0 ? '' : this.styles.get(id) ?? `Style #${id}` }

  speaker(part: PartView): string {
    if (part.character !== 0) return this.characters.get(part.character) ?? `Character #${part.character}`
    if (part.group !== 0) return this.groups.get(part.group) ?? `Group #${part.group}`
    return ''
  }

  /** One line of text for what has to name a line. */
  describe(line: LineView): string {
    const words = line.parts.map((part) => `${this.speaker(part)} ${part.text}`.trim()).join('; ')
    const type = TYPE_NAMES[line.type] ?? 'Line without a type'
    return words === '' ? type : `${type}: ${words.length > 60 ? `${words.slice(0, 60)}…` : words}`
  }

  /** Scenes of this act, and those of none; all when there is no act. */
  scenesOf(act: number): { id: number, name: string }[] {
    return this.show?.scenes.filter((scene) => act === 0 || scene.act_id === act || scene.act_id === null) ?? []
  }

  actOfScene(scene: number): number | undefined {
    return this.show?.scenes.find(({ id }) => id === scene)?.act_id ?? undefined
  }
}
