import type { TestContext } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { Authority, type Identity } from './certificates.ts'
import { temporaryFolder } from './warren-process.ts'

/** A broker to which the user ann may log in to STOMP by her certificate. */
export async function startForCertificates(
  t: TestContext,
  tlsThreads = 0,
): Promise<{ broker: WarrenBroker; authority: Authority; ann: Identity }> {
  const authority = new Authority(temporaryFolder(t))
  const server = authority.issue('server', '/CN=localhost', 'DNS:localhost,IP:127.0.0.1')
  const ann = authority.issue('ann', '/CN=ann')
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } }
  const broker = await startBroker({
    protocols: ['stomp'],
    users: [{ name: 'ann', password: 'secret', permissions }],
    tls: { certFile: server.certFile, keyFile: server.keyFile, caFile: authority.caFile },
    config: { 'warren.tls_threads': tlsThreads, 'stomp.ssl_cert_login': true, ssl_cert_login_from: 'common_name' },
  })
  t.after(() => broker.stop())
  return { broker, authority, ann }
}
