import type { HttpApi } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { failure, refusedAs, whenMissing } from '../failures.ts'
import { atom } from '../format/cell.ts'

interface Shovel {
  readonly name: string
  readonly vhost: string
  readonly type: string
  readonly state: string
  readonly reason?: string
  readonly timestamp?: string
  readonly src_uri?: string
  readonly dest_uri?: string
  readonly [key: string]: unknown
}

/** The API writes `2026-11-26 3:25:48`. */
const lastChanged = ({ timestamp = '' }: { readonly timestamp?: string }): string =>
  timestamp.replace(/ (\d):/, ' 0$1:')

const SHOVEL_VALUES: ColumnValues<Shovel> = {
  destination: (shovel) => shovel.dest_uri,
  destination_exchange: (shovel) => shovel['dest_exchange'] as string | undefined,
  destination_exchange_key: (shovel) => shovel['dest_exchange_key'] as string | undefined,
  destination_protocol: (shovel) => shovel['dest_protocol'] as string | undefined,
  destination_queue: (shovel) => shovel['dest_queue'] as string | undefined,
  last_changed: lastChanged,
  source: (shovel) => shovel.src_uri,
  source_exchange: (shovel) => shovel['src_exchange'] as string | undefined,
  source_exchange_key: (shovel) => shovel['src_exchange_key'] as string | undefined,
  source_protocol: (shovel) => shovel['src_protocol'] as string | undefined,
  source_queue: (shovel) => shovel['src_queue'] as string | undefined,
  state: ({ state }) => atom(state),
  termination_reason: ({ reason }) => reason,
  type: ({ type }) => atom(type),
}

/** What RabbitMQ has only for a shovel that runs. Where no shovel has it, there is no column. */
const WHILE_RUNNING = [
  'destination_exchange',
  'destination_exchange_key',
  'destination_protocol',
  'destination_queue',
  'source_exchange',
  'source_exchange_key',
  'source_protocol',
  'source_queue',
]
const ALWAYS = ['destination', 'last_changed', 'name', 'source', 'state', 'termination_reason', 'type', 'vhost']

const shovelStatus: CtlCommand = {
  name: 'shovel_status',
  section: 'Shovel',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the state of every shovel',
  async run({ api, sayNode }) {
    await sayNode((node) => `Shovel status on node ${node}`)
    const shovels = await api.get<Shovel[]>('/shovels')
    const known = WHILE_RUNNING.filter((name) => shovels.some((shovel) => (SHOVEL_VALUES[name]!(shovel) ?? '') !== ''))
    const columns = [...ALWAYS, ...known].toSorted()
    return { kind: 'table', columns, rows: toRows(shovels, columns, SHOVEL_VALUES) }
  },
}

async function missingShovel(api: HttpApi, vhost: string): Promise<Error> {
  const node = await api.nodeName()
  return failure(
    `Shovel with the given name was not found on the target node '${node}' and / or virtual host '${vhost}'`,
  )
}

async function requireShovel(api: HttpApi, vhost: string, name: string): Promise<void> {
  if ((await api.find(route`/parameters/shovel/${vhost}/${name}`)) === null) throw await missingShovel(api, vhost)
}

const deleteShovel: CtlCommand = {
  name: 'delete_shovel',
  section: 'Shovel',
  tools: ['ctl'],
  summary: 'Deletes a shovel',
  takesVhost: true,
  arguments: [{ name: 'name', help: 'name of the shovel', completion: 'shovel' }],
  async run({ api, args, say, vhost }) {
    const name = args[0]!
    say(`Deleting shovel ${name} in vhost ${vhost}`)
    await requireShovel(api, vhost, name)
    await refusedAs(api.delete(route`/parameters/shovel/${vhost}/${name}`))
  },
}

const restartShovel: CtlCommand = {
  name: 'restart_shovel',
  section: 'Shovel',
  tools: ['ctl'],
  summary: 'Restarts a shovel',
  takesVhost: true,
  arguments: [{ name: 'name', help: 'name of the shovel', completion: 'shovel' }],
  async run({ api, args, say, sayNode, vhost }) {
    const name = args[0]!
    await sayNode((node) => `Restarting dynamic Shovel ${name} in virtual host ${vhost} on node ${node}`)
    await requireShovel(api, vhost, name)
    await refusedAs(api.delete(route`/shovels/vhost/${vhost}/${name}/restart`))
    say(`Successfully restarted Shovel '${name}'`)
  },
}

interface FederationLink {
  readonly id: string
  readonly node: string
  readonly vhost: string
  readonly status: string
  readonly timestamp?: string
  readonly upstream_queue?: string
  readonly upstream_exchange?: string
  readonly type?: string
  /** Of a queue's link. */
  readonly consumer_tag?: string
}

const FEDERATION_COLUMNS = [
  'error',
  'exchange',
  'id',
  'last_changed',
  'local_connection',
  'queue',
  'status',
  'type',
  'upstream',
  'upstream_exchange',
  'upstream_queue',
  'uri',
  'vhost',
]

const FEDERATION_VALUES: ColumnValues<FederationLink> = {
  ...Object.fromEntries(
    FEDERATION_COLUMNS.map((name) => [name, (link: FederationLink) => link[name as keyof FederationLink] ?? '']),
  ),
  last_changed: lastChanged,
  status: ({ status }) => atom(status),
  type: ({ type }) => atom(type),
}

const federationStatus: CtlCommand = {
  name: 'federation_status',
  section: 'Federation',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the state of every federation link',
  options: [{ flags: '--only-down', help: 'only links that do not run' }],
  async run({ api, flag, sayNode }) {
    const onlyDown = flag('only-down')
    await sayNode((node) => `Listing federation links${onlyDown ? ' which are down' : ''} on node ${node}...`)
    const links = await api.get<FederationLink[]>(onlyDown ? '/federation-links/state/down' : '/federation-links')
    const ofQueues = links.some(({ consumer_tag: tag }) => tag !== undefined)
    const columns = ofQueues ? ['consumer_tag', ...FEDERATION_COLUMNS] : FEDERATION_COLUMNS
    return { kind: 'table', shape: 'erlang_maps', columns, rows: toRows(links, columns, FEDERATION_VALUES) }
  },
}

const restartFederationLink: CtlCommand = {
  name: 'restart_federation_link',
  section: 'Federation',
  tools: ['ctl'],
  summary: 'Restarts a federation link',
  arguments: [{ name: 'link_id', help: 'its id: see federation_status' }],
  async run({ api, args, sayNode }) {
    const id = args[0]!
    await sayNode((node) => `Restarting federation link ${id} on node ${node}`)
    const missing = failure('Link with the given ID was not found')
    const link = (await api.get<FederationLink[]>('/federation-links')).find((one) => one.id === id)
    if (link === undefined) throw missing
    await refusedAs(
      api.delete(route`/federation-links/vhost/${link.vhost}/${id}/${link.node}/restart`),
      whenMissing(missing),
    )
  },
}

export const LINK_COMMANDS = [deleteShovel, federationStatus, restartFederationLink, restartShovel, shovelStatus]
