import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test, type TestContext } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { startRabbitmq, withoutRabbitmq } from '../support/rabbitmq.ts'
import { startWarren } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'
import { askedBy, normalise, type Answer } from './rabbitmqctl/answers.ts'
import { STEPS, TOPOLOGY_STEPS, VHOST, type Step } from './rabbitmqctl/steps.ts'
import { declareTopology } from './rabbitmqctl/topology.ts'
import { bufferTerminal } from './support/buffer-terminal.ts'

// The same questions to `warren ctl` as to RabbitMQ's own tools, and the same answers: those of RabbitMQ 3.10, recorded.

interface Recorded extends Answer {
  readonly asked: string
}

const recorded = JSON.parse(
  readFileSync(new URL('rabbitmqctl/answers-3.10.json', import.meta.url), 'utf8'),
) as Recorded[]

interface Broker {
  readonly isWarren: boolean
  readonly url: string
  readonly managementUrl: string
  readonly node: string
}

/** In this process: a hundred processes would take a minute. */
async function ask(step: Step, { managementUrl, node }: Broker): Promise<Answer> {
  const terminal = bufferTerminal()
  const host = {
    version: '0.0.0',
    describeNode: () => assert.fail('the address was given'),
    commands: () => [],
  }
  const code = await runCtl(step.tool ?? 'ctl', ['--url', managementUrl, ...step.args], host, terminal)
  return normalise({ code, stdout: terminal.stdout, stderr: terminal.stderr }, step, node)
}

/** The topology of the lists, which needs the virtual host that the first steps have made. */
async function declare(t: TestContext, broker: Broker): Promise<void> {
  const { code } = await ask({ args: ['set_permissions', '-p', VHOST, 'guest', '.*', '.*', '.*'] }, broker)
  assert.equal(code, 0)
  const connection = await declareTopology(broker.url)
  // A step of the table closes it; then there is nothing left to close.
  t.after(() => connection.close().catch(() => {}))
  // RabbitMQ knows figures once they have been reported to it, every five seconds.
  const shows = async (args: readonly string[], line: string): Promise<boolean> =>
    (await ask({ args: ['-s', ...args] }, broker)).stdout.includes(line)
  await eventually(
    async () => (await shows(['list_queues', '-p', VHOST, 'name', 'messages_unacknowledged'], 'q1\t2')) || undefined,
  )
  await eventually(
    async () =>
      (await shows(['list_channels', 'vhost', 'consumer_count', 'prefetch_count'], `${VHOST}\t1\t2`)) || undefined,
  )
  await eventually(
    async () => (await shows(['list_connections', 'vhost', 'state', 'channels'], `${VHOST}\trunning\t1`)) || undefined,
  )
}

async function replay(t: TestContext, broker: Broker): Promise<void> {
  assert.deepEqual(
    recorded.map(({ asked }) => asked),
    STEPS.map(askedBy),
    'record anew: node tools/record-rabbitmqctl.ts',
  )
  for (const [i, step] of STEPS.entries()) {
    if (step === TOPOLOGY_STEPS[0]) await declare(t, broker)
    const { asked, code, stdout, stderr } = recorded[i]!
    await t.test(asked, async () => {
      const answer = await ask(step, broker)
      const differs = step.differs ?? (broker.isWarren ? step.differsOnWarren : undefined)
      if (differs === undefined) assert.deepEqual(answer, { code, stdout, stderr })
      else assert.equal(answer.code, step.code ?? code, answer.stderr.join('\n'))
    })
  }
}

describe('the answers of rabbitmqctl', () => {
  test('are those of warren ctl, asking a RabbitMQ', { skip: withoutRabbitmq }, async (t) => {
    const rabbitmq = await startRabbitmq(['rabbitmq_shovel_management', 'rabbitmq_federation_management'])
    t.after(() => rabbitmq.stop())
    await replay(t, { ...rabbitmq, isWarren: false })
  })

  test('are those of warren ctl, asking a WarrenMQ', async (t) => {
    const warren = await startWarren(t)
    const node = /^ *node +(\S+)$/m.exec(warren.stdout)![1]!
    await replay(t, { isWarren: true, url: warren.url('AMQP'), managementUrl: warren.url('HTTP'), node })
  })
})
