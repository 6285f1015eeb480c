import { currentDigest, loadTls, type TlsContext } from './net/tls.ts'
import type { SecuredListener } from './secured-listener.ts'
import type { Log } from './telemetry/log.ts'
import type { Clock, Timer, TimerTarget } from './util/clock.ts'

/** How often the files are looked at. RabbitMQ reads them again after two minutes at most. */
const EVERY_MS = 60_000

/**
 * Has listeners go by the files of their certificates: what is renewed there is shown to those who connect afterwards. What cannot be
 * used, as between the writing of a certificate and that of its key, is logged, and the one before stays.
 */
export class CertificateRenewal implements TimerTarget {
  readonly #listeners: readonly SecuredListener[]
  readonly #clock: Clock
  readonly #log: Log
  /** Why a context could not be renewed, as logged last. */
  readonly #failures = new Map<TlsContext, string>()
  #timer: Timer | null = null
  #checking: Promise<void> | null = null
  #isClosed = false

  /** Looks for the first time in a minute; never where no listener has TLS. */
  constructor(listeners: readonly SecuredListener[], clock: Clock, log: Log) {
    this.#listeners = listeners
    this.#clock = clock
    this.#log = log
    this.#schedule()
  }

  onTimer(): void {
    void this.check()
  }

  /** Looks at once. Resolves when listeners show what is in the files. */
  async check(): Promise<void> {
    // what was read by a look that is under way may be older than the files are now
    while (this.#checking !== null) await this.#checking
    if (this.#isClosed) return
    this.#checking = this.#checkAll().finally(() => {
      this.#checking = null
      this.#schedule()
    })
    await this.#checking
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    this.#timer?.cancel()
    if (this.#listeners.length > 0 && !this.#isClosed) this.#timer = this.#clock.schedule(EVERY_MS, this)
  }

  async #checkAll(): Promise<void> {
    for (const [context, listeners] of Map.groupBy(this.#listeners, ({ tls }) => tls)) {
      try {
        const renewed = await this.#read(context)
        this.#failures.delete(context)
        if (renewed !== null) this.#renew(renewed, listeners)
      } catch (error) {
        this.#report(context, (error as Error).message)
      }
    }
    for (const listener of this.#listeners) listener.warn(this.#log)
  }

  /** Null where the files are as they were. */
  async #read({ settings, keys, digest }: TlsContext): Promise<TlsContext | null> {
    return (await currentDigest(settings)) === digest ? null : loadTls(settings, keys)
  }

  #renew(context: TlsContext, listeners: readonly SecuredListener[]): void {
    for (const listener of listeners) listener.renew(context)
    const to = new Date(context.validTo).toISOString()
    const ports = listeners.map(({ port }) => port).join(', ')
    this.#log.info('certificate renewed', { file: context.settings.certFile, to, ports })
  }

  #report(context: TlsContext, reason: string): void {
    if (this.#failures.get(context) === reason) return
    this.#failures.set(context, reason)
    const { certFile: file } = context.settings
    this.#log.error('a certificate has changed and cannot be used: the one before stays', { file, reason })
  }
}
