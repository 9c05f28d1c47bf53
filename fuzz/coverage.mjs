// node coverage.mjs BUILD: replays the corpus of every target, the committed one and what runs have
// learned, and reports which regions of the decoders it reaches: a table here, HTML under BUILD/html.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'

const build = process.argv[2]
// What reads bytes that others wrote.
const decoders = [
  'crdt/base/bytes.cc', 'crdt/base/bytes.h', 'crdt/base/utf.cc', 'crdt/any_codec.cc', 'crdt/json_parse.cc',
  'crdt/codec/columns.cc', 'crdt/codec/columns.h', 'crdt/codec/update_v1.h', 'crdt/codec/update_v2.h',
  'crdt/block_stream.cc', 'crdt/update.cc', 'crdt/update_merge.cc', 'crdt/update_builder.cc', 'crdt/delete_set.cc',
  'crdt/state_vector.cc', 'crdt/snapshot.cc', 'crdt/relative_position.cc', 'crdt/awareness.cc', 'crdt/loading.cc',
  'crdt/apply_update.cc', 'crdt/value_language.cc', 'sync/awareness.cc', 'sync/message.cc', 'sync/session.cc',
  'sync/weft_v1.cc', 'server/frame.cc', 'server/upgrade.cc', 'server/room_name.cc', 'store/format.cc',
  'store/page_file.cc', 'store/page_check.cc'
].filter(path => existsSync(path))

rmSync(`${build}/profiles`, { recursive: true, force: true })
mkdirSync(`${build}/profiles`, { recursive: true })
const programs = readdirSync(`${build}/fuzz`).filter(name => name.endsWith('_replay'))
for (const program of programs) {
  const target = program.slice(0, -'_replay'.length)
  const folders = [`fuzz/corpus/${target}`, `build/fuzz/corpus/${target}`].filter(path => existsSync(path))
  if (folders.length === 0) continue
  process.stderr.write(`replaying ${target}\n`)
  const replay = spawnSync(`${build}/fuzz/${program}`, folders, {
    env: { ...process.env, LLVM_PROFILE_FILE: `${build}/profiles/${target}.profraw` }, stdio: ['ignore', 'ignore', 'inherit']
  })
  if (replay.status !== 0) console.error(`${target} ended with ${replay.status ?? replay.signal}`)
}
const profiles = readdirSync(`${build}/profiles`).map(name => `${build}/profiles/${name}`)
const merged = `${build}/merged.profdata`
execFileSync('llvm-profdata-19', ['merge', '-sparse', ...profiles, '-o', merged])
const objects = programs.flatMap((name, i) => i === 0 ? [`${build}/fuzz/${name}`] : ['-object', `${build}/fuzz/${name}`])
const common = [`-instr-profile=${merged}`, ...objects, ...decoders]
execFileSync('llvm-cov-19', ['show', '-format=html', `-output-dir=${build}/html`, '-show-branches=count', ...common], { stdio: 'ignore' })
const { data } = JSON.parse(execFileSync('llvm-cov-19', ['export', '-summary-only', ...common], { encoding: 'utf8', maxBuffer: 1 << 28 }))
console.log('regions  lines   file')
const percent = ({ percent }) => `${percent.toFixed(1)} %`.padStart(7)
const root = process.cwd() + '/'
for (const { filename, summary } of data[0].files) {
  console.log(`${percent(summary.regions)} ${percent(summary.lines)}  ${filename.replace(root, '')}`)
}
const { regions, lines } = data[0].totals
console.log(`${percent(regions)} ${percent(lines)}  all`)
console.log(`every region: ${build}/html/index.html`)
