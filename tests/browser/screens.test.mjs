// Pictures of the demo page as four people see one text, at 1280 and at 390 pixels, light and dark. They are kept in
// WEFT_ARTEFACTS (default: tests/artefacts) to be looked at; what a program can judge of them is asserted here.

import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { launchBrowser, openEditor } from './editor_page.mjs'
import { artefacts, faintWords } from './looks.mjs'
import { startWeft } from './weft_server.mjs'

const TEXT = `Spring release: what we say first

Everyone who opens this page writes in the same text. Each person has a colour and a name, and nobody waits for anybody: \
you keep typing when the connection is gone, and the words meet again when it is back.

What is left to do
- Read the introduction aloud and cut whatever sounds like a brochure.
- Ask Tomás for the picture of the loom; the one we have is too small.
- Decide on Thursday whether the price list goes first.`

const VIEWS = [
  { name: 'Mira Lindqvist', width: 1280, height: 800, colorScheme: 'light' },
  { name: 'Ines', width: 1280, height: 800, colorScheme: 'dark' },
  { name: 'Tomás Rivera', width: 390, height: 844, colorScheme: 'light' },
  { name: 'Jun Watanabe', width: 390, height: 844, colorScheme: 'dark' },
]

let server
let browser

before(async () => {
  server = await startWeft()
  browser = await launchBrowser()
  await mkdir(artefacts, { recursive: true })
})

after(async () => {
  await browser?.close()
  await server?.dispose()
})

async function openAll(path) {
  const editors = []
  for (const { name, width, height, colorScheme } of VIEWS) {
    editors.push(await openEditor(browser, server, path, { name, viewport: { width, height }, colorScheme }))
  }
  return editors
}

function nameOf(view, state) {
  return join(artefacts, `editor-${state}-${view.width}-${view.colorScheme}.png`)
}

/** What sticks out of the window sideways, or is too small to be touched or clicked. */
function misfits(page) {
  return page.evaluate(() => {
    const found = []
    if (document.scrollingElement.scrollWidth > innerWidth) found.push(`the page is ${document.scrollingElement.scrollWidth} wide`)
    for (const control of document.querySelectorAll('button, input')) {
      const { left, right, width, height } = control.getBoundingClientRect()
      if (left < 0 || right > innerWidth) found.push(`${control.id} sticks out`)
      if (width < 24 || height < 24) found.push(`${control.id} is ${width} by ${height}`)
    }
    return found
  })
}

test('the page fits and can be read, at 1280 and at 390 pixels, light and dark, while four people write', async () => {
  const editors = await openAll('/#spring-release')
  const [mira] = editors
  await mira.content.focus()
  await mira.page.keyboard.insertText(TEXT)
  for (const editor of editors) await editor.untilText(TEXT)
  for (const [i, editor] of editors.entries()) {
    await editor.content.focus()
    await editor.page.keyboard.press('Control+Home')
    for (let down = 0; down < 3 * i; down += 1) await editor.page.keyboard.press('ArrowDown')
    await editor.page.keyboard.press('End')
    await editor.page.keyboard.press('Shift+Control+ArrowLeft')
  }
  for (const [i, editor] of editors.entries()) {
    await editor.untilOthers(...VIEWS.filter((view) => view !== VIEWS[i]).map((view) => view.name).sort())
    await editor.untilNothingWaits()
  }
  for (const [i, editor] of editors.entries()) {
    await editor.page.screenshot({ path: nameOf(VIEWS[i], 'together') })
    assert.deepEqual(await misfits(editor.page), [], `${VIEWS[i].width} ${VIEWS[i].colorScheme}`)
    assert.deepEqual(await faintWords(editor.page), [], `${VIEWS[i].width} ${VIEWS[i].colorScheme}`)
  }
  for (const editor of editors) {
    assert.deepEqual(editor.complaints, [])
    await editor.close()
  }
})

test('an empty text invites to write, and a lost server is told in words', async () => {
  const editors = await openAll('/#empty')
  for (const [i, editor] of editors.entries()) {
    await editor.page.getByText('Write something.').waitFor()
    await editor.page.screenshot({ path: nameOf(VIEWS[i], 'empty') })
  }
  await server.stop('SIGKILL')
  for (const [i, editor] of editors.entries()) {
    await editor.untilState('offline')
    await editor.page.getByText('Offline', { exact: true }).waitFor()
    await editor.typeAt('start', 'Written without a server.')
    await editor.page.getByText('25 edits not sent yet: keep this page open.').waitFor()
    await editor.page.screenshot({ path: nameOf(VIEWS[i], 'offline') })
    assert.deepEqual(await misfits(editor.page), [])
  }
  for (const editor of editors) {
    assert.deepEqual(editor.complaints, [])
    await editor.close()
  }
})
