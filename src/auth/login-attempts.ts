export interface AttemptCounts {
  readonly protocol: string
  readonly succeeded: number
  readonly failed: number
}

export interface SourceAttempts extends AttemptCounts {
  readonly address: string
  /** '' where the client did not get as far as a name. */
  readonly user: string
}

/** Addresses and names are the clients' choice: beyond so many, the oldest are forgotten. */
const SOURCES_MAX = 10_000
const USER_LENGTH_MAX = 255

interface Counts {
  succeeded: number
  failed: number
}

/** Logins since the start or the last reset, as `/api/auth/attempts` of the HTTP API shows them. */
export class LoginAttempts {
  readonly #tracksSources: boolean
  readonly #protocols = new Map<string, Counts>()
  readonly #sources = new Map<string, Counts & { readonly address: string; readonly user: string; protocol: string }>()

  /** @param tracksSources whether they are counted by address and user as well (`track_auth_attempt_source`) */
  constructor(tracksSources: boolean) {
    this.#tracksSources = tracksSources
  }

  count(attempt: { readonly protocol: string; readonly address: string; readonly user: string }, ok: boolean): void {
    const { protocol, address } = attempt
    let counts = this.#protocols.get(protocol)
    if (counts === undefined) this.#protocols.set(protocol, (counts = { succeeded: 0, failed: 0 }))
    add(counts, ok)
    if (!this.#tracksSources) return
    const user = attempt.user.slice(0, USER_LENGTH_MAX)
    const key = JSON.stringify([protocol, address, user])
    let source = this.#sources.get(key)
    if (source === undefined) {
      if (this.#sources.size >= SOURCES_MAX) this.#sources.delete(this.#sources.keys().next().value!)
      this.#sources.set(key, (source = { address, user, protocol, succeeded: 0, failed: 0 }))
    }
    add(source, ok)
  }

  byProtocol(): AttemptCounts[] {
    return [...this.#protocols].map(([protocol, counts]) => ({ protocol, ...counts }))
  }

  /** Empty unless sources are tracked. */
  bySource(): SourceAttempts[] {
    return [...this.#sources.values()].map((source) => ({ ...source }))
  }

  reset(): void {
    this.#protocols.clear()
  }

  resetSources(): void {
    this.#sources.clear()
  }
}

function add(counts: Counts, ok: boolean): void {
  if (ok) counts.succeeded++
  else counts.failed++
}
