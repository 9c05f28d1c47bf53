// The results as Markdown.
import { compared, grows, names, scenarios, units } from './scenarios.mjs'

function number (value) {
  if (value === undefined) return '-'
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(2)))
}

export const valueOf = (report, id, kind, figure) => report.results[id]?.[kind]?.[figure]?.median

// How many times better than `kind` weft is.
export function advantage (report, id, figure, kind) {
  const own = valueOf(report, id, 'weft', figure)
  const other = valueOf(report, id, kind, figure)
  if (!own || !other) return undefined
  return grows(figure) ? own / other : other / own
}

export function toMarkdown (report) {
  const kinds = report.kinds
  const title = kind => report.versions[kind] ? `${names[kind]} ${report.versions[kind]}` : names[kind]
  const { machine } = report
  const lines = [
    '# Relays, measured',
    '',
    `${report.date}, ${machine.cpu}, ${machine.kernel}, node ${machine.node}; server on one core, generator on another; ` +
    `${report.rounds === 1 ? 'one round' : `median of ${report.rounds} rounds`} of ${report.seconds} s. ` +
    'Weft logs every update with fsync: before anyone sees it, or soon after with `--relay accepted`; the others keep nothing. What each scenario does: `bench/README.md`.',
    '',
    `| scenario | figure | ${kinds.map(title).join(' | ')} |`,
    `| --- | --- | ${kinds.map(() => '---').join(' | ')} |`
  ]
  for (const scenario of scenarios) {
    if (report.results[scenario.id] === undefined) continue
    scenario.figures.forEach((figure, index) => {
      const head = index === 0 ? `${scenario.id}: ${scenario.title}` : ''
      const cells = kinds.map(kind => number(valueOf(report, scenario.id, kind, figure)))
      lines.push(`| ${head} | ${units[figure]} | ${cells.join(' | ')} |`)
    })
  }
  const others = kinds.filter(kind => !kind.startsWith('weft'))
  const rows = scenarios.flatMap(scenario => compared(scenario).map(figure => ({ id: scenario.id, figure })))
    .filter(({ id, figure }) => others.some(kind => advantage(report, id, figure, kind) !== undefined))
  if (rows.length > 0) {
    lines.push('', 'How many times better weft, with its log on disk, is (below 1: worse):', '',
      `| scenario | figure | ${others.map(title).join(' | ')} |`, `| --- | --- | ${others.map(() => '---').join(' | ')} |`)
    for (const { id, figure } of rows) {
      const cells = others.map(kind => {
        const times = advantage(report, id, figure, kind)
        return times === undefined ? '-' : `${Number(times.toPrecision(2))}×`
      })
      lines.push(`| ${id} | ${units[figure]} | ${cells.join(' | ')} |`)
    }
  }
  for (const { scenario, server, reason } of report.failures) {
    lines.push('', `${scenario} with ${names[server]} failed: ${reason}`)
  }
  return lines.join('\n') + '\n'
}
