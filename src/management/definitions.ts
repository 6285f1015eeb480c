import type { Broker } from '../core/broker.ts'
import { BrokerError, preconditionFailed } from '../core/errors.ts'
import { tableFromJson } from '../core/fields-json.ts'
import { queueTypeOf, injectQueueType, validateQueueArguments } from '../core/queues/arguments.ts'
import type { VHost } from '../core/vhost.ts'
import { grantAll } from './grant-all.ts'
import { tagsOf } from './tags.ts'

type Json = Record<string, unknown>

/** Names and keys travel as short strings. */
const NAME_BYTES_MAX = 255

/**
 * Applies a RabbitMQ definitions file (of 3.x or 4.x, of a node or of one vhost). Additive and idempotent: what exists stays, users and
 * settings are overwritten; the sections come in an order that respects references, whatever their order in the file. What RabbitMQ
 * exports but nobody could use is left out, and the log says so: streams, which are not implemented, and bindings whose ends are not in
 * the file (up to 3.13 an export has no internal exchanges, but their bindings).
 * @throws BrokerError preconditionFailed
 */
export function importDefinitions(broker: Broker, definitions: unknown, options: ImportOptions = {}): void {
  importing(broker, definitions, options).forEach(() => {})
}

export interface ImportOptions {
  /** Puts what is in vhosts into this one, whatever vhost the file says, and leaves the rest out. */
  readonly onlyVhost?: string | undefined
  /** Who imports, and may use the vhosts that this makes. */
  readonly user?: string
}

/** As `importDefinitions`: each step applies one row. */
export function* importing(
  broker: Broker,
  definitions: unknown,
  { onlyVhost, user }: ImportOptions,
): Generator<unknown> {
  const file = objectOf(definitions, 'definitions')
  const version = file['rabbitmq_version'] ?? file['rabbit_version']
  const vhostOf = (row: Json): VHost => broker.findVhost(onlyVhost ?? text(row, 'vhost'))
  if (onlyVhost === undefined) {
    yield* importingNode(broker, file, typeof version === 'string' ? version : undefined, user)
  }
  yield* each(file, 'parameters', (row) => importParameter(broker, vhostOf(row).name, row))
  yield* each(file, 'policies', (row) => broker.setPolicy('user', vhostOf(row).name, text(row, 'name'), row))
  yield* each(file, 'exchanges', (row) => importExchange(vhostOf(row), row))
  yield* each(file, 'queues', (row) => importQueue(vhostOf(row), row))
  yield* each(file, 'bindings', (row) => importBinding(vhostOf(row), row))
}

/** What is not in a vhost. */
function* importingNode(
  broker: Broker,
  file: Json,
  version: string | undefined,
  user: string | undefined,
): Generator<unknown> {
  yield* each(file, 'users', (row) => {
    const { tags = [] } = row
    if (typeof tags !== 'string' && !Array.isArray(tags)) throw preconditionFailed('tags_not_present')
    broker.users.put(broker.users.parse({ ...row, tags }, version))
  })
  yield* each(file, 'vhosts', (row) => importVhost(broker, row, user))
  const ends = (row: Json) => ({ user: text(row, 'user'), vhost: broker.findVhost(text(row, 'vhost')).name })
  yield* each(file, 'permissions', (row) => {
    const patterns = { configure: pattern(row, 'configure'), write: pattern(row, 'write'), read: pattern(row, 'read') }
    broker.setPermission({ ...ends(row), ...patterns })
  })
  yield* each(file, 'topic_permissions', (row) => {
    const patterns = { write: pattern(row, 'write'), read: pattern(row, 'read') }
    broker.setTopicPermission({ ...ends(row), exchange: text(row, 'exchange'), ...patterns })
  })
  yield* each(file, 'global_parameters', (row) => broker.setGlobalParameter(text(row, 'name'), row['value']))
}

/** Applies the rows of a section, one in each step. In a large file only its name tells which one is wrong. */
function* each(file: Json, section: string, apply: (row: Json) => unknown): Generator<unknown> {
  for (const row of rows(file, section)) {
    try {
      apply(row)
    } catch (error) {
      if (error instanceof BrokerError) error.message += ` (${nameOf(row)})`
      throw error
    }
    yield
  }
}

/** `vhost/name`, as RabbitMQ writes it of policies and parameters. */
function nameOf({ vhost, component, user, exchange, source, destination, name }: Json): string {
  const ends = source === undefined ? [] : [`${String(source)} -> ${String(destination)}`]
  return [vhost, component, user, exchange, name, ...ends].filter((part) => typeof part === 'string').join('/')
}

function importVhost(broker: Broker, row: Json, user: string | undefined): void {
  const isNew = !broker.vhosts.has(text(row, 'name'))
  const metadata = objectOf(row['metadata'] ?? {}, 'metadata')
  const of = (key: string): unknown => row[key] ?? metadata[key]
  const [description, tags, type] = [of('description'), of('tags'), of('default_queue_type')]
  const isProtected = of('protected_from_deletion')
  // up to RabbitMQ 3.12 a file has the names only, and what is known besides stays
  broker.putVhost(text(row, 'name'), {
    ...(description === undefined ? {} : { description: String(description) }),
    ...(Array.isArray(tags) || typeof tags === 'string' ? { tags: tagsOf(tags) } : {}),
    ...(typeof type === 'string' ? { defaultQueueType: type === 'undefined' ? null : type } : {}),
    ...(typeof isProtected === 'boolean' ? { protectedFromDeletion: isProtected } : {}),
  })
  if (isNew && user !== undefined) grantAll(broker, user, text(row, 'name'))
  if (row['tracing'] === true) broker.findVhost(text(row, 'name')).trace(true)
  const limits = unpaired(row['limits'] ?? {})
  if (Object.keys(limits as object).length > 0) {
    broker.setParameter(text(row, 'name'), 'vhost-limits', 'limits', limits)
  }
}

function importParameter(broker: Broker, vhost: string, row: Json): void {
  const component = text(row, 'component')
  const name = text(row, 'name')
  // operator policies travel among the parameters
  if (component === 'operator_policy') {
    const value = objectOf(row['value'], `operator policy '${name}'`)
    broker.setPolicy('operator', vhost, name, { ...value, definition: unpaired(value['definition']) })
  } else {
    broker.setParameter(vhost, component, name, row['value'])
  }
}

/** `rabbitmqctl export_definitions` of RabbitMQ 3 writes nested objects as lists of pairs. */
function unpaired(value: unknown): unknown {
  const isPairs = Array.isArray(value) && value.every((item) => Array.isArray(item) && item.length === 2)
  return isPairs ? Object.fromEntries(value as [string, unknown][]) : value
}

function importExchange(vhost: VHost, row: Json): void {
  const name = text(row, 'name')
  if (vhost.exchanges.has(name) || isReserved(vhost, 'exchange', name)) return
  vhost.createExchange({
    name,
    type: text(row, 'type'),
    durable: row['durable'] !== false,
    autoDelete: row['auto_delete'] === true,
    internal: row['internal'] === true,
    arguments: tableFromJson(row['arguments'] ?? {}),
  })
}

/** Names that begin so are the broker's to give: RabbitMQ leaves such rows out, too. */
function isReserved({ name: vhost, broker }: VHost, kind: 'exchange' | 'queue', name: string): boolean {
  if (!name.startsWith('amq.')) return false
  broker.log.warn(`definitions: ${kind === 'queue' ? 'a queue' : 'an exchange'} is left out, its name is reserved`, {
    vhost,
    name,
  })
  return true
}

function importQueue(vhost: VHost, row: Json): void {
  const name = text(row, 'name')
  const durable = flag(row, 'durable', true)
  const autoDelete = flag(row, 'auto_delete', false)
  if (vhost.queues.has(name) || isReserved(vhost, 'queue', name)) return
  const properties = {
    name,
    vhost: vhost.name,
    durable,
    exclusive: false,
    autoDelete,
    serverNamed: false,
  }
  const given = tableFromJson(row['arguments'] ?? {})
  const declared =
    typeof row['type'] === 'string' && !given.has('x-queue-type') ? injectQueueType(given, row['type']) : given
  const { broker } = vhost
  const type = queueTypeOf(
    declared,
    vhost.metadata.defaultQueueType,
    broker.options.defaultQueueType,
    properties,
    (added) => broker.isAddedQueueType(added),
  )
  // a classic queue may do without the argument, and so goes out as it came in: RabbitMQ up to 3.12 writes none
  const args = type === 'classic' ? given : injectQueueType(declared, type)
  validateQueueArguments({ ...properties, type, arguments: args })
  if (!broker.queueTypes.has(type)) {
    broker.log.warn('definitions: a queue is left out, its type is not implemented', { vhost: vhost.name, name, type })
    return
  }
  vhost.createQueue(type, { ...properties, owner: null, arguments: args })
}

function importBinding(vhost: VHost, row: Json): void {
  const sourceName = text(row, 'source')
  if (sourceName === '') return
  const destinationName = text(row, 'destination')
  const source = vhost.exchanges.get(sourceName)
  const kind = row['destination_type'] ?? 'queue'
  if (kind !== 'exchange' && kind !== 'queue') {
    throw preconditionFailed(`definitions: ${JSON.stringify(kind)} is no 'destination_type': queue and exchange are`)
  }
  const destination = (kind === 'exchange' ? vhost.exchanges : vhost.queues).get(destinationName)
  if (source === undefined || destination === undefined) {
    const facts = { vhost: vhost.name, source: sourceName, destination: destinationName }
    vhost.broker.log.warn('definitions: a binding is left out, one of its ends does not exist', facts)
    return
  }
  vhost.bind(source, destination, text(row, 'routing_key'), tableFromJson(row['arguments'] ?? {}))
}

/** How many rows a file has, about. */
export function rowsIn(definitions: unknown): number {
  const sections = typeof definitions === 'object' && definitions !== null ? Object.values(definitions) : []
  return sections.reduce((sum: number, rows) => (Array.isArray(rows) ? sum + rows.length : sum), 0)
}

function rows(file: Json, section: string): Json[] {
  const value = file[section] ?? []
  if (!Array.isArray(value)) throw preconditionFailed(`definitions: '${section}' is not a list`)
  return value.map((row) => objectOf(row, section))
}

function objectOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw preconditionFailed(`definitions: ${what} is not an object`)
}

/** Of permissions. */
function pattern(row: Json, key: string): string {
  const value = row[key]
  if (typeof value === 'string') return value
  throw preconditionFailed(`definitions: '${key}' is missing or not a string in ${JSON.stringify(row)}`)
}

/** Unlike RabbitMQ, which wants all of them, what a file does not say has the usual value: people write such files by hand. */
function flag(row: Json, key: string, usual: boolean): boolean {
  const value = row[key] ?? usual
  if (typeof value === 'boolean') return value
  throw preconditionFailed(`definitions: '${key}' is not a boolean in ${JSON.stringify(row)}`)
}

function text(row: Json, key: string): string {
  const value = row[key]
  if (typeof value === 'string') {
    if (Buffer.byteLength(value) <= NAME_BYTES_MAX) return value
    throw preconditionFailed(`definitions: '${key}' is longer than ${NAME_BYTES_MAX} bytes: ${value.slice(0, 40)}…`)
  }
  throw preconditionFailed(`definitions: '${key}' is missing or not a string in ${JSON.stringify(row)}`)
}
