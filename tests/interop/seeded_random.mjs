// Random choices that a seed repeats. The seed comes from WEFT_SEED, else it is new in every run; tests print it.

import { randomInt } from 'node:crypto'

export const kSeed = Number(process.env.WEFT_SEED ?? randomInt(2 ** 31))

export class SeededRandom {
  #state

  /** @param {number} seed an integer below 2^32 */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** A number in [0, 1). Source: the mulberry32 generator. */
  fraction() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer in [begin, end). */
  integer(begin, end) {
    return begin + Math.floor(this.fraction() * (end - begin))
  }

  chance(probability) {
    return this.fraction() < probability
  }

  pick(choices) {
    return choices[this.integer(0, choices.length)]
  }
}
