import { scenario, type Step } from './scenario.ts'

const PUBLISH = 'exchanges/{v}/amq.default/publish'

const publish = (body: object, status: number, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path: PUBLISH,
  body: { properties: {}, routing_key: 'q', payload: 'p', payload_encoding: 'string', ...body },
  status,
  ...more,
})

const get = (body: object, status: number, more: Partial<Step> = {}): Step => ({
  method: 'POST',
  path: 'queues/{v}/q/get',
  body: { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto', ...body },
  status,
  ...more,
})

const DECLARE: Step = { method: 'PUT', path: 'queues/{v}/q', body: {}, status: 201 }

const PROPERTIES = {
  content_type: 'text/plain',
  content_encoding: 'e',
  headers: { h: 1, f: 1.5, list: [1, 'a'], table: { deep: true } },
  delivery_mode: 2,
  priority: 3,
  correlation_id: 'c',
  reply_to: 'r',
  expiration: '600000',
  message_id: 'm',
  timestamp: 12_345,
  type: 't',
  user_id: 'guest',
  app_id: 'a',
  cluster_id: 'cl',
}

scenario('messages are published and fetched', [
  DECLARE,
  publish({ properties: PROPERTIES, payload: 'hellö' }, 200, { answer: { routed: true } }),
  publish({ payload: '/w==', payload_encoding: 'base64' }, 200, { answer: { routed: true } }),
  publish({ routing_key: 'nowhere' }, 200, { answer: { routed: false } }),
  get({ count: 5, truncate: 2 }, 200, {
    answer: [
      {
        payload: 'he',
        payload_bytes: 6,
        payload_encoding: 'string',
        exchange: '',
        routing_key: 'q',
        redelivered: false,
        message_count: 1,
        properties: PROPERTIES,
      },
      { payload: '/w==', payload_bytes: 1, payload_encoding: 'base64', message_count: 0, properties: [] },
    ],
  }),
  // what was given back is where it was, and known to have been out
  get({ count: '1', ackmode: 'ack_requeue_false', encoding: 'base64' }, 200, {
    answer: [{ payload: 'aGVsbMO2', payload_encoding: 'base64', redelivered: true }],
    differs: 'deliveryCount',
    keys: ['[].properties.headers'],
  }),
  get({ ackmode: 'reject_requeue_true' }, 200, { differs: 'deliveryCount', keys: ['[].properties'] }),
  get({ ackmode: 'reject_requeue_false' }, 200, { differs: 'deliveryCount', keys: ['[].properties'] }),
  get({}, 200, { answer: [] }),
  get({ count: 0 }, 200, { answer: [] }),
  get({ count: -1 }, 200, { answer: [] }),
])

scenario('payloads are cut by bytes', [
  DECLARE,
  publish({ payload: 'hééé' }, 200),
  get({ encoding: 'base64', truncate: 4, ackmode: 'ack_requeue_true' }, 200, { answer: [{ payload: 'aMOpww==' }] }),
  get({ truncate: 2, ackmode: 'ack_requeue_true' }, 200, {
    answer: [{ payload: 'aMM=', payload_encoding: 'base64' }],
    differs: 'deliveryCount',
    keys: ['[].properties'],
  }),
  get({ truncate: 3, ackmode: 'ack_requeue_true' }, 200, {
    answer: [{ payload: 'hé', payload_encoding: 'string' }],
    differs: 'deliveryCount',
    keys: ['[].properties'],
  }),
])

scenario('mistakes in publishing are answered', [
  DECLARE,
  { method: 'POST', path: PUBLISH, body: {}, status: 400 },
  { method: 'POST', path: PUBLISH, body: { payload: 'p' }, status: 400 },
  { method: 'POST', path: PUBLISH, body: 'no json', status: 400 },
  publish({ payload: 5 }, 400),
  publish({ payload: '%%%', payload_encoding: 'base64' }, 400),
  publish({ payload_encoding: 'rot13' }, 400),
  publish({ properties: { delivery_mode: '2' } }, 400),
  publish({ properties: { content_type: 2 } }, 400),
  publish({ properties: { user_id: 'somebody else' } }, 400),
  publish({ properties: { expiration: 'soon' } }, 400),
  publish({ properties: { headers: 5 } }, 400, { rabbitmq: 500, differs: 'crashes' }),
  publish({ properties: 'none' }, 400, { rabbitmq: 500, differs: 'crashes' }),
  publish({ properties: [] }, 200, { rabbitmq: 500, differs: 'crashes' }),
  publish({ properties: { headers: { a: [null] } } }, 400, { answer: { reason: 'null_not_allowed' } }),
  { ...publish({}, 400), path: 'exchanges/{v}/nope/publish' },
  { ...publish({}, 400), path: 'exchanges/{v}/amq.rabbitmq.trace/publish' },
  { ...publish({}, 401), path: 'exchanges/nope/amq.direct/publish' },
  { method: 'GET', path: PUBLISH, status: 405 },
])

scenario('mistakes in fetching are answered', [
  DECLARE,
  { method: 'POST', path: 'queues/{v}/q/get', body: {}, status: 400 },
  get({ count: 'a' }, 400),
  get({ encoding: 'rot13' }, 400),
  get({ ackmode: 'keep' }, 400, { rabbitmq: 500, differs: 'crashes' }),
  { ...get({}, 404), path: 'queues/{v}/nope/get' },
  { ...get({}, 401), path: 'queues/nope/q/get' },
  { method: 'GET', path: 'queues/{v}/q/get', status: 405 },
])

scenario('a full queue refuses what is published', [
  { ...DECLARE, body: { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } } },
  publish({}, 200),
  publish({}, 400),
])
