import { defineTexts } from '../../i18n/language.ts'
import type { ArgumentField, ArgumentGroup } from './argument-fields.tsx'

const texts = defineTexts(
  {
    routing: 'Routing',
    delay: 'Delays',
    duplicates: 'De-duplication',
    alternate: {
      label: 'Alternate exchange',
      help: 'Gets what matches no binding. Without it that is dropped, or returned to publishers who ask for it.',
    },
    hashHeader: {
      label: 'Header to hash',
      help: 'Messages with the same value in this header go to the same queue. Without it the routing key is hashed.',
    },
    hashProperty: { label: 'Property to hash', help: 'The same, with a property of the message.' },
    history: { label: 'Messages kept', help: 'How many of the last messages a new binding gets. 20 without it.' },
    delayedType: { label: 'Routes like', help: 'How messages are routed when they are due. Required.' },
    delayed: {
      label: 'Delay messages',
      help: 'Messages with the header x-delay (ms) or x-deliver-at wait here until they are due. Off without it.',
    },
    deduplication: {
      label: 'De-duplicate by value',
      help: 'Of messages with the same value in a header only the first is routed. Off without it.',
    },
    header: { label: 'Header of the value', help: 'The header that is compared. x-deduplication-header without it.' },
    cacheSize: {
      label: 'Values remembered',
      help: 'The oldest are forgotten first. 128 without it; required by the type x-message-deduplication.',
    },
    cacheTtl: { label: 'Remembered for', help: 'As long as there is room without it.' },
    persistence: { label: 'Where they are remembered', help: 'memory forgets all with a restart. disk without it.' },
    publisher: {
      label: 'De-duplicate by publisher',
      help: 'Leaves out what a named publisher (x-publisher-name) has sent before, by its rising x-publishing-id. Off without it.',
    },
  },
  {
    routing: '路由',
    delay: '延迟',
    duplicates: '去重',
    alternate: { label: '备用交换机', help: '接收没有匹配任何绑定的消息。不设置则丢弃，或退回给要求退回的发布者。' },
    hashHeader: { label: '用于哈希的头', help: '此头的值相同的消息进入同一队列。不设置则对路由键做哈希。' },
    hashProperty: { label: '用于哈希的属性', help: '同上，使用消息的属性。' },
    history: { label: '保留的消息数', help: '新绑定会收到最近的多少条消息。默认 20。' },
    delayedType: { label: '路由方式', help: '消息到期时如何路由。必填。' },
    delayed: { label: '延迟消息', help: '带有 x-delay（毫秒）或 x-deliver-at 头的消息会在此等到到期。默认关闭。' },
    deduplication: { label: '按值去重', help: '头的值相同的消息只路由第一条。默认关闭。' },
    header: { label: '去重头', help: '用于比较的头。默认 x-deduplication-header。' },
    cacheSize: { label: '记住的值数量', help: '最旧的先遗忘。默认 128；x-message-deduplication 类型必填。' },
    cacheTtl: { label: '记住的时间', help: '不设置则只要有空间就记住。' },
    persistence: { label: '记录位置', help: 'memory 在重启后遗忘。默认 disk。' },
    publisher: {
      label: '按发布者去重',
      help: '按递增的 x-publishing-id 略过指定发布者（x-publisher-name）已发送过的消息。默认关闭。',
    },
  },
)

/**
 * The arguments that an exchange of this type takes.
 * @param exchanges names that are offered for the alternate exchange
 * @param types of exchanges, for the one that a delaying exchange routes like
 */
export function exchangeArguments(
  type: string,
  exchanges: readonly string[],
  types: readonly string[],
): readonly ArgumentGroup[] {
  const t = texts.value
  const routing: ArgumentField[] = [{ key: 'alternate-exchange', kind: 'text', ...t.alternate, suggestions: exchanges }]
  if (type === 'x-consistent-hash') {
    const properties = ['message_id', 'correlation_id', 'timestamp']
    routing.push(
      { key: 'hash-header', kind: 'text', ...t.hashHeader },
      { key: 'hash-property', kind: 'choice', ...t.hashProperty, choices: properties },
    )
  }
  if (type === 'x-recent-history') routing.push({ key: 'x-recent-history-length', kind: 'count', ...t.history })
  const isDelaying = type === 'x-delayed-message'
  const delay: ArgumentField = isDelaying
    ? { key: 'x-delayed-type', kind: 'choice', ...t.delayedType, choices: types.filter((other) => other !== type) }
    : { key: 'x-delayed-message', kind: 'flag', ...t.delayed }
  return [
    { title: t.routing, fields: routing },
    { title: t.delay, fields: [delay] },
    {
      title: t.duplicates,
      fields: [
        { key: 'x-message-deduplication', kind: 'flag', ...t.deduplication },
        { key: 'x-deduplication-header', kind: 'text', ...t.header },
        { key: 'x-cache-size', kind: 'count', ...t.cacheSize },
        { key: 'x-cache-ttl', kind: 'duration', ...t.cacheTtl },
        { key: 'x-cache-persistence', kind: 'choice', ...t.persistence, choices: ['disk', 'memory'] },
        { key: 'x-publisher-deduplication', kind: 'flag', ...t.publisher },
      ],
    },
  ]
}
