import { BrokerError } from '../../core/errors.ts'
import type { LogLimiter } from '../../telemetry/log.ts'

/**
 * Stands between the broker and what a plugin has registered: what that throws is logged with the plugin's name, and goes no further
 * than to whom it was for.
 */
export class PluginGuard {
  readonly plugin: string
  /** False while what is durable is read back: that was accepted once, and is not refused any more. */
  refuses = false
  readonly #log: LogLimiter

  constructor(plugin: string, log: LogLimiter) {
    this.plugin = plugin
    this.#log = log
  }

  /** @param what of the plugin has failed, for the log */
  report(what: string, err: unknown): void {
    this.#log.error(`plugin ${this.plugin} ${what}`, 'a plugin failed', { plugin: this.plugin, in: what, err })
  }

  /** Logs a mistake of the plugin, and says what the client is told of it. */
  fault(what: string, err: unknown): BrokerError {
    this.report(what, err)
    return new BrokerError('internalError', `plugin '${this.plugin}' failed in ${what}`)
  }

  /** A refusal of the plugin passes. @throws BrokerError */
  run<T>(what: string, call: () => T): T {
    try {
      return call()
    } catch (error) {
      throw error instanceof BrokerError ? error : this.fault(what, error)
    }
  }

  /** As `run`, but nothing is refused while what is durable is read back. @throws BrokerError */
  check(what: string, call: () => void): void {
    if (this.refuses) this.run(what, call)
    else this.quietly(what, call)
  }

  /** For what happens whether the plugin likes it or not. */
  quietly(what: string, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.report(what, error)
    }
  }
}

/** Of what a plugin hands over. @throws TypeError which says what is missing */
export function requireFunctions(what: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${what} has to be an object`)
  for (const name of names) {
    if (typeof (given as Record<string, unknown>)[name] !== 'function') {
      throw new TypeError(`${what} has no function ${name}()`)
    }
  }
}

/** @throws TypeError where it is no text, or an empty one */
export function requireName(what: string, given: unknown): void {
  const name = (given as { name?: unknown } | null | undefined)?.name
  if (typeof name !== 'string' || name === '') throw new TypeError(`${what} has no name`)
}
