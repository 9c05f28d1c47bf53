import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// The installed version, whatever the package exports.
export function packageVersion (name) {
  const path = fileURLToPath(new URL(`node_modules/${name}/package.json`, import.meta.url))
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : '?'
}
