import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { longstr, signedint } from '../../src/core/fields.ts'
import { Traces } from '../../src/plugins/tracing/traces.ts'
import { CoreBench } from '../support/core-bench.ts'
import { type ApiBench, startApi } from './support.ts'

const ALL = { format: 'json', pattern: '#' }

describe('traces that are written to files', () => {
  let folder = ''
  let api: ApiBench
  let traces: Traces

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'warren-traces-'))
    const bench = new CoreBench()
    traces = new Traces(bench.broker, join(folder, 'traces'))
    api = await startApi(bench, { traces })
    api.bench.broker.putVhost('v')
  })
  afterEach(async () => {
    await traces.close()
    await api.app.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function ask(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<[number, unknown]> {
    const answer = await api.request(method, path, { body })
    const isJson = String(answer.headers['content-type']).includes('json')
    return [answer.statusCode, isJson ? answer.json() : answer.body]
  }

  /** One message, published and fetched. */
  function pass(payload: string): void {
    const client = api.bench.client()
    client.declare('q')
    client.publish('q', payload, {
      headers: new Map([
        ['a', signedint(1)],
        ['b', longstr('x')],
      ]),
    })
    client.ack(client.get('q')!.tag)
    client.connection.close()
  }

  test('in JSON, a line for each message', async () => {
    assert.deepEqual(await ask('PUT', 'traces/%2F/t', { ...ALL, max_payload_bytes: 4 }), [201, ''])
    const shown = { vhost: '/', name: 't', format: 'json', pattern: '#', max_payload_bytes: 4 }
    assert.deepEqual(await ask('GET', 'traces'), [200, [shown]])
    assert.deepEqual(await ask('GET', 'traces/v'), [200, []])
    assert.deepEqual(await ask('GET', 'traces/%2F/t'), [200, shown])
    pass('hello')
    assert.deepEqual(await ask('DELETE', 'traces/%2F/t'), [204, ''])
    pass('after the end')
    const [, content] = await ask('GET', 'trace-files/t.log')
    const common = {
      channel: 0,
      connection: 'connection 0',
      exchange: '',
      node: 'warren@test',
      payload: Buffer.from('hell').toString('base64'),
      properties: { headers: { a: 1, b: 'x' } },
      routing_keys: ['q'],
      timestamp: '2025-01-01T00:00:00.000+00:00',
      user: 'guest',
      vhost: '/',
    }
    assert.deepEqual(
      (content as string)
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [
        { ...common, queue: 'none', routed_queues: ['q'], type: 'published' },
        { ...common, queue: 'q', routed_queues: 'none', type: 'received' },
      ],
    )
    const [, files] = await ask('GET', 'trace-files')
    assert.deepEqual(files, [{ name: 't.log', size: Buffer.byteLength(content as string) }])
    assert.deepEqual(await ask('DELETE', 'trace-files/t.log'), [204, ''])
    assert.equal((await ask('DELETE', 'trace-files/t.log'))[0], 404)
    assert.deepEqual(await ask('GET', 'trace-files'), [200, []])
  })

  test('as text for people', async () => {
    await ask('PUT', 'traces/%2F/t', { format: 'text', pattern: 'publish.#' })
    pass('hello')
    await ask('DELETE', 'traces/%2F/t')
    const [, content] = await ask('GET', 'trace-files/t.log')
    assert.equal(
      content,
      `
================================================================================
2025-01-01T00:00:00.000+00:00: Message published

Node:         warren@test
Connection:   connection 0
Virtual host: /
User:         guest
Channel:      0
Exchange:     
Routing keys: [<<"q">>]
Routed queues: [<<"q">>]
Properties:   [{<<"headers">>,table,[{<<"a">>,signedint,1},{<<"b">>,longstr,<<"x">>}]}]
Payload: 
hello
`,
    )
  })

  test('have what matches', async () => {
    await ask('PUT', 'traces/%2F/published', { format: 'json', pattern: 'publish.' })
    await ask('PUT', 'traces/%2F/other', { format: 'json', pattern: 'deliver.r' })
    await ask('PUT', 'traces/v/elsewhere', ALL)
    pass('x')
    await traces.close()
    const [, files] = await ask('GET', 'trace-files')
    const written = (files as { name: string; size: number }[]).filter(({ size }) => size > 0)
    assert.deepEqual(
      written.map(({ name }) => name),
      ['published.log'],
    )
    assert.equal(((await ask('GET', 'trace-files/published.log'))[1] as string).split('\n').length, 2)
  })

  test('stop where the disk is full, and end with their virtual host', async () => {
    await ask('PUT', 'traces/%2F/t', ALL)
    api.bench.broker.alarms.set('disk', true)
    pass('x')
    assert.deepEqual(await ask('GET', 'trace-files'), [200, [{ name: 't.log', size: 0 }]])
    await ask('PUT', 'traces/v/u', ALL)
    await ask('DELETE', 'vhosts/v')
    assert.deepEqual((await ask('GET', 'traces'))[1], [{ vhost: '/', name: 't', ...ALL }])
  })

  test('have a file from their start on, and do not start where it cannot be written', async () => {
    await ask('PUT', 'traces/%2F/t', ALL)
    assert.deepEqual(await ask('GET', 'trace-files'), [200, [{ name: 't.log', size: 0 }]])
    assert.deepEqual(await ask('GET', 'trace-files/t.log'), [200, ''])
    await mkdir(join(folder, 'traces', 'u.log'))
    const [status, refusal] = await ask('PUT', 'traces/%2F/u', ALL)
    assert.equal(status, 400)
    assert.match((refusal as { reason: string }).reason, /the file of the trace cannot be written: EISDIR/)
    assert.deepEqual((await ask('GET', 'traces'))[1], [{ vhost: '/', name: 't', ...ALL }])
  })

  test('have names that are files, and nothing else', async () => {
    await writeFile(join(folder, 'secret.log'), 'secret')
    for (const name of ['..', '../t', '.hidden', 'a/b', 'a\\b', 'x'.repeat(201), '']) {
      const [status] = await ask('PUT', `traces/%2F/${encodeURIComponent(name)}`, ALL)
      assert.ok(status === 400 || status === 404 || status === 405, `${name}: ${status}`)
    }
    for (const file of ['../secret.log', '..%2Fsecret.log', '/etc/passwd', 'secret']) {
      assert.equal((await ask('GET', `trace-files/${encodeURIComponent(file)}`))[0], 404)
      assert.equal((await ask('DELETE', `trace-files/${encodeURIComponent(file)}`))[0], 404)
    }
    assert.deepEqual(await readdir(folder), ['secret.log'])
  })

  test('are refused as RabbitMQ refuses them', async () => {
    const refused = async (path: string, body: unknown): Promise<unknown> => (await ask('PUT', path, body))[1]
    const reason = (text: string) => ({ error: 'bad_request', reason: text })
    assert.deepEqual(await refused('traces/%2F/t', {}), reason('[{key_missing,format},{key_missing,pattern}]'))
    assert.deepEqual(await refused('traces/%2F/t', { ...ALL, format: 'xml' }), reason('format not json or text'))
    const wrong = { ...ALL, max_payload_bytes: '4' }
    assert.deepEqual(await refused('traces/%2F/t', wrong), reason('max_payload_bytes not integer'))
    assert.equal((await ask('PUT', 'traces/nowhere/t', ALL))[0], 404)
    assert.equal((await ask('PUT', 'traces/%2F/t', ALL))[0], 201)
    assert.deepEqual(await refused('traces/v/t', ALL), reason("there is a trace 't' already, in vhost '/'"))
    assert.equal((await ask('GET', 'traces/node/nowhere'))[0], 400)
    assert.equal((await api.request('GET', 'traces', { as: 'monitoring' })).statusCode, 401)
    assert.equal((await api.request('GET', 'trace-files', { as: 'monitoring' })).statusCode, 401)
  })
})

test('without a folder there are no traces', async () => {
  const api = await startApi()
  assert.deepEqual((await api.request('GET', 'traces')).json(), [])
  const { reason } = (await api.request('PUT', 'traces/%2F/t', { body: ALL })).json<{ reason: string }>()
  assert.match(reason, /set tracing\.dir/)
  await api.app.close()
})
