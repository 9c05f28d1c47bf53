// Runs weft_convergence with the flags given and, with --html FILE, makes a report of what it found.
//   node bench/convergence/run.mjs PROGRAM [FLAGS OF IT] [--html FILE]

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeReport } from './report.mjs'

const [program, ...given] = process.argv.slice(2)
const flags = []
let html
for (let i = 0; i < given.length; i += 1) {
  if (given[i] === '--html') html = given[++i]
  else if (given[i].startsWith('--html=')) html = given[i].slice('--html='.length)
  else flags.push(given[i])
}
if (given.includes('--html') && html === undefined) {
  console.error('run.mjs: --html wants a file')
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'weft-convergence-'))
try {
  const wanted = flags.findIndex((flag) => flag === '--json' || flag.startsWith('--json='))
  const json = wanted < 0
    ? join(folder, 'result.json')
    : flags[wanted].includes('=') ? flags[wanted].slice('--json='.length) : flags[wanted + 1]
  if (html !== undefined && wanted < 0) flags.push('--json', json)
  const { status, error } = spawnSync(program, flags, { stdio: 'inherit' })
  if (error) throw error
  if (html !== undefined && status < 2) {
    writeFileSync(html, makeReport(JSON.parse(readFileSync(json, 'utf8'))))
    console.log(`${html} shows it as plots`)
  }
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
