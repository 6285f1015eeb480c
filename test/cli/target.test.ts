import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import { describe, test } from 'node:test'
import { resolveTarget, type TargetOptions } from '../../src/cli/api/target.ts'

const CONFIGURED = 'http://localhost:15999'

/** Where a command goes. */
async function urlOf(options: TargetOptions, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const describeNode = async () => ({ url: CONFIGURED, amqpUrl: null, user: 'guest', password: 'guest' })
  const { url } = await resolveTarget(options, env, describeNode)
  return url.href
}

describe('--node', () => {
  test('names the host; scheme, port and path are those of the address that would be asked without it', async () => {
    assert.equal(await urlOf({ node: 'rabbit@other' }), 'http://other:15999/')
    const env = { WARREN_URL: 'https://gate.example:8443/broker' }
    assert.equal(await urlOf({ node: 'rabbit@other' }, env), 'https://other:8443/broker')
  })

  test('of this machine leaves an address of this machine as it is', async () => {
    for (const host of [hostname(), hostname().split('.')[0], 'localhost'])
      assert.equal(
        await urlOf({ node: `rabbit@${host}` }, { WARREN_URL: 'http://127.0.0.1:15941' }),
        'http://127.0.0.1:15941/',
      )
    assert.equal(await urlOf({ node: 'rabbit@localhost' }, { WARREN_URL: 'http://far:1' }), 'http://localhost:1/')
  })

  test('without a host says nothing, and less than --url', async () => {
    assert.equal(await urlOf({ node: 'rabbit' }), `${CONFIGURED}/`)
    assert.equal(await urlOf({ node: 'rabbit@other', url: 'here:1' }), 'http://here:1/')
  })
})
