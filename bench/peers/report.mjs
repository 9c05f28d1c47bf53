// What was measured, as tables in Markdown.
import { cellOf, crdtNames, crdtRow, crdtTables, mainRows, ratioOf } from './rows.mjs'

function number (value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(4)
}

function show (row, value) {
  return row.unit === 'bytes' ? `${number(value / 1e6)} MB` : number(value)
}

export function toMarkdown (report) {
  const engines = Object.keys(report.versions)
  const notes = new Map() // by row and reason: the engines
  const table = rows => {
    const used = engines.filter(engine => rows.some(row => cellOf(report, row, engine)?.value !== undefined))
    const lines = [`| | ${used.join(' | ')} |`, `|:-|${'-:|'.repeat(used.length)}`]
    for (const row of rows) {
      const cells = used.map(engine => {
        const cell = cellOf(report, row, engine)
        if (cell === undefined) return ''
        if (cell.value === undefined) {
          const note = JSON.stringify([row.title.replace(/, v2$/, ''), cell.missing])
          notes.set(note, (notes.get(note) ?? new Set()).add(engine))
          return '-'
        }
        const ratio = ratioOf(report, row, engine)
        const rough = row.unit === 'ms' && cell.runs < 3 ? ' ‡' : ''
        if (engine === 'weft') return `**${show(row, cell.value)}**`
        return `${show(row, cell.value)}${rough}${ratio === undefined ? '' : ` (${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)}×)`}`
      })
      lines.push(`| ${row.title} | ${cells.join(' | ')} |`)
    }
    return lines.join('\n')
  }

  const { cpu, cores, node, rounds } = report.machine
  const sections = [
    '# Engines, measured',
    `${report.date}, one core of ${cores} (${cpu}), node ${node}; medians of ${rounds} rounds in which every engine does a work right after the other. ` +
      'In brackets: how many times weft\'s value. Milliseconds unless a unit is given; ‡ less than three runs. `./dev bench --peers` measures it anew.',
    `Trace: ${report.trace.name}. Each engine in its own format; where there are two, v1 stands beside snapshots and v2 beside updates.`,
    table(mainRows(report))
  ]
  const names = crdtNames(report)
  for (const crdt of names.length > 0 ? crdtTables : []) {
    sections.push(`## crdt-benchmarks, N = 6000: ${crdt.title}`, table(names.map(name => crdtRow(name, crdt))))
  }
  sections.push('## Versions', engines.map(engine => `- ${engine} ${report.versions[engine].version} (${report.versions[engine].language})`).join('\n'))
  const missing = [...report.notes]
  for (const [note, without] of notes) {
    const [title, reason] = JSON.parse(note)
    missing.push(`${title}: ${[...without].join(', ')}: ${reason}`)
  }
  if (missing.length > 0) sections.push('## Not measured', missing.map(note => `- ${note.replaceAll('|', '/')}`).join('\n'))
  return sections.join('\n\n') + '\n'
}
