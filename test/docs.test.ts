import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ChannelModel, connect } from 'amqplib'
import { DIFFERENCES } from './clients/differences.ts'
import { complete } from '../src/cli/completion/complete.ts'
import { createCliHost } from '../src/command-line.ts'
import { startBroker } from '../src/index.ts'
import { loadPlugin } from '../src/plugins/load.ts'
import { temporaryFolder } from './support/warren-process.ts'
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
  'ui/README.md',
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

  test('links into a page lead to one of its headings', () => {
    const slug = (heading: string): string =>
      heading
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    const headings = (page: string): string[] =>
      [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading!))
    let found = 0
    const broken: string[] = []
    for (const page of pages) {
      for (const [link, path, place] of read(page).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)) {
        found++
        const target = path === '' ? page : posix.join(posix.dirname(page), path!)
        if (!existsSync(join(root, target)) || !headings(target).includes(place!)) broken.push(`${page}: ${link}`)
      }
    }
    assert.ok(found > 30, `${found} links`)
    assert.deepEqual(broken, [])
  })

  test('what is said to be in a file is there', () => {
    let found = 0
    const missing: string[] = []
    for (const page of pages) {
      for (const [text, name, path] of read(page).matchAll(/`(?:\w+\.)*#?(\w+)(?:\(\))?`s? \(`(src\/[\w./-]+\.ts)`/g)) {
        found++
        if (!new RegExp(`\\b${name!}\\b`).test(read(path!))) missing.push(`${page}: ${text}`)
      }
    }
    assert.ok(found > 15, `${found} names`)
    assert.deepEqual(missing, [])
  })

  test('every folder of src is in the layout for contributors', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const layout = read('CONTRIBUTING.md')
    const missing = folders.map(({ name }) => name).filter((name) => !layout.includes(`\`src/${name}`))
    assert.deepEqual(missing, [])
  })

  test('files that are named exist', () => {
    // in the text, and what `node` is to run
    const named = [
      /`((?:src|test|docs|tools|examples|bench)\/[\w./-]+)`/g,
      /\bnode ((?:tools|examples|bench)\/[\w./-]+)/g,
    ]
    const toBeMade = new Set(['src/pages/things/things-page.tsx'])
    const missing: string[] = []
    for (const page of pages) {
      const places = [root, join(root, posix.dirname(page))]
      for (const [, path] of named.flatMap((pattern) => [...read(page).matchAll(pattern)])) {
        if (!toBeMade.has(path!) && !places.some((place) => existsSync(join(place, path!))))
          missing.push(`${page}: ${path}`)
      }
    }
    assert.deepEqual(missing, [])
  })

  test('scripts of npm that are named exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const missing: string[] = []
    for (const page of pages) {
      for (const [, name] of read(page).matchAll(/\bnpm run (?:--\S+ )*([\w:]+)/g)) {
        if (!(name! in scripts)) missing.push(`${page}: ${name}`)
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

describe('docs/plugins.md', () => {
  test('has plugins that do what it says', async (t) => {
    const folder = temporaryFolder(t)
    const blocks = [...read('docs/plugins.md').matchAll(/^```js\n(.*?)^```$/gms)]
    assert.equal(blocks.length, 2)
    const plugins = await Promise.all(
      blocks.map(([, code], i) => {
        writeFileSync(join(folder, `${i}.mjs`), code!)
        return loadPlugin(`./${i}.mjs`, folder)
      }),
    )
    const broker = await startBroker({
      plugins,
      config: { 'auth_backends.1': 'internal', 'auth_backends.2': 'plugin.word' },
    })
    t.after(() => broker.stop())
    const as = (password: string): Promise<ChannelModel> =>
      connect(broker.url.replace('guest:guest', `somebody:${password}`))
    await assert.rejects(as('password'), /ACCESS_REFUSED|403/)
    const connection = await as('sesame')
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue('q')
    channel.sendToQueue('q', Buffer.from('x'))
    await channel.waitForConfirms()
    assert.deepEqual(broker.messages('q')[0]?.headers, { 'x-stamped': 'yes' })
    channel.on('error', () => {})
    await assert.rejects(channel.assertQueue('private.q'), /ACCESS_REFUSED/)
    await connection.close()
  })
})

describe('docs/http-api.md', () => {
  /** Names of keys anywhere in a value, but in what clients make up themselves. */
  function* keysOf(value: unknown): Generator<string> {
    if (typeof value !== 'object' || value === null) return
    for (const [key, inner] of Object.entries(value)) {
      if (!Array.isArray(value)) yield key
      if (key !== 'properties' && key !== 'arguments') yield* keysOf(inner)
    }
  }

  test('names every key of the answers that only WarrenMQ gives', async () => {
    const sections = read('docs/http-api.md').split(/^## /m)
    await withBroker({}, async ({ server }) => {
      const request = async (method: string, path: string, body?: object): Promise<unknown> => {
        const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`
        const init = body === undefined ? {} : { body: JSON.stringify(body) }
        const headers = { authorization, 'content-type': 'application/json' }
        const answer = await fetch(new URL(`/api/${path}`, server.urls.http[0]), { method, headers, ...init })
        assert.ok(answer.ok, `${method} ${path}: ${answer.status}`)
        const json = await answer.text()
        return json === '' ? null : JSON.parse(json)
      }
      await request('PUT', 'queues/%2F/q', { arguments: { 'x-message-groups': true } })
      await request('POST', 'bindings/%2F/e/amq.topic/q/q', { routing_key: '#' })
      const message = { routing_key: 'a', payload: 'x', payload_encoding: 'string', properties: {} }
      await request('POST', 'exchanges/%2F/amq.topic/publish', message)

      const cases: [section: string, method: string, path: string, body?: object][] = [
        ['Messages in a queue', 'GET', 'queues/%2F/q/messages'],
        ['Jobs', 'POST', 'queues/%2F/q/messages/actions', { action: 'cancel', select: 'all' }],
        ['Where would this message go', 'POST', 'exchanges/%2F/amq.topic/route', { routing_key: 'a', properties: {} }],
        ['Topology', 'GET', 'topology/%2F'],
        ['Queues: change in place', 'POST', 'queues/%2F/q/change?preview=true', { arguments: { 'x-max-length': 0 } }],
        ['Policies before', 'POST', 'policies/%2F/preview', { pattern: '', definition: { expires: 1 } }],
        ['Policies before', 'GET', 'policy-keys'],
        ['The node', 'GET', 'node/settings'],
      ]
      const missing: string[] = []
      for (const [title, method, path, body] of cases) {
        const section = sections.find((each) => each.startsWith(title))
        assert.ok(section, title)
        const keys = [...new Set(keysOf(await request(method, path, body)))]
        assert.ok(keys.length > 1, path)
        missing.push(...keys.filter((key) => !section.includes(`"${key}"`)).map((key) => `${path}: ${key}`))
      }
      assert.deepEqual(missing, [])
    })
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
