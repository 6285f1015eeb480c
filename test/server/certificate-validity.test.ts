import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadTls, type TlsContext, validityProblem } from '../../src/net/tls.ts'
import { SecuredListener } from '../../src/secured-listener.ts'
import { createLog } from '../../src/telemetry/pino-log.ts'
import { Authority, withoutOpenssl } from '../support/certificates.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'

const DAY_MS = 86_400_000
const SETTINGS = {
  caFile: null,
  password: null,
  verifyPeer: false,
  requireCertificate: false,
  versions: ['tlsv1.3'],
  ciphers: [],
  honorCipherOrder: true,
  handshakeTimeoutMs: 5000,
} as const

describe('the time in which a certificate is valid', { skip: withoutOpenssl }, () => {
  test('is warned of before it comes, when it ends, and after', (t) => {
    const { certFile, keyFile } = new Authority(temporaryFolder(t)).issue('server', '/CN=localhost', undefined, 100)
    const context = loadTls({ ...SETTINGS, certFile, keyFile })
    const { validFrom, validTo } = context
    assert.match(validityProblem(context, validFrom - 1)!, /is not valid yet/)
    assert.equal(validityProblem(context, validFrom), null)
    assert.equal(validityProblem(context, validTo - 30 * DAY_MS), null)
    assert.match(validityProblem(context, validTo - 30 * DAY_MS + 1)!, /expires in less than 30 days/)
    assert.match(validityProblem(context, validTo + 1)!, /has expired/)
  })

  test('is warned of once, and once more for the next certificate', (t) => {
    const { certFile, keyFile } = new Authority(temporaryFolder(t)).issue('server', '/CN=localhost')
    const context = loadTls({ ...SETTINGS, certFile, keyFile })
    const lines: string[] = []
    const writer = { write: (line: string) => void lines.push(line) }
    const log = createLog([{ level: 'info', format: 'plaintext', writer }])
    const shown: TlsContext[] = []
    const listener = { port: 5671, addresses: [], renewTls: shown.push.bind(shown), close: async () => {} }
    const secured = new SecuredListener('amqp/ssl', listener, context)
    secured.warn(log)
    secured.warn(log)
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /expires in less than 30 days .*listener=amqp\/ssl port=5671/)
    const next = { ...context }
    secured.renew(next)
    assert.deepEqual(shown, [next])
    secured.warn(log)
    assert.equal(lines.length, 2)
  })

  test('is in the log with file and listener, and in the health check, for each port', async (t) => {
    const authority = new Authority(temporaryFolder(t))
    const expired = authority.issue('old', '/CN=localhost', undefined, -1)
    const soon = authority.issue('soon', '/CN=localhost')
    const amqp = [
      '--tls-port=0',
      `--ssl-options-certfile=${expired.certFile}`,
      `--ssl-options-keyfile=${expired.keyFile}`,
    ]
    const metrics = ['--prometheus-ssl-port=0', `--prometheus-ssl-certfile=${soon.certFile}`]
    const warren = await startWarren(t, [...amqp, ...metrics, `--prometheus-ssl-keyfile=${soon.keyFile}`])
    const port = warren.port('AMQP over TLS')
    const lines = warren.stderr.split('\n').filter((line) => line.includes('certificate'))
    assert.equal(lines.length, 2, warren.stderr)
    const has = (text: string, ...facts: string[]): void =>
      assert.ok(
        lines.some((line) => line.includes(`[warn] ${text}`) && facts.every((fact) => line.includes(fact))),
        lines.join('\n'),
      )
    has('the certificate has expired', `file=${expired.certFile}`, ` to=20`, `listener=amqp/ssl port=${port}`)
    has('the certificate expires in less than 30 days', `file=${soon.certFile}`, 'listener=https/prometheus')

    const url = `${warren.url('HTTP')}/api/health/checks/certificate-expiration/1/weeks`
    const headers = { authorization: `Basic ${btoa('guest:guest')}` }
    const { expired: told } = (await (await fetch(url, { headers })).json()) as {
      expired: { protocol: string; port: number }[]
    }
    assert.deepEqual(told.map(({ protocol }) => protocol).toSorted(), ['amqp/ssl', 'https/prometheus'])
    assert.equal(told.find(({ protocol }) => protocol === 'amqp/ssl')!.port, port)
  })
})
