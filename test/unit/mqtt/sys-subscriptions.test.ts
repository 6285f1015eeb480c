import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientConnection } from '../../../src/core/client-connection.ts'
import type { MqttContext } from '../../../src/protocols/mqtt/context.ts'
import type { OutgoingDeliveries } from '../../../src/protocols/mqtt/deliveries.ts'
import { Subscription } from '../../../src/protocols/mqtt/subscription.ts'
import { SysSubscriptions } from '../../../src/protocols/mqtt/sys-subscriptions.ts'
import type { SysDelivery } from '../../../src/protocols/mqtt/sys-topics.ts'
import { CoreBench } from '../../support/core-bench.ts'

test('what the broker’s own topics tell is not kept for a client that does not read', async () => {
  const { broker } = await new CoreBench().start()
  let tell: SysDelivery | undefined
  const sysTopics = { subscribe: (_filter: string, deliver: SysDelivery) => ((tell = deliver), () => {}) }
  const context = { settings: { exchange: 'amq.topic', broker }, sysTopics }
  const written: string[] = []
  const deliveries = {
    write: (_first: number, _id: number, _message: unknown, topic: string) => written.push(topic) > 0,
  }
  const connection = { full: false }
  const subscriptions = new SysSubscriptions(
    context as unknown as MqttContext,
    deliveries as unknown as OutgoingDeliveries,
    connection as ClientConnection,
  )
  const options = { qos: 0, noLocal: false, retainAsPublished: false, identifier: 0 } as const
  subscriptions.add(new Subscription('$SYS/#', options, { sparkplug: false }))
  tell!('$SYS/broker/uptime', Buffer.from('1'), false)
  connection.full = true
  tell!('$SYS/broker/uptime', Buffer.from('2'), false)
  connection.full = false
  tell!('$SYS/broker/version', Buffer.from('3'), false)
  assert.deepEqual(written, ['$SYS/broker/uptime', '$SYS/broker/version'])
})
