// What others announce of themselves, made presentable, without a browser.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAX_NAME_LENGTH, PALETTE, cleanName, initials, participantFrom } from '../../server/web/src/participant.js'

test('a well-formed state is shown as it is', () => {
  const state = { user: { name: 'Mira', color: '#12abEF' } }
  assert.deepEqual(participantFrom(7, state), { clientId: 7, name: 'Mira', color: '#12abEF' })
})

test('any other state gives a guest with a colour of the palette', () => {
  const states = [undefined, null, 7, 'x', [], {}, { user: null }, { user: 'x' }, { user: { name: {}, color: 5 } },
    { user: { name: ' \n ', color: 'red;x:url(y)' } }, { user: { color: '#12345' } }, { user: { color: '#1234567' } }]
  for (const state of states) {
    const { name, color } = participantFrom(3, state)
    assert.equal(name, 'Guest')
    assert.ok(PALETTE.includes(color))
  }
})

test('a name is one line of bounded length, never cut inside a character', () => {
  assert.equal(cleanName('  a \n\t b '), 'a b')
  const long = cleanName('🧵'.repeat(1000))
  assert.equal(long, '🧵'.repeat(MAX_NAME_LENGTH))
})

test('initials are the first letters of the first and the last word', () => {
  assert.equal(initials('mira'), 'M')
  assert.equal(initials('Jun Watanabe'), 'JW')
  assert.equal(initials('Ana de la Cruz'), 'AC')
  assert.equal(initials('🧵 thread'), '🧵T')
})
