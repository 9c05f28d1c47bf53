// Runs every test of weft and counts single cases: the programs that Meson knows, then the
// node tests. `./dev test` builds them and calls this.
//
//   node tests/runner/run.mjs --build DIRECTORY [--stall SECONDS] [FILTER]
//
// FILTER is a piece of a program's name, of a file's path or of a test's name; all cases that it is
// part of are run. The last line is `N passed, N failed`; the exit code is 0 when at least one case
// passed and none failed.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runNodeFile } from './node_file.mjs'
import { runProgram } from './program.mjs'
import { Report } from './report.mjs'

const kTests = fileURLToPath(new URL('..', import.meta.url))
const kNodeFolders = ['compatibility', 'provider', 'api', 'script', 'interop', 'browser']

/** The programs that Meson has under `test()`, as it describes them. */
function mesonTests (buildDirectory) {
  return JSON.parse(readFileSync(join(buildDirectory, 'meson-info', 'intro-tests.json'), 'utf8'))
}

function nodeTestFiles () {
  return kNodeFolders
    .flatMap((folder) => {
      const path = join(kTests, folder)
      try {
        return readdirSync(path).map((name) => join(path, name))
      } catch {
        return [] // git keeps no empty folders
      }
    })
    .filter((path) => path.endsWith('.test.mjs'))
    .sort()
}

const { values, positionals } = parseArgs({
  options: { build: { type: 'string' }, stall: { type: 'string', default: '300' } },
  allowPositionals: true
})
if (!values.build || positionals.length > 1) {
  console.error('usage: run.mjs --build DIRECTORY [--stall SECONDS] [FILTER]')
  process.exit(2)
}
const filter = positionals[0] ?? ''
const stallMs = Number(values.stall) * 1000
const report = new Report(process.stdout)

for (const program of mesonTests(values.build)) {
  await runProgram({ program, filter, stallMs, report })
}
for (const file of nodeTestFiles()) {
  await runNodeFile({ file, name: relative(kTests, file), filter, stallMs, report })
}
process.exit(report.finish(filter))
