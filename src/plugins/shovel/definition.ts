import type { Table } from '../../core/fields.ts'
import { tableFromJson } from '../../core/fields-json.ts'
import type { Properties } from '../../core/message.ts'
import type { AckMode } from '../links/relay.ts'
import { urisOf } from '../links/link-host.ts'

/** `local`: this broker itself. */
export type ShovelProtocol = 'amqp091' | 'local'

/** A dynamic shovel, as its runtime parameter says. */
export interface ShovelDefinition {
  readonly source: {
    readonly protocol: ShovelProtocol
    readonly uris: readonly string[]
    /** One of queue and exchange. */
    readonly queue: string | null
    readonly queueArguments: Table
    readonly exchange: string | null
    readonly exchangeKey: string
    /** The queue has to be there: it is not declared. */
    readonly predeclared: boolean
    /** Messages that may be under way; 0 for no limit. */
    readonly prefetch: number
    readonly consumerArguments: Table
  }
  readonly destination: {
    readonly protocol: ShovelProtocol
    readonly uris: readonly string[]
    /** One of queue and exchange, or neither: then messages go to the exchange and by the key that they came with. */
    readonly queue: string | null
    readonly queueArguments: Table
    readonly exchange: string | null
    readonly exchangeKey: string | null
    readonly predeclared: boolean
    readonly addForwardHeaders: boolean
    readonly addTimestampHeader: boolean
    /** What messages get in place of their own; absent properties stay theirs. */
    readonly properties: Partial<Properties> | null
  }
  readonly ackMode: AckMode
  /** null: it is not tried again. */
  readonly reconnectDelayMs: number | null
  /** When the shovel is done and deletes itself. */
  readonly deleteAfter: 'never' | 'queue-length' | number
}

const PREFETCH = 1_000
const PREFETCH_MAX = 0xffff
const RECONNECT_DELAY_SEC = 5

/** @param value has passed the checks of `shovelComponent` */
export function parseDefinition(vhost: string, value: Readonly<Record<string, unknown>>): ShovelDefinition {
  const text = (key: string): string | null => (typeof value[key] === 'string' ? value[key] : null)
  const given = <T>(key: string, oldKey: string, absent: T): T => (value[key] ?? value[oldKey] ?? absent) as T
  const uris = (end: 'src' | 'dest'): readonly string[] => {
    const named = urisOf(value[`${end}-uri`])
    return named.length === 0 ? [`amqp:///${encodeURIComponent(vhost)}`] : named
  }
  const protocolOf = (end: 'src' | 'dest'): ShovelProtocol =>
    value[`${end}-protocol`] === 'local' ? 'local' : 'amqp091'
  const delaySec = (value['reconnect-delay'] ?? RECONNECT_DELAY_SEC) as number
  return {
    source: {
      protocol: protocolOf('src'),
      uris: uris('src'),
      queue: text('src-queue'),
      queueArguments: tableFromJson(value['src-queue-args']),
      exchange: text('src-exchange'),
      exchangeKey: text('src-exchange-key') ?? '',
      predeclared: value['src-predeclared'] === true,
      prefetch: Math.min(
        PREFETCH_MAX,
        Math.max(0, Math.trunc(given('src-prefetch-count', 'prefetch-count', PREFETCH))),
      ),
      consumerArguments: tableFromJson(value['src-consumer-args']),
    },
    destination: {
      protocol: protocolOf('dest'),
      uris: uris('dest'),
      queue: text('dest-queue'),
      queueArguments: tableFromJson(value['dest-queue-args']),
      exchange: text('dest-exchange'),
      exchangeKey: text('dest-exchange-key'),
      predeclared: value['dest-predeclared'] === true,
      addForwardHeaders: given('dest-add-forward-headers', 'add-forward-headers', false),
      addTimestampHeader: given('dest-add-timestamp-header', 'add-timestamp-header', false),
      properties: parseProperties(given<unknown>('dest-publish-properties', 'publish-properties', {})),
    },
    ackMode: (value['ack-mode'] ?? 'on-confirm') as AckMode,
    reconnectDelayMs: delaySec > 0 ? delaySec * 1_000 : null,
    deleteAfter: given('src-delete-after', 'delete-after', 'never'),
  }
}

const PROPERTIES: Readonly<Record<string, keyof Properties>> = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  delivery_mode: 'deliveryMode',
  priority: 'priority',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  timestamp: 'timestamp',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
}

function parseProperties(value: unknown): Partial<Properties> | null {
  const entries = Object.entries(value as object).filter(([key]) => key in PROPERTIES)
  if (entries.length === 0) return null
  return Object.fromEntries(entries.map(([key, item]) => [PROPERTIES[key], item])) as Partial<Properties>
}
