import { after, before, test } from 'node:test'
import { connect } from 'amqplib'
import type { RunningServer } from '../../src/server.ts'
import { startTestBroker, type TestBroker, type TestBrokerOptions } from '../support/with-broker.ts'
import { Bench } from './bench.ts'
import { type Difference, DIFFERENCES, type DifferenceName } from './differences.ts'

export { eventually } from '../support/with-broker.ts'

/** With it set, the scenarios run against this broker instead of one in the process: both are to give the same answers. */
const rabbitmqUrl = process.env['RABBITMQ_URL']

export interface BrokerUnderTest {
  readonly name: 'WarrenMQ' | 'RabbitMQ'
  readonly url: string
}

export interface ScenarioOptions {
  /** RabbitMQ does something else altogether: skipped there, with the reason. */
  readonly differs?: DifferenceName
  /** Flags for a broker of the scenario's own; RabbitMQ runs with what it has. */
  readonly flags?: readonly string[]
}

type Scenario = (bench: Bench) => Promise<void>
type InProcessScenario = (bench: Bench, server: RunningServer) => Promise<void>

/** The version of the RabbitMQ under test; null for WarrenMQ. */
let rabbitmqVersion: string | null = null

/**
 * One broker for all scenarios of a file, there from its first test on. Scenarios do not meet in it, since each gives its queues and
 * exchanges names of their own.
 */
export function brokerUnderTest(): {
  readonly broker: () => BrokerUnderTest
  readonly scenario: (title: string, ...rest: [Scenario] | [ScenarioOptions, Scenario]) => void
} {
  let broker: BrokerUnderTest | null = null
  let own: TestBroker | null = null
  before(async () => {
    if (rabbitmqUrl === undefined) {
      own = await startTestBroker()
      broker = { name: 'WarrenMQ', url: own.url }
    } else {
      broker = { name: 'RabbitMQ', url: rabbitmqUrl }
      rabbitmqVersion ??= await versionOf(rabbitmqUrl)
    }
  })
  after(() => own?.server.stop('test'))
  return {
    broker: () => broker!,
    scenario: (title, ...rest) => {
      const [options, run] = rest.length === 1 ? [{} as ScenarioOptions, rest[0]] : rest
      test(title, async (t) => {
        if (options.differs !== undefined && differs(options.differs)) {
          t.skip(DIFFERENCES[options.differs].text)
        } else if (options.flags !== undefined && rabbitmqUrl === undefined) {
          await withOwnBroker({ flags: options.flags }, run)
        } else {
          await useBench(broker!, run)
        }
      })
    },
  }
}

/** A scenario that sets policies, permissions or alarms, and so needs a broker of its own in this process. */
export function inProcess(title: string, ...rest: [InProcessScenario] | [TestBrokerOptions, InProcessScenario]): void {
  const [options, run] = rest.length === 1 ? [{} as TestBrokerOptions, rest[0]] : rest
  const skip = rabbitmqUrl === undefined ? false : 'configures the broker in the process'
  test(title, { skip }, () => withOwnBroker(options, run))
}

/** Whether the broker under test is a RabbitMQ that does not do as WarrenMQ does. */
export function differs(name: DifferenceName): boolean {
  if (rabbitmqVersion === null) return false
  const { since }: Difference = DIFFERENCES[name]
  return since === null || isOlder(rabbitmqVersion, since)
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [otherMajor = 0, otherMinor = 0] = than.split('.').map(Number)
  return major < otherMajor || (major === otherMajor && minor < otherMinor)
}

async function versionOf(url: string): Promise<string> {
  const connection = await connect(url)
  try {
    return connection.connection.serverProperties.version
  } finally {
    await connection.close()
  }
}

async function withOwnBroker(options: TestBrokerOptions, run: InProcessScenario): Promise<void> {
  const { server, url } = await startTestBroker(options)
  try {
    await useBench({ name: 'WarrenMQ', url }, (bench) => run(bench, server))
  } finally {
    await server.stop('test')
  }
}

async function useBench({ url, name }: BrokerUnderTest, run: Scenario): Promise<void> {
  const bench = new Bench(url)
  try {
    await run(bench)
  } finally {
    await bench.close(name === 'RabbitMQ')
  }
}
