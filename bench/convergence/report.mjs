// What weft_convergence found as one HTML file with its plots in it: nothing is loaded from elsewhere.

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

// Colours that differ in lightness too, by the order of series; those after the last colour are dashed.
const colours = ['#3366cc', '#cc4422', '#229966', '#9944bb', '#bb8800', '#117799', '#aa3377', '#667711']
const dashes = ['', '7 4', '2 3']
const strokeOf = (i) =>
  `stroke="${colours[i % colours.length]}" stroke-dasharray="${dashes[Math.floor(i / colours.length) % dashes.length]}" stroke-width="2"`
const width = 560
const height = 320
const margin = { left: 68, right: 16, top: 16, bottom: 44 }

export const seriesName = ({ topology, workload }) => `${topology} ${workload}`

export const bySeries = (points) => {
  const series = new Map()
  for (const point of points) {
    const name = seriesName(point)
    if (!series.has(name)) series.set(name, [])
    series.get(name).push(point)
  }
  return [...series]
}

const linear = (low, high, from, to) => (value) =>
  high === low ? (from + to) / 2 : from + (value - low) / (high - low) * (to - from)
const logarithmic = (low, high, from, to) => {
  const scale = linear(Math.log(low), Math.log(high), from, to)
  return (value) => scale(Math.log(value))
}

const powersOf = (base, low, high) => {
  const ticks = []
  for (let tick = base ** Math.floor(Math.log(low) / Math.log(base)); tick <= high * 1.0001; tick *= base) {
    if (tick >= low * 0.9999) ticks.push(tick)
  }
  return ticks
}
// Ticks of a scale of costs: powers of ten, and what lies between them where these are few.
const decades = (low, high) => {
  const tens = powersOf(10, low, high)
  if (tens.length > 2) return tens
  return [1, 2, 5].flatMap((first) => powersOf(10, low / first, high / first).map((tick) => first * tick))
}
const steps = (high) => {
  const step = 10 ** Math.floor(Math.log10(high || 1))
  const size = high / step > 5 ? step : high / step > 2 ? step / 2 : step / 5
  return Array.from({ length: Math.floor(high / size) + 1 }, (_, i) => i * size)
}

const short = (number) => {
  if (number >= 1e6) return `${Number((number / 1e6).toPrecision(3))}M`
  if (number >= 1e3) return `${Number((number / 1e3).toPrecision(3))}k`
  return String(Number(number.toPrecision(3)))
}

// lines: [{ name, points: [[x, y]] }]; as stairs they stand at 0 before their first point, and at their last one after it.
const plot = ({ title, x, y, lines, stairs = false }) => {
  const drawn = lines.filter(({ points }) => points.length > 0)
  const all = drawn.flatMap(({ points }) => points).filter(([px, py]) => px > 0 && py > 0)
  if (all.length === 0) return ''
  const xs = all.map(([px]) => px)
  const ys = all.map(([, py]) => py)
  const lowX = stairs ? Math.min(...xs) / 1.2 : Math.min(...xs)
  const lowY = stairs ? 0 : Math.min(...ys) / 1.2
  const highX = stairs ? Math.max(...xs) * 1.2 : Math.max(...xs, lowX * 2)
  const highY = stairs ? 1 : Math.max(...ys) * 1.2
  const toX = logarithmic(lowX, highX, margin.left, width - margin.right)
  const toY = (stairs ? linear : logarithmic)(lowY, highY, height - margin.bottom, margin.top)
  const xTicks = stairs ? decades(lowX, highX) : powersOf(2, lowX, highX)
  const yTicks = stairs ? steps(highY) : decades(lowY, highY)
  const grid = [
    ...xTicks.map((tick) => `<path class="grid" d="M${toX(tick)} ${margin.top}V${height - margin.bottom}"/>
      <text x="${toX(tick)}" y="${height - margin.bottom + 16}" text-anchor="middle">${short(tick)}</text>`),
    ...yTicks.map((tick) => `<path class="grid" d="M${margin.left} ${toY(tick)}H${width - margin.right}"/>
      <text x="${margin.left - 6}" y="${toY(tick) + 4}" text-anchor="end">${short(tick)}</text>`)
  ].join('')
  const paths = drawn.map(({ points, name }) => {
    const index = lines.findIndex((line) => line.name === name)
    const kept = points.filter(([px, py]) => px > 0 && py > 0)
    const d = stairs
      ? `M${toX(lowX)} ${toY(0)}${kept.map(([px, py]) => `H${toX(px)}V${toY(py)}`).join('')}H${toX(highX)}`
      : kept.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${toX(px)} ${toY(py)}`).join('')
    const dots = stairs ? '' : kept.map(([px, py]) =>
      `<circle cx="${toX(px)}" cy="${toY(py)}" r="3" fill="${colours[index % colours.length]}"><title>${escape(name)}: ${short(px)}, ${short(py)}</title></circle>`).join('')
    return `<path d="${d}" fill="none" ${strokeOf(index)}/>${dots}`
  }).join('')
  return `<figure><figcaption>${escape(title)}</figcaption>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">${grid}${paths}
    <text x="${(width + margin.left) / 2}" y="${height - 8}" text-anchor="middle">${escape(x)}</text>
    <text transform="translate(14 ${height / 2}) rotate(-90)" text-anchor="middle">${escape(y)}</text></svg></figure>`
}

const legend = (names) => `<ul class="legend">${names.map((name, i) =>
  `<li><svg viewBox="0 0 28 8"><path d="M0 4H28" ${strokeOf(i)}/></svg>${escape(name)}</li>`).join('')}</ul>`

const table = (head, rows) => `<div class="scroll"><table><thead><tr>${head.map((cell) => `<th>${escape(cell)}</th>`).join('')}</tr></thead>
  <tbody>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`).join('\n')}</tbody></table></div>`

const style = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667; --line: #d8dce4; --back: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #99a; --line: #333a48; --back: #141821 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: .75rem }
figcaption { font-weight: 600 }
svg { width: 100%; height: auto } svg text { font-size: 13px; fill: var(--soft) } .grid { stroke: var(--line) }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0 }
.legend li { white-space: nowrap } .legend svg { width: 28px; height: 8px; margin-right: .4em; vertical-align: middle }
/* Wider than a telephone: scrolled there, the first column stays. Heads break, so that a desk shows all columns. */
.scroll { overflow-x: auto } table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: bottom }
td { white-space: nowrap } th { min-width: 3.5rem }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: var(--back) } .bad { color: #c33 }
@media (max-width: 40rem) { figure svg text { font-size: 20px } }
@media print { body { max-width: none; margin: 0 } figure { break-inside: avoid } }`

export const conditions = ({ common, seeds, points }) => {
  const { scenario, seed } = common
  // A trace has its own number of edits, and where everybody writes once, that of the replicas counts.
  const edits = [...new Set(points.map((point) => point.edits))]
  const { faults } = scenario
  const ms = (time) => `${time / 1000} ms`
  const said = [...edits.length === 1 ? [`${edits[0]} edits a run`] : [], seeds === 1 ? `seed ${seed}` : `seeds ${seed} to ${Number(seed) + seeds - 1}, medians`,
    `an edit every ${ms(scenario.pause)} a replica`, `latency ${ms(faults.latency)} one way`]
  if (faults.jitter) said.push(`up to ${ms(faults.jitter)} more`)
  for (const name of ['loss', 'duplication', 'reordering']) {
    if (faults[name]) said.push(`${name} ${Math.round(faults[name] * 1000) / 10} %`)
  }
  if (faults.partitions) said.push(`${faults.partitions} partitions`)
  if (faults.replicaCrashes) said.push(`${faults.replicaCrashes} crashes of replicas`)
  if (faults.relayCrashes) said.push(`${faults.relayCrashes} power cuts of the relay`)
  said.push(`a commit takes ${ms(faults.disk)}`)
  if (scenario.stay > 0) {
    said.push(`${scenario.stay} of the replicas stay and are compared, the others write, come one a millisecond, hand over what they made, and leave`)
  }
  if (scenario.foreign.length > 0) {
    said.push(`foreign replicas: ${scenario.foreign.map((command) => command.join(' ')).join(', ')}`)
  }
  return said.join('; ')
}

export const makeReport = (result) => {
  const series = bySeries(result.points)
  const names = series.map(([name]) => name)
  const against = (figure) => series.map(([name, points]) => ({ name, points: points.map((point) => [point.replicas, figure(point)]) }))
  const largest = series.map(([name, points]) => ({ name, points: points.at(-1).curve }))
  const number = (value, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Convergence</title><style>${style}</style></head><body>
<h1>How replicas come to agree, and what it costs</h1>
<p>Replicas of one document on a simulated network. After each run all of them show the same, with the same state vector, delete set and
state bytes. ${escape(conditions(result))}.</p>
${result.findings.length > 0 ? `<p class="bad">${result.findings.length} runs did not converge: ${escape(result.findings.map((f) => `seed ${f.recording.seed}: ${f.status}`).join('; '))}</p>` : ''}
${legend(names)}
<div class="plots">
${plot({ title: 'Convergence after the last edit, most replicas', x: 'simulated ms', y: 'part that has everything', lines: largest, stairs: true })}
${plot({ title: 'Bytes sent for each edit', x: 'replicas', y: 'bytes', lines: against((p) => p.bytesPerEdit) })}
${plot({ title: 'Processor time for each edit, everybody together', x: 'replicas', y: 'µs', lines: against((p) => 1e6 / p.editsPerCpuSecond) })}
${plot({ title: 'Time to convergence', x: 'replicas', y: 'simulated ms', lines: against((p) => p.convergedMs) })}
</div>
<h2>Growth with the number of replicas n, as exponents x of n<sup>x</sup>, fitted</h2>
${table(['series', 'processor time an edit', 'messages an edit', 'bytes an edit', 'memory of a replica'],
    result.growth.map((g) => [seriesName(g), ...[g.cpuPerEdit, g.messagesPerEdit, g.bytesPerEdit, g.memory].map((x) => x.toFixed(2))]))}
<h2>Runs</h2>
${table(['series', 'replicas', 'edits', 'converged ms', 'cpu ms after the last edit', 'edits a cpu second', 'messages an edit', 'bytes an edit', 'state bytes', 'memory bytes'],
    result.points.map((p) => [seriesName(p), p.replicas, number(p.edits), number(p.convergedMs, 1), number(p.cpuMsAfterLastEdit, 2),
      number(p.editsPerCpuSecond), number(p.messagesPerEdit, 1), number(p.bytesPerEdit), number(p.stateBytes), number(p.memoryBytes)]))}
</body></html>
`
}
