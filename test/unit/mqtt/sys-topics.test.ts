import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSysTopic, type SysFacts, SysTopics } from '../../../src/protocols/mqtt/sys-topics.ts'
import { StepClock } from '../../support/core-bench.ts'

const INTERVAL = 10_000

function setUp(intervalMs = INTERVAL) {
  const clock = new StepClock()
  const facts = {
    version: 'WarrenMQ version 1.2.3',
    startedAt: clock.now(),
    clientsConnected: 3,
    clientsDisconnected: 2,
    clientsMaximum: 7,
    clientsExpired: 1,
    connectionsOpened: 0,
    packetsReceived: 0,
    packetsSent: 0,
    publishReceived: 0,
    publishSent: 0,
    publishDropped: 0,
    publishBytesReceived: 0,
    publishBytesSent: 0,
    bytesReceived: 0,
    bytesSent: 0,
    subscriptions: 9,
    sharedSubscriptions: 4,
    retained: 5,
  }
  let reads = 0
  const topics = new SysTopics(clock, intervalMs, (): SysFacts => {
    reads++
    return facts
  })
  const told: string[] = []
  const subscribe = (filter: string): (() => void) =>
    topics.subscribe(filter, (topic, payload, retained) => {
      told.push(`${retained ? 'retained ' : ''}${topic.replace('$SYS/broker/', '')}=${payload.toString()}`)
    })
  return {
    clock,
    facts,
    topics,
    subscribe,
    take: () => told.splice(0),
    advance: (ms: number) => clock.advance(ms, () => {}),
    reads: () => reads,
  }
}

test('a new subscriber gets the values that there are', () => {
  const { subscribe, take, advance } = setUp()
  advance(65_000)
  subscribe('$SYS/broker/clients/#')
  assert.deepEqual(take(), [
    'retained clients/connected=3',
    'retained clients/active=3',
    'retained clients/disconnected=2',
    'retained clients/inactive=2',
    'retained clients/total=5',
    'retained clients/maximum=7',
    'retained clients/expired=1',
  ])
  subscribe('$SYS/+/uptime')
  subscribe('$SYS/broker/version')
  subscribe('#')
  subscribe('$SYS/broker')
  assert.deepEqual(take(), ['retained uptime=65 seconds', 'retained version=WarrenMQ version 1.2.3'])
})

test('subscribers are told after each interval what has changed', () => {
  const { subscribe, take, advance, facts } = setUp()
  subscribe('$SYS/broker/clients/connected')
  subscribe('$SYS/broker/subscriptions/count')
  take()
  facts.clientsConnected = 8
  advance(INTERVAL - 1)
  assert.deepEqual(take(), [])
  advance(1)
  assert.deepEqual(take(), ['clients/connected=8'])
  advance(INTERVAL)
  assert.deepEqual(take(), [])
})

test('nothing is computed while nobody has subscribed', () => {
  const { subscribe, take, advance, reads, clock } = setUp()
  advance(INTERVAL * 5)
  assert.equal(reads(), 0)
  const [endOne, endOther] = [subscribe('$SYS/#'), subscribe('$SYS/broker/uptime')]
  assert.ok(take().length > 40)
  advance(INTERVAL)
  assert.equal(reads(), 2)
  take()
  endOne()
  endOne()
  advance(INTERVAL)
  assert.deepEqual(take(), ['uptime=70 seconds'])
  endOther()
  assert.equal(clock.timers.next(), Infinity)
  advance(INTERVAL * 5)
  assert.equal(reads(), 3)
})

test('loads are averages for each minute that fade', () => {
  const { subscribe, take, advance, facts } = setUp()
  subscribe('$SYS/broker/load/publish/received/+')
  assert.deepEqual(take(), [
    'retained load/publish/received/1min=0.00',
    'retained load/publish/received/5min=0.00',
    'retained load/publish/received/15min=0.00',
  ])
  facts.publishReceived += 100
  advance(INTERVAL)
  // 600 a minute for a sixth of one: 600 (1 - e^(-1/6)), and so on
  assert.deepEqual(take(), [
    'load/publish/received/1min=92.11',
    'load/publish/received/5min=19.67',
    'load/publish/received/15min=6.63',
  ])
  advance(60_000)
  assert.equal(take().at(-3), 'load/publish/received/1min=33.89')
})

test('what came while nobody looked counts evenly', () => {
  const { subscribe, take, advance, facts } = setUp()
  facts.bytesReceived = 120_000
  advance(60_000 * 60)
  subscribe('$SYS/broker/load/bytes/received/1min')
  assert.deepEqual(take(), ['retained load/bytes/received/1min=2000.00'])
})

test('there are no values where they are switched off', () => {
  const { subscribe, take, advance, clock } = setUp(0)
  const end = subscribe('$SYS/#')
  advance(60_000)
  assert.deepEqual(take(), [])
  assert.equal(clock.timers.next(), Infinity)
  end()
})

test('knows its topics', () => {
  for (const topic of ['$SYS', '$SYS/broker', '$SYS/#']) assert.ok(isSysTopic(topic))
  for (const topic of ['$SYSTEM/x', 'a/$SYS/x', '#', '$sys/x']) assert.ok(!isSysTopic(topic))
})
