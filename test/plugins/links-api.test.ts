import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startTestBroker, type TestBroker } from '../support/with-broker.ts'
import { eventually } from './support.ts'

describe('links in the HTTP API', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
    const { broker: core } = broker.server
    for (const [name, tags] of [
      ['monitor', ['monitoring']],
      ['manager', ['management']],
    ] as const) {
      core.users.put(core.users.parse({ name, password: name, tags: [...tags] }))
      core.setPermission({ user: name, vhost: '/', configure: '.*', write: '.*', read: '.*' })
    }
    core.putVhost('v')
    const shovel = { 'src-uri': 'amqp://', 'src-queue': 'a', 'dest-uri': 'amqp://', 'dest-queue': 'b' }
    core.setParameter('/', 'shovel', 'one', shovel)
    core.setParameter('v', 'shovel', 'two', shovel)
    core.setParameter('v', 'federation-upstream', 'up', { uri: 'amqp:///%2F' })
    // tried once: between two attempts it would be starting
    core.setParameter('v', 'federation-upstream', 'down', { uri: 'amqp:///nowhere', 'reconnect-delay': 0 })
    core.setPolicy('user', 'v', 'fed', {
      pattern: '^amq.fanout$',
      'apply-to': 'exchanges',
      definition: { 'federation-upstream-set': 'all' },
    })
    await eventually(() => {
      const { shovels, federation } = broker.server.links
      const states = [...shovels.list().map(({ state }) => state), ...federation.list().map(({ status }) => status)]
      return states.toSorted().join() === 'error,running,running,running'
    })
  })
  after(() => broker.server.stop('test'))

  async function ask(method: string, path: string, user = 'guest'): Promise<{ status: number; json: unknown }> {
    const answer = await fetch(`${broker.server.urls.http[0]}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa(`${user}:${user}`)}` },
    })
    const text = await answer.text()
    return { status: answer.status, json: text === '' ? null : JSON.parse(text) }
  }
  const namesOf = async (path: string, user?: string): Promise<string[]> => {
    const { json } = await ask('GET', path, user)
    return (json as { name?: string; upstream?: string }[])
      .map(({ name, upstream }) => name ?? upstream ?? '')
      .toSorted()
  }

  test('shovels of all vhosts, of one, and one of them', async () => {
    assert.deepEqual(await namesOf('shovels'), ['one', 'two'])
    assert.deepEqual(await namesOf('shovels', 'monitor'), ['one', 'two'])
    assert.deepEqual(await namesOf('shovels/v'), ['two'])
    const { json } = await ask('GET', 'shovels/vhost/%2F/one')
    assert.deepEqual(
      { ...(json as object), timestamp: '' },
      { ...broker.server.links.shovels.list('/')[0], timestamp: '' },
    )
    assert.equal((await ask('GET', 'shovels/nowhere')).status, 404)
    assert.equal((await ask('GET', 'shovels/vhost/%2F/two')).status, 404)
  })

  test('links of all vhosts, of one, and those that are down', async () => {
    assert.deepEqual(await namesOf('federation-links'), ['down', 'up'])
    assert.deepEqual(await namesOf('federation-links/state/down'), ['down'])
    assert.deepEqual(await namesOf('federation-links/v'), ['down', 'up'])
    assert.deepEqual(await namesOf('federation-links/v/state/down'), ['down'])
    assert.deepEqual(await namesOf('federation-links/%2F'), [])
  })

  test('they are for monitors', async () => {
    for (const path of ['shovels', 'shovels/vhost/%2F/one', 'federation-links', 'federation-links/v/state/down']) {
      assert.equal((await ask('GET', path, 'manager')).status, 401, path)
    }
    // who may not look is not told which vhosts there are
    for (const path of ['shovels/nowhere', 'federation-links/nowhere', 'federation-links/nowhere/state/down']) {
      const { status, json } = await ask('GET', path, 'manager')
      assert.deepEqual([status, json], [401, { error: 'not_authorised', reason: 'Not monitor user' }], path)
    }
    assert.equal((await ask('DELETE', 'shovels/vhost/%2F/one', 'monitor')).status, 401)
    assert.equal((await ask('DELETE', 'shovels/vhost/%2F/one/restart', 'manager')).status, 401)
  })

  test('restarts', async () => {
    const states: string[] = []
    const unlisten = broker.server.broker.events.listen(({ name, facts }) => {
      if (/^(shovel|federation)/.test(name))
        states.push(`${String(facts['name'] ?? facts['upstream'])} ${String(facts['status'])}`)
    })
    const link = broker.server.links.federation.list('v').find(({ upstream }) => upstream === 'up')!
    assert.equal((await ask('DELETE', 'shovels/vhost/v/two/restart', 'monitor')).status, 204)
    assert.equal((await ask('DELETE', `federation-links/vhost/v/${link.id}/${link.node}/restart`)).status, 204)
    await eventually(() => states.includes('two running') && states.includes('up running'))
    unlisten()
    assert.equal((await ask('DELETE', 'shovels/vhost/v/none/restart')).status, 404)
    assert.equal((await ask('DELETE', `federation-links/vhost/v/none/${link.node}/restart`)).status, 404)
  })

  test('deletes a shovel', async () => {
    assert.equal((await ask('DELETE', 'shovels/vhost/%2F/one')).status, 204)
    assert.equal((await ask('DELETE', 'shovels/vhost/%2F/one')).status, 404)
    assert.deepEqual(await namesOf('shovels'), ['two'])
    assert.equal(broker.server.broker.parameters.get('/', 'shovel', 'one'), null)
  })
})
