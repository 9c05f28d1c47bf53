// Figures that are kept: convergence.{json,md} in a folder, a part for each command that was run with --keep. The
// same command takes the place of its earlier part.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bySeries, conditions, seriesName } from './report.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

// Drivers of foreign replicas, and the npm package that each is about.
const drivers = { 'yjs_oracle.mjs': ['tests', 'yjs'], 'ywasm_driver.mjs': ['bench/peers', 'ywasm'] }

const versionOf = (folder, name) => {
  const path = join(root, folder, 'node_modules', name, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : '?'
}

function versionsFor (foreign) {
  const weft = /version: '([^']+)'/.exec(readFileSync(join(root, 'meson.build'), 'utf8'))[1]
  const words = foreign.flat().map((word) => basename(word))
  const used = Object.entries(drivers).filter(([driver]) => words.includes(driver)).map(([, where]) => where)
  return {
    weft,
    ...Object.fromEntries(used.map(([folder, name]) => [name, versionOf(folder, name)])),
    ...(words.includes('node') ? { node: process.versions.node } : {})
  }
}

// As somebody types it elsewhere: without the folder that traces are kept in.
const commandOf = (flags) => {
  const words = flags.map((flag, i) => {
    if (flag.startsWith('--trace=')) return `--trace=${basename(flag)}`
    return flags[i - 1] === '--trace' ? basename(flag) : flag
  })
  return ['./dev bench convergence', ...words.map((word) => /[\s"']/.test(word) ? JSON.stringify(word) : word)].join(' ')
}

const rounded = (value) => typeof value === 'number' ? Number(value.toPrecision(4)) : value
const lean = (point) => Object.fromEntries(
  Object.entries(point).filter(([key]) => key !== 'curve').map(([key, value]) => [key, rounded(value)]))

// JSON with a line for each point, so that a change of one is a change of a line.
function toText ({ runs }) {
  const lines = (values) => values.map((value) => `   ${JSON.stringify(value)}`).join(',\n')
  return `{"runs": [\n${runs.map(({ points, growth, ...rest }) =>
    ` {${JSON.stringify(rest).slice(1, -1)},\n  "growth": [\n${lines(growth)}],\n  "points": [\n${lines(points)}]}`).join(',\n')}\n]}\n`
}

const number = (value, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })
const table = (head, rows) =>
  [`| ${head.join(' | ')} |`, `| --- |${' ---: |'.repeat(head.length - 1)}`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n')

// Of each series the fewest replicas, the most, and the number nearest to the middle of both as ratios.
function shown (points) {
  return bySeries(points).flatMap(([, all]) => {
    if (all.length <= 3) return all
    const middle = Math.sqrt(all[0].replicas * all.at(-1).replicas)
    const distance = ({ replicas }) => Math.abs(Math.log(replicas / middle))
    const nearest = all.slice(1, -1).reduce((best, point) => distance(point) < distance(best) ? point : best)
    return [all[0], nearest, all.at(-1)]
  })
}

function part ({ command, date, machine, versions, points, growth, ...result }) {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')
  const sections = [
    `## ${points.length === 1 ? seriesName(points[0]) : [...new Set(points.map(({ topology }) => topology))].join(', ')}, ${[...new Set([points[0], points.at(-1)].map(({ replicas }) => number(replicas)))].join(' to ')} replicas`,
    `    ${command}`,
    `${date}, ${machine.cores} cores of ${machine.cpu}, load ${machine.load}; ${named}. ${conditions({ ...result, points })}.`
  ]
  if (growth.some(({ cpuPerEdit }) => cpuPerEdit !== 0)) {
    sections.push('Growth with the number of replicas n, as exponents x of nˣ, fitted over all of them:',
      table(['', 'processor time an edit', 'messages an edit', 'bytes an edit', 'memory of a replica'],
        growth.map((g) => [seriesName(g), ...[g.cpuPerEdit, g.messagesPerEdit, g.bytesPerEdit, g.memory].map((x) => x.toFixed(2))])))
  }
  sections.push(table(
    ['', 'replicas', 'edits', 'converged, simulated ms', 'processor ms then', 'edits a processor second', 'messages an edit', 'bytes an edit', 'state, bytes', 'memory of a replica, bytes'],
    shown(points).map((p) => [seriesName(p), number(p.replicas), number(p.edits), number(p.convergedMs, 1), number(p.cpuMsAfterLastEdit, 1),
      number(p.editsPerCpuSecond), number(p.messagesPerEdit, 1), number(p.bytesPerEdit), number(p.stateBytes), number(p.memoryBytes)])))
  return sections.join('\n\n')
}

const toMarkdown = ({ runs }) => `# Convergence, measured

How replicas of one document come to agree on a simulated network, and what it costs: \`bench/README.md\` says what is measured, and
after every run all replicas were equal. What is simulated is the same on every machine; processor time is this machine's. Each part
has the command that measures it anew (with \`--keep\` it takes its place here); of more than three numbers of replicas the table shows
three, \`convergence.json\` has all.

${runs.map(part).join('\n\n')}
`

/** Keeps what `result`, the JSON of weft_convergence, says of a run with these flags. */
export function keep (folder, flags, result) {
  if (result.findings.length > 0 || result.points.length === 0) throw new Error('a run that did not converge is not kept')
  const path = join(folder, 'convergence.json')
  const { findings, points, ...rest } = result
  const run = {
    command: commandOf(flags),
    date: new Date().toISOString().slice(0, 10),
    machine: { cpu: cpus()[0].model.trim(), cores: cpus().length, load: Number(loadavg()[0].toFixed(1)) },
    versions: versionsFor(result.common.scenario.foreign),
    ...rest,
    growth: rest.growth.map((g) => Object.fromEntries(Object.entries(g).map(([key, value]) => [key, rounded(value)]))),
    points: points.map(lean)
  }
  const { runs } = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { runs: [] }
  const at = runs.findIndex(({ command }) => command === run.command)
  if (at < 0) runs.push(run)
  else runs[at] = run
  writeFileSync(path, toText({ runs }))
  writeFileSync(join(folder, 'convergence.md'), toMarkdown({ runs }))
}
