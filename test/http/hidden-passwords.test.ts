import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ApiBench, startApi } from './support.ts'

const URL = 'parameters/federation-upstream/%2F/up'

interface Shown {
  readonly value: { readonly uri: string | readonly string[] }
}

async function startWith(uri: unknown): Promise<ApiBench> {
  const api = await startApi()
  const { broker } = api.bench
  broker.setPermission({ user: 'policymaker', vhost: '/', configure: '', write: '', read: '' })
  broker.setParameter('/', 'federation-upstream', 'up', { uri })
  return api
}

const shownTo = async ({ request }: ApiBench, as: string): Promise<unknown> =>
  (await request('GET', URL, { as })).json<Shown>().value.uri

const kept = ({ bench }: ApiBench): unknown =>
  (bench.broker.parameters.get('/', 'federation-upstream', 'up')!.value as Shown['value']).uri

const put = ({ request }: ApiBench, value: object) => request('PUT', URL, { body: { value }, as: 'policymaker' })

describe('passwords in the addresses of parameters', () => {
  const UPSTREAM = 'amqps://me:s3cret@far/v?certfile=a&password=k3y&verify=verify_none'
  const HIDDEN = 'amqps://me:***@far/v?certfile=a&password=***&verify=verify_none'

  test('are for administrators alone', async () => {
    const api = await startWith([UPSTREAM, 'amqp://far?password=k3y'])
    assert.deepEqual(await shownTo(api, 'guest'), [UPSTREAM, 'amqp://far?password=k3y'])
    assert.deepEqual(await shownTo(api, 'policymaker'), [HIDDEN, 'amqp://far?password=***'])
  })

  test('stay as they are where they are sent back hidden', async () => {
    const api = await startWith(['amqp://me:other@near', UPSTREAM])
    const answer = await put(api, { uri: [HIDDEN, 'amqp://me:new@near'], expires: 1000 })
    assert.equal(answer.statusCode, 204)
    assert.deepEqual(kept(api), [UPSTREAM, 'amqp://me:new@near'])
  })

  test('do not go to another address, nor over a connection that is checked less', async () => {
    const api = await startWith(UPSTREAM)
    const others = [HIDDEN.replace('far', 'mine'), `${HIDDEN}&depth=2`, HIDDEN.replace('me:', 'you:')]
    for (const uri of others) {
      const answer = await put(api, { uri })
      assert.equal(answer.statusCode, 400)
      assert.equal(answer.json<{ reason: string }>().reason, `the password of ${uri} was hidden: put it in its place`)
    }
    assert.equal(kept(api), UPSTREAM)
  })

  test('are refused hidden where nothing is known, and where two are known for the same address', async () => {
    const api = await startWith(['amqp://me:one@far', 'amqp://me:two@far'])
    assert.equal((await put(api, { uri: 'amqp://me:***@far' })).statusCode, 400)
    const fresh = await api.request('PUT', 'global-parameters/mine', {
      body: { value: { at: ['amqp://me:***@far'] } },
      as: 'policymaker',
    })
    assert.equal(fresh.statusCode, 400)
  })
})
