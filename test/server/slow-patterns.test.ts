import assert from 'node:assert/strict'
import { connect } from 'amqplib'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { startTestBroker, type TestBroker } from '../support/with-broker.ts'

// Patterns that a backtracking engine would still be busy with when the machine is scrap. A broker that used one would hang here.

/** Matches what consists of `a`. */
const SLOW = '^(a+)+$'
/** All but matches. */
const NAME = `${'a'.repeat(200)}b`
const MATCHING = 'a'.repeat(200)

describe('patterns of users that take for ever elsewhere', () => {
  let broker: TestBroker
  beforeEach(async () => {
    broker = await startTestBroker()
  })
  afterEach(() => broker.server.stop('test'))

  async function api(method: string, path: string, body?: unknown, expected?: number): Promise<unknown> {
    const response = await fetch(`${broker.server.urls.http[0]}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    assert.ok(expected === undefined ? response.ok : response.status === expected, `${response.status} ${text}`)
    return text === '' ? null : (JSON.parse(text) as unknown)
  }

  test('in policies, for queues that are declared over AMQP and HTTP', async () => {
    const policy = { pattern: SLOW, 'apply-to': 'queues', definition: { 'max-length': 10 } }
    await api('PUT', 'policies/%2F/slow', policy)
    await api('PUT', 'operator-policies/%2F/slow', policy)
    const connection = await connect(broker.url)
    const channel = await connection.createChannel()
    await channel.assertQueue(NAME)
    await channel.assertQueue(MATCHING)
    await connection.close()
    await api('PUT', `queues/%2F/${NAME}x`, {})
    const policyOf = async (name: string) => ((await api('GET', `queues/%2F/${name}`)) as { policy: unknown }).policy
    assert.deepEqual([await policyOf(NAME), await policyOf(`${NAME}x`), await policyOf(MATCHING)], [null, null, 'slow'])
    const preview = (await api('POST', 'policies/%2F/preview', { name: 'other', ...policy })) as { total: number }
    assert.equal(preview.total, 1)
  })

  test('in permissions and topic permissions', async () => {
    await api('PUT', 'users/slow', { password: 'slow', tags: '' })
    await api('PUT', 'permissions/%2F/slow', { configure: SLOW, write: `${SLOW}|^amq`, read: SLOW })
    await api('PUT', 'topic-permissions/%2F/slow', { exchange: 'amq.topic', write: SLOW, read: SLOW })
    const connection = await connect(broker.url.replace('guest:guest', 'slow:slow'))
    const isRefused = async (
      use: (channel: Awaited<ReturnType<typeof connection.createConfirmChannel>>) => unknown,
    ) => {
      const channel = await connection.createConfirmChannel()
      const refused = new Promise<string>((resolve) => channel.on('error', ({ message }) => resolve(message)))
      await Promise.resolve(use(channel)).catch(() => undefined)
      return refused
    }
    assert.match(await isRefused((channel) => channel.assertQueue(NAME)), /configure access to queue/)
    const publish = (key: string) => async (channel: { publish: (...args: [string, string, Buffer]) => unknown }) =>
      channel.publish('amq.topic', key, Buffer.from('x'))
    assert.match(await isRefused(publish(NAME)), /write access to topic/)
    const channel = await connection.createConfirmChannel()
    await channel.assertQueue(MATCHING)
    channel.publish('amq.topic', MATCHING, Buffer.from('x'))
    await channel.waitForConfirms()
    await connection.close()
  })

  test('in filters of lists', async () => {
    await api('PUT', `queues/%2F/${NAME}`, {})
    await api('PUT', `queues/%2F/${MATCHING}`, {})
    const page = await api('GET', `queues?page=1&use_regex=true&columns=name&name=${encodeURIComponent(SLOW)}`)
    assert.deepEqual((page as { items: unknown[] }).items, [{ name: MATCHING }])
  })

  test('unless they are large as well: those are refused', async () => {
    const reason =
      'Validation failed\n\npattern should be regular expression but is invalid: {"regular expression is too large",11}\n'
    const definition = { 'max-length': 10 }
    const answer = await api('PUT', 'policies/%2F/large', { pattern: '(a?){3000}b', definition }, 400)
    assert.deepEqual(answer, { error: 'bad_request', reason })
  })
})
