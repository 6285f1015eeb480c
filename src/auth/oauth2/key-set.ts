import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { LogLimiter } from '../../telemetry/log.ts'
import type { Clock } from '../../util/clock.ts'
import { AuthSettingsError } from '../client-tls.ts'
import { type HttpClient, HttpError } from '../http/http-client.ts'

/** Who issues tokens. */
export interface ProviderSettings {
  readonly issuer: string | null
  /** Of the discovery document, below the issuer. */
  readonly discoveryPath: string
  readonly discoveryParams: ReadonlyMap<string, string>
  /** Of the key set; null: the discovery document has it. */
  readonly jwksUrl: string | null
  /** By key id: paths of PEM files, or the PEM or JWK text itself. */
  readonly signingKeys: ReadonlyMap<string, string>
  readonly defaultKey: string | null
  /** Empty: those that fit the key. */
  readonly algorithms: readonly string[]
}

/** Keys are fetched again after so long, beside the logins that go on. */
const FRESH_MS = 10 * 60_000
/** A token with an unknown key id, be it made up, makes the keys be fetched again, but not more often than this. */
const PAUSE_MS = 10_000
const KEYS_MAX = 1000

/** The keys that a provider signs with: those of the configuration, and those that it publishes (JWKS). */
export class KeySet {
  readonly algorithms: readonly string[]
  readonly #settings: ProviderSettings
  readonly #client: HttpClient
  readonly #clock: Clock
  readonly #log: LogLimiter
  readonly #own: ReadonlyMap<string, KeyObject>
  #published: ReadonlyMap<string, KeyObject> = new Map()
  #fetching: Promise<void> | null = null
  #triedAt = Number.NEGATIVE_INFINITY
  #fetchedAt = Number.NEGATIVE_INFINITY
  #failure: string | null = null

  /** @throws AuthSettingsError when a key of the configuration is none */
  constructor(settings: ProviderSettings, client: HttpClient, clock: Clock, log: LogLimiter) {
    this.#settings = settings
    this.algorithms = settings.algorithms
    this.#client = client
    this.#clock = clock
    this.#log = log
    this.#own = new Map([...settings.signingKeys].map(([id, key]) => [id, readKey(id, key)]))
  }

  /** @param id null where the token names none @returns or why there is none @throws nothing */
  async find(id: string | null): Promise<KeyObject | string> {
    const wanted = id ?? this.#settings.defaultKey
    if (wanted === null) return 'the token names no key, and there is no default_key'
    const known = this.#published.get(wanted) ?? this.#own.get(wanted)
    if (known !== undefined) {
      if (this.#isPublic && this.#clock.now() - this.#fetchedAt >= FRESH_MS) void this.#fetch()
      return known
    }
    if (this.#isPublic) await this.#fetch()
    return this.#published.get(wanted) ?? this.#failure ?? 'key_not_found'
  }

  get #isPublic(): boolean {
    return this.#settings.jwksUrl !== null || this.#settings.issuer !== null
  }

  #fetch(): Promise<void> {
    if (this.#fetching !== null) return this.#fetching
    const now = this.#clock.now()
    if (now - this.#triedAt < PAUSE_MS) return Promise.resolve()
    this.#triedAt = now
    this.#fetching = this.#load().finally(() => (this.#fetching = null))
    return this.#fetching
  }

  /** What was known stays where it fails. */
  async #load(): Promise<void> {
    try {
      const url = this.#settings.jwksUrl === null ? await this.#discover() : new URL(this.#settings.jwksUrl)
      const { keys } = await this.#json(url)
      if (!Array.isArray(keys)) throw new HttpError('the answer has no keys')
      this.#published = new Map(keys.slice(0, KEYS_MAX).flatMap(publicKey))
      this.#fetchedAt = this.#clock.now()
      this.#failure = null
    } catch (error) {
      const { message, cause } = error as Error
      this.#failure = `signing keys cannot be fetched: ${message}`
      const err = cause instanceof Error ? { err: cause } : {}
      const url = this.#settings.jwksUrl ?? this.#settings.issuer
      this.#log.warn(`jwks ${url}`, this.#failure, { url, ...err })
    }
  }

  async #discover(): Promise<URL> {
    const { issuer, discoveryPath, discoveryParams } = this.#settings
    const url = new URL(`${issuer!.replace(/\/$/, '')}/${discoveryPath.replace(/^\//, '')}`)
    for (const [name, value] of discoveryParams) url.searchParams.set(name, value)
    const { jwks_uri: found } = await this.#json(url)
    if (typeof found !== 'string' || !URL.canParse(found)) throw new HttpError('the discovery document has no jwks_uri')
    const target = new URL(found)
    if (target.protocol !== 'https:' && url.protocol === 'https:') throw new HttpError('jwks_uri is not https')
    return target
  }

  async #json(url: URL): Promise<Readonly<Record<string, unknown>>> {
    const { status, body } = await this.#client.ask(url, null)
    if (status !== 200) throw new HttpError(`status ${status}`)
    try {
      const found: unknown = JSON.parse(body)
      if (typeof found === 'object' && found !== null) return found as Record<string, unknown>
    } catch {
      // told below
    }
    throw new HttpError('the answer is not JSON')
  }

  close(): void {
    this.#client.close()
  }
}

/** Of a published set: whatever is no public key with an id is left out, secrets above all. */
function publicKey(jwk: unknown): [string, KeyObject][] {
  const { kid, kty, use } = (jwk ?? {}) as Readonly<Record<string, unknown>>
  if (typeof kid !== 'string' || kty === 'oct' || (use !== undefined && use !== 'sig')) return []
  try {
    return [[kid, createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })]]
  } catch {
    return []
  }
}

/** Of the configuration: a public key, a certificate, or a JWK, which may be a secret. @throws AuthSettingsError */
function readKey(id: string, given: string): KeyObject {
  try {
    const text = /^\s*(-----BEGIN|\{)/.test(given) ? given : readFileSync(given, 'utf8')
    if (!text.trimStart().startsWith('{')) return createPublicKey(text)
    const jwk = JSON.parse(text) as JsonWebKey
    if (jwk.kty === 'oct') return createSecretKey(Buffer.from(jwk.k ?? '', 'base64url'))
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch (error) {
    throw new AuthSettingsError(`auth_oauth2.signing_keys.${id}: ${(error as Error).message}`)
  }
}
