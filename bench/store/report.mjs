// What was measured of the log, as tables in Markdown.

const others = ['bare LMDB', 'SQLite', 'y-leveldb, batched', 'y-leveldb, not durable']
const rooms = [['1 room', 1], ['100 rooms', 100], ['10000 rooms', 10000]]

function number (value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function table (head, rows) {
  return [`| ${head.join(' | ')} |`, `|:-|${'-:|'.repeat(head.length - 1)}`, ...rows.map(row => `| ${row.join(' | ')} |`)].join('\n')
}

export function toMarkdown (report) {
  const find = what => report.figures.find(figure => figure.part === 'appends' && figure.what === what)?.value
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`).join(', ')
  const sections = [
    '# The log, measured',
    `${report.date}, ${report.machine.cores} cores of ${report.machine.cpu}; ${versions}. ` +
      '`./dev bench store --peers` measures it anew; medians of rounds in which everybody takes a turn. ' +
      (report.machine.disk ? '' : '**In memory, not on a disk.** ') +
      (report.machine.load > report.machine.cores
        ? `The machine was busy with other things (load ${report.machine.load}): latencies and times say little, and weft, which uses two threads, had less than two cores.`
        : `Load ${report.machine.load}.`)
  ]
  const syncs = find('fdatasync of 4 KiB')
  if (syncs !== undefined) {
    const used = others.filter(who => find(`${who}, 1 room`) !== undefined)
    const rows = rooms.map(([name]) => {
      const batch = find(`weft in one commit, ${name}`)
      return [name, `**${number(find(`weft, ${name}`))}**`, ...used.map(who => number(find(`${who}, ${name}`))), number(batch), number(syncs * batch)]
    })
    const ratios = rooms.map(([name]) => [name, ...used.filter(who => who !== 'y-leveldb, not durable').map(who => `${number(find(`weft of ${who}, ${name}`))} %`)])
    const cpu = rooms.map(([name]) => [name, ...['weft', ...used].map(who => find(`${who}, processor time, ${name}`)).map(value => value === undefined ? '-' : number(value))])
    const writers = ['weft', ...used].filter(who => find(`${who}, written, 1 room`) !== undefined)
    const written = rooms.map(([name]) => [name, ...writers.map(who => number(find(`${who}, written, ${name}`)))])
    sections.push(
      `## ${report.titles.appends}`,
      'Appends a second. Batches of the same size for all, as many appends as gathered during weft\'s commits. ' +
        `The device takes ${number(syncs)} writes of 4 KiB with fdatasync a second; the last column is that times the batch. ` +
        'SQLite: WAL, synchronous=FULL. y-leveldb, batched: its keys and values, written to its LevelDB in synced batches, which its own interface cannot do; ' +
        'not durable: its `storeUpdate`, which does not wait for the disk. ' +
        'Rooms have a history of 64 updates where they are 10,000, so that each append changes a page of its own.',
      table(['', 'weft', ...used, 'in one commit', 'fdatasync × batch'], rows),
      'Weft in per cent of the others, median of the ratio of each round:',
      table(['', ...used.filter(who => who !== 'y-leveldb, not durable')], ratios),
      'Processor time of all threads, microseconds an append (weft has a thread that appends and one that writes):',
      table(['', 'weft', ...used], cpu))
    if (writers.length > 0) sections.push('Bytes given to the system to write, an append:', table(['', ...writers], written))
  }
  for (const part of ['latency', 'document', 'memory']) {
    const rows = report.figures.filter(figure => figure.part === part).map(figure => [figure.what, `${number(figure.value)} ${figure.unit}`])
    if (rows.length > 0) sections.push(`## ${report.titles[part]}`, table(['', ''], rows))
  }
  return sections.join('\n\n') + '\n'
}
