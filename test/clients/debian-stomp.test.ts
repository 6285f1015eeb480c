/** Debian's stomp.py, as Python developers use it: over TCP, and over TLS with a certificate that logs in. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { startBroker } from '../../src/testkit/start-broker.ts'
import { withoutOpenssl } from '../support/certificates.ts'
import { startForCertificates } from '../support/stomp-certificates.ts'
import { missing, PYTHON, runProgram } from './debian/programs.ts'

const skip = missing('python3-stomp', { program: PYTHON, args: ['-c', 'import stomp'] })
const PROGRAM = join(import.meta.dirname, 'debian/stomp_client.py')

const EXPECTED = ['1.0', '1.1', '1.2'].flatMap((version) => [
  { part: 'version', value: version },
  {
    part: 'message',
    value: ['hellö €', 'text/plain', version === '1.2' ? 'a:b\n\\' : 'plain', `/topic/py.${version.replace('.', '_')}`],
  },
  { part: 'goodbye', value: 'bye' },
  { part: 'acks', value: version === '1.0' ? ['a', 'b'] : ['a', 'b', 'b', 'true'] },
  { part: 'transactions', value: ['kept', 'after'] },
  { part: 'error', value: ['not_found', "NOT_FOUND - no exchange 'nope' in vhost '/'"] },
])

describe("Debian's stomp.py", { skip }, () => {
  test('does all it can in every version', async (t) => {
    const broker = await startBroker({ protocols: ['stomp'] })
    t.after(() => broker.stop())
    const { hostname, port } = new URL(broker.urls.stomp!)
    assert.deepEqual(await runProgram({ program: PYTHON, args: [PROGRAM, hostname, port] }), EXPECTED)
  })

  test('does so over TLS, logged in by its certificate', { skip: withoutOpenssl }, async (t) => {
    const { broker, authority, ann } = await startForCertificates(t)
    const users = new Set<string>()
    const { port } = new URL(broker.urls.stomps!)
    const args = [PROGRAM, 'localhost', port, authority.caFile, ann.certFile, ann.keyFile]
    const onAnswer = (): void => {
      for (const { user } of broker.connections()) users.add(user)
    }
    assert.deepEqual(await runProgram({ program: PYTHON, args }, { onAnswer }), EXPECTED)
    assert.deepEqual([...users], ['ann'])
  })
})
