import { randomBytes } from 'node:crypto'
import { after, before, describe } from 'node:test'
import { type RabbitMq, startRabbitmq, withoutRabbitmq } from '../support/rabbitmq.ts'
import { startTestBroker } from '../support/with-broker.ts'

export interface BrokerAtHand {
  readonly name: 'WarrenMQ' | 'RabbitMQ'
  /** Has user and password, and no path. */
  readonly url: () => string
  /** A name that nothing else has. */
  readonly unique: (suffix: string) => string
}

/** Runs the same tests against a broker of our own, and a RabbitMQ where there is one. */
export function describeBrokers(title: string, define: (broker: BrokerAtHand) => void): void {
  const unique = (suffix: string): string => `test.${randomBytes(4).toString('hex')}.${suffix}`
  let url = ''

  describe(`${title}, WarrenMQ`, () => {
    let stop: () => Promise<void>
    before(async () => {
      const broker = await startTestBroker()
      url = broker.url
      stop = () => broker.server.stop('test')
    })
    after(() => stop())
    define({ name: 'WarrenMQ', url: () => url, unique })
  })

  const given = process.env['RABBITMQ_URL']
  describe(`${title}, RabbitMQ`, { skip: given === undefined && withoutRabbitmq }, () => {
    let rabbitmq: RabbitMq | null = null
    before(async () => {
      if (given === undefined) rabbitmq = await startRabbitmq()
    })
    after(() => rabbitmq?.stop())
    define({ name: 'RabbitMQ', url: () => given ?? rabbitmq!.url, unique })
  })
}
