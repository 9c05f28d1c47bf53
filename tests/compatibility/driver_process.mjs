// A process that answers one JSON line with one.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export class DriverProcess {
  #child
  #waiting = []

  constructor (command, args) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line))
    })
    this.#child.on('exit', (code, signal) => {
      const error = new Error(`${command} ended with ${code ?? signal}`)
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
    })
  }

  ask (request) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#child.stdin.write(JSON.stringify(request) + '\n')
    })
  }

  end () { this.#child.stdin.end() }
}
