// The table of server/script/README.md is true: every behaviour that was asked for is in it, and has a test of its number in
// the files that its row names; and so has every hazard.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const BEHAVIOURS = 200
const HAZARDS = 34

const upTo = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index)
const numbersIn = (text) => [...text.matchAll(/(\d+)(?:–(\d+))?/g)].flatMap(([, first, last]) => upTo(Number(first), Number(last ?? first)))

/** The rows of the table with this head: its cells, as they are written. */
function tableUnder(head) {
  const text = readFileSync(join(here, '../../server/script/README.md'), 'utf8')
  const lines = text.slice(text.indexOf(`\n| ${head} |`)).split('\n').slice(3)
  const rows = lines.slice(0, lines.findIndex((line) => !line.startsWith('|')))
  return rows.map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()))
}

/** Names of tests by file: of GoogleTest without its suite, of node's whole. */
const namesByFile = new Map(readdirSync(here).filter((file) => /_test\.cc$|\.test\.mjs$/.test(file)).map((file) => {
  const text = readFileSync(join(here, file), 'utf8')
  const found = file.endsWith('.cc') ? text.matchAll(/^(?:TEST(?:_F)?|RC_GTEST(?:_FIXTURE)?_PROP)\(\w+,\s*(\w+)/gm) : text.matchAll(/^ *\w*[tT]est\(\s*[`'"](.*?)[`'"],/gm)
  return [file, [...found].map(([, name]) => name)]
}))

const numbersOf = (text) => [...(text ?? '').matchAll(/\d+/g)].map(([number]) => Number(number))

/** What a name says that it is the test of: "A012_", "A021_To_A029_", "A34 A35 …", "142, 143: …". */
function behavioursOf(name) {
  const range = /^A0*(\d+)_To_A0*(\d+)/.exec(name)
  if (range) return upTo(Number(range[1]), Number(range[2]))
  return numbersOf(/^((?:(?:And)?A\d+[_ ])+)/.exec(name)?.[1] ?? /^(\d+(?:, \d+)*):/.exec(name)?.[1])
}

/** The same of hazards: "H09_", "H9 …", "Hazard1_", "Hazards 2 and 4: …", "… (hazard 33)". */
function hazardsOf(name) {
  return numbersOf(/^(?:H|Hazard)(\d+)[_ ]/.exec(name)?.[1] ?? /^Hazards? ([\d, and]+):/.exec(name)?.[1] ?? /\(hazards? ([\d, and]+)\)$/.exec(name)?.[1])
}

/** What is not true of rows that are to have each number up to `count`, and a test of it. */
function wrongWith(rows, count, claimedBy) {
  const wrong = []
  const seen = new Set()
  for (const [numbers, where] of rows) {
    const files = [...where.matchAll(/`([\w.]+_test\.cc|[\w.]+\.test\.mjs)`/g)].map(([, file]) => file)
    for (const file of files) if (!namesByFile.has(file)) wrong.push(`there is no ${file}`)
    for (const number of numbersIn(numbers)) {
      seen.add(number)
      if (number < 1 || number > count) wrong.push(`nobody asked for ${number}`)
      else if (!files.some((file) => namesByFile.get(file)?.some((name) => claimedBy(name).includes(number)))) {
        wrong.push(`${number} has no test in ${files.join(', ') || 'any file'}`)
      }
    }
  }
  for (const number of upTo(1, count)) if (!seen.has(number)) wrong.push(`${number} is not in the table`)
  return wrong
}

test('each behaviour that was asked for is in the table, and has its test', () => {
  assert.deepEqual(wrongWith(tableUnder('numbers'), BEHAVIOURS, behavioursOf), [])
})

test('each hazard is in the table, and has its test', () => {
  assert.deepEqual(wrongWith(tableUnder('hazard'), HAZARDS, hazardsOf), [])
})
