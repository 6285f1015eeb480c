import { defineTexts } from '../../i18n/language.ts'

export const texts = defineTexts(
  {
    from: 'From',
    to: 'To',
    key: 'Routing key',
    keyHelp:
      'Direct and topic exchanges compare it with the message’s key. On a topic, * stands for one word and # for any number.',
    toQueue: 'to a queue',
    toExchange: 'to an exchange',
    kind: 'Binds',
    destination: 'Destination',
    source: 'Source exchange',
    arguments: 'Arguments',
    argumentsHelp:
      'Headers exchanges compare these with the message’s headers; x-match says whether all or any has to fit.',
    bind: 'Bind',
    bound: 'Bound',
    unbind: 'Unbind',
    unbindTitle: 'Take this binding away?',
    unbindText: (from: string, to: string, key: string) =>
      `From “${from}” to “${to}” with the key “${key}”. Messages do not come that way any more.`,
    unbound: 'The binding is gone',
    default: 'every queue is bound to the default exchange by its name',
  },
  {
    from: '来源',
    to: '目标',
    key: '路由键',
    keyHelp: 'direct 和 topic 交换机将其与消息的路由键比较。在 topic 中 * 代表一个单词，# 代表任意数量。',
    toQueue: '到队列',
    toExchange: '到交换机',
    kind: '绑定',
    destination: '目标',
    source: '来源交换机',
    arguments: '参数',
    argumentsHelp: 'headers 交换机将其与消息头比较；x-match 指定全部匹配（all）或任一匹配（any）。',
    bind: '绑定',
    bound: '已绑定',
    unbind: '解除绑定',
    unbindTitle: '解除此绑定？',
    unbindText: (from, to, key) => `从“${from}”到“${to}”，路由键“${key}”。消息将不再经由此绑定到达。`,
    unbound: '绑定已解除',
    default: '每个队列都以其名称绑定到默认交换机',
  },
)
