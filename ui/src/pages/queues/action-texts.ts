import { defineTexts } from '../../i18n/language.ts'

/** What can be done to a queue, how it is asked before, and what is said after. */
export const actionTexts = defineTexts(
  {
    purge: 'Purge',
    purgeTitle: (name: string) => `Purge ${name}?`,
    purgeManyTitle: (n: string) => `Purge ${n} queues?`,
    purgeText:
      'All messages that are ready are deleted, without becoming dead letters. Unacknowledged ones stay. This cannot be undone.',
    purged: (name: string) => `Purged ${name}`,
    delete: 'Delete',
    deleteTitle: (name: string) => `Delete ${name}?`,
    deleteManyTitle: (n: string) => `Delete ${n} queues?`,
    deleteText:
      'The queue goes with all its messages and bindings, and its consumers are cancelled. This cannot be undone.',
    deleted: (name: string) => `Deleted ${name}`,
    pause: 'Pause',
    pauseTitle: (name: string) => `Pause ${name}?`,
    pauseManyTitle: (n: string) => `Pause ${n} queues?`,
    pauseText:
      'Nothing more is delivered to consumers until it is resumed, also after a restart. Messages still come in.',
    paused: (name: string) => `Paused ${name}: it takes messages and delivers none`,
    resume: 'Resume',
    resumed: (name: string) => `${name} delivers again`,
    confirmWord: (n: string) => `delete ${n}`,
    confirmPurge: (n: string) => `purge ${n}`,
    manyDone: (done: string, isOne: boolean) => (isOne ? `Done for ${done} queue` : `Done for ${done} queues`),
  },
  {
    purge: '清空',
    purgeTitle: (name) => `清空 ${name}？`,
    purgeManyTitle: (n) => `清空 ${n} 个队列？`,
    purgeText: '所有就绪消息将被删除，不会成为死信；未确认的消息保留。此操作无法撤销。',
    purged: (name) => `已清空 ${name}`,
    delete: '删除',
    deleteTitle: (name) => `删除 ${name}？`,
    deleteManyTitle: (n) => `删除 ${n} 个队列？`,
    deleteText: '队列及其全部消息和绑定将被删除，消费者会被取消。此操作无法撤销。',
    deleted: (name) => `已删除 ${name}`,
    pause: '暂停',
    pauseTitle: (name) => `暂停 ${name}？`,
    pauseManyTitle: (n) => `暂停 ${n} 个队列？`,
    pauseText: '在恢复之前不再向消费者投递消息，重启后也是如此；仍会接收消息。',
    paused: (name) => `已暂停 ${name}：仍接收消息，但不投递`,
    resume: '恢复',
    resumed: (name) => `${name} 已恢复投递`,
    confirmWord: (n) => `delete ${n}`,
    confirmPurge: (n) => `purge ${n}`,
    manyDone: (done) => `已处理 ${done} 个队列`,
  },
)
