// Asks a RabbitMQ of its own, with RabbitMQ's own tools, what test/cli/rabbitmqctl/steps.ts asks, and writes down the answers.
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askedBy, normalise, type Answer } from '../test/cli/rabbitmqctl/answers.ts'
import { STEPS, TOPOLOGY_STEPS, VHOST } from '../test/cli/rabbitmqctl/steps.ts'
import { declareTopology } from '../test/cli/rabbitmqctl/topology.ts'
import { startRabbitmq } from '../test/support/rabbitmq.ts'

const LIBRARY = '/usr/lib/rabbitmq/lib'
const programs = join(LIBRARY, readdirSync(LIBRARY)[0]!, 'sbin')
const target = new URL('../test/cli/rabbitmqctl/answers-3.10.json', import.meta.url)

const rabbitmq = await startRabbitmq([
  'rabbitmq_shovel',
  'rabbitmq_shovel_management',
  'rabbitmq_federation',
  'rabbitmq_federation_management',
])
try {
  const answers: (Answer & { asked: string })[] = []
  for (const step of STEPS) {
    if (step === TOPOLOGY_STEPS[0]) {
      allow('guest')
      await declareTopology(rabbitmq.url)
    }
    const program = step.tool === undefined ? 'rabbitmqctl' : `rabbitmq-${step.tool}`
    const { status, stdout, stderr } = run(program, step.args)
    const answer = normalise({ code: status!, stdout, stderr }, step, rabbitmq.node)
    answers.push({ asked: askedBy(step), ...answer })
  }
  writeFileSync(target, `${JSON.stringify(answers, null, 2)}\n`)
} finally {
  await rabbitmq.stop()
}

// The client's connection was closed by one of the steps; what it still waits for does not matter.
process.exit()

function run(program: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(programs, program), ['-n', rabbitmq.node, ...args], {
    encoding: 'utf8',
    input: '',
    env: rabbitmq.env,
  })
}

function allow(user: string): void {
  run('rabbitmqctl', ['set_permissions', '-p', VHOST, user, '.*', '.*', '.*'])
}
