// Runs before `npm start` and `npm test` so that both work on a fresh clone: installs what the lock file names when
// node_modules is missing or does not match it. Plain JavaScript, because at this point the only Node.js at hand may be
// the machine's own, which may be too old to run TypeScript.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const lockPath = join(root, 'package-lock.json')
const installedPath = join(root, 'node_modules', '.package-lock.json')

if (!upToDate()) install()
requireNode()

/** Whether this Node.js runs TypeScript as it is. */
export function isRecentEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 12)
}

function upToDate() {
  if (!existsSync(installedPath)) return false
  if (statSync(installedPath).mtimeMs >= statSync(lockPath).mtimeMs) return true
  // A checkout or `npm install` may touch the lock file last without changing what has to be there.
  return sameVersions(packagesOf(lockPath), packagesOf(installedPath))
}

function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages
}

function sameVersions(wanted, installed) {
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    // '' is the project itself; an optional package may be one for another platform.
    if (path === '' || (optional && !(path in installed))) continue
    if (installed[path]?.version !== version) return false
  }
  return Object.keys(installed).every((path) => path in wanted)
}

function install() {
  console.error('Installing dependencies (npm ci) ...')
  const started = Date.now()
  // Node.js itself is a development dependency whose install script fetches the binary for this platform.
  const args = ['ci', '--include=dev', '--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] }
  const result =
    npm !== undefined && /\.[cm]?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  if (result.status !== 0) {
    console.error(`npm ci failed${result.error ? `: ${result.error.message}` : ''}`)
    process.exit(result.status || 1)
  }
  console.error(`Installed in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function requireNode() {
  const bin = join(root, 'node_modules', '.bin')
  if (existsSync(join(bin, 'node')) || existsSync(join(bin, 'node.cmd'))) return
  if (isRecentEnough(process.versions.node)) return
  console.error(`Node.js 24.12 or later is needed, this is ${process.version}, and npm did not install one of its own.`)
  console.error('Remove node_modules, allow the install script of the package "node", and try again.')
  process.exit(1)
}
