// node run.mjs BUILD SECONDS TARGET...: runs fuzz targets in turn, SECONDS in all, with a line that says
// how it goes. What breaks a target is minimised and put into fuzz/corpus/TARGET, from where every test
// run replays it. Each run leaves a line in BUILD/runs.tsv: when it ended, the target, its seconds on the
// clock and on a processor, its executions, and what was found.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { processorSeconds } from './processor_time.mjs'

const [build, total, ...targets] = process.argv.slice(2)
const seconds = Math.max(1, Math.floor(Number(total) / targets.length))
const live = process.stderr.isTTY
const reason = /CHECK failed.*|an input of .*|ERROR: (?:Address|Leak|libFuzzer: timeout|libFuzzer: out).*|runtime error.*/

// What the bytes of each target are made of; targets of other scripts have no use for words.
const dictionaries = {
  answer_http: 'http',
  apply_awareness: 'messages',
  apply_in_parts: 'updates',
  apply_update: 'updates',
  convert_update: 'updates',
  decode_snapshot: 'updates',
  decode_state_vector: 'updates',
  diff_update: 'updates',
  hocuspocus: 'messages',
  join_typing: 'updates',
  merge_updates: 'updates',
  parse_frames: 'frames',
  parse_json: 'json',
  read_log: 'log',
  read_update: 'updates',
  read_value: 'values',
  receive_message: 'messages',
  resolve_position: 'positions',
  run_actions: 'actions',
  weft_v1: 'messages'
}

function say (line, passing = false) {
  if (live) process.stderr.write(`\r\x1b[K${line}${passing ? '' : '\n'}`)
  else if (!passing) console.error(line)
}

// Slowness is bounded by counting steps (cost_meter.h), so the time limit is only for what takes none: a
// machine that is busy with other things must not look like a finding.
function argumentsFor (target) {
  const committed = `fuzz/corpus/${target}`
  const learned = `${build}/corpus/${target}`
  mkdirSync(learned, { recursive: true })
  const dictionary = dictionaries[target]
  return [
    `-max_total_time=${seconds}`, '-max_len=4096', '-timeout=600', '-rss_limit_mb=3000', '-print_final_stats=1',
    `-artifact_prefix=${build}/${target}-`,
    ...dictionary ? [`-dict=fuzz/dictionaries/${dictionary}.dict`] : [],
    learned, ...existsSync(committed) ? [committed] : []
  ]
}

// The smallest input that still breaks the target, as a file of the corpus.
function keep (target, artifact) {
  const smaller = `${artifact}.min`
  spawnSync(`${build}/fuzz/${target}_fuzz`,
    ['-minimize_crash=1', '-max_total_time=30', `-exact_artifact_path=${smaller}`, artifact], { stdio: 'ignore' })
  const bytes = readFileSync(existsSync(smaller) ? smaller : artifact)
  const folder = `fuzz/corpus/${target}`
  mkdirSync(folder, { recursive: true })
  const name = `${folder}/found_${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`
  writeFileSync(name, bytes)
  return name
}

async function run (target, number) {
  const began = Date.now()
  const child = spawn(`${build}/fuzz/${target}_fuzz`, argumentsFor(target), { stdio: ['ignore', 'ignore', 'pipe'] })
  const result = { target, executions: 0, processor: 0, found: '', why: '' }
  const watch = setInterval(() => { result.processor = processorSeconds(child.pid) ?? result.processor }, 500)
  for await (const line of createInterface({ input: child.stderr })) {
    const progress = /^#(\d+).*cov: (\d+).*corp: (\d+)/.exec(line)
    if (progress) {
      const age = Math.round((Date.now() - began) / 1000)
      say(`${number + 1}/${targets.length} ${target}: ${age}/${seconds} s, ${progress[1]} runs, ` +
        `${progress[2]} edges, ${progress[3]} inputs`, true)
    }
    result.executions = Number(/number_of_executed_units: *(\d+)/.exec(line)?.[1] ?? result.executions)
    result.why ||= reason.exec(line)?.[0] ?? ''
    const written = /Test unit written to (\S+)/.exec(line)
    if (written) result.found = written[1]
  }
  const code = child.exitCode ?? await new Promise(resolve => child.on('exit', resolve))
  clearInterval(watch)
  result.seconds = Math.round((Date.now() - began) / 1000)
  if (code !== 0) {
    result.why ||= `ended with ${code}`
    if (result.found) result.found = keep(target, result.found)
  }
  const what = result.why === '' ? 'nothing found' : `FOUND ${result.found}: ${result.why}`
  say(`${target}: ${result.executions} runs in ${result.seconds} s (${Math.round(result.processor)} s of a processor), ${readdirSync(`${build}/corpus/${target}`).length} inputs learned, ${what}`)
  appendFileSync(`${build}/runs.tsv`,
    [new Date().toISOString(), target, result.seconds, Math.round(result.processor), result.executions, result.found, result.why].join('\t') + '\n')
  return result
}

const results = []
for (const [number, target] of targets.entries()) results.push(await run(target, number))
const found = results.filter(({ why }) => why !== '')
const executions = results.reduce((sum, result) => sum + result.executions, 0)
console.log(`${executions} runs of ${targets.length} ${targets.length === 1 ? 'target' : 'targets'}; ` +
  (found.length === 0 ? 'nothing found' : `found in: ${found.map(({ target }) => target).join(', ')}`))
process.exit(found.length === 0 ? 0 : 1)
