// Who is at the script, what they do, and where: with a way to go there.

import { fill, make } from '../admin/elements'
import { colourOf } from './colour'
import type { Desk } from './desk'

interface Person {
  name: string
  user: number | null
  role: 'Editor' | 'Viewer' | 'Cuts'
  isSelf: boolean
  place: { page: number, line: number | null } | undefined
}

export class PeoplePanel {
  readonly element: HTMLElement
  count = 0
  private readonly list = make('ul', { class: 'people', 'data-testid': 'people' })
  private signature = ''

  constructor(private readonly desk: Desk, private readonly goTo: (page: number, line?: number) => void) {
    this.element = make('section', { class: 'card panel', 'aria-labelledby': 'people-title' }, make('h2', { id: 'people-title' }, 'At the script'), this.list)
  }

  update(): void {
    const people = this.people()
    this.count = people.length
    const signature = JSON.stringify(people)
    if (signature === this.signature) return
    this.signature = signature
    fill(this.list, people.length === 0 ? make('li', { class: 'quiet-words' }, 'Nobody edits. Readers are not listed.') : people.map((person) => this.row(person)))
  }

  private people(): Person[] {
    const { desk } = this
    const self = desk.link.userId
    // Each connection of a person has a presence of its own; members tell only the user.
    const places = [...desk.room?.presences.values() ?? []].filter(({ page }) => page !== null)
    let isSelfListed = false
    const people = desk.room?.state === 'synced'
      ? desk.room.members.map((member): Person => {
        const isSelf = !isSelfListed && member.user_id !== null && member.user_id === self
        isSelfListed ||= isSelf
        const at = isSelf ? -1 : places.findIndex(({ userId }) => userId === member.user_id)
        const place = at < 0 ? undefined : places.splice(at, 1)[0]
        return {
          name: member.username, user: member.user_id, role: member.role === 'editor' ? 'Editor' : 'Viewer', isSelf,
          place: place?.page == null ? undefined : { page: place.page, line: place.lineIndex }
        }
      })
      : desk.config.editors.map((person): Person => ({ name: person.username, user: person.user_id ?? null, role: 'Editor', isSelf: person.internal_id === desk.link.uuid, place: undefined }))
    const cutting = desk.config.cutters.map((person): Person => ({ name: person.username, user: person.user_id ?? null, role: 'Cuts', isSelf: person.internal_id === desk.link.uuid, place: undefined }))
    return [...cutting, ...people].sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || a.role.localeCompare(b.role) || a.name.localeCompare(b.name))
  }

  private row({ name, user, role, isSelf, place }: Person): HTMLElement {
    const { paint, ink } = colourOf(user)
    const disc = make('span', { class: 'disc', 'aria-hidden': 'true' }, initialsOf(name))
    disc.style.setProperty('background', paint)
    disc.style.setProperty('color', ink)
    const where = place === undefined ? '' : place.line === null ? `Page ${place.page}` : `Page ${place.page}, line ${place.line + 1}`
    return make('li', { class: 'person' }, disc,
      make('span', { class: 'person-words' }, make('span', { class: 'person-name' }, name, isSelf && make('span', { class: 'you' }, ' (you)')),
        place !== undefined && make('button', { type: 'button', class: 'link-button', 'aria-label': `Go to ${name}: ${where}`, onclick: () => this.goTo(place.page, place.line ?? undefined) }, where)),
      make('span', { class: `role ${role.toLowerCase()}`, 'data-testid': 'role' }, role))
  }
}

function initialsOf(name: string): string {
  const words = name.trim().split(/[\s._-]+/).filter((word) => word !== '')
  const letters = words.length > 1 ? [words[0]!, words.at(-1)!].map((word) => [...word][0]) : [...words[0] ?? '?'].slice(0, 2)
  return letters.join('').toUpperCase()
}
