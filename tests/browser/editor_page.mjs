// The demo page as a person uses it: opened in Chromium, read and driven through its roles, labels and test ids.

import { access } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { until } from './until.mjs'

const CHROMIUM = process.env.WEFT_CHROMIUM ?? '/usr/bin/chromium'

/** Starts a headless Chromium with an empty profile. The caller closes it. */
export async function launchBrowser() {
  await access(CHROMIUM).catch(() => {
    throw new Error(`${CHROMIUM} is missing: install Debian's package chromium or set WEFT_CHROMIUM`)
  })
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  })
}

/** One page in a browser context of its own, that is, with storage of its own. Made by `openEditor`. */
export class EditorPage {
  /** What a page must not do: errors in the console, requests to other hosts. Failed reconnects are apart. */
  complaints = []
  failedReconnects = 0

  constructor(page, context, origin) {
    this.page = page
    this.context = context
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack}`))
    page.on('console', (message) => {
      if (message.type() === 'error') this.#onConsoleError(message.text())
    })
    page.on('request', (request) => {
      const { protocol, origin: target } = new URL(request.url())
      if (protocol !== 'data:' && target !== origin) this.complaints.push(`request to ${request.url()}`)
    })
  }

  #onConsoleError(text) {
    if (/^WebSocket connection to 'ws:\S+' failed/.test(text)) this.failedReconnects += 1
    else this.complaints.push(`console: ${text}`)
  }

  get content() {
    return this.page.getByRole('textbox', { name: /^Text of the room / })
  }

  get ownName() {
    return this.page.getByRole('textbox', { name: 'Your name' })
  }

  button(name) {
    return this.page.getByRole('button', { name })
  }

  /** The text as it stands on the screen, without the carets and names of others. For texts that fit the window. */
  text() {
    return this.content.evaluate((content) => {
      const copy = content.cloneNode(true)
      copy.querySelectorAll('[data-testid=remote-caret], .cm-placeholder').forEach((guest) => guest.remove())
      return [...copy.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n')
    })
  }

  async untilText(expected) {
    await until(`the page shows ${JSON.stringify(expected)}`, async () => (await this.text()) === expected,
      async () => JSON.stringify(await this.text()))
  }

  /** 'connecting', 'online', 'offline' or 'closed'. */
  state() {
    return this.page.getByTestId('connection').getAttribute('data-state')
  }

  async untilState(expected) {
    await until(`the connection is ${expected}`, async () => (await this.state()) === expected, () => this.state())
  }

  /** Edits that the page says the server may lack. */
  async waiting() {
    return Number(await this.page.getByTestId('unsent').getAttribute('data-waiting'))
  }

  async untilNothingWaits() {
    await until('no edit waits', async () => (await this.waiting()) === 0, () => this.waiting())
  }

  /** The names of the others in the list of who is here, sorted by the page. */
  others() {
    return this.page.getByTestId('people').locator('li .person-name').allTextContents()
  }

  async untilOthers(...names) {
    await until(`the others here are ${names.join(', ') || 'nobody'}`,
      async () => (await this.others()).join() === names.join(), () => this.others())
  }

  /** The carets of others: `[{ name, line, column }]`, counted from 0, in the order of the text. */
  carets() {
    return this.content.evaluate((content) => {
      const lines = [...content.querySelectorAll('.cm-line')]
      return [...content.querySelectorAll('[data-testid=remote-caret]')].map((caret) => {
        const line = caret.closest('.cm-line')
        const before = document.createRange()
        before.setStart(line, 0)
        before.setEndBefore(caret)
        const fragment = before.cloneContents()
        fragment.querySelectorAll('[data-testid=remote-caret], .cm-placeholder').forEach((guest) => guest.remove())
        const name = caret.querySelector('.remote-name').textContent
        return { name, line: lines.indexOf(line), column: fragment.textContent.length }
      })
    })
  }

  async untilCaret(name, line, column) {
    const wanted = JSON.stringify({ name, line, column })
    await until(`a caret ${wanted}`, async () => (await this.carets()).some((caret) => JSON.stringify(caret) === wanted),
      async () => JSON.stringify(await this.carets()))
  }

  /** Puts the caret at the text's 'start' or 'end' and types, key by key. */
  async typeAt(place, text) {
    await this.content.focus()
    await this.page.keyboard.press(place === 'start' ? 'Control+Home' : 'Control+End')
    await this.page.keyboard.type(text)
  }

  async close() {
    await this.context.close()
  }
}

/**
 * Opens `path` of the server in a new context and waits until the text has arrived, unless `awaited` is another state.
 * `name` is typed into "Your name"; `prepare(page)` runs before the page is loaded.
 */
export async function openEditor(browser, server, path, { name, awaited = 'online', prepare, ...contextOptions } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions })
  const page = await context.newPage()
  const editor = new EditorPage(page, context, server.origin)
  await prepare?.(page)
  await page.goto(server.origin + path)
  await editor.untilState(awaited)
  if (name) await editor.ownName.fill(name)
  return editor
}
