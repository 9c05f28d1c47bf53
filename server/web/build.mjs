// Bundles the pages into OUTDIR: the demo page (index.html, app.js and app.css), the admin page (admin/index.html,
// admin.js and style.css) and the script editor (script/index.html, script.js and style.css), three files each that need
// nothing else; and the page that shows the description of the API, api/index.html.
//
//   node build.mjs [OUTDIR]        default: dist, beside this file
//
// Equal sources and equal packages give equal bytes. Fails with one sentence when the packages are not installed.
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, 'src')
const modules = join(here, 'node_modules')
const outDir = resolve(process.argv[2] ?? join(here, 'dist'))

/** The licence notice of one bundled package: its name, version and copyright lines. */
async function noticeOf(name) {
  const folder = join(modules, name)
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry))
  const text = file ? await readFile(join(folder, file), 'utf8') : ''
  const holders = text.split('\n').map((line) => line.trim()).filter((line) => /^copyright /i.test(line))
  return `${name} ${version}, ${license}. ${holders[0] ?? ''}`.trimEnd()
}

/** The MIT permission notice, which the licence wants in every copy, from a package that carries it. */
async function permissionNotice() {
  const text = await readFile(join(modules, 'yjs', 'LICENSE'), 'utf8')
  return text.slice(text.indexOf('Permission is hereby granted')).trim()
}

function packagesIn(metafile) {
  const names = new Set()
  for (const input of Object.keys(metafile.inputs)) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)
    if (found) names.add(found[1])
  }
  return [...names].sort()
}

/** The comment in front of a bundle. */
async function noticeFor(what, metafile) {
  const notices = await Promise.all(packagesIn(metafile).map(noticeOf))
  return Buffer.from(`/*\nThis ${what} contains:\n${notices.join('\n')}\n\nThe text of the MIT licence:\n${await permissionNotice()}\n*/\n`)
}

async function main() {
  const { dependencies, devDependencies } = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'))
  const isMissing = (name) => !existsSync(join(modules, name))
  if (Object.keys({ ...dependencies, ...devDependencies }).some(isMissing)) {
    throw new Error(`the page's packages are not installed; install them with: npm ci --prefix ${relative(process.cwd(), here) || '.'}`)
  }
  const { build } = await import('esbuild')
  const bundlePage = (entryPoints) => build({
    absWorkingDir: here,
    entryPoints,
    outdir: outDir,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    loader: { '.woff2': 'dataurl' },
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const demo = await bundlePage({ app: join(source, 'main.js') })
  const admin = await bundlePage({ 'admin/admin': join(here, 'admin', 'main.ts'), 'admin/style': join(here, 'admin', 'admin.css') })
  const script = await bundlePage({ 'script/script': join(here, 'script', 'main.ts'), 'script/style': join(here, 'script', 'script.css') })

  // Readable, and without Yjs: a page must not have two of it.
  const provider = await build({
    absWorkingDir: here,
    entryPoints: [join(here, 'provider', 'weft-provider.js')],
    outdir: outDir,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    external: ['yjs', 'y-protocols/*'],
    metafile: true,
    write: false,
    logLevel: 'warning',
  })

  const files = {
    'index.html': await readFile(join(source, 'index.html')),
    'admin/index.html': await readFile(join(here, 'admin', 'index.html')),
    'script/index.html': await readFile(join(here, 'script', 'index.html')),
    'api/index.html': await readFile(join(here, 'api', 'index.html'))
  }
  for (const { metafile, outputFiles } of [demo, admin, script]) {
    const notice = await noticeFor('page', metafile)
    for (const { path, contents } of outputFiles) {
      files[relative(outDir, path)] = path.endsWith('.js') ? Buffer.concat([notice, contents]) : Buffer.from(contents)
    }
  }
  files['weft-provider.js'] = Buffer.concat([await noticeFor('module', provider.metafile), provider.outputFiles[0].contents])

  await mkdir(outDir, { recursive: true })
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(outDir, name)), { recursive: true })
    await writeFile(join(outDir, name), bytes)
    const kilobytes = (count) => `${(count / 1024).toFixed(1).padStart(7)} KiB`
    console.log(`${name.padEnd(20)}${kilobytes(bytes.length)}${kilobytes(gzipSync(bytes).length)} gzipped`)
  }
}

main().catch((error) => {
  console.error(`server/web: ${error.message}`)
  process.exitCode = 1
})
