// Puts the JavaScript of dist/ into few files: Node.js takes longer to find, read and compile some 400 modules than to run what is in them.
import { join, relative } from 'node:path'
import { rolldown } from 'rolldown'

/** What is imported, run or started as a thread from outside, by its path in src/. */
const ENTRIES = [
  'main',
  'index',
  'plugins/index',
  'store/metadata-log/snapshot-worker',
  'cli/perf/load-worker',
  'net/tls-threads/tls-worker',
]

/** @param {{ source: string, target: string }} folders absolute paths of src/ and dist/ */
export async function bundle({ source, target }) {
  const build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, join(source, `${name}.ts`)])),
    platform: 'node',
    external: /^[^./]/,
    plugins: [ownPlaces(source)],
  })
  try {
    await build.write({
      dir: target,
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
      sourcemap: true,
      // Comments and white space cost memory, since V8 keeps the source. Names stay: stack traces are to be read.
      minify: { compress: true, mangle: false, codegen: true },
      keepNames: true,
    })
  } finally {
    await build.close()
  }
}

/**
 * Files beside a module (threads, scripts of shells) are found from where the module would be if it were compiled by itself. That takes the
 * chunk to be in the root of dist/, as all are that are not entries.
 */
function ownPlaces(source) {
  return {
    name: 'own-places',
    transform: {
      filter: { code: 'import.meta.url' },
      handler(code, id) {
        const place = relative(source, id).replace(/\.ts$/, '.js')
        return { code: code.replaceAll('import.meta.url', `new URL('./${place}', import.meta.url).href`), map: null }
      },
    },
    generateBundle(_options, files) {
      for (const { type, fileName, code } of Object.values(files)) {
        if (type !== 'chunk' || !fileName.includes('/') || !code.includes('import.meta')) continue
        throw new Error(`${fileName} asks where it is: only files in the root of dist/ may`)
      }
    },
  }
}
