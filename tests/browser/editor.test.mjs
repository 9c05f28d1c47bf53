// The demo page against a running server: several people write one text in headless Chromium.
//
//   WEFT_BINARY=path/to/weft node --test tests/browser/editor.test.mjs
//
// Screenshots go to WEFT_ARTEFACTS (default: tests/artefacts).

import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import * as decoding from 'lib0/decoding'
import * as Y from 'yjs'
import { WebsocketProvider } from 'y-websocket'
import WebSocket from 'ws'
import { launchBrowser, openEditor } from './editor_page.mjs'
import { until } from './until.mjs'
import { startWeft } from './weft_server.mjs'

let server
let browser
let opened = []
let roomCount = 0

before(async () => {
  server = await startWeft()
  browser = await launchBrowser()
})

after(async () => {
  await browser?.close()
  await server?.dispose()
})

afterEach(async () => {
  const editors = opened
  opened = []
  for (const editor of editors) await editor.close()
  for (const editor of editors) assert.deepEqual(editor.complaints, [], 'pages neither complain nor call other hosts')
})

/** The address of a room that no other test uses. */
function freshRoom() {
  roomCount += 1
  return `/#test-${roomCount}`
}

/** The clock in an awareness message of y-websocket, or null if `message` is another one. */
function awarenessClock(message) {
  const decoder = decoding.createDecoder(new Uint8Array(message))
  if (decoding.readVarUint(decoder) !== 1) return null
  const states = decoding.createDecoder(decoding.readVarUint8Array(decoder))
  decoding.readVarUint(states) // how many states: a page announces itself alone
  decoding.readVarUint(states) // the client id
  return decoding.readVarUint(states)
}

async function open(path, options) {
  const editor = await openEditor(browser, options?.server ?? server, path, options)
  opened.push(editor)
  return editor
}

test('two pages that type at once at different places converge, and each shows the caret and name of the other', async () => {
  const room = freshRoom()
  const mira = await open(room, { name: 'Mira' })
  const jun = await open(room, { name: 'Jun' })
  await mira.typeAt('start', 'first\nlast')
  await jun.untilText('first\nlast')

  await Promise.all([mira.typeAt('start', 'Mira writes. '), jun.typeAt('end', ' Jun writes.')])

  for (const editor of [mira, jun]) await editor.untilText('Mira writes. first\nlast Jun writes.')
  await mira.untilCaret('Jun', 1, 'last Jun writes.'.length)
  await jun.untilCaret('Mira', 0, 'Mira writes. '.length)
})

test('two pages that type at once at the same place keep every character of both', async () => {
  const room = freshRoom()
  const mira = await open(room, { name: 'Mira' })
  const jun = await open(room, { name: 'Jun' })

  await Promise.all([mira.typeAt('start', 'aaaaaaaaaa'), jun.typeAt('start', 'bbbbbbbbbb')])

  await until('both show the same twenty characters', async () => {
    const [hers, his] = [await mira.text(), await jun.text()]
    return hers === his && [...hers].sort().join('') === 'aaaaaaaaaabbbbbbbbbb'
  }, async () => `${await mira.text()} | ${await jun.text()}`)
})

test('the list shows who is here, follows a rename, and forgets who left', async () => {
  const room = freshRoom()
  const mira = await open(room, { name: 'Mira' })
  const jun = await open(room, { name: 'Jun Watanabe' })
  await mira.untilOthers('Jun Watanabe')
  assert.equal(await mira.page.getByTestId('people-count').textContent(), '2')
  assert.equal(await mira.page.getByTestId('people').getByText('JW').count(), 1, 'his initials are shown')
  await jun.typeAt('end', 'x')
  await mira.untilCaret('Jun Watanabe', 0, 1)

  await jun.ownName.fill('Jun W.')
  await mira.untilOthers('Jun W.')
  await mira.untilCaret('Jun W.', 0, 1)

  await jun.page.close()
  await mira.untilOthers()
  assert.deepEqual(await mira.carets(), [])
})

test('the own name is kept in the browser, and an empty one is refused', async () => {
  const editor = await open(freshRoom())
  assert.notEqual(await editor.ownName.inputValue(), '', 'a first-time visitor has a made-up name')
  await editor.ownName.fill('  Mira   L ')
  await editor.ownName.press('Enter')
  assert.equal(await editor.ownName.inputValue(), 'Mira L')
  await editor.ownName.fill('')
  await editor.ownName.blur()
  assert.equal(await editor.ownName.inputValue(), 'Mira L')

  await editor.page.reload()
  await editor.untilState('online')
  assert.equal(await editor.ownName.inputValue(), 'Mira L')
})

test('edits made offline are counted, stay on the page, and reach the others on return', async () => {
  const room = freshRoom()
  const mira = await open(room, { name: 'Mira' })
  const jun = await open(room, { name: 'Jun' })
  await mira.typeAt('start', 'shared\n')
  await jun.untilText('shared\n')
  await jun.untilNothingWaits()

  await jun.context.setOffline(true)
  await jun.untilState('offline')
  await jun.untilOthers()
  await jun.typeAt('end', 'offline')
  await mira.typeAt('start', 'meanwhile ')
  assert.equal(await jun.waiting(), 'offline'.length)
  assert.match(await jun.page.getByTestId('unsent').textContent(), /7 edits not sent yet/)
  assert.equal(await jun.text(), 'shared\noffline')

  const question = jun.page.waitForEvent('dialog')
  await jun.page.close({ runBeforeUnload: true })
  assert.equal((await question).type(), 'beforeunload', 'the browser asks before it throws the edits away')
  await (await question).dismiss()

  await jun.context.setOffline(false)
  await jun.untilState('online')
  for (const editor of [mira, jun]) await editor.untilText('meanwhile shared\noffline')
  await jun.untilNothingWaits()
  await mira.untilOthers('Jun')
  await mira.untilCaret('Jun', 1, 'offline'.length)
})

test('after a reconnection a page announces itself with a newer clock, because peers ignore one they know', async () => {
  const clocksOfSockets = []
  const mira = await open(freshRoom(), {
    name: 'Mira',
    prepare: (page) => page.on('websocket', (socket) => {
      const clocks = []
      clocksOfSockets.push(clocks)
      socket.on('framesent', ({ payload }) => {
        const clock = awarenessClock(payload)
        if (clock !== null) clocks.push(clock)
      })
    }),
  })
  await until('the name was announced', () => clocksOfSockets[0].length > 1)

  await mira.context.setOffline(true)
  await mira.untilState('offline')
  await mira.context.setOffline(false)
  await mira.untilState('online')
  const again = await until('an announcement on the new socket', () => clocksOfSockets.at(-1)[0])
  assert.ok(again > clocksOfSockets[0].at(-1), `${again} after ${clocksOfSockets[0].at(-1)}`)
})

test('a page says that the server has every edit only after the server answered', async () => {
  const room = freshRoom()
  let hold = false
  const held = []
  const mira = await open(room, {
    name: 'Mira',
    prepare: (page) => page.routeWebSocket(/^ws:/, (client) => {
      const upstream = client.connectToServer()
      client.onMessage((message) => upstream.send(message))
      upstream.onMessage((message) => (hold ? held.push(() => client.send(message)) : client.send(message)))
    }),
  })
  const jun = await open(room, { name: 'Jun' })

  hold = true
  await mira.typeAt('start', 'abc')
  await jun.untilText('abc')
  await until('an answer of the server is held back', () => held.length > 0)
  assert.equal(await mira.waiting(), 3, 'the server has the edits, but the page cannot know it')

  hold = false
  held.splice(0).forEach((send) => send())
  await mira.untilNothingWaits()
})

test('a server that is killed and started again keeps every character', async () => {
  const mortal = await startWeft()
  try {
    const mira = await open('/#mortal', { server: mortal, name: 'Mira' })
    const jun = await open('/#mortal', { server: mortal, name: 'Jun' })
    await mira.typeAt('start', 'before\n')
    await jun.untilText('before\n')

    for (const round of ['one', 'two']) {
      await jun.typeAt('end', `${round} `)
      const seen = await jun.text()
      await mira.untilText(seen)
      await mortal.stop('SIGKILL')
      for (const editor of [mira, jun]) await editor.untilState('offline')
      await mira.typeAt('start', `${round}! `)
      const failedBefore = mira.failedReconnects
      await until('the page tries again while the server is away', () => mira.failedReconnects > failedBefore)
      await mortal.start()
      for (const editor of [mira, jun]) await editor.untilState('online')
      for (const editor of [mira, jun]) await editor.untilText(`${round}! ${seen}`)
      await mira.untilOthers('Jun')
      await mira.untilCaret('Jun', 1, seen.split('\n')[1].length)
    }
    const fresh = await open('/#mortal', { server: mortal })
    await fresh.untilText('two! one! before\none two ')
  } finally {
    await mortal.dispose()
  }
})

test('a server that was asked to end has everything on disk for pages that come later', async () => {
  const mortal = await startWeft()
  try {
    const mira = await open('/#later', { server: mortal, name: 'Mira' })
    await mira.typeAt('start', 'Nobody is left to send this again.')
    await mira.untilNothingWaits()
    assert.equal(await mortal.stop('SIGTERM'), 0)
    await mira.page.close()
    await mortal.start()
    const fresh = await open('/#later', { server: mortal })
    await fresh.untilText('Nobody is left to send this again.')
  } finally {
    await mortal.dispose()
  }
})

test('a server that refuses for good is believed: the page says so, with the reason, and stops trying', async () => {
  const editor = await open(freshRoom(), {
    awaited: 'closed',
    prepare: (page) => page.routeWebSocket(/^ws:/, (socket) => socket.close({ code: 4403, reason: 'this room is private' })),
  })
  assert.match(await editor.page.getByTestId('unsent').textContent(), /this room is private/)
})

test('undo and redo take back own edits only, by key and by button', async () => {
  const room = freshRoom()
  const mira = await open(room, { name: 'Mira' })
  const jun = await open(room, { name: 'Jun' })
  const undo = mira.button('Undo my last edit')
  const redo = mira.button('Redo')
  assert.equal(await undo.isDisabled(), true)
  await mira.typeAt('start', 'hers ')
  await jun.untilText('hers ')
  await jun.typeAt('end', 'his')
  await mira.untilText('hers his')

  await mira.content.focus()
  await mira.page.keyboard.press('Control+z')
  await jun.untilText('his')
  assert.equal(await undo.isDisabled(), true, 'his edit is not hers to undo')
  await redo.click()
  await jun.untilText('hers his')
  await undo.click()
  await jun.untilText('his')
})

test('the address names the room: by fragment, by ?room=, by default welcome', async () => {
  const byFragment = await open('/#caf%C3%A9%20%2F%20100%25')
  assert.equal(await byFragment.page.getByTestId('room').textContent(), 'café / 100%')
  assert.equal(await byFragment.page.title(), 'café / 100% · weft')
  await byFragment.typeAt('start', 'coffee')

  const byQuery = await open('/?room=caf%C3%A9+%2F+100%25')
  await byQuery.untilText('coffee')

  const byDefault = await open('/')
  assert.equal(await byDefault.page.getByTestId('room').textContent(), 'welcome')
  await byDefault.untilText('')
})

test('the button copies an invitation that leads to the same text', async () => {
  const room = freshRoom()
  const mira = await open(room, { permissions: ['clipboard-read', 'clipboard-write'] })
  await mira.typeAt('start', 'Come in.')
  await mira.button('Copy invitation link').click()
  await mira.page.getByText('Link copied').waitFor()
  const link = new URL(await mira.page.evaluate(() => navigator.clipboard.readText()))
  assert.equal(link.origin, server.origin)
  const guest = await open(link.pathname + link.search + link.hash)
  await guest.untilText('Come in.')
})

test('what a hostile peer announces is shown as plain text or not at all', async () => {
  const room = freshRoom()
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(server.origin.replace('http', 'ws'), room.slice(2), doc,
    { WebSocketPolyfill: WebSocket, disableBc: true })
  try {
    const mira = await open(room, { name: 'Mira' })
    await mira.typeAt('start', 'text')
    await until('the peer has the text', () => doc.getText('content').toString() === 'text')
    const end = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(doc.getText('content'), 4))
    const user = { name: '<img src=x onerror=alert(1)>', color: 'red; background: url(http://192.0.2.1/x)' }
    provider.awareness.setLocalState({ user, cursor: { anchor: end, head: end } })
    await mira.untilOthers('<img src=x onerror=alert(1)>')
    await mira.untilCaret('<img src=x onerror=alert(1)>', 0, 4)

    provider.awareness.setLocalState({ user: { name: { toString: 1 } }, cursor: { anchor: { item: 'x' }, head: 7 } })
    await mira.untilOthers('Guest')
    await until('its broken caret is gone', async () => (await mira.carets()).length === 0)

    await mira.typeAt('end', ' goes on')
    await until('the peer has the new text', () => doc.getText('content').toString() === 'text goes on')
  } finally {
    provider.destroy()
    doc.destroy()
  }
})

test('the theme follows the system until the button chooses, and the choice is kept', async () => {
  const editor = await open(freshRoom(), { colorScheme: 'dark' })
  const ground = () => editor.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const dark = await ground()
  const button = editor.button('Dark theme')
  assert.equal(await button.getAttribute('aria-pressed'), 'true')
  await button.click()
  assert.equal(await button.getAttribute('aria-pressed'), 'false')
  const light = await ground()
  assert.notEqual(light, dark)
  await editor.page.reload()
  await editor.untilState('online')
  assert.equal(await ground(), light)
})

test('everything on the page can be reached and left with the Tab key', async () => {
  const editor = await open(freshRoom(), { name: 'Mira' })
  await editor.typeAt('start', 'x') // so that undo is enabled
  const reached = new Set()
  for (let i = 0; i < 12; i += 1) {
    await editor.page.keyboard.press('Tab')
    reached.add(await editor.page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role')))
  }
  for (const stop of ['undo', 'theme', 'copy-link', 'own-name', 'new-room', 'textbox']) {
    assert.ok(reached.has(stop), `Tab reaches ${stop}, among ${[...reached].join(', ')}`)
  }
})
