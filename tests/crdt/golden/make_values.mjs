// Writes values.txt: what lib0, yjs and JavaScript themselves make of values, texts, state vectors and
// delete sets. The tests of the folder above read it. To write it again, from the top:
//
//   npm ci --prefix tests && node tests/crdt/golden/make_values.mjs > tests/crdt/golden/values.txt
//
// One case a line: its kind, then fields separated by blanks. Fields are hexadecimal bytes, with "-"
// for none and "!" where JavaScript refuses. Everything is drawn from one seed, so that the file is reproducible.
import * as encoding from 'lib0/encoding'
import * as decoding from 'lib0/decoding'
import * as Y from 'yjs'

const lines = []
const emit = (...fields) => lines.push(fields.join(' '))
const hex = bytes => bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex')
const unhex = text => Uint8Array.from(Buffer.from(text, 'hex'))

// Mulberry32: a small generator of 32 bits.
let state = 20240607
const random32 = () => {
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return (t ^ (t >>> 14)) >>> 0
}
const below = n => random32() % n
const pick = list => list[below(list.length)]

// A JavaScript string as WTF-8.
const wtf8 = text => {
  const bytes = []
  for (const character of text) {
    const code = character.codePointAt(0)
    if (code >= 0xd800 && code <= 0xdfff) {
      bytes.push(0xed, 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f))
    } else {
      bytes.push(...Buffer.from(character, 'utf8'))
    }
  }
  return bytes
}
const units = text => {
  const bytes = []
  for (let i = 0; i < text.length; i++) bytes.push(text.charCodeAt(i) >> 8, text.charCodeAt(i) & 255)
  return bytes
}

const writeAny = value => {
  const encoder = encoding.createEncoder()
  encoding.writeAny(encoder, value)
  return encoding.toUint8Array(encoder)
}
const readAny = bytes => {
  const decoder = decoding.createDecoder(bytes)
  const value = decoding.readAny(decoder)
  if (decoder.pos !== bytes.length) throw new Error('bytes are left')
  return value
}
// JSON.stringify throws for a BigInt and answers undefined for undefined.
const jsonText = value => {
  try {
    const text = JSON.stringify(value)
    return text === undefined ? '!' : hex(Buffer.from(text, 'utf8'))
  } catch {
    return '!'
  }
}
// What lib0 makes of a value and reads back: object keys come in the order of JavaScript.
const emitAny = value => {
  const bytes = writeAny(value)
  emit('any', hex(bytes), hex(writeAny(readAny(bytes))), jsonText(readAny(bytes)))
}
const emitRead = text => {
  let again = '!'
  let json = '!'
  try {
    const value = readAny(unhex(text))
    again = hex(writeAny(value))
    json = jsonText(value)
  } catch { /* refused */ }
  emit('any', text === '' ? '-' : text, again, json)
}
// A text that JSON.parse gets; what it makes of it, as JSON and in the encoding of lib0.
const emitJson = text => {
  let value
  try {
    value = JSON.parse(text)
  } catch {
    emit('json', hex(wtf8(text)), '!', '!')
    return
  }
  emit('json', hex(wtf8(text)), jsonText(value), hex(writeAny(value)))
}
const emitNumber = value => {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  emit('number', hex(new Uint8Array(bits.buffer)), hex(Buffer.from(String(value))), hex(writeAny(value)))
}
const emitText = text => {
  const utf8 = new TextEncoder().encode(text)
  emit('text', hex(units(text)), hex(wtf8(text)), hex(utf8))
}
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const emitUtf8 = bytes => {
  try {
    emit('utf8', hex(bytes), hex(units(strict.decode(Uint8Array.from(bytes)))))
  } catch {
    emit('utf8', hex(bytes), '!')
  }
}

// Numbers.
const numbers = [0, -0, 1, -1, 63, 64, -63, -64, 127, 128, 8191, 8192, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1,
  -(2 ** 31 - 1), -(2 ** 31), 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 53 + 2, -(2 ** 53), 1e15, 1e16, 1e20,
  123456789012345680000, 1e21, 1.5e21, 1e22, -1e21, 1e100, 0.1, 0.2, 0.1 + 0.2, 1 / 3, 1e-5, 1e-6,
  1.5e-6, 1e-7, 1.5e-7, 9.5e-7, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 4.35, 100.5,
  3.4028234663852886e38, 3.4028235677973366e38, 1.401298464324817e-45, 1.1754943508222875e-38, 0.5, 1.5,
  1.7e12, 999999999999999.9, 1e15 + 0.5, 9007199254740993, NaN, Infinity, -Infinity]
for (const number of numbers) emitNumber(number)
const view = new DataView(new ArrayBuffer(8))
for (let i = 0; i < 250; i++) {
  view.setUint32(0, random32())
  view.setUint32(4, random32())
  if (!Number.isNaN(view.getFloat64(0))) emitNumber(view.getFloat64(0))
  emitNumber(view.getInt32(0) / 10 ** below(25))
  emitNumber(view.getInt32(0) * 10 ** below(25))
  emitNumber(Math.fround(view.getInt32(0) * 2 ** -below(60)))
}

// Texts.
const pieces = ['a', 'Z', ' ', '"', '\\', '/', '\b', '\t', '\n', '\f', '\r', '\0', '\u001f', '\u007f', '\u0080',
  '\u00e9', '\u07ff', '\u0800', '\u20ac', '\u2028', '\ud7ff', '\ue000', '\ufeff', '\ufffd', '\uffff',
  '\u{10000}', '\u{1f600}', '\u{10ffff}', '\ud800', '\udbff', '\udc00', '\udfff', 'plain text of some length',
  '\uac00\uac01\uac02\uac03', '\u0436\u0437\u0438\u0439\u043a\u043b\u043c']
const anyText = () => Array.from({ length: below(9) }, () => pick(pieces)).join('')
for (const piece of ['', ...pieces]) emitText(piece)
for (let i = 0; i < 200; i++) emitText(anyText())

// Bytes that may be UTF-8.
for (const text of ['', '7f', 'c080', 'c1bf', 'c280', 'dfbf', 'e09fbf', 'e0a080', 'ed9fbf', 'eda080', 'edb080',
  'edafbfedbfbf', 'ee8080', 'efbfbf', 'efbbbf', 'efbbbf61', 'f08fbfbf', 'f0908080', 'f48fbfbf', 'f4908080',
  'f5808080', 'ff', 'fe', '80', 'bf', 'c2', 'e0a0', 'f09080', 'c2c2', 'e0a0c2', 'f09080c2', 'e28082ac']) {
  emitUtf8(unhex(text))
  for (let before = 1; before < 10; before++) emitUtf8([...Buffer.from('a'.repeat(before)), ...unhex(text)])
  emitUtf8([...unhex(text), ...Buffer.from('behind the end')])
}
for (let i = 0; i < 300; i++) {
  const bytes = [...Buffer.from(anyText(), 'utf8')]
  if (bytes.length > 0) bytes[below(bytes.length)] = below(256)
  emitUtf8(bytes)
}

// Values.
const keys = ['a', 'b', 'key', '0', '1', '9', '10', '01', '-1', '4294967294', '4294967295', '4294967296',
  '99999999999', '', 'constructor', 'toString', 'length', 'caf\u00e9', '\u{1f600}']
const anyValue = depth => {
  switch (below(depth > 0 ? 12 : 9)) {
    case 0: return undefined
    case 1: return null
    case 2: return true
    case 3: return false
    case 4: return pick(numbers)
    case 5: return below(2 ** 32) - 2 ** 31
    case 6: return BigInt(below(2 ** 32)) * BigInt(below(2 ** 31)) * (below(2) === 0 ? 1n : -1n)
    case 7: return anyText()
    case 8: return Uint8Array.from({ length: below(6) }, () => below(256))
    case 9: return Array.from({ length: below(5) }, () => anyValue(depth - 1))
    default: {
      const object = {}
      for (let i = below(8); i > 0; i--) object[pick(keys)] = anyValue(depth - 1)
      return object
    }
  }
}
for (const value of [undefined, null, true, false, '', [], {}, new Uint8Array(), 0n, -1n, 2n ** 63n - 1n,
  -(2n ** 63n), [[[[]]]], { a: { a: { a: {} } } }, [undefined, null], { a: undefined }, { a: undefined, b: 1 }]) {
  emitAny(value)
}
for (let i = 0; i < 400; i++) emitAny(anyValue(4))
const manyKeys = {}
for (let i = 0; i < 60; i++) manyKeys[below(2) === 0 ? String(below(1000)) : 'k' + below(100)] = i
emitAny(manyKeys)

// Encodings that lib0 reads though it does not write them, and some that it refuses.
const proto = '095f5f70726f746f5f5f'
for (const text of ['', '00', '73', '74', '75', '76', '77', '80', 'ff', '7501', '7601', '760161', '76010161',
  '7703efbbbf', '7706efbbbf616263', '7703eda080', '7701ff', '7702c3', '7601' + '01ff' + '7f',
  '7603' + '01617d01' + '01627d02' + '01617d03', '7602' + '01627d02' + '01317d03',
  '7603' + '01397d01' + '01317d02' + '01397d03', '7602' + '01617601' + '01627f' + '01617d01',
  '7601' + proto + '7d01', '7602' + proto + '7d01' + '01617d02', '7602' + '01617d02' + proto + '7600',
  '7d00', '7d40', '7dc000', '7d8000', '7dbfffffffffffff1f', '7dffffffffffffff1f', '7d80808001',
  '7c3f800000', '7c00000001', '7cffc00001', '7c7f800000', '7c0000', '7b3ff0000000000000', '7b7ff8000000000001',
  '7bfff0000000000001', '7b8000000000000000', '7a8000000000000000', '7a00', '74050102', '740201', '75020000',
  '757f', '75ffffffff0f', '76ffffffff0f', '7502757f']) {
  emitRead(text)
}

// JSON texts.
for (const text of ['', ' ', 'null', ' null\t\r\n', 'nul', 'nulll', 'true', 'false', 'True', 'undefined', 'NaN',
  '0', '-0', '-', '+1', '01', '-01', '00', '1.', '.5', '1.5', '1e5', '1E+5', '1e-5', '1e', '1e+', '1.e5',
  '0e0', '-0e5', '1e400', '-1e400', '1e-400', '-1e-400', '0e999999999999999999999', '0.0e400',
  '1e999999999999999999999', '1e-999999999999999999999', '5e-324', '2e-324', '3e-324', '2.4703282292062327e-324',
  '2.4703282292062328e-324', '1.7976931348623157e308', '1.7976931348623158e308', '1.7976931348623159e308',
  '179769313486231580793728971405301e276', '0.' + '0'.repeat(400) + '1', '1' + '0'.repeat(400),
  '0.' + '0'.repeat(400) + '1e450', '1' + '0'.repeat(400) + 'e-450', '1' + '0'.repeat(308), '1' + '0'.repeat(309),
  '123456789012345678901234567890', '9007199254740993', '0x10', '1 2', '1,', '\ufeff1', '\u00a01', '\u20281',
  '"', '""', '"a', '"a"b', '"\t"', '"\u001f"', '"\u007f"', '"\u2028"', '"\\x41"', '"\\u12g4"', '"\\u123"', '"\\u+123"',
  '"\\u-123"', '"\\u 123"', '"\\', '"\\"', '"\\u', '"\\uD83D\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ud83d\\ud83d\\ude00"',
  '"\\ude00\\ud83d"', '"\\ud83dx\\ude00"', '"\\ud83d\ude00"', '"\ud83d\\ude00"', '"\ud83d"', '"\\ud83d\\n\\ude00"',
  '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\a"', '"\\0"', '"\\\'"', "'a'", '"\\u0000"', '"\\u00e9\u00e9\ud7a3"',
  '[', ']', '[]', '[ ]', '[1]', '[1,]', '[,1]', '[1 2]', '[1,2', '[[],[[]]]', '[}', '{]', '{', '}', '{}', '{ }',
  '{"a"}', '{"a":}', '{"a":1', '{"a":1,}', '{,}', '{"a":1 "b":2}', '{a:1}', '{1:1}', '{"a" : [ { } ] , "b" : 1 }',
  '{"a":1,"b":2,"a":3}', '{"b":1,"2":2,"1":1,"4294967294":0,"4294967295":0,"-1":2,"01":1,"4294967296":1}',
  '{"__proto__":1,"a":2}', '{"__proto__":{"x":1}}', '{"a":{"a":1},"a":2,"c":[]}', '{"\\u0061":1,"a":2}',
  '{"":1}', '[1]]', '[null,true,false,"x",{"y":[1.5]}]', '// c\n1', '[1,/**/2]', '\u000b1', '\f1', '\0', '1\0']) {
  emitJson(text)
}
const sortedKeys = Array.from({ length: 100 }, (_, i) => JSON.stringify(String(99 - i)) + ':' + i)
emitJson('{' + sortedKeys.join(',') + '}')
emitJson('{' + sortedKeys.concat(sortedKeys).join(' , ') + ',"z":1}')
for (let i = 0; i < 200; i++) {
  let text
  try {
    text = JSON.stringify(anyValue(4), (_, value) => typeof value === 'bigint' ? Number(value) : value, pick([0, 1, '\t']))
  } catch { /* undefined */ }
  if (text === undefined) continue
  emitJson(text)
  const at = below(text.length)
  emitJson(text.slice(0, at) + pick(['', '"', '\\', ',', '}', ']', '0', '\ud800', ' ', ':']) + text.slice(at + 1))
}

// State vectors and delete sets: "client:clock,…" and "client:clock+length,…" and their encodings.
const clients = [0, 1, 2, 127, 128, 300, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]
for (let i = 0; i < 60; i++) {
  const vector = new Map()
  for (let n = below(8); n > 0; n--) vector.set(pick(clients), 1 + below(pick([5, 300, 2 ** 31])))
  const text = [...vector].map(([client, clock]) => `${client}:${clock}`).join(',')
  emit('state_vector', text === '' ? '-' : text, hex(Y.encodeStateVector(vector)))
}
for (let i = 0; i < 200; i++) {
  const set = Y.createDeleteSet()
  const added = []
  for (let n = below(30); n > 0; n--) {
    const [client, clock, length] = [pick(clients), below(pick([10, 200])), 1 + below(6)]
    added.push(`${client}:${clock}+${length}`)
    const ranges = set.clients.get(client) ?? []
    set.clients.set(client, ranges)
    ranges.push({ clock, len: length })
  }
  // A snapshot begins with its delete set and ends, here, with an empty state vector: one zero.
  const write = deletes => Y.encodeSnapshot(new Y.Snapshot(deletes, new Map())).slice(0, -1)
  const unsorted = write(set)
  emit('delete_set', added.length === 0 ? '-' : added.join(','), hex(unsorted), hex(write(Y.mergeDeleteSets([set]))))
}

process.stdout.write(lines.join('\n') + '\n')
