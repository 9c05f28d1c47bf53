// Runs one program that Meson knows as a test. With `protocol: 'gtest'` each of its cases counts, as
// GoogleTest tells them on its standard output; any other program is one case that passes by exit code 0.
//
// A program that dies takes along the case that ran and those that did not come to run: all of them fail.
// A program that prints nothing for `stallMs` is ended; that is a guard against hanging, not a measure.

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

const kListBytes = 64 << 20

export async function runProgram ({ program, filter, stallMs, report }) {
  const cases = program.protocol === 'gtest' ? listCases(program) : [program.name]
  const all = program.name.includes(filter)
  const selected = cases.filter((name) => all || name.includes(filter))
  if (selected.length === 0) return

  report.begin(program.name)
  const run = new ProgramRun(program.name, selected, report)
  // GoogleTest reads '-' and ':' in a filter as its own signs; '?' matches them.
  const filterArguments = all ? [] : [`--gtest_filter=*${filter.replace(/[-:]/g, '?')}*`]
  await (program.protocol === 'gtest'
    ? execute(program, ['--gtest_color=no', ...filterArguments], stallMs, (line) => run.readLine(line))
      .then((end) => run.end(end))
    : execute(program, [], stallMs, (line) => run.keep(line)).then((end) => run.endAsOneCase(end)))
  report.end()
}

/** The names of the program's cases, without disabled ones. None when the program cannot list them. */
function listCases (program) {
  const listing = spawnSync(program.cmd[0], [...program.cmd.slice(1), '--gtest_list_tests'],
    { env: environment(program), encoding: 'utf8', maxBuffer: kListBytes })
  if (listing.status !== 0) return ['(list of tests)'] // runs it, which shows what is wrong
  let suite = ''
  const cases = []
  for (const line of listing.stdout.split('\n')) {
    const name = line.replace(/\s+#.*$/, '')
    if (/^\S+\.$/.test(name)) suite = name
    else if (name.startsWith('  ')) cases.push(suite + name.trim())
  }
  return cases.filter((name) => !/(^|[./])DISABLED_/.test(name))
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

  readLine (line) {
    const begin = /^\[ RUN {6}\] (\S+)$/.exec(line)
    const end = /\[ {2}(?: {5}OK|FAILED |SKIPPED) \] ([^\s,]+).* \(\d+ ms\)$/.exec(line)
    if (begin) {
      this.#current = begin[1]
      this.#output = []
      this.#report.running(this.#current)
    } else if (end && end[1] === this.#current) {
      this.#finishCase(line.includes('[       OK ]') ? 'OK' : line.includes('[  SKIPPED ]') ? 'SKIPPED' : 'FAILED')
    } else {
      this.keep(line)
    }
  }

  end ({ code, how }) {
    if (this.#current !== null) this.#fail(this.#current, [...this.#output, how])
    for (const name of this.#waiting) this.#fail(name, ['did not run: the program ended before'])
    if (code !== 0 && !this.#failed) this.#fail(`${this.#name} ends well`, [...this.#output, how])
  }

  endAsOneCase ({ code, how }) {
    if (code === 0) this.#report.pass()
    else this.#fail(this.#name, [...this.#output, how])
  }

  #finishCase (outcome) {
    const name = this.#current
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
