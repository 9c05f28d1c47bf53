// Runs one file of node tests in a process of its own and counts its tests. A test that only holds other
// tests is not counted itself, unless it fails where they do not (a hook, say).
//
// With a filter, a file that does not have the filter in its text is not run at all: to ask node for the
// names of its tests would run its hooks, which start servers and browsers.

import { readFileSync } from 'node:fs'
import { run } from 'node:test'
import { inspect } from 'node:util'

// How node 18 and 20 mark a test that the name pattern leaves out.
const kLeftOut = /does not match (the )?pattern/

export async function runNodeFile ({ file, name, filter, stallMs, report }) {
  const all = name.includes(filter)
  if (!all && !readFileSync(file, 'utf8').includes(filter)) return
  const options = { files: [file], concurrency: 1, timeout: stallMs }
  if (!all) options.testNamePatterns = [new RegExp(filter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))]

  const group = new Group(name, report)
  if (all) group.begin()
  const path = [] // names of the tests that run, outermost first
  const children = [] // by depth: how many tests ended since the last end one level up
  let output = ''

  const end = (event, outcome) => {
    const depth = event.nesting
    const isParent = (children[depth + 1] ?? 0) > 0
    children.length = depth + 1
    children[depth] = (children[depth] ?? 0) + 1
    const fullName = [...path.slice(0, depth), event.name].join(' › ')
    const isSuite = event.details?.type === 'suite'
    if (outcome === 'fail') {
      if (event.details.error?.failureType === 'subtestsFailed') return
      // A hook that fails takes along tests that were not asked for. The file itself may fail, too.
      if (!all && !fullName.includes(filter) && event.name !== file) return
      group.begin()
      report.fail(fullName, `${explain(event.details.error)}\n${output}`)
    } else if (isParent || isSuite || kLeftOut.test(String(event.skip ?? ''))) {
      return
    } else {
      group.begin()
      if (event.skip !== undefined || event.todo !== undefined) report.skip()
      else report.pass()
    }
    output = ''
  }

  const events = run(options)
  events.on('test:start', (event) => {
    path.length = event.nesting
    path.push(event.name)
    group.running(path.join(' › '))
  })
  events.on('test:stdout', (event) => { output += event.message })
  events.on('test:stderr', (event) => { output += event.message })
  events.on('test:pass', (event) => end(event, 'pass'))
  events.on('test:fail', (event) => end(event, 'fail'))
  await new Promise((resolve) => {
    events.on('end', resolve)
    events.resume()
  })
  group.end()
}

/** The file's group in the report; with a filter it begins only when a test of it was chosen. */
class Group {
  #open = false
  #startedMs = Date.now()

  constructor (name, report) {
    this.name = name
    this.report = report
  }

  begin () {
    if (!this.#open) this.report.begin(this.name, this.#startedMs)
    this.#open = true
  }

  running (test) { if (this.#open) this.report.running(test) }

  end () { if (this.#open) this.report.end() }
}

function explain (error) {
  const cause = error?.cause ?? error
  return cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause)
}
