// The server under test: the binary named by WEFT_BINARY, with a data directory and a port of its own.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.mjs'

/** A server that can be killed and started again on the same port and data. Made by `startWeft`. */
class WeftServer {
  #binary
  #data
  #port
  #process = null
  #output = ''

  constructor(binary, data, port) {
    this.#binary = binary
    this.#data = data
    this.#port = port
  }

  get origin() {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Resolves when the server answers `GET /health` with 200. */
  async start() {
    const args = ['serve', '--listen', `127.0.0.1:${this.#port}`, '--data', this.#data]
    const child = spawn(this.#binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    this.#output = ''
    child.stdout.on('data', (bytes) => (this.#output += bytes))
    child.stderr.on('data', (bytes) => (this.#output += bytes))
    let failure = null
    child.on('error', (error) => (failure = error))
    await until('the server answers GET /health', async () => {
      if (failure) throw failure
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#output}`)
      return (await fetch(`${this.origin}/health`).catch(() => null))?.status === 200
    })
  }

  /** Sends `signal` and resolves with the exit code (null after SIGKILL) when the process is gone. */
  async stop(signal) {
    const child = this.#process
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return await gone
  }

  /** Ends the process, whatever its state, and removes its data. */
  async dispose() {
    await this.stop('SIGKILL')
    await rm(this.#data, { recursive: true, force: true })
  }
}

/** Starts the server under test on a free port of the loopback address. */
export async function startWeft() {
  const binary = process.env.WEFT_BINARY
  if (!binary) throw new Error('WEFT_BINARY must name the weft binary to test')
  const server = new WeftServer(binary, await mkdtemp(join(tmpdir(), 'weft-browser-')), await freePort())
  await server.start()
  return server
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
