// The network between one person and the server: TCP connections that can be cut, and a line that can be dead for a while.

import { connect, createServer } from 'node:net'

export class Wire {
  #listener
  #ends = new Set()
  #isDown = false

  /** Resolves to a wire on a free port of the loopback address, which leads to `port` there. */
  static async to(port) {
    const wire = new Wire()
    wire.#listener = createServer((near) => wire.#join(near, port))
    await new Promise((resolve) => wire.#listener.listen(0, '127.0.0.1', resolve))
    return wire
  }

  get websocketUrl() {
    return `ws://127.0.0.1:${this.#listener.address().port}`
  }

  #join(near, port) {
    if (this.#isDown) {
      near.resetAndDestroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [end, other] of [[near, far], [far, near]]) {
      this.#ends.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        this.#ends.delete(end)
        other.destroy()
      })
      end.pipe(other)
    }
  }

  /** Cuts what is connected, without a word to either side. Who connects again gets through. */
  cut() {
    for (const end of this.#ends) end.destroy()
  }

  /** From now on nobody gets through. */
  goDown() {
    this.#isDown = true
    this.cut()
  }

  comeUp() {
    this.#isDown = false
  }

  dispose() {
    this.goDown()
    return new Promise((resolve) => this.#listener.close(resolve))
  }
}
