import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { LateHttpServer } from '../../src/net/late-http.ts'
import { silentLog } from '../../src/telemetry/log.ts'

const OPTIONS = { hosts: ['127.0.0.1'], port: 0, log: silentLog }

test('the server is made once, for the first connection, and serves what came meanwhile', async () => {
  let made = 0
  const begun = Promise.withResolvers<void>()
  const allowed = Promise.withResolvers<void>()
  const late = new LateHttpServer(async () => {
    made++
    begun.resolve()
    await allowed.promise
    return createServer((request, response) => response.end(request.url))
  }, silentLog)
  const listeners = [await late.listen(OPTIONS), await late.listen(OPTIONS)]
  assert.equal(made, 0)
  const answers = listeners.map(({ port }, i) => fetch(`http://127.0.0.1:${port}/${i}`))
  await begun.promise
  const gone = connect(listeners[0]!.port, '127.0.0.1')
  await once(gone, 'connect')
  gone.resetAndDestroy()
  allowed.resolve()
  assert.deepEqual(await Promise.all(answers.map(async (answer) => (await answer).text())), ['/0', '/1'])
  assert.equal(made, 1)
  await late.close()
  await assert.rejects(fetch(`http://127.0.0.1:${listeners[0]!.port}/`))
})

test('where it cannot be made, the connection is closed and the next one tries again', async () => {
  let tries = 0
  const late = new LateHttpServer(async () => {
    if (++tries === 1) throw new Error('not yet')
    return createServer((_request, response) => response.end('made'))
  }, silentLog)
  const { port } = await late.listen(OPTIONS)
  const first = connect(port, '127.0.0.1')
  await once(first, 'close')
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'made')
  assert.equal(tries, 2)
  await late.close()
})

test('closing before anybody came makes no server', async () => {
  const late = new LateHttpServer(() => assert.fail('nobody asked'), silentLog)
  const { port } = await late.listen(OPTIONS)
  await late.close()
  const refused = connect(port, '127.0.0.1')
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
})
