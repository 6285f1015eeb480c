// Compiled by process.test.ts, never run.
import { startBroker, virtualClock, type WarrenBroker } from 'warrenmq'

const broker = await startBroker({ port: 0, config: { heartbeat: 5 }, users: [{ name: 'u', password: 'p' }] })
broker.url satisfies string
broker.port satisfies number
broker.managementUrl satisfies string | undefined
broker.clock.now() satisfies number
// @ts-expect-error only a virtual clock moves
await broker.clock.advance('30m')

const timed = await startBroker({ clock: virtualClock() })
await timed.clock.advance('30m')
const general: WarrenBroker = timed
general.queue('q').ready satisfies number

const message = await broker.get('q')
// @ts-expect-error there may be none
void message.body
message?.json<{ id: number }>().id satisfies number | undefined
const { routed } = await broker.publish('', 'q', { id: 1 }, { headers: { a: 1 }, expiration: 1000 })
routed satisfies boolean
// @ts-expect-error a number is no body
await broker.publish('', 'q', 1)
// @ts-expect-error there are only these two
broker.setAlarm('cpu', true)
// @ts-expect-error there is no such option
await startBroker({ prot: 1 })
