import type { Broker } from '../../core/broker.ts'
import { isObject } from '../../core/parameter-validation.ts'
import type { PolicyValue } from '../../core/policy-keys.ts'
import { compilePcre } from '../../util/pcre.ts'
import type { AckMode } from '../links/relay.ts'
import { urisOf } from '../links/link-host.ts'

/** Where a federated exchange or queue gets messages from: an upstream, with what an upstream set says otherwise. */
export interface Upstream {
  readonly name: string
  readonly uris: readonly string[]
  /** The exchange or queue there. */
  readonly exchange: string
  readonly queue: string
  readonly consumerTag: string
  readonly prefetch: number
  /** null: it is not tried again. */
  readonly reconnectDelayMs: number | null
  /** How many brokers a message may have come through by federated exchanges. */
  readonly maxHops: number
  /** Of the queue that gathers messages upstream, in ms; null for none. */
  readonly expiresMs: number | null
  readonly messageTtlMs: number | null
  /** `classic` or `quorum`; null: what the upstream makes of it. */
  readonly queueType: string | null
  readonly haPolicy: string | null
  readonly trustUserId: boolean
  readonly ackMode: AckMode
  /** Whether the link counts as running before the upstream has taken all bindings. */
  readonly bindNoWait: boolean
  /** Whether bindings have a channel of their own. */
  readonly ownCommandChannel: boolean
  /** Whether what a link has made upstream goes when the link is removed. */
  readonly cleansUp: boolean
}

export const UPSTREAM = 'federation-upstream'
export const UPSTREAM_SET = 'federation-upstream-set'
const UPSTREAM_PATTERN = 'federation-upstream-pattern'
/** The set that is always there. */
const ALL = 'all'

const PREFETCH = 1_000
const PREFETCH_MAX = 0xffff
const RECONNECT_DELAY_SEC = 5

type Json = Readonly<Record<string, unknown>>
type Definition = ReadonlyMap<string, PolicyValue>

/** Whether a policy federates what it applies to. */
export const federates = (definition: Definition): boolean =>
  definition.has(UPSTREAM) || definition.has(UPSTREAM_SET) || definition.has(UPSTREAM_PATTERN)

/**
 * The upstreams that a policy names, as far as there are any.
 * @param name of the exchange or queue: what it is called upstream where nothing says otherwise
 */
export function upstreamsOf(broker: Broker, vhost: string, name: string, definition: Definition): Upstream[] {
  return elementsOf(broker, vhost, definition).flatMap((element) => {
    const upstream = element['upstream'] as string
    const parameter = broker.parameters.get(vhost, UPSTREAM, upstream)
    return parameter === null ? [] : [parseUpstream(upstream, element, parameter.value as Json, name)]
  })
}

function elementsOf(broker: Broker, vhost: string, definition: Definition): readonly Json[] {
  const one = definition.get(UPSTREAM)
  if (typeof one === 'string') return [{ upstream: one }]
  const set = definition.get(UPSTREAM_SET)
  if (typeof set === 'string' && set !== ALL) {
    const given = broker.parameters.get(vhost, UPSTREAM_SET, set)?.value
    return Array.isArray(given) ? (given as unknown[]).filter(isObject) : []
  }
  const pattern = definition.get(UPSTREAM_PATTERN)
  const wanted = typeof pattern === 'string' ? compilePcre(pattern) : null
  return broker.parameters
    .list(UPSTREAM, vhost)
    .filter(({ name }) => wanted === null || wanted.test(name))
    .map(({ name }) => ({ upstream: name }))
}

function parseUpstream(upstream: string, element: Json, parameter: Json, name: string): Upstream {
  const given = <T>(key: string, absent: T): T => (element[key] ?? parameter[key] ?? absent) as T
  const delaySec = given('reconnect-delay', RECONNECT_DELAY_SEC)
  return {
    name: upstream,
    uris: urisOf(given<unknown>('uri', [])),
    exchange: given('exchange', name),
    queue: given('queue', name),
    consumerTag: given('consumer-tag', `federation-link-${upstream}`),
    prefetch: Math.min(PREFETCH_MAX, Math.max(0, Math.trunc(given('prefetch-count', PREFETCH)))),
    reconnectDelayMs: delaySec > 0 ? delaySec * 1_000 : null,
    maxHops: Math.trunc(given('max-hops', 1)),
    expiresMs: given('expires', null),
    messageTtlMs: given('message-ttl', null),
    queueType: given('queue-type', null),
    haPolicy: given('ha-policy', null),
    trustUserId: given('trust-user-id', false),
    ackMode: given<AckMode>('ack-mode', 'on-confirm'),
    bindNoWait: given('bind-nowait', false),
    ownCommandChannel: given<string>('channel-use-mode', 'multiple') !== 'single',
    cleansUp: given<string>('resource-cleanup-mode', 'default') !== 'never',
  }
}
