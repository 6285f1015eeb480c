import { availableParallelism } from 'node:os'
import { UsageError } from '../errors.ts'
import type { OptionReader } from '../parse.ts'
import type { ConsumerConfig, PerfConfig, ProducerConfig } from './config.ts'
import { parseSteps, type Step } from './schedule.ts'

type Options = OptionReader & { readonly list: (name: string) => readonly string[] }

/** @throws UsageError */
export function readConfig(options: Options, env: NodeJS.ProcessEnv): PerfConfig {
  const { option, flag, number } = options
  const flags = options.list('flag').flatMap((text) => text.split(','))
  const unknown = flags.find((name) => name !== 'persistent' && name !== 'mandatory')
  if (unknown !== undefined) throw new UsageError(`flag ${unknown} is not persistent or mandatory`)
  const quorum = flag('quorum-queue')
  const persistent = quorum || flags.includes('persistent')
  const type = option('type') ?? 'direct'
  const queues = readQueues(options, persistent, quorum)
  const exchange = { name: exchangeName(option('exchange'), type), type }
  const id = option('id') ?? `test-${new Date().toISOString().slice(11, 23).replaceAll(':', '').replace('.', '-')}`
  const producers = readProducers(options, persistent, flags.includes('mandatory'))
  const consumers = readConsumers(options)
  const config: PerfConfig = {
    id,
    uris: readUris(options, env),
    heartbeatSec: number('heartbeat') ?? null,
    frameMax: number('framemax') ?? null,
    exchange,
    queues,
    predeclared: flag('predeclared'),
    bind: !flag('skip-binding-queues'),
    routingKey: option('routing-key') ?? (exchange.name === '' ? (queues.names[0] ?? '') : id),
    producers,
    consumers,
    intervalSec: atLeast(1, 'interval', number('interval') ?? 1),
    timeSec: number('time') ?? 0,
    shutdownSec: number('shutdown-timeout') ?? 5,
    threads: atLeast(1, 'threads', number('threads') ?? usualThreads(producers.count + consumers.count)),
  }
  if (exchange.name === '' && queues.names.length === 0 && option('routing-key') === undefined) {
    throw new UsageError('the default exchange needs a queue (-u) or a routing key (-k)')
  }
  if (config.producers.count === 0 && config.consumers.count === 0)
    throw new UsageError('there is nobody to publish or consume')
  return config
}

/** Half of the machine, since the broker may want the other half; not more than there are connections. */
const usualThreads = (connections: number): number =>
  Math.max(1, Math.min(connections, Math.floor(availableParallelism() / 2)))

function atLeast(least: number, name: string, value: number): number {
  if (value < least) throw new UsageError(`--${name} is at least ${least}`)
  return value
}

function readUris({ option }: Options, env: NodeJS.ProcessEnv): string[] {
  const several = option('uris')
    ?.split(',')
    .map((uri) => uri.trim())
  return several ?? [option('uri') ?? (env['WARREN_AMQP_URL'] || 'amqp://localhost')]
}

/** `true` is `-e` without a name. */
function exchangeName(given: string | boolean | undefined, type: string): string {
  if (given === undefined) return type
  return given === true || given === 'amq.default' ? '' : String(given)
}

function readQueues(options: Options, durable: boolean, quorum: boolean): PerfConfig['queues'] {
  const { option, flag, number } = options
  const [pattern, from, to] = [option('queue-pattern'), number('queue-pattern-from'), number('queue-pattern-to')]
  const given = [pattern, from, to].filter((one) => one !== undefined).length
  if (given !== 0 && given !== 3)
    throw new UsageError('--queue-pattern, --queue-pattern-from and --queue-pattern-to belong together')
  if (from !== undefined && from > to!) throw new UsageError('--queue-pattern-to comes before --queue-pattern-from')
  const inSequence = pattern !== undefined
  const names = inSequence ? sequence(pattern, from!, to!) : (option('queue')?.split(',') ?? [])
  const type = quorum ? { 'x-queue-type': 'quorum' } : {}
  return {
    names,
    durable,
    autoDelete: (option('auto-delete') as unknown as boolean | undefined) ?? !quorum,
    exclusive: flag('exclusive'),
    arguments: { ...readPairs(option('queue-args')), ...type },
    inSequence,
  }
}

/** As `printf` does it: `%d`, `%03d`, `%s`. */
function sequence(pattern: string, from: number, to: number): string[] {
  if (!/%(0?\d*d|s|i)/.test(pattern)) throw new UsageError('--queue-pattern has a %d where the number goes')
  return Array.from({ length: to - from + 1 }, (_, i) =>
    pattern.replace(/%(0?)(\d*)[dsi]/, (_match, zero: string, width: string) =>
      String(from + i).padStart(Number(width || 0), zero === '' ? ' ' : '0'),
    ),
  )
}

/** `a=1,b=x`: whole numbers are numbers, and `true` and `false` are what they say. */
function readPairs(text: string | undefined): Record<string, string | number | boolean> {
  if (text === undefined || text.trim() === '') return {}
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      if (key === undefined) throw new UsageError(`'${pair}' is not KEY=VALUE`)
      if (/^-?\d{1,15}$/.test(value!)) return [key, Number(value)]
      return [key, value === 'true' || value === 'false' ? value === 'true' : value!]
    }),
  )
}

function steps(options: Options, name: string, value: number): readonly Step[] {
  const texts = options.list(name)
  if (texts.length === 0) return [{ value, seconds: Infinity }]
  try {
    return parseSteps(texts)
  } catch (error) {
    throw new UsageError(`--${name}: ${(error as Error).message}`)
  }
}

function readProducers(options: Options, persistent: boolean, mandatory: boolean): ProducerConfig {
  const { option, flag, number } = options
  const contentType = option('body-content-type')
  const transaction = number('ptxsize') ?? 0
  const confirm = number('confirm') ?? null
  if (transaction > 0 && confirm !== null)
    throw new UsageError('a channel has transactions (-m) or confirms (-c), and not both')
  const everySec = number('publishing-interval') ?? null
  if (everySec === 0) throw new UsageError('--publishing-interval is more than 0')
  return {
    count: number('producers') ?? 1,
    channels: atLeast(1, 'producer-channel-count', number('producer-channel-count') ?? 1),
    messages: number('pmessages') ?? 0,
    rate: steps(options, 'variable-rate', number('rate') ?? 0),
    everySec,
    startDelaySec: number('producer-random-start-delay') ?? 0,
    size: steps(options, 'variable-size', number('size') ?? 0),
    bodies: option('body')?.split(',') ?? [],
    persistent,
    mandatory,
    properties: {
      ...(contentType !== undefined && { content_type: contentType }),
      ...(readPairs(option('message-properties')) as Record<string, string | number>),
    },
    confirm: confirm === null ? null : atLeast(1, 'confirm', confirm),
    confirmTimeoutSec: number('confirm-timeout') ?? 30,
    transaction,
    randomKeys:
      flag('random-routing-key') || number('routing-key-cache-size') !== undefined
        ? (number('routing-key-cache-size') ?? 0)
        : null,
  }
}

/** What a consumer that takes its time may have before it, unless it is said. */
const PACED_PREFETCH = 1000

function readConsumers(options: Options): ConsumerConfig {
  const { option, flag, number } = options
  const rate = number('consumer-rate') ?? 0
  const latency = steps(options, 'variable-latency', number('consumer-latency') ?? 0)
  const isPaced = rate > 0 || latency.some(({ value }) => value > 0)
  const autoAck = flag('autoack')
  if (isPaced && autoAck) throw new UsageError('with -a nothing holds the broker back: -R and -L need acknowledgements')
  return {
    count: number('consumers') ?? 1,
    channels: atLeast(1, 'consumer-channel-count', number('consumer-channel-count') ?? 1),
    messages: number('cmessages') ?? 0,
    rate,
    latency,
    prefetch: number('qos') ?? (isPaced && number('global-qos') === undefined ? PACED_PREFETCH : 0),
    channelPrefetch: number('global-qos') ?? 0,
    autoAck,
    ackEvery: Math.max(1, number('multi-ack-every') ?? 1),
    nack: flag('nack'),
    requeue: (option('requeue') as unknown as boolean | undefined) ?? true,
    transaction: number('ctxsize') ?? 0,
    arguments: readPairs(option('consumer-args')),
    slowStart: flag('slow-start'),
  }
}
