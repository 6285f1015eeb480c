import { readFileSync } from 'node:fs'

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/** What a shell has to be told. All of them ask `warren __complete` for every key, so that there is one truth. */
export const readScript = (shell: Shell): string =>
  readFileSync(new URL(`shells/warren.${shell}`, import.meta.url), 'utf8')
