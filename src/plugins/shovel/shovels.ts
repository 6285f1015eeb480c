import type { BrokerEvent } from '../../core/events.ts'
import type { ShovelControl, ShovelStatus } from '../../core/links.ts'
import type { ParameterComponent } from '../../core/parameters.ts'
import type { LinkHost } from '../links/link-host.ts'
import { parseDefinition } from './definition.ts'
import { shovelComponent, shovelProblem } from './parameter.ts'
import { RefusedShovel } from './refused-shovel.ts'
import { type ManagedShovel, Shovel } from './shovel.ts'

const COMPONENT = 'shovel'
/** Who deletes shovels that are done, as RabbitMQ names it. */
const ACTOR = 'rmq-shovel'
const FOLLOWED = ['parameter.set', 'parameter.cleared', 'vhost.deleted']

/** The dynamic shovels of a broker: one for each runtime parameter of the component `shovel`. */
export class Shovels implements ShovelControl {
  readonly #host: LinkHost
  readonly #component: ParameterComponent
  readonly #shovels = new Map<string, ManagedShovel>()
  /** Shovels that are on their way out. */
  readonly #ending = new Set<Promise<void>>()
  #unlisten: () => void = () => {}
  #stopped = false

  constructor(host: LinkHost) {
    this.#host = host
    this.#component = shovelComponent(host.broker)
  }

  /** Starts those that there are, and follows the parameters from now on. */
  start(): void {
    const { events, parameters } = this.#host.broker
    this.#unlisten = events.listen((event) => this.#onEvent(event), FOLLOWED)
    for (const { vhost, name } of parameters.list(COMPONENT)) this.#set(vhost, name)
  }

  list(vhost?: string): ShovelStatus[] {
    const all = [...this.#shovels.values()].map((shovel) => shovel.status)
    return vhost === undefined ? all : all.filter((status) => status.vhost === vhost)
  }

  restart(vhost: string, name: string): boolean {
    const shovel = this.#shovels.get(keyOf(vhost, name))
    if (shovel === undefined) return false
    this.#host.log.info('a shovel is restarted', { shovel: name, vhost })
    void shovel.restart()
    return true
  }

  /** Ends all of them; resolves when nothing of them is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unlisten()
    for (const shovel of this.#shovels.values()) this.#end(shovel)
    this.#shovels.clear()
    await Promise.all(this.#ending)
  }

  #onEvent({ name: event, vhost, facts }: BrokerEvent): void {
    if (event === 'vhost.deleted') {
      for (const { vhost: of, name } of this.list(vhost!)) this.#remove(of, name)
      return
    }
    if (facts['component'] !== COMPONENT) return
    const name = facts['name'] as string
    if (event === 'parameter.set') this.#set(vhost!, name)
    else this.#remove(vhost!, name)
  }

  #set(vhost: string, name: string): void {
    const before = this.#shovels.get(keyOf(vhost, name))
    const shovel = this.#create(vhost, name)
    this.#shovels.set(keyOf(vhost, name), shovel)
    if (before === undefined) {
      shovel.start()
      return
    }
    // not both at once: what the old one holds is to be with the source again
    this.#end(before, () => {
      if (!this.#stopped && this.#shovels.get(keyOf(vhost, name)) === shovel) shovel.start()
    })
  }

  #create(vhost: string, name: string): ManagedShovel {
    const host = this.#host
    const { value } = host.broker.parameters.get(vhost, COMPONENT, name)!
    const onStatus = (): void => this.#emitStatus(shovel)
    const problem = shovelProblem(this.#component, vhost, name, value)
    const shovel: ManagedShovel =
      problem === null
        ? new Shovel({
            host,
            vhost,
            name,
            definition: parseDefinition(vhost, value as Record<string, unknown>),
            onDone: () => this.#onDone(vhost, name, shovel),
            onStatus,
          })
        : new RefusedShovel(host, vhost, name, problem, onStatus)
    return shovel
  }

  #remove(vhost: string, name: string): void {
    const shovel = this.#shovels.get(keyOf(vhost, name))
    if (shovel === undefined) return
    this.#shovels.delete(keyOf(vhost, name))
    this.#end(shovel)
    this.#host.broker.events.emit('shovel.worker.removed', vhost, () => ({ name, vhost }))
  }

  #end(shovel: ManagedShovel, then: () => void = () => {}): void {
    const ending = shovel.stop().then(() => {
      this.#ending.delete(ending)
      then()
    })
    this.#ending.add(ending)
  }

  #onDone(vhost: string, name: string, shovel: ManagedShovel): void {
    if (this.#shovels.get(keyOf(vhost, name)) !== shovel) return
    const { broker, log } = this.#host
    log.info('a shovel has moved all that it was to move, and is deleted', { shovel: name, vhost })
    broker.events.as(ACTOR, () => broker.deleteParameter(vhost, COMPONENT, name))
    void broker.commitMetadata()
  }

  #emitStatus(shovel: ManagedShovel): void {
    const { name, vhost } = shovel.status
    this.#host.broker.events.emit('shovel.worker.status', vhost, () => {
      const { state, node: _node, timestamp: _timestamp, type: _type, ...facts } = shovel.status
      return { ...facts, name, vhost, status: state }
    })
  }
}

const keyOf = (vhost: string, name: string): string => JSON.stringify([vhost, name])
