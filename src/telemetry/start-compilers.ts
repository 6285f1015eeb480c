import { setFlagsFromString } from 'node:v8'

/** Of V8's two optimizing compilers: a pattern of the names of functions. No function has this one. */
const NONE = '~'
const ALL = '*'

/**
 * Keeps V8 from optimizing what only runs once, to load a program: the pages of the compilers themselves, which they touch then, are 10 MB
 * of an idle process. For the process as a whole, and so for one that is the broker's own only.
 * @returns what lets them work; functions that have become hot meanwhile are optimized when they are called again
 */
export function holdBackCompilers(setFlag: (flag: string) => void = setFlagsFromString): () => void {
  const set = (names: string): void => {
    for (const compiler of ['maglev', 'turbo']) setFlag(`--${compiler}-filter=${names}`)
  }
  set(NONE)
  return () => set(ALL)
}
