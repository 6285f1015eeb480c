import type { ArgumentGroup } from '../../components/arguments/argument-fields.tsx'
import { defineTexts } from '../../i18n/language.ts'

const texts = defineTexts(
  {
    link: 'Link',
    exchanges: 'Federated exchanges',
    queues: 'Federated queues',
    prefetch: { label: 'Prefetch', help: 'Messages that may be under way. 1000 without it.' },
    reconnectDelay: {
      label: 'Reconnect after',
      help: 'Seconds. 5 without it; 0: it is not tried again.',
    },
    ackMode: {
      label: 'Acknowledgement',
      help: 'When the upstream may forget a message: when it is confirmed here, when it is published here, or at once. on-confirm, which loses nothing, without it.',
    },
    trustUser: {
      label: 'Trust user ids',
      help: 'Keeps the property user_id of messages. No without it: it is taken off.',
    },
    exchange: { label: 'Exchange upstream', help: 'Named like the one here without it.' },
    maxHops: { label: 'Most hops', help: 'How many federated brokers a message may have come through. 1 without it.' },
    expires: {
      label: 'Upstream queue expires',
      help: 'After so long without a link the queue upstream, and what it holds, is deleted. Never without it.',
    },
    messageTtl: { label: 'Time to live upstream', help: 'Of messages that wait for the link. No limit without it.' },
    queueType: { label: 'Upstream queue type', help: 'What the upstream makes of it without it.' },
    cleanup: { label: 'Clean up', help: 'never leaves what a link made upstream when it is removed.' },
    bindNowait: {
      label: 'Bind without waiting',
      help: 'Runs before the upstream has taken all bindings. No without it.',
    },
    channels: { label: 'Channels', help: 'single has bindings and messages on one channel. multiple without it.' },
    queue: { label: 'Queue upstream', help: 'Named like the one here without it.' },
    consumerTag: { label: 'Consumer tag', help: 'federation-link- and the upstream’s name without it.' },
  },
  {
    link: '链接',
    exchanges: '联邦交换机',
    queues: '联邦队列',
    prefetch: { label: '预取数', help: '可同时在途的消息数。不设置则为 1000。' },
    reconnectDelay: { label: '重连间隔', help: '秒。不设置则为 5；0 表示不再重试。' },
    ackMode: {
      label: '确认方式',
      help: '上游何时可以删除消息：本地确认后、本地发布后，或立即。不设置则为不会丢失消息的 on-confirm。',
    },
    trustUser: { label: '信任用户标识', help: '保留消息的 user_id 属性。不设置则为否，即去除。' },
    exchange: { label: '上游交换机', help: '不设置则与本地同名。' },
    maxHops: { label: '最大跳数', help: '消息最多可经过多少个联邦服务器。不设置则为 1。' },
    expires: { label: '上游队列过期时间', help: '超过此时间没有链接，上游队列及其内容会被删除。不设置则永不。' },
    messageTtl: { label: '上游消息存活时间', help: '针对等待链接的消息。不设置则不限。' },
    queueType: { label: '上游队列类型', help: '不设置则由上游决定。' },
    cleanup: { label: '清理', help: 'never 表示链接移除后，保留其在上游创建的对象。' },
    bindNowait: { label: '绑定不等待', help: '上游接受全部绑定之前即开始运行。不设置则为否。' },
    channels: { label: '信道', help: 'single 表示绑定与消息共用一个信道。不设置则为 multiple。' },
    queue: { label: '上游队列', help: '不设置则与本地同名。' },
    consumerTag: { label: '消费者标签', help: '不设置则为 federation-link- 加上游名称。' },
  },
)

/** What an upstream can be told but its address; a set may say it otherwise for each of its upstreams. */
export function upstreamFields(): readonly ArgumentGroup[] {
  const t = texts.value
  return [
    {
      title: t.link,
      fields: [
        { key: 'prefetch-count', kind: 'count', ...t.prefetch },
        { key: 'reconnect-delay', kind: 'number', ...t.reconnectDelay },
        { key: 'ack-mode', kind: 'choice', choices: ['on-confirm', 'on-publish', 'no-ack'], ...t.ackMode },
        { key: 'trust-user-id', kind: 'flag', ...t.trustUser },
      ],
    },
    {
      title: t.exchanges,
      fields: [
        { key: 'exchange', kind: 'text', ...t.exchange },
        { key: 'max-hops', kind: 'count', ...t.maxHops },
        { key: 'expires', kind: 'duration', ...t.expires },
        { key: 'message-ttl', kind: 'duration', ...t.messageTtl },
        { key: 'queue-type', kind: 'choice', choices: ['classic', 'quorum'], ...t.queueType },
        { key: 'resource-cleanup-mode', kind: 'choice', choices: ['default', 'never'], ...t.cleanup },
        { key: 'bind-nowait', kind: 'flag', ...t.bindNowait },
        { key: 'channel-use-mode', kind: 'choice', choices: ['multiple', 'single'], ...t.channels },
      ],
    },
    {
      title: t.queues,
      fields: [
        { key: 'queue', kind: 'text', ...t.queue },
        { key: 'consumer-tag', kind: 'text', ...t.consumerTag },
      ],
    },
  ]
}
