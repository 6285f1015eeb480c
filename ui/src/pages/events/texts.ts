import { defineTexts } from '../../i18n/language.ts'

export const texts = defineTexts(
  {
    title: 'Events',
    lead: 'What comes and goes in the broker, as it happens, for as long as this page is open.',
    waiting: 'Nothing has happened since you came here',
    waitingHint:
      'Connections, channels, consumers, queues, exchanges, bindings, policies, users and alarms appear here as they come and go.',
    kind: 'Which events',
    allKinds: 'All events',
    stop: 'Stop',
    goOn: 'Go on',
    clear: 'Clear',
    time: 'Time',
    event: 'Event',
    about: 'What',
    by: 'By',
    details: 'Details',
    ended: 'The stream ended',
  },
  {
    title: '事件',
    lead: '页面打开期间，实时显示服务器中发生的事件。',
    waiting: '打开页面后尚未发生任何事件',
    waitingHint: '连接、信道、消费者、队列、交换机、绑定、策略、用户和告警的变动会显示在这里。',
    kind: '事件类型',
    allKinds: '全部事件',
    stop: '停止',
    goOn: '继续',
    clear: '清除',
    time: '时间',
    event: '事件',
    about: '对象',
    by: '操作者',
    details: '详情',
    ended: '事件流已结束',
  },
)
