import type { TestContext } from 'node:test'
import type { Channel } from '../../src/amqp-client/index.ts'
import type { Broker } from '../../src/core/broker.ts'
import { type Field, stringOf, type Table } from '../../src/core/fields.ts'
import { fieldToJson, type Json } from '../../src/core/fields-json.ts'
import type { FederationLinkStatus } from '../../src/core/links.ts'
import type { RunningServer } from '../../src/server.ts'
import type { Clock } from '../../src/util/clock.ts'
import { clientOf, eventually, startBrokerFor } from './support.ts'

export interface Node {
  readonly name: string
  readonly server: RunningServer
  readonly broker: Broker
  readonly url: string
  readonly channel: Channel
}

/** A broker with a cluster name of its own, by which loops are told. */
export async function startNode(
  t: TestContext,
  name: string,
  options: { readonly clock?: Clock; readonly networkClock?: Clock; readonly dataDir?: string } = {},
): Promise<Node> {
  const { server, url } = await startBrokerFor(t, { flags: ['--cluster-name', name], ...options })
  const { channel } = await clientOf(t, url)
  return { name, server, broker: server.broker, url, channel }
}

/** Makes `upstream` an upstream of `node`, by its name, for what begins with `fed`. */
export function federate(
  node: Node,
  upstream: { readonly name: string; readonly url: string },
  more: Record<string, unknown> = {},
  definition: Record<string, string> = { 'federation-upstream': upstream.name },
): void {
  node.broker.setParameter('/', 'federation-upstream', upstream.name, {
    uri: upstream.url,
    'reconnect-delay': 0.05,
    ...more,
  })
  node.broker.setPolicy('user', '/', 'fed', { pattern: '^fed', definition })
}

export const linksOf = ({ server }: Node): FederationLinkStatus[] => server.links.federation.list()

/** Waits until there are so many links, all of them running. */
export const linked = (node: Node, count = 1): Promise<FederationLinkStatus[]> =>
  eventually(() => {
    const links = linksOf(node)
    return links.length === count && links.every(({ status }) => status === 'running') ? links : undefined
  })

/** Keys of the bindings from an exchange to internal exchanges of links, in order. */
export function propagated({ broker }: Node, exchange: string): string[] {
  const bindings = broker.findVhost('/').exchanges.get(exchange)?.bindings.values() ?? []
  return [...bindings]
    .filter(({ destination }) => destination.name.startsWith('federation: '))
    .map(({ key }) => key)
    .toSorted()
}

export const namesOf = (names: Iterable<string>): string[] =>
  [...names].filter((name) => name.startsWith('federation: ')).toSorted()

/** The way of a message, the last broker first, in JSON. */
export const wayOf = (headers: Table | null): Json => fieldToJson(headers!.get('x-received-from') as Field)

export const text = (headers: Table | null, name: string): string | null => stringOf(headers!.get(name))
