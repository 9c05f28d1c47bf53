// Writes awareness.txt: what the Awareness of y-protocols makes of random calls. Deterministic; run it
// again after a change:
//
//   npm ci --prefix tests && node tests/crdt/golden/make_awareness.mjs
//
// A line is a call of one of three clients, and what that client shows and knows after it; JSON and bytes
// are hexadecimal. `world` begins anew: each client has set its state to {} at time 0.
//   world
//   set CLIENT NOW STATE SHOWN KNOWN        STATE: JSON, null to leave
//   apply CLIENT NOW UPDATE SHOWN KNOWN
//   remove CLIENT NOW GONE SHOWN KNOWN      GONE: a client id
//   tick CLIENT NOW - SHOWN KNOWN           the timer of y-protocols
// SHOWN is {client id: state}, ascending; KNOWN an update of all clients that were heard of, ascending.

import { writeFileSync } from 'node:fs'

// y-protocols takes the clock and the timer when it is loaded, and when it is made.
let now = 0
Date.now = () => now
const timers = []
globalThis.setInterval = (timer) => timers.push(timer)
globalThis.clearInterval = () => {}
const { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } =
  await import('y-protocols/awareness')

let seed = 11
const below = (n) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
  return Math.floor(seed / 65536) % n
}
const pick = (list) => list[below(list.length)]
const hex = (bytes) => Buffer.from(bytes).toString('hex') || '-'

const lines = []
for (let world = 0; world < 15; world++) {
  now = 0
  timers.length = 0
  lines.push('world')
  const clients = [1, 2, 3].map((clientID) => new Awareness({ clientID, on () {} }))
  for (let call = 0; call < 40; call++) {
    now += pick([0, 1, 1000, 6000])
    const at = below(3)
    const awareness = clients[at]
    const known = () => [...awareness.meta.keys()].sort((a, b) => a - b)
    let line
    switch (below(10)) {
      case 0: case 1: case 2: {
        const state = pick([{}, { name: 'é', n: 1.5 }, { a: [1, { b: null }], 2: 'two', 1: 'one' }, null])
        awareness.setLocalState(state)
        line = ['set', hex(JSON.stringify(state))]
        break
      }
      case 3: case 4: case 5: case 6: {
        const from = pick(clients)
        const named = [...from.meta.keys()].filter(() => below(4) > 0)
        const update = encodeAwarenessUpdate(from, named)
        applyAwarenessUpdate(awareness, update, 'network')
        line = ['apply', hex(update)]
        break
      }
      case 7: {
        const gone = 1 + below(4)
        removeAwarenessStates(awareness, [gone], 'lost')
        line = ['remove', gone]
        break
      }
      default:
        timers[at]()
        line = ['tick', '-']
    }
    const shown = Object.fromEntries([...awareness.states].sort(([a], [b]) => a - b))
    lines.push([line[0], at + 1, now, line[1], hex(JSON.stringify(shown)),
      hex(encodeAwarenessUpdate(awareness, known()))].join(' '))
  }
}
writeFileSync(new URL('awareness.txt', import.meta.url), lines.join('\n') + '\n')
