import { compilePcre, escapePcre, type Pattern, PATTERN_LENGTH_MAX, PatternError } from '../util/pcre.ts'
import { describeResource } from './errors.ts'

export type Verb = 'configure' | 'write' | 'read'

/** What a user may do in a vhost: patterns (PCRE, unanchored) for the names of queues and exchanges; '' allows nothing. */
export interface Permission {
  readonly user: string
  readonly vhost: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

/**
 * Narrows what a user may do with a topic exchange: patterns for routing keys, in which `{username}`, `{vhost}` and
 * `{client_id}` stand for the facts of the connection.
 */
export interface TopicPermission {
  readonly user: string
  readonly vhost: string
  readonly exchange: string
  readonly write: string
  readonly read: string
}

/** `value` is null when the row is gone. */
export type PermissionChange =
  | { readonly kind: 'permission'; readonly user: string; readonly vhost: string; readonly value: Permission | null }
  | {
      readonly kind: 'topicPermission'
      readonly user: string
      readonly vhost: string
      readonly exchange: string
      readonly value: TopicPermission | null
    }

/** Values for the variables of topic patterns besides `username` and `vhost`, such as `client_id`. */
export type TopicVariables = Readonly<Record<string, string>>

interface Row {
  readonly permission: Permission
  readonly patterns: Readonly<Record<Verb, Pattern>>
}

/**
 * Who may do what. Whether users and vhosts exist is the caller's business. Sessions that remember answers compare `version`:
 * it rises with each change.
 */
export class Permissions {
  version = 0
  /** By user, then by vhost. */
  readonly #rows = new Map<string, Map<string, Row>>()
  /** By user, then by vhost, then by exchange. */
  readonly #topicRows = new Map<string, Map<string, Map<string, TopicPermission>>>()
  readonly #expanded = new ExpandedPatterns()
  #listener: ((change: PermissionChange) => void) | null = null

  /** Called after each change. One listener: the broker. */
  onChange(listener: (change: PermissionChange) => void): void {
    this.#listener = listener
  }

  /** Adds or replaces a row. @throws PatternError, and changes nothing, when a pattern is invalid */
  set({ user, vhost, configure, write, read }: Permission): void {
    const permission: Permission = { user, vhost, configure, write, read }
    const patterns = { configure: compile(configure), write: compile(write), read: compile(read) }
    subMap(this.#rows, user).set(vhost, { permission, patterns })
    this.#changed({ kind: 'permission', user, vhost, value: permission })
  }

  /** Returns whether there was anything to clear. */
  clear(user: string, vhost: string): boolean {
    const rows = this.#rows.get(user)
    if (rows === undefined || !rows.delete(vhost)) return false
    if (rows.size === 0) this.#rows.delete(user)
    this.#changed({ kind: 'permission', user, vhost, value: null })
    return true
  }

  get(user: string, vhost: string): Permission | undefined {
    return this.#rows.get(user)?.get(vhost)?.permission
  }

  /** All rows, or those of one user, or those of one vhost. */
  list(of: { readonly user?: string; readonly vhost?: string } = {}): Permission[] {
    const found: Permission[] = []
    for (const [user, rows] of this.#rows) {
      if (of.user !== undefined && of.user !== user) continue
      for (const [vhost, row] of rows) {
        if (of.vhost === undefined || of.vhost === vhost) found.push(row.permission)
      }
    }
    return found
  }

  /** Adds or replaces a row. @throws PatternError, and changes nothing, when a pattern is invalid */
  setTopic({ user, vhost, exchange, write, read }: TopicPermission): void {
    compile(write)
    compile(read)
    const permission: TopicPermission = { user, vhost, exchange, write, read }
    subMap(subMap(this.#topicRows, user), vhost).set(exchange, permission)
    this.#changed({ kind: 'topicPermission', user, vhost, exchange, value: permission })
  }

  /** Clears one exchange's row, or those of all exchanges. Returns whether there was anything to clear. */
  clearTopic(user: string, vhost: string, exchange?: string): boolean {
    const found = this.listTopics({ user, vhost }).filter((row) => exchange === undefined || row.exchange === exchange)
    for (const row of found) this.#deleteTopic(row)
    return found.length > 0
  }

  getTopic(user: string, vhost: string, exchange: string): TopicPermission | undefined {
    return this.#topicRows.get(user)?.get(vhost)?.get(exchange)
  }

  /** All rows, or those of one user, or those of one vhost. */
  listTopics(of: { readonly user?: string; readonly vhost?: string } = {}): TopicPermission[] {
    const found: TopicPermission[] = []
    for (const [user, vhosts] of this.#topicRows) {
      if (of.user !== undefined && of.user !== user) continue
      for (const [vhost, rows] of vhosts) {
        if (of.vhost === undefined || of.vhost === vhost) found.push(...rows.values())
      }
    }
    return found
  }

  /** For a user that is deleted. */
  clearUser(user: string): void {
    this.#clearAll({ user })
  }

  /** For a vhost that is deleted. */
  clearVhost(vhost: string): void {
    this.#clearAll({ vhost })
  }

  hasAccess(user: string, vhost: string): boolean {
    return this.#rows.get(user)?.has(vhost) ?? false
  }

  allows(user: string, vhost: string, verb: Verb, resourceName: string): boolean {
    const row = this.#rows.get(user)?.get(vhost)
    return row !== undefined && row.patterns[verb].test(nameToCheck(resourceName))
  }

  /** For exchanges of type topic only, besides `allows`. Without a row all routing keys are allowed. */
  allowsTopic(
    user: string,
    vhost: string,
    exchange: string,
    verb: 'write' | 'read',
    routingKey: string,
    variables: TopicVariables = {},
  ): boolean {
    const row = this.getTopic(user, vhost, exchange)
    if (row === undefined) return true
    return this.#expanded.get(expand(row[verb], { ...variables, username: user, vhost })).test(routingKey)
  }

  #clearAll(of: { readonly user?: string; readonly vhost?: string }): void {
    for (const row of this.list(of)) this.clear(row.user, row.vhost)
    for (const row of this.listTopics(of)) this.#deleteTopic(row)
  }

  #deleteTopic({ user, vhost, exchange }: TopicPermission): void {
    const vhosts = this.#topicRows.get(user)!
    const rows = vhosts.get(vhost)!
    rows.delete(exchange)
    if (rows.size === 0) vhosts.delete(vhost)
    if (vhosts.size === 0) this.#topicRows.delete(user)
    this.#changed({ kind: 'topicPermission', user, vhost, exchange, value: null })
  }

  #changed(change: PermissionChange): void {
    this.version++
    this.#listener?.(change)
  }
}

/** The reason that a client is given: `write access to exchange 'x' in vhost '/' refused for user 'u'`. */
export function refusalText(
  verb: Verb,
  kind: 'queue' | 'exchange' | 'topic',
  name: string,
  vhost: string,
  user: string,
  exchange = '',
): string {
  const resource =
    kind === 'topic'
      ? `topic '${name}' in ${describeResource('exchange', exchange, vhost)}`
      : describeResource(kind, nameToCheck(name), vhost)
  return `${verb} access to ${resource} refused for user '${user}'`
}

/** `access to vhost '/' refused for user 'u'`, to which limits and back ends add their reason. */
export const vhostRefusalText = (vhost: string, user: string): string =>
  `access to vhost '${vhost}' refused for user '${user}'`

/** No queue is without a name, so this can only be the default exchange. */
const nameToCheck = (name: string): string => (name === '' ? 'amq.default' : name)

const compile = (pattern: string, lengthMax = PATTERN_LENGTH_MAX): Pattern =>
  compilePcre(pattern === '' ? '^$' : pattern, lengthMax)

/** Variables without a value stay as they are. The values are data: they never act as patterns. */
function expand(pattern: string, variables: TopicVariables): string {
  return pattern.replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(variables, name) ? escapePcre(variables[name]!) : placeholder,
  )
}

/**
 * The length limit was for what the administrator wrote; names and client ids may make it longer. A valid pattern can become an
 * invalid one, with a variable in a character range for example: it then allows nothing.
 */
function compileExpanded(pattern: string): Pattern {
  try {
    return compile(pattern, Number.POSITIVE_INFINITY)
  } catch (error) {
    if (error instanceof PatternError) return NOTHING
    throw error
  }
}

const NOTHING = /(?!)/

/** Compiled topic patterns. There may be one per client, so it starts anew when there are too many. */
class ExpandedPatterns {
  static readonly #SIZE_MAX = 4096
  readonly #patterns = new Map<string, Pattern>()

  get(pattern: string): Pattern {
    const known = this.#patterns.get(pattern)
    if (known !== undefined) return known
    if (this.#patterns.size >= ExpandedPatterns.#SIZE_MAX) this.#patterns.clear()
    const compiled = compileExpanded(pattern)
    this.#patterns.set(pattern, compiled)
    return compiled
  }
}

function subMap<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = map.get(key)
  if (found === undefined) {
    found = new Map()
    map.set(key, found)
  }
  return found
}
