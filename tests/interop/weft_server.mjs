// A `weft serve` process under test: on a free port, with a data directory of its own, and never left behind.
//
// The binary is named by the environment variable WEFT_BINARY. What the tests rely on is the contract of
// `weft serve`: the flags --listen and --data, `GET /health` answering 200 when it is ready, and SIGTERM
// ending it with exit code 0.

import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { eventually, within } from './eventually.mjs'

const kReadyWithinMs = 10_000
const kStopWithinMs = 10_000
const kPortAttempts = 5

/** Processes that run now; whatever way this program ends, they end with it. */
const running = new Set()
const killAll = () => {
  for (const child of running) child.kill('SIGKILL')
}
process.on('exit', killAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    killAll()
    process.kill(process.pid, signal)
  })
}

function binaryPath() {
  const path = process.env.WEFT_BINARY
  if (!path) throw new Error('set WEFT_BINARY to the path of the weft binary that is to be tested')
  return path
}

/** A port that nobody listened on a moment ago. Another process may take it: starting retries. */
export async function freePort() {
  const probe = createServer()
  await new Promise((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', resolve)
  })
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

/** A disk that can be made to wait: while it does, nothing of the log is committed. */
class SlowDisk {
  constructor(path) {
    this.path = path
  }

  get environment() {
    return {
      LD_PRELOAD: join(dirname(binaryPath()), '../tests/server/libfailing_disk.so'),
      ASAN_OPTIONS: `verify_asan_link_order=0:${process.env.ASAN_OPTIONS ?? ''}`,
      WEFT_DISK_WAITS_WHILE: this.path
    }
  }

  wait() {
    writeFileSync(this.path, '')
  }

  goOn() {
    rmSync(this.path, { force: true })
  }
}

export class WeftServer {
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null
  #exit = null
  #output = ''

  /**
   * @param {{ dataDirectory: string, ports: number[], fileSizeLimitKiB: number | null, flags: string[],
   *   environment: Record<string, string> }} setup
   */
  constructor(setup) {
    this.dataDirectory = setup.dataDirectory
    this.ports = setup.ports
    this.fileSizeLimitKiB = setup.fileSizeLimitKiB
    this.flags = setup.flags
    this.environment = setup.environment
    /** What stands before each address, such as "plain:". */
    this.listenPrefix = ''
  }

  /** Everything that the process wrote to its standard output and error, over all its lives. */
  get output() {
    return this.#output
  }

  get pid() {
    return this.#child?.pid
  }

  get isRunning() {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The address that a y-websocket provider takes; `index` chooses among several listeners. */
  websocketUrl(index = 0) {
    return `ws://127.0.0.1:${this.ports[index]}`
  }

  httpUrl(path, index = 0) {
    return `http://127.0.0.1:${this.ports[index]}${path}`
  }

  /** The most memory that the process had at any time, in bytes. */
  peakResidentBytes() {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]) * 1024
  }

  /**
   * Starts the process and resolves when every listener answers /health.
   * Fails: when it ends before that, or is not ready in time; the message holds its output.
   */
  async start() {
    this.launch()
    await eventually(
      'weft serve to answer GET /health',
      async () => {
        if (!this.isRunning) {
          throw new Error(`weft serve ended before it was ready: ${JSON.stringify(await this.#exit)}\n${this.#output}`)
        }
        for (let index = 0; index < this.ports.length; ++index) {
          if (!(await this.#answersHealth(index))) return false
        }
        return true
      },
      { withinMs: kReadyWithinMs, describe: () => `the output\n${this.#output}` }
    )
  }

  /** Starts the process and does not wait for anything. */
  launch() {
    const listeners = this.ports.flatMap((port) => ['--listen', `${this.listenPrefix}127.0.0.1:${port}`])
    const command = [binaryPath(), 'serve', ...listeners, '--data', this.dataDirectory, ...this.flags]
    // A limit on the size of files stands in for a full disk: writes beyond it fail with an error, because
    // the signal that would end the process is ignored. The hard limit stays, so that it can be lifted again.
    const limited = [
      'bash',
      '-c',
      'trap "" XFSZ; ulimit -S -f "$0"; exec "$@"',
      String(this.fileSizeLimitKiB),
      ...command
    ]
    const [program, ...args] = this.fileSizeLimitKiB === null ? command : limited
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.environment }
    })
    running.add(child)
    this.#child = child
    const keep = (chunk) => {
      this.#output += chunk
    }
    child.stdout.setEncoding('utf8').on('data', keep)
    child.stderr.setEncoding('utf8').on('data', keep)
    this.#exit = new Promise((resolve) => {
      child.once('error', (error) => {
        running.delete(child)
        this.#output += `could not start ${program}: ${error.message}\n`
        resolve({ code: null, signal: null, error: error.message })
      })
      child.once('close', (code, signal) => {
        running.delete(child)
        resolve({ code, signal })
      })
    })
  }

  async #answersHealth(index) {
    try {
      const response = await fetch(this.httpUrl('/health', index), { signal: AbortSignal.timeout(2_000) })
      await response.arrayBuffer()
      return response.status === 200
    } catch {
      return false
    }
  }

  /** Lets files grow again, as when somebody has made room on the disk. */
  liftFileSizeLimit() {
    execFileSync('prlimit', ['--pid', String(this.pid), '--fsize=unlimited'])
    this.fileSizeLimitKiB = null
  }

  /** Resolves to { code, signal } when the process has ended by itself and its output is complete. */
  exited(withinMs = kStopWithinMs) {
    return within('weft serve to end', this.#exit, withinMs)
  }

  /** Asks for an orderly end with SIGTERM and resolves to { code, signal }. */
  async stop() {
    this.#child.kill('SIGTERM')
    return this.exited()
  }

  /** Ends the process with SIGKILL, as a crash does, and resolves when it is gone. */
  async crash() {
    this.#child.kill('SIGKILL')
    return this.exited()
  }

  /** Ends the process if it still runs. */
  async dispose() {
    if (this.#child !== null && this.isRunning) await this.crash()
  }
}

/**
 * A test with a running server. The server, its data directory and whatever `own` was given end with the test,
 * whatever happens; when it fails, the output of the server is printed.
 *
 * @param {string} name
 * @param {(context: { server: WeftServer, own: <T extends { dispose: () => unknown }>(thing: T) => T,
 *   directory: string }) => Promise<void>} body
 *   `own(thing)` disposes of `thing` at the end, before the server; `directory` is removed at the end.
 * @param {{ listeners?: number, fileSizeLimitKiB?: number | null, flags?: string[], started?: boolean,
 *   timeoutMs?: number }} [setup]
 *   `started: false` leaves the start to the body.
 */
export function serverTest(name, body, setup = {}) {
  const { listeners = 1, fileSizeLimitKiB = null, flags = [], slowDisk = false, started = true, timeoutMs = 30_000 } = setup
  test(name, { timeout: timeoutMs }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weft-interop-'))
    const disk = new SlowDisk(join(directory, 'disk-waits'))
    const environment = slowDisk ? disk.environment : {}
    const owned = []
    const own = (thing) => {
      owned.push(thing)
      return thing
    }
    let server = null
    try {
      server = await preparedServer({ directory, listeners, fileSizeLimitKiB, flags, environment, started })
      await body({ server, own, directory, disk })
    } catch (error) {
      console.error(`--- output of weft serve in "${name}" ---\n${server?.output ?? ''}--- end of the output ---`)
      throw error
    } finally {
      disk.goOn()
      for (const thing of owned.reverse()) await thing.dispose()
      await server?.dispose()
      await rm(directory, { recursive: true, force: true })
    }
  })
}

/** A server on free ports; starting again on others when somebody else was faster. */
async function preparedServer({ directory, listeners, fileSizeLimitKiB, flags, environment, started }) {
  for (let attempt = 1; ; ++attempt) {
    const ports = []
    for (let i = 0; i < listeners; ++i) ports.push(await freePort())
    const dataDirectory = join(directory, 'data')
    const server = new WeftServer({ dataDirectory, ports, fileSizeLimitKiB, flags, environment })
    if (!started) return server
    try {
      await server.start()
      return server
    } catch (error) {
      await server.dispose()
      if (attempt === kPortAttempts || !/in use/i.test(server.output)) throw error
    }
  }
}
