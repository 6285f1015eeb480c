import { defineTexts } from '../../i18n/language.ts'

export const texts = defineTexts(
  {
    title: 'Exchanges',
    lead: 'Publishers send to exchanges; bindings say which queues get the messages.',
    declare: 'Declare an exchange',
    empty: 'No exchanges',
    emptyHint: 'You have no permission on a virtual host with exchanges.',
    defaultExchange: '(default exchange)',
    rateIn: 'In',
    rateOut: 'Out',
  },
  {
    title: '交换机',
    lead: '发布者将消息发送到交换机，绑定决定哪些队列收到消息。',
    declare: '声明交换机',
    empty: '没有交换机',
    emptyHint: '您没有任何含交换机的虚拟主机的权限。',
    defaultExchange: '（默认交换机）',
    rateIn: '流入',
    rateOut: '流出',
  },
)
