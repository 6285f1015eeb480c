import { readFileSync, writeFileSync } from 'node:fs'
import { configurationPage } from '../src/config/help.ts'

/** Writes `docs/configuration.md` from the table of options; with `--check` only tells whether it is up to date. */

const target = new URL('../docs/configuration.md', import.meta.url)
const page = configurationPage()

if (!process.argv.includes('--check')) {
  writeFileSync(target, page)
} else if (readFileSync(target, 'utf8') !== page) {
  console.error('docs/configuration.md is out of date: run node tools/generate-config-docs.ts')
  process.exitCode = 1
}
