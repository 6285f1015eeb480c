import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startBroker, type WarrenBroker } from '../../src/index.ts'
import { execute, missing, type Outcome, PYTHON } from '../clients/debian/programs.ts'

const OURS = fileURLToPath(new URL('../../src/management/rabbitmqadmin.py', import.meta.url))
/** As Debian's rabbitmq-server has it. */
const RABBITMQS = '/usr/bin/rabbitmqadmin'

const without = (what: string, program: string) => missing(what, { program: PYTHON, args: [program, '--version'] })

for (const [name, program, skip] of [
  ["RabbitMQ's rabbitmqadmin", RABBITMQS, without('rabbitmq-server', RABBITMQS)],
  ['rabbitmqadmin', OURS, without('python3', OURS)],
] as const) {
  describe(name, { skip }, () => {
    let broker: WarrenBroker
    let folder: string
    beforeEach(async () => {
      broker = await startBroker({ managementPort: 0, vhosts: ['v'] })
      folder = mkdtempSync(join(tmpdir(), 'rabbitmqadmin-'))
    })
    afterEach(async () => {
      await broker.stop()
      rmSync(folder, { recursive: true })
    })

    const run = (args: readonly string[], input = ''): Promise<Outcome> => {
      const { port } = new URL(broker.managementUrl!)
      const env = { HOME: folder, PYTHONDONTWRITEBYTECODE: '1' }
      return execute({ program: PYTHON, args: [program, '-P', port, ...args], env }, input)
    }
    const says = async (out: string, ...args: readonly string[]): Promise<void> =>
      assert.deepEqual(await run(args), { code: 0, out, err: '' }, args.join(' '))
    const refuses = async (expected: RegExp, ...args: readonly string[]): Promise<void> => {
      const { code, out, err } = await run(args)
      assert.deepEqual([code, out], [1, ''], args.join(' '))
      assert.match(err, expected, args.join(' '))
    }
    /** Rows of tab-separated columns. */
    const rows = async (...args: readonly string[]): Promise<string[][]> => {
      const { out } = await run(['-f', 'tsv', '-q', ...args])
      return out.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')]))
    }

    test('declares, shows and deletes', async () => {
      await says('vhost declared', 'declare', 'vhost', 'name=w')
      await says('user declared', 'declare', 'user', 'name=u', 'password=p', 'tags=monitoring')
      const all = ['configure=.*', 'write=.*', 'read=^q']
      await says('permission declared', 'declare', 'permission', 'vhost=w', 'user=u', ...all)
      await says('queue declared', '-V', 'w', 'declare', 'queue', 'name=q', 'arguments={"x-max-length":3}')
      await says('exchange declared', '-V', 'w', 'declare', 'exchange', 'name=e', 'type=topic')
      await says('binding declared', '-V', 'w', 'declare', 'binding', 'source=e', 'destination=q', 'routing_key=a.#')
      const policy = ['name=p', 'pattern=^q', 'definition={"max-length":10}', 'priority=4', 'apply-to=queues']
      await says('policy declared', '-V', 'w', 'declare', 'policy', ...policy)
      await says('operator_policy declared', '-V', 'w', 'declare', 'operator_policy', ...policy)
      await says('vhost_limit declared', 'declare', 'vhost_limit', 'vhost=w', 'name=max-queues', 'value=5')

      assert.deepEqual(await rows('-V', 'w', 'list', 'bindings'), [
        ['', 'q', 'q'],
        ['e', 'q', 'a.#'],
      ])
      assert.deepEqual(await rows('-V', 'w', 'list', 'exchanges', 'name', 'type', 'durable'), [
        ['', 'direct', 'True'],
        ...['direct', 'fanout', 'headers'].map((type) => [`amq.${type}`, type, 'True']),
        ['amq.match', 'headers', 'True'],
        ['amq.rabbitmq.trace', 'topic', 'True'],
        ['amq.topic', 'topic', 'True'],
        ['e', 'topic', 'True'],
      ])
      assert.deepEqual(await rows('list', 'permissions', 'vhost', 'user', 'read'), [
        ['/', 'guest', '.*'],
        ['v', 'guest', '.*'],
        ['w', 'guest', '.*'],
        ['w', 'u', '^q'],
      ])
      assert.deepEqual(await rows('list', 'users', 'name', 'tags'), [
        ['guest', 'administrator'],
        ['u', 'monitoring'],
      ])
      assert.deepEqual(await rows('-V', 'w', 'list', 'policies', 'name', 'definition', 'priority'), [
        ['p', '{"max-length": 10}', '4'],
      ])
      assert.deepEqual(await rows('-V', 'w', 'list', 'vhost_limits'), [['w', '{"max-queues": 5}']])

      const binding = ['source=e', 'destination_type=queue', 'destination=q', 'properties_key=a.%23']
      await says('binding deleted', '-V', 'w', 'delete', 'binding', ...binding)
      await says('policy deleted', '-V', 'w', 'delete', 'policy', 'name=p')
      await says('operator_policy deleted', '-V', 'w', 'delete', 'operator_policy', 'name=p')
      await says('vhost_limit deleted', 'delete', 'vhost_limit', 'vhost=w', 'name=max-queues')
      await says('exchange deleted', '-V', 'w', 'delete', 'exchange', 'name=e')
      await says('queue deleted', '-V', 'w', 'delete', 'queue', 'name=q')
      await says('permission deleted', 'delete', 'permission', 'vhost=w', 'user=u')
      await says('user deleted', 'delete', 'user', 'name=u')
      await says('vhost deleted', 'delete', 'vhost', 'name=w')
      assert.deepEqual((await rows('list', 'vhosts', 'name')).flat(), ['/', 'v'])
    })

    test('shows lists in its formats', async () => {
      const list = ['-V', 'v', 'list', 'exchanges', 'name', 'type']
      const shown = async (format: string): Promise<string[]> => (await run(['-f', format, ...list])).out.split('\n')
      assert.deepEqual((await shown('table')).slice(0, 5), [
        '+--------------------+---------+',
        '|        name        |  type   |',
        '+--------------------+---------+',
        '|                    | direct  |',
        '| amq.direct         | direct  |',
      ])
      assert.deepEqual((await shown('tsv')).slice(0, 3), ['name\ttype', '\tdirect', 'amq.direct\tdirect'])
      assert.equal((await shown('kvp'))[1], 'name="amq.direct" type="direct"')
      assert.deepEqual((await shown('long')).slice(8, 10), ['name: amq.direct', 'type: direct'])
      const json = JSON.parse((await shown('raw_json')).join('')) as unknown[]
      assert.deepEqual(json[1], { name: 'amq.direct', type: 'direct' })
      assert.deepEqual(JSON.parse((await shown('pretty_json')).join('\n')), json)
      const names = (await run(['-f', 'bash', '-V', 'v', 'list', 'exchanges'])).out.trim().split(' ')
      assert.ok(names.includes('amq.topic'))
      const sorted = await rows('-S', 'type', '-R', ...list)
      assert.equal(sorted[0]![1], 'topic')
      await says('No items', '-V', 'v', 'list', 'policies')
    })

    test('publishes, fetches and purges', async () => {
      await says('queue declared', '-V', 'v', 'declare', 'queue', 'name=mail')
      const properties = 'properties={"delivery_mode":2}'
      await says('Message published', '-V', 'v', 'publish', 'routing_key=mail', 'payload=hello', properties)
      await says('Message published but NOT routed', '-V', 'v', 'publish', 'routing_key=nowhere', 'payload=x')
      const piped = await run(['-V', 'v', 'publish', 'exchange=amq.default', 'routing_key=mail'], 'from a pipe')
      assert.equal(piped.out, 'Message published')
      const get = ['-V', 'v', 'get', 'queue=mail', 'count=5']
      const both = JSON.parse((await run(['-f', 'raw_json', ...get])).out) as Record<string, unknown>[]
      assert.deepEqual(
        both.map(({ payload, message_count }) => [payload, message_count]),
        [
          ['hello', 1],
          ['from a pipe', 0],
        ],
      )
      const [message] = await rows(...get)
      assert.deepEqual(message!.slice(0, 5), ['mail', '', '1', 'hello', '5'])
      const file = join(folder, 'payload')
      await run(['-V', 'v', 'get', 'queue=mail', 'ackmode=ack_requeue_false', `payload_file=${file}`])
      assert.equal(readFileSync(file, 'utf8'), 'hello')
      await says('queue purged', '-V', 'v', 'purge', 'queue', 'name=mail')
      await says('No items', ...get)
    })

    test('exports and imports definitions', async () => {
      const file = join(folder, 'definitions.json')
      assert.match((await run(['export', file])).out, /^Exported definitions for localhost to ".*definitions\.json"$/)
      const { users } = JSON.parse(readFileSync(file, 'utf8')) as { users: { name: string }[] }
      assert.deepEqual(
        users.map(({ name: user }) => user),
        ['guest'],
      )
      writeFileSync(file, JSON.stringify({ vhosts: [{ name: 'imported' }] }))
      assert.equal((await run(['import', file])).code, 0)
      assert.ok((await rows('list', 'vhosts', 'name')).flat().includes('imported'))
      writeFileSync(file, JSON.stringify({ queues: [{ name: 'of a vhost', durable: true, auto_delete: false }] }))
      assert.equal((await run(['-V', 'imported', 'import', file])).code, 0)
      assert.deepEqual((await rows('-V', 'imported', 'list', 'bindings', 'destination')).flat(), ['of a vhost'])
    })

    test('says what is wrong', async () => {
      await refuses(/^\*\*\* Not found: \/api\/policies\/v\/nope\n$/, '-V', 'v', 'delete', 'policy', 'name=nope')
      await refuses(/^\*\*\* Access refused: \/api\/users\n/, '-p', 'wrong', 'list', 'users')
      await refuses(/^\*\*\* Could not connect: /, '-P', '1', 'list', 'users')
      await says('exchange declared', '-V', 'v', 'declare', 'exchange', 'name=x', 'type=fanout')
      const other = ['-V', 'v', 'declare', 'exchange', 'name=x', 'type=topic']
      await refuses(/^\*\*\* inequivalent arg 'type' for exchange 'x' in vhost 'v'/, ...other)
      await refuses(/ERROR: mandatory argument "name" is required\n/, 'declare', 'queue')
      await refuses(
        /ERROR: Argument "nme=x" not recognised|ERROR: Argument "nme" is not recognised/,
        'declare',
        'queue',
        'nme=x',
      )
      await refuses(/ERROR: Could not parse JSON:\n {2}\{bad/, 'declare', 'queue', 'name=q', 'arguments={bad')
      await refuses(/ERROR: Don't know how to list nonsense\n/, 'list', 'nonsense')
      await refuses(/ERROR: Action nonsense not understood\n/, 'nonsense')
      await refuses(/ERROR: Action not specified\n/)
    })

    test('has options in a file', async () => {
      const file = join(folder, 'rabbitmqadmin.conf')
      const { port } = new URL(broker.managementUrl!)
      writeFileSync(
        file,
        `[default]\nport = 1\n\n[it]\nhostname = 127.0.0.1\nport = ${port}\nvhost = v\nformat = kvp\n`,
      )
      const { out } = await run(['-c', file, '-N', 'it', 'list', 'users', 'name'])
      assert.equal(out, 'name="guest"')
      await refuses(/Could not read section|Could not read section 'nope'/, '-c', file, '-N', 'nope', 'list', 'users')
      await refuses(/Could not read config file/, '-c', join(folder, 'nope'), 'list', 'users')
    })

    test('helps', async () => {
      assert.match((await run(['--help'])).out, /--vhost/)
      assert.match((await run(['help', 'subcommands'])).out, /declare queue name=\.\.\./)
      assert.match((await run(['help', 'config'])).out, /hostname = /)
      assert.match((await run(['--version'])).out, /^rabbitmqadmin \S/)
      assert.match((await run(['--bash-completion'])).out, /complete /)
    })
  })
}

test('the download tells the version that is announced, by which scripts know the server', async () => {
  await using broker = await startBroker({ managementPort: 0 })
  const overview = await fetch(`${broker.managementUrl!}/api/overview`, {
    headers: { authorization: `Basic ${btoa('guest:guest')}` },
  })
  const { rabbitmq_version: version } = (await overview.json()) as { rabbitmq_version: string }
  const program = await (await fetch(`${broker.managementUrl!}/cli/rabbitmqadmin`)).text()
  assert.ok(program.includes(`\nVERSION = "${version}"\n`), version)
})
