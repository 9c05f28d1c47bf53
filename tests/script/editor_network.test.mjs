// The script editor's page without a browser, with a real server and a bad network: what the socket hears, what HTTP calls are
// answered and the news that a connection is gone come late, each in its own time; connections break, the server crashes, tokens
// end. Whatever the order, in the end every edit is stored, everybody is in edit mode, and server and pages have the same script.
//
// WEFT_SEED is the first seed, WEFT_NETWORK_SEEDS their number; a failure names its own.

import assert from 'node:assert/strict'
import WebSocket from 'ws'
import { eventually } from '../interop/eventually.mjs'
import { load } from './editor_parts.mjs'
import { ada, bob, scriptTest, tokenOf } from './script_server.mjs'

const { Desk, Link, ScriptApi } = await load('link', 'desk', 'script_api')

const firstSeed = Number(process.env.WEFT_SEED ?? 1)
const seeds = Number(process.env.WEFT_NETWORK_SEEDS ?? 12)

function numbersFrom(seed) {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Things happen in the order in which they were said, each a while after that. */
class Line {
  #last = Promise.resolve()

  constructor(wait) {
    this.wait = wait
  }

  then(act) {
    const { wait } = this
    this.#last = this.#last.then(() => new Promise((resolve) => setTimeout(resolve, wait()))).then(act)
  }
}

/** Sockets whose messages are late, in both directions. */
function lateSockets(wait, all) {
  return class {
    readyState = 0

    constructor(url) {
      all.push(this)
      this.out = new Line(wait)
      const back = new Line(wait)
      const socket = this.socket = new WebSocket(url)
      socket.on('message', (bytes) => back.then(() => { if (this.readyState === 1) this.onmessage?.({ data: String(bytes) }) }))
      socket.on('open', () => { this.readyState = 1 })
      socket.on('error', () => {})
      socket.on('close', (code, reason) => back.then(() => {
        this.readyState = 3
        this.onclose?.({ code, reason: String(reason) })
      }))
    }

    send(text) {
      this.out.then(() => { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text) })
    }

    close() {
      this.readyState = 2
      this.out.then(() => this.socket.close())
    }

    cut() {
      this.socket.terminate()
    }
  }
}

function lateCalls(api, wait) {
  const late = () => new Promise((resolve) => setTimeout(resolve, wait()))
  return new Proxy(api, {
    get: (target, name) => typeof target[name] !== 'function' ? target[name] : async (...words) => {
      await late()
      try {
        return await target[name](...words)
      } finally {
        await late()
      }
    },
    set: (target, name, value) => Reflect.set(target, name, value)
  })
}

class Page {
  notices = []

  constructor(theatre, user, wait) {
    this.sockets = []
    this.user = user
    const api = this.api = new ScriptApi(tokenOf(user), theatre.server.httpUrl('/api/v1/'))
    this.link = new Link({ url: theatre.url, token: () => api.token, WebSocket: lateSockets(wait, this.sockets), onUnheard: (message) => this.notices.push(message) })
    api.onUnknown = (words) => this.link.refuse(words)
    this.desk = new Desk(this.link, lateCalls(api, wait), {
      notice: (words) => this.notices.push(words),
      lost: (unsaved) => this.notices.push(`lost ${unsaved}`),
      unknown: () => {
        api.token = ''
        this.isOut = true
      }
    })
  }

  signIn() {
    this.isOut = false
    this.api.token = tokenOf(this.user, { jti: `${Math.random()}` })
    this.link.renew()
  }

  cut() {
    this.sockets.at(-1)?.cut()
  }

  get text() {
    return this.desk.room.script.linesOf(1)[0].parts[0].text
  }

  type(words) {
    if (this.desk.canType) this.desk.room.script.setText('1', 0, this.text + words)
  }

  describe() {
    const { desk } = this
    const { room } = desk
    return JSON.stringify({
      connection: desk.connection, sockets: this.sockets.length, last: this.sockets.at(-1).socket.readyState, uuid: this.link.uuid,
      mode: desk.mode, wish: desk.wish, asked: desk.asked, refusal: desk.refusal, end: desk.tokenEnd, config: desk.config,
      trouble: desk.roomTrouble, room: room && { state: room.state, unsaved: room.unsaved, mayWrite: room.mayWrite, isHeldBack: room.isHeldBack },
      notices: this.notices.slice(-5)
    })
  }

  dispose() {
    this.desk.end()
  }
}

for (let seed = firstSeed; seed < firstSeed + seeds; ++seed) {
  scriptTest(`Hazard 27: on a bad network every edit is stored in the end, seed ${seed}`, async ({ theatre, server, own }) => {
    const random = numbersFrom(seed)
    const slowest = [0, 4, 30][random(3)]
    let isStill = false
    const wait = () => isStill || slowest === 0 ? 0 : random(3) === 0 ? random(slowest * 3) : random(slowest)
    const pages = [own(new Page(theatre, ada, wait)), ...random(2) === 0 ? [own(new Page(theatre, bob, wait))] : []]
    for (const page of pages) {
      await eventually('the page to know where it is', () => page.desk.isReady, { describe: () => page.describe() })
      page.desk.request('edit')
      await eventually('edit mode', () => page.desk.canType, { describe: () => page.describe() })
    }
    const told = []
    const steps = 2 + random(8)
    for (let step = 0; step < steps; ++step) {
      const page = pages[random(pages.length)]
      const what = random(8)
      told.push(what)
      if (what < 3) {
        page.type('.'.repeat(1 + random(3)))
      } else if (what === 3) page.cut()
      else if (what === 4) page.link.restart()
      else if (what === 5) page.link.refuse('Invalid or expired token')
      else if (what === 6) {
        await server.crash()
        for (const one of pages) one.type('c')
        await server.start()
      } else if (page.isOut) page.signIn()
      for (let i = random(4); i > 0; --i) await new Promise((resolve) => setTimeout(resolve, random(2 + slowest)))
    }
    for (const page of pages) if (page.isOut) page.signIn()
    isStill = random(2) === 0
    for (const page of pages) {
      const isThere = () => page.desk.connection === 'open' && page.desk.room?.unsaved === 0 && page.desk.canType
      await eventually(`every edit to be stored after ${told}`, isThere, { withinMs: 20_000, describe: () => page.describe() })
    }
    await eventually('one script', () => new Set(pages.map((page) => page.text)).size === 1)
    const witness = await theatre.viewer(3)
    assert.equal(witness.texts()[1][0], pages[0].text)
  })
}
