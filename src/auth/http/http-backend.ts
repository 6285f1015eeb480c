import type { LoginFacts } from '../../core/identity.ts'
import type { LogLimiter } from '../../telemetry/log.ts'
import {
  ALLOWED,
  type AuthBackend,
  type BackendOutcome,
  type Credentials,
  type Decision,
  failedBy,
  type Grants,
  REFUSED,
  refusedBy,
  type ResourceCheck,
  type TopicCheck,
} from '../backend.ts'
import { type HttpClient, HttpError } from './http-client.ts'

export interface HttpBackendSettings {
  readonly method: 'get' | 'post'
  readonly userUrl: string
  readonly vhostUrl: string
  readonly resourceUrl: string
  readonly topicUrl: string
  /** Whether clients are told the reason of an answer `deny REASON`. */
  readonly disclosesReasons: boolean
}

type Fields = readonly (readonly [name: string, value: string])[]

/** `status` 200 and 201 are answers, all else is an error. */
type Verdict =
  | { readonly word: 'allow'; readonly rest: string }
  | { readonly word: 'deny'; readonly rest: string }
  | { readonly word: 'error'; readonly rest: string }

/**
 * Asks a web service, in RabbitMQ's way: one request for each question, with the facts as form fields (in the query of a GET, in the body
 * of a POST). The answer is text:
 *
 *     allow                      yes
 *     allow administrator ops    who it is, with these tags
 *     deny                       no; "refuse" means the same
 *     deny because of that       no, with a reason for the log
 */
export class HttpBackend implements AuthBackend {
  readonly name = 'rabbit_auth_backend_http'
  readonly #settings: HttpBackendSettings
  readonly #client: HttpClient
  readonly #log: LogLimiter

  constructor(settings: HttpBackendSettings, client: HttpClient, log: LogLimiter) {
    this.#settings = settings
    this.#client = client
    this.#log = log
  }

  async authenticate({ user, password }: Credentials, facts: LoginFacts): Promise<BackendOutcome> {
    const fields: Fields = password === null ? [] : [['password', password]]
    const { word, rest } = await this.#ask(this.#settings.userUrl, [['username', user], ...fields])
    if (word === 'error') return { outcome: 'error', reason: rest }
    if (word === 'deny') {
      const reason = rest === '' ? '' : `: ${rest}`
      return { outcome: 'refused', reason: `user '${user}' - denied by the backing HTTP service${reason}` }
    }
    const tags = words(rest.toLowerCase())
    const grants = new HttpGrants((url, more) => this.#decide(url, more), this.#settings, { user, tags }, facts.address)
    return { outcome: 'ok', user: { name: user, tags, grants, expiresAt: null, renew: null } }
  }

  /** The service is asked again who it is, and its tags do not count: that is RabbitMQ's way. */
  async authorize(who: Credentials, facts: LoginFacts): Promise<BackendOutcome> {
    const found = await this.authenticate(who, facts)
    return found.outcome === 'ok' ? { outcome: 'ok', user: { ...found.user, tags: [] } } : found
  }

  async #decide(url: string, fields: Fields): Promise<Decision> {
    const { word, rest } = await this.#ask(url, fields)
    if (word === 'allow') return rest === '' ? ALLOWED : failedBy(this.name, 'answer not understood')
    if (word === 'error') return failedBy(this.name, rest)
    if (rest === '') return REFUSED
    this.#log.info('http denied', 'the HTTP service denied something', { reason: rest, ...factsOf(fields) })
    return this.#settings.disclosesReasons ? refusedBy(this.name, rest) : REFUSED
  }

  async #ask(target: string, fields: Fields): Promise<Verdict> {
    const query = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString()
    const post = this.#settings.method === 'post'
    const url = new URL(post ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`)
    try {
      const { status, body } = await this.#client.ask(url, post ? query : null)
      const verdict = verdictOf(status, body)
      if (verdict.word === 'error') this.#warn(target, verdict.rest)
      return verdict
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      this.#warn(target, error.message, error.cause)
      return { word: 'error', rest: error.message }
    }
  }

  /** Without the query: it has passwords. */
  #warn(url: string, reason: string, err?: unknown): void {
    const { origin, pathname } = new URL(url)
    this.#log.warn(`http login ${url}`, `the HTTP service of logins gave no answer: ${reason}`, {
      url: origin + pathname,
      ...(err === undefined ? {} : { err }),
    })
  }

  close(): void {
    this.#client.close()
  }
}

function verdictOf(status: number, body: string): Verdict {
  if (status !== 200 && status !== 201) return { word: 'error', rest: `status ${status}` }
  const [, word, rest = ''] = /^(allow|deny|refuse)(?:\s+([^]*))?$/i.exec(body.trim()) ?? []
  if (word === undefined) return { word: 'error', rest: 'answer not understood' }
  return { word: word.toLowerCase() === 'allow' ? 'allow' : 'deny', rest: rest.slice(0, REASON_MAX) }
}

/** Tags, or the reason of a refusal. */
const REASON_MAX = 1000

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

const factsOf = (fields: Fields): Record<string, string> => Object.fromEntries(fields)

class HttpGrants implements Grants {
  readonly #ask: (url: string, fields: Fields) => Promise<Decision>
  readonly #settings: HttpBackendSettings
  readonly #user: string
  readonly #tags: string
  readonly #address: string

  constructor(
    ask: (url: string, fields: Fields) => Promise<Decision>,
    settings: HttpBackendSettings,
    { user, tags }: { readonly user: string; readonly tags: readonly string[] },
    address: string,
  ) {
    this.#ask = ask
    this.#settings = settings
    this.#user = user
    this.#tags = tags.join(' ')
    this.#address = address
  }

  vhost(vhost: string): Promise<Decision> {
    return this.#ask(this.#settings.vhostUrl, [
      ['username', this.#user],
      ['vhost', vhost],
      ['ip', this.#address],
      ['tags', this.#tags],
    ])
  }

  resource({ vhost, kind, name, verb }: ResourceCheck): Promise<Decision> {
    return this.#ask(this.#settings.resourceUrl, [
      ['username', this.#user],
      ['vhost', vhost],
      ['resource', kind],
      ['name', name],
      ['permission', verb],
      ['tags', this.#tags],
    ])
  }

  topic({ vhost, exchange, verb, routingKey, variables = {} }: TopicCheck): Promise<Decision> {
    return this.#ask(this.#settings.topicUrl, [
      ['username', this.#user],
      ['vhost', vhost],
      ['resource', 'topic'],
      ['name', exchange],
      ['permission', verb],
      ['tags', this.#tags],
      ['routing_key', routingKey],
      ['variable_map.username', this.#user],
      ['variable_map.vhost', vhost],
      ...Object.entries(variables).map(([name, value]): [string, string] => [`variable_map.${name}`, value]),
    ])
  }
}
