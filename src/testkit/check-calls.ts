import { isAnyArrayBuffer, isDate, isMap, isPromise, isSet } from 'node:util/types'
import {
  anyText,
  callable,
  type Check,
  checkValue,
  fields,
  flag,
  isObject,
  kind,
  oneOf,
  optional,
  optionalFields,
  plainTable,
  text,
  wholeNumber,
} from './checks.ts'

const count = wholeNumber(0, Infinity)

const isValidDate = (given: unknown): boolean => isDate(given) && !Number.isNaN(given.getTime())
const isTimestamp = (given: unknown): boolean => isValidDate(given) || (Number.isInteger(given) && Number(given) >= 0)

const PROPERTIES = {
  contentType: anyText,
  contentEncoding: anyText,
  persistent: flag,
  priority: wholeNumber(0, 255),
  correlationId: anyText,
  replyTo: anyText,
  expiration: kind('a whole number of milliseconds', (given) => typeof given === 'number' || typeof given === 'string'),
  messageId: anyText,
  timestamp: kind('a Date, or whole seconds since the epoch', isTimestamp),
  type: anyText,
  userId: anyText,
  appId: anyText,
}

const messageProperties = optional(optionalFields({ ...PROPERTIES, headers: plainTable }))

/** Of these JSON says `{}`, or numbers by index: a promise was not awaited, and the others are no bytes yet. */
const isLostInJson = (given: unknown): boolean =>
  isPromise(given) ||
  isMap(given) ||
  isSet(given) ||
  isAnyArrayBuffer(given) ||
  (ArrayBuffer.isView(given) && !(given instanceof Uint8Array))

const body = kind(
  'a string, a Buffer, or an object to send as JSON',
  (given) => typeof given === 'string' || (typeof given === 'object' && given !== null && !isLostInJson(given)),
)

/** What differs in kind from what a message can have never matches, and the failure shows it: only names are checked. */
const anything: Check = () => {}
const anyOf = (names: object): Check =>
  optionalFields(Object.fromEntries(Object.keys(names).map((name) => [name, anything])))

const expectedMessage = optionalFields({
  body: kind('a string, a RegExp, a Buffer, or what the JSON says', (given) =>
    ['string', 'object'].includes(typeof given),
  ),
  headers: plainTable,
  properties: anyOf(PROPERTIES),
  exchange: anyText,
  routingKey: anyText,
  redelivered: flag,
})

const waitOptions = optional(
  optionalFields({
    timeoutMs: kind('a number of milliseconds', (given) => typeof given === 'number' && given >= 0),
  }),
)

const delayingPlace: Check = (given, place) => {
  kind('{ exchange } or { queue }', (value) => isObject(value) && Object.keys(value).length === 1)(given, place)
  optionalFields({ exchange: anyText, queue: anyText })(given, place)
}

const table = optional(plainTable)
const queueName = { queue: anyText }
const binding = { routingKey: optional(anyText), arguments: table }
const declared = { durable: flag, autoDelete: flag, arguments: plainTable }

/** The arguments of each helper, in their order. */
const CALLS = {
  declareQueue: { name: anyText, options: optional(optionalFields({ type: text(), ...declared })) },
  declareExchange: { name: anyText, type: anyText, options: optional(optionalFields({ ...declared, internal: flag })) },
  bind: { ...queueName, exchange: anyText, ...binding },
  bindExchange: { destination: anyText, source: anyText, ...binding },
  deleteQueue: { name: anyText },
  deleteExchange: { name: anyText },
  purgeQueue: { name: anyText },
  setPolicy: {
    name: anyText,
    policy: fields({
      pattern: anyText,
      definition: plainTable,
      priority: optional(kind('a whole number', Number.isInteger)),
      applyTo: optional(oneOf(['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues', 'streams'])),
    }),
  },
  deletePolicy: { name: anyText },
  publish: { exchange: anyText, routingKey: anyText, body, properties: messageProperties },
  sendToQueue: { ...queueName, body, properties: messageProperties },
  get: queueName,
  drain: queueName,
  consume: {
    ...queueName,
    handler: callable,
    options: optional(optionalFields({ prefetch: wholeNumber(0, 65_535) })),
  },
  queue: { name: anyText },
  messages: queueName,
  browse: queueName,
  delayedMessages: { where: delayingPlace, max: optional(count) },
  cancelDelayed: { where: delayingPlace, messageId: anyText },
  rescheduleDelayed: { where: delayingPlace, messageId: anyText, dueAt: kind('a Date', isValidDate) },
  waitForQueue: { name: anyText, condition: optional(callable), options: waitOptions },
  waitForMessages: { ...queueName, count: optional(count), options: waitOptions },
  assertMessage: { ...queueName, expected: expectedMessage, options: waitOptions },
  assertEmpty: { ...queueName, options: waitOptions },
  vhost: { name: anyText },
  closeConnections: { reason: optional(anyText) },
  setAlarm: { resource: oneOf(['memory', 'disk']), on: flag },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Check>>>>

/** @throws TypeError, RangeError that name the helper and its argument */
export function checkCall(helper: keyof typeof CALLS, ...given: readonly unknown[]): void {
  for (const [i, [name, check]] of Object.entries<Check>(CALLS[helper]).entries()) {
    checkValue(helper, name, given[i], check)
  }
}
