import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBroker } from '../../src/testkit/start-broker.ts'
import { missing, PYTHON, runProgram } from './debian/programs.ts'

const skip = missing('python3-paho-mqtt', { program: PYTHON, args: ['-c', 'import paho.mqtt.client'] })

test("Debian's paho publishes and subscribes in every version, with every QoS", { skip }, async () => {
  const broker = await startBroker({ protocols: ['mqtt'] })
  try {
    const { hostname, port } = new URL(broker.urls.mqtt!)
    const args = [join(import.meta.dirname, 'debian/paho_client.py'), hostname, port]
    const answers = await runProgram({ program: PYTHON, args })
    const expected = [3, 4, 5].flatMap((version) =>
      [0, 1, 2].map((qos) => ({
        part: `${version} ${qos}`,
        value: [{ payload: 'hello', qos, ...(version === 5 ? { user: [['a', '1']] } : {}) }],
      })),
    )
    assert.deepEqual(answers, expected)
  } finally {
    await broker.stop()
  }
})
