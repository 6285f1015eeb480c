import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { ListenError } from '../../src/net/listener.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { parseExposition, valueOf } from '../http/exposition-parser.ts'
import { Authority, withoutOpenssl } from '../support/certificates.ts'
import { temporaryFolder } from '../support/warren-process.ts'

/** A broker with these keys in its configuration file, gone when the test is over. */
async function start(t: TestContext, keys: Readonly<Record<string, string | number>>): Promise<RunningServer> {
  const argv = ['--port', '0', '--memory', '--bind', '127.0.0.1']
  const given = { 'management.tcp.port': 'none', 'prometheus.tcp.port': 0, ...keys }
  const server = await startServer(loadConfig({ argv, env: { WARREN_PROTOCOLS: 'amqp' }, keys: given }), silentLog)
  t.after(() => server.stop('test'))
  return server
}

describe('metrics on a port of their own', () => {
  test('are there without the HTTP API', async (t) => {
    const { urls } = await start(t, {})
    assert.equal(urls.metrics.length, 1)
    assert.match(urls.metrics[0]!, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    const metrics = parseExposition(await (await fetch(urls.metrics[0]!)).text())
    assert.equal(valueOf(metrics, 'rabbitmq_queues'), 0)
    assert.ok(valueOf(metrics, 'rabbitmq_process_open_fds') > 0)
    assert.ok(valueOf(metrics, 'rabbitmq_process_resident_memory_bytes') > 1e7)
    assert.ok(valueOf(metrics, 'rabbitmq_disk_space_available_bytes') > 0)
    assert.equal((await fetch(new URL('/api/overview', urls.metrics[0]))).status, 404)
  })

  test('are listed among the listeners', async (t) => {
    const { urls } = await start(t, { 'management.tcp.port': 0 })
    const login = { authorization: `Basic ${btoa('guest:guest')}` }
    const overview = await fetch(`${urls.http[0]!}/api/overview`, { headers: login })
    const { listeners } = (await overview.json()) as { listeners: { protocol: string; port: number }[] }
    assert.deepEqual(
      listeners.map(({ protocol }) => protocol),
      ['amqp', 'http/prometheus', 'http'],
    )
    const check = await fetch(`${urls.http[0]!}/api/health/checks/port-listener/${listeners[1]!.port}`, {
      headers: login,
    })
    assert.equal(check.status, 200)
  })

  test('come over TLS, and then not in the open', { skip: withoutOpenssl }, async (t) => {
    const authority = new Authority(temporaryFolder(t))
    const { certFile, keyFile } = authority.issue('broker', '/CN=broker', 'IP:127.0.0.1')
    const config = { 'prometheus.ssl.port': 0, 'prometheus.ssl.certfile': certFile, 'prometheus.ssl.keyfile': keyFile }
    const argv = ['--port', '0', '--memory', '--bind', '127.0.0.1']
    const keys = { 'management.tcp.port': 'none', ...config }
    const server = await startServer(loadConfig({ argv, env: { WARREN_PROTOCOLS: 'amqp' }, keys }), silentLog)
    t.after(() => server.stop('test'))
    assert.equal(server.urls.metrics.length, 1)
    const request = getHttps(server.urls.metrics[0]!, { ca: authority.ca, agent: false })
    const [answer] = (await once(request, 'response')) as [IncomingMessage]
    assert.equal(valueOf(parseExposition(await text(answer)), 'rabbitmq_connections'), 0)
    const both = await start(t, config)
    assert.equal(both.urls.metrics.length, 2)
  })

  test('are done without where the usual port is taken, and not where it was asked for', async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.after(() => other.close())
    const { port } = other.address() as AddressInfo
    await assert.rejects(start(t, { 'prometheus.tcp.port': port }), ListenError)
    const argv = ['--port', '0', '--memory', '--bind', '127.0.0.1', '--management-port', 'none']
    const config = loadConfig({ argv, env: { WARREN_PROTOCOLS: 'amqp' } })
    assert.deepEqual([config.prometheus.plain!.port, config.prometheus.isPlainGiven], [15_692, false])
    const taken = { ...config.prometheus, plain: { ...config.prometheus.plain!, port } }
    const server = await startServer({ ...config, prometheus: taken }, silentLog)
    t.after(() => server.stop('test'))
    assert.deepEqual(server.urls.metrics, [])
  })

  test('can be off', async (t) => {
    const { urls } = await start(t, { 'prometheus.tcp.port': 'none' })
    assert.deepEqual(urls.metrics, [])
  })
})
