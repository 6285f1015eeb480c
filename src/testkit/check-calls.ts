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
  shortText,
  text,
  wholeNumber,
} from './checks.ts'
import { fieldTable, isLostAsObject, isValidDate } from './check-tables.ts'

const count = wholeNumber(0, Infinity)

const isTimestamp = (given: unknown): boolean => isValidDate(given) || (Number.isInteger(given) && Number(given) >= 0)

const PROPERTIES = {
  contentType: shortText,
  contentEncoding: shortText,
  persistent: flag,
  priority: wholeNumber(0, 255),
  correlationId: shortText,
  replyTo: shortText,
  expiration: kind('a whole number of milliseconds', (given) => typeof given === 'number' || typeof given === 'string'),
  messageId: shortText,
  timestamp: kind('a Date, or whole seconds since the epoch', isTimestamp),
  type: shortText,
  userId: shortText,
  appId: shortText,
}

const messageProperties = optional(optionalFields({ ...PROPERTIES, headers: fieldTable }))

const body = kind(
  'a string, a Buffer, or an object to send as JSON',
  (given) => typeof given === 'string' || (typeof given === 'object' && given !== null && !isLostAsObject(given)),
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

const table = optional(fieldTable)
const queueName = { queue: shortText }
const binding = { routingKey: optional(shortText), arguments: table }
const declared = { durable: flag, autoDelete: flag, arguments: fieldTable }

/** The arguments of each helper, in their order. */
const CALLS = {
  declareQueue: { name: shortText, options: optional(optionalFields({ type: text(), ...declared })) },
  declareExchange: {
    name: shortText,
    type: anyText,
    options: optional(optionalFields({ ...declared, internal: flag })),
  },
  bind: { ...queueName, exchange: shortText, ...binding },
  bindExchange: { destination: shortText, source: shortText, ...binding },
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
  publish: { exchange: shortText, routingKey: shortText, body, properties: messageProperties },
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
