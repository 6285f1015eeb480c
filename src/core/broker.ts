import type { MessageStore } from '../store/message-store.ts'
import type { MetadataStore } from '../store/metadata-store.ts'
import { limitLog, type Log, type LogLimiter } from '../telemetry/log.ts'
import type { Clock } from '../util/clock.ts'
import { PatternError } from '../util/pcre.ts'
import type { Turn } from '../util/turn.ts'
import { Roster } from '../util/roster.ts'
import { TurnTime } from '../util/turn-time.ts'
import { Alarms } from './alarms.ts'
import { FULL_AUTHORIZER } from './authorizer.ts'
import { BrokerCounters } from './broker-counters.ts'
import { Catalog } from './catalog.ts'
import { ClientConnection, type ConnectionFacts, type ConnectionSink } from './client-connection.ts'
import { Commits } from './commits.ts'
import { describeResource, notAllowed, notFound, notImplemented, preconditionFailed } from './errors.ts'
import { builtInExchangeTypes, ExchangeTypes } from './exchanges/index.ts'
import { connectionFacts, sessionFacts, userEvents, userFacts, vhostFacts } from './event-facts.ts'
import { BrokerEvents } from './events.ts'
import { type Identity, InternalIdentity } from './identity.ts'
import type { Interceptor } from './interceptors.ts'
import { MessageDecoder } from './message-decoder.ts'
import type { DelayLine } from './delays/delay-line.ts'
import { MessageCounters } from './message-counters.ts'
import { MessageMemory, type MemoryUser } from './message-memory.ts'
import type { Message, PropertyFormat } from './message.ts'
import {
  type DefaultVhostLimits,
  defaultVhostLimits,
  isReached,
  parseVhostLimits,
  type VhostLimits,
  vhostLimitsComponent,
} from './limits.ts'
import { Keepsakes } from './keepsakes.ts'
import { Parameters } from './parameters.ts'
import { type Permission, Permissions, type TopicPermission, vhostRefusalText } from './permissions.ts'
import { PolicySet, type PolicyScope, policyToJson } from './policy.ts'
import { builtInQueueTypes } from './queues/index.ts'
import type { QueueType } from './queues/queue-type.ts'
import type { Queue } from './queues/queue.ts'
import { Reclaimer } from './queues/reclaimer.ts'
import { recoverMessages, restoreMetadata } from './restore.ts'
import type { Session } from './session.ts'
import { type Passwords, type User, type UserChange, Users, userToJson } from './users.ts'
import { VHost, type VHostMetadata } from './vhost.ts'

/** What of the configuration the broker itself acts on. Counts are -1 for no limit. */
export interface BrokerOptions {
  readonly nodeName: string
  readonly defaultQueueType: string
  /** Time to acknowledge in ms where nothing else says so; 0 for none. */
  readonly consumerTimeoutMs: number
  /** Prefetch of new sessions; 0 for no limit. */
  readonly defaultPrefetch: number
  readonly messageBytesMax: number
  /** Memory for messages, beyond which they leave it for a store that takes them, in bytes; -1 or Infinity for no limit. */
  readonly messageMemoryBytes: number
  readonly connectionsMax: number
  readonly channelsMax: number
  readonly consumersPerSessionMax: number
  readonly vhostsMax: number
  readonly queuesMax: number
  readonly exchangesMax: number
  readonly loopbackUsers: readonly string[]
  readonly vhostLimits: readonly DefaultVhostLimits[]
}

export interface BrokerParts {
  readonly store: MessageStore
  readonly metadata: MetadataStore
  readonly clock: Clock
  readonly turn: Turn
  readonly log: Log
  /** Of the property bytes of messages that the store may have; the first one is that of the broker's own messages. */
  readonly propertyFormats: readonly PropertyFormat[]
  /** How passwords are hashed. */
  readonly passwords: Passwords
  /** Where it rolls dice: numbers from 0 to 1, 1 excluded. */
  readonly random: () => number
  /** Something was lost that must not be: the node has to stop. */
  readonly onFailure: (error: Error) => void
}

/** The whole of a node that knows no protocol: vhosts, users, permissions, policies, limits, and who is connected. */
export class Broker {
  readonly options: BrokerOptions
  readonly store: MessageStore
  /** Who waits for the store to have written something. */
  readonly commits: Commits
  readonly memory: MessageMemory
  readonly decoder: MessageDecoder
  /** Of the messages that the broker itself composes. */
  readonly propertyFormat: PropertyFormat
  readonly metadata: MetadataStore
  readonly clock: Clock
  readonly turn: Turn
  readonly turnTime: TurnTime
  /** ms since the epoch */
  readonly startedAt: number
  readonly random: () => number
  readonly log: Log
  /** For lines that a client can cause as often as it likes. */
  readonly limitedLog: LogLimiter
  readonly vhosts = new Map<string, VHost>()
  readonly users: Users
  readonly permissions = new Permissions()
  readonly policies = new PolicySet()
  readonly parameters = new Parameters([vhostLimitsComponent])
  readonly exchangeTypes = new ExchangeTypes(builtInExchangeTypes)
  readonly queueTypes = new Map<string, QueueType>(builtInQueueTypes.map((type) => [type.name, type]))
  readonly alarms = new Alarms()
  /** Run over each published message, in this order. */
  readonly interceptors: Interceptor[] = []
  readonly counters = new BrokerCounters()
  readonly keepsakes: Keepsakes
  readonly events: BrokerEvents
  readonly reclaimer: Reclaimer
  readonly catalog: Catalog
  readonly connections = new Roster<ClientConnection>()
  /** Publishers that have to wait because the store does not keep up. */
  readonly heldConnections = new Set<ClientConnection>()
  readonly #trusted = new Set<ClientConnection>()
  #lastConnectionId = 0
  #lastQueueId = 0
  #commit: Promise<void> | null = null
  #loading = true
  readonly #onFailure: (error: Error) => void

  constructor(options: BrokerOptions, parts: BrokerParts) {
    this.options = options
    this.store = parts.store
    this.metadata = parts.metadata
    this.clock = parts.clock
    this.events = new BrokerEvents(() => parts.clock.now())
    this.turn = parts.turn
    this.turnTime = new TurnTime(parts.clock, parts.turn)
    this.startedAt = parts.clock.now()
    this.random = parts.random
    this.log = parts.log
    this.limitedLog = limitLog(parts.log)
    this.#onFailure = parts.onFailure
    this.users = new Users({ passwords: parts.passwords, loopbackUsers: options.loopbackUsers })
    this.reclaimer = new Reclaimer(this.turn)
    this.catalog = new Catalog(this.metadata)
    this.decoder = new MessageDecoder(parts.propertyFormats)
    this.propertyFormat = parts.propertyFormats[0]!
    this.keepsakes = new Keepsakes(this.propertyFormat)
    this.commits = new Commits(this.store)
    const relieved = (): void => this.#releasePublishers()
    this.memory = new MessageMemory(
      this.store,
      this.turn,
      options.messageMemoryBytes,
      () => this.#memoryUsers(),
      relieved,
    )
    this.store.onRelief(relieved)
    this.alarms.onChange((active) => this.#onAlarm(active))
    this.alarms.onResource((resource, low) =>
      this.events.emit(low ? 'alarm.set' : 'alarm.cleared', null, () => ({ resource, node: options.nodeName })),
    )
    this.users.onChange((change) => this.#onUser(change))
    this.permissions.onChange((change) => {
      const topic = change.kind === 'topicPermission'
      const parts = topic ? [change.vhost, change.user, change.exchange] : [change.vhost, change.user]
      this.#keep(topic ? 'topic-permission' : 'permission', parts, change.value)
      if (this.#loading) return
      const event = `${topic ? 'topic.permission' : 'permission'}.${change.value === null ? 'deleted' : 'created'}`
      this.events.emit(event, change.vhost, () => ({ user: change.user, vhost: change.vhost, ...change.value }))
    })
  }

  // ---- start ----

  /** Reads everything durable back. @returns whether there was anything: a first start has defaults to create */
  async load(): Promise<boolean> {
    const kinds = await this.catalog.load()
    restoreMetadata(this, kinds)
    this.#loading = false
    for (const vhost of this.vhosts.values()) vhost.sideLogs.deleteUnclaimed()
    await recoverMessages(this)
    return kinds.size > 0
  }

  *queues(): Generator<Queue> {
    for (const vhost of this.vhosts.values()) yield* vhost.queues.values()
  }

  *delayLines(): Generator<DelayLine> {
    for (const vhost of this.vhosts.values()) yield* vhost.delays.lines
  }

  *#memoryUsers(): Generator<MemoryUser> {
    yield* this.queues()
    yield* this.delayLines()
  }

  /** What the interceptors make of a published message. */
  intercept(message: Message): Message {
    const now = this.clock.now()
    return this.interceptors.reduce((changed, interceptor) => interceptor(changed, now), message)
  }

  // ---- durability of metadata ----

  /**
   * Closes the batch of metadata changes of this turn, if there are any, and says when it is on disk: an answer that depends on it must
   * wait. Null when nothing is to be waited for.
   */
  commitMetadata(): Promise<void> | null {
    if (this.metadata.dirty && this.#commit === null) {
      this.counters.metadataCommits++
      this.#commit = Promise.resolve().then(() => {
        this.#commit = null
        return this.metadata.commit()
      })
      this.#commit.catch((error: Error) => this.#onFailure(error))
    }
    return this.#commit
  }

  #keep(kind: string, parts: readonly string[], value: unknown): void {
    if (this.#loading) return
    if (value === null || value === undefined) this.catalog.delete(kind, parts)
    else this.catalog.put(kind, parts, value)
  }

  /**
   * What the queue with this id is called, for people: `orders in /`. Null where there is none. For what the store says of queues, which
   * it knows by their ids.
   */
  nameQueue(id: number): string | null {
    for (const vhost of this.vhosts.values()) {
      for (const queue of vhost.queues.values()) if (queue.id === id) return `${queue.name} in ${vhost.name}`
    }
    return null
  }

  /** Something durable has this id: nothing new gets it. */
  reserveQueueId(id: number): void {
    this.#lastQueueId = Math.max(this.#lastQueueId, id)
  }

  nextQueueId(): number {
    return ++this.#lastQueueId
  }

  // ---- vhosts ----

  findVhost(name: string): VHost {
    const vhost = this.vhosts.get(name)
    if (vhost === undefined) throw notFound(`vhost ${name} not found`)
    return vhost
  }

  /** Creates a vhost, or changes what is known of an existing one. @throws BrokerError preconditionFailed */
  putVhost(name: string, metadata: Partial<VHostMetadata> = {}): VHost {
    const existing = this.vhosts.get(name)
    const before = existing?.metadata ?? {
      description: '',
      tags: [],
      defaultQueueType: null,
      protectedFromDeletion: false,
    }
    const merged = { ...before, ...metadata }
    if (existing === undefined && isReached(this.options.vhostsMax, this.vhosts.size)) {
      throw preconditionFailed(`cannot create vhost '${name}': vhost limit of ${this.options.vhostsMax} is reached`)
    }
    this.#keep('vhost', [name], merged)
    if (existing !== undefined) {
      existing.metadata = merged
      return existing
    }
    const vhost = new VHost(this, name, merged)
    this.vhosts.set(name, vhost)
    this.events.emit('vhost.created', name, () => ({ name, ...vhostFacts(merged) }))
    this.#giveDefaultLimits(name)
    return vhost
  }

  #giveDefaultLimits(vhost: string): void {
    const { maxConnections, maxQueues } = defaultVhostLimits(this.options.vhostLimits, vhost)
    const limits: Record<string, number> = {}
    if (maxConnections >= 0) limits['max-connections'] = maxConnections
    if (maxQueues >= 0) limits['max-queues'] = maxQueues
    if (Object.keys(limits).length > 0) this.setParameter(vhost, 'vhost-limits', 'limits', limits)
  }

  /** Closes its connections and deletes all that is in it. @throws BrokerError notFound, preconditionFailed */
  deleteVhost(name: string): void {
    const vhost = this.findVhost(name)
    if (vhost.metadata.protectedFromDeletion) {
      throw preconditionFailed(`Refusing to delete virtual host '${name}' because it is protected from deletion`)
    }
    for (const connection of [...this.connections, ...this.#trusted]) {
      if (connection.vhost === vhost) connection.forceClose(`vhost '${name}' is deleted`)
    }
    vhost.close()
    this.vhosts.delete(name)
    this.permissions.clearVhost(name)
    for (const scope of ['user', 'operator'] as const) {
      for (const policy of this.policies.list(scope, name)) this.#keep(POLICY_KINDS[scope], [name, policy.name], null)
    }
    this.policies.deleteVhost(name)
    for (const { component, name: parameter } of this.parameters.list(undefined, name)) {
      this.#keep('parameter', [component, parameter, name], null)
    }
    this.parameters.deleteVhost(name)
    this.#keep('vhost', [name], null)
    this.events.emit('vhost.deleted', name, () => ({ name }))
  }

  limitsOf(vhost: string): VhostLimits {
    return parseVhostLimits(this.parameters.get(vhost, 'vhost-limits', 'limits')?.value ?? {})
  }

  // ---- users, permissions, policies, parameters ----

  /** @throws BrokerError notFound, preconditionFailed */
  setPermission(permission: Permission): void {
    this.#requireUserAndVhost(permission)
    refusingPatterns(() => this.permissions.set(permission))
  }

  /** @throws BrokerError notFound, preconditionFailed */
  setTopicPermission(permission: TopicPermission): void {
    this.#requireUserAndVhost(permission)
    refusingPatterns(() => this.permissions.setTopic(permission))
  }

  #requireUserAndVhost({ user, vhost }: { readonly user: string; readonly vhost: string }): void {
    this.findVhost(vhost)
    if (this.users.get(user) === undefined) throw notFound(`user '${user}' not found`)
  }

  #onUser({ name, user, previous }: UserChange): void {
    this.#keep('user', [name], user === null ? null : userToJson(user))
    if (this.#loading) return
    if (user !== null) {
      for (const event of userEvents(user, previous)) this.events.emit(event, null, () => userFacts(event, user))
      return
    }
    this.events.emit('user.deleted', null, () => ({ name }))
    this.permissions.clearUser(name)
    for (const connection of [...this.connections]) {
      if (connection.user.name === name) connection.forceClose(`user '${name}' is deleted`)
    }
  }

  /** @param body as in a definitions file: pattern, definition, priority, apply-to @throws BrokerError */
  setPolicy(scope: PolicyScope, vhostName: string, name: string, body: unknown): void {
    const vhost = this.findVhost(vhostName)
    const policy = this.policies.set(scope, vhostName, name, body)
    this.#keep(POLICY_KINDS[scope], [vhostName, name], policyToJson(policy))
    this.events.emit('policy.set', vhostName, () => ({ scope, ...policyToJson(policy) }))
    vhost.policiesChanged()
  }

  /** @throws BrokerError notFound */
  deletePolicy(scope: PolicyScope, vhostName: string, name: string): void {
    const vhost = this.findVhost(vhostName)
    if (!this.policies.delete(scope, vhostName, name)) throw notFound(`no policy '${name}' in vhost '${vhostName}'`)
    this.#keep(POLICY_KINDS[scope], [vhostName, name], null)
    this.events.emit('policy.cleared', vhostName, () => ({ scope, name, vhost: vhostName }))
    vhost.policiesChanged()
  }

  /** @throws BrokerError */
  setParameter(vhost: string, component: string, name: string, value: unknown): void {
    this.findVhost(vhost)
    this.parameters.set(vhost, component, name, value)
    this.#keep('parameter', [component, name, vhost], value)
    const facts = { component, name, vhost }
    // values of other components hold addresses with passwords
    if (component !== 'vhost-limits') this.events.emit('parameter.set', vhost, () => facts)
    else this.events.emit('vhost.limits.set', vhost, () => ({ ...facts, ...(value as object) }))
  }

  /** @throws BrokerError */
  deleteParameter(vhost: string, component: string, name: string): void {
    if (!this.parameters.delete(vhost, component, name))
      throw notFound(`no parameter '${name}' of ${component} in vhost '${vhost}'`)
    this.#keep('parameter', [component, name, vhost], null)
    const event = component === 'vhost-limits' ? 'vhost.limits.cleared' : 'parameter.cleared'
    this.events.emit(event, vhost, () => ({ component, name, vhost }))
  }

  setGlobalParameter(name: string, value: unknown): void {
    this.parameters.setGlobal(name, value)
    this.#keep('global-parameter', [name], value)
    this.events.emit('parameter.set', null, () => ({ name }))
  }

  deleteGlobalParameter(name: string): void {
    if (!this.parameters.deleteGlobal(name)) return
    this.#keep('global-parameter', [name], null)
    this.events.emit('parameter.cleared', null, () => ({ name }))
  }

  // ---- connections ----

  /**
   * Opens a vhost for an authenticated client. The order of the checks is RabbitMQ's.
   * @throws BrokerError notAllowed; UndecidedError
   */
  openConnection(
    identity: Identity,
    vhostName: string,
    facts: ConnectionFacts,
    sink: ConnectionSink,
  ): ClientConnection {
    const { connectionsMax } = this.options
    if (isReached(connectionsMax, this.connections.size)) {
      throw notAllowed(`connection refused: node connection limit (${connectionsMax}) is reached`)
    }
    const vhost = this.vhosts.get(vhostName)
    const { name } = identity
    if (vhost === undefined) throw notAllowed(`vhost ${vhostName} not found`)
    const { maxConnections } = this.limitsOf(vhostName)
    if (isReached(maxConnections, vhost.connections)) {
      throw notAllowed(`${vhostRefusalText(vhostName, name)}: connection limit (${maxConnections}) is reached`)
    }
    const overLimit = this.users.connectionRefusal(name, () => this.#countOf(name, () => 1))
    if (overLimit !== null) throw notAllowed(overLimit)
    identity.authorizer.requireVhost(vhostName)
    const connection = new ClientConnection(++this.#lastConnectionId, vhost, identity, facts, sink)
    this.connections.add(connection.id, connection)
    vhost.connections++
    this.counters.connectionsOpened++
    this.events.emit('connection.created', vhostName, () => connectionFacts(connection))
    return connection
  }

  /**
   * Opens a vhost for the program that the broker runs in: it may do everything, and is no client where clients are counted or closed.
   * @throws BrokerError notFound
   */
  openTrusted(vhostName: string, facts: ConnectionFacts, sink: ConnectionSink): ClientConnection {
    const id = ++this.#lastConnectionId
    const connection = new ClientConnection(id, this.findVhost(vhostName), TRUSTED, facts, sink)
    this.#trusted.add(connection)
    return connection
  }

  /** One of the broker's own users, as when it has logged in. One that is no more has no tags. */
  identityOf({ name }: Pick<User, 'name'>): Identity {
    return new InternalIdentity(name, () => this.users.get(name)?.tags ?? [], this.permissions)
  }

  forgetConnection(connection: ClientConnection): void {
    this.#trusted.delete(connection)
    if (!this.connections.delete(connection.id)) return
    connection.vhost.connectionGone(connection)
    this.counters.connectionsClosed++
    this.events.emit('connection.closed', connection.vhost.name, () => connectionFacts(connection))
  }

  /**
   * Acts for a user who is no client of the network: with the user's permissions, and neither listed nor counted.
   * @throws BrokerError notFound
   */
  openInProcess(identity: Identity, vhostName: string, facts: ConnectionFacts, sink: ConnectionSink): ClientConnection {
    const connection = new ClientConnection(++this.#lastConnectionId, this.findVhost(vhostName), identity, facts, sink)
    this.#trusted.add(connection)
    return connection
  }

  sessionOpened(session: Session): void {
    if (!this.#isChannel(session)) return
    this.counters.sessionsOpened++
    this.events.emit('channel.created', session.vhost.name, () => sessionFacts(session))
  }

  sessionClosed(session: Session): void {
    this.keepsakes.keepSession(session)
    this.counters.sessionEnded(session)
    session.vhost.pastMessages.add(session.counters)
    if (!this.#isChannel(session)) return
    this.counters.sessionsClosed++
    this.events.emit('channel.closed', session.vhost.name, () => sessionFacts(session))
  }

  #isChannel({ connection }: Session): boolean {
    return connection.facts.hasChannels !== false && this.connections.has(connection.id)
  }

  /** All that are open, those of the program and of users who are no clients among them. */
  *sessions(): Generator<Session> {
    for (const connections of [this.connections, this.#trusted]) for (const { sessions } of connections) yield* sessions
  }

  /** What has happened to messages since the broker was started. */
  messageCounters(): MessageCounters {
    const sum = new MessageCounters()
    sum.add(this.counters.pastMessages)
    for (const session of this.sessions()) sum.add(session.counters)
    return sum
  }

  #countOf(user: string, weigh: (connection: ClientConnection) => number): number {
    let sum = 0
    for (const connection of this.connections) if (connection.user.name === user) sum += weigh(connection)
    return sum
  }

  /** @throws BrokerError notAllowed */
  requireSessionRoom(connection: ClientConnection): void {
    const { channelsMax, nodeName } = this.options
    if (channelsMax >= 0) {
      let open = 0
      for (const other of this.connections) open += other.channels.size
      if (open >= channelsMax) {
        const limit = `has reached the maximum allowed limit of ${channelsMax}`
        throw notAllowed(`number of channels opened on node '${nodeName}' ${limit}`)
      }
    }
    const { name } = connection.user
    const overLimit = this.users.channelRefusal(name, () => this.#countOf(name, (other) => other.channels.size))
    if (overLimit !== null) throw notAllowed(overLimit)
  }

  // ---- what sessions ask before they create something ----

  /** @throws BrokerError notAllowed */
  requireConsumerRoom(session: Session): void {
    const max = this.options.consumersPerSessionMax
    if (isReached(max, session.consumers.size)) throw notAllowed(`reached maximum (${max}) of consumers per channel`)
  }

  /** @throws BrokerError preconditionFailed */
  requireExchangeType(type: string): void {
    if (this.exchangeTypes.get(type) === undefined) throw preconditionFailed(`unknown exchange type '${type}'`)
  }

  /** @throws BrokerError preconditionFailed */
  requireExchangeRoom(vhost: VHost, name: string): void {
    const max = this.options.exchangesMax
    if (
      !isReached(
        max,
        this.#sum((other) => other.exchanges.size),
      )
    )
      return
    const resource = describeResource('exchange', name, vhost.name)
    throw preconditionFailed(`cannot declare ${resource}: exchange limit of ${max} is reached`)
  }

  /** Whether clients may ask for queues of this type, besides RabbitMQ's: those of protocols are no one else's. */
  isAddedQueueType(type: string): boolean {
    const rules = this.queueTypes.get(type)
    return rules !== undefined && rules.keepsNothing !== true
  }

  /** @throws BrokerError notImplemented */
  requireQueueType(type: string, name: string, vhost: string): void {
    if (this.queueTypes.has(type)) return
    throw notImplemented(
      `cannot declare ${describeResource('queue', name, vhost)}: queue type '${type}' is not implemented`,
    )
  }

  /** @throws BrokerError preconditionFailed */
  requireQueueRoom(vhost: VHost, name: string): void {
    const max = this.options.queuesMax
    if (
      isReached(
        max,
        this.#sum((other) => other.queues.size),
      )
    ) {
      throw preconditionFailed(`cannot declare queue '${name}': queue limit in cluster (${max}) is reached`)
    }
    const { maxQueues } = this.limitsOf(vhost.name)
    if (isReached(maxQueues, vhost.queues.size)) {
      throw preconditionFailed(
        `cannot declare queue '${name}': queue limit in vhost '${vhost.name}' (${maxQueues}) is reached`,
      )
    }
  }

  #sum(sizeOf: (vhost: VHost) => number): number {
    let sum = 0
    for (const vhost of this.vhosts.values()) sum += sizeOf(vhost)
    return sum
  }

  // ---- events ----

  #onAlarm(active: boolean): void {
    this.log.warn(active ? 'resource alarm: publishers are held' : 'resource alarms cleared', {
      reason: this.alarms.reason,
    })
    if (active) {
      // they publish, and would not be heard of again before the alarm is over
      for (const connection of this.heldConnections) connection.blockForAlarm(this.alarms.reason)
      return
    }
    for (const connections of [this.connections, this.#trusted])
      for (const connection of connections) connection.unblock()
  }

  /** Whether who publishes has to wait, because the store does not keep up. */
  get holdsPublishers(): boolean {
    return this.store.congested || this.memory.overfull
  }

  #releasePublishers(): void {
    if (this.holdsPublishers) return
    for (const connection of [...this.heldConnections]) connection.release()
  }

  // ---- end ----

  /** Ends queues and their timers. Connections have been closed before; metadata and messages stay as they are. */
  close(): void {
    for (const queue of this.queues()) queue.stop()
    for (const line of this.delayLines()) line.stop()
  }
}

/** A pattern that is none is the caller's mistake, told as such. */
function refusingPatterns(change: () => void): void {
  try {
    change()
  } catch (error) {
    if (error instanceof PatternError) throw preconditionFailed(`regular expression is invalid: ${error.message}`)
    throw error
  }
}

/** No name that a client could log in by, and the right to publish under any. */
const TRUSTED: Identity = {
  name: '',
  tags: ['impersonator'],
  authorizer: FULL_AUTHORIZER,
  expiresAt: null,
  renew: () => ({ outcome: 'failed', reason: 'there is no secret' }),
}

const POLICY_KINDS: Readonly<Record<PolicyScope, string>> = { user: 'policy', operator: 'operator-policy' }
