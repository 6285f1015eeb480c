import type { Session } from '../../core/session.ts'
import type { MqttContext } from './context.ts'
import { PacketIds } from './packet-ids.ts'
import { qos0QueueType } from './qos0-queue-type.ts'
import { lastingArguments, qos0QueueOf, qos1QueueOf, withExpiry } from './session-queues.ts'

/**
 * What a client has besides its connection: two queues, bindings, packet ids. If it is to outlast the connection, the queues are durable and
 * expire without use; else they are the connection's own.
 */
export class SessionState {
  readonly clientId: string
  readonly qos0Queue: string
  readonly qos1Queue: string
  readonly packetIds: PacketIds
  /** Whether there was anything to go on with. */
  readonly resumed: boolean
  /** Whether its queues are durable. */
  readonly isDurable: boolean
  /** Seconds for which it outlasts its connection: 0 for not at all, Infinity for ever. */
  #expirySec: number
  readonly #session: Session
  readonly #context: MqttContext
  readonly #declared = new Set<string>()

  /**
   * Goes on with what the client left, or with `clean` begins anew.
   * @throws BrokerError accessRefused; UndecidedError
   */
  constructor(
    session: Session,
    context: MqttContext,
    clientId: string,
    options: { clean: boolean; expirySec: number },
  ) {
    this.#session = session
    this.#context = context
    this.clientId = clientId
    this.qos0Queue = qos0QueueOf(clientId)
    this.qos1Queue = qos1QueueOf(clientId)
    this.#expirySec = options.expirySec
    const { vhost } = session
    const existing = [this.qos0Queue, this.qos1Queue].filter((name) => vhost.queues.has(name))
    if (options.clean) for (const name of existing) session.topology.deleteQueue(name, false, false)
    this.resumed = !options.clean && existing.length > 0
    this.isDurable = this.resumed || options.expirySec > 0
    this.packetIds = this.isDurable ? context.packetIds.of(vhost, clientId) : new PacketIds()
    if (this.resumed) for (const name of existing) this.#resume(name)
  }

  get expirySec(): number {
    return this.#expirySec
  }

  #resume(name: string): void {
    const queue = this.#session.topology.usable(name)
    const args = withExpiry(queue.arguments, this.#expirySec)
    if (String(args.get('x-expires')?.value) !== String(queue.arguments.get('x-expires')?.value)) {
      this.#session.vhost.changeArguments(queue, args)
    }
    this.#declared.add(name)
  }

  /** The queues that are there. */
  get queues(): Iterable<string> {
    return this.#declared
  }

  /** The queue for a QoS, which is made when it is first needed. @throws BrokerError; UndecidedError */
  queue(qos: number): string {
    const name = qos === 0 ? this.qos0Queue : this.qos1Queue
    if (this.#declared.has(name)) return name
    const { durableQueueType } = this.#context.settings
    const type = this.isDurable ? durableQueueType : 'classic'
    const expirySec = this.isDurable ? this.#expirySec : Infinity
    const args = lastingArguments(type, expirySec)
    if (qos === 0) args.delete('x-queue-type')
    this.#session.topology.declareQueue({
      name,
      passive: false,
      durable: this.isDurable,
      exclusive: !this.isDurable,
      autoDelete: false,
      arguments: args,
      ...(qos === 0 ? { type: qos0QueueType.name } : {}),
    })
    this.#declared.add(name)
    return name
  }

  /** The client has changed its mind. */
  expireIn(expirySec: number): void {
    this.#expirySec = expirySec
    if (this.isDurable) for (const name of this.#declared) this.#resume(name)
  }

  // ---- packet ids of QoS 2 ----

  /** To be called within the transaction in which the message gets on; the session's queue is there, see `Subscriptions.prepareToKeep`. */
  keep(state: 'received' | 'released', packetId: number): void {
    if (this.isDurable) this.#context.packetIds.add(this.#session.vhost, this.clientId, state, packetId)
    else this.packetIds[state].set(packetId, 0)
  }

  /** @returns the position in the log from which on it does not come back */
  drop(state: 'received' | 'released', packetId: number): number {
    if (this.isDurable) return this.#context.packetIds.remove(this.#session.vhost, this.clientId, state, packetId)
    this.packetIds[state].delete(packetId)
    return 0
  }

  /** The connection is over: what was not to outlast it goes. */
  connectionEnded(): void {
    if (!this.isDurable) return
    const { vhost } = this.#session
    if (this.packetIds.isEmpty(vhost.broker.commits.committed)) this.#context.packetIds.forget(vhost, this.clientId)
    if (this.#expirySec > 0) return
    for (const name of [this.qos0Queue, this.qos1Queue]) {
      const queue = vhost.queues.get(name)
      if (queue !== undefined) vhost.deleteQueue(queue)
    }
    this.#context.packetIds.forget(vhost, this.clientId)
  }
}
