// The CodeMirror view of the shared text.

import { defaultKeymap } from '@codemirror/commands'
import { Compartment, EditorState } from '@codemirror/state'
import { Decoration, EditorView, keymap, placeholder } from '@codemirror/view'
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next'
import { remoteCursors } from './remote_cursors.js'

const INVITATION = 'Write something. Whoever opens the invitation link sees it as you type.'

/** The first line is shown as the title of the text. It is plain text like the rest. */
const title = Decoration.set(Decoration.line({ class: 'title-line' }).range(0))

/** Shows `text` in `parent`. `onChange(doc)` is called at once and after every change of the text. */
export function createEditor({ parent, text, awareness, undoManager, label, onChange }) {
  const hint = new Compartment()
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text.toString(),
      extensions: [
        keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'true', autocapitalize: 'sentences' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc)
        }),
        EditorView.decorations.of(title),
        hint.of([]),
        yCollab(text, null, { undoManager }), // its cursors are left out: see remote_cursors.js
        remoteCursors(text, awareness),
      ],
    }),
  })
  onChange(view.state.doc)
  return {
    focus: () => view.focus(),
    /** Invites to write. Call it when the document has arrived: only then is it known to be empty. */
    showHint: () => view.dispatch({ effects: hint.reconfigure(placeholder(INVITATION)) }),
  }
}
