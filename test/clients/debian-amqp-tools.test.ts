import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { execute, missing, type Outcome, outputOf } from './debian/programs.ts'
import { openTarget, type Target } from './debian/target.ts'

// Built on librabbitmq, the C client, which is under many libraries of other languages, too.
describe('amqp-tools', { skip: missing('amqp-tools', { program: 'amqp-publish', args: ['--help'] }) }, () => {
  let target: Target

  before(async () => {
    target = await openTarget()
  })
  after(() => target.stop())

  const name = (suffix: string): string => target.prefix + suffix
  const command = (program: string, args: readonly string[]) => ({ program, args: ['-u', target.url, ...args] })
  const run = (program: string, ...args: string[]): Promise<string> => outputOf(command(program, args))
  const fail = async (program: string, ...args: string[]): Promise<Outcome> => {
    const outcome = await execute(command(program, args))
    return { ...outcome, err: outcome.err.replaceAll(target.prefix, '') }
  }
  const declare = (queue: string): Promise<string> => run('amqp-declare-queue', '-q', queue)
  const publish = (queue: string, body: string): Promise<string> => run('amqp-publish', '-r', queue, '-b', body)

  test('declares, publishes, gets and deletes', async () => {
    const queue = name('plain')
    assert.equal(await declare(queue), queue)
    await publish(queue, 'one')
    await run('amqp-publish', '-r', queue, '-p', '-C', 'text/plain', '-H', 'a: b', '-t', 'back', '-b', 'two')
    assert.equal(await run('amqp-get', '-q', queue), 'one')
    assert.equal(await run('amqp-get', '-q', queue), 'two')
    assert.equal((await fail('amqp-get', '-q', queue)).code, 2)
    await publish(queue, 'three')
    assert.equal(await run('amqp-delete-queue', '-q', queue), '1')
  })

  test('names a queue that has no name', async () => {
    const queue = await run('amqp-declare-queue', '-q', '')
    assert.match(queue, /^amq\.gen-[\w-]{22}$/)
    assert.equal(await run('amqp-delete-queue', '-q', queue), '0')
  })

  test('publishes lines, and consumes them one by one', async () => {
    const queue = name('lines')
    await declare(queue)
    await outputOf(command('amqp-publish', ['-r', queue, '-l']), 'x\ny\nz\n')
    assert.equal(await run('amqp-consume', '-q', queue, '-c', '3', '-p', '1', 'cat'), 'x\ny\nz')
    assert.equal(await run('amqp-delete-queue', '-q', queue), '0')
  })

  test('a large body goes through in pieces', async () => {
    const queue = name('large')
    await declare(queue)
    const body = '0123456789abcdef'.repeat(30_000)
    await outputOf(command('amqp-publish', ['-r', queue]), body)
    assert.equal(await run('amqp-get', '-q', queue), body)
    await run('amqp-delete-queue', '-q', queue)
  })

  test('a message whose command fails is not acknowledged', async () => {
    const queue = name('unsettled')
    await declare(queue)
    await publish(queue, 'again')
    // It reads all there is, and fails.
    await run('amqp-consume', '-q', queue, '-c', '1', 'grep', 'something else')
    // What the closed connection had not settled comes back.
    const body = await eventually(async () => {
      const { code, out } = await fail('amqp-get', '-q', queue)
      return code === 0 && out
    })
    assert.equal(body, 'again')
    await run('amqp-delete-queue', '-q', queue)
  })

  test('consumes from an exchange through an exclusive queue of its own', async () => {
    const [exchange, key] = ['amq.topic', name('weather.oslo')]
    const consumed = outputOf(command('amqp-consume', ['-e', exchange, '-r', name('weather.*'), '-c', '1', 'cat']))
    const ended = consumed.then(() => true)
    // It does not tell when it is ready, so this is said until it is heard.
    await eventually(async () => {
      await run('amqp-publish', '-e', exchange, '-r', key, '-b', 'rain')
      return Promise.race([ended, new Promise<boolean>((resolve) => setTimeout(resolve, 50, false))])
    }, 30_000)
    assert.equal(await consumed, 'rain')
  })

  test('is told what went wrong', async () => {
    const queue = name('mistakes')
    await declare(queue)
    const mistakes: [Outcome, string][] = [
      [
        await fail('amqp-declare-queue', '-q', queue, '-d'),
        "queue.declare: server channel error 406, message: PRECONDITION_FAILED - inequivalent arg 'durable' for queue " +
          "'mistakes' in vhost '/': received 'true' but current is 'false'",
      ],
      [
        await fail('amqp-get', '-q', name('missing')),
        "basic.get: server channel error 404, message: NOT_FOUND - no queue 'missing' in vhost '/'",
      ],
      [
        await fail('amqp-consume', '-q', name('missing'), 'cat'),
        "basic.consume: server channel error 404, message: NOT_FOUND - no queue 'missing' in vhost '/'",
      ],
    ]
    for (const [{ code, err }, text] of mistakes) assert.deepEqual([code, err], [1, text])
    await run('amqp-delete-queue', '-q', queue)
  })

  test('is told why it may not come in', async () => {
    const refused = async (change: (url: URL) => void): Promise<string> => {
      const url = new URL(target.url)
      change(url)
      const { err } = await execute({ program: 'amqp-get', args: ['-u', url.href, '-q', 'any'] })
      return err
    }
    assert.equal(
      await refused((url) => (url.password = 'wrong')),
      'logging in to AMQP server: server connection error 403, message: ACCESS_REFUSED - Login was refused using ' +
        'authentication mechanism PLAIN. For details see the broker logfile.',
    )
    assert.equal(
      await refused((url) => (url.pathname = '/nowhere')),
      'logging in to AMQP server: server connection error 530, message: NOT_ALLOWED - vhost nowhere not found',
    )
  })

  test('TLS', async (t) => {
    if (target.tls === null) return t.skip('no openssl, or a broker without TLS')
    const { url, caFile } = target.tls
    const args = ['-u', url, `--cacert=${caFile}`, '-q', name('sealed')]
    assert.equal(await outputOf({ program: 'amqp-declare-queue', args }), name('sealed'))
    assert.equal(await outputOf({ program: 'amqp-delete-queue', args }), '0')
  })
})
