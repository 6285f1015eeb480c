/**
 * Topics and filters of MQTT, and what they are as routing keys and binding keys of a topic exchange. The mapping is RabbitMQ's
 * (`rabbit_mqtt_util`): `/` separates as `.` does, and `+` stands for one level as `*` does; `#` is the same in both. What has a `.` or a
 * `*` in a topic comes back as another topic: see `keepsTopic`.
 */

/** Topics travel as routing keys, which AMQP 0-9-1 limits to 255 bytes. */
const TOPIC_BYTES_MAX = 255
const SHARED = '$share/'

/** How topics are written as keys. */
export interface TopicMapping {
  /** Whether the version in Sparkplug's name spaces (`spBv1.0/…`) keeps its dot: as `spBv1___0` in keys. */
  readonly sparkplug: boolean
}

const PLAIN: TopicMapping = { sparkplug: false }
const SPARKPLUG_TOPIC = /^(sp[AB]v\d+)\.(\d+\/)/
const SPARKPLUG_KEY = /^(sp[AB]v\d+)___(\d+\.)/

/** A topic as a routing key. */
export function topicToKey(topic: string, { sparkplug } = PLAIN): string {
  const kept = sparkplug ? topic.replace(SPARKPLUG_TOPIC, '$1___$2') : topic
  return kept.replaceAll('/', '.').replaceAll('+', '*')
}

/** A topic filter as a binding key. */
export const filterToKey: (filter: string, mapping?: TopicMapping) => string = topicToKey

/** The topic that a routing key stands for. */
export function keyToTopic(key: string, { sparkplug } = PLAIN): string {
  const version = sparkplug ? SPARKPLUG_KEY.exec(key)?.[1] : undefined
  if (version === undefined) return plainTopic(key)
  return `${version}.${plainTopic(key.slice(version.length + '___'.length))}`
}

const DOT = 46
const SLASH = 47
/** By its code, whether an ASCII character may be in a key that stands for a topic: but for wildcards and the null character. */
const IS_SOUND = Uint8Array.from({ length: 0x80 }, (_, code) => ('*+#\0'.includes(String.fromCharCode(code)) ? 0 : 1))

/** As `keyToTopic`, of a key that stands for a topic, has nothing but ASCII, and nothing of Sparkplug. @returns false for any other */
export function writeTopic(key: string, { sparkplug }: TopicMapping, out: Buffer): boolean {
  if (sparkplug || key === '') return false
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i)
    if (code >= 0x80 || IS_SOUND[code] === 0) return false
    out[i] = code === DOT ? SLASH : code
  }
  return true
}

const plainTopic = (key: string): string => key.replaceAll('.', '/').replaceAll('*', '+')

/** Whether a topic comes back from its key as it was. */
export const keepsTopic = (topic: string, mapping = PLAIN): boolean =>
  keyToTopic(topicToKey(topic, mapping), mapping) === topic

/** What is wrong with the topic of a message, as a sentence's end ("the topic …"); null where nothing is. */
export function topicProblem(topic: string): string | null {
  if (topic.includes('+') || topic.includes('#')) return 'has a wildcard'
  return textProblem(topic)
}

/**
 * What is wrong with a topic filter, be it a shared subscription's, as a sentence's end ("the filter …"); null where nothing is
 * (MQTT 5.0, 4.7 and 4.8.2).
 */
export function filterProblem(filter: string): string | null {
  const shared = parseShared(filter)
  if (shared === null) return plainFilterProblem(filter)
  if (shared.group === '') return 'names no group after $share'
  if (shared.group.includes('+') || shared.group.includes('#')) return 'has a wildcard in the name of its group'
  return plainFilterProblem(shared.filter)
}

function plainFilterProblem(filter: string): string | null {
  const problem = textProblem(filter)
  if (problem !== null) return problem
  if (!filter.includes('#') && !filter.includes('+')) return null
  const levels = filter.split('/')
  for (const [i, level] of levels.entries()) {
    if (level.length > 1 && (level.includes('#') || level.includes('+')))
      return 'has a wildcard beside other characters'
    if (level === '#' && i < levels.length - 1) return 'has # before its last level'
  }
  return null
}

function textProblem(text: string): string | null {
  if (text === '') return 'is empty'
  if (text.includes('\0')) return 'has a null character'
  if (!text.isWellFormed()) return 'is not UTF-8'
  // no character has more than three bytes for each of its units
  if (text.length * 3 > TOPIC_BYTES_MAX && Buffer.byteLength(text) > TOPIC_BYTES_MAX)
    return `is longer than ${TOPIC_BYTES_MAX} bytes`
  return null
}

export interface SharedFilter {
  readonly group: string
  /** Of the messages that the group shares. */
  readonly filter: string
}

/** The parts of `$share/group/filter`, empty where they are missing; null for any other filter. */
export function parseShared(filter: string): SharedFilter | null {
  if (!filter.startsWith(SHARED)) return null
  const end = filter.indexOf('/', SHARED.length)
  if (end < 0) return { group: filter.slice(SHARED.length), filter: '' }
  return { group: filter.slice(SHARED.length, end), filter: filter.slice(end + 1) }
}

/** Whether a wildcard at the start of a filter must not stand for the first level of a topic (MQTT 5.0, 4.7.2). */
export const isReserved = (topic: string): boolean => topic.startsWith('$')

/** Whether a message on a topic is for who subscribed to a filter (not to a shared one: to the filter in it). */
export function matches(filter: string, topic: string): boolean {
  if (isReserved(topic) && (filter.startsWith('#') || filter.startsWith('+'))) return false
  let f = 0
  let t = 0
  for (;;) {
    const filterEnd = endOfLevel(filter, f)
    if (filterEnd === f + 1 && filter[f] === '#') return true
    const topicEnd = endOfLevel(topic, t)
    const isAny = filterEnd === f + 1 && filter[f] === '+'
    if (!isAny && (filterEnd - f !== topicEnd - t || !filter.startsWith(topic.slice(t, topicEnd), f))) return false
    const filterEnds = filterEnd === filter.length
    if (topicEnd === topic.length) return filterEnds || filter.slice(filterEnd) === '/#'
    if (filterEnds) return false
    f = filterEnd + 1
    t = topicEnd + 1
  }
}

function endOfLevel(text: string, from: number): number {
  const end = text.indexOf('/', from)
  return end < 0 ? text.length : end
}
