import type { FastifyInstance } from 'fastify'
import type { AuthBackend } from '../auth/backend.ts'
import type { Broker } from '../core/broker.ts'
import type { Log } from '../telemetry/log.ts'
import { guardInterceptor, guardListener, guardParameterComponent, guardWanted } from './guards/guarded-calls.ts'
import { GuardedBackend } from './guards/guarded-backend.ts'
import { guardExchangeType } from './guards/guarded-exchange-type.ts'
import { guardProtocol } from './guards/guarded-protocol.ts'
import { guardQueueType } from './guards/guarded-queue-type.ts'
import { PluginGuard } from './guards/plugin-guard.ts'
import { withinStopTime } from './guards/stop-time.ts'
import { PluginError } from './load.ts'
import type { Plugin, PluginRegistry } from './plugin.ts'
import type { PluginProtocol } from './protocol.ts'
import { clearTimeout, setTimeout } from '../util/real-time.ts'

/** Routes that a plugin adds to the HTTP API. */
export interface AddedRoutes {
  /** Its name. */
  readonly plugin: string
  /** @throws PluginError */
  readonly add: (app: FastifyInstance) => Promise<void>
}

/** After so long without an answer, the log says which plugin the start waits for. */
const START_SLOW_MS = 10_000

/** The plugins of one broker: registered, started in their order, and stopped in the opposite one. */
export class Plugins {
  /** What they add to the HTTP API. */
  readonly routes: AddedRoutes[] = []
  /** By name. */
  readonly authBackends = new Map<string, AuthBackend>()
  readonly protocols: PluginProtocol[] = []
  readonly #plugins: readonly Plugin[]
  readonly #settings: ReadonlyMap<string, string>
  readonly #started: Plugin[] = []
  /** By the name of the plugin. */
  readonly #guards = new Map<string, PluginGuard>()
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
      const guard = new PluginGuard(plugin.name, broker.limitedLog)
      this.#guards.set(plugin.name, guard)
      try {
        plugin.register?.(this.#registryOf(broker, guard))
      } catch (error) {
        throw new PluginError(`plugin '${plugin.name}' cannot be registered: ${messageOf(error)}`, error)
      }
    }
  }

  /** What is durable has been read back: from now on exchange types may refuse. */
  restored(): void {
    for (const guard of this.#guards.values()) guard.refuses = true
  }

  #registryOf(broker: Broker, guard: PluginGuard): PluginRegistry {
    return {
      exchangeType: (type) => broker.exchangeTypes.register(guardExchangeType(type, guard)),
      queueType: (type) => {
        const guarded = guardQueueType(type, guard)
        const { name } = type
        if (name === 'stream' || broker.queueTypes.has(name))
          throw new Error(`queue type '${name}' is registered already`)
        broker.queueTypes.set(name, guarded)
      },
      interceptor: (interceptor) => void broker.interceptors.push(guardInterceptor(interceptor, guard)),
      parameterComponent: (component) => broker.parameters.register(guardParameterComponent(component, guard)),
      authBackend: (backend) => this.#addBackend(new GuardedBackend(backend, guard)),
      protocol: (protocol) => this.#addProtocol(guardProtocol(protocol, guard)),
      routes: (add) => void this.routes.push(routesOf(guard.plugin, add)),
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
        await this.#start(plugin, broker, log)
      } catch (error) {
        await this.stop(log)
        throw new PluginError(`plugin '${plugin.name}' cannot be started: ${messageOf(error)}`, error)
      }
      this.#started.push(plugin)
      log.debug('plugin started', { plugin: plugin.name })
    }
  }

  async #start(plugin: Plugin, broker: Broker, log: Log): Promise<void> {
    const guard = this.#guards.get(plugin.name)!
    const slow = setTimeout(() => {
      log.warn('the start waits for a plugin', { plugin: plugin.name })
    }, START_SLOW_MS)
    try {
      await plugin.start?.({
        broker,
        log: log.child({ plugin: plugin.name }),
        settings: this.#settingsOf(plugin),
        onEvent: (listener, wanted) =>
          void this.#listeners.push(broker.events.listen(guardListener(listener, guard), guardWanted(wanted, guard))),
      })
    } finally {
      clearTimeout(slow)
    }
  }

  #settingsOf({ name }: Plugin): ReadonlyMap<string, string> {
    const own = [...this.#settings].filter(([key]) => key.startsWith(`${name}.`))
    return new Map(own.map(([key, value]) => [key.slice(name.length + 1), value]))
  }

  /** One that fails to stop, or does not come to an end, does not keep the others from it. */
  async stop(log: Log): Promise<void> {
    for (const end of this.#listeners.splice(0)) end()
    for (const plugin of this.#started.splice(0).toReversed()) {
      try {
        await withinStopTime(plugin.stop?.())
      } catch (err) {
        log.error('a plugin failed to stop', { plugin: plugin.name, err })
      }
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A failure says which plugin it is. */
const routesOf = (plugin: string, add: (app: FastifyInstance) => unknown): AddedRoutes => ({
  plugin,
  async add(app) {
    try {
      await add(app)
    } catch (error) {
      throw new PluginError(`plugin '${plugin}' cannot add its routes: ${messageOf(error)}`, error)
    }
  },
})
