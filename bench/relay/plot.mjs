// How many times better or worse than weft the others are: a row for each scenario, a mark for each
// server, on a logarithmic scale.
import { advantage } from './report.mjs'
import { compared, names, scenarios, units } from './scenarios.mjs'

const kRowHeight = 30
const kLeft = 430
const kWidth = 560
const kTop = 84

// Hues that people with the common kinds of colour blindness tell apart.
const looks = { 'weft-memory': '#56b4e9', bare: '#555555', yws: '#0072b2', hocus: '#d55e00' }

const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

export function toSvg (report) {
  const kinds = report.kinds.filter(kind => looks[kind])
  const rows = scenarios
    .flatMap(scenario => compared(scenario).map(figure => ({ scenario, figure })))
    .map(({ scenario, figure }) => ({
      title: `${scenario.id}: ${scenario.title.length > 48 ? scenario.title.slice(0, 46) + '…' : scenario.title}`,
      unit: units[figure],
      times: kinds.map(kind => advantage(report, scenario.id, figure, kind))
    }))
    .filter(row => row.times.some(times => times !== undefined))
  const all = rows.flatMap(row => row.times.filter(times => times !== undefined))
  const low = Math.floor(Math.log10(Math.min(0.5, ...all)))
  const high = Math.ceil(Math.log10(Math.max(10, ...all)))
  const x = times => kLeft + kWidth * (Math.log10(times) - low) / (high - low)
  const bottom = kTop + rows.length * kRowHeight
  const width = kLeft + kWidth + 40
  const height = bottom + 50
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    '<text x="16" y="26" font-size="17" font-weight="600">How many times better weft is (further right: the other is worse)</text>'
  ]
  kinds.forEach((kind, index) => {
    const at = 22 + index * 190
    out.push(`<circle cx="${at}" cy="50" r="6" fill="${looks[kind]}"/>`, `<text x="${at + 12}" y="54">${escape(names[kind])}</text>`)
  })
  rows.forEach((row, index) => {
    if (index % 2 === 0) out.push(`<rect x="8" y="${kTop + index * kRowHeight}" width="${width - 16}" height="${kRowHeight}" fill="#f4f5f7"/>`)
  })
  for (let power = low; power <= high; ++power) {
    const at = x(10 ** power).toFixed(1)
    out.push(`<line x1="${at}" x2="${at}" y1="${kTop}" y2="${bottom}" stroke="${power === 0 ? '#222' : '#ccd'}" stroke-width="${power === 0 ? 2 : 1}"/>`,
      `<text x="${at}" y="${bottom + 18}" text-anchor="middle">${power === 0 ? 'weft' : `${(10 ** power).toLocaleString('en')}×`}</text>`)
  }
  rows.forEach((row, index) => {
    const y = kTop + (index + 0.5) * kRowHeight
    out.push(`<text x="16" y="${y}">${escape(row.title)}<tspan x="16" dy="12" font-size="10" fill="#666">${escape(row.unit)}</tspan></text>`)
    row.times.forEach((times, i) => {
      if (times === undefined) return
      out.push(`<circle cx="${x(times).toFixed(1)}" cy="${y}" r="6" fill="${looks[kinds[i]]}" fill-opacity="0.85" stroke="#fff"><title>${escape(`${names[kinds[i]]}: ${times.toPrecision(3)}×`)}</title></circle>`)
    })
  })
  out.push(`<text x="16" y="${height - 8}" font-size="11" fill="#666">${escape(`${report.date}, ${report.machine.cpu}, one core for the server; numbers in relay.md`)}</text>`, '</svg>')
  return out.join('\n') + '\n'
}
