// Addresses and rooms, without a browser.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshRoomName, invitationLink, roomFrom, socketOrigin } from '../../server/web/src/room.js'

const at = (address) => new URL(address, 'http://host:8080/')

test('the fragment names the room, else ?room= does, else it is welcome', () => {
  assert.equal(roomFrom(at('/#plans')), 'plans')
  assert.equal(roomFrom(at('/?room=plans')), 'plans')
  assert.equal(roomFrom(at('/?room=query#fragment')), 'fragment')
  for (const address of ['/', '/#', '/?room=', '/#%20', '/?other=x']) assert.equal(roomFrom(at(address)), 'welcome', address)
})

test('names that a path cannot carry lead to the default room', () => {
  for (const address of ['/#.', '/#..', '/#%2e%2e', '/?room=..']) assert.equal(roomFrom(at(address)), 'welcome', address)
})

test('a broken escape is taken as it was written', () => {
  assert.equal(roomFrom(at('/#100%')), '100%')
})

test('an invitation leads to the room it was made for, whatever the name', () => {
  for (const room of ['plain', 'a b', 'a/b?c#d', '100%', 'žluťoučký', '日本語 🧵', '%2F']) {
    assert.equal(roomFrom(new URL(invitationLink(at('/?room=elsewhere'), room))), room)
  }
})

test('the socket is on the host of the page, encrypted when the page was', () => {
  assert.equal(socketOrigin(at('http://host:8080/#x')), 'ws://host:8080')
  assert.equal(socketOrigin(at('https://host/#x')), 'wss://host')
})

test('a fresh room has a name that can be read aloud', () => {
  for (let i = 0; i < 100; i += 1) assert.match(freshRoomName(), /^[a-z]{3}-[a-z]{3}-[a-z]{3}$/)
})
