// Puts the page together: one document, one connection, one editor.

import './app.css'
import * as Y from 'yjs'
import { Connection } from './connection.js'
import { showConnection } from './connection_view.js'
import { createEditor } from './editor.js'
import { Identity } from './identity.js'
import { copyText } from './clipboard.js'
import { showPeople } from './people_view.js'
import { freshRoomName, invitationLink, roomFrom, socketOrigin } from './room.js'
import { setUpTheme } from './theme.js'

const element = (id) => document.getElementById(id)

setUpTheme(element('theme'))

const room = roomFrom(location)
document.title = `${room} · weft`
element('room').textContent = room

const doc = new Y.Doc()
const text = doc.getText('content')
const undoManager = new Y.UndoManager(text)
const connection = new Connection(socketOrigin(location), room, doc)
const { awareness } = connection.provider
const identity = new Identity(awareness)

const editor = createEditor({
  parent: element('editor'),
  text,
  awareness,
  undoManager,
  label: `Text of the room ${room}`,
  onChange: ({ length, lines }) => {
    const characters = `${length.toLocaleString('en')} ${length === 1 ? 'character' : 'characters'}`
    element('size').textContent = `${characters}, ${lines.toLocaleString('en')} ${lines === 1 ? 'line' : 'lines'}`
  },
})

showConnection(connection, {
  badge: element('connection'),
  word: element('connection-word'),
  detail: element('connection-detail'),
})
showPeople(awareness, {
  list: element('people'),
  count: element('people-count'),
  seam: element('seam'),
  own: element('own-row'),
})
setUpOwnName(element('own-name'))
setUpUndo(element('undo'), element('redo'))
setUpInvitation(element('copy-link'), element('copy-link-word'), element('announcement'))

element('new-room').href = `#${freshRoomName()}`
addEventListener('hashchange', () => location.reload())

connection.on('open', () => identity.repeat())
connection.provider.once('sync', () => {
  editor.showHint()
  identity.avoidTakenColor()
})
addEventListener('beforeunload', (event) => {
  if (connection.waiting > 0) event.preventDefault() // the browser asks before it throws edits away
})

editor.focus()

function setUpOwnName(input) {
  input.value = identity.name
  input.addEventListener('input', () => identity.rename(input.value))
  input.addEventListener('blur', () => {
    input.value = identity.name
  })
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.isComposing) editor.focus()
  })
}

function setUpUndo(undoButton, redoButton) {
  const render = () => {
    undoButton.disabled = !undoManager.canUndo()
    redoButton.disabled = !undoManager.canRedo()
  }
  const run = (action) => () => {
    action()
    editor.focus()
  }
  undoButton.addEventListener('click', run(() => undoManager.undo()))
  redoButton.addEventListener('click', run(() => undoManager.redo()))
  for (const event of ['stack-item-added', 'stack-item-popped', 'stack-cleared']) undoManager.on(event, render)
  render()
}

function setUpInvitation(button, word, announcement) {
  const idleWord = word.textContent
  let timer
  button.addEventListener('click', async () => {
    if (!(await copyText(invitationLink(location, room)))) return
    button.dataset.done = 'true'
    word.textContent = 'Link copied'
    announcement.textContent = 'The invitation link is in the clipboard.'
    clearTimeout(timer)
    timer = setTimeout(() => {
      delete button.dataset.done
      word.textContent = idleWord
      announcement.textContent = ''
    }, 2500)
  })
}
