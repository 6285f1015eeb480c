import type { ConnectionOptions } from 'node:tls'
import type { LoginFacts } from '../../core/identity.ts'
import type { Log, LogLimiter } from '../../telemetry/log.ts'
import type { Clock } from '../../util/clock.ts'
import type { ErlangTerm } from '../../util/erlang-syntax.ts'
import {
  type AuthBackend,
  type BackendOutcome,
  type Credentials,
  type Decision,
  decisionOf,
  failedBy,
  type Grants,
  type ResourceCheck,
  type TopicCheck,
} from '../backend.ts'
import { evaluate, type QueryContext } from './evaluate.ts'
import { type LdapConnection, LdapError } from './ldap-connection.ts'
import { type Binding, LdapPool } from './ldap-pool.ts'
import { needsDirectory, parseQuery, parseTagQueries, type Query } from './query.ts'
import { activeDirectoryVariables, fill, fillDn, type Variables } from './template.ts'

export interface LdapSettings {
  readonly servers: readonly string[]
  readonly port: number
  readonly security: 'none' | 'tls' | 'starttls'
  readonly poolSize: number
  /** For connecting, and for each answer; null: for as long as it takes. */
  readonly timeoutMs: number | null
  readonly idleTimeoutMs: number | null
  /** What is logged: nothing, each check, or the requests as well. */
  readonly log: 'false' | 'true' | 'network'
  readonly userDnPattern: string
  readonly userBindPattern: string | null
  readonly dnLookupAttribute: string | null
  readonly dnLookupBase: string | null
  readonly dnLookupBind: Binding | 'as_user'
  readonly otherBind: Binding | 'as_user'
  readonly groupLookupBase: string | null
  /** As in RabbitMQ's `advanced.config`. */
  readonly tagQueries: ErlangTerm
  readonly vhostQuery: ErlangTerm
  readonly resourceQuery: ErlangTerm
  readonly topicQuery: ErlangTerm
}

export interface LdapParts {
  readonly tls: ConnectionOptions
  readonly clock: Clock
  readonly log: Log
  readonly limitedLog: LogLimiter
}

/** A user who has been found. */
interface LdapUser {
  readonly name: string
  readonly dn: string
  /** As whom queries about it are asked. */
  readonly binding: Binding
}

/** Asks a directory: a bind says whether a password is right, queries say what somebody may do. */
export class LdapBackend implements AuthBackend {
  readonly name = 'rabbit_auth_backend_ldap'
  readonly #settings: LdapSettings
  readonly #parts: LdapParts
  readonly #pool: LdapPool
  readonly #tagQueries: readonly { tag: string; query: Query }[]
  readonly #vhostQuery: Query
  readonly #resourceQuery: Query
  readonly #topicQuery: Query

  /** @throws AuthSettingsError when a query is none */
  constructor(settings: LdapSettings, parts: LdapParts) {
    this.#settings = settings
    this.#parts = parts
    this.#tagQueries = parseTagQueries('auth_ldap.queries.tags', settings.tagQueries)
    this.#vhostQuery = parseQuery('auth_ldap.queries.vhost_access', settings.vhostQuery)
    this.#resourceQuery = parseQuery('auth_ldap.queries.resource_access', settings.resourceQuery)
    this.#topicQuery = parseQuery('auth_ldap.queries.topic_access', settings.topicQuery)
    const { servers, port, security, timeoutMs, poolSize, idleTimeoutMs } = settings
    const { tls, clock, limitedLog } = parts
    this.#pool = new LdapPool({
      servers,
      target: { port, security, tls, timeoutMs, clock },
      size: poolSize,
      idleTimeoutMs,
      onUnreachable: (server, error) =>
        limitedLog.warn(`ldap ${server}`, `the directory server cannot be reached: ${error.message}`, { server, port }),
    })
  }

  async authenticate({ user, password, isToken }: Credentials, _facts: LoginFacts): Promise<BackendOutcome> {
    if (isToken) return { outcome: 'refused', reason: 'the directory takes no tokens' }
    // a bind with a name and no password succeeds, as nobody (RFC 4513, 5.1.2)
    if (password === '') return { outcome: 'refused', reason: `user '${user}' - unauthenticated bind not allowed` }
    this.#trace(`CHECK: login for ${user}`)
    const outcome = await this.#answering<BackendOutcome>(
      () => this.#login(user, password),
      ({ kind }) => ({ outcome: 'error', reason: kind }),
    )
    this.#trace(`DECISION: login for ${user}: ${outcome.outcome}`)
    return outcome
  }

  /** The directory is asked for the password again, if there is one. */
  authorize(who: Credentials, facts: LoginFacts): Promise<BackendOutcome> {
    return this.authenticate(who, facts)
  }

  async #login(user: string, password: string | null): Promise<BackendOutcome> {
    const found = password === null ? await this.#find(user) : await this.#bindAs(user, password)
    if (found === null) return { outcome: 'refused', reason: `user '${user}' - invalid credentials` }
    if (typeof found === 'string') return { outcome: 'refused', reason: found }
    const tags = await this.#tagsOf(found)
    if (tags === null) return { outcome: 'refused', reason: `user '${user}' - invalid credentials` }
    const grants = new LdapGrants((query, more) => this.#decide(query, found, more), {
      vhost: this.#vhostQuery,
      resource: this.#resourceQuery,
      topic: this.#topicQuery,
    })
    return { outcome: 'ok', user: { name: user, tags, grants, expiresAt: null, renew: null } }
  }

  /** Without a password: its holder has come with a certificate. @returns the reason when there is no such user */
  async #find(name: string): Promise<LdapUser | string> {
    const { otherBind, dnLookupAttribute, dnLookupBind } = this.#settings
    if (otherBind === 'as_user') return "'other_bind' set to 'as_user' but no password supplied"
    if (dnLookupAttribute === null) return { name, dn: this.#dnOf(name), binding: otherBind }
    const dn = await this.#lookUpAs(dnLookupBind === 'as_user' ? otherBind : dnLookupBind, name)
    return dn === null ? `user '${name}' - not found` : { name, dn, binding: otherBind }
  }

  /** @returns null when the password is wrong, or there is no such user */
  async #bindAs(name: string, password: string): Promise<LdapUser | null> {
    const { dnLookupAttribute, dnLookupBind, userBindPattern, otherBind } = this.#settings
    const bindingFor = (credentials: Binding): Binding => (otherBind === 'as_user' ? credentials : otherBind)
    if (dnLookupAttribute !== null && dnLookupBind !== 'as_user') {
      const dn = await this.#lookUpAs(dnLookupBind, name)
      if (dn === null) return null
      const credentials = { dn, password }
      const right = await this.#pool.use(credentials, () => Promise.resolve(true))
      return right === null ? null : { name, dn, binding: bindingFor(credentials) }
    }
    const filled = this.#dnOf(name)
    const credentials = {
      dn: userBindPattern === null ? filled : fill(userBindPattern, variablesOf(name)),
      password,
    }
    const dn = await this.#pool.use(credentials, async (connection) => {
      if (dnLookupAttribute === null) return filled
      // as in RabbitMQ: who has been let in is known by what was looked for, if by nothing else
      return (await this.#lookUp(name, connection)) ?? fill(this.#settings.userDnPattern, variablesOf(name))
    })
    return dn === null ? null : { name, dn, binding: bindingFor(credentials) }
  }

  #dnOf(name: string): string {
    return fillDn(this.#settings.userDnPattern, variablesOf(name))
  }

  async #lookUpAs(binding: Binding, name: string): Promise<string | null> {
    const found = await this.#pool.use(binding, async (connection) => ({ dn: await this.#lookUp(name, connection) }))
    if (found === null) throw refusedBinding(binding)
    return found.dn
  }

  /** @returns null when there is none, or more than one */
  async #lookUp(name: string, connection: LdapConnection): Promise<string | null> {
    const { dnLookupBase, dnLookupAttribute, userDnPattern } = this.#settings
    const value = fill(userDnPattern, variablesOf(name))
    const filter = { attribute: dnLookupAttribute!, value }
    const entries = await connection.search({ base: dnLookupBase!, scope: 'sub', filter, attributes: ['1.1'] })
    this.#trace(`DN lookup: ${name} -> ${entries.map(({ dn }) => dn).join('; ')}`)
    return entries.length === 1 ? entries[0]!.dn : null
  }

  /** @returns null when the directory does not take the user's own password any more */
  #tagsOf(user: LdapUser): Promise<string[] | null> {
    const queries = this.#tagQueries.map(({ query }) => query)
    return this.#asking(user, queries, [], async (context) => {
      const tags: string[] = []
      for (const { tag, query } of this.#tagQueries) if (await evaluate(query, context)) tags.push(tag)
      return tags
    })
  }

  async #decide(query: Query, user: LdapUser, more: readonly [string, string][]): Promise<Decision> {
    const about = more.map(([name, value]) => `${name} "${value}"`).join(', ')
    this.#trace(`CHECK: ${about} for "${user.name}"`)
    const decision = await this.#answering<Decision>(
      async () => {
        const allowed = await this.#asking(user, [query], more, (context) => evaluate(query, context))
        return decisionOf(allowed === true)
      },
      ({ kind }) => failedBy(this.name, kind),
    )
    this.#trace(`DECISION: ${about} for "${user.name}": ${decision.outcome}`)
    return decision
  }

  /** Runs `work` with what it needs for these queries. @returns null when the directory does not take the user's own password any more */
  async #asking<T>(
    user: LdapUser,
    queries: readonly Query[],
    more: readonly [string, string][],
    work: (context: QueryContext) => Promise<T>,
  ): Promise<T | null> {
    const { groupLookupBase, dnLookupBase, log, otherBind } = this.#settings
    const context = {
      variables: new Map([...variablesOf(user.name), ['user_dn', user.dn], ...more]),
      groupBase: groupLookupBase ?? dnLookupBase,
      trace: log === 'false' ? null : (text: string) => this.#trace(`    ${text}`),
    }
    if (!queries.some(needsDirectory)) return work({ ...context, directory: null })
    const found = await this.#pool.use(user.binding, async (connection) => {
      const directory = log === 'network' ? this.#traced(connection) : connection
      return { value: await work({ ...context, directory }) }
    })
    if (found === null && otherBind !== 'as_user') throw refusedBinding(user.binding)
    return found === null ? null : found.value
  }

  #traced(connection: LdapConnection): Pick<LdapConnection, 'search'> {
    return {
      search: async (search) => {
        this.#trace(`    network traffic: search ${JSON.stringify(search)}`)
        const entries = await connection.search(search)
        this.#trace(`    network traffic: found ${entries.length}: ${entries.map(({ dn }) => dn).join('; ')}`)
        return entries
      },
    }
  }

  async #answering<T>(work: () => Promise<T>, failed: (error: LdapError) => T): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof LdapError)) throw error
      this.#parts.limitedLog.warn(`ldap ${error.kind}`, `the directory gave no answer: ${error.message}`)
      return failed(error)
    }
  }

  #trace(text: string): void {
    if (this.#settings.log !== 'false') this.#parts.log.info(`LDAP ${text}`)
  }

  close(): void {
    this.#pool.close()
  }
}

/** Of one of the broker's own bindings: that is nothing that the user has done. */
function refusedBinding(binding: Binding): LdapError {
  const dn = binding === 'anonymous' ? 'nobody' : binding.dn
  return new LdapError('ldap_bind_error', `the directory refuses the password of ${dn}`)
}

const variablesOf = (name: string): Variables => new Map([['username', name], ...activeDirectoryVariables(name)])

class LdapGrants implements Grants {
  readonly #decide: (query: Query, more: readonly [string, string][]) => Promise<Decision>
  readonly #queries: { readonly vhost: Query; readonly resource: Query; readonly topic: Query }

  constructor(
    decide: (query: Query, more: readonly [string, string][]) => Promise<Decision>,
    queries: { readonly vhost: Query; readonly resource: Query; readonly topic: Query },
  ) {
    this.#decide = decide
    this.#queries = queries
  }

  vhost(vhost: string): Promise<Decision> {
    return this.#decide(this.#queries.vhost, [['vhost', vhost]])
  }

  resource({ vhost, kind, name, verb }: ResourceCheck): Promise<Decision> {
    return this.#decide(this.#queries.resource, [
      ['vhost', vhost],
      ['resource', kind],
      ['name', name],
      ['permission', verb],
    ])
  }

  topic({ vhost, exchange, verb, routingKey }: TopicCheck): Promise<Decision> {
    return this.#decide(this.#queries.topic, [
      ['vhost', vhost],
      ['resource', 'topic'],
      ['name', exchange],
      ['permission', verb],
      ['routing_key', routingKey],
    ])
  }
}
