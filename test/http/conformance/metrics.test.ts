import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Exposition, parseExposition } from '../exposition-parser.ts'
import { startLoad } from './load.ts'
import { ourBroker, rabbitmq, type Target } from './loaded-broker.ts'

// The same load on RabbitMQ and here: its families of metrics are ours, with the same types, texts and labels.

const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: management, RABBITMQ_METRICS_URL: metrics } = process.env
const skip =
  url === undefined || management === undefined || metrics === undefined
    ? 'set RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL and RABBITMQ_METRICS_URL for this'
    : false

/** Families that are not here: docs/monitoring.md says why. */
const LEFT_OUT: readonly RegExp[] = [
  /^erlang_/,
  /^rabbitmq(_detailed)?_erlang_(net_ticktime_seconds|scheduler_run_queue)$/,
  /^rabbitmq(_detailed)?_io_(seek|reopen)_/,
  /^rabbitmq(_detailed)?_raft_/,
  /^rabbitmq(_detailed)?_auth_attempts_detailed_/,
  /^telemetry_scrape_encoded_size_bytes$/,
]

/** Texts that RabbitMQ has changed since. */
const NEW_TEXTS: readonly string[] = ['queue_messages_published_total']

/** Labels that are not here: what is counted for one thing is not told apart by another. */
const NO_LABELS: readonly RegExp[] = [
  // what comes to a queue from an exchange, by channel
  /queue_messages_published_total/,
  // logins by protocol, where nobody has counted any
  /auth_attempts(_succeeded|_failed)?_total/,
]

/** What is known of a family. */
interface Facts {
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}
type Families = Readonly<Record<string, Facts>>

const ENDPOINTS: Readonly<Record<string, string>> = {
  aggregated: '/metrics',
  'per object': '/metrics/per-object',
  detailed: `/metrics/detailed?${[
    'connection_churn_metrics',
    'node_coarse_metrics',
    'node_metrics',
    'node_persister_metrics',
    'auth_attempt_metrics',
    'connection_coarse_metrics',
    'connection_metrics',
    'channel_exchange_metrics',
    'channel_metrics',
    'channel_process_metrics',
    'channel_queue_metrics',
    'channel_queue_exchange_metrics',
    'queue_coarse_metrics',
    'queue_metrics',
    'exchange_names',
    'exchange_bindings',
    'vhost_status',
  ]
    .map((family) => `family=${family}`)
    .join('&')}`,
}

/** As RabbitMQ 3.10.8 answered this scenario, by endpoint. */
const KNOWN = JSON.parse(
  readFileSync(new URL('../../fixtures/metrics-3.10.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, Families>>

async function familiesUnderLoad(target: Target): Promise<Record<string, Families>> {
  const found: Record<string, Families> = {}
  try {
    const load = await startLoad(target)
    try {
      await target.sample(() => load.round())
      for (const [name, path] of Object.entries(ENDPOINTS)) {
        // the first one tells of the scrapes before it, of which there are none
        await target.metrics(path)
        found[name] = factsOf(parseExposition(await target.metrics(path)))
      }
    } finally {
      await load.close()
    }
  } finally {
    await target.close()
  }
  return found
}

function factsOf(exposition: Exposition): Families {
  const facts = [...exposition].map(([name, { type, help, samples }]) => {
    const labels = [...new Set(samples.flatMap((sample) => [...sample.labels.keys()]))].toSorted()
    return [name, { type, help, labels }] as const
  })
  return Object.fromEntries(facts)
}

function compare(theirs: Readonly<Record<string, Families>>, ours: Readonly<Record<string, Families>>): string[] {
  const found: string[] = []
  for (const [endpoint, families] of Object.entries(theirs)) {
    for (const [name, { type, help, labels }] of Object.entries(families)) {
      if (LEFT_OUT.some((pattern) => pattern.test(name))) continue
      const own = ours[endpoint]?.[name]
      const isUntold = NO_LABELS.some((pattern) => pattern.test(name))
      const missing = isUntold ? [] : labels.filter((label) => own !== undefined && !own.labels.includes(label))
      if (own === undefined) found.push(`${endpoint}: ${name} is missing`)
      else if (own.type !== type) found.push(`${endpoint}: ${name} is a ${type} there, a ${own.type} here`)
      else if (missing.length > 0) found.push(`${endpoint}: ${name} has no label ${missing.join()}`)
      else if (own.help !== help && !NEW_TEXTS.some((known) => name.endsWith(known)))
        found.push(`${endpoint}: ${name}: '${help}' there, '${own.help}' here`)
    }
  }
  return found
}

describe('metrics have the names, types, texts and labels of RabbitMQ', () => {
  test('as they were answered once', async () => {
    assert.deepEqual(compare(KNOWN, await familiesUnderLoad(await ourBroker())), [])
  })

  test('as they are answered by the one that RABBITMQ_METRICS_URL names', { skip }, async () => {
    const theirs = await familiesUnderLoad(await rabbitmq(url!, management!))
    assert.deepEqual(compare(theirs, await familiesUnderLoad(await ourBroker())), [])
  })
})
