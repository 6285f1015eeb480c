import type { FastifyInstance } from 'fastify'
import type { AuthBackend } from '../auth/backend.ts'
import type { Broker } from '../core/broker.ts'
import type { Log } from '../telemetry/log.ts'
import { PluginError } from './load.ts'
import type { Plugin, PluginRegistry } from './plugin.ts'
import type { PluginProtocol } from './protocol.ts'

/** The plugins of one broker: registered, started in their order, and stopped in the opposite one. */
export class Plugins {
  /** What they add to the HTTP API. */
  readonly routes: ((app: FastifyInstance) => void)[] = []
  /** By name. */
  readonly authBackends = new Map<string, AuthBackend>()
  readonly protocols: PluginProtocol[] = []
  readonly #plugins: readonly Plugin[]
  readonly #settings: ReadonlyMap<string, string>
  readonly #started: Plugin[] = []
  readonly #listeners: (() => void)[] = []

  /** @param settings `NAME.KEY` and value @throws PluginError */
  constructor(plugins: readonly Plugin[], settings: ReadonlyMap<string, string>) {
    this.#plugins = plugins
    this.#settings = settings
    const names = new Set(plugins.map(({ name }) => name))
    if (names.size < plugins.length) throw new PluginError('two plugins have the same name')
    for (const key of settings.keys()) {
      if (!names.has(key.split('.', 1)[0]!)) throw new PluginError(`plugin.${key}: there is no such plugin`)
    }
  }

  /** In the order in which they start. */
  get names(): readonly string[] {
    return this.#plugins.map(({ name }) => name)
  }

  /** @throws PluginError */
  register(broker: Broker): void {
    for (const plugin of this.#plugins) {
      try {
        plugin.register?.(this.#registryOf(broker))
      } catch (error) {
        throw new PluginError(`plugin '${plugin.name}' cannot be registered: ${(error as Error).message}`, error)
      }
    }
  }

  #registryOf(broker: Broker): PluginRegistry {
    return {
      exchangeType: (type) => broker.exchangeTypes.register(type),
      queueType: (type) => {
        if (broker.queueTypes.has(type.name)) throw new Error(`queue type '${type.name}' is registered already`)
        broker.queueTypes.set(type.name, type)
      },
      interceptor: (interceptor) => void broker.interceptors.push(interceptor),
      parameterComponent: (component) => broker.parameters.register(component),
      authBackend: (backend) => this.#addBackend(backend),
      protocol: (protocol) => this.#addProtocol(protocol),
      routes: (add) => void this.routes.push(add),
    }
  }

  #addBackend(backend: AuthBackend): void {
    const { name } = backend
    if (!/^[\w-]+$/.test(name)) throw new Error(`'${name}' cannot be the name of a back end`)
    if (this.authBackends.has(name)) throw new Error(`back end '${name}' is registered already`)
    this.authBackends.set(name, backend)
  }

  #addProtocol(protocol: PluginProtocol): void {
    const { name } = protocol
    if (!/^[a-z][a-z\d+.-]*$/i.test(name)) throw new Error(`'${name}' cannot be the name of a protocol`)
    if (this.protocols.some((other) => other.name === name)) throw new Error(`protocol '${name}' is registered already`)
    this.protocols.push(protocol)
  }

  /** @throws PluginError; those that run already are stopped then */
  async start(broker: Broker, log: Log): Promise<void> {
    for (const plugin of this.#plugins) {
      try {
        await plugin.start?.({
          broker,
          log: log.child({ plugin: plugin.name }),
          settings: this.#settingsOf(plugin),
          onEvent: (listener) => void this.#listeners.push(broker.events.listen(listener)),
        })
      } catch (error) {
        await this.stop(log)
        throw new PluginError(`plugin '${plugin.name}' cannot be started: ${(error as Error).message}`, error)
      }
      this.#started.push(plugin)
      log.debug('plugin started', { plugin: plugin.name })
    }
  }

  #settingsOf({ name }: Plugin): ReadonlyMap<string, string> {
    const own = [...this.#settings].filter(([key]) => key.startsWith(`${name}.`))
    return new Map(own.map(([key, value]) => [key.slice(name.length + 1), value]))
  }

  /** One that fails to stop does not keep the others from it. */
  async stop(log: Log): Promise<void> {
    for (const end of this.#listeners.splice(0)) end()
    for (const plugin of this.#started.splice(0).toReversed()) {
      try {
        await plugin.stop?.()
      } catch (err) {
        log.error('a plugin failed to stop', { plugin: plugin.name, err })
      }
    }
  }
}
