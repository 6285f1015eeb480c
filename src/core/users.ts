import { BrokerError, preconditionFailed } from './errors.ts'

export type HashingAlgorithm =
  | 'rabbit_password_hashing_sha256'
  | 'rabbit_password_hashing_sha512'
  | 'rabbit_password_hashing_md5'

export const DEFAULT_HASHING_ALGORITHM: HashingAlgorithm = 'rabbit_password_hashing_sha256'

/** Hashing and checking of passwords: `auth/password-hash.ts`. */
export interface Passwords {
  /** Why nobody may have this password; null when they may. @param password null: none, and thus no login by password */
  refusal(password: string | null): string | null
  hash(password: string, algorithm?: HashingAlgorithm): string
  verify(password: string, hash: string, algorithm: HashingAlgorithm): boolean
}

/** Absent or negative: unlimited. Zero: none allowed. */
export interface UserLimits {
  readonly maxConnections?: number
  readonly maxChannels?: number
}

export interface User {
  readonly name: string
  /** Base64; '' for a user that cannot log in by password. */
  readonly passwordHash: string
  readonly hashingAlgorithm: HashingAlgorithm
  readonly tags: readonly string[]
  readonly limits: UserLimits
}

/** A user as definitions and the HTTP API show it. */
export interface UserJson {
  readonly name: string
  readonly password_hash: string
  readonly hashing_algorithm: HashingAlgorithm
  readonly tags: readonly string[]
  readonly limits: { readonly 'max-connections'?: number; readonly 'max-channels'?: number }
}

/** `user` is null when it was deleted, `previous` is null when it is new. */
export interface UserChange {
  readonly name: string
  readonly user: User | null
  readonly previous: User | null
}

/** A validator of credentials does not want this password. */
export class CredentialRefusedError extends BrokerError {
  constructor(reason: string) {
    super('preconditionFailed', reason)
    this.name = 'CredentialRefusedError'
  }
}

export interface UsersOptions {
  readonly passwords: Passwords
  /** Users that may connect from this machine only. */
  readonly loopbackUsers?: readonly string[]
}

/** The users of the internal back end. */
export class Users {
  readonly #passwords: Passwords
  readonly #loopbackUsers: ReadonlySet<string>
  readonly #users = new Map<string, User>()
  #listener: ((change: UserChange) => void) | null = null

  constructor({ passwords, loopbackUsers = ['guest'] }: UsersOptions) {
    this.#passwords = passwords
    this.#loopbackUsers = new Set(loopbackUsers)
  }

  /** Called after each change. One listener: the broker. */
  onChange(listener: (change: UserChange) => void): void {
    this.#listener = listener
  }

  /** Adds or replaces a user. */
  put(user: User): void {
    const previous = this.#users.get(user.name) ?? null
    this.#users.set(user.name, user)
    this.#listener?.({ name: user.name, user, previous })
  }

  /** Returns whether there was such a user. */
  delete(name: string): boolean {
    const previous = this.#users.get(name)
    if (previous === undefined) return false
    this.#users.delete(name)
    this.#listener?.({ name, user: null, previous })
    return true
  }

  get(name: string): User | undefined {
    return this.#users.get(name)
  }

  list(): User[] {
    return [...this.#users.values()]
  }

  authenticate(name: string, password: string, facts: { readonly loopback: boolean }): 'ok' | 'refused' {
    return (this.passwordRefusal(name, password) ?? this.loopbackRefusal(name, facts)) === null ? 'ok' : 'refused'
  }

  /** Why a password is refused, for the log and nobody else; null when it is not. */
  passwordRefusal(name: string, password: string): string | null {
    if (password === '') {
      return `user '${name}' attempted to log in with a blank password, which is prohibited by the internal authN backend`
    }
    const user = this.#users.get(name)
    const right = user !== undefined && this.#passwords.verify(password, user.passwordHash, user.hashingAlgorithm)
    return right ? null : `user '${name}' - invalid credentials`
  }

  /** Why somebody who has logged in is refused where they are, whatever back end knows them; null when they are not. */
  loopbackRefusal(name: string, { loopback }: { readonly loopback: boolean }): string | null {
    return loopback || !this.#loopbackUsers.has(name) ? null : `user '${name}' can only connect via localhost`
  }

  /** What to tell a client that opens one more connection; null when it may. @param open connections that the user has */
  connectionRefusal(name: string, open: () => number): string | null {
    const limit = this.#users.get(name)?.limits.maxConnections ?? -1
    if (limit < 0 || open() < limit) return null
    return `connection refused for user '${name}': user connection limit (${limit}) is reached`
  }

  /** What to tell a client that opens one more channel; null when it may. @param open channels that the user has, in all */
  channelRefusal(name: string, open: () => number): string | null {
    const limit = this.#users.get(name)?.limits.maxChannels ?? -1
    if (limit < 0 || open() < limit) return null
    return `number of channels opened for user '${name}' has reached the maximum allowed user limit of ${limit}`
  }

  /**
   * Reads a user from definitions, an HTTP request or the metadata store, and does not add it. A `password` instead of a
   * `password_hash` is hashed; with neither the user cannot log in by password.
   * @param rabbitVersion `rabbit_version` of the definitions file: before 3.6 the hashing algorithm was not written down
   * @throws BrokerError preconditionFailed; CredentialRefusedError for a password that is not good enough
   */
  parse(json: unknown, rabbitVersion?: string): User {
    const fields = objectOf(json, 'user')
    const name = fields['name']
    if (typeof name !== 'string' || name === '') throw preconditionFailed('user has no name')
    const { password, password_hash: passwordHash } = fields
    if (password !== undefined && passwordHash !== undefined) {
      throw preconditionFailed(`user '${name}' has both a password and a password hash`)
    }
    if (passwordHash === undefined) this.#requireAllowed(password === undefined ? null : parsePassword(name, password))
    const hashingAlgorithm = parseAlgorithm(name, fields['hashing_algorithm'], rabbitVersion)
    return {
      name,
      passwordHash:
        password === undefined
          ? parseHash(name, passwordHash)
          : this.#passwords.hash(parsePassword(name, password), hashingAlgorithm),
      hashingAlgorithm,
      tags: parseTags(name, fields['tags']),
      limits: parseLimits(name, fields['limits']),
    }
  }

  /** What has been hashed is not looked at. */
  #requireAllowed(password: string | null): void {
    const reason = this.#passwords.refusal(password)
    if (reason !== null) throw new CredentialRefusedError(reason)
  }
}

/** The inverse of `Users.parse`. */
export function userToJson(user: User): UserJson {
  const { maxConnections, maxChannels } = user.limits
  return {
    name: user.name,
    password_hash: user.passwordHash,
    hashing_algorithm: user.hashingAlgorithm,
    tags: [...user.tags],
    limits: {
      ...(maxConnections === undefined ? {} : { 'max-connections': maxConnections }),
      ...(maxChannels === undefined ? {} : { 'max-channels': maxChannels }),
    },
  }
}

const ALGORITHMS: ReadonlySet<string> = new Set<HashingAlgorithm>([
  'rabbit_password_hashing_sha256',
  'rabbit_password_hashing_sha512',
  'rabbit_password_hashing_md5',
])

function parseAlgorithm(name: string, value: unknown, rabbitVersion = ''): HashingAlgorithm {
  if (value === undefined) {
    return /^3\.[0-5]\./.test(rabbitVersion) ? 'rabbit_password_hashing_md5' : DEFAULT_HASHING_ALGORITHM
  }
  if (typeof value === 'string' && ALGORITHMS.has(value)) return value as HashingAlgorithm
  throw preconditionFailed(`user '${name}' has an unknown hashing algorithm: ${JSON.stringify(value)}`)
}

function parseHash(name: string, value: unknown): string {
  if (value === undefined) return ''
  if (typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) return value
  throw preconditionFailed(`user '${name}' has a password hash that is not base64`)
}

function parsePassword(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw preconditionFailed(`user '${name}' has a password that is not a string`)
}

/** A list, or, as up to RabbitMQ 3.8, a string with commas. */
function parseTags(name: string, value: unknown): string[] {
  const tags: unknown = typeof value === 'string' ? value.split(',') : (value ?? [])
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) {
    throw preconditionFailed(`user '${name}' has tags that are neither a list nor a string`)
  }
  return [...new Set(tags.map((tag) => tag.trim()).filter((tag) => tag !== ''))]
}

function parseLimits(name: string, value: unknown): UserLimits {
  // An empty map may have become an empty list on its way through Erlang.
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {}
  let limits: UserLimits = {}
  for (const [key, limit] of Object.entries(objectOf(value, `limits of user '${name}'`))) {
    if (!Number.isSafeInteger(limit)) throw preconditionFailed(`limit ${key} of user '${name}' is not an integer`)
    if (key === 'max-connections') limits = { ...limits, maxConnections: limit as number }
    else if (key === 'max-channels') limits = { ...limits, maxChannels: limit as number }
    else throw preconditionFailed(`user '${name}' has an unknown limit: ${key}`)
  }
  return limits
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw preconditionFailed(`${what}: not an object`)
}
