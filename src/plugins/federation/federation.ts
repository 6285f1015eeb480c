import { withoutCredentials } from '../../amqp-client/index.ts'
import type { BrokerEvent } from '../../core/events.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Binding } from '../../core/exchanges/exchange-type.ts'
import type { FederationControl, FederationLinkStatus } from '../../core/links.ts'
import type { PolicyValue } from '../../core/policy-keys.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { LinkHost } from '../links/link-host.ts'
import { FederationLink, keyOf } from './federation-link.ts'
import type { LinkSpec } from './link-work.ts'
import { federates, UPSTREAM, UPSTREAM_SET, type Upstream, upstreamsOf } from './upstream.ts'
import { queueMicrotask } from '../../util/real-time.ts'

type Kind = 'exchange' | 'queue'

const FOLLOWED = [
  'binding.created',
  'binding.deleted',
  'exchange.created',
  'exchange.deleted',
  'queue.created',
  'queue.changed',
  'queue.deleted',
  'parameter.set',
  'parameter.cleared',
  'policy.set',
  'policy.cleared',
  'vhost.deleted',
]

/** Of queues and exchanges that links make: those are not federated in turn. */
const INTERNAL_PURPOSE = 'x-internal-purpose'

/**
 * The links of all federated exchanges and queues: one for each upstream of each of them. Policies and parameters say which there are to be;
 * what changes is looked at again when the call that changed it is over.
 */
export class Federation implements FederationControl {
  readonly #host: LinkHost
  /** By what is federated, then by their own keys. */
  readonly #links = new Map<string, Map<string, FederationLink>>()
  /** Links that are on their way out, by their keys: another one of the same key has to wait. */
  readonly #ending = new Map<string, Promise<void>>()
  readonly #dirtyVhosts = new Set<string>()
  readonly #dirtyTargets = new Set<string>()
  #looksLater = false
  #stopped = false
  #unlisten: () => void = () => {}

  constructor(host: LinkHost) {
    this.#host = host
  }

  /** Starts what policies and parameters ask for, and follows them from now on. */
  start(): void {
    const { events, vhosts } = this.#host.broker
    this.#unlisten = events.listen((event) => this.#onEvent(event), FOLLOWED)
    for (const vhost of vhosts.keys()) this.#lookAtVhost(vhost)
  }

  list(vhost?: string): FederationLinkStatus[] {
    const all = this.#all().map((link) => link.status)
    return vhost === undefined ? all : all.filter((status) => status.vhost === vhost)
  }

  restart(vhost: string, id: string): boolean {
    const link = this.#all().find((each) => each.id === id && each.spec.vhost === vhost)
    if (link === undefined) return false
    void link.restart()
    return true
  }

  /** Ends all of them; what they have made upstream stays, and gathers messages. Resolves when nothing of them is left. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#unlisten()
    for (const links of this.#links.values()) for (const link of links.values()) this.#end(link, false)
    this.#links.clear()
    await Promise.all(this.#ending.values())
  }

  #all(): FederationLink[] {
    return [...this.#links.values()].flatMap((links) => [...links.values()])
  }

  // ---- what changes ----

  #onEvent({ name: event, vhost, facts, subject }: BrokerEvent): void {
    switch (event) {
      case 'binding.created':
      case 'binding.deleted':
        this.#onBinding(vhost!, subject as Binding, event === 'binding.created')
        return
      case 'exchange.created':
      case 'exchange.deleted':
        this.#onTarget(targetKey(vhost!, 'exchange', facts['name'] as string), subject as Exchange)
        return
      case 'queue.created':
      case 'queue.changed':
      case 'queue.deleted':
        this.#onTarget(targetKey(vhost!, 'queue', facts['name'] as string), subject as Queue)
        return
      case 'parameter.set':
      case 'parameter.cleared':
        if (facts['component'] !== UPSTREAM && facts['component'] !== UPSTREAM_SET) return
        this.#markVhost(vhost!)
        return
      case 'policy.set':
      case 'policy.cleared':
      case 'vhost.deleted':
        this.#markVhost(vhost!)
    }
  }

  #onBinding(vhost: string, binding: Binding, added: boolean): void {
    const links = this.#links.get(targetKey(vhost, 'exchange', binding.source))
    if (links !== undefined) for (const link of links.values()) link.onBinding(binding, added)
  }

  #onTarget(key: string, target: Exchange | Queue): void {
    if (!this.#links.has(key) && !isFederated(target)) return
    this.#dirtyTargets.add(key)
    this.#lookLater()
  }

  #markVhost(vhost: string): void {
    this.#dirtyVhosts.add(vhost)
    this.#lookLater()
  }

  /** Events come in the middle of a change. */
  #lookLater(): void {
    if (this.#looksLater) return
    this.#looksLater = true
    queueMicrotask(() => {
      this.#looksLater = false
      if (this.#stopped) return
      const [vhosts, targets] = [[...this.#dirtyVhosts], [...this.#dirtyTargets]]
      this.#dirtyVhosts.clear()
      this.#dirtyTargets.clear()
      for (const vhost of vhosts) this.#lookAtVhost(vhost)
      for (const target of targets) this.#lookAt(target)
    })
  }

  #lookAtVhost(name: string): void {
    const vhost = this.#host.broker.vhosts.get(name)
    const targets = new Set([...this.#links.keys()].filter((key) => parseTarget(key)[0] === name))
    for (const exchange of vhost?.exchanges.values() ?? [])
      if (isFederated(exchange)) targets.add(targetKey(name, 'exchange', exchange.name))
    for (const queue of vhost?.queues.values() ?? [])
      if (isFederated(queue)) targets.add(targetKey(name, 'queue', queue.name))
    for (const target of targets) this.#lookAt(target)
  }

  // ---- links ----

  /** Ends the links that are not to be any more, and starts those that are to be. */
  #lookAt(key: string): void {
    const wanted = new Map(this.#specsOf(key).map((spec) => [keyOf(spec), spec]))
    const links = this.#links.get(key) ?? new Map<string, FederationLink>()
    for (const [linkKey, link] of links) {
      const spec = wanted.get(linkKey)
      if (spec !== undefined && isSame(link.spec, spec)) {
        wanted.delete(linkKey)
        continue
      }
      links.delete(linkKey)
      this.#end(link, spec === undefined || needsOthers(link.spec, spec))
    }
    for (const [linkKey, spec] of wanted) links.set(linkKey, this.#begin(linkKey, spec))
    if (links.size > 0) this.#links.set(key, links)
    else this.#links.delete(key)
  }

  #specsOf(key: string): LinkSpec[] {
    const { broker } = this.#host
    const [vhost, kind, name] = parseTarget(key)
    const found = broker.vhosts.get(vhost)
    const target = kind === 'exchange' ? found?.exchanges.get(name) : found?.queues.get(name)
    if (target === undefined || !canBeFederated(target) || target.policy === null) return []
    const { definition, name: policy } = target.policy
    const upstreams = upstreamsOf(broker, vhost, name, definition)
    return upstreams.map((upstream) => ({ vhost, target, upstream, policy }))
  }

  #begin(key: string, spec: LinkSpec): FederationLink {
    const link: FederationLink = new FederationLink({
      host: this.#host,
      spec,
      onStatus: () => this.#emitStatus(link),
    })
    const before = this.#ending.get(key)
    if (before === undefined) link.start()
    else void before.then(() => this.#startIfCurrent(key, link))
    return link
  }

  #startIfCurrent(key: string, link: FederationLink): void {
    const { vhost, target } = link.spec
    if (this.#links.get(targetKey(vhost, target.kind, target.name))?.get(key) === link) link.start()
  }

  #end(link: FederationLink, removed: boolean): void {
    const key = keyOf(link.spec)
    const before = this.#ending.get(key) ?? Promise.resolve()
    const ending = Promise.all([before, link.stop(removed)]).then(() => {
      if (this.#ending.get(key) === ending) this.#ending.delete(key)
    })
    this.#ending.set(key, ending)
    const { node: _node, timestamp: _timestamp, status: _status, error: _error, ...identity } = link.status
    this.#host.broker.events.emit('federation.link.removed', link.spec.vhost, () => identity)
  }

  #emitStatus(link: FederationLink): void {
    this.#host.broker.events.emit('federation.link.status', link.spec.vhost, () => ({ ...link.status }))
  }
}

const NO_DEFINITION: ReadonlyMap<string, PolicyValue> = new Map()

/** Most are not, and cost no more than this. */
const isFederated = (target: Exchange | Queue): boolean => federates(target.policy?.definition ?? NO_DEFINITION)

const targetKey = (vhost: string, kind: Kind, name: string): string => JSON.stringify([vhost, kind, name])
const parseTarget = (key: string): [vhost: string, kind: Kind, name: string] =>
  JSON.parse(key) as [string, Kind, string]

/** An exclusive queue is its connection's own, and what it is called means nothing upstream. */
function canBeFederated(target: Exchange | Queue): boolean {
  if (target.arguments.has(INTERNAL_PURPOSE)) return false
  if (target.kind === 'queue') return target.owner === null
  return target.name !== '' && !target.internal
}

const isSame = (a: LinkSpec, b: LinkSpec): boolean =>
  a.target === b.target && a.policy === b.policy && JSON.stringify(a.upstream) === JSON.stringify(b.upstream)

/** Whether what the one has made upstream is of no use to the other. */
function needsOthers(a: LinkSpec, b: LinkSpec): boolean {
  const made = ({ uris, expiresMs, messageTtlMs, queueType, haPolicy }: Upstream): string =>
    JSON.stringify([uris.map(withoutCredentials), expiresMs, messageTtlMs, queueType, haPolicy])
  return a.target !== b.target || made(a.upstream) !== made(b.upstream)
}
