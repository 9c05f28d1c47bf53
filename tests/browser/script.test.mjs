// The script editor over `weft serve --script`: two editors and a reader through a whole evening in headless Chromium.
// Screenshots of each state, at 1280 and at 390 pixels, light and dark, go to WEFT_ARTEFACTS.

import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { launchBrowser } from './editor_page.mjs'
import { artefacts, faintWords, LOOKS, misfits } from './looks.mjs'
import { manyPages, openScript, scriptTest } from './script_page.mjs'
import { until } from './until.mjs'

let browser

before(async () => {
  browser = await launchBrowser()
  await mkdir(artefacts, { recursive: true })
})

after(() => browser?.close())

/** The page in each size and colour: kept as a picture, and checked for what sticks out, is too small or too faint. */
async function look({ page }, state) {
  const size = page.viewportSize()
  for (const { width, height, colorScheme } of LOOKS) {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme })
    await page.locator(`[data-theme=${colorScheme}]`).waitFor({ state: 'attached' })
    await page.screenshot({ path: join(artefacts, `script-${state}-${width}-${colorScheme}.png`) })
    assert.deepEqual(await misfits(page), [], `${state}, ${width} ${colorScheme}`)
    assert.deepEqual(await faintWords(page), [], `${state}, ${width} ${colorScheme}`)
  }
  await page.setViewportSize(size)
  await page.emulateMedia({ colorScheme: 'light' })
}

scriptTest('three people through a whole evening', async ({ server, tokenOf }) => {
  // Signing in: with a form, and with the address.
  const ada = await openScript(browser, server, 'Ada', '')
  await ada.page.getByRole('heading', { name: 'Sign in to the script' }).waitFor()
  await ada.page.getByLabel('Token', { exact: true }).fill('not-a-token')
  await ada.button('Sign in').click()
  await ada.page.getByText('The server does not know this token').waitFor()
  await look(ada, 'sign-in')
  await ada.page.getByLabel('Token', { exact: true }).fill(tokenOf('ada'))
  await ada.button('Sign in').click()
  await ada.line('Boatswain!').waitFor()
  const ben = await openScript(browser, server, 'Ben', tokenOf('ben'), { colorScheme: 'dark' })
  const cleo = await openScript(browser, server, 'Cleo', tokenOf('cleo'), { viewport: { width: 390, height: 844 } })
  const all = [ada, ben, cleo]
  for (const somebody of all) assert.equal(new URL(somebody.page.url()).hash.includes('token'), false, 'the token is not left in the address')
  await cleo.page.getByTestId('mode-why').getByText('You may read this show, but not write in it.').waitFor()
  await ada.page.getByText('Ada Brook', { exact: true }).first().waitFor()
  await look(ada, 'view')

  // Reading: pages by button and number.
  await cleo.button('Next page').click()
  await cleo.line('If by your art').waitFor()
  await cleo.page.getByLabel('Page', { exact: true }).fill('3')
  await cleo.page.keyboard.press('Enter')
  await cleo.line('Beseech you, sir').waitFor()
  await cleo.button('Previous page').click()
  await cleo.button('Previous page').click()

  // Editing: who does not edit joins and sees every change.
  await ada.edit()
  await cleo.banner('watching').getByText('Ada Brook is editing.').waitFor()
  await ben.edit()
  await ada.open('Here, master')
  await ada.page.keyboard.press('End')
  await ada.page.keyboard.type(' Ho!')
  await cleo.untilText('what Ada types', (lines) => lines[2] === 'Here, master: what cheer? Ho!')
  await ben.open('Take in the topsail')
  const badge = ada.line('Take in the topsail').getByTestId('badge')
  await badge.waitFor()
  assert.equal(await badge.textContent(), 'Ben Okafor')
  assert.equal(await badge.evaluate((element) => getComputedStyle(element).backgroundColor), 'rgb(127, 40, 189)', 'hue 275.016 of user 2')
  await ada.page.getByTestId('people').getByText('Ben Okafor').waitFor()
  assert.deepEqual((await ada.page.getByTestId('role').allTextContents()).sort(), ['Editor', 'Editor', 'Viewer'])
  await look(ada, 'edit')

  // Two in one text, at once.
  await ben.page.keyboard.press('Escape')
  await ben.open('Ho!')
  await ben.page.keyboard.press('Control+Home')
  await ada.page.keyboard.press('Control+End')
  await Promise.all([ada.page.keyboard.type(' What cheer, I say?'), ben.page.keyboard.type('Aye, aye! ')])
  for (const somebody of all) {
    await somebody.untilText('what both typed', (lines) => lines[2] === 'Aye, aye! Here, master: what cheer? Ho! What cheer, I say?')
  }
  await ada.page.keyboard.press('Control+z')
  await ada.untilText('what Ada took back, and nothing of Ben', (lines) => lines[2].startsWith('Aye, aye! Here, master') && !lines[2].includes('I say'))
  await ben.page.keyboard.press('Escape')

  // Lines: added below, with act and scene of the one before, moved, deleted, brought back.
  await ada.page.keyboard.press('Control+Enter')
  await ada.untilText('a new line', (lines) => lines.length === 13 && lines[3] === '')
  await ada.page.keyboard.type('What, must our mouths be cold?')
  assert.equal(await ada.page.locator('.editing').getByLabel('Scene').evaluate((select) => select.selectedOptions[0].textContent), 'On a ship at sea')
  await ada.page.keyboard.press('Alt+ArrowDown')
  await ben.untilText('the line one place further', (lines) => lines[4] === 'What, must our mouths be cold?')
  await ben.line('I pray now').click()
  await ben.page.locator('.editing').getByRole('button', { name: 'Delete the line' }).click()
  await ada.untilText('a line less', (lines) => !lines.includes('I pray now, keep below.'))
  await ben.button('Undo (Ctrl Z)').click()
  await ada.untilText('the line again', (lines) => lines.includes('I pray now, keep below.'))

  // A save that fails says what is wrong and where, to everybody; the link leads there.
  await ada.save()
  for (const somebody of all) await somebody.banner('problems').getByText('Not saved: 1 thing to put right first.').waitFor()
  await look(ada, 'problems')
  await ada.page.keyboard.press('Escape')
  await ada.banner('problems').getByRole('link').click()
  await ada.page.locator('.editing').getByLabel('Who speaks').selectOption({ label: 'Boatswain' })
  await ada.page.locator('.editing').getByRole('button', { name: 'Part', exact: true }).click()
  await ada.words(1).fill('All drowned!')
  await ada.page.locator('.editing').getByLabel('Who speaks of part 2').selectOption({ label: 'Mariners' })
  await look(ada, 'parts')
  await ada.page.keyboard.press('Escape')

  // A page that nobody had: both begin it at once.
  await ada.page.goto(server.httpUrl('/script/#/page/4'))
  await ben.page.goto(server.httpUrl('/script/#/page/4'))
  await Promise.all([ada, ben].map(({ page }) => page.locator('.adding').getByRole('button', { name: 'Stage direction' }).click()))
  for (const somebody of [ada, ben]) await somebody.untilText('both lines', (lines) => lines.length === 2)
  await Promise.all([ada.words().fill('Enter Ariel.'), ben.words().fill('Music.')])
  for (const somebody of [ada, ben]) await somebody.untilText('both directions', (lines) => [...lines].sort().join() === 'Enter Ariel.,Music.')
  await ada.untilStored()
  await ben.untilStored()
  await ada.save()
  for (const somebody of all) await somebody.untilSaved()
  await look(ada, 'saved')
  const stored = await (await fetch(server.httpUrl('/api/v1/show/script?page=4'))).json()
  assert.deepEqual(stored.lines.map((line) => line.line_parts[0].line_text).sort(), ['Enter Ariel.', 'Music.'])
  // Ids are the ones of the database now; who had a line open has it still.
  await ada.words().focus()
  await ada.page.keyboard.press('End')
  await ada.page.keyboard.type(' Thunder.')
  await ben.untilText('what Ada types after the save', (lines) => lines.some((line) => line.endsWith(' Thunder.')))
  await ada.untilStored()
  await ada.save()
  await ben.untilSaved()

  // The last editor leaves: readers see what is saved.
  for (const somebody of [ada, ben]) {
    await somebody.view()
    await somebody.page.goto(server.httpUrl('/script/#/page/1'))
  }
  await cleo.banner('watching').waitFor({ state: 'detached' })
  await cleo.untilText('what is saved', (lines) => lines.includes('What, must our mouths be cold? / All drowned!'))

  // A draft that is left, found, discarded; and one that is found and taken up again.
  for (const [word, choice] of [['Gone!', 'Discard …'], ['Kept!', 'Resume editing']]) {
    await ada.edit()
    await ada.open('Boatswain!')
    await ada.words().fill(`Boatswain! ${word}`)
    await ada.page.keyboard.press('Escape')
    await ada.view()
    await ben.banner('draft').waitFor()
    await ben.untilText('what is saved', (lines) => lines[1] === 'Boatswain!')
    if (word === 'Gone!') await look(ben, 'draft')
    await ben.mode('edit').click()
    await ben.page.getByRole('dialog').waitFor()
    if (word === 'Gone!') await look(ben, 'draft-dialog')
    await ben.page.getByRole('dialog').getByRole('button', { name: choice, exact: true }).click()
    if (word === 'Gone!') await ben.answer('Discard the changes')
    if (word === 'Gone!') await ben.banner('draft').waitFor({ state: 'detached' })
    else await ben.untilText('the draft', (lines) => lines[1] === 'Boatswain! Kept!')
  }
  await ben.save()
  await ben.untilSaved()

  // Cuts: not while somebody edits, and one person at a time.
  await until('the reason is said', async () => /Ben Okafor is editing/.test(await ada.page.getByTestId('mode-why').textContent()))
  await ada.mode('cuts').click({ force: true })
  assert.equal(await ada.mode('view').getAttribute('aria-pressed'), 'true')
  await ben.view()
  await until('cutting is free', async () => (await ada.mode('cuts').getAttribute('aria-disabled')) === null)
  await ada.mode('cuts').click()
  await ada.line('Here, master').getByRole('checkbox').check()
  await ben.page.getByText('Ada Brook is marking cuts. You can edit when that is done.').waitFor()
  await look(ada, 'cuts')
  await ada.button('Store cuts').click()
  await cleo.line('Here, master').locator('s').waitFor()
  await ada.view()

  // The show runs: everybody is frozen, and goes on afterwards.
  await ben.edit()
  await ben.open('Good boatswain')
  await ada.button('Start a live session …').click()
  await ada.answer('Start the session')
  for (const somebody of all) await somebody.banner('live').waitFor()
  await until('the field is frozen', () => ben.words().evaluate((area) => area.readOnly))
  await look(ben, 'live')
  await ada.banner('live').getByRole('button', { name: 'End the live session' }).click()
  for (const somebody of all) await somebody.banner('live').waitFor({ state: 'detached' })
  await until('the field is free', () => ben.words().evaluate((area) => !area.readOnly))
  await ben.words().focus()
  await ben.page.keyboard.press('Control+End')
  await ben.page.keyboard.type(' Again.')
  await cleo.untilText('what Ben types after the show', (lines) => lines.some((line) => line.endsWith('Play the men. Again.')))

  // Without a connection: edits are counted, and come back.
  await ada.edit()
  await ben.goOffline()
  await ben.page.keyboard.type(' Off.')
  await ben.banner('offline').getByText(/edits of yours wait here/).waitFor()
  await look(ben, 'offline')
  await ada.open('Where’s the master')
  await ada.page.keyboard.press('Control+Home')
  await ada.page.keyboard.type('Oh! ')
  await ada.page.keyboard.press('Escape')
  await ben.goOnline()
  for (const somebody of all) await somebody.untilText('both edits', (lines) => lines.includes('Oh! Good boatswain, have care. Where’s the master? Play the men. Again. Off.'))
  await ben.untilStored()
  assert.equal(await ben.mode('edit').getAttribute('aria-pressed'), 'true')

  // The server dies in the middle of a word, and comes back.
  await server.crash()
  for (const somebody of all) await somebody.banner('offline').waitFor()
  await ben.words().focus()
  await ben.page.keyboard.press('Control+End')
  await ben.page.keyboard.type(' Back.')
  await server.start()
  for (const somebody of all) await somebody.banner('offline').waitFor({ state: 'detached' })
  for (const somebody of all) await somebody.untilText('what Ben typed meanwhile', (lines) => lines.some((line) => line.endsWith('Again. Off. Back.')))
  await ben.untilStored()
  await ben.untilMode('edit')
  await ada.untilMode('edit')
  await ada.save()
  for (const somebody of all) await somebody.untilSaved()

  // Revisions: what is guarded says why; a new one, and back.
  const revision = (somebody, words) => somebody.page.getByTestId('revisions').locator('li').filter({ hasText: words })
  await revision(ada, 'Schools tour').locator('summary').click()
  assert.equal(await revision(ada, 'Schools tour').getByRole('button', { name: 'Load' }).isDisabled(), true)
  await revision(ada, 'Schools tour').getByText('The current revision is in work').waitFor()
  await look(ada, 'revisions')
  await ada.view()
  await ben.view()
  await until('the current revision is free', () => revision(ada, 'Schools tour').getByRole('button', { name: 'Load' }).isEnabled())
  await revision(ada, 'After the read-through').locator('summary').click()
  await revision(ada, 'After the read-through').getByRole('button', { name: 'New from this …' }).click()
  await ada.page.getByRole('dialog').getByLabel('What is it for?').fill('For the tour')
  await ada.answer('Begin the revision')
  for (const somebody of all) await somebody.page.getByText('Revision 4 · For the tour').waitFor()
  await revision(ben, 'Schools tour').locator('summary').click()
  await revision(ben, 'Schools tour').getByRole('button', { name: 'Load' }).click()
  await cleo.page.getByText('Revision 3 · Schools tour').waitFor()
  await cleo.untilText('the lines of that revision', (lines) => lines[1] === 'Boatswain!')
  await revision(ada, 'For the tour').locator('summary').click()
  await revision(ada, 'For the tour').getByRole('button', { name: 'Delete …' }).click()
  await ada.answer('Delete the revision')
  await revision(ben, 'For the tour').waitFor({ state: 'detached' })

  for (const somebody of all) {
    assert.deepEqual(somebody.complaints, [], somebody.person)
    await somebody.close()
  }
}, { timeoutMs: 300_000 })

scriptTest('a token that is over is asked for again, and one that is revoked leaves the words to who wrote them', async ({ server, directory, tokenOf }) => {
  const revoked = join(directory, 'revoked')
  await writeFile(revoked, '')
  server.flags.push('--auth-revoked-file', revoked)
  await server.stop()
  await server.start()
  const ada = await openScript(browser, server, 'Ada', tokenOf('ada', '--id', 'first'))
  await ada.edit()
  await ada.open('Boatswain!')
  await ada.page.keyboard.press('End')
  await server.crash()
  await ada.banner('offline').waitFor()
  await ada.page.keyboard.type(' Ho!')

  // The server comes back with another secret: to it her token is one whose time is over.
  await writeFile(join(directory, 'secret'), `${'5ec2e7'.repeat(11)}\n`)
  await server.start()
  const dialog = ada.page.getByRole('dialog', { name: 'Sign in again' })
  await ada.banner('token').getByText('4 edits of yours wait here').waitFor()
  await dialog.getByText('4 edits of yours wait in this page').waitFor()
  await look(ada, 'token-dialog')
  const sign = async (token) => {
    await dialog.getByLabel('Token').fill(token)
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click()
  }
  await sign('nonsense')
  await dialog.getByText('The server does not know this token').waitFor()
  await sign(tokenOf('ben'))
  await dialog.getByText('This is the token of Ben Okafor, and this page is that of Ada Brook.').waitFor()
  await ada.page.keyboard.press('Escape')
  await look(ada, 'token')
  assert.equal((await ada.text())[1], 'Boatswain! Ho!')
  await ada.banner('token').getByRole('button', { name: 'Sign in again …' }).click()
  const second = tokenOf('ada', '--id', 'second')
  await sign(second)
  await ada.banner('token').waitFor({ state: 'detached' })
  await ada.untilStored()
  await ada.untilMode('edit')
  assert.equal((await ada.text())[1], 'Boatswain! Ho!')
  await ada.save()
  await ada.untilSaved()
  assert.equal((await (await fetch(server.httpUrl('/api/v1/show/script?page=1'))).json()).lines[1].line_parts[0].line_text, 'Boatswain! Ho!')

  // Revoked: nothing of hers is taken any more, and she has it still.
  await ada.words().focus()
  await ada.page.keyboard.press('End')
  await ada.goOffline()
  await ada.page.keyboard.type(' Mine.')
  await writeFile(revoked, 'jti:second\n')
  process.kill(server.pid, 'SIGHUP')
  await until('the token is revoked', async () => (await fetch(server.httpUrl('/api/v1/auth'), { headers: { Authorization: `Bearer ${second}` } })).status === 401)
  await ada.goOnline()
  await ada.banner('revoked').getByText('6 edits of yours were not sent').waitFor()
  await look(ada, 'revoked')
  const [download] = await Promise.all([ada.page.waitForEvent('download'), ada.banner('revoked').getByRole('button', { name: 'Download it' }).click()])
  assert.equal(download.suggestedFilename(), 'The-Tempest-not-sent.txt')
  assert.match(await readFile(await download.path(), 'utf8'), /^Page 1\n\n\(A tempestuous noise .*\)\nMaster: Boatswain! Ho! Mine\.\n/)
  await ada.banner('revoked').getByRole('button', { name: 'Leave …' }).click()
  await ada.answer('Leave without them')
  await ada.page.getByRole('heading', { name: 'Sign in to the script' }).waitFor()
  await ada.page.getByText('Your token was revoked.').waitFor()
  assert.deepEqual(ada.complaints, [])
  await ada.close()
})

scriptTest('the keyboard alone is enough', async ({ server, tokenOf }) => {
  const ada = await openScript(browser, server, 'Ada', tokenOf('ada'))
  const { keyboard } = ada.page
  await until('editing is allowed', async () => (await ada.mode('edit').getAttribute('aria-disabled')) === null)
  await ada.mode('edit').focus()
  await keyboard.press('Enter')
  await ada.page.locator('.adding').waitFor()
  await ada.lines().first().focus()
  await keyboard.press('ArrowDown')
  await keyboard.press('Enter')
  await until('the words have the keys', () => ada.words().evaluate((area) => area === document.activeElement))
  await keyboard.type(' Ho!')
  await keyboard.press('Escape')
  await ada.untilText('the line', (lines) => lines[1] === 'Boatswain! Ho!')
  await until('the line has the keys', () => ada.lines().nth(1).evaluate((item) => item === document.activeElement))
  await keyboard.press('Alt+ArrowUp')
  await ada.untilText('the line moved up', (lines) => lines[0] === 'Boatswain! Ho!')
  await keyboard.press('Delete')
  await ada.untilText('the line gone', (lines) => !lines.includes('Boatswain! Ho!'))
  await keyboard.press('Control+z')
  await ada.untilText('the line again', (lines) => lines[0] === 'Boatswain! Ho!')
  await keyboard.press('Alt+PageDown')
  await ada.line('If by your art').waitFor()
  await ada.untilStored()
  await keyboard.press('Control+s')
  await ada.untilSaved()
  await keyboard.press('?')
  await ada.page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  await look(ada, 'keyboard')
  await keyboard.press('Escape')
  assert.deepEqual(ada.complaints, [])
  await ada.close()
})

scriptTest('a script of 300 pages: one page is in the tree, and its save shows progress to others', async ({ server, tokenOf }) => {
  const ada = await openScript(browser, server, 'Ada', tokenOf('ada'))
  await ada.edit()
  const ben = await openScript(browser, server, 'Ben', tokenOf('ben'), { path: '#/page/150' })
  await ben.line('Page 150, line 39').waitFor()
  assert.equal(await ben.lines().count(), 40)
  assert.equal(await ben.page.getByTestId('page-count').textContent(), 'of 300')
  await ben.banner('watching').waitFor()
  const states = await ben.page.evaluateHandle(() => {
    const seen = []
    const state = document.querySelector('[data-testid=save-state]')
    new MutationObserver(() => seen.push(state.textContent)).observe(state, { childList: true, characterData: true, subtree: true })
    return seen
  })
  await ada.open('Page 1, line 1.')
  await ada.page.keyboard.type(' Ho!')
  await ada.untilStored()
  await ada.save()
  await ben.untilSaved()
  assert.ok((await states.jsonValue()).some((text) => text.startsWith('Saving ')), 'who does not save sees the progress, too')
  await ben.page.goto(server.httpUrl('/script/#/page/1'))
  await ben.untilText('the first page', (lines) => lines[0].endsWith('Ho!'))
  for (const somebody of [ada, ben]) {
    assert.deepEqual(somebody.complaints, [])
    await somebody.close()
  }
}, { lines: manyPages(300), timeoutMs: 180_000 })
