// The list of who is here, me first, and the seam under the header: a running stitch in the colours of all, in turn.

import { initials, participantFrom } from './participant.js'

/** Enough for the widest screens; what does not fit is cut off. */
const STITCHES = 180

/** Keeps `elements` (`{ list, count, seam, own }`; `own` is my row, always first) true to `awareness`. */
export function showPeople(awareness, elements) {
  const rows = new Map() // client id → the row of somebody else

  const render = () => {
    const people = [...awareness.getStates()].map(([clientId, state]) => participantFrom(clientId, state))
    const me = people.find((person) => person.clientId === awareness.clientID)
    const others = people.filter((person) => person !== me)
    others.sort((a, b) => a.name.localeCompare(b.name) || a.clientId - b.clientId)

    for (const [clientId, row] of rows) {
      if (!others.some((person) => person.clientId === clientId)) {
        row.remove()
        rows.delete(clientId)
      }
    }
    for (const person of others) {
      if (!rows.has(person.clientId)) rows.set(person.clientId, makeRow())
      const row = rows.get(person.clientId)
      paint(row, person)
      row.querySelector('.person-name').textContent = person.name
      row.title = person.name
    }
    if (me) paint(elements.own, me)
    const order = [elements.own, ...others.map((person) => rows.get(person.clientId))]
    if (order.some((row, i) => elements.list.children[i] !== row)) elements.list.append(...order.slice(1))

    elements.count.textContent = String(others.length + 1)
    sew(elements.seam, (me ? [me, ...others] : others).map((person) => person.color))
  }
  awareness.on('change', render)
  render()
}

function makeRow() {
  const row = document.createElement('li')
  row.className = 'person'
  row.innerHTML = '<span class="avatar" aria-hidden="true"></span><span class="person-name"></span>'
  return row
}

function paint(row, { name, color }) {
  const avatar = row.querySelector('.avatar')
  avatar.style.setProperty('--who', color)
  avatar.textContent = initials(name)
}

function sew(seam, colors) {
  if (seam.dataset.colors === colors.join()) return // carets move often, colours seldom
  seam.dataset.colors = colors.join()
  seam.replaceChildren(...Array.from({ length: STITCHES }, (_, i) => {
    const stitch = document.createElement('span')
    stitch.style.setProperty('--who', colors[i % colors.length])
    return stitch
  }))
}
