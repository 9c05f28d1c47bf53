// Pictures of the admin page over a server with fifty rooms in which people write, at 1280 and at 390 pixels, light and
// dark. They are kept in WEFT_ARTEFACTS to be looked at; what a program can judge of them is asserted here.

import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before } from 'node:test'
import * as Y from 'yjs'
import { serverTest } from '../interop/weft_server.mjs'
import { BUSY_ROOM, BusyServer, call, openAdmin, pathOf, withToken } from './admin_page.mjs'
import { launchBrowser } from './editor_page.mjs'
import { artefacts, faintWords, LOOKS, misfits } from './looks.mjs'
import { until } from './until.mjs'

let browser

before(async () => {
  browser = await launchBrowser()
  await mkdir(artefacts, { recursive: true })
})

after(() => browser?.close())

/** An update that builds on one which nobody sends. */
function waitsForAnother() {
  const doc = new Y.Doc()
  doc.clientID = 20_417_733
  doc.getText('content').insert(0, 'A line that was lost on the way. ')
  const known = Y.encodeStateVector(doc)
  doc.getText('content').insert(doc.getText('content').length, 'And what comes after it.')
  return Y.encodeStateAsUpdate(doc, known)
}

serverTest('the admin page fits and can be read, at 1280 and at 390 pixels, light and dark, over fifty busy rooms', async ({ server, own, directory }) => {
  server.flags = withToken(directory)
  await server.start()
  const look = async (admins, state, { whole = false } = {}) => {
    for (const [i, admin] of admins.entries()) {
      const { width, colorScheme } = LOOKS[i]
      if (whole) await admin.page.evaluate(() => scrollTo(0, 0))
      await admin.page.screenshot({ path: join(artefacts, `admin-${state}-${width}-${colorScheme}.png`), fullPage: whole })
      assert.deepEqual(await misfits(admin.page), [], `${state}, ${width} ${colorScheme}`)
      assert.deepEqual(await faintWords(admin.page), [], `${state}, ${width} ${colorScheme}`)
    }
  }
  const each = (admins, work) => Promise.all(admins.map(work))
  const open = ({ width, height, colorScheme }, options) =>
    openAdmin(browser, server, { viewport: { width, height }, colorScheme, reducedMotion: 'reduce', ...options })

  const strangers = await Promise.all(LOOKS.map((size) => open(size, { token: null })))
  await each(strangers, ({ page }) => page.getByRole('heading', { name: 'Admin token' }).waitFor())
  await each(strangers, (admin) => admin.signIn('not-the-token'))
  await each(strangers, ({ page }) => page.getByText('This is not the token of an administrator.').waitFor())
  await look(strangers, 'sign-in')
  await each(strangers, (admin) => admin.signIn())
  await each(strangers, ({ page }) => page.getByText('There are no rooms yet').waitFor())
  await look(strangers, 'no-rooms')
  await each(strangers, (admin) => admin.close())

  const busy = own(await BusyServer.fill(server))
  await call(server, 'POST', `${pathOf(BUSY_ROOM)}/update`, waitsForAnother())
  const admins = await Promise.all(LOOKS.map((size) => open(size)))
  await each(admins, ({ page }) => page.getByText('50 rooms in the log').waitFor())
  await call(server, 'POST', `${pathOf('legal/glossary 4')}/freeze`, { reason: 'Signed on Monday' })
  const hasRates = async ({ page }) => (await page.locator('td.col-updates').allTextContents()).some((text) => /\/s$/.test(text)) &&
    /\/s$/.test(await page.getByTestId('tiles').locator('dd').nth(2).textContent())
  for (const admin of admins) await until('rates are shown', () => hasRates(admin))
  await each(admins, ({ page }) => page.getByTitle('Signed on Monday').waitFor())
  await look(admins, 'rooms')
  await each(admins, ({ page }) => page.getByLabel('Search rooms by name').fill('zebra'))
  await each(admins, ({ page }) => page.getByText('No room has this in its name').waitFor())
  await look(admins, 'nothing-found')

  await each(admins, (admin) => admin.openRoom(BUSY_ROOM))
  await each(admins, ({ page }) => page.getByText('5 members').waitFor())
  await each(admins, ({ page }) => page.getByText(/line \d+, column \d+ of content/).nth(4).waitFor())
  await each(admins, ({ page }) => page.getByTestId('events').getByText(/^Edited, up to update/).first().waitFor())
  await look(admins, 'members', { whole: true })
  await each(admins, ({ page }) => page.getByRole('button', { name: 'Delete …' }).click())
  await each(admins, ({ page }) => page.getByRole('dialog').waitFor())
  await look(admins, 'delete')
  await each(admins, ({ page }) => page.keyboard.press('Escape'))

  await each(admins, (admin) => admin.openRoom(BUSY_ROOM, 'history', '?at=62'))
  await each(admins, ({ page }) => page.getByText(/^Update 62 of/).waitFor())
  await each(admins, ({ page }) => page.locator('.bar-inserted').nth(20).waitFor({ state: 'attached' }))
  await each(admins, ({ page }) => page.locator('[data-testid=content][data-at="62"]').waitFor())
  await each(admins, ({ page }) => page.getByTestId('versions').getByText('first draft').waitFor())
  await look(admins, 'history', { whole: true })
  await each(admins, ({ page }) => page.getByLabel('Show what changed').check())
  await each(admins, ({ page }) => page.getByLabel('Compared with').fill('55'))
  await each(admins, ({ page }) => page.locator('pre del').first().waitFor())
  await look(admins, 'difference', { whole: true })

  await each(admins, (admin) => admin.openRoom(BUSY_ROOM, 'structure'))
  await each(admins, ({ page }) => page.getByTestId('tree').locator('summary').first().click())
  await each(admins, ({ page }) => page.getByTestId('writers').locator('summary').nth(1).click())
  await look(admins, 'structure', { whole: true })

  await each(admins, (admin) => admin.openView('live'))
  await each(admins, ({ page }) => page.locator('.chart .series').nth(12).waitFor({ state: 'attached' }))
  await look(admins, 'live', { whole: true })

  await busy.dispose()
  await server.crash()
  await each(admins, ({ page }) => page.getByText('Server gone, trying again').waitFor())
  await look(admins, 'gone')
  await server.start()
  await each(admins, ({ page }) => page.locator('#reach[data-state=there]').waitFor())
  for (const admin of admins) {
    assert.deepEqual(admin.complaints, [])
    await admin.close()
  }
}, { started: false, timeoutMs: 300_000 })
