import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DIFFERENCES } from './clients/differences.ts'
import { withBroker } from './support/with-broker.ts'

// Documents that name files and functions go stale without a word: here they say so.

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`),
].filter((path) => path.endsWith('.md'))

describe('documents', () => {
  test('links lead somewhere', () => {
    const broken: string[] = []
    for (const page of pages) {
      for (const [, link] of read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^https?:/.test(link!)) continue
        if (!existsSync(join(root, posix.join(posix.dirname(page), link!)))) broken.push(`${page}: ${link}`)
      }
    }
    assert.deepEqual(broken, [])
  })

  test('files that are named exist', () => {
    const missing: string[] = []
    for (const page of pages) {
      for (const [, path] of read(page).matchAll(/`((?:src|test|docs|tools|examples|bench)\/[\w./-]+)`/g)) {
        if (!existsSync(join(root, path!))) missing.push(`${page}: ${path}`)
      }
    }
    assert.deepEqual(missing, [])
  })

  test('functions on the way of a message are where the tables say', () => {
    const rows = [...read('docs/ARCHITECTURE.md').matchAll(/^\| `(src\/[\w./-]+\.ts)` \| ([^|]+) \|/gm)]
    assert.ok(rows.length > 15, 'the tables have been found')
    const missing: string[] = []
    for (const [, file, functions] of rows) {
      for (const [, name] of functions!.matchAll(/`(#?\w+)`/g)) {
        const declaration = new RegExp(`(^\\s*|function )${name!}\\(`, 'm')
        if (!declaration.test(read(file!))) missing.push(`${file}: ${name}`)
      }
    }
    assert.deepEqual(missing, [])
  })

  test('the differences that no RabbitMQ shares are listed', () => {
    const page = read('docs/compatibility.md').replaceAll(/\s+/g, ' ')
    const missing = Object.values(DIFFERENCES).filter(({ since, text }) => since === null && !page.includes(text))
    assert.deepEqual(missing, [], 'quote these in docs/compatibility.md')
  })
})

/** Runs a piece of a page as a module in the repository; returns what it prints. */
async function run(code: string, type: 'module' | 'module-typescript'): Promise<string> {
  const child = spawn(process.execPath, [`--input-type=${type}`, '--eval', code], {
    cwd: root,
    env: {},
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  const exited = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve(status ?? signal))
  })
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  assert.equal(stderr, '')
  assert.equal(status, 0, stdout)
  return stdout
}

describe('README.md', () => {
  const block = (language: string): string => {
    const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(read('README.md'))
    assert.ok(found, `there is a block of ${language}`)
    return found[1]!
  }

  test('the first message in Node.js arrives', async () => {
    await withBroker({}, async ({ url }) => {
      assert.equal(await run(block('js').replace('amqp://localhost', url), 'module'), 'Hello, World!\n')
    })
  })

  test('the example of a test passes', async () => {
    const printed = await run(block('ts').replace("'warrenmq'", "'./src/index.ts'"), 'module-typescript')
    assert.match(printed, /pass 1$/m)
  })
})
