// Measures the log and who it is held against, and with --peers writes the results:
//
//   node compare.mjs PROGRAM [--peers] [--data=FOLDER] [FILTER] [flags of weft_store_bench]
//
// y-leveldb takes part with --peers alone, since it comes from npm (bench/peers/store). What is less than
// the whole, was asked for with other flags, or wrote to memory goes to files that end in .tmp.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toMarkdown } from './report.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const peers = join(here, '../peers/store')
const [program, ...given] = process.argv.slice(2)
const withPeers = given.includes('--peers')
let data = 'build/store-bench'
const flags = []
for (let i = 0; i < given.length; ++i) {
  if (given[i] === '--peers') continue
  if (given[i].startsWith('--data=')) {
    data = given[i].slice('--data='.length)
  } else if (given[i].startsWith('--')) {
    flags.push(given[i], ...given.slice(i + 1, i + 2))
    ++i
  } else {
    flags.push(given[i])
  }
}

function versionOf (name) {
  return JSON.parse(readFileSync(join(peers, 'node_modules', name, 'package.json'), 'utf8')).version
}

const kTmpfs = 0x01021994
mkdirSync(data, { recursive: true })
const onDisk = statfsSync(data).type !== kTmpfs
if (!onDisk) console.error(`${data} is in memory: nothing there is durable, and no figure is one of a disk`)
const folder = mkdtempSync(join(tmpdir(), 'weft-store-bench-'))
const json = join(folder, 'report.json')
const leveldb = withPeers ? ['--leveldb', `node '${join(peers, 'y_leveldb.mjs')}'`] : []
const began = Date.now()
const { status } = spawnSync(program, ['--json', json, '--dir', data, ...leveldb, ...flags], { stdio: 'inherit' })
if (status !== 0) {
  rmSync(folder, { recursive: true })
  process.exit(status ?? 1)
}
const report = JSON.parse(readFileSync(json, 'utf8'))
rmSync(folder, { recursive: true })
if (withPeers) {
  report.versions['y-leveldb'] = versionOf('y-leveldb')
  report.versions['classic-level'] = versionOf('classic-level')
  report.versions.node = process.versions.node
}
report.date = new Date().toISOString().slice(0, 10)
report.machine = { cpu: cpus()[0].model, cores: cpus().length, load: Number(loadavg()[0].toFixed(1)), disk: onDisk }
report.took_s = Math.round((Date.now() - began) / 1000)
if (withPeers) {
  const end = onDisk && flags.length === 0 ? '' : '.tmp'
  const results = join(here, '../results')
  writeFileSync(join(results, `store.json${end}`), JSON.stringify(report, null, 1) + '\n')
  writeFileSync(join(results, `store.md${end}`), toMarkdown(report))
  console.error(`\nWritten: bench/results/store.json${end} and store.md${end}, after ${report.took_s} s`)
}
