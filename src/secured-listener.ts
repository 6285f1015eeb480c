import type { CertificateFacts } from './management/management-host.ts'
import type { Listener } from './net/listener.ts'
import { type TlsContext, validityProblem } from './net/tls.ts'
import type { Log } from './telemetry/log.ts'
import { wallClock } from './util/real-time.ts'

/** A listener with TLS, and the certificate that it shows. */
export class SecuredListener implements CertificateFacts {
  readonly protocol: string
  readonly #listener: Listener
  #tls: TlsContext
  /** What was said of the certificate last. */
  #said: string | null = null

  /** @param protocol as RabbitMQ names it in its list of listeners */
  constructor(protocol: string, listener: Listener, tls: TlsContext) {
    this.protocol = protocol
    this.#listener = listener
    this.#tls = tls
  }

  get port(): number {
    return this.#listener.port
  }

  get tls(): TlsContext {
    return this.#tls
  }

  get validTo(): number {
    return this.#tls.validTo
  }

  /** For who connects from now on. */
  renew(tls: TlsContext): void {
    this.#tls = tls
    this.#said = null
    this.#listener.renewTls(tls)
  }

  /** Logs that the certificate is not valid, or will not be for long: once. */
  warn(log: Log): void {
    const { settings, validFrom, validTo } = this.#tls
    const problem = validityProblem(this.#tls, wallClock())
    if (problem === null || problem === this.#said) return
    this.#said = problem
    const [from, to] = [validFrom, validTo].map((time) => new Date(time).toISOString())
    log.warn(problem, { file: settings.certFile, from, to, listener: this.protocol, port: this.port })
  }
}
