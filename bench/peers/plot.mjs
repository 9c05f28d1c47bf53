// How many times weft's time (or memory) the others take: a row for each work, a mark for each
// engine, on a logarithmic scale.
import { crdtNames, crdtRow, crdtTables, mainRows, ratioOf } from './rows.mjs'

const kRowHeight = 26
const kLeft = 300
const kWidth = 660
const kRight = 40
const kLegend = 52

// Hues that people with the common kinds of colour blindness tell apart; natives are squares.
const looks = {
  yjs: ['#0072b2', 'circle'],
  '@y/y': ['#56b4e9', 'circle'],
  ywasm: ['#009e73', 'circle'],
  loro: ['#d55e00', 'circle'],
  'json-joy': ['#cc79a7', 'circle'],
  automerge: ['#e69f00', 'circle'],
  'diamond-types': ['#555555', 'circle'],
  'yrs (native)': ['#009e73', 'square'],
  'loro (native)': ['#d55e00', 'square'],
  'diamond-types (native)': ['#555555', 'square'],
  'automerge (native)': ['#e69f00', 'square']
}

const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function geometricMean (numbers) {
  return Math.exp(numbers.reduce((sum, number) => sum + Math.log(number), 0) / numbers.length)
}

// Rows with the ratio of each engine. Those of crdt-benchmarks are summed up by group.
function plotRows (report, engines) {
  const rows = mainRows(report).map(row => ({ title: row.title, ratios: engines.map(engine => ratioOf(report, row, engine)) }))
  const names = crdtNames(report)
  for (const group of ['B1', 'B2', 'B3']) {
    const members = names.filter(name => name.startsWith(group))
    if (members.length === 0) continue
    const ratios = engines.map(engine => {
      const known = members.map(name => ratioOf(report, crdtRow(name, crdtTables[0]), engine)).filter(ratio => ratio !== undefined)
      return known.length === members.length ? geometricMean(known) : undefined
    })
    rows.push({ title: `crdt-benchmarks ${group} (geometric mean of ${members.length})`, ratios })
  }
  return rows
}

function mark (x, y, [colour, shape], title) {
  const style = `fill="${colour}" fill-opacity="0.85" stroke="#fff" stroke-width="1"`
  const body = shape === 'circle'
    ? `<circle cx="${x.toFixed(1)}" cy="${y}" r="5.5" ${style}>`
    : `<rect x="${(x - 5).toFixed(1)}" y="${y - 5}" width="10" height="10" ${style}>`
  return `${body}<title>${escape(title)}</title></${shape === 'circle' ? 'circle' : 'rect'}>`
}

// Where each engine's name stands, in as many lines as it takes.
function legendOf (engines, width) {
  let at = 16
  let line = 0
  return engines.map(engine => {
    const room = 30 + engine.length * 7.4
    if (at + room > width) {
      at = 16
      ++line
    }
    at += room
    return { engine, at: at - room, line }
  })
}

export function toSvg (report) {
  const engines = Object.keys(report.versions).filter(engine => looks[engine] !== undefined)
  const rows = plotRows(report, engines)
  const all = rows.flatMap(row => row.ratios.filter(ratio => ratio !== undefined))
  const low = Math.floor(Math.log10(Math.min(0.5, ...all)))
  const high = Math.ceil(Math.log10(Math.max(10, ...all)))
  const legend = legendOf(engines, kLeft + kWidth + kRight)
  const top = kLegend + 20 * legend.at(-1).line + 18
  const x = ratio => kLeft + kWidth * (Math.log10(ratio) - low) / (high - low)
  const bottom = top + rows.length * kRowHeight
  const width = kLeft + kWidth + kRight
  const height = bottom + 46
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="26" font-size="17" font-weight="600">Times weft’s time or memory (weft = 1; further right is worse)</text>`
  ]

  for (const { engine, at, line } of legend) {
    const y = kLegend + 20 * line
    out.push(mark(at + 6, y - 4, looks[engine], engine), `<text x="${at + 18}" y="${y}">${escape(engine)}</text>`)
  }

  rows.forEach((row, index) => {
    if (index % 2 === 0) out.push(`<rect x="8" y="${top + index * kRowHeight}" width="${width - 16}" height="${kRowHeight}" fill="#f4f5f7"/>`)
  })
  for (let power = low; power <= high; ++power) {
    const at10 = x(10 ** power).toFixed(1)
    out.push(`<line x1="${at10}" x2="${at10}" y1="${top}" y2="${bottom}" stroke="${power === 0 ? '#222' : '#ccd'}" stroke-width="${power === 0 ? 2 : 1}"/>`,
      `<text x="${at10}" y="${bottom + 18}" text-anchor="middle">${power === 0 ? 'weft' : `${(10 ** power).toLocaleString('en')}×`}</text>`)
  }
  rows.forEach((row, index) => {
    const y = top + (index + 0.5) * kRowHeight
    out.push(`<text x="16" y="${y + 4.5}">${escape(row.title)}</text>`)
    row.ratios.forEach((ratio, i) => {
      if (ratio !== undefined) out.push(mark(x(ratio), y, looks[engines[i]], `${engines[i]}: ${ratio.toPrecision(3)}×`))
    })
  })
  out.push(`<text x="16" y="${height - 8}" font-size="11" fill="#666">${escape(`${report.date}, ${report.machine.cpu}, one core; trace ${report.trace.name}; numbers in engine.md`)}</text>`, '</svg>')
  return out.join('\n') + '\n'
}
