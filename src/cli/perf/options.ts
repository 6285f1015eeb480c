import type { CommandOption } from '../command-spec.ts'
import { parseNatural } from '../parse.ts'

interface PerfOption extends CommandOption {
  /** PerfTest's short form of more than one letter, which no parser of options knows. */
  readonly short?: string
}

const count = parseNatural

function decimal(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error('is not a number')
  return Number(text)
}

function truth(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Error('is true or false')
  return text === 'true'
}

/** PerfTest's names and meanings; help texts say where the default is another one. */
export const PERF_OPTIONS: readonly PerfOption[] = [
  { flags: '-h, --uri <uri>', help: 'AMQP address of the broker (WARREN_AMQP_URL; amqp://localhost)' },
  { flags: '-H, --uris <uris>', help: 'several, separated by commas: connections take them in turn' },
  { flags: '-d, --id <id>', help: 'name of the run' },
  { flags: '-x, --producers <count>', help: 'connections that publish (1)', parse: count },
  { flags: '-y, --consumers <count>', help: 'connections that consume (1)', parse: count },
  { flags: '-X, --producer-channel-count <count>', help: 'channels of each that publishes (1)', parse: count },
  { flags: '-Y, --consumer-channel-count <count>', help: 'channels of each that consumes (1)', parse: count },
  { flags: '-u, --queue <names>', help: 'queues, separated by commas; without, each consumer has one of its own' },
  {
    flags: '--queue-pattern <pattern>',
    short: 'qp',
    help: 'queues by a pattern such as perf-%d, of which each has one in turn',
  },
  { flags: '--queue-pattern-from <number>', short: 'qpf', help: 'the first number', parse: count },
  { flags: '--queue-pattern-to <number>', short: 'qpt', help: 'the last number', parse: count },
  { flags: '--queue-args <pairs>', short: 'qa', help: 'arguments of the queues: x-max-length=10,x-queue-type=quorum' },
  { flags: '--quorum-queue', short: 'qq', help: 'durable quorum queues, with -f persistent and without auto-delete' },
  {
    flags: '--auto-delete <bool>',
    short: 'ad',
    help: 'whether the queues go with their last consumer (true)',
    parse: truth,
  },
  { flags: '-E, --exclusive', help: 'exclusive queues of their own, with names from the broker' },
  { flags: '-p, --predeclared', help: 'take exchange and queues that are there as they are' },
  {
    flags: '-e, --exchange [name]',
    help: 'exchange to publish to (that of its type, as in direct); without a name the default exchange',
  },
  { flags: '-t, --type <type>', help: 'type of the exchange (direct)' },
  { flags: '-k, --routing-key <key>', help: 'routing key; one for this run where left out' },
  { flags: '-K, --random-routing-key', help: 'another routing key for each message' },
  {
    flags: '--routing-key-cache-size <count>',
    short: 'rkcs',
    help: 'so many random routing keys in turn, in place of new ones',
    parse: count,
  },
  { flags: '--skip-binding-queues', short: 'sb', help: 'bind no queue to the exchange' },
  { flags: '-s, --size <bytes>', help: 'bytes of a body (12, which is the least)', parse: count },
  { flags: '--variable-size <size:seconds...>', short: 'vs', help: 'sizes that follow each other' },
  { flags: '-B, --body <files>', help: 'files with the bodies, separated by commas' },
  { flags: '-T, --body-content-type <type>', help: 'content type' },
  { flags: '--message-properties <pairs>', short: 'mp', help: 'properties and headers: priority=5,color=blue' },
  { flags: '-f, --flag <flag...>', help: 'persistent, mandatory' },
  { flags: '-r, --rate <rate>', help: 'messages a second, for each that publishes', parse: decimal },
  { flags: '--variable-rate <rate:seconds...>', short: 'vr', help: 'rates that follow each other' },
  {
    flags: '-P, --publishing-interval <seconds>',
    help: 'time between two messages, in place of a rate',
    parse: decimal,
  },
  {
    flags: '--producer-random-start-delay <seconds>',
    short: 'prsd',
    help: 'publishing begins within so long',
    parse: decimal,
  },
  { flags: '-C, --pmessages <count>', help: 'messages of each that publishes', parse: count },
  { flags: '-c, --confirm <count>', help: 'confirm mode, with so many messages unconfirmed at once', parse: count },
  { flags: '--confirm-timeout <seconds>', short: 'ct', help: 'how long a confirm may take (30)', parse: decimal },
  { flags: '-m, --ptxsize <count>', help: 'messages of a transaction, for who publishes', parse: count },
  { flags: '-n, --ctxsize <count>', help: 'acknowledgements of a transaction, for who consumes', parse: count },
  { flags: '-a, --autoack', help: 'no acknowledgements' },
  { flags: '-A, --multi-ack-every <count>', help: 'one acknowledgement for so many messages (1)', parse: count },
  { flags: '--nack', short: 'na', help: 'refuse messages in place of acknowledging them' },
  { flags: '--requeue <bool>', short: 're', help: 'whether refused messages go back (true)', parse: truth },
  { flags: '-q, --qos <count>', help: 'prefetch of a consumer', parse: count },
  { flags: '-Q, --global-qos <count>', help: 'prefetch of a channel', parse: count },
  { flags: '-R, --consumer-rate <rate>', help: 'messages a second, for each that consumes', parse: decimal },
  { flags: '-L, --consumer-latency <microseconds>', help: 'what each message takes a consumer', parse: count },
  { flags: '--variable-latency <microseconds:seconds...>', short: 'vl', help: 'latencies that follow each other' },
  { flags: '-D, --cmessages <count>', help: 'messages of each that consumes', parse: count },
  { flags: '--consumer-args <pairs>', short: 'ca', help: 'arguments of the consumers: x-priority=10' },
  { flags: '-S, --slow-start', help: 'a second between the starts of two consumers' },
  { flags: '-z, --time <seconds>', help: 'length of the run; until interrupted where left out', parse: count },
  { flags: '-i, --interval <seconds>', help: 'how often it tells how it goes (1)', parse: count },
  { flags: '-b, --heartbeat <seconds>', help: 'heartbeat', parse: count },
  { flags: '-M, --framemax <bytes>', help: 'largest frame', parse: count },
  { flags: '--shutdown-timeout <seconds>', short: 'st', help: 'how long closing may take (5)', parse: decimal },
  { flags: '-o, --output-file <file>', help: 'figures of each interval as CSV', completion: 'file' },
  { flags: '--metrics-format <format>', short: 'mf', help: 'default or compact', completion: ['default', 'compact'] },
  { flags: '--use-millis', short: 'ms', help: 'latencies in ms' },
  { flags: '--threads <count>', help: 'threads to spread connections over (half of the processors)', parse: count },
  { flags: '--json', help: 'the result as JSON on standard output, all else on standard error' },
]

const LONG_FORMS = new Map(
  PERF_OPTIONS.filter(({ short }) => short !== undefined).map(({ short, flags }) => [
    `-${short!}`,
    flags.split(' ', 1)[0]!,
  ]),
)

/** PerfTest's short forms of several letters in their long form. */
export const expandShortForms = (argv: readonly string[]): string[] => argv.map((word) => LONG_FORMS.get(word) ?? word)

/** As a help text shows them: with both forms. */
export const PERF_HELP: readonly CommandOption[] = PERF_OPTIONS.map((option) =>
  option.short === undefined ? option : { ...option, flags: `-${option.short}, ${option.flags}` },
)
