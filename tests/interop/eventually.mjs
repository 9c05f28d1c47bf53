// Waiting for a condition with a deadline. Tests never sleep: they say what they wait for, and a wait that
// is not fulfilled in time fails with those words and with what was there instead.

const kPollMs = 4

/**
 * Resolves to the first truthy value of `condition`, which may be asynchronous.
 *
 * Fails: when `withinMs` milliseconds have passed; the message holds `what`, and the answer of `describe`
 * when there is one. Errors that `condition` throws are passed on at once.
 *
 * @template T
 * @param {string} what the awaited state, as the end of the sentence "waited for ..."
 * @param {() => T | Promise<T>} condition
 * @param {{ withinMs?: number, describe?: () => unknown }} [options]
 * @returns {Promise<T>}
 */
export async function eventually(what, condition, { withinMs = 10_000, describe } = {}) {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) {
      const instead = describe === undefined ? '' : `; there was instead: ${describe()}`
      throw new Error(`waited ${withinMs} ms in vain for ${what}${instead}`)
    }
    await new Promise((resolve) => setTimeout(resolve, kPollMs))
  }
}

/**
 * Resolves as `promise` does, and fails when it takes longer than `withinMs` milliseconds.
 *
 * @template T
 * @param {string} what
 * @param {Promise<T>} promise
 * @param {number} [withinMs]
 * @returns {Promise<T>}
 */
export async function within(what, promise, withinMs = 10_000) {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${withinMs} ms in vain for ${what}`)), withinMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
