import assert from 'node:assert/strict'
import { test } from 'node:test'
import { protocolOf } from '../../src/util/protocol-name.ts'

test('protocols of listeners have the other names that RabbitMQ knows', () => {
  const names: Readonly<Record<string, readonly string[]>> = {
    amqp: ['amqp', 'AMQP091', 'amqp0.9.1', 'amqp0-9-1', 'amqp0_9_1'],
    'amqp/ssl': ['amqps', 'amqp091/ssl'],
    mqtt: ['mqtt', 'mqtt31', 'mqtt3.1', 'mqtt3_1', 'mqtt311', 'mqtt3.1.1', 'mqtt3_1_1'],
    'mqtt/ssl': ['mqtts', 'mqtt+tls', 'mqtt+ssl'],
    stomp: ['stomp', 'stomp1.0', 'stomp11', 'stomp1_2'],
    'stomp/ssl': ['stomps', 'stomp+tls', 'stomp+ssl'],
    http: ['http', 'http1', 'http1.1', 'http_api', 'management', 'management_ui', 'ui'],
    https: ['https'],
    'http/web-mqtt': ['webmqtt', 'web-mqtt', 'web_mqtt'],
    'https/web-mqtt': ['webmqtt/tls', 'web-mqtt/ssl', 'webmqtt+tls', 'web-mqtt+ssl'],
    'http/web-stomp': ['webstomp', 'web-stomp', 'web_stomp'],
    'https/web-stomp': ['webstomp+tls', 'web-stomp/tls'],
    'http/prometheus': ['prometheus'],
    other: ['other'],
  }
  for (const [name, others] of Object.entries(names)) {
    for (const other of others) assert.equal(protocolOf(other), name, other)
  }
})
