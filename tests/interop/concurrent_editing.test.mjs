// Stock y-websocket clients that edit one room together.

import assert from 'node:assert/strict'
import * as Y from 'yjs'
import { assertSameDocuments, converged } from './convergence.mjs'
import { Editor } from './editor.mjs'
import { eventually } from './eventually.mjs'
import { editSomewhere, readDocument } from './random_edits.mjs'
import { kSeed, SeededRandom } from './seeded_random.mjs'
import { serverTest } from './weft_server.mjs'

/** Three editors of one room that know its state. */
async function threeEditors(server, own, room) {
  const editors = ['Ada', 'Bob', 'Eve'].map((name) => own(new Editor(server, room, { name })))
  for (const editor of editors) await editor.synced()
  return editors
}

async function newcomer(server, own, room, name = 'a newcomer') {
  const editor = own(new Editor(server, room, { name }))
  await editor.synced()
  return editor
}

serverTest('what one editor writes reaches the others', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'first')
  const [ada, bob, eve] = editors
  ada.doc.getText('text').insert(0, 'hello')
  await converged(editors)
  assert.equal(bob.doc.getText('text').toString(), 'hello')
  assert.equal(eve.doc.getText('text').toString(), 'hello')
})

serverTest('editors that write at the same time in text, arrays and maps converge', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'together')
  editors.forEach(({ doc, name }, i) => {
    doc.getText('text').insert(0, `${name} was here. `)
    doc.getArray('array').insert(0, [name, i, { by: name }])
    doc.getMap('map').set('last', name)
    doc.getMap('map').set(name, i)
  })
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
  const { text, array, map } = readDocument(editors[0].doc)
  for (const { name } of editors) assert.ok(text.includes(`${name} was here. `))
  assert.equal(array.length, 9)
  assert.deepEqual(Object.keys(map).sort(), ['Ada', 'Bob', 'Eve', 'last'])
})

serverTest('types nested in each other are edited together', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'nested')
  const [ada, bob, eve] = editors
  const board = new Y.Map()
  const cards = new Y.Array()
  ada.doc.getMap('map').set('board', board)
  board.set('cards', cards)
  cards.push([new Y.Text('card')])
  await converged(editors)
  const cardsOf = ({ doc }) => doc.getMap('map').get('board').get('cards')
  cardsOf(bob).get(0).insert(4, ' of Bob')
  cardsOf(eve).get(0).delete(0, 1)
  cardsOf(eve).push([new Y.Map([['tag', 'new']])])
  cardsOf(ada).insert(0, [new Y.Array()])
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
  assert.deepEqual(readDocument(ada.doc).map, { board: { cards: [[], 'ard of Bob', { tag: 'new' }] } })
})

serverTest('rich text keeps its formats, embeds and concurrent changes of both', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'rich')
  const [ada, bob, eve] = editors
  ada.doc.getText('text').applyDelta([{ insert: 'bold', attributes: { bold: true } }, { insert: ' and plain' }])
  await converged(editors)
  bob.doc.getText('text').format(2, 6, { color: 'red', link: { href: 'https://example.org/?a="b"' } })
  eve.doc.getText('text').insertEmbed(4, { image: 'picture.png', size: [1.5, 1e21] }, { width: 100 })
  ada.doc.getText('text').format(0, 4, { bold: null })
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
  const { delta, text } = readDocument(ada.doc)
  assert.equal(text, 'bold and plain')
  assert.ok(delta.some(({ attributes }) => attributes?.color === 'red'))
  assert.ok(delta.some(({ insert }) => insert?.image === 'picture.png'))
  assert.ok(delta.every(({ attributes }) => attributes?.bold === undefined))
})

serverTest('XML fragments with elements, attributes and formatted text are carried', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'xml')
  const [ada, bob, eve] = editors
  const paragraph = new Y.XmlElement('paragraph')
  ada.doc.getXmlFragment('xml').insert(0, [paragraph, new Y.XmlHook('figure')])
  paragraph.insert(0, [new Y.XmlText('hello'), new Y.XmlElement('br')])
  await converged(editors)
  const paragraphOf = ({ doc }) => doc.getXmlFragment('xml').get(0)
  bob.doc.transact(() => paragraphOf(bob).setAttribute('align', 'right'))
  paragraphOf(eve)
    .get(0)
    .format(0, 2, { em: { class: 'x' } })
  paragraphOf(ada).delete(1, 1)
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
  assert.equal(paragraphOf(eve).toString(), '<paragraph align="right"><em class="x">he</em>llo</paragraph>')
})

serverTest('subdocuments keep their identity and options, and sync in rooms of their own', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'parent')
  const [ada, bob] = editors
  ada.doc.getMap('map').set('chapter', new Y.Doc({ guid: 'chapter-1', autoLoad: true, meta: { by: 'Ada' } }))
  await converged(editors)
  const chapterOf = ({ doc }) => doc.getMap('map').get('chapter')
  for (const editor of editors) {
    assert.equal(chapterOf(editor).guid, 'chapter-1')
    assert.equal(chapterOf(editor).autoLoad, true)
    assert.deepEqual(chapterOf(editor).meta, { by: 'Ada' })
  }
  const adaInside = own(new Editor(server, 'chapter-1', { name: 'Ada in the chapter', doc: chapterOf(ada) }))
  const bobInside = own(new Editor(server, 'chapter-1', { name: 'Bob in the chapter', doc: chapterOf(bob) }))
  adaInside.doc.getText('text').insert(0, 'It was a dark night.')
  await eventually(
    'the chapter to reach Bob',
    () => bobInside.doc.getText('text').toString() === 'It was a dark night.'
  )
  await converged([adaInside, bobInside])
  assert.equal(ada.doc.getText('text').length, 0, 'the parent does not hold the text of its subdocument')
})

serverTest('random edits of every kind converge, and a newcomer gets the very same bytes', async ({ server, own }) => {
  console.log(`WEFT_SEED=${kSeed}`)
  const random = new SeededRandom(kSeed)
  const editors = await threeEditors(server, own, 'random')
  for (let step = 0; step < 600; ++step) {
    editSomewhere(random.pick(editors).doc, random)
    // Now and then the messages under way arrive, so that edits see each other in ever new ways.
    if (random.chance(0.1)) await new Promise((resolve) => setImmediate(resolve))
  }
  await converged(editors)
  editors.push(await newcomer(server, own, 'random'))
  await converged(editors)
  assertSameDocuments(
    editors.map((editor) => editor.doc),
    readDocument
  )
})

serverTest(
  'an editor that worked offline brings its edits along and gets those of the others',
  async ({ server, own }) => {
    const editors = await threeEditors(server, own, 'offline')
    const [ada, bob, eve] = editors
    ada.doc.getText('text').insert(0, 'shared start')
    await converged(editors)
    eve.goOffline()
    eve.doc.getText('text').insert(12, ', written on a train')
    eve.doc.getText('text').delete(0, 7)
    eve.doc.getArray('array').push([1, 2, 3])
    bob.doc.getText('text').insert(0, 'Our ')
    ada.doc.getMap('map').set('while away', true)
    await converged([ada, bob])
    assert.ok(!readDocument(ada.doc).text.includes('train'))
    eve.goOnline()
    await converged(editors)
    assertSameDocuments(
      editors.map((editor) => editor.doc),
      readDocument
    )
    assert.equal(readDocument(bob.doc).text, 'Our start, written on a train')
    assert.deepEqual(readDocument(eve.doc).map, { 'while away': true })
  }
)

serverTest('deletions made offline arrive, also when nothing else was edited', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'deletions')
  const [ada, bob, eve] = editors
  ada.doc.getText('text').insert(0, 'keep DROP keep')
  await converged(editors)
  eve.goOffline()
  eve.doc.getText('text').delete(5, 5)
  eve.goOnline()
  await converged(editors)
  assert.equal(readDocument(bob.doc).text, 'keep keep')
})

serverTest('edits are kept while a room is empty', async ({ server, own }) => {
  const ada = await newcomer(server, own, 'left alone', 'Ada')
  const random = new SeededRandom(kSeed)
  for (let step = 0; step < 100; ++step) editSomewhere(ada.doc, random)
  const bob = await newcomer(server, own, 'left alone', 'Bob')
  await converged([ada, bob])
  ada.goOffline()
  bob.goOffline()
  const eve = await newcomer(server, own, 'left alone', 'Eve')
  assertSameDocuments([ada.doc, eve.doc], readDocument)
})

serverTest('a document written before its first connection is brought into the room', async ({ server, own }) => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'draft')
  const ada = own(new Editor(server, 'drafts', { name: 'Ada', doc }))
  await ada.synced()
  const bob = await newcomer(server, own, 'drafts', 'Bob')
  await eventually('the draft to reach Bob', () => readDocument(bob.doc).text === 'draft')
})

serverTest(
  'editors on different listeners of one server share the rooms',
  async ({ server, own }) => {
    const editors = [0, 1].map((listener) =>
      own(new Editor(server, 'both', { name: `listener ${listener}`, listener }))
    )
    for (const editor of editors) await editor.synced()
    editors[0].doc.getText('text').insert(0, 'left')
    editors[1].doc.getText('text').insert(0, 'right')
    await converged(editors)
    assertSameDocuments(
      editors.map((editor) => editor.doc),
      readDocument
    )
  },
  { listeners: 2 }
)

serverTest('large edits of more than a megabyte are carried whole', async ({ server, own }) => {
  const editors = await threeEditors(server, own, 'large')
  editors[0].doc.getText('text').insert(0, 'weft '.repeat(300_000))
  editors[1].doc.getMap('map').set('picture', new Uint8Array(1_500_000).fill(7))
  await converged(editors)
  editors.push(await newcomer(server, own, 'large'))
  await converged(editors)
  assert.equal(readDocument(editors[3].doc).text.length, 1_500_000)
})

serverTest('a crowd that writes at once converges', async ({ server, own }) => {
  const random = new SeededRandom(kSeed)
  const crowd = Array.from({ length: 16 }, (_unused, i) => own(new Editor(server, 'crowd', { name: `editor ${i}` })))
  for (const editor of crowd) await editor.synced()
  for (let step = 0; step < 400; ++step) {
    editSomewhere(random.pick(crowd).doc, random)
    if (random.chance(0.05)) await new Promise((resolve) => setImmediate(resolve))
  }
  await converged(crowd)
  assertSameDocuments(
    crowd.map((editor) => editor.doc),
    readDocument
  )
})

serverTest('a provider that offers subprotocols, as some do to authenticate, is served', async ({ server, own }) => {
  const ada = own(new Editor(server, 'subprotocols', { name: 'Ada', protocols: ['token', 'abc.def'] }))
  await ada.synced()
  const bob = await newcomer(server, own, 'subprotocols', 'Bob')
  ada.doc.getText('text').insert(0, 'hello')
  await converged([ada, bob])
})
