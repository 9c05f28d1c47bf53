// Bundles the pages and turns their files, and the descriptions of the APIs, into C++, so that the server is one file.
//
//   node embed_page.mjs OUT.cc OUT_DIR DEPFILE
//
// OUT_DIR receives the bundled files; DEPFILE names what they were made of, for ninja.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const contentTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8'
}

const [outFile, outDir, depFile] = process.argv.slice(2)
const here = dirname(fileURLToPath(import.meta.url))
const web = join(here, 'web')
// Where each description stands on the server, and of which file it is.
const descriptions = [
  ['api/openapi.json', join(here, 'api', 'openapi.json')],
  ['api/v1/openapi.json', join(here, 'script', 'openapi.json')]
]

function fail (message) {
  console.error(`The pages cannot be built: ${message}`)
  process.exit(1)
}

function filesUnder (folder, prefix = '') {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist')
    .flatMap((entry) => entry.isDirectory()
      ? filesUnder(join(folder, entry.name), `${prefix}${entry.name}/`)
      : [`${prefix}${entry.name}`])
    .sort()
}

// A string literal with every byte that is not plain ASCII as three octal digits, in lines of C++.
function toLiteral (bytes) {
  const lines = []
  for (let begin = 0; begin < bytes.length; begin += 100) {
    let line = ''
    for (const byte of bytes.subarray(begin, begin + 100)) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f
      line += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
    }
    lines.push(`    "${line}"`)
  }
  return lines.length === 0 ? '    ""' : lines.join('\n')
}

if (!existsSync(join(web, 'node_modules'))) {
  fail('its npm packages are not installed. Run ./dev build, which installs them (npm ci in server/web).')
}
rmSync(outDir, { recursive: true, force: true })
mkdirSync(outDir, { recursive: true })
const bundled = spawnSync(process.execPath, [join(web, 'build.mjs'), outDir], { encoding: 'utf8' })
if (bundled.status !== 0) fail(`web/build.mjs failed.\n${bundled.stdout}${bundled.stderr}`)

for (const [name, file] of descriptions) {
  mkdirSync(dirname(join(outDir, name)), { recursive: true })
  copyFileSync(file, join(outDir, name))
}

const names = filesUnder(outDir)
if (!names.includes('index.html')) fail('web/build.mjs made no index.html.')
const entries = names.map((name) => {
  const bytes = readFileSync(join(outDir, name))
  const type = contentTypes[extname(name)] ?? 'application/octet-stream'
  const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 20)
  return `    {"/${name}", "${type}", "\\"${tag}\\"", std::string_view(\n${toLiteral(bytes)},\n    ${bytes.length})},`
})
writeFileSync(outFile, `// Made by server/embed_page.mjs from server/web.
#include "server/page.h"

namespace weft::server {
namespace {
constexpr PageFile kFiles[] = {
${entries.join('\n')}
};
}  // namespace

std::span<const PageFile> PageFiles() { return kFiles; }

}  // namespace weft::server
`)
const sources = [...filesUnder(web).map((name) => join(web, name)), ...descriptions.map(([, file]) => file)].map((path) => path.replaceAll(' ', '\\ '))
writeFileSync(depFile, `${outFile}: ${[...sources, fileURLToPath(import.meta.url)].join(' ')}\n`)
