// Builds the web console of ui/ into dist/console, and serves it for development with what changes shown at once.
//
//   node tools/console.ts build             builds
//   node tools/console.ts ensure            builds when what is there is missing or older than its sources
//   node tools/console.ts dev [--api URL]   serves on a port of its own; requests to /api go to the broker at URL
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'ui')
const target = join(root, 'dist', 'console')
const DEFAULT_API = 'http://127.0.0.1:15672'

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))

async function main([command, ...rest]: readonly string[]): Promise<void> {
  if (command === 'build') await buildConsole()
  else if (command === 'ensure') await ensureConsole()
  else if (command === 'dev') await serveConsole(rest[0] === '--api' ? rest[1]! : DEFAULT_API)
  else {
    console.error('usage: node tools/console.ts build | ensure | dev [--api URL]')
    process.exit(64)
  }
}

function settings() {
  return {
    root: source,
    base: './', // relative, so that a path prefix needs no build of its own
    configFile: false as const,
    oxc: { jsx: { runtime: 'automatic' as const, importSource: 'preact' } },
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
export async function buildConsole(): Promise<void> {
  // Loaded only when there is something to do: looking at times takes milliseconds, loading vite does not.
  const { build } = await import('vite')
  const common = settings()
  const beside = `${target}.${process.pid}`
  await build({ ...common, logLevel: 'warn', build: { ...common.build, outDir: beside } })
  compress(beside)
  rmSync(target, { recursive: true, force: true })
  try {
    renameSync(beside, target)
  } catch (error) {
    // Somebody else was faster, from the same sources.
    if (!existsSync(target)) throw error
    rmSync(beside, { recursive: true })
  }
}

/** Beside each file what browsers take instead of it: the broker then has nothing to compress. */
function compress(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const content = readFileSync(file)
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }))
  }
}

export async function ensureConsole(): Promise<void> {
  if (isCurrent()) return
  const started = Date.now()
  await buildConsole()
  console.error(`Built the web console in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function isCurrent(): boolean {
  const built = join(target, 'index.html')
  if (!existsSync(built)) return false
  const builtMs = statSync(built).mtimeMs
  // Folders too: their times tell of files that are gone.
  const sources = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => join(source, name))
  const paths = [source, ...sources, join(root, 'package-lock.json'), fileURLToPath(import.meta.url)]
  return paths.every((path) => statSync(path).mtimeMs <= builtMs)
}

async function serveConsole(api: string): Promise<void> {
  const { createServer } = await import('vite')
  const server = await createServer({ ...settings(), server: { proxy: { '/api': { target: api } } } })
  await server.listen()
  server.printUrls()
}
