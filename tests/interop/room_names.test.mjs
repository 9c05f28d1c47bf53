// Which address leads to which room.

import assert from 'node:assert/strict'
import { converged } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { serverTest } from './weft_server.mjs'

const textOf = (editor) => editor.doc.getText('text').toString()

async function joined(server, own, room, options = {}) {
  const editor = own(new Editor(server, room, { name: `an editor of ${room}`, ...options }))
  await editor.synced()
  return editor
}

/** Names as an application hands them to the provider; no two of them are the same room. */
const kNames = [
  'plain',
  'Plain',
  'a/b/c',
  'a/b',
  'a',
  'mit leerzeichen',
  'ärger',
  'комната',
  '部屋',
  '😀',
  'a+b',
  "it's~(odd)!*;:@&=$,",
  '100%25',
  'question%3Fmark',
  'hash%23tag',
  encodeURIComponent('näme/mit/schräg'),
  'dots..',
  '...',
  'x'.repeat(300)
]

serverTest('editors meet under every kind of room name, and no two rooms are mixed up', async ({ server, own }) => {
  const pairs = []
  for (const name of kNames) pairs.push([name, await joined(server, own, name), await joined(server, own, name)])
  for (const [name, writer] of pairs) writer.doc.getText('text').insert(0, `this is ${name}`)
  for (const [name, writer, reader] of pairs) {
    await converged([writer, reader])
    assert.equal(textOf(reader), `this is ${name}`)
  }
})

serverTest('a name means the same room with its letters escaped or not', async ({ server, own }) => {
  for (const [written, escaped] of [
    ['ärger', '%C3%A4rger'],
    ['plain', '%70lain'],
    ['~tilde', '%7Etilde'],
    ['a b', 'a%20b'],
    ['漢', '%e6%bc%a2']
  ]) {
    const writer = await joined(server, own, written)
    const reader = await joined(server, own, escaped)
    writer.doc.getText('text').insert(0, written)
    await converged([writer, reader])
    assert.equal(textOf(reader), written)
  }
})

serverTest('room names survive a restart with their content', async ({ server, own }) => {
  for (const name of kNames) {
    const writer = await joined(server, own, name)
    writer.doc.getText('text').insert(0, `this is ${name}`)
    const reader = await joined(server, own, name)
    await converged([writer, reader])
    writer.goOffline()
    reader.goOffline()
  }
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  await server.start()
  for (const name of kNames) assert.equal(textOf(await joined(server, own, name)), `this is ${name}`)
})

serverTest('edits stay in their room', async ({ server, own }) => {
  const here = [await joined(server, own, 'here'), await joined(server, own, 'here')]
  const there = [await joined(server, own, 'there'), await joined(server, own, 'there')]
  here[0].doc.getText('text').insert(0, 'only here')
  there[0].doc.getText('text').insert(0, 'only there')
  await converged(here)
  await converged(there)
  assert.equal(textOf(here[1]), 'only here')
  assert.equal(textOf(there[1]), 'only there')
  assert.equal(textOf(await joined(server, own, 'elsewhere')), '')
})

serverTest(
  'the query of an address, where providers put their parameters, does not change the room',
  async ({ server, own }) => {
    const editors = [
      await joined(server, own, 'asked'),
      await joined(server, own, 'asked', { params: { auth: 'secret/token', other: 'ä=&?' } }),
      await joined(server, own, 'asked?yauth=1')
    ]
    editors[1].doc.getText('text').insert(0, 'same room')
    await converged(editors)
    assert.deepEqual(editors.map(textOf), ['same room', 'same room', 'same room'])
  }
)
