// Installs the build into a scratch folder, as a package would be unpacked somewhere, and is a stranger
// to it: builds the project in this folder against what is there, and follows the README.
//
//   node install_test.mjs BUILD SOURCE [--list | FILTER]        prints the Test Anything Protocol

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const [build, source, argument = ''] = process.argv.slice(2)
const here = join(source, 'tests/consumer')

const kFormatted = '[{"insert":"Hello","attributes":{"bold":true}}]\n'

const tests = {
  'the headers, libraries, programs and pkg-config files are installed' ({ prefix, files }) {
    for (const pattern of [
      /^bin\/weft$/, /^include\/weft\/weft\.h$/, /^include\/weft\/crdt\/doc\.h$/,
      /^lib\/.*libweft\.a$/, /^lib\/.*libweft\.so$/, /^lib\/.*libweft\.so\.\d+$/, /^lib\/.*libweft\.so\.\d+\.\d+\.\d+$/,
      /^lib\/.*pkgconfig\/weft\.pc$/, /^lib\/.*pkgconfig\/weft-cpp\.pc$/
    ]) {
      assert(files.some((file) => pattern.test(file)), `${pattern} is in ${prefix}`)
    }
  },

  'every installed header finds the headers that it includes' ({ scratch, prefix, files, run, flags }) {
    const headers = files.filter((file) => /^include\/weft\/.*\.h$/.test(file))
    const all = join(scratch, 'all.cc')
    writeFileSync(all, headers.map((file) => `#include "${relative('include/weft', file)}"\n`).join(''))
    run('c++', '-std=c++23', '-fsyntax-only', '-Wall', ...flags('--cflags', 'weft-cpp'), all)
  },

  'a Meson project builds against the installed tree, in C and in C++' ({ scratch, run, sanitizers }) {
    const project = join(scratch, 'project')
    mkdirSync(project)
    copyFileSync(join(here, 'project.meson.build'), join(project, 'meson.build'))
    for (const file of ['embed.c', 'embed.cc']) copyFileSync(join(here, file), join(project, file))
    run('meson', 'setup', `-Db_sanitize=${sanitizers}`, '-Db_lundef=false', join(project, 'build'), project)
    run('ninja', '-C', join(project, 'build'))
    assert.equal(run(join(project, 'build/embed_c')), kFormatted)
    assert.equal(run(join(project, 'build/embed_c_static')), kFormatted)
    assert.equal(run(join(project, 'build/embed_cpp')), 'Hello\n')
    // What was linked statically needs no libweft.so.
    assert.match(run('ldd', join(project, 'build/embed_c')), /libweft\.so/)
    assert.doesNotMatch(run('ldd', join(project, 'build/embed_c_static')), /libweft\.so/)
    assert.doesNotMatch(run('ldd', join(project, 'build/embed_cpp')), /libweft\.so/)
  },

  'the programs of the README are those of this folder' ({ readme }) {
    assert(readme.includes('```c\n' + readFileSync(join(here, 'embed.c'), 'utf8') + '```'), 'embed.c is in README.md')
    assert(readme.includes('```cpp\n' + readFileSync(join(here, 'embed.cc'), 'utf8') + '```'), 'embed.cc is in README.md')
  },

  'the commands of the README build them' ({ scratch, run, readme, sanitize }) {
    const commands = [...readme.matchAll(/^ {4}(cc|c\+\+) .*pkg-config.*$/gm)].map(([command]) => command.trim())
    assert.equal(commands.length, 2, 'README.md has two commands that compile')
    for (const file of ['embed.c', 'embed.cc']) copyFileSync(join(here, file), join(scratch, file))
    const outputs = commands.map((command) => {
      run('sh', '-c', `cd '${scratch}' && rm -f embed && ${command} ${sanitize.join(' ')}`)
      return run(join(scratch, 'embed'))
    })
    assert.deepEqual(outputs, [kFormatted, 'Hello\n'])
  }
}

/** Installs the build; what the tests need of it. */
function install (scratch) {
  const options = JSON.parse(readFileSync(join(build, 'meson-info/intro-buildoptions.json'), 'utf8'))
  const option = (name) => options.find((candidate) => candidate.name === name).value
  // Programs share the sanitizers of the libraries that they are linked with.
  const sanitizers = option('b_sanitize')
  const sanitize = sanitizers === 'none' ? [] : [`-fsanitize=${sanitizers}`]
  execFileSync('meson', ['install', '-C', build, '--no-rebuild', '--quiet', '--destdir', scratch],
    { stdio: ['ignore', 'pipe', 'pipe'] })
  const prefix = join(scratch, option('prefix'))
  const libraries = join(prefix, option('libdir'))
  assert.match(readFileSync(join(libraries, 'pkgconfig/weft.pc'), 'utf8'), /^prefix=\$\{pcfiledir\}/,
    'a build folder from before that option needs: meson configure -Dpkgconfig.relocatable=true')
  const env = { ...process.env, PKG_CONFIG_PATH: join(libraries, 'pkgconfig'), LD_LIBRARY_PATH: libraries }
  const run = (program, ...args) => {
    const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8' })
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`)
    return stdout
  }
  const list = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? list(join(folder, entry.name)) : [join(folder, entry.name)])
  return {
    scratch,
    prefix,
    files: list(prefix).map((file) => relative(prefix, file)),
    run,
    flags: (...args) => run('pkg-config', ...args).trim().split(/\s+/),
    readme: readFileSync(join(source, 'README.md'), 'utf8'),
    sanitizers,
    sanitize
  }
}

function main () {
  const names = Object.keys(tests)
  if (argument === '--list') return console.log(names.join('\n'))
  const selected = names.filter((name) => name.includes(argument))
  const scratch = mkdtempSync(join(tmpdir(), 'weft-consumer-'))
  let failures = 0
  try {
    let context
    selected.forEach((name, index) => {
      try {
        context ??= install(scratch)
        tests[name](context)
        console.log(`ok ${index + 1} - ${name}`)
      } catch (error) {
        failures += 1
        console.log(`${error.stdout ?? ''}${error.stderr ?? ''}${error.stack}`.replace(/^/gm, '# '))
        console.log(`not ok ${index + 1} - ${name}`)
      }
    })
    console.log(`1..${selected.length}`)
  } finally {
    if (existsSync(scratch)) rmSync(scratch, { recursive: true })
  }
  process.exitCode = failures === 0 ? 0 : 1
}

main()
