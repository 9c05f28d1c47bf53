// A client that is generated from the description: openapi-typescript makes types of it, a program that uses
// them with openapi-fetch compiles, and talks to the server.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import openapiTypescript, { astToString } from 'openapi-typescript'
import ts from 'typescript'
import { serverTest } from '../interop/weft_server.mjs'

const here = dirname(fileURLToPath(import.meta.url))

const kOptions = {
  strict: true,
  noEmitOnError: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  types: []
}

/** Compiles a program and answers what is wrong with it. */
function compile(file) {
  const program = ts.createProgram([file], kOptions)
  const result = program.emit(program.getSourceFile(file))
  return [...ts.getPreEmitDiagnostics(program), ...result.diagnostics].map((one) =>
    ts.flattenDiagnosticMessageText(one.messageText, '\n')
  )
}

serverTest(
  'a client that was generated from the description compiles and works',
  async ({ server, own }) => {
    // Beside the test, where its packages are found.
    const directory = await mkdtemp(join(here, 'generated-'))
    own({ dispose: () => rm(directory, { recursive: true, force: true }) })
    const description = await (await fetch(server.httpUrl('/api/openapi.json'))).json()
    await writeFile(join(directory, 'api.ts'), astToString(await openapiTypescript(description)))
    const source = await readFile(join(here, 'client_program.ts'), 'utf8')
    await writeFile(join(directory, 'program.ts'), source)
    await writeFile(join(directory, 'wrong.ts'), source.replace("op: 'text.insert'", "op: 'text.inserts'"))

    assert.deepEqual(compile(join(directory, 'program.ts')), [])
    assert.match(compile(join(directory, 'wrong.ts')).join(), /text\.inserts/, 'a mistake is found by the compiler')

    const { run } = await import(pathToFileURL(join(directory, 'program.js')))
    assert.deepEqual(await run(server.httpUrl('')), [
      'edited true at 1',
      'text hello',
      'head 1, frozen null',
      'version draft at 1',
      'rooms client/of somebody',
      'missing urn:weft:problem:no-such-room',
      'deleted 204'
    ])
  },
  { timeoutMs: 120_000 }
)
