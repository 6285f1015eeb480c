import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the built console is, next to the broker that was built or, when that runs from its sources, in `dist`; null when it was not built. */
export function findConsole(): string | null {
  const candidates = ['../console', '../../dist/console'].map((path) => fileURLToPath(new URL(path, import.meta.url)))
  return candidates.find((directory) => existsSync(join(directory, 'index.html'))) ?? null
}
