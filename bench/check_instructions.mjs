// Counts the instructions of key work (bench/key_work.cc) under callgrind, and compares them with
// bench/results/instructions.json: unlike times they are the same on a busy machine.
//
//   node bench/check_instructions.mjs PROGRAM [--update]
//
// Exit code 1 when a count moved by more than 3 %, with --update never: then the file is written.
// Counts depend on the compiler and the library versions; the file says which they were.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const kTolerance = 0.03
const kCounted = 'weft_counted_work'
const results = fileURLToPath(new URL('results/instructions.json', import.meta.url))

const [program, ...flags] = process.argv.slice(2)
const update = flags.includes('--update')
const unknown = flags.find(flag => flag !== '--update')
if (program === undefined || unknown !== undefined) {
  console.error(unknown === undefined ? 'check_instructions: which program?' : `--check knows --update, not ${unknown}`)
  process.exit(2)
}

// The C library picks faster copies where the processor has them; here it is to pick the same ones
// everywhere.
const environment = { ...process.env, GLIBC_TUNABLES: 'glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM' }

function count (work, folder) {
  const out = join(folder, work)
  execFileSync('valgrind', ['--tool=callgrind', '--quiet', '--collect-atstart=no', `--toggle-collect=${kCounted}`,
    `--callgrind-out-file=${out}`, program, work], { stdio: ['ignore', 'inherit', 'inherit'], env: environment })
  const totals = /^(?:totals|summary): (\d+)/m.exec(readFileSync(out, 'utf8'))
  if (totals === null || Number(totals[1]) === 0) throw new Error(`callgrind saw nothing of ${work}`)
  return Number(totals[1])
}

function compiler () {
  return execFileSync('c++', ['--version'], { encoding: 'utf8' }).split('\n')[0]
}

const works = execFileSync(program, { encoding: 'utf8' }).trim().split('\n')
const folder = mkdtempSync(join(tmpdir(), 'weft-instructions-'))
const counts = {}
try {
  for (const work of works) counts[work] = count(work, folder)
} finally {
  rmSync(folder, { recursive: true })
}

const known = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : { instructions: {} }
let moved = 0
console.log(`${'work'.padEnd(12)} ${'instructions'.padStart(14)} ${'committed'.padStart(14)}  change`)
for (const work of works) {
  const before = known.instructions[work]
  const change = before === undefined ? NaN : counts[work] / before - 1
  const far = !(Math.abs(change) <= kTolerance)
  if (far) ++moved
  console.log(`${work.padEnd(12)} ${counts[work].toLocaleString('en').padStart(14)} ` +
    `${(before?.toLocaleString('en') ?? '-').padStart(14)}  ` +
    (before === undefined ? 'new' : `${change >= 0 ? '+' : ''}${(100 * change).toFixed(2)} %${far ? '  MOVED' : ''}`))
}
const gone = Object.keys(known.instructions).filter(work => !works.includes(work))
for (const work of gone) console.log(`${work.padEnd(12)} is not counted any more`)
if (known.compiler !== undefined && known.compiler !== compiler()) {
  console.log(`The committed counts are of another compiler: ${known.compiler}`)
}

if (update) {
  writeFileSync(results, JSON.stringify({ compiler: compiler(), tolerance: kTolerance, instructions: counts }, null, 2) + '\n')
  console.log('Written to bench/results/instructions.json.')
} else if (moved + gone.length > 0) {
  console.log(`${moved + gone.length} moved by more than ${100 * kTolerance} %: mend it, or say why in the commit that runs './dev bench --check --update'.`)
  process.exit(1)
}
