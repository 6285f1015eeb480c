import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { startApi } from './support.ts'

test('long answers are compressed for those who take that', async () => {
  const api = await startApi()
  const client = api.bench.client()
  for (let i = 0; i < 20; i++) client.declare(`q${i}`)
  const ask = (path: string, encoding: string | null, method: 'GET' | 'HEAD' = 'GET') =>
    api.request(method, path, { headers: encoding === null ? {} : { 'accept-encoding': encoding } })
  const plain = await ask('queues', null)
  assert.equal(plain.headers['content-encoding'], undefined)
  assert.match(String(plain.headers['vary']), /accept-encoding/)
  for (const encoding of ['gzip', 'br, gzip;q=0.5', 'deflate, GZIP']) {
    const { headers, rawPayload } = await ask('queues', encoding)
    assert.equal(headers['content-encoding'], 'gzip', encoding)
    assert.equal(headers['content-length'], String(rawPayload.length))
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(JSON.parse(gunzipSync(rawPayload).toString()), plain.json())
  }
  for (const encoding of ['identity', 'br', 'gzip;q=0', 'gzip; q=0.0, br']) {
    assert.equal((await ask('queues', encoding)).headers['content-encoding'], undefined, encoding)
  }
  assert.equal((await ask('whoami', 'gzip')).headers['content-encoding'], undefined, 'short')
  const head = await ask('queues', 'gzip', 'HEAD')
  assert.deepEqual([head.headers['content-encoding'], head.rawPayload.length], [undefined, 0])
})
