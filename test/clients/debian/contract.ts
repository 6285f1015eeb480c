import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { runProgram } from './programs.ts'
import { openTarget, type Target } from './target.ts'

/**
 * What every client library must find, whatever its language. Each has a program here that is called with an address, a
 * prefix for its names and a mode, and prints one line of JSON for each part: `{"part": "confirms", "value": {...}}`. The
 * prefix is taken out of the answers before they are compared.
 */
export interface ContractClient {
  readonly name: string
  /** Why it cannot run here. */
  readonly skip: string | false
  readonly program: string
  /** In front of address, prefix and mode. */
  readonly args: readonly string[]
  /** Made before the first run, where a program has to be compiled. */
  readonly prepare?: () => void
  /** Parts that the library cannot express, each with the reason. */
  readonly without?: Readonly<Record<string, string>>
  /** Types of header values that the library cannot express. */
  readonly headersWithout?: readonly string[]
  /** What this library makes of some answers; laid over the common ones. Undefined: it has none. */
  readonly differently?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

const REASON = 'closed for the test'

const death = (body: string, reason: string, queue: string, ttl: string | null = null) => ({
  ...{ body, reason, first: reason, queue, exchange: '', keys: [queue], count: 1, ttl },
})

const HEADERS = {
  string: 'grüße',
  int: 42,
  negative: -7,
  long: 2 ** 40,
  bool: true,
  double: 2.5,
  table: { inner: 'x', deeper: { n: 1 } },
  array: [1, 'two', false],
  time: 1_700_000_000,
  void: null,
  bytes: [0, 255],
  decimal: '3.14',
}

const inequivalent = (what: string, name: string, difference: string): [number, string] => [
  406,
  `PRECONDITION_FAILED - inequivalent arg '${what}' for ${name} in vhost '/': ${difference}`,
]

const ERRORS = {
  'queue missing': [404, "NOT_FOUND - no queue 'missing' in vhost '/'"],
  'exchange missing': [404, "NOT_FOUND - no exchange 'missing' in vhost '/'"],
  'other durability': inequivalent('durable', "queue 'shared'", "received 'false' but current is 'true'"),
  'other argument': inequivalent(
    'x-max-length',
    "queue 'shared'",
    "received the value '5' of type 'signedint' but current is none",
  ),
  'other exchange type': inequivalent('type', "exchange 'amq.direct'", "received 'fanout' but current is 'direct'"),
  'reserved name': [403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"],
  'bad argument': [
    406,
    "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'bad' in vhost '/': {value_negative,-1}",
  ],
  'transient quorum': [406, "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'bad' in vhost '/'"],
  'bind to nothing': [404, "NOT_FOUND - no exchange 'missing' in vhost '/'"],
  'consume from nothing': [404, "NOT_FOUND - no queue 'missing' in vhost '/'"],
  'default exchange': [403, 'ACCESS_REFUSED - operation not permitted on the default exchange'],
  locked: [
    405,
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'locked' in vhost '/'. It could be originally " +
      'declared on another connection or the exclusive property value does not match that of the original declaration.',
  ],
  'unknown tag': [406, 'PRECONDITION_FAILED - unknown delivery tag 99'],
  'publish to nothing': [404, "NOT_FOUND - no exchange 'missing' in vhost '/'"],
  'bad expiration': [406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer"],
}

const PARTS = {
  server: {
    product: 'RabbitMQ',
    capabilities: [
      ...['authentication_failure_close', 'basic.nack', 'connection.blocked', 'consumer_cancel_notify'],
      ...['consumer_priorities', 'direct_reply_to', 'exchange_exchange_bindings', 'per_consumer_qos'],
      'publisher_confirms',
    ],
  },
  declare: {
    classic: [0, 0],
    quorum: [0, 0],
    again: [2, 0],
    purged: 2,
    deleted: 1,
    serverNamed: ['amq.gen-', 30],
  },
  routing: {
    direct: ['red'],
    fanout: ['bound'],
    topic: ['a.b.c', 'x.y.z', 'z'],
    headers: ['color', 'size'],
    alternate: ['unbound'],
  },
  confirms: { acked: 10, limited: ['ack', 'nack', 'nack'] },
  mandatory: { code: 312, text: 'NO_ROUTE', key: 'nowhere', body: 'lost' },
  settle: {
    seen: [
      ['a', false],
      ['b', false],
      ['b', true],
      ['c', false],
    ],
    left: ['f'],
  },
  prefetch: { seen: ['0', '1', '2'], ready: [3, 2] },
  'dead letter': {
    found: [
      death('by queue', 'expired', 'expiring'),
      death('by itself', 'expired', 'rejecting', '1'),
      death('by hand', 'rejected', 'rejecting'),
      death('pushed out', 'maxlen', 'full'),
      death('too often', 'delivery_limit', 'tried'),
    ],
    attempts: [null, 1],
  },
  rpc: { address: 'amq.rabbitmq.reply-to.', reply: ['re: ping', '42'] },
  cancelled: 'watcher',
  priorities: ['9', '5', '3', '1', '0'],
  transaction: { before: 0, committed: 2, rolledBack: 2 },
  large: { length: 1_048_576, same: true },
  properties: {
    content_type: 'text/plain',
    content_encoding: 'utf-8',
    delivery_mode: 2,
    priority: 7,
    correlation_id: 'c-1',
    reply_to: 'somewhere',
    expiration: '60000',
    message_id: 'm-1',
    timestamp: 1_700_000_000,
    type: 'greeting',
    user_id: 'guest',
    app_id: 'contract',
  },
  headers: HEADERS,
  errors: ERRORS,
  'fatal errors': {
    'wrong password': [
      403,
      'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    ],
    'no such vhost': [530, 'NOT_ALLOWED - vhost nowhere not found'],
    'tag used twice': [530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'"],
    'prefetch size': [540, 'NOT_IMPLEMENTED - prefetch_size!=0 (10)'],
  },
  'closed by server': { closed: [320, `CONNECTION_FORCED - ${REASON}`], bodies: ['after'] },
  heartbeat: { heartbeat: 2, open: true },
  tls: ['sealed'],
}

export function contract(client: ContractClient): void {
  const omitted = client.without ?? {}
  describe(client.name, { skip: client.skip }, () => {
    const answers = new Map<string, unknown>()
    const failures: Error[] = []
    let target: Target

    const run = async (mode: 'parts' | 'heartbeat' | 'tls'): Promise<void> => {
      const onAnswer = ({ part, value }: { part: string; value: unknown }): void => {
        const plain: unknown = JSON.parse(JSON.stringify(value).replaceAll(target.prefix, ''))
        if (part !== 'please close') answers.set(part, plain)
        else target.closeConnection(String(value), REASON).catch((error: Error) => failures.push(error))
      }
      const url = mode === 'tls' && target.tls !== null ? target.tls.url : target.url
      const env = { CA_FILE: target.tls?.caFile ?? '', LANG: 'C.UTF-8' }
      const args = [...client.args, url, target.prefix, mode]
      try {
        await runProgram({ program: client.program, args, env }, { onAnswer })
      } catch (error) {
        failures.push(error as Error)
      }
    }

    before(async () => {
      client.prepare?.()
      target = await openTarget()
      // The one with heartbeats only waits.
      await Promise.all([run('parts'), run('heartbeat'), ...(target.tls === null ? [] : [run('tls')])])
    })
    after(() => target.stop())

    test('the programs run to their end', () => {
      for (const failure of failures) throw failure
      const unknown = [...answers.keys()].filter((part) => !(part in PARTS) || part in omitted)
      assert.deepEqual(unknown, [], 'a program answers what nobody asked')
    })

    for (const [part, expected] of Object.entries(PARTS)) {
      test(part, { skip: omitted[part] ?? false }, (t) => {
        if (part === 'tls' && target.tls === null) return t.skip('no openssl, or a broker without TLS')
        assert.deepEqual(answers.get(part), expectedOf(client, part, expected))
      })
    }
  })
}

function expectedOf({ headersWithout = [], differently }: ContractClient, part: string, expected: unknown): unknown {
  if (part !== 'headers' && differently?.[part] === undefined) return expected
  const left = part === 'headers' ? headersWithout : []
  const all = { ...(expected as object), ...differently?.[part] }
  return Object.fromEntries(Object.entries(all).filter(([key, value]) => value !== undefined && !left.includes(key)))
}
