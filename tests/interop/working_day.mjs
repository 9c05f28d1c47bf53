// What happens to somebody who edits with others: the same tests for each stock provider, in node and in a browser.

import assert from 'node:assert/strict'
import { eventually } from './eventually.mjs'
import { tokenTest } from './signer.mjs'
import { Wire } from './wire.mjs'

/** One person and the wire to the server. What they can do is that of `StockPerson`, perhaps far away. */
class Colleague {
  constructor(name, wire, person) {
    this.name = name
    this.wire = wire
    this.person = person
  }

  async write(words) {
    await this.person.write(words)
  }

  async isIn() {
    await eventually(`${this.name} to be in the room`, () => this.person.isIn())
  }

  async isOut() {
    await eventually(`${this.name} to be out`, async () => !(await this.person.isIn()))
  }

  async shows(text) {
    await eventually(`${this.name} to show "${text}"`, async () => (await this.person.text()) === text, {
      describe: () => this.person.text()
    })
  }

  /** All of `words`, and nothing else, in whatever order. */
  async showsAll(...words) {
    const sorted = (text) => [...text].sort().join('')
    await eventually(`${this.name} to show all of ${words}`,
      async () => sorted(await this.person.text()) === sorted(words.join('')), { describe: () => this.person.text() })
  }

  async isSaved() {
    await eventually(`everything of ${this.name} to be stored`, async () => !(await this.person.unsaved()), {
      describe: () => this.person.unsaved()
    })
  }

  async dispose() {
    await this.person.dispose()
    await this.wire.dispose()
  }
}

async function showTheSame(...people) {
  await eventually('all to show the same', async () => {
    const texts = await Promise.all(people.map(({ person }) => person.text()))
    return texts.every((text) => text === texts[0])
  })
}

/**
 * Registers the tests of one provider.
 *
 * @param {string} title
 * @param {(setup: { url: string, room: string, token: string }) => Promise<object>} makePerson
 */
export function workingDay(title, makePerson) {
  const dayTest = (words, body) =>
    tokenTest(
      `${title}: ${words}`,
      (context) => {
        const { server, own, signer } = context
        const join = async (name, role = 'write') => {
          const wire = await Wire.to(server.ports[0])
          const token = await signer.token(name, { '*': role })
          const person = await makePerson({ url: wire.websocketUrl, room: 'notes', token })
          const colleague = own(new Colleague(name, wire, person))
          await colleague.isIn()
          return colleague
        }
        return body({ ...context, join })
      },
      { timeoutMs: 60_000 }
    )

  dayTest('edits of two reach both, are stored, and are there for a third', async ({ join }) => {
    const ada = await join('ada')
    const bob = await join('bob')
    await ada.write('one ')
    await bob.shows('one ')
    await Promise.all([ada.write('abc'), bob.write('xyz')])
    for (const person of [ada, bob]) await person.showsAll('one ', 'abc', 'xyz')
    await showTheSame(ada, bob)
    for (const person of [ada, bob]) await person.isSaved()
    await showTheSame(ada, bob, await join('cyd'))
  })

  dayTest('who was offline brings what they wrote, and gets what they missed', async ({ join }) => {
    const ada = await join('ada')
    const bob = await join('bob')
    await ada.write('one ')
    await bob.shows('one ')
    await ada.isSaved()
    ada.wire.goDown()
    await ada.isOut()
    await ada.write('off')
    await bob.write('on')
    await bob.isSaved()
    await bob.shows('one on')
    await ada.shows('one off')
    // Null of a provider that does not count.
    assert.notEqual(await ada.person.unsaved(), 0, 'nobody may be told that it is stored')
    ada.wire.comeUp()
    for (const person of [ada, bob]) await person.showsAll('one ', 'off', 'on')
    await showTheSame(ada, bob)
    await ada.isSaved()
  })

  dayTest('a connection that is cut while they write comes back by itself', async ({ join }) => {
    const ada = await join('ada')
    const bob = await join('bob')
    let words = ''
    for (const letter of 'abcdefgh') {
      await ada.write(letter)
      await bob.write(letter.toUpperCase())
      words += letter + letter.toUpperCase()
      for (const person of [ada, bob]) person.wire.cut()
      if (letter === 'd') for (const person of [ada, bob]) await person.showsAll(words)
    }
    for (const person of [ada, bob]) await person.showsAll(words)
    await showTheSame(ada, bob)
    for (const person of [ada, bob]) await person.isSaved()
  })

  dayTest('a server that ends, or is killed, and starts again has everything of everybody', async ({ server, join }) => {
    const ada = await join('ada')
    const bob = await join('bob')
    const words = []
    for (const [round, end] of [() => server.stop(), () => server.crash()].entries()) {
      await ada.write(`before ${round} `)
      words.push(`before ${round} `)
      await bob.showsAll(...words)
      await end()
      for (const person of [ada, bob]) await person.isOut()
      await ada.write(`ada ${round} `)
      await bob.write(`bob ${round} `)
      words.push(`ada ${round} `, `bob ${round} `)
      await server.start()
      for (const person of [ada, bob]) await person.showsAll(...words)
      await showTheSame(ada, bob)
      for (const person of [ada, bob]) await person.isSaved()
    }
    await showTheSame(ada, bob, await join('cyd'))
  })

  dayTest('who may only read shows what others write, and changes nothing', async ({ join }) => {
    const ada = await join('ada')
    const rex = await join('rex', 'read')
    await ada.write('ada')
    await rex.shows('ada')
    await rex.write(' rex')
    // It comes back with the refused edit among what it has.
    rex.wire.cut()
    await ada.write(' ada')
    await rex.showsAll('ada', ' rex', ' ada')
    await rex.isIn()
    const cyd = await join('cyd')
    for (const person of [ada, cyd]) await person.shows('ada ada')
  })

  dayTest('who is revoked is out, writes to nobody, hears nothing, and the others go on', async ({ join, revoke }) => {
    const ada = await join('ada')
    const eve = await join('eve')
    await eve.write('both ')
    await ada.shows('both ')
    revoke('sub:eve')
    await eve.isOut()
    await eve.write('not taken')
    await ada.write('ada')
    await ada.isSaved()
    const cyd = await join('cyd')
    await cyd.shows('both ada')
    await cyd.write(' cyd')
    await ada.shows('both ada cyd')
    await eve.shows('both not taken')
    assert.equal(await eve.person.isIn(), false)
  })
}
