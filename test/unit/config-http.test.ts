import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'

/** There is nothing beside it. */
const onlyFile =
  (text: string) =>
  (path: string): string | null =>
    path.endsWith('w.conf') ? text : null

const load = (...lines: string[]) =>
  loadConfig({ argv: ['--config', 'w.conf'], env: {}, readFile: onlyFile(lines.join('\n')), readDir: () => null })
const listeners = (...lines: string[]) =>
  load(...lines).http.listeners.map(({ name, port, hosts, tls }) => [name, port, hosts[0], tls !== null])

const CERTIFICATE = ['management.ssl.certfile = /c.pem', 'management.ssl.keyfile = /k.pem']

describe('HTTP listeners', () => {
  test('are one, unless others are named', () => {
    assert.deepEqual(listeners(), [['management', 15_672, '::', false]])
    assert.deepEqual(listeners('management.ssl.port = 15671', ...CERTIFICATE), [['management.ssl', 15_671, '::', true]])
    assert.deepEqual(listeners('management.ssl.port = 15671', 'management.tcp.port = 15672', ...CERTIFICATE), [
      ['management', 15_672, '::', false],
      ['management.ssl', 15_671, '::', true],
    ])
    assert.deepEqual(listeners('management.ssl.port = 1', 'management.ssl.ip = ::1', ...CERTIFICATE), [
      ['management.ssl', 1, '::1', true],
    ])
  })

  test('may be named as up to RabbitMQ 3.7', () => {
    assert.deepEqual(listeners('management.listener.port = 8080', 'management.listener.ip = 10.0.0.1'), [
      ['management.listener', 8080, '10.0.0.1', false],
    ])
    const { http } = load(
      'management.listener.port = 8443',
      'management.listener.ssl = true',
      'management.listener.ssl_opts.certfile = /c.pem',
      'management.listener.ssl_opts.keyfile = /k.pem',
      'management.listener.ssl_opts.versions.1 = tlsv1.3',
    )
    const { tls } = http.listeners[0]!
    assert.deepEqual([tls!.certFile, tls!.keyFile, tls!.versions], [resolve('/c.pem'), resolve('/k.pem'), ['tlsv1.3']])
  })

  test('show the certificate of the AMQP listeners where they have none of their own', () => {
    const { http } = load('management.ssl.port = 1', 'ssl_options.certfile = /c.pem', 'ssl_options.keyfile = /k.pem')
    assert.equal(http.listeners[0]!.tls!.certFile, resolve('/c.pem'))
    assert.throws(
      () => load('management.ssl.port = 1'),
      /needs management\.ssl\.certfile.*needs management\.ssl\.keyfile/s,
    )
  })

  test('that check certificates need to know against what', () => {
    assert.throws(
      () => load('management.ssl.port = 1', 'management.ssl.verify = verify_peer', ...CERTIFICATE),
      /verify_peer needs management\.ssl\.cacertfile/,
    )
  })
})

test('a path prefix has a slash before it and none behind', () => {
  for (const [given, kept] of [
    ['/rabbit', '/rabbit'],
    ['rabbit/mq/', '/rabbit/mq'],
    ['/', ''],
  ]) {
    assert.equal(load(`management.path_prefix = ${given!}`).http.pathPrefix, kept)
  }
  assert.throws(() => load('management.path_prefix = /a b'), /is not a path/)
})

test('operator policies may be read-only', () => {
  const key = 'management.restrictions.operator_policy_changes.disabled'
  assert.equal(load(`${key} = true`).http.operatorPoliciesReadOnly, true)
  assert.equal(load('').http.operatorPoliciesReadOnly, false)
})

test('what is in force is listed, but for secrets', () => {
  const { effective } = loadConfig({
    argv: ['--config', 'w.conf', '--heartbeat', '7'],
    env: { WARREN_FRAME_MAX: '64KiB' },
    readFile: onlyFile(
      'default_pass = hush\nauth_mechanisms.1 = PLAIN\nloopback_users.ann = true\nlisteners.tcp.a = 1\n',
    ),
    readDir: () => null,
  })
  const of = (key: string) => effective.find((setting) => setting.key === key)
  assert.deepEqual(of('heartbeat'), { key: 'heartbeat', value: '7', source: 'flag' })
  assert.deepEqual(of('frame_max'), { key: 'frame_max', value: '64KiB', source: 'environment' })
  assert.deepEqual(of('default_pass'), { key: 'default_pass', value: null, source: 'file' })
  assert.deepEqual(of('default_user'), { key: 'default_user', value: 'guest', source: 'default' })
  assert.deepEqual(of('auth_mechanisms')!.value, ['PLAIN'])
  assert.deepEqual(of('loopback_users')!.value, ['guest', 'ann'])
  assert.deepEqual(of('listeners.tcp')!.value, { a: '1' })
  assert.equal(JSON.stringify(effective).includes('hush'), false)
})
