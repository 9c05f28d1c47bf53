// Breaks the engine in twenty chosen ways, one after the other, and shows which test notices each.
//
//   node tests/mutants/run.mjs BUILD_DIRECTORY [FILTER]
//
// Changes the sources in place, each for as long as its build and tests take, and puts them back whatever
// happens: run it where nobody else works, on a tree without changes of your own. Exit code 1 when a mutant
// lives.

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mutants } from './mutants.mjs'

const root = new URL('../..', import.meta.url).pathname
const [build = 'build/release', filter = ''] = process.argv.slice(2)
const target = (program) => `tests/${{ crdt_tests: 'crdt', driver_tests: 'crdt', simulation_tests: 'simulation', sync_tests: 'sync', server_tests: 'server', store_tests: 'store' }[program]}/${program}`
const kTestMs = 300_000

const ninja = (...targets) => spawnSync('ninja', ['-C', join(root, build), ...targets], { encoding: 'utf8' })

/**
 * The first test of the program that fails, or null. Where a test ends the program, the other suites are
 * asked, a few times: an assertion that does not hold says more.
 */
function firstFailure(program) {
  const ended = []
  let last = null
  for (let i = 0; i < 5; ++i) {
    const { name, signal } = runOnce(program, ended)
    if (name === null) return last
    if (signal === null) return name
    last ??= `${name}, ended by ${signal}`
    ended.push(name.replace(/\..*/, '.*'))
  }
  return last
}

function runOnce(program, without) {
  const filter = without.length === 0 ? [] : [`--gtest_filter=-${without.join(':')}`]
  const { stdout, status, signal } = spawnSync(join(root, build, target(program)), ['--gtest_fail_fast', ...filter], {
    encoding: 'utf8',
    timeout: kTestMs,
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      WEFT_BINARY: join(root, build, 'server/weft'),
      WEFT_FAILING_DISK: join(root, build, 'tests/server/libfailing_disk.so'),
      WEFT_HASTY_CLOCK: join(root, build, 'tests/server/libhasty_clock.so')
    }
  })
  if (status === 0) return { name: null, signal: null }
  const failed = /^\[ {2}FAILED {2}\] (\S+?)(?:,| \()/m.exec(stdout)
  if (failed) return { name: failed[1], signal: null }
  const last = [...stdout.matchAll(/^\[ RUN {6}\] (\S+)/gm)].at(-1)
  return { name: last ? last[1] : program, signal: signal ?? `code ${status}` }
}

/** Who notices the mutant, or why nobody could. */
function kill({ file, from, to, programs }) {
  const path = join(root, file)
  const source = readFileSync(path, 'utf8')
  if (source.split(from).length !== 2) throw new Error(`"${from}" does not stand once in ${file}`)
  try {
    writeFileSync(path, source.replace(from, () => to))
    for (const program of programs) {
      const built = ninja(target(program), ...(program === 'server_tests' ? ['server/weft'] : []))
      if (built.status !== 0) throw new Error(`the mutant does not compile:\n${built.stdout.slice(-2000)}`)
      const failure = firstFailure(program)
      if (failure !== null) return failure
    }
    return null
  } finally {
    writeFileSync(path, source)
  }
}

if (execFileSync('git', ['status', '--porcelain', '--', 'crdt', 'sync', 'store', 'server'], { cwd: root, encoding: 'utf8' }) !== '') {
  console.error('there are changes that are not committed: they could get lost')
  process.exit(2)
}
const chosen = mutants.filter(({ name, file }) => name.includes(filter) || file.includes(filter))
let alive = 0
console.log('| mistake | in | found by |\n| --- | --- | --- |')
for (const mutant of chosen) {
  const killer = kill(mutant)
  if (killer === null) ++alive
  console.log(`| ${mutant.name} | \`${mutant.file}\` | ${killer === null ? '**nobody**' : `\`${killer}\``} |`)
}
ninja(...new Set(mutants.flatMap(({ programs }) => programs.map(target))))
console.log(`\n${chosen.length - alive} of ${chosen.length} were noticed`)
process.exitCode = alive === 0 ? 0 : 1
