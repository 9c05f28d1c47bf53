// The admin page does what it says: who may see it, what it shows of rooms and people, and what its buttons do. The
// strangers in it are hostile.

import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import * as Y from 'yjs'
import { Editor } from '../interop/editor.mjs'
import { eventually } from '../interop/eventually.mjs'
import { serverTest } from '../interop/weft_server.mjs'
import { call, openAdmin, pathOf, TOKEN, withToken } from './admin_page.mjs'
import { launchBrowser } from './editor_page.mjs'
import { until } from './until.mjs'

let browser

before(async () => { browser = await launchBrowser() })
after(() => browser?.close())

/** A test with a server that has an admin token, and a page that has signed in; the page has nothing to complain of. */
function adminTest(name, body, { token = TOKEN, context = {} } = {}) {
  serverTest(name, async ({ server, own, directory }) => {
    server.flags = withToken(directory)
    await server.start()
    const admin = await openAdmin(browser, server, { token, ...context })
    own({ dispose: () => admin.close() })
    await body({ server, own, admin, page: admin.page })
    assert.deepEqual(admin.complaints, [])
  }, { started: false, timeoutMs: 120_000 })
}

const edit = (server, room, ...actions) => call(server, 'POST', `${pathOf(room)}/edits`, { actions })
const insert = (text, index = 0, name = 'content') => ({ op: 'text.insert', name, index, text })
const remove = (index, len, name = 'content') => ({ op: 'text.delete', name, index, len })

function join(server, own, room, options) {
  return own(new Editor(server, encodeURIComponent(room), { params: { token: TOKEN }, ...options }))
}

adminTest('a wrong token is refused in words, the right one is kept for this tab alone, and signing out forgets it', async ({ server, admin, page }) => {
  await page.getByRole('heading', { name: 'Admin token' }).waitFor()
  await admin.signIn('wrong')
  await page.getByText('This is not the token of an administrator.').waitFor()
  assert.equal(await page.getByTestId('rooms').count(), 0)
  await admin.signIn('two words')
  await page.getByText('This is no token').waitFor()
  for (const path of ['/api/stats', '/api/rooms/a/members']) {
    const { status } = await fetch(server.httpUrl(path), { headers: { Authorization: 'Bearer wrong' } })
    assert.ok(status === 401 || status === 403, `${path} answers ${status}`)
  }
  await admin.signIn()
  await page.getByText('There are no rooms yet').waitFor()
  const kept = await page.evaluate(() => ({ session: Object.values(sessionStorage), local: Object.values(localStorage), cookies: document.cookie }))
  assert.deepEqual(kept, { session: [TOKEN], local: [], cookies: '' })
  assert.ok(!page.url().includes(TOKEN))
  await page.reload()
  await page.getByText('There are no rooms yet').waitFor()
  const other = await admin.context.newPage()
  await other.goto(server.httpUrl('/admin'))
  await other.getByRole('heading', { name: 'Admin token' }).waitFor()
  await other.close()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Admin token' }).waitFor()
  assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), [])
}, { token: null })

serverTest('where the server asks nobody for a token, the page does not either', async ({ server, own }) => {
  const admin = await openAdmin(browser, server, { token: null })
  own({ dispose: () => admin.close() })
  await admin.page.getByText('There are no rooms yet').waitFor()
  assert.equal(await admin.page.getByRole('button', { name: 'Sign out' }).count(), 0)
  assert.deepEqual(admin.complaints, [])
  assert.deepEqual(admin.refusals, [])
})

adminTest('rooms are searched, sorted and paged, with the mouse and with the keyboard', async ({ server, own, admin, page }) => {
  for (let i = 10; i < 40; ++i) await edit(server, `team/${i}`, insert('x'.repeat(i * 10)))
  for (const room of ['team/12', 'team/30', 'team/30']) await join(server, own, room).synced()
  await page.getByText('30 rooms in the log').waitFor()
  await until('members are counted', async () => (await admin.rooms())[0] === 'team/30' && (await admin.rooms())[1] === 'team/12')
  await page.getByText('Page 1 of 2').waitFor()
  assert.equal((await admin.rooms()).length, 25)
  await page.getByRole('button', { name: 'Next page' }).click()
  await page.getByText('Page 2 of 2').waitFor()
  assert.equal((await admin.rooms()).length, 5)

  await page.getByRole('button', { name: 'Stored' }).click()
  await admin.untilRooms(Array.from({ length: 25 }, (_, i) => `team/${39 - i}`))
  assert.equal(await page.getByRole('columnheader', { name: 'Stored' }).getAttribute('aria-sort'), 'descending')
  await page.getByRole('button', { name: 'Stored' }).press('Enter')
  await admin.untilRooms(Array.from({ length: 25 }, (_, i) => `team/${10 + i}`))
  assert.equal(await page.getByRole('columnheader', { name: 'Stored' }).getAttribute('aria-sort'), 'ascending')

  await page.locator('body').press('/')
  await page.keyboard.type('TEAM/3')
  await admin.untilRooms(Array.from({ length: 10 }, (_, i) => `team/${30 + i}`))
  await page.getByText('10 rooms found').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('30 rooms in the log').waitFor()
  await page.getByLabel('In memory').check({ force: true })
  await until('rooms in memory are shown', async () => (await page.getByText(/rooms in memory$/).count()) > 0 && (await admin.rooms()).includes('team/12'))
  await page.getByLabel('All', { exact: true }).check({ force: true })
  await page.getByText('30 rooms in the log').waitFor()
  await page.getByLabel('Search rooms by name').focus()
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'Enter']) await page.keyboard.press(key)
  await page.getByRole('heading', { name: 'team/11' }).waitFor()
  await page.goBack()
  await page.getByText('30 rooms in the log').waitFor()
  assert.match(page.url(), /sort=size/)
})

adminTest('a member is shown with name, colour and the place of its cursor, and is gone when it is kicked', async ({ server, own, admin, page }) => {
  await edit(server, 'notes', insert('first line\nsecond line with words\nthird'))
  const [ann, bob] = [join(server, own, 'notes', { name: 'Ann' }), join(server, own, 'notes', { name: 'Bob' })]
  await Promise.all([ann.synced(), bob.synced()])
  const text = ann.doc.getText('content')
  const place = (index) => Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index))
  ann.awareness.setLocalStateField('user', { name: 'Ann', color: '#336699' })
  ann.awareness.setLocalStateField('cursor', { anchor: place(18), head: place(22) })
  await admin.openRoom('notes')
  const line = page.getByTestId('member').filter({ hasText: 'Ann' })
  await line.getByText('line 2, column 12 of content, 4 selected').waitFor()
  assert.equal(await line.locator('.cursor-text').textContent(), 'second line with words')
  assert.equal(await line.locator('.who-dot').evaluate((dot) => dot.style.getPropertyValue('--who')), '#336699')
  await line.getByText('127.0.0.1').waitFor()
  // Somebody writes in front of it: the cursor is another number, and the same place.
  bob.doc.getText('content').insert(0, 'zeroth\n')
  await line.getByText('line 3, column 12 of content').waitFor()

  await line.getByRole('button', { name: 'Kick' }).click()
  await page.getByRole('dialog').getByText('Send Ann away?').waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.ok(await line.getByRole('button', { name: 'Kick' }).evaluate((button) => button === document.activeElement))
  assert.deepEqual(ann.closes, [])
  await line.getByRole('button', { name: 'Kick' }).click()
  await admin.confirm('Kick')
  await eventually('Ann to be closed', () => ann.closes.length === 1)
  assert.equal(ann.closes[0].code, 4403)
  await page.getByText('1 member', { exact: true }).waitFor()
  await page.getByTestId('events').getByText(/^\S+ left$/).waitFor()
  assert.deepEqual(bob.closes, [])
})

adminTest('a frozen room refuses edits with the reason that was given, until it is unfrozen', async ({ server, own, admin, page }) => {
  await edit(server, 'contract', insert('signed'))
  const ann = join(server, own, 'contract')
  await ann.synced()
  await admin.openRoom('contract')
  await page.getByTestId('events').getByText(/came$/).or(page.getByText('Nothing has happened yet')).first().waitFor()
  await page.getByRole('button', { name: 'Freeze …' }).click()
  await admin.confirm('Freeze', { fields: { Reason: 'The lawyers have it' } })
  await page.getByText('Those who try are told “The lawyers have it”.').waitFor()
  await page.getByTestId('events').getByText('Frozen: The lawyers have it').waitFor()
  await assert.rejects(edit(server, 'contract', insert('not ')), /423.*The lawyers have it/s)
  ann.doc.getText('content').insert(0, 'un')
  await admin.openView('rooms')
  await admin.row('contract').getByText('frozen').waitFor()
  const stored = await (await call(server, 'GET', `${pathOf('contract')}/text`)).text()
  assert.equal(stored, 'signed')
  await admin.openRoom('contract')
  await page.getByRole('button', { name: 'Unfreeze' }).click()
  await page.getByRole('button', { name: 'Freeze …' }).waitFor()
  await edit(server, 'contract', insert('co'))
})

adminTest('a room is deleted only by whoever types its name', async ({ server, own, admin, page }) => {
  await edit(server, 'old/room', insert('gone'))
  const ann = join(server, own, 'old/room')
  await ann.synced()
  await admin.openRoom('old/room')
  await page.getByRole('button', { name: 'Delete …' }).click()
  const button = page.getByRole('button', { name: 'Delete for good' })
  assert.ok(await button.isDisabled())
  await page.getByTestId('confirmation').fill('old/rooms')
  assert.ok(await button.isDisabled())
  await page.keyboard.press('Enter')
  assert.equal((await call(server, 'GET', pathOf('old/room'))).status, 200)
  await admin.confirm('Delete for good', { typed: 'old/room' })
  await page.getByText('There are no rooms yet').waitFor()
  await eventually('Ann to be closed', () => ann.closes.some(({ code }) => code === 4410))
})

adminTest('the slider shows the text at any moment, and what changed between two of them', async ({ server, admin, page }) => {
  await edit(server, 'story', insert('Once upon a time'))
  await edit(server, 'story', insert(' there was a loom', 16))
  await edit(server, 'story', remove(4, 12))
  await edit(server, 'story', insert('!', 21), { op: 'map.set', name: 'meta', key: 'status', value: 'done' })
  await admin.openRoom('story', 'history')
  await admin.untilContent('Once there was a loom!')
  await page.getByText('Update 4 of 4').waitFor()
  const slider = page.getByRole('slider', { name: 'Moment' })
  await slider.focus()
  await page.keyboard.press('ArrowLeft')
  await admin.untilContent('Once there was a loom')
  await page.keyboard.press('ArrowLeft')
  await admin.untilContent('Once upon a time there was a loom')
  await slider.fill('1')
  await admin.untilContent('Once upon a time')
  await page.getByText('Update 1 of 4').waitFor()
  await slider.fill('0')
  await page.getByText('Before the first update').waitFor()
  await page.getByText('Nothing was there yet').waitFor()

  await slider.fill('4')
  await page.getByLabel('Show what changed').check()
  await page.getByLabel('Compared with').fill('1')
  await until('the difference is shown', async () => (await admin.content().locator('ins').allTextContents()).join('|') === ' there was a loom|!')
  assert.deepEqual(await admin.content().locator('del').allTextContents(), [' upon a time'])
  await page.getByText('+18 −12 characters').waitFor()
  await page.getByLabel('Root type').selectOption('meta')
  await until('values are compared by line', async () => /"status": "done"/.test((await admin.content().locator('ins').allTextContents()).join()))
  await page.getByLabel('Show what changed').uncheck()
  await admin.untilContent('{\n  "status": "done"\n}')
  await page.getByLabel('Root type').selectOption('content')

  // Who looks at the past is left alone; who looks at the newest follows it.
  await slider.fill('2')
  await admin.untilContent('Once upon a time there was a loom')
  await edit(server, 'story', insert('* '))
  await page.getByText('Update 2 of 5').waitFor()
  await page.getByRole('button', { name: 'Newest' }).click()
  await admin.untilContent('* Once there was a loom!')
  await edit(server, 'story', insert('* '))
  await admin.untilContent('* * Once there was a loom!')
})

adminTest('a moment is named, found again by its name, and restored after a question', async ({ server, own, admin, page }) => {
  await edit(server, 'plan', insert('the first plan'))
  await edit(server, 'plan', remove(0, 14), insert('a worse plan'))
  const ann = join(server, own, 'plan')
  await ann.synced()
  await admin.openRoom('plan', 'history', '?at=1')
  await admin.untilContent('the first plan')
  await page.getByRole('button', { name: 'Name this moment …' }).click()
  await admin.confirm('Name it', { fields: { Name: 'good one', Note: 'before the meeting' } })
  await page.getByTestId('versions').getByText('before the meeting').waitFor()
  await page.getByRole('button', { name: 'Name this moment …' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('good one')
  await page.keyboard.press('Enter')
  await page.getByText('The room has a version of this name. Choose another one.').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Newest' }).click()
  await admin.untilContent('a worse plan')
  assert.ok(await page.getByRole('button', { name: 'Restore …' }).isDisabled())
  await page.getByRole('button', { name: 'good one', exact: true }).click()
  await admin.untilContent('the first plan')
  await page.getByRole('button', { name: 'Restore …' }).click()
  await admin.confirm('Restore')
  await eventually('Ann to see it', () => ann.doc.getText('content').toString() === 'the first plan')
  await page.getByText('Update 3 of 3').waitFor()
  await page.getByRole('button', { name: 'Forget the version good one' }).click()
  await admin.confirm('Forget the name')
  await page.getByText('No moment has a name yet').waitFor()
})

adminTest('the structure shows types, blocks of writers, and what was deleted', async ({ server, admin, page }) => {
  const doc = new Y.Doc()
  doc.clientID = 4711
  doc.getText('content').insert(0, 'kept and deleted')
  doc.getText('content').delete(4, 12)
  doc.getMap('meta').set('tags', Y.Array.from(['one', 'two']))
  await call(server, 'POST', `${pathOf('parts')}/update`, Y.encodeStateAsUpdate(doc))
  await admin.openRoom('parts', 'structure')
  const tiles = page.getByTestId('structure-tiles')
  await tiles.getByText('12', { exact: true }).waitFor()
  const tree = page.getByTestId('tree')
  await tree.locator('summary').filter({ hasText: 'content' }).press('Enter')
  await tree.getByText('kept', { exact: true }).waitFor()
  assert.equal(await tree.locator('del').count(), 1)
  await tree.getByText('meta', { exact: true }).click()
  await tree.getByText('tags', { exact: true }).click()
  await tree.getByText('"one", "two"').waitFor()
  const writers = page.getByTestId('writers')
  await writers.getByText('Client 4711').click()
  await writers.getByText('4 – 15').waitFor()
  await writers.getByText('in meta › tags').waitFor()
  await admin.openRoom('parts', 'structure', '?at=0')
  await page.getByText('The document is empty').waitFor()
})

adminTest('what waits for updates that have not come is told, and for what', async ({ server, own, admin, page }) => {
  await join(server, own, 'gap').synced()
  const doc = new Y.Doc()
  doc.clientID = 815
  doc.getText('content').insert(0, 'lost')
  const known = Y.encodeStateVector(doc)
  doc.getText('content').insert(4, 'waits')
  await call(server, 'POST', `${pathOf('gap')}/update`, Y.encodeStateAsUpdate(doc, known))
  const cell = admin.row('gap').locator('.col-waiting')
  await until('the list tells it', async () => (await cell.textContent()) === '1 block')
  assert.equal(await cell.getAttribute('title'), 'They wait for what client 815 wrote from 0 on.')
  await admin.openRoom('gap')
  await page.getByText(/since something before it is missing: client 815, clocks 0 to 3/).waitFor()
})

const HOSTILE = [
  '<img src=x onerror=alert(1)>', '"><script>alert(2)</script>', "'onmouseover='alert(3)", 'javascript:alert(4)', '</bdi></a><svg onload=alert(5)>',
  '\u202Egnirts desrever', 'a\u0007b', '#/live', '../../api/rooms', '{{7*7}}', '%3Cimg%20src=x%20onerror=alert(6)%3E'
]

adminTest('names and contents of strangers stay text, whatever is in them', async ({ server, own, admin, page }) => {
  const shown = (text) => text.replace(/[\u0007\u202e]/g, '·')
  for (const evil of HOSTILE) {
    await edit(server, evil, insert(evil), { op: 'map.set', name: evil, key: evil, value: evil })
    await call(server, 'PUT', `${pathOf(evil)}/versions/${encodeURIComponent(evil)}`, { note: evil })
    await call(server, 'POST', `${pathOf(evil)}/freeze`, { reason: evil })
    const stranger = join(server, own, evil)
    stranger.awareness.setLocalStateField('user', { name: evil, color: 'red;background:url(//evil)' })
    stranger.awareness.setLocalStateField('cursor', { anchor: { tname: evil, item: evil }, head: evil })
    await stranger.synced()
  }
  await page.getByText(`${HOSTILE.length} rooms in the log`).waitFor()
  assert.deepEqual((await admin.rooms()).sort(), HOSTILE.map(shown).sort())
  for (const evil of HOSTILE) {
    await admin.openRoom(evil)
    await until(`${evil} is shown`, async () => (await page.getByTestId('room-name').textContent()) === shown(evil))
    await until('the member is shown', async () => (await page.getByTestId('members').locator('.member-name').allTextContents())[0] === shown(evil).trim())
    await admin.openRoom(evil, 'history')
    await page.getByLabel('Root type').selectOption('content')
    await admin.untilContent(evil)
    await page.getByTestId('versions').getByText(shown(evil), { exact: true }).first().waitFor()
    await page.getByLabel('Show what changed').check()
    await until('it is inserted', async () => (await admin.content().locator('ins').textContent().catch(() => '')) === evil)
    await admin.openRoom(evil, 'structure')
    await page.getByTestId('tree').locator('summary').first().click()
    await page.getByTestId('writers').locator('summary').first().click()
    const strange = await page.locator('main').evaluate((main) => main.querySelectorAll('img, script, iframe, [onerror], [onload], [onmouseover], a[href^="javascript"]').length)
    assert.equal(strange, 0)
  }
})

serverTest('the page comes with a policy under which no markup can be made of text', async ({ server, own }) => {
  const response = await fetch(server.httpUrl('/admin'))
  const policy = response.headers.get('content-security-policy')
  for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"]) {
    assert.ok(policy.includes(part), `${part} is missing in ${policy}`)
  }
  assert.ok(!/unsafe|\*/.test(policy))
  assert.equal(response.headers.get('referrer-policy'), 'no-referrer')
  const admin = await openAdmin(browser, server, { token: null })
  own({ dispose: () => admin.close() })
  const refused = await admin.page.evaluate(() => {
    try {
      document.body.innerHTML = '<b>markup</b>'
      return false
    } catch {
      return true
    }
  })
  assert.ok(refused)
})

adminTest('a server that is gone is told, and found again by itself', async ({ server, admin, page }) => {
  await edit(server, 'room', insert('text'))
  await admin.openRoom('room')
  await page.getByText('Nobody is here').waitFor()
  await server.crash()
  await page.getByText('Server gone, trying again').waitFor()
  await page.getByTestId('room-name').waitFor()
  await server.start()
  await page.getByText('Connected').waitFor()
  await edit(server, 'room', insert('more '))
  await page.getByTestId('events').getByText('Edited, up to update 2').waitFor()
})

adminTest('everything is reached with the keyboard, and the theme is switched and kept', async ({ server, admin, page }) => {
  await edit(server, 'room', insert('text'))
  await page.reload()
  await page.getByText('1 room in the log').waitFor()
  await page.locator('body').press('Tab')
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim())
  assert.equal(await focused(), 'skip')
  await page.keyboard.press('Enter')
  assert.equal(await focused(), 'main')
  await admin.openRoom('room')
  await page.getByRole('tab', { name: 'Members' }).focus()
  await page.keyboard.press('ArrowRight')
  assert.equal(await focused(), 'tab-history')
  await page.keyboard.press('Enter')
  await admin.untilContent('text')
  await page.getByRole('button', { name: 'Freeze …' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('dialog').count(), 0)
  assert.equal(await focused(), 'Freeze …')

  const theme = () => page.evaluate(() => document.documentElement.dataset.theme)
  assert.equal(await theme(), 'light')
  await page.getByRole('button', { name: 'Dark theme' }).press('Enter')
  assert.equal(await theme(), 'dark')
  await page.reload()
  await page.getByTestId('room-name').waitFor()
  assert.equal(await theme(), 'dark')

  await admin.openView('live')
  const chart = page.getByRole('img', { name: /^Memory, now: Server [\d.]+ MB/ })
  await chart.waitFor()
  await chart.focus()
  await until('there are moments to go to', async () => (await page.locator('.chart .series').last().getAttribute('d')).split('L').length > 2)
  await page.keyboard.press('Home')
  await page.getByRole('img', { name: /^Memory, \d\d:\d\d:\d\d: Server/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('img', { name: /^Memory, now/ }).waitFor()
})
