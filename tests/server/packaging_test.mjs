// What is packaged, against the program and the tree that it is packaged from.
//
//   node packaging_test.mjs BUILD SOURCE WEFT [--list | FILTER]        prints the Test Anything Protocol

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [build, source, weft, argument = ''] = process.argv.slice(2)
const packaging = join(source, 'server/packaging')
const read = path => readFileSync(path, 'utf8')
const has = program => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
class Skip extends Error {}
const need = (fulfilled, what) => { if (!fulfilled) throw new Skip(what) }
const help = (...verb) => execFileSync(weft, [...verb, '--help'], { encoding: 'utf8' })
const flagsOf = text => [...text.matchAll(/^ {2}(?:-\w,)?(--[a-z0-9-]+)/gm)].map(([, flag]) => flag)
const verbsOf = text => [...text.slice(text.indexOf('Subcommands:')).matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, verb]) => verb)

/** The instructions of a Dockerfile: [{ name, text }], lines that go on joined. */
function dockerfile () {
  return read(join(packaging, 'Dockerfile'))
    .replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ').split('\n').filter(line => line.trim() !== '')
    .map(line => ({ name: line.split(' ')[0], text: line.slice(line.indexOf(' ') + 1).trim() }))
}

/** The unit with the program of this build, so that its path exists. */
function unit (scratch) {
  const path = join(scratch, 'weft.service')
  writeFileSync(path, read(join(packaging, 'weft.service.in')).replace('@bindir@/weft', weft))
  writeFileSync(join(scratch, 'weft.socket'), read(join(packaging, 'weft.socket')))
  return path
}

const tests = {
  'the manual page has every verb and every flag of the help' () {
    const page = join(build, 'server/packaging/weft.1')
    need(existsSync(page), 'a build with sanitizers makes no manual page')
    const text = read(page).replace(/\\-/g, '-')
    const verbs = verbsOf(help())
    assert(verbs.includes('serve') && verbs.includes('config') && verbs.includes('log'), verbs.join(' '))
    for (const verb of verbs) {
      assert(text.includes(`.SS "weft ${verb}"`), verb)
      for (const flag of flagsOf(help(verb))) assert(new RegExp(`^\\.B .*${flag}\\b`, 'm').test(text), `${verb} ${flag}`)
    }
    for (const verb of verbsOf(help('log'))) assert(text.includes(`.SS "weft log ${verb}"`), `log ${verb}`)
    assert(flagsOf(help('serve')).length > 30)
  },

  'the manual page renders without a warning' () {
    const page = join(build, 'server/packaging/weft.1')
    need(existsSync(page), 'a build with sanitizers makes no manual page')
    need(has('man'), 'there is no man')
    const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-l', page],
      { encoding: 'utf8', env: { ...process.env, MANWIDTH: '120', LC_ALL: 'C.UTF-8', PAGER: 'cat' } })
    assert.equal(status, 0, stderr)
    assert.equal(stderr, '')
    assert.match(stdout, /--max-rooms/)
  },

  'bash completes verbs and their flags' () {
    const file = join(build, 'server/packaging/weft')
    need(existsSync(file), 'a build with sanitizers makes no completion')
    const complete = (...words) => execFileSync('bash', ['-c',
      `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weft; echo "\${COMPREPLY[*]}"`, file, ...words],
    { encoding: 'utf8' }).trim()
    assert.equal(complete('weft', 'ser'), 'serve')
    assert.equal(complete('weft', 'serve', '--tls'), '--tls-cert --tls-key')
    assert.equal(complete('weft', 'log', 'ver'), 'verify versions')
    assert.equal(complete('weft', 'log', 'verify', '--de'), '--deep')
  },

  'meson installs program, unit, socket, manual page and completion' ({ scratch }) {
    need(existsSync(join(build, 'server/packaging/weft.1')), 'a build with sanitizers makes no manual page')
    execFileSync('meson', ['install', '-C', build, '--no-rebuild', '--quiet', '--destdir', scratch],
      { stdio: ['ignore', 'pipe', 'pipe'] })
    const options = JSON.parse(read(join(build, 'meson-info/intro-buildoptions.json')))
    const prefix = join(scratch, options.find(({ name }) => name === 'prefix').value)
    for (const file of ['bin/weft', 'lib/systemd/system/weft.service', 'lib/systemd/system/weft.socket',
      'share/man/man1/weft.1', 'share/bash-completion/completions/weft']) {
      assert(existsSync(join(prefix, file)), file)
    }
    assert.match(read(join(prefix, 'lib/systemd/system/weft.service')), /^ExecStart=\/\S*\/bin\/weft serve /m)
  },

  'systemd finds no mistake in service and socket' ({ scratch }) {
    need(has('systemd-analyze'), 'there is no systemd-analyze')
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit(scratch), join(scratch, 'weft.socket')],
      { encoding: 'utf8' })
    // What it says of other units of the machine is theirs.
    const ours = (stdout + stderr).split('\n').filter(line => line.includes('weft'))
    assert.deepEqual(ours, [])
    assert.equal(status, 0, stdout + stderr)
  },

  'systemd counts the service among the hardened ones' ({ scratch }) {
    need(has('systemd-analyze'), 'there is no systemd-analyze')
    // 10 is no protection at all; most services of a distribution have more than 9.
    const { status, stdout, stderr } = spawnSync('systemd-analyze',
      ['security', '--offline=true', '--no-pager', '--threshold=20', unit(scratch)], { encoding: 'utf8' })
    need(!/Unknown option|unrecognized option/.test(stderr), 'this systemd-analyze reads no files')
    assert.equal(status, 0, stdout.split('\n').filter(line => line.includes('✗')).join('\n') + stderr)
  },

  'the settings of the service and of the image are ones that the program knows' () {
    const variables = [...dockerfile().filter(({ name }) => name === 'ENV').map(({ text }) => text),
      ...read(join(packaging, 'weft.service.in')).match(/WEFT_[A-Z_]+/g)].join(' ').match(/WEFT_[A-Z_]+/g)
    const known = flagsOf(help('serve')).map(flag => 'WEFT_' + flag.slice(2).replace(/-/g, '_').toUpperCase())
    assert(variables.length >= 4)
    for (const variable of variables) assert(known.includes(variable), variable)
  },

  'the image is built from files that exist, with the packages of ./dev' () {
    const steps = dockerfile()
    const copies = steps.filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
    assert(copies.length >= 5)
    for (const { text } of copies) {
      for (const file of text.split(/\s+/).slice(0, -1)) assert(existsSync(join(source, file)), file)
    }
    // Each folder that meson reads is there.
    const copied = copies.flatMap(({ text }) => text.split(/\s+/).slice(0, -1))
    for (const [, folder] of read(join(source, 'meson.build')).matchAll(/^subdir\('([^'/]+)/gm)) assert(copied.includes(folder), folder)
    const wanted = /\[build\]="([^"]+)"/.exec(read(join(source, 'dev')))[1].trim().split(/\s+/)
    const install = steps.find(({ name, text }) => name === 'RUN' && text.includes('apt-get install')).text
    for (const name of wanted) assert(install.split(/\s+/).includes(name), name)
    // The second stage has the libraries that the program is linked with.
    const runtime = steps.filter(({ name, text }) => name === 'RUN' && text.includes('apt-get install'))[1].text.split(/\s+/)
    need(has('ldd') && has('dpkg-query'), 'there is no dpkg-query')
    const libraries = [...execFileSync('ldd', [weft], { encoding: 'utf8' }).matchAll(/^\s*(\S+) =>/gm)].map(([, name]) => name)
    const owners = { libabsl: 'libabsl20220623', liblmdb: 'liblmdb0', libssl: 'libssl3', libcrypto: 'libssl3', libspdlog: 'libspdlog1.10', libfmt: 'libfmt9', libxxhash: 'libxxhash0', 'libprometheus-cpp-core': 'libprometheus-cpp-core1.0', libz: 'zlib1g' }
    for (const library of libraries) {
      if (/^(libc|libm|libstdc\+\+|libgcc_s|libpthread|linux-vdso|lib[atu]+san)\.so/.test(library)) continue
      const owner = Object.entries(owners).find(([prefix]) => library.startsWith(prefix))
      assert(owner, `${library} is of a package that the image lacks`)
      assert(runtime.includes(owner[1]), owner[1])
    }
  }
}

function main () {
  const names = Object.keys(tests)
  if (argument === '--list') return console.log(names.join('\n'))
  const selected = names.filter(name => name.includes(argument))
  let failures = 0
  selected.forEach((name, index) => {
    const scratch = mkdtempSync(join(tmpdir(), 'weft-packaging-'))
    try {
      tests[name]({ scratch })
      console.log(`ok ${index + 1} - ${name}`)
    } catch (error) {
      if (error instanceof Skip) {
        console.log(`ok ${index + 1} - ${name} # SKIP ${error.message}`)
      } else {
        failures += 1
        console.log(`${error.stdout ?? ''}${error.stderr ?? ''}${error.stack}`.replace(/^/gm, '# '))
        console.log(`not ok ${index + 1} - ${name}`)
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  })
  console.log(`1..${selected.length}`)
  process.exitCode = failures === 0 ? 0 : 1
}

main()
