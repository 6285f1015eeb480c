import { defineTexts } from '../../i18n/language.ts'
import type { ArgumentField, ArgumentGroup, ArgumentKind } from './argument-fields.tsx'

type Words = Readonly<Record<'label' | 'help', string>>

const words = (label: string, help: string): Words => ({ label, help })

const texts = defineTexts(
  {
    length: 'Length and size',
    expiry: 'Expiry',
    deadLetters: 'Dead letters',
    retry: 'Retry with back-off',
    delay: 'Delays',
    order: 'Order and groups',
    duplicates: 'De-duplication',
    consumers: 'Consumers',
    storage: 'Storage and placement',
    'x-max-length': words(
      'Most messages',
      'When there are more that are ready, the overflow behaviour says what happens. No limit without it.',
    ),
    'x-max-length-bytes': words('Most bytes', 'The same, by the size of the bodies. No limit without it.'),
    'x-overflow': words(
      'Overflow behaviour',
      'What happens at the limit: the oldest are dropped or dead-lettered (drop-head), or publishers are refused (reject-publish). drop-head without it.',
    ),
    'x-message-ttl': words(
      'Time to live of messages',
      'How long a message may wait before it is dead-lettered or dropped. Without limit unless it says so itself.',
    ),
    'x-expires': words(
      'Expiry of the queue',
      'The queue is deleted when nobody has used it for so long. Never without it.',
    ),
    'x-dead-letter-exchange': words(
      'Dead-letter exchange',
      'Where messages go that are rejected, expired, dropped or delivered too often. They are gone without it.',
    ),
    'x-dead-letter-routing-key': words(
      'Dead-letter routing key',
      'The key they are published with; their own keys without it.',
    ),
    'x-dead-letter-strategy': words(
      'Dead-letter strategy',
      'at-least-once keeps a dead letter until its target has it; it needs reject-publish. at-most-once without it.',
    ),
    'x-delivery-limit': words(
      'Delivery limit',
      'How often a message may be delivered again before it is dead-lettered. 20 on quorum queues, none on classic ones without it.',
    ),
    'x-retry-max-attempts': words(
      'Most attempts',
      'Deliveries in all, the first included; then the message is dead-lettered. This, or the first pause, turns retries on.',
    ),
    'x-retry-initial-delay': words(
      'First pause',
      'How long a message rests after its first failure. This, or the number of attempts, turns retries on.',
    ),
    'x-retry-multiplier': words(
      'Multiplier',
      'How much longer each pause is than the one before, from 1 on. 2 without it.',
    ),
    'x-retry-max-delay': words('Longest pause', 'Pauses grow up to this. One day without it.'),
    'x-retry-jitter': words(
      'Jitter',
      'The share of each pause that is random, 0 to 1, so that not everything comes back at once. 0 without it.',
    ),
    'x-delayed-retry-type': words(
      'Delayed retry',
      'RabbitMQ’s own pause before a redelivery: for which returns it applies.',
    ),
    'x-delayed-retry-min': words(
      'Delayed retry, shortest',
      'The pause after the first return; it grows by as much with each.',
    ),
    'x-delayed-retry-max': words('Delayed retry, longest', 'The longest pause.'),
    'x-delayed-message': words(
      'Delay messages',
      'Messages with the header x-delay (ms) or x-deliver-at wait until they are due. Off without it.',
    ),
    'x-max-priority': words(
      'Highest priority',
      'Messages with higher priority go first; 1 to 255, few are best. No priorities without it.',
    ),
    'x-message-groups': words(
      'Message groups',
      'Messages of one group are processed one after the other, whoever consumes them; different groups in parallel. Off without it.',
    ),
    'x-message-groups-header': words(
      'Header of the group',
      'The header that names a message’s group. x-message-group without it.',
    ),
    'x-message-deduplication': words(
      'De-duplicate by value',
      'Of messages with the same value in a header only the first is taken. Off without it.',
    ),
    'x-deduplication-header': words(
      'Header of the value',
      'The header that is compared. x-deduplication-header without it.',
    ),
    'x-cache-size': words(
      'Values remembered',
      'How many values are remembered after their messages have gone. Without size and time: only what is in the queue.',
    ),
    'x-cache-ttl': words('Remembered for', 'How long each value is remembered. As long as there is room without it.'),
    'x-cache-persistence': words('Where they are remembered', 'memory forgets all with a restart. disk without it.'),
    'x-publisher-deduplication': words(
      'De-duplicate by publisher',
      'Leaves out what a named publisher (x-publisher-name) has sent before, by its rising x-publishing-id. Off without it.',
    ),
    'x-single-active-consumer': words(
      'Single active consumer',
      'One consumer gets all messages; when it goes, the next takes over. Off without it.',
    ),
    'x-consumer-timeout': words(
      'Acknowledgement timeout',
      'A consumer that keeps a message for longer loses its channel, and the message comes back. The node’s setting without it.',
    ),
    'x-consumer-disconnected-timeout': words(
      'Disconnected timeout',
      'How long messages wait for a consumer whose node is away. On one node it has no effect.',
    ),
    'x-queue-mode': words('Mode', 'lazy keeps messages on disk as early as it can. default without it.'),
    'x-queue-version': words('Storage version', 'Of RabbitMQ’s classic queues; here it is remembered only.'),
    'x-max-in-memory-length': words(
      'Most messages in memory',
      'Of RabbitMQ’s older quorum queues; here it is remembered only.',
    ),
    'x-max-in-memory-bytes': words(
      'Most bytes in memory',
      'Of RabbitMQ’s older quorum queues; here it is remembered only.',
    ),
    'x-quorum-initial-group-size': words(
      'Initial group size',
      'How many nodes get a copy. On one node it has no effect.',
    ),
    'x-queue-leader-locator': words('Leader locator', 'Where the leader is placed. On one node it has no effect.'),
    'x-queue-master-locator': words(
      'Master locator',
      'The older name of the leader locator. On one node it has no effect.',
    ),
  },
  {
    length: '长度与大小',
    expiry: '过期',
    deadLetters: '死信',
    retry: '退避重试',
    delay: '延迟',
    order: '顺序与分组',
    duplicates: '去重',
    consumers: '消费者',
    storage: '存储与位置',
    'x-max-length': words('最大消息数', '就绪消息超过此数时，按溢出行为处理。不设置则不限。'),
    'x-max-length-bytes': words('最大字节数', '同上，按消息体大小计算。不设置则不限。'),
    'x-overflow': words(
      '溢出行为',
      '达到上限时：丢弃或转为死信最旧的消息（drop-head），或拒绝发布（reject-publish）。默认 drop-head。',
    ),
    'x-message-ttl': words('消息存活时间', '消息最长等待时间，之后转为死信或丢弃。不设置则以消息自身为准。'),
    'x-expires': words('队列过期时间', '队列在此时间内无人使用则被删除。不设置则永不删除。'),
    'x-dead-letter-exchange': words('死信交换机', '被拒绝、过期、丢弃或投递次数过多的消息的去向。不设置则丢弃。'),
    'x-dead-letter-routing-key': words('死信路由键', '发布死信时使用的路由键。不设置则用消息自身的路由键。'),
    'x-dead-letter-strategy': words(
      '死信策略',
      'at-least-once 会保留死信直到目标收到，需要 reject-publish。默认 at-most-once。',
    ),
    'x-delivery-limit': words('投递次数上限', '消息重新投递多少次后转为死信。仲裁队列默认 20，经典队列默认不限。'),
    'x-retry-max-attempts': words(
      '最多尝试次数',
      '包括首次投递在内的总次数，之后转为死信。设置此项或首次间隔即启用重试。',
    ),
    'x-retry-initial-delay': words('首次间隔', '第一次失败后消息等待的时间。设置此项或尝试次数即启用重试。'),
    'x-retry-multiplier': words('倍数', '每次间隔是前一次的多少倍，不小于 1。默认 2。'),
    'x-retry-max-delay': words('最长间隔', '间隔增长的上限。默认一天。'),
    'x-retry-jitter': words('抖动', '间隔中随机部分的比例，0 到 1，避免同时返回。默认 0。'),
    'x-delayed-retry-type': words('延迟重试', 'RabbitMQ 自身的重新投递间隔：适用于哪些退回。'),
    'x-delayed-retry-min': words('延迟重试最短间隔', '第一次退回后的间隔，之后每次等量增长。'),
    'x-delayed-retry-max': words('延迟重试最长间隔', '间隔的上限。'),
    'x-delayed-message': words('延迟消息', '带有 x-delay（毫秒）或 x-deliver-at 头的消息会等到到期。默认关闭。'),
    'x-max-priority': words('最高优先级', '优先级高的消息先投递；1 到 255，越少越好。不设置则无优先级。'),
    'x-message-groups': words('消息分组', '同组消息按顺序逐条处理，不同组并行。默认关闭。'),
    'x-message-groups-header': words('分组头', '指明消息所属分组的头。默认 x-message-group。'),
    'x-message-deduplication': words('按值去重', '头的值相同的消息只接收第一条。默认关闭。'),
    'x-deduplication-header': words('去重头', '用于比较的头。默认 x-deduplication-header。'),
    'x-cache-size': words('记住的值数量', '消息离开后仍记住多少个值。数量和时间都不设置时只看队列中的消息。'),
    'x-cache-ttl': words('记住的时间', '每个值记住多久。不设置则只要有空间就记住。'),
    'x-cache-persistence': words('记录位置', 'memory 在重启后遗忘。默认 disk。'),
    'x-publisher-deduplication': words(
      '按发布者去重',
      '按递增的 x-publishing-id 略过指定发布者（x-publisher-name）已发送过的消息。默认关闭。',
    ),
    'x-single-active-consumer': words('单一活动消费者', '所有消息交给一个消费者；它离开后由下一个接替。默认关闭。'),
    'x-consumer-timeout': words('确认超时', '消费者持有消息超过此时间会失去信道，消息返回队列。默认使用节点设置。'),
    'x-consumer-disconnected-timeout': words('断开超时', '消费者所在节点离线时消息等待多久。单节点上无效。'),
    'x-queue-mode': words('模式', 'lazy 尽早将消息写入磁盘。默认 default。'),
    'x-queue-version': words('存储版本', '用于 RabbitMQ 的经典队列；此处仅作记录。'),
    'x-max-in-memory-length': words('内存中最大消息数', '用于 RabbitMQ 旧版仲裁队列；此处仅作记录。'),
    'x-max-in-memory-bytes': words('内存中最大字节数', '用于 RabbitMQ 旧版仲裁队列；此处仅作记录。'),
    'x-quorum-initial-group-size': words('初始副本数', '在多少个节点上保存副本。单节点上无效。'),
    'x-queue-leader-locator': words('领导者位置', '领导者放置的位置。单节点上无效。'),
    'x-queue-master-locator': words('主节点位置', '领导者位置的旧名称。单节点上无效。'),
  },
)

type Key = Extract<keyof typeof texts.value, `x-${string}`>

interface Rest {
  readonly choices?: readonly string[]
  readonly types?: readonly string[]
}

const CLASSIC: Rest = { types: ['classic'] }
const QUORUM: Rest = { types: ['quorum'] }

const field = (key: Key, kind: ArgumentKind, rest: Rest = {}): ArgumentField => ({
  key,
  kind,
  ...texts.value[key],
  ...rest,
})

/**
 * Every argument of classic and quorum queues, for forms of queues and, without the leading `x-`, of policies.
 * @param exchanges names that are offered for the dead-letter exchange
 */
export function queueArguments(exchanges: readonly string[]): readonly ArgumentGroup[] {
  const t = texts.value
  return [
    {
      title: t.length,
      fields: [
        field('x-max-length', 'count'),
        field('x-max-length-bytes', 'bytes'),
        field('x-overflow', 'choice', { choices: ['drop-head', 'reject-publish', 'reject-publish-dlx'] }),
      ],
    },
    { title: t.expiry, fields: [field('x-message-ttl', 'duration'), field('x-expires', 'duration')] },
    {
      title: t.deadLetters,
      fields: [
        { ...field('x-dead-letter-exchange', 'text'), suggestions: exchanges },
        field('x-dead-letter-routing-key', 'text'),
        field('x-dead-letter-strategy', 'choice', { choices: ['at-most-once', 'at-least-once'] }),
        field('x-delivery-limit', 'count'),
      ],
    },
    { title: t.retry, fields: retryFields() },
    { title: t.delay, fields: [field('x-delayed-message', 'flag')] },
    {
      title: t.order,
      fields: [
        field('x-max-priority', 'count', CLASSIC),
        field('x-message-groups', 'flag'),
        field('x-message-groups-header', 'text'),
      ],
    },
    { title: t.duplicates, fields: duplicateFields() },
    {
      title: t.consumers,
      fields: [
        field('x-single-active-consumer', 'flag'),
        field('x-consumer-timeout', 'duration'),
        field('x-consumer-disconnected-timeout', 'duration', QUORUM),
      ],
    },
    { title: t.storage, fields: storageFields() },
  ]
}

const retryFields = (): readonly ArgumentField[] => [
  field('x-retry-max-attempts', 'count'),
  field('x-retry-initial-delay', 'duration'),
  field('x-retry-multiplier', 'number'),
  field('x-retry-max-delay', 'duration'),
  field('x-retry-jitter', 'number'),
  field('x-delayed-retry-type', 'choice', { choices: ['disabled', 'all', 'failed', 'returned'] }),
  field('x-delayed-retry-min', 'duration'),
  field('x-delayed-retry-max', 'duration'),
]

const duplicateFields = (): readonly ArgumentField[] => [
  field('x-message-deduplication', 'flag'),
  field('x-deduplication-header', 'text'),
  field('x-cache-size', 'count'),
  field('x-cache-ttl', 'duration'),
  field('x-cache-persistence', 'choice', { choices: ['disk', 'memory'] }),
  field('x-publisher-deduplication', 'flag'),
]

const storageFields = (): readonly ArgumentField[] => [
  field('x-queue-mode', 'choice', { choices: ['default', 'lazy'], ...CLASSIC }),
  field('x-queue-version', 'count', CLASSIC),
  field('x-max-in-memory-length', 'count', QUORUM),
  field('x-max-in-memory-bytes', 'bytes', QUORUM),
  field('x-quorum-initial-group-size', 'count', QUORUM),
  field('x-queue-leader-locator', 'choice', { choices: ['client-local', 'balanced'] }),
  field('x-queue-master-locator', 'choice', { choices: ['min-masters', 'client-local', 'random'], ...CLASSIC }),
]
