// Runs weft_convergence with the flags given; with --html FILE makes a report of what it found, with --keep puts
// it into bench/results/convergence.{json,md}.
//   node bench/convergence/run.mjs PROGRAM [FLAGS OF IT] [--html FILE] [--keep]

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keep } from './keep.mjs'
import { makeReport } from './report.mjs'

const [program, ...given] = process.argv.slice(2)
const files = {}
const flags = []
let kept = false
for (let i = 0; i < given.length; i += 1) {
  const [, name, value] = /^--(html|json)(?:=(.*))?$/.exec(given[i]) ?? []
  if (given[i] === '--keep') kept = true
  else if (name === undefined) flags.push(given[i])
  else files[name] = value ?? given[++i] ?? ''
}
for (const [name, file] of Object.entries(files)) {
  if (file !== '' && !file.startsWith('--')) continue
  console.error(`run.mjs: --${name} wants a file`)
  process.exit(2)
}
if ((kept || files.html !== undefined) && flags.some((flag) => /^(--replay(=.*)?|--help|-h)$/.test(flag))) {
  console.error('run.mjs: a replay has nothing for --html and --keep')
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'weft-convergence-'))
try {
  const json = files.json ?? join(folder, 'result.json')
  const wanted = kept || Object.keys(files).length > 0
  const { status, error } = spawnSync(program, wanted ? [...flags, '--json', json] : flags, { stdio: 'inherit' })
  if (error) throw error
  process.exitCode = status ?? 1
  if (status === 0 || status === 1) {
    const result = () => JSON.parse(readFileSync(json, 'utf8'))
    if (files.html !== undefined) {
      writeFileSync(files.html, makeReport(result()))
      console.log(`${files.html} shows it as plots`)
    }
    if (kept && status === 0) {
      keep(fileURLToPath(new URL('../results', import.meta.url)), flags, result())
      console.log('Kept in bench/results/convergence.md and convergence.json')
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
