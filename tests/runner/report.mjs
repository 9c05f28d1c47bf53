// What the person in front of the terminal sees of a test run, and the count at its end.
//
// A group is one program or one file; groups follow one another. On a terminal one line shows the case
// that runs now; elsewhere a line appears every kHeartbeatMs, so that a log shows life too.

const kHeartbeatMs = 15_000

export class Report {
  #out
  #total = { passed: 0, failed: 0, skipped: 0 }
  #group = null
  #failures = []
  #heartbeat = null

  constructor (out) {
    this.#out = out
  }

  begin (group, startedMs = Date.now()) {
    this.#group = { name: group, passed: 0, failed: 0, skipped: 0, now: '', startedMs }
    if (!this.#out.isTTY) {
      this.#heartbeat = setInterval(() => this.#print(`  ${this.#statusLine()}`), kHeartbeatMs)
    }
  }

  /** The case `test` runs now. */
  running (test) {
    this.#group.now = test
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[2K${this.#statusLine().slice(0, (this.#out.columns ?? 80) - 1)}`)
    }
  }

  pass () { this.#count('passed') }

  skip () { this.#count('skipped') }

  /** `output` is what explains the failure; it is shown at once. */
  fail (test, output) {
    this.#count('failed')
    this.#failures.push(`${this.#group.name}: ${test}`)
    this.#print(`FAILED ${this.#group.name}: ${test}\n${indent(output)}`)
  }

  end () {
    clearInterval(this.#heartbeat)
    const { name, startedMs } = this.#group
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    this.#print(`${name.padEnd(44)} ${counts(this.#group)} (${seconds} s)`)
    this.#group = null
  }

  /** Prints the closing lines; returns the exit code of the run. */
  finish (filter) {
    const { passed, failed, skipped } = this.#total
    if (failed > 0) this.#print(`\nFailed:\n${indent(this.#failures.join('\n'))}`)
    if (passed + failed + skipped === 0) this.#print(`no test has '${filter}' in its name`)
    if (skipped > 0) this.#print(`${skipped} skipped`)
    this.#print(`${passed} passed, ${failed} failed`)
    return failed === 0 && passed > 0 ? 0 : 1
  }

  #count (outcome) {
    this.#group[outcome] += 1
    this.#total[outcome] += 1
  }

  #statusLine () {
    return `${this.#group.name}: ${counts(this.#group)} … ${this.#group.now}`
  }

  #print (text) {
    this.#out.write(`${this.#out.isTTY ? '\r\x1b[2K' : ''}${text}\n`)
  }
}

function counts ({ passed, failed, skipped }) {
  return [`${passed} passed`, failed && `${failed} failed`, skipped && `${skipped} skipped`].filter(Boolean).join(', ')
}

function indent (text) {
  return text.trimEnd().split('\n').map((line) => `    ${line}`).join('\n')
}
