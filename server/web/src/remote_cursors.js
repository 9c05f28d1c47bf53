// Carets, selections and names of the others in a CodeMirror view, and the announcement of my own.
//
// The awareness field is the one of y-codemirror.next, `cursor: { anchor, head }` as JSON relative positions, so its
// users and ours see each other. Its own plugin is not used because it never redraws a name that changed, puts colours
// from the network into style text unchecked, and shows names on hover only, which a touch screen does not have.

import { Annotation, RangeSet } from '@codemirror/state'
import { Decoration, ViewPlugin, WidgetType } from '@codemirror/view'
import * as Y from 'yjs'
import { participantFrom } from './participant.js'

const cursorsMoved = Annotation.define()

/** The extension for a view that shows `text`. */
export function remoteCursors(text, awareness) {
  return ViewPlugin.define((view) => new RemoteCursors(view, text, awareness), {
    decorations: (plugin) => plugin.decorations,
  })
}

class RemoteCursors {
  decorations = RangeSet.empty

  constructor(view, text, awareness) {
    this.view = view
    this.text = text
    this.awareness = awareness
    this.onChange = ({ added, updated, removed }) => {
      const foreign = [...added, ...updated, ...removed].some((clientId) => clientId !== awareness.clientID)
      if (foreign) view.dispatch({ annotations: cursorsMoved.of(true) })
    }
    awareness.on('change', this.onChange)
  }

  destroy() {
    this.awareness.off('change', this.onChange)
  }

  update(update) {
    if (update.selectionSet || update.focusChanged || update.docChanged) this.announce(update)
    const moved = update.transactions.some((transaction) => transaction.annotation(cursorsMoved))
    if (moved || update.docChanged) {
      this.decorations = Decoration.set(this.ranges(update.state.doc.length), true)
      this.view.requestMeasure({ key: this, read: () => labelsPastTheEdge(this.view), write: turnLabels })
    }
  }

  announce({ view, state }) {
    if (!view.hasFocus) return // the caret stays where it was last seen
    const { anchor, head } = state.selection.main
    const cursor = { anchor: this.positionAt(anchor), head: this.positionAt(head) }
    const before = this.awareness.getLocalState()?.cursor
    if (JSON.stringify(before) !== JSON.stringify(cursor)) this.awareness.setLocalStateField('cursor', cursor)
  }

  positionAt(index) {
    return Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(this.text, index))
  }

  ranges(length) {
    const ranges = []
    for (const [clientId, state] of this.awareness.getStates()) {
      if (clientId === this.awareness.clientID) continue
      const anchor = this.indexOf(state?.cursor?.anchor)
      const head = this.indexOf(state?.cursor?.head)
      // A caret can be ahead of the text it stands in; it is drawn when the text arrives.
      if (anchor === null || head === null || anchor > length || head > length) continue
      const person = participantFrom(clientId, state)
      if (anchor !== head) ranges.push(selection(person).range(Math.min(anchor, head), Math.max(anchor, head)))
      const caret = new Caret(person, JSON.stringify(state.cursor))
      ranges.push(Decoration.widget({ widget: caret, side: head > anchor ? -1 : 1 }).range(head))
    }
    return ranges
  }

  /** Where the JSON position stands in the text now, or null. It comes from the network and may be anything. */
  indexOf(json) {
    if (typeof json !== 'object' || json === null) return null
    try {
      const relative = Y.createRelativePositionFromJSON(json)
      const absolute = Y.createAbsolutePositionFromRelativePosition(relative, this.text.doc)
      return absolute?.type === this.text ? absolute.index : null
    } catch {
      return null
    }
  }
}

function selection({ color }) {
  return Decoration.mark({ class: 'remote-selection', attributes: { style: `--who: ${color}` } })
}

class Caret extends WidgetType {
  constructor({ name, color }, place) {
    super()
    this.name = name
    this.color = color
    this.place = place // a caret that moved is drawn anew, which shows its name again for a while
  }

  eq(other) {
    return this.name === other.name && this.color === other.color && this.place === other.place
  }

  toDOM() {
    const caret = document.createElement('span')
    caret.className = 'remote-caret'
    caret.dataset.testid = 'remote-caret'
    caret.setAttribute('aria-hidden', 'true')
    caret.style.setProperty('--who', this.color)
    const label = document.createElement('span')
    label.className = 'remote-name'
    label.textContent = this.name
    // Word joiners keep the line from breaking at the caret.
    caret.append('\u2060', label, '\u2060')
    return caret
  }

  ignoreEvent() {
    return true
  }
}

function labelsPastTheEdge(view) {
  const edge = view.scrollDOM.getBoundingClientRect().right
  return [...view.contentDOM.querySelectorAll('.remote-name')].map((label) => {
    const caret = label.parentElement.getBoundingClientRect()
    return { label, turned: caret.left + label.offsetWidth > edge }
  })
}

function turnLabels(measured) {
  for (const { label, turned } of measured) label.classList.toggle('turned', turned)
}
