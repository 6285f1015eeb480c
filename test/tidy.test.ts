import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

// What the compiler and the linter do not look at: the directions of imports, sizes, leftovers. The text is searched with
// small regular expressions, which works because the formatter has been there first.

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const UNTRACKED = new Set(['node_modules', 'dist', '.git', 'coverage', 'warren-data'])
const TEXT = /(\.(tsx?|mjs|js|json|md|html|css|sh|yml|yaml|conf|toml|py|rb|php|go|java)|Dockerfile|\.ci\/run)$/

interface SourceFile {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
}

function* walk(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (UNTRACKED.has(entry.name)) continue
    const path = posix.join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (entry.isFile()) yield path
  }
}

const read = (path: string): SourceFile => ({ path, text: readFileSync(join(root, path), 'utf8') })
const files = [...walk('')].filter((path) => TEXT.test(path)).map(read)
const typescript = files.filter(({ path }) => /\.tsx?$/.test(path) && !path.endsWith('.gen.ts'))
const sources = files.filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'))
const self = relative(root, fileURLToPath(import.meta.url))

/** Lines of `files` on which `pattern` is found, as `path:line: what`. */
function findLines(where: readonly SourceFile[], pattern: RegExp): string[] {
  const found: string[] = []
  for (const { path, text } of where) {
    for (const [i, line] of text.split('\n').entries()) {
      if (pattern.test(line)) found.push(`${path}:${i + 1}: ${line.trim().slice(0, 100)}`)
    }
  }
  return found
}

const none = (found: readonly string[], why: string): void => assert.deepEqual(found, [], why)

/** Other files that a file names: imports, re-exports, and the scripts of workers. */
function* references({ path, text }: SourceFile): Generator<string> {
  for (const [, specifier] of text.matchAll(/['"](\.{1,2}\/[^'"\n]+\.ts)['"]/g)) {
    yield posix.join(posix.dirname(path), specifier!)
  }
}

/**
 * The arrows. A row may import its own folder and what it names: a folder with all below it, or, ending in `/*`, only the
 * files directly in it (the interfaces of the stores, of back ends of logins and of protocols). Files directly in src/, testkit among them, import what they like.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  telemetry: ['util'],
  config: ['util', 'telemetry'],
  store: ['util', 'telemetry'],
  core: ['util', 'telemetry', 'store/*'],
  auth: ['util', 'telemetry', 'core'],
  net: ['util', 'telemetry'],
  protocols: ['util', 'telemetry', 'core', 'net'],
  management: ['util', 'telemetry', 'config', 'core', 'net', 'auth', 'store/*'],
  'amqp-client': ['util', 'core', 'net', 'protocols/amqp091/wire'],
  plugins: ['util', 'telemetry', 'core', 'net', 'store/*', 'auth/*', 'protocols/*', 'amqp-client'],
  cluster: ['util', 'telemetry', 'core', 'net', 'store/*'],
  cli: ['util', 'amqp-client'],
  doctor: ['util', 'telemetry', 'store', 'core', 'protocols'],
}
const UNBOUND = new Set(['testkit'])

/** Modules of Node.js that a folder must not use, however indirectly it would like to. */
const FORBIDDEN_MODULES: Readonly<Record<string, RegExp>> = {
  util: /^node:(net|tls|http2?|https|fs|fs\/promises|sqlite)$/,
  core: /^node:(net|tls|dgram|dns|http2?|https|fs|fs\/promises|sqlite)$/,
  protocols: /^node:(fs|fs\/promises|sqlite)$/,
}

function allows(row: readonly string[], target: string): boolean {
  return row.some((allowed) =>
    allowed.endsWith('/*') ? posix.dirname(target) === allowed.slice(0, -2) : target.startsWith(`${allowed}/`),
  )
}

describe('borders', () => {
  test('every folder of src has a row in the table of arrows', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
    none(
      folders.map(({ name }) => name).filter((name) => !(name in MAY_IMPORT) && !UNBOUND.has(name)),
      'add the folder to the table, or move the files',
    )
  })

  test('imports follow the arrows', () => {
    const crossed: string[] = []
    for (const file of sources) {
      const from = file.path.slice('src/'.length)
      const folder = from.split('/')[0]!
      const row = MAY_IMPORT[folder]
      if (row === undefined) continue
      for (const reference of references(file)) {
        const target = reference.slice('src/'.length)
        const inside = reference.startsWith('src/') && target.startsWith(`${folder}/`)
        if (!inside && !(reference.startsWith('src/') && allows(row, target)))
          crossed.push(`${file.path} → ${reference}`)
      }
    }
    none(crossed, 'pass it in behind an interface that the importing folder owns')
  })

  test('a protocol does not import another', () => {
    const crossed: string[] = []
    for (const file of sources) {
      const own = /^src\/protocols\/[^/]+\//.exec(file.path)?.[0]
      if (own === undefined) continue
      for (const reference of references(file)) {
        const other = /^src\/protocols\/[^/]+\//.exec(reference)?.[0]
        if (other !== undefined && other !== own) crossed.push(`${file.path} → ${reference}`)
      }
    }
    none(crossed, 'share what both need through net or util')
  })

  test('core and its neighbours keep away from sockets and files', () => {
    const crossed: string[] = []
    for (const { path, text } of sources) {
      const forbidden = FORBIDDEN_MODULES[path.split('/')[1]!]
      for (const [, name] of text.matchAll(/['"](node:[\w/]+)['"]/g)) {
        if (forbidden?.test(name!)) crossed.push(`${path} → ${name!}`)
      }
    }
    none(crossed, 'the outside world comes in behind an interface')
  })

  test('a broker takes timers and clocks from where fake ones do not reach', () => {
    // programs and threads, in which nobody puts any in their place
    const apart =
      /^src\/(cli\/|ping\.ts|program\.ts|util\/real-time\.ts|telemetry\/idle-memory\.ts|net\/tls-threads\/tls-worker\.ts)/
    const taken: string[] = []
    for (const { path, text } of sources) {
      if (apart.test(path)) continue
      const imported = [
        ...text.matchAll(/^import \{([^}]*)\} from '(?:.*\/real-time\.ts|node:timers\/promises)'$/gm),
      ].join()
      const code = text.replaceAll(/^\s*(\*|\/[/*]).*$/gm, '')
      const uses = code.matchAll(/(?<![\w.#])((?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask)\(/g)
      for (const [, name] of uses) if (!imported.includes(name!)) taken.push(`${path}: ${name!}`)
      for (const [use] of code.matchAll(/\b(Date\.now|performance\.now|process\.nextTick)\b/g))
        taken.push(`${path}: ${use}`)
    }
    none(taken, 'import them from util/real-time.ts')
  })

  test('every file of src is used by another or is an entry', () => {
    const entries = new Set([
      'src/main.ts',
      'src/index.ts',
      'src/plugins/index.ts',
      'src/testkit/index.ts',
      'src/cli/perf/load-worker.ts',
    ])
    const users = files.filter(({ path }) => /^(src|tools)\//.test(path)) // generators read tables
    const used = new Set(users.flatMap((file) => [...references(file)]))
    none(
      sources.map(({ path }) => path).filter((path) => !used.has(path) && !entries.has(path)),
      'nobody imports these',
    )
  })
})

interface FunctionSize {
  readonly name: string
  readonly lines: number
}

const CONTROL = /^\s*(\} )?(if|else|for|while|switch|try|catch|finally|do|with|describe|suite|return \{)\b/

/** Functions by indentation: from the line that begins one to the first that closes at the same depth. */
function* functionSizes({ path, text }: SourceFile): Generator<FunctionSize> {
  const lines = text.split('\n')
  const depthOf = (line: string): number => line.length - line.trimStart().length
  for (const [i, line] of lines.entries()) {
    if (!/(\)|\w|[>\]}]) (=> )?\{$/.test(line) || !/[()]/.test(line)) continue
    const depth = depthOf(line)
    let start = i
    // A signature over several lines: its first line is the nearest above at the same depth.
    if (/^\s*\)/.test(line))
      do start--
      while (start > 0 && (lines[start] === '' || depthOf(lines[start]!) > depth))
    if (CONTROL.test(lines[start]!)) continue
    let end = i + 1
    while (end < lines.length && (lines[end] === '' || depthOf(lines[end]!) > depth)) end++
    yield { name: `${path}:${start + 1} ${lines[start]!.trim().slice(0, 60)}`, lines: end - start + 1 }
  }
}

/** Functions that have to be a little longer than the rest: a piece of the name that is reported, and why. */
const LONG_FOR_A_REASON: ReadonlyMap<string, string> = new Map()

describe('sizes', () => {
  test('no function creeps past 70 lines', () => {
    // A known long switch is let be; this is for the ones that grow by a line at a time.
    const grown = typescript
      .filter(({ path }) => !path.startsWith('test/'))
      .flatMap((file) => [...functionSizes(file)])
      .filter(({ lines }) => lines > 70 && lines <= 80)
      .filter(({ name }) => ![...LONG_FOR_A_REASON.keys()].some((known) => name.includes(known)))
    none(
      grown.map(({ name, lines }) => `${name}: ${lines} lines`),
      'split these, or list them with the reason',
    )
  })

  test('no file has more than 800 lines', () => {
    const long = typescript.filter(({ text }) => text.split('\n').length > 801)
    none(
      long.map(({ path }) => path),
      'split these',
    )
  })

  test('functions are found whatever the length of their signature', () => {
    const body = '    a()\n'.repeat(72)
    const text = `class A {\n  one(b: string): void {\n${body}  }\n\n  two(\n    b: string,\n  ): void {\n${body}  }\n}\n`
    const sizes = [...functionSizes({ path: 'x.ts', text })]
    assert.deepEqual(
      sizes.map(({ lines }) => lines),
      [74, 76],
    )
  })
})

describe('leftovers', () => {
  test('what a file exports is wanted by another', () => {
    // types stay: they are part of what declarations of other things say
    const declared = /^export (?:async )?(?:abstract )?(?:const|let|function\*?|class) (\w+)/gm
    const code = files.filter(({ path }) => /\.(tsx?|mjs|js)$/.test(path))
    const filesWith = new Map<string, number>()
    for (const { text } of code) {
      for (const word of new Set(text.match(/\w+/g))) filesWith.set(word, (filesWith.get(word) ?? 0) + 1)
    }
    const mayExport = code.filter(({ path }) => /^(src|ui\/src|tools)\//.test(path) && !path.endsWith('.gen.ts'))
    const unwanted: string[] = []
    for (const { path, text } of mayExport) {
      for (const [, name] of text.matchAll(declared)) if (filesWith.get(name!) === 1) unwanted.push(`${path}: ${name!}`)
    }
    none(unwanted, 'keep these to the file, or delete them')
  })

  const tests = files.filter(({ path }) => /^test\/.*\.ts$/.test(path) && path !== self)

  test('no test runs alone, and none is skipped without a reason', () => {
    none(findLines(tests, /\b(test|it|describe|suite)\.only\(|\bonly: true\b/), 'all tests run')
    none(
      findLines(tests, /\b(test|it|describe|suite)\.(skip|todo)\(|\b(skip|todo): true\b|\bt\.(skip|todo)\(\)/),
      'give the reason: { skip: "why" } or t.skip("why")',
    )
  })

  test('nothing names a directory of the machine it was written on', () => {
    none(findLines(files, /(?<![\w.$}-])\/(home|root|work|Users)\/\w/), 'paths are relative to the repository')
  })

  test('nothing names a package registry', () => {
    const hosts = /\b(registry|npm|proxy|mirror|artifactory|verdaccio)\.[\w-]+\.[a-z]{2,}\b|\/(artifactory|npm-proxy)\//
    none(findLines(files, hosts), 'where packages come from is up to who installs them')
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
    assert.equal(/"resolved":/.test(lock), false, 'npm config set omit-lockfile-registry-resolved true')
  })

  test('nothing is marked as yet to be done', () => {
    none(findLines(sources, /\b(TODO|FIXME|XXX|HACK)\b/), 'do it, or open an issue')
  })
})

describe('dependencies', () => {
  interface Manifest {
    readonly dependencies: Record<string, string>
    readonly devDependencies: Record<string, string>
  }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

  test('each is in docs/dependencies.md, and no other', () => {
    const page = readFileSync(join(root, 'docs/dependencies.md'), 'utf8')
    const described = (heading: string): string[] => {
      const section = page.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
      return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name!).toSorted()
    }
    assert.deepEqual(described('At run time'), Object.keys(manifest.dependencies).toSorted())
    assert.deepEqual(described('For development'), Object.keys(manifest.devDependencies).toSorted())
  })

  test('each has one exact version', () => {
    const all = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    none(
      all.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)).map(([name, version]) => `${name} ${version}`),
      'npm install --save-exact',
    )
  })

  test('what src imports is a dependency at run time', () => {
    const outside: string[] = []
    for (const { path, text } of sources) {
      for (const [, specifier] of text.matchAll(/\b(?:from|import) '([^'.][^']*)'/g)) {
        const name = specifier!.split('/', specifier!.startsWith('@') ? 2 : 1).join('/')
        if (!name.startsWith('node:') && !(name in manifest.dependencies)) outside.push(`${path} → ${name}`)
      }
    }
    none(outside, 'add it to dependencies, with a sentence in docs/dependencies.md')
  })

  test('the entries of the package have a source', () => {
    const entries = ['src/index.ts', 'src/main.ts']
    none(
      entries.filter((path) => !existsSync(join(root, path))),
      'package.json names what is built from these',
    )
  })
})
