import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { DIFFERENCES } from './clients/differences.ts'
import { complete } from '../src/cli/completion/complete.ts'
import { createCliHost } from '../src/command-line.ts'
import { withBroker } from './support/with-broker.ts'

// Documents that name files and functions go stale without a word: here they say so.

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const host = createCliHost('0.0.0')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'README.zh-CN.md',
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

describe('README.zh-CN.md', () => {
  const [english, chinese] = ['README.md', 'README.zh-CN.md'].map(read) as [string, string]
  const all = (page: string, pattern: RegExp): string[] => [...page.matchAll(pattern)].map(([found]) => found)

  test('has the programs of the README, and what it links to', () => {
    const blocks = /^```\w+\n[^]*?^```$/gm
    assert.ok(all(english, blocks).length > 4, 'the blocks have been found')
    assert.deepEqual(all(chinese, blocks), all(english, blocks))
    const links = (page: string): string[] => all(page, /\]\((?!#|README)[^)]*\)/g)
    assert.deepEqual(links(chinese).toSorted(), links(english).toSorted())
  })

  test('has the sections and the rows of the README', () => {
    for (const pattern of [/^#+ /gm, /^\| /gm, /^- /gm]) {
      assert.equal(all(chinese, pattern).length, all(english, pattern).length, String(pattern))
    }
  })
})

describe('docs/command-line.md', () => {
  /** Whether completion offers the last word. */
  const isOffered = async (words: readonly string[]): Promise<boolean> => {
    const candidates = await complete(words, host)
    return candidates !== 'files' && candidates.some(({ word }) => word === words.at(-1))
  }

  test('has examples of commands and options that there are', async () => {
    const lines = [...read('docs/command-line.md').matchAll(/^ {4}(?:\S+ .+ {2,}|source <\()?(warren [^#\n]+)/gm)]
    const commands = lines
      .flatMap(([, line]) => line!.split(/ (?:\||&&|>) |\)| {3,}/))
      .filter((part) => part.startsWith('warren '))
    assert.ok(commands.length > 30, `${commands.length} examples`)
    const wrong: string[] = []
    for (const command of commands) {
      const words = command.trim().split(/,? +/).slice(1)
      const path = words.slice(0, ['ctl', 'diagnostics', 'queues', 'plugins'].includes(words[0]!) ? 2 : 1)
      if (!(await isOffered(path))) wrong.push(command)
      for (const option of words.filter((word) => word.startsWith('--'))) {
        if (!(await isOffered([...path, option.split('=')[0]!]))) wrong.push(`${command}: ${option}`)
      }
    }
    assert.deepEqual(wrong, [])
  })
})

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
