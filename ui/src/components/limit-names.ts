import { defineTexts } from '../i18n/language.ts'

export const limitTexts = defineTexts(
  {
    title: 'Limits',
    help: 'No limit when empty; 0 allows none.',
    names: { 'max-connections': 'Most connections', 'max-channels': 'Most channels', 'max-queues': 'Most queues' },
    notCount: 'A limit is a whole number from 0 on, or -1 for none.',
    save: 'Save limits',
    saved: 'Limits saved',
  },
  {
    title: '限制',
    help: '留空则不限；0 表示一个也不允许。',
    names: { 'max-connections': '最大连接数', 'max-channels': '最大信道数', 'max-queues': '最大队列数' },
    notCount: '请填写 0 或更大的整数；-1 表示不限。',
    save: '保存限制',
    saved: '限制已保存',
  },
)

export type LimitName = keyof typeof limitTexts.value.names

/** What users and virtual hosts can be limited in. */
export const LIMIT_NAMES = {
  user: ['max-connections', 'max-channels'],
  vhost: ['max-connections', 'max-queues'],
} as const satisfies Record<string, readonly LimitName[]>

/** Why it is no limit; null when it is one, or none. What there is may be -1, which is none to RabbitMQ. */
export const limitFault = (text: string): string | null =>
  /^\d{0,15}$/.test(text.trim()) || text.trim() === '-1' ? null : limitTexts.value.notCount
