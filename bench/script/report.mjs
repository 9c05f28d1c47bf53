// The figures of live.mjs as a page.

const ROWS = [
  ['first_page_ms', 'A fresh browser shows the first page, ms (median)'],
  ['open_ms', 'It has the whole document that others edit, ms (median)'],
  ['open_max_ms', 'The same, the slowest of five'],
  ['begin_to_edit_ms', 'From “Edit” to a line that can be typed in, ms'],
  ['keystroke_p50_ms', 'From a key to its letter in another browser, ms (median)'],
  ['keystroke_p99_ms', 'The same, 99th percentile'],
  ['save_ms', 'Saving all lines, each of them changed, ms'],
  ['typed', 'Words typed by all'],
  ['lost', 'Of these lost']
]

const number = (value) => value.toLocaleString('en', { maximumFractionDigits: 1 })

/** @param {{ date: string, command: string, machine: object, took_s: number, figures: object, limits: object }} report */
export function toMarkdown({ date, command, machine, took_s: took, figures, limits }) {
  const { pages, lines, editors, seconds, keystrokes } = figures
  const busy = machine.load > machine.cores / 2
    ? `The machine was busy with other things when this began (load ${machine.load}): times say what it can do at worst.` : `Load ${machine.load} when this began.`
  return `# A long script in browsers, measured

${date}, \`${command}\`, ${machine.cores} cores of ${machine.cpu}, node ${machine.node}, ${took} s. ${busy}

A script of ${number(pages)} pages and ${number(lines)} lines on \`weft serve --script\`, opened in headless Chromium; ${number(keystrokes)} keys, 25 a second; ${editors} people who type a word of their own every 200 ms for ${seconds} s, in lines that they share. Server, browsers and people share the machine.

| figure | measured | limit |
| --- | ---: | ---: |
${ROWS.map(([name, words]) => `| ${words} | ${number(figures[name])} | ${limits[name] === undefined ? '' : number(limits[name])} |`).join('\n')}
`
}
