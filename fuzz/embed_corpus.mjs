// Turns the corpus into C++, so that `weft fuzz-corpus` has it wherever the program is.
//
//   node embed_corpus.mjs OUT.cc DEPFILE
//
// What is for weft alone (scripts, pages of its log) stays out; packs (input.h) are taken apart into the
// byte strings that they are made of, each of which is there once.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [outFile, depFile] = process.argv.slice(2)
const corpus = join(dirname(fileURLToPath(import.meta.url)), 'corpus')

// The flags of a pack and its parts, as ReadPack of input.h reads them.
function readPack (bytes) {
  const parts = []
  for (let at = 1; at + 2 <= bytes.length;) {
    const size = Math.min(bytes.readUInt16LE(at), bytes.length - at - 2)
    parts.push(bytes.subarray(at + 2, at + 2 + size))
    at += 2 + size
  }
  return { flags: bytes[0] ?? 0, parts }
}

const inFormat = (kind, flags) => `${kind}_v${(flags & 1) + 1}`
const packOf = (split) => (bytes) => {
  const { flags, parts } = readPack(bytes)
  return split(flags, parts)
}
const updates = packOf((flags, parts) => parts.map(part => [inFormat('update', flags), part]))
const kinds = {
  apply_awareness: packOf((flags, parts) => parts.map(part => ['awareness', part])),
  apply_in_parts: updates,
  apply_update: updates,
  convert_update: updates,
  decode_snapshot: packOf((flags, parts) => parts.slice(0, 2).map(part => [inFormat('snapshot', flags), part])),
  decode_state_vector: bytes => [['state_vector', bytes]],
  diff_update: packOf((flags, parts) => parts.map((part, i) => [i === 0 ? inFormat('update', flags) : 'state_vector', part])),
  merge_updates: updates,
  parse_json: bytes => [['json', bytes]],
  read_update: updates,
  read_value: bytes => [['any', bytes]],
  receive_message: packOf((flags, parts) => parts.map(part => ['message', part])),
  resolve_position: packOf((flags, parts) => (flags & 2) !== 0 ? [] : parts.slice(0, 1).map(part => ['position', part]))
}

// A string literal with every byte that is not plain ASCII as three octal digits.
function toLiteral (bytes) {
  let text = ''
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f
    text += plain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `"${text}"`
}

const inputs = new Map()
const sources = []
for (const [target, split] of Object.entries(kinds)) {
  const folder = join(corpus, target)
  sources.push(folder)
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name)
    sources.push(path)
    for (const [kind, bytes] of split(readFileSync(path))) {
      const key = `${kind} ${bytes.toString('base64')}`
      if (!inputs.has(key)) inputs.set(key, { kind, bytes, origin: `${target}/${name}` })
    }
  }
}
const rows = [...inputs.values()].map(({ kind, bytes, origin }) =>
  `    {"${kind}", "${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}", "${origin}", std::string_view(${toLiteral(bytes)}, ${bytes.length})},`)
writeFileSync(outFile, `// Made by fuzz/embed_corpus.mjs from fuzz/corpus.
#include "server/tools/fuzz_corpus.h"

namespace weft::server {
namespace {
constexpr CorpusInput kInputs[] = {
${rows.join('\n')}
};
}  // namespace

std::span<const CorpusInput> CorpusInputs() { return kInputs; }

}  // namespace weft::server
`)
writeFileSync(depFile, `${outFile}: ${[...sources, fileURLToPath(import.meta.url)].map(path => path.replaceAll(' ', '\\ ')).join(' ')}\n`)
