import { batch, computed, signal, type ReadonlySignal } from '@preact/signals'
import { forgetDrafts, hasDrafts, leaving } from './state/drafts.ts'

// Addresses are fragments, and RabbitMQ's own (`#/queues/%2F/orders`), so that bookmarks and links in alerts go on to
// work, and the console needs nothing from the server below whatever path it is served from.

interface Location {
  /** As it stands in the address, `#` and query included. */
  readonly hash: string
  /** Begins with a slash; still percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
}

function parse(hash: string): Location {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2)
  return { hash, path: path === '' ? '/' : path, query: new URLSearchParams(query) }
}

const current = signal(parse(globalThis.location.hash))

let asking = false

addEventListener('hashchange', () => {
  if (!hasDrafts() || parse(globalThis.location.hash).path === current.peek().path) follow()
  else if (!asking) void askAndFollow()
})

const follow = (): void => void (current.value = parse(globalThis.location.hash))

/** The address has changed already, by a link or by the browser's own buttons: who stays gets the old one back. */
async function askAndFollow(): Promise<void> {
  asking = true
  const leaves = await leaving.ask()
  asking = false
  if (leaves) {
    forgetDrafts()
    follow()
  } else history.pushState(null, '', current.peek().hash || '#/')
}

/** Changes with the path only, not with the query, so that a table's filter does not draw the page anew. */
export const path: ReadonlySignal<string> = computed(() => current.value.path)
export const query: ReadonlySignal<URLSearchParams> = computed(() => current.value.query)

/** An address for `href`. What is filled in is percent-encoded: to`/queues/${vhost}/${name}`. */
export function to(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return `#${parts.reduce((text, part, i) => `${text}${encodeURIComponent(values[i - 1]!)}${part}`)}`
}

/** Goes to an address that `to` made. What was filled in here has done its work. */
export function navigate(href: string): void {
  forgetDrafts()
  globalThis.location.hash = href
}

function replace(href: string): void {
  history.replaceState(null, '', href)
  current.value = parse(href)
}

/** Changes parameters of the current address without a new entry in the history. Null takes one away. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const next = new URLSearchParams(current.peek().query)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name)
    else next.set(name, value)
  }
  const text = next.toString()
  batch(() => replace(`#${current.peek().path}${text === '' ? '' : `?${text}`}`))
}

/** What a path means to a pattern such as `/queues/:vhost/:name`: its parameters, decoded; null when it does not fit. */
export function matchPath(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/')
  const given = path.replace(/(?<=.)\/$/, '').split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = decode(given[i]!)
    else if (part !== given[i]) return null
  }
  return params
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // a hand-written address with a stray percent sign
  }
}
