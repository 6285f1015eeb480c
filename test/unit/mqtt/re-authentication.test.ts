/** A client that is in says once more who it is, by AUTH (MQTT 5.0, 4.12.1). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IConnectPacket } from 'mqtt-packet'
import { PermissionsAuthorizer } from '../../../src/core/authorizer.ts'
import type { Broker } from '../../../src/core/broker.ts'
import type { AuthenticationMethod } from '../../../src/protocols/mqtt/authentication-method.ts'
import { MqttLife, type MqttLifeClient } from '../../support/mqtt-life.ts'

const CONTINUE = 0x18
const AGAIN = 0x19
/** For so long is a login good, in ms. */
const GOOD_FOR_MS = 60_000

/** Asks for a name, written twice, and perhaps for whose permissions, behind a slash; the answer comes later. */
const doubling = (broker: Broker): AuthenticationMethod => ({
  name: 'DOUBLE',
  begin: () => ({
    async next(data) {
      await Promise.resolve()
      if (data === null) return { outcome: 'continue', data: Buffer.from('who') }
      const [text = '', as] = data.toString().split('/')
      const name = text.slice(0, text.length / 2)
      const user = broker.users.get(name)
      if (user === undefined || text !== name + name) return { outcome: 'refused', reason: 'not a name, twice' }
      const identity = Object.assign(Object.create(broker.identityOf(user)), {
        expiresAt: broker.clock.now() + GOOD_FOR_MS,
        authorizer: new PermissionsAuthorizer(broker.permissions, as ?? name),
      })
      return { outcome: 'ok', identity, data: Buffer.from('welcome') }
    },
  }),
})

function auth(client: MqttLifeClient, reasonCode: number, data?: string, authenticationMethod = 'DOUBLE'): void {
  const authenticationData = data === undefined ? {} : { authenticationData: Buffer.from(data) }
  client.send({ cmd: 'auth', reasonCode, properties: { authenticationMethod, ...authenticationData } })
}

/** @returns a client that has logged in by the method, as guest */
async function loggedIn(will?: IConnectPacket['will']): Promise<{ life: MqttLife; client: MqttLifeClient }> {
  const life = await MqttLife.begin(undefined, undefined, (broker) => [doubling(broker)])
  const { users } = life.bench.broker
  users.put({ ...users.get('guest')!, name: 'other' })
  const client = life.connect('client', 100, { authenticationMethod: 'DOUBLE' }, will === undefined ? {} : { will })
  assert.equal(await client.next(), `auth ${CONTINUE} who`)
  auth(client, CONTINUE, 'guestguest')
  assert.equal(await client.next(), 'connack')
  return { life, client }
}

test('goes on working meanwhile, and stays for as long as the new login is good', async () => {
  const { life, client } = await loggedIn()
  life.bench.advance(GOOD_FOR_MS - 1)
  auth(client, AGAIN)
  assert.equal(await client.next(), `auth ${CONTINUE} who`)
  client.subscribe('a', 1)
  assert.equal(await client.next(), 'suback id 99')
  auth(client, CONTINUE, 'guestguest')
  assert.equal(await client.next(), 'auth 0 welcome')
  life.bench.advance(GOOD_FOR_MS - 1)
  client.publish('one', 1, { qos: 0 })
  assert.match(await client.next(), /^publish one/)
  auth(client, AGAIN)
  assert.equal(await client.next(), `auth ${CONTINUE} who`)
  auth(client, CONTINUE, 'guestguest')
  assert.equal(await client.next(), 'auth 0 welcome')
})

/** As guest once more, with the permissions of another user. */
async function loginAs(client: MqttLifeClient, as: string): Promise<string> {
  auth(client, AGAIN)
  assert.equal(await client.next(), `auth ${CONTINUE} who`)
  auth(client, CONTINUE, `guestguest/${as}`)
  return client.next()
}

test('may do what the new login may, and no more', async () => {
  const { life, client } = await loggedIn()
  const { permissions } = life.bench.broker
  permissions.set({ user: 'reader', vhost: '/', configure: '.*', write: '^mqtt', read: '.*' })
  permissions.set({ user: 'writer', vhost: '/', configure: '', write: '.*', read: '' })
  client.publish('one', 1, { qos: 1 })
  assert.equal(await client.next(), 'puback id 1')
  assert.equal(await loginAs(client, 'writer'), 'auth 0 welcome')
  client.publish('two', 2, { qos: 1 })
  assert.equal(await client.next(), 'puback id 2')
  assert.equal(await loginAs(client, 'reader'), 'auth 0 welcome')
  client.publish('three', 3, { qos: 1 })
  assert.equal(await client.next(), 'disconnect 135')
})

for (const [as, comes] of [
  ['writer', 'the end'],
  ['reader', 'later'],
] as const) {
  test(`leaves its will as a ${as}`, async () => {
    const will = { topic: 'b', payload: Buffer.from('the end'), qos: 0, retain: false } as const
    const { life, client } = await loggedIn(will)
    const { permissions } = life.bench.broker
    permissions.set({ user: 'reader', vhost: '/', configure: '.*', write: '^mqtt', read: '.*' })
    permissions.set({ user: 'writer', vhost: '/', configure: '', write: '.*', read: '' })
    const other = life.connect('subscriber')
    assert.equal(await other.next(), 'connack')
    other.subscribe('b', 1)
    assert.equal(await other.next(), 'suback id 99')
    assert.equal(await loginAs(client, as), 'auth 0 welcome')
    await client.cut()
    other.publish('later', 1, { topic: 'b', qos: 0 })
    assert.match(await other.next(), new RegExp(`^publish ${comes} `))
  })
}

test('ends where the new login may not enter the virtual host', async () => {
  const { client } = await loggedIn()
  assert.equal(await loginAs(client, 'nobody'), 'disconnect 135')
})

const REFUSED: Readonly<Record<string, (client: MqttLifeClient) => Promise<number>>> = {
  'by a method that is not content': async (client) => {
    auth(client, AGAIN)
    await client.next()
    auth(client, CONTINUE, 'guest')
    return 0x87
  },
  'as another user': async (client) => {
    auth(client, AGAIN)
    await client.next()
    auth(client, CONTINUE, 'otherother')
    return 0x87
  },
  'by another method than that of CONNECT': async (client) => {
    auth(client, AGAIN, undefined, 'OTHER')
    return 0x82
  },
  'going on with nothing': async (client) => {
    auth(client, CONTINUE, 'guestguest')
    return 0x82
  },
  'beginning twice': async (client) => {
    auth(client, AGAIN)
    await client.next()
    auth(client, AGAIN)
    return 0x82
  },
}

for (const [how, act] of Object.entries(REFUSED)) {
  test(`is refused ${how}`, async () => {
    const { client } = await loggedIn()
    const reason = await act(client)
    assert.equal(await client.next(), `disconnect ${reason}`)
  })
}

test('is nothing for a client that logged in otherwise', async () => {
  const life = await MqttLife.begin(undefined, undefined, (broker) => [doubling(broker)])
  const client = life.connect('client')
  assert.equal(await client.next(), 'connack')
  auth(client, AGAIN)
  assert.equal(await client.next(), 'disconnect 130')
})
