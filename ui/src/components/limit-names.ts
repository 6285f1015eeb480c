import { defineTexts } from '../i18n/language.ts'

export const limitTexts = defineTexts(
  {
    title: 'Limits',
    help: 'No limit when empty; 0 allows none.',
    names: { 'max-connections': 'Most connections', 'max-channels': 'Most channels', 'max-queues': 'Most queues' },
    save: 'Save limits',
    saved: 'Limits saved',
  },
  {
    title: '限制',
    help: '留空则不限；0 表示一个也不允许。',
    names: { 'max-connections': '最大连接数', 'max-channels': '最大信道数', 'max-queues': '最大队列数' },
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
