import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { startBroker, virtualClock } from '../../src/index.ts'

// What JavaScript lets through.

const start = startBroker as (options?: unknown) => ReturnType<typeof startBroker>
const user = (more: object): object => ({ users: [{ name: 'u', password: 'p', ...more }] })
const LOG =
  "give one of 'debug', 'info', 'warn', 'error', 'silent', or an object with the methods debug, info, warn, error, child"
const PLUGIN = 'give what definePlugin returns: an object with a name, and register, start or stop'

/** Options, the kind of error, and its text after `startBroker: `. */
const WRONG: readonly (readonly [options: unknown, error: 'TypeError' | 'RangeError', text: string | RegExp])[] = [
  ['x', 'TypeError', /^'options' is 'x': give an object with port, host, /],
  [null, 'TypeError', /^'options' is null: give an object with /],
  [[], 'TypeError', /^'options' is \[\]: give an object with /],
  [{ managemantPort: 0 }, 'TypeError', "unknown key 'managemantPort' (did you mean 'managementPort'?)"],
  [{ prot: 1 }, 'TypeError', "unknown key 'prot' (did you mean 'port'?)"],
  [{ verbose: true }, 'TypeError', /^unknown key 'verbose': there are port, host, dataDir, .*watchResources$/],
  [{ port: '5672' }, 'TypeError', "'port' is '5672': give a whole number from 0 to 65535"],
  [{ port: 70_000 }, 'RangeError', "'port' is 70000: give a whole number from 0 to 65535"],
  [{ managementPort: -1 }, 'RangeError', "'managementPort' is -1: give a whole number from 0 to 65535"],
  [{ heartbeat: 0.5 }, 'RangeError', "'heartbeat' is 0.5: give a whole number from 0 to 65535"],
  [{ host: '' }, 'RangeError', "'host' is '': give an address that is not empty"],
  [{ dataDir: null }, 'TypeError', "'dataDir' is null: give the path of a folder"],
  [{ dataDir: 5 }, 'TypeError', "'dataDir' is 5: give the path of a folder"],
  [{ clock: {} }, 'TypeError', "'clock' is {}: give what virtualClock() returns"],
  [{ clock: null }, 'TypeError', "'clock' is null: give what virtualClock() returns"],
  [{ clock: virtualClock }, 'TypeError', "'clock' is [Function: virtualClock]: give virtualClock(), with parentheses"],
  [{ random: 5 }, 'TypeError', "'random' is 5: give a function"],
  [{ vhosts: 'abc' }, 'TypeError', "'vhosts' is 'abc': give a list of names"],
  [{ vhosts: [5] }, 'TypeError', "'vhosts[0]' is 5: give a string"],
  [{ vhosts: ['a', ''] }, 'RangeError', "'vhosts[1]' is '': give a string that is not empty"],
  [{ users: [{ name: 'u' }] }, 'TypeError', "'users[0].password' is missing: give a string"],
  [{ users: [{ password: 'p' }] }, 'TypeError', "'users[0].name' is missing: give a string"],
  [user({ tags: 'administrator' }), 'TypeError', "'users[0].tags' is 'administrator': give a list of strings"],
  [user({ tag: [] }), 'TypeError', "unknown key 'users[0].tag' (did you mean 'tags'?)"],
  [
    user({ permissions: '.*' }),
    'TypeError',
    "'users[0].permissions' is '.*': give an object with the permissions of each virtual host",
  ],
  [
    user({ permissions: { '/': '.*' } }),
    'TypeError',
    "'users[0].permissions['/']' is '.*': give an object with configure, write, read",
  ],
  [
    user({ permissions: { shop: { raed: '.*' } } }),
    'TypeError',
    "unknown key 'users[0].permissions.shop.raed' (did you mean 'read'?)",
  ],
  [
    { users: [{ name: 'guest', password: 'p' }] },
    'RangeError',
    "'users[0].name' is 'guest': it is the default user, with the password of config['default_pass']",
  ],
  [
    { users: ['p', 'q'].map((password) => ({ name: 'u', password })) },
    'RangeError',
    "'users[1].name' is 'u': that user is there already",
  ],
  [{ definitions: 5 }, 'TypeError', "'definitions' is 5: give the path of a JSON file, or an object"],
  [{ definitions: { quues: [] } }, 'TypeError', "unknown key 'definitions.quues' (did you mean 'queues'?)"],
  [{ config: 5 }, 'TypeError', "'config' is 5: give the path of a file, or an object with keys of rabbitmq.conf"],
  [{ config: { heartbeat: {} } }, 'TypeError', "'config.heartbeat' is {}: give a string, a number, true or false"],
  [{ log: 'warning' }, 'TypeError', `'log' is 'warning': ${LOG}`],
  [{ log: true }, 'TypeError', `'log' is true: ${LOG}`],
  [{ log: 5 }, 'TypeError', `'log' is 5: ${LOG}`],
  [{ log: {} }, 'TypeError', `'log' is {}: ${LOG}`],
  [{ log: console }, 'TypeError', /^'log' is Object \[console\] .*…: give one of 'debug', /],
  [{ protocols: 'mqtt' }, 'TypeError', "'protocols' is 'mqtt': give a list of protocols"],
  [
    { protocols: ['mqtt5'] },
    'RangeError',
    "'protocols[0]' is 'mqtt5': give one of 'amqp', 'mqtt', 'stomp' (did you mean 'mqtt'?)",
  ],
  [
    { tls: true },
    'TypeError',
    "'tls' is true: give an object with certFile, keyFile, caFile, requireCertificate, port",
  ],
  [{ tls: { certFile: 'c' } }, 'TypeError', "'tls.keyFile' is missing: give the path of a file"],
  [{ tls: { cert: 'c', keyFile: 'k' } }, 'TypeError', "unknown key 'tls.cert' (did you mean 'certFile'?)"],
  [{ plugins: {} }, 'TypeError', "'plugins' is {}: give a list of plugins"],
  [{ plugins: ['x'] }, 'TypeError', `'plugins[0]' is 'x': ${PLUGIN}`],
  [{ plugins: [{}] }, 'TypeError', `'plugins[0]' is {}: ${PLUGIN}`],
  [{ plugins: [{ name: 'x' }] }, 'TypeError', `'plugins[0]' is { name: 'x' }: ${PLUGIN}`],
  [{ watchResources: 'yes' }, 'TypeError', "'watchResources' is 'yes': give true or false"],
]

describe('options that are wrong', () => {
  for (const [options, name, text] of WRONG) {
    test(`${name}: ${String(text)}`, async () => {
      await assert.rejects(start(options), (error: Error) => {
        assert.equal(error.name, name, error.message)
        assert.match(error.message, /^startBroker: /)
        const said = error.message.slice('startBroker: '.length)
        if (typeof text === 'string') assert.equal(said, text)
        else assert.match(said, text)
        return true
      })
    })
  }

  test('what is undefined counts as left out', async () => {
    const names = ['port', 'host', 'dataDir', 'clock', 'users', 'definitions', 'log', 'tls', 'plugins']
    await using broker = await start(Object.fromEntries(names.map((name) => [name, undefined])))
    assert.ok(broker.port > 0)
  })

  test('are told before anything is done', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const dataDir = join(folder, 'data')
      await assert.rejects(start({ dataDir, users: [{ name: 'u' }] }), TypeError)
      assert.equal(existsSync(dataDir), false)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('a file of definitions is named when it is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'warren-testkit-'))
    try {
      const [script, slip, missing] = ['script.mjs', 'slip.json', 'missing.json'].map((name) => join(folder, name))
      await writeFile(script!, 'export default {}')
      await writeFile(slip!, '{"rabbit_version":"3.10.8","quues":[]}')
      const dataDir = join(folder, 'data')
      const texts: unknown[] = []
      for (const definitions of [script, slip, missing]) {
        await start({ dataDir, definitions }).catch((error: Error) => texts.push(`${error.name}: ${error.message}`))
      }
      assert.match(String(texts[0]), /^ConfigError: definitions file .*script\.mjs is not JSON: Unexpected token/)
      assert.match(String(texts[1]), /^TypeError: definitions file .*slip\.json: unknown key 'quues' \(did you mean/)
      assert.match(String(texts[2]), /^ConfigError: definitions file .*missing\.json cannot be read: ENOENT/)
      assert.deepEqual((await readdir(folder)).toSorted(), ['script.mjs', 'slip.json'])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('files that cannot be used are told by the option that names them', async () => {
    const texts: string[] = []
    const tried = [
      { tls: { certFile: '/missing/cert.pem', keyFile: 'k' } },
      { config: '/missing/rabbitmq.conf' },
      // what the caller has written is named as it was written
      { config: { 'listeners.ssl.default': 0, 'ssl_options.certfile': '/missing/c', 'ssl_options.keyfile': 'k' } },
    ]
    for (const options of tried) {
      await start(options).catch((error: Error) => {
        texts.push(`${error.name}: ${error.message}`)
        assert.ok(inspect(error).includes(error.message), 'what is printed says the same')
      })
    }
    assert.equal(texts.length, tried.length)
    assert.match(texts[0]!, /^TlsError: startBroker: 'tls\.certFile': \/missing\/cert\.pem: ENOENT/)
    assert.equal(texts[1], "ConfigError: startBroker: 'config': there is no file /missing/rabbitmq.conf")
    assert.match(texts[2]!, /^TlsError: ssl_options\.certfile: \/missing\/c: ENOENT/)
  })
})
