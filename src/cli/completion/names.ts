import { HttpApi } from '../api/http.ts'
import { route } from '../api/route.ts'
import type { Target } from '../api/target.ts'
import { CliError } from '../errors.ts'
import type { Completion } from '../command-spec.ts'

/** What only the node knows the names of. */
export type NamedKind = Exclude<Completion, 'file' | 'command' | readonly string[]>

/** Whoever presses a key does not wait longer; a node that is asked for the first time since its start takes a second. */
const TIMEOUT_MS = 3000
/** More than these nobody reads; a node with 10,000 queues sends the first ones that fit. */
const NAMES_MAX = 200

interface Named {
  readonly name: string
}

/** Lists that the node can search itself. */
const PAGED: Readonly<Partial<Record<NamedKind, (vhost: string) => string>>> = {
  queue: (vhost) => route`/queues/${vhost}`,
  exchange: (vhost) => route`/exchanges/${vhost}`,
  connection: () => '/connections',
}

const WHOLE: Readonly<Partial<Record<NamedKind, (vhost: string) => string>>> = {
  user: () => '/users?columns=name',
  vhost: () => '/vhosts?columns=name',
  policy: (vhost) => route`/policies/${vhost}`,
  'operator-policy': (vhost) => route`/operator-policies/${vhost}`,
  shovel: (vhost) => route`/parameters/shovel/${vhost}`,
}

/** The names that begin with `prefix`; none where the node does not answer in time, or says no. */
export async function namesOf(kind: NamedKind, prefix: string, vhost: string, target: Target): Promise<string[]> {
  const api = new HttpApi(target, TIMEOUT_MS)
  try {
    const found = await fetchNames(api, kind, prefix, vhost)
    return found
      .map(({ name }) => name)
      .filter((name) => name.startsWith(prefix) && isTypeable(name))
      .toSorted()
  } catch (error) {
    // a message would end up in the middle of the line that is being typed
    if (error instanceof CliError) return []
    throw error
  } finally {
    api.close()
  }
}

async function fetchNames(api: HttpApi, kind: NamedKind, prefix: string, vhost: string): Promise<readonly Named[]> {
  const whole = WHOLE[kind]
  if (whole !== undefined) return api.get<Named[]>(whole(vhost))
  const query = new URLSearchParams({
    name: `^${RegExp.escape(prefix)}`,
    use_regex: 'true',
    page: '1',
    page_size: String(NAMES_MAX),
    columns: 'name',
  })
  const { items } = await api.get<{ items: Named[] }>(`${PAGED[kind]!(vhost)}?${query.toString()}`)
  return items
}

/** A line feed would end the candidate, and an escape would reach the terminal. The default exchange has no name. */
const isTypeable = (name: string): boolean => name !== '' && !/[\u0000-\u001f\u007f-\u009f]/.test(name)
