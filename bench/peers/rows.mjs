// The rows of the report: what a reader sees of what was measured.
//
// `parts`: what engines call this row; each engine has one of them, in a format of its own.

const v1 = ['v1', 'snapshot', 'save', 'binary', 'encoded']
const v2 = ['v2', 'update']
const parts = (what, formats) => formats.map(format => `${what}_${format}`)

// `unit`: "ms", or "bytes" where memory is the row.
export function mainRows (report) {
  const concurrent = Object.keys(report.rows).filter(part => part.startsWith('concurrent/'))
  return [
    { title: 'typed, an update for each edit', parts: ['local_each'], unit: 'ms' },
    { title: 'typed in one transaction', parts: ['local_once'], unit: 'ms' },
    { title: 'updates applied one by one', parts: ['apply_each'], unit: 'ms' },
    { title: 'state encoded', parts: parts('encode', v1), unit: 'ms' },
    { title: 'state encoded, v2', parts: parts('encode', v2), unit: 'ms' },
    { title: 'state loaded, text read', parts: parts('load', v1), unit: 'ms' },
    { title: 'state loaded, text read, v2', parts: parts('load', v2), unit: 'ms' },
    ...concurrent.map(part => ({ title: `concurrent updates one by one, ${part.slice('concurrent/'.length)}`, parts: [part], unit: 'ms' })),
    { title: 'first 10,000 updates merged', parts: ['merge_10000'], unit: 'ms' },
    { title: 'all updates merged', parts: ['merge_all'], unit: 'ms' },
    { title: 'hundredfold: state loaded, text read', parts: ['load_x100'], unit: 'ms' },
    { title: 'memory of the loaded document', parts: ['memory'], unit: 'bytes' },
    { title: 'hundredfold: memory', parts: ['memory_x100'], unit: 'bytes' }
  ].filter(row => row.parts.some(part => report.rows[part] !== undefined))
}

export const crdtTables = [
  { title: 'time', parts: ['work'] },
  { title: 'encode', parts: parts('encode', v1) },
  { title: 'parse', parts: parts('parse', v1) },
  { title: 'encode, v2', parts: parts('encode', v2) },
  { title: 'parse, v2', parts: parts('parse', v2) }
]

export function crdtNames (report) {
  return [...new Set(Object.keys(report.rows).filter(part => /^B\d/.test(part)).map(part => part.split('/')[0]))]
}

export function crdtRow (name, table) {
  return { title: name, parts: table.parts.map(part => `${name}/${part}`), unit: 'ms' }
}

// What an engine did in a row: { value, missing }, nothing where it was never asked.
export function cellOf (report, row, engine) {
  for (const part of row.parts) {
    const cell = report.rows[part]?.[engine]
    if (cell === undefined) continue
    const value = row.unit === 'bytes' ? cell.memory : cell.median
    return value === undefined ? { missing: cell.missing ?? '?' } : { value, runs: cell.runs }
  }
  // A process that failed before its first part is filed under its work.
  const work = row.parts[0].split('_')[0]
  const failed = report.rows[work]?.[engine]?.missing
  return failed === undefined ? undefined : { missing: failed }
}

// How many times weft's value this is; nothing where either is missing.
export function ratioOf (report, row, engine) {
  const [weft, other] = ['weft', engine].map(name => cellOf(report, row, name)?.value)
  return weft > 0 && other > 0 ? other / weft : undefined
}
