// Shows the connection: a word with a colour and a shape, and one sentence about edits that wait.

const WORDS = { connecting: 'Connecting…', online: 'Online', offline: 'Offline', closed: 'Closed' }

/** Keeps `elements` (`{ badge, word, detail }`) true to `connection`. */
export function showConnection(connection, elements) {
  const render = () => {
    const { state, waiting } = connection
    elements.badge.dataset.state = state
    // A live region announces what is written into it, so write only what is new.
    if (elements.word.textContent !== WORDS[state]) elements.word.textContent = WORDS[state]
    elements.detail.dataset.waiting = waiting
    elements.detail.textContent = sentence(connection)
  }
  connection.on('change', render)
  render()
}

function sentence({ state, waiting, reason }) {
  const edits = waiting === 1 ? '1 edit' : `${waiting} edits`
  const because = reason === '' ? '' : ` The server said: “${reason}”.`
  switch (state) {
    case 'online':
      return waiting === 0 ? 'The server has every edit.' : `Sending ${edits}…`
    case 'connecting':
      return waiting === 0 ? 'Opening the document.' : `${edits} not sent yet.`
    case 'closed':
      return `${waiting === 0 ? 'Nothing is unsent.' : `${edits} will not be sent: copy your text.`}${because}`
    default:
      return waiting === 0
        ? `Keep writing: edits wait here until the server is back.${because}`
        : `${edits} not sent yet: keep this page open.${because}`
  }
}
