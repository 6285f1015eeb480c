import { isPlugin } from '../plugins/load.ts'
import { nearest } from '../util/nearest.ts'
import { virtualClock } from '../util/virtual-clock.ts'
import {
  anyText,
  callable,
  type Check,
  checkValue,
  fields,
  flag,
  isObject,
  kind,
  list,
  mapOf,
  oneOf,
  optional,
  optionalFields,
  quote,
  text,
  unknownKey,
  wholeNumber,
} from './checks.ts'

const port = wholeNumber(0, 65_535)
const heartbeat = wholeNumber(0, 65_535)
const fileName = text('the path of a file')

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent']
const LOG_METHODS = ['debug', 'info', 'warn', 'error', 'child']

const log = kind(`one of ${quote(LOG_LEVELS)}, or an object with the methods ${LOG_METHODS.join(', ')}`, (given) =>
  typeof given === 'string' ? LOG_LEVELS.includes(given) : isObject(given) && hasMethods(given, LOG_METHODS),
)

const hasMethods = (given: object, names: readonly string[]): boolean =>
  names.every((name) => typeof (given as Record<string, unknown>)[name] === 'function')

const clock: Check = (given, place) => {
  const hint = given === virtualClock ? 'virtualClock(), with parentheses' : 'what virtualClock() returns'
  kind(hint, (value) => isObject(value) && hasMethods(value, ['now', 'schedule', 'close']))(given, place)
}

const user = fields({
  name: text(),
  password: anyText,
  tags: optional(list('a list of strings', anyText)),
  permissions: optional(
    mapOf(
      'an object with the permissions of each virtual host',
      optionalFields({ configure: anyText, write: anyText, read: anyText }),
    ),
  ),
})

const tls = fields({
  certFile: fileName,
  keyFile: fileName,
  caFile: optional(fileName),
  requireCertificate: optional(flag),
  port: optional(port),
})

const plugin = kind('what definePlugin returns: an object with a name, and register, start or stop', isPlugin)

const SECTIONS = [
  'users',
  'vhosts',
  'permissions',
  'topic_permissions',
  'parameters',
  'global_parameters',
  'policies',
  'exchanges',
  'queues',
  'bindings',
]

/** An export has more keys than what is read here, of each version others: only what looks like a slip is refused. */
const sections: Check = (given, place) => {
  for (const key of Object.keys(given as object)) {
    if (!SECTIONS.includes(key) && nearest(key, SECTIONS) !== null) throw unknownKey(key, SECTIONS, place)
  }
}

const definitions: Check = (given, place) => {
  if (typeof given === 'string') return fileName(given, place)
  kind('the path of a JSON file, or an object', isObject)(given, place)
  sections(given, place)
}

const configValue = kind('a string, a number, true or false', (given) =>
  ['string', 'number', 'boolean'].includes(typeof given),
)

const config: Check = (given, place) =>
  typeof given === 'string'
    ? fileName(given, place)
    : mapOf('the path of a file, or an object with keys of rabbitmq.conf', configValue)(given, place)

const startBrokerOptions = optionalFields({
  port,
  host: text('an address'),
  dataDir: text('the path of a folder'),
  clock,
  random: callable,
  heartbeat,
  vhosts: list('a list of names', text()),
  users: list('a list of users', user),
  definitions,
  config,
  log,
  managementPort: port,
  protocols: list('a list of protocols', oneOf(['amqp', 'mqtt', 'stomp'])),
  tls,
  plugins: list('a list of plugins', plugin),
  watchResources: flag,
})

/** @throws TypeError, RangeError that name the option */
export function checkOptions(options: unknown): void {
  if (isObject(options)) checkValue('startBroker', '', options, startBrokerOptions)
  else checkValue('startBroker', 'options', options, startBrokerOptions)
}

/** Of what was read from a file. @throws TypeError that names it */
export function checkDefinitions(file: string, definitions: unknown): void {
  if (isObject(definitions)) checkValue(`definitions file ${file}`, '', definitions, sections)
}

/**
 * The default user has the password of the configuration, by which `url` connects, and nobody is there twice.
 * @throws RangeError
 */
export function checkUserNames(users: readonly { readonly name: string }[], defaultUser: string): void {
  const taken = new Set([defaultUser])
  for (const [i, { name }] of users.entries()) {
    if (taken.has(name)) {
      const hint =
        name === defaultUser
          ? "it is the default user, with the password of config['default_pass']"
          : 'that user is there already'
      throw new RangeError(`startBroker: 'users[${i}].name' is '${name}': ${hint}`)
    }
    taken.add(name)
  }
}
