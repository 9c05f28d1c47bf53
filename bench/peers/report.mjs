// What was measured, as tables in Markdown.
import { cellOf, crdtNames, crdtRow, crdtTables, mainRows, ratioOf } from './rows.mjs'

// How many times weft's speed it should have in the time of a row of crdt-benchmarks, and in the rest.
const kGoalOfTime = 10
const kGoalOfRest = 1

function number (value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(4)
}

function show (row, value) {
  return row.unit === 'bytes' ? `${number(value / 1e6)} MB` : number(value)
}

// The rows in which the fastest other engine is nearer to weft than the goal says, each with what the
// limit comes to beside that engine.
export function missedRows (report) {
  const missed = []
  for (const table of crdtTables) {
    const goal = table.title === 'time' ? kGoalOfTime : kGoalOfRest
    for (const name of crdtNames(report)) {
      const row = crdtRow(name, table)
      const others = Object.keys(report.versions).filter(engine => engine !== 'weft')
        .map(engine => ({ engine, ratio: ratioOf(report, row, engine), value: cellOf(report, row, engine)?.value }))
        .filter(({ ratio }) => ratio !== undefined).sort((a, b) => a.ratio - b.ratio)
      if (others.length === 0 || others[0].ratio >= goal) continue
      const limit = cellOf(report, row, 'limit')?.value
      missed.push({ name, table: table.title, goal, best: others[0], ofLimit: limit > 0 ? others[0].value / limit : undefined })
    }
  }
  return missed
}

function missedTable (report) {
  const times = ratio => ratio === undefined ? '' : `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(1)}×`
  const lines = missedRows(report).map(({ name, table, goal, best, ofLimit }) =>
    `| ${name}, ${table} | ${goal}× | ${best.engine}: ${times(best.ratio)} | ${times(ofLimit)} | ${ofLimit < goal ? 'out of reach' : ''} |`)
  return lines.length === 0 ? 'None.' : ['| | goal | fastest other: times weft\'s | times the limit\'s | |', '|:-|-:|-:|-:|:-|', ...lines].join('\n')
}

export function toMarkdown (report) {
  const engines = ['weft', 'limit', ...Object.keys(report.versions).filter(engine => engine !== 'weft')]
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
    `${report.date}, one core of ${cores} (${cpu}), node ${node}; ${rounds === 1 ? 'medians of one round' : `medians of ${rounds} rounds`} in which every engine does a work right after the other. ` +
      'In brackets: how many times weft\'s value. Milliseconds unless a unit is given; ‡ less than three runs. `./dev bench --peers` measures it anew.' + (report.remark ? ` ${report.remark}` : ''),
    `Trace: ${report.trace.name}. Each engine in its own format; where there are two, v1 stands beside snapshots and v2 beside updates.`,
    'Limit: no engine, but what no implementation of these updates can leave out: what is inserted kept, blocks that lie in memory in a row ' +
      'written, updates read into such blocks, with no order, no index and no check (`bench/format_limit.h`).',
    table(mainRows(report))
  ]
  const names = crdtNames(report)
  for (const crdt of names.length > 0 ? crdtTables : []) {
    sections.push(`## crdt-benchmarks, N = 6000: ${crdt.title}`, table(names.map(name => crdtRow(name, crdt))))
  }
  if (names.length > 0) {
    sections.push('## Rows of crdt-benchmarks that miss their goal',
      `The goal: ${kGoalOfTime} times as fast as the fastest other engine in time, and no slower than any in encoding and parsing. Where not even ` +
        'the limit reaches it, no engine that speaks this format can. An engine with a format of its own may keep what it loads as it came ' +
        'until somebody asks for it, as loro does: its parse then holds no reading of blocks, which the limit does.',
      missedTable(report))
  }
  sections.push('## Versions', Object.keys(report.versions).map(engine => `- ${engine} ${report.versions[engine].version} (${report.versions[engine].language})`).join('\n'))
  const missing = [...report.notes]
  for (const [note, without] of notes) {
    const [title, reason] = JSON.parse(note)
    missing.push(`${title}: ${[...without].join(', ')}: ${reason}`)
  }
  if (missing.length > 0) sections.push('## Not measured', missing.map(note => `- ${note.replaceAll('|', '/')}`).join('\n'))
  return sections.join('\n\n') + '\n'
}
