import { defineTexts } from '../../i18n/language.ts'

export const texts = defineTexts(
  {
    title: 'Topology',
    lead: 'Who publishes where, what leads to which queue, and who consumes. Dashed lines are dead letters.',
    legend:
      'On each line: routing keys above it, messages per second below it. That of bindings is of all between the same two, and counts what came to a queue; with two numbers it lies between them, as there are several ways to the queue.',
    filter: 'Filter by name',
    filterHelp: 'Shows what contains it, with its neighbours.',
    bigger: 'Bigger',
    smaller: 'Smaller',
    picture: 'Picture of the topology',
    empty: 'Nothing to show',
    emptyHint: 'There are no bindings, publishers or consumers, or none fits the filter.',
    truncated: (n: string) => `Only ${n} of the objects are shown. Filter by name to see others.`,
    messages: (n: string, isOne: boolean) => (isOne ? `${n} message` : `${n} messages`),
    kinds: { publisher: 'Publisher', exchange: 'Exchange', queue: 'Queue', consumer: 'Consumer' },
  },
  {
    title: '拓扑',
    lead: '谁向何处发布，什么通向哪个队列，谁在消费。虚线为死信。',
    legend:
      '每条线：上方为路由键，下方为每秒消息数。绑定的速率是两者之间所有绑定的总和，只计到达队列的消息；显示两个数时，实际值介于其间，因为通向队列的路径不止一条。',
    filter: '按名称筛选',
    filterHelp: '显示名称包含该文本的对象及其相邻对象。',
    bigger: '放大',
    smaller: '缩小',
    picture: '拓扑图',
    empty: '没有可显示的内容',
    emptyHint: '没有绑定、发布者或消费者，或没有符合筛选条件的对象。',
    truncated: (n) => `仅显示 ${n} 个对象。请按名称筛选以查看其他对象。`,
    messages: (n) => `${n} 条消息`,
    kinds: { publisher: '发布者', exchange: '交换机', queue: '队列', consumer: '消费者' },
  },
)
