// Runs one program that Meson knows as a test. With `protocol: 'gtest'` each of its cases counts, as
// GoogleTest tells them on its standard output; with `protocol: 'tap'` as the Test Anything Protocol
// does, where the program lists the names of its cases for --list and takes a piece of a name to run
// those that have it. Any other program is one case that passes by exit code 0.
//
// A program that dies takes along the case that ran and those that did not come to run: all of them fail.
// A program that prints nothing for `stallMs` is ended; that is a guard against hanging, not a measure.

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

const kListBytes = 64 << 20

export async function runProgram ({ program, filter, stallMs, report }) {
  const protocol = kProtocols[program.protocol]
  const cases = protocol ? listCases(program, protocol) : [program.name]
  const all = program.name.includes(filter)
  const selected = cases.filter((name) => all || name.includes(filter))
  if (selected.length === 0) return

  report.begin(program.name)
  const run = new ProgramRun(program.name, selected, report)
  await (protocol
    ? execute(program, protocol.argumentsFor(all ? '' : filter), stallMs, (line) => protocol.readLine(run, line))
      .then((end) => run.end(end))
    : execute(program, [], stallMs, (line) => run.keep(line)).then((end) => run.endAsOneCase(end)))
  report.end()
}

// How each protocol lists cases, selects them, and tells of them.
const kProtocols = {
  gtest: {
    listArgument: '--gtest_list_tests',
    // Without disabled ones.
    readList (lines) {
      let suite = ''
      const cases = []
      for (const line of lines) {
        const name = line.replace(/\s+#.*$/, '')
        if (/^\S+\.$/.test(name)) suite = name
        else if (name.startsWith('  ')) cases.push(suite + name.trim())
      }
      return cases.filter((name) => !/(^|[./])DISABLED_/.test(name))
    },
    // GoogleTest reads '-' and ':' in a filter as its own signs; '?' matches them.
    argumentsFor: (filter) =>
      ['--gtest_color=no', ...(filter === '' ? [] : [`--gtest_filter=*${filter.replace(/[-:]/g, '?')}*`])],
    readLine (run, line) {
      const begin = /^\[ RUN {6}\] (\S+)$/.exec(line)
      const end = /\[ {2}(?: {5}OK|FAILED |SKIPPED) \] ([^\s,]+).* \(\d+ ms\)$/.exec(line)
      if (begin) run.begin(begin[1])
      else if (!end || !run.isIn(end[1])) run.keep(line)
      else run.finish(end[1], line.includes('[       OK ]') ? 'OK' : line.includes('[  SKIPPED ]') ? 'SKIPPED' : 'FAILED')
    }
  },
  tap: {
    listArgument: '--list',
    readList: (lines) => lines.filter((name) => name !== ''),
    argumentsFor: (filter) => filter === '' ? [] : [filter],
    // A case is told when it has ended; what was printed before belongs to it.
    readLine (run, line) {
      const end = /^(not )?ok\b(?: \d+)?(?: -)? (.*?)(?: # (SKIP|TODO)\b.*)?$/.exec(line)
      if (end) run.finish(end[2], end[3] ? 'SKIPPED' : end[1] ? 'FAILED' : 'OK')
      else if (!/^(1\.\.\d+|TAP version \d+)$/.test(line)) run.keep(line)
    }
  }
}

/** The names of the program's cases. When it cannot list them, one whose run shows what is wrong. */
function listCases (program, protocol) {
  const listing = spawnSync(program.cmd[0], [...program.cmd.slice(1), protocol.listArgument],
    { env: environment(program), encoding: 'utf8', maxBuffer: kListBytes })
  if (listing.status !== 0) return ['(list of tests)']
  return protocol.readList(listing.stdout.split('\n'))
}

/** What became of the cases of one program, told by the lines that it prints. */
class ProgramRun {
  #name
  #report
  #waiting
  #current = null
  #output = []
  #failed = false

  constructor (name, cases, report) {
    this.#name = name
    this.#waiting = new Set(cases)
    this.#report = report
  }

  keep (line) { this.#output.push(line) }

  begin (name) {
    this.#current = name
    this.#output = []
    this.#report.running(name)
  }

  isIn (name) { return name === this.#current }

  end ({ code, how }) {
    // Where beginnings are not told, the first case without an end is the one that ran.
    const [running = null] = this.#current === null && code !== 0 ? this.#waiting : [this.#current]
    if (running !== null) this.#fail(running, [...this.#output, how])
    for (const name of this.#waiting) this.#fail(name, ['did not run: the program ended before'])
    if (code !== 0 && !this.#failed) this.#fail(`${this.#name} ends well`, [...this.#output, how])
  }

  endAsOneCase ({ code, how }) {
    if (code === 0) this.#report.pass()
    else this.#fail(this.#name, [...this.#output, how])
  }

  finish (name, outcome) {
    this.#current = null
    this.#waiting.delete(name)
    if (outcome === 'OK') this.#report.pass()
    else if (outcome === 'SKIPPED') this.#report.skip()
    else this.#fail(name, this.#output)
    this.#output = []
  }

  #fail (name, lines) {
    this.#failed = true
    this.#waiting.delete(name)
    this.#report.fail(name, lines.join('\n'))
  }
}

/** Starts the program, hands on its lines, and tells how it ended: its exit code (or null) and words for it. */
function execute (program, extra, stallMs, onLine) {
  return new Promise((resolve) => {
    // Through a shell that joins the two outputs, so that lines stay in the order they were written in.
    const child = spawn('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', ...program.cmd, ...extra],
      { env: environment(program), cwd: program.workdir ?? undefined, stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    let stalled = false
    const guard = setTimeout(() => {
      stalled = true
      child.kill('SIGKILL')
      lines.close() // processes that it left behind may hold the other end
    }, stallMs)
    lines.on('line', (line) => {
      guard.refresh()
      onLine(line)
    })
    let exit = null
    let closed = false
    const settle = () => {
      if (exit === null || !closed) return
      clearTimeout(guard)
      child.stdout.destroy()
      resolve(exit)
    }
    lines.on('close', () => {
      closed = true
      settle()
    })
    child.on('exit', (code, signal) => {
      exit = {
        code,
        how: stalled ? `ended after ${stallMs / 1000} s without a line` : `exit code ${code}, signal ${signal}`
      }
      settle()
    })
    child.on('error', (error) => {
      exit = { code: null, how: String(error) }
      settle()
    })
  })
}

function environment (program) {
  return { ...process.env, ...program.env }
}
