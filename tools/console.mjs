// Builds the web console of ui/ into dist/console, and serves it for development with what changes shown at once.
//
//   node tools/console.mjs build             builds
//   node tools/console.mjs ensure            builds when what is there is missing or older than its sources
//   node tools/console.mjs dev [--api URL]   serves on a port of its own; requests to /api go to the broker at URL
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'ui')
const target = join(root, 'dist', 'console')
const DEFAULT_API = 'http://127.0.0.1:15672'

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))

async function main([command, ...rest]) {
  if (command === 'build') await buildConsole()
  else if (command === 'ensure') await ensureConsole()
  else if (command === 'dev') await serveConsole(rest[0] === '--api' ? rest[1] : DEFAULT_API)
  else {
    console.error('usage: node tools/console.mjs build | ensure | dev [--api URL]')
    process.exit(64)
  }
}

/** Vite is loaded only when there is something to do: looking at times takes milliseconds, loading it does not. */
async function settings() {
  return {
    root: source,
    base: './', // relative, so that a path prefix needs no build of its own
    configFile: false,
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      target: ['chrome123', 'firefox121', 'safari17.5'],
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0, // a strict policy for content allows no data: URLs
      emptyOutDir: true,
      reportCompressedSize: false,
    },
  }
}

/** Built beside its place and put there at once, so that two who build at the same time do not mix. */
export async function buildConsole() {
  const { build } = await import('vite')
  const common = await settings()
  const beside = `${target}.${process.pid}`
  await build({ ...common, logLevel: 'warn', build: { ...common.build, outDir: beside } })
  rmSync(target, { recursive: true, force: true })
  renameSync(beside, target)
}

export async function ensureConsole() {
  if (isCurrent()) return
  const started = Date.now()
  await buildConsole()
  console.error(`Built the web console in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function isCurrent() {
  const built = join(target, 'index.html')
  if (!existsSync(built)) return false
  const builtMs = statSync(built).mtimeMs
  const sources = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = [...sources.map((entry) => join(entry.parentPath, entry.name)), join(root, 'package-lock.json')]
  return paths.every((path) => statSync(path).mtimeMs <= builtMs)
}

async function serveConsole(api) {
  const { createServer } = await import('vite')
  const server = await createServer({ ...(await settings()), server: { proxy: { '/api': { target: api } } } })
  await server.listen()
  server.printUrls()
}
