import { isUnreachable, ApiError } from '../api/http.ts'

/** How long until what could not be reached is tried again by itself, ms. */
export const AGAIN_MS = 3000

/** In the session's storage: that the console was loaded anew because a page of it was missing. */
const RELOADED = 'warren.reloaded'

/**
 * Fetches a page's chunk.
 * @throws ApiError `unreachable` while the broker is down; else what was wrong with the chunk
 */
export async function loadChunk<T>(load: () => Promise<T>): Promise<T> {
  try {
    const loaded = await load()
    remember(false)
    return loaded
  } catch (error) {
    await expectConsole()
    // The broker is there and the chunk is not: after an upgrade it has another name, which only a new console knows. And some
    // browsers try nothing again that has failed once. A second time it is something else.
    if (!remember(true)) throw error
    location.reload()
    return new Promise(() => {}) // shows nothing more until the new one is there
  }
}

async function expectConsole(): Promise<void> {
  let isThere = false
  try {
    isThere = (await fetch(document.baseURI, { cache: 'no-store' })).ok
  } catch {
    // as it is when nobody answers
  }
  if (!isThere) throw new ApiError(0, 'unreachable', '')
}

/** @returns whether that is new, and will be known after the page was loaded anew */
function remember(reloaded: boolean): boolean {
  try {
    const was = sessionStorage.getItem(RELOADED) !== null
    if (reloaded) sessionStorage.setItem(RELOADED, '1')
    else sessionStorage.removeItem(RELOADED)
    return was !== reloaded
  } catch {
    return false // storage is forbidden: without a memory it could go on for ever
  }
}

/** Calls it after a while when the error says that nobody could be reached. @returns what takes that back */
export function retryUnreachable(error: unknown, again: () => void): () => void {
  if (!isUnreachable(error)) return () => {}
  const timer = setTimeout(again, AGAIN_MS)
  return () => clearTimeout(timer)
}
