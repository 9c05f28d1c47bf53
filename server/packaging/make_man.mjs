// Writes the manual page weft(1) and the completion of bash from what the program says about itself:
//
//   node make_man.mjs WEFT MAN COMPLETION
//
// The program's help is the one place where verbs and flags are described.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename } from 'node:path'

const [weft, manPath, completionPath] = process.argv.slice(2)
const say = (...args) => execFileSync(weft, args, { encoding: 'utf8', env: {} })

/** { description, usage, sections: [{ title, entries: [{ name, text }] }], footer } of one help. */
export function parseHelp (text) {
  const lines = text.split('\n')
  const usageAt = lines.findIndex(line => line.startsWith('Usage: '))
  const sections = []
  const footer = []
  let entry = null
  for (const line of lines.slice(usageAt + 1)) {
    const title = /^(\S.*):$/.exec(line)
    const item = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(line)
    const more = /^ {10,}(\S.*)$/.exec(line)
    if (footer.length === 0 && title && !/^(Examples?|Try it)$/.test(title[1])) {
      sections.push({ title: title[1], entries: [] })
      entry = null
    } else if (footer.length === 0 && sections.length > 0 && more && entry) {
      entry.text.push(more[1])
    } else if (footer.length === 0 && sections.length > 0 && item) {
      entry = { name: item[1], text: item[2] ? [item[2]] : [] }
      sections.at(-1).entries.push(entry)
    } else if (footer.length > 0 || line.trim() !== '') {
      footer.push(line)
    }
  }
  return {
    description: lines.slice(0, usageAt).join(' ').trim(),
    usage: lines[usageAt].replace(/^Usage: /, ''),
    sections,
    footer: footer.join('\n').trim()
  }
}

const escape = text => text.replace(/\\/g, '\\e').replace(/-/g, '\\-').replace(/^([.'])/gm, '\\&$1')
const verbatim = text => text === '' ? [] : ['.PP', '.nf', ...text.split('\n').map(escape), '.fi']

function entries (section) {
  return section.entries.flatMap(({ name, text }) => [
    '.TP', `.B ${escape(name)}`, ...(text.length > 0 ? text.map(escape).join('\n.br\n').split('\n') : ['.br'])
  ])
}

/** All verbs, "log show" for one of a group, with their help. */
function verbs (path = []) {
  const help = parseHelp(say(...path, '--help'))
  const own = path.length > 0 ? [{ path, help }] : []
  const below = help.sections.filter(section => section.title === 'Subcommands')
    .flatMap(section => section.entries).flatMap(({ name }) => verbs([...path, name]))
  return [...own, ...below]
}

function manual () {
  const top = parseHelp(say('--help'))
  const version = say('--version').trim()
  const page = [
    `.TH WEFT 1 "" "${version}" "User Commands"`,
    '.SH NAME', 'weft \\- a relay for shared documents, and tools for what it keeps',
    '.SH SYNOPSIS', '.B weft', '.I COMMAND', '[OPTIONS]',
    '.SH DESCRIPTION', escape(top.description),
    ...verbatim(top.footer),
    '.SH COMMANDS'
  ]
  for (const { path, help } of verbs()) {
    page.push(`.SS "weft ${escape(path.join(' '))}"`, escape(help.description), '.PP', `.B ${escape(help.usage)}`)
    for (const section of help.sections) {
      if (section.title === 'Subcommands') continue
      if (section.title !== 'Options') page.push('.PP', `.I ${escape(section.title)}`)
      page.push(...entries(section))
    }
    page.push(...verbatim(help.footer))
  }
  page.push(
    '.SH ENVIRONMENT',
    escape('WEFT_NAME stands for the flag --name of weft serve: WEFT_MAX_ROOMS for --max-rooms. Flags win over it.'),
    '.SH FILES',
    '.TP', '.I /etc/weft/weft.toml',
    escape('Settings, when weft serve is started with --config /etc/weft/weft.toml.'),
    '.TP', '.I /var/lib/weft',
    escape('The log, when the service of systemd runs.'),
    '.SH SIGNALS',
    '.TP', '.B SIGTERM, SIGINT', 'Drain and end. A second one ends at once.',
    '.TP', '.B SIGHUP', 'Reload the certificate, its key and what of the settings can change.',
    ''
  )
  return page.join('\n')
}

function completion () {
  const cases = []
  for (const { path, help } of verbs()) {
    const words = help.sections.flatMap(section => section.title === 'Subcommands'
      ? section.entries.map(({ name }) => name)
      : section.entries.flatMap(({ name }) => name.match(/--[a-z0-9-]+/g)?.slice(0, 1) ?? []))
    cases.push(`    '${path.join(' ')}') words='${words.join(' ')}' ;;`)
  }
  const top = verbs().filter(({ path }) => path.length === 1).map(({ path }) => path[0])
  return `# Completion of weft for bash, made from its help.
_weft() {
  local words='${top.join(' ')} --help --version' verb=\${COMP_WORDS[1]:-}
  if [ "$verb" = log ] && [ "$COMP_CWORD" -gt 2 ]; then verb="log \${COMP_WORDS[2]}"; fi
  if [ "$COMP_CWORD" -gt 1 ]; then
    case $verb in
${cases.join('\n')}
    *) words='' ;;
    esac
  fi
  # shellcheck disable=SC2207  # words hold no spaces
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _weft weft
`
}

if (basename(process.argv[1]) === 'make_man.mjs') {
  writeFileSync(manPath, manual())
  writeFileSync(completionPath, completion())
}
