import { defineTexts } from '../i18n/language.ts'
import { Badge, type Tone } from './page.tsx'

const texts = defineTexts(
  {
    running: 'running',
    idle: 'idle',
    flow: 'flow control',
    blocked: 'blocked',
    blocking: 'blocking',
    closing: 'closing',
    paused: 'paused',
    down: 'down',
    crashed: 'crashed',
    stopped: 'stopped',
    minority: 'minority',
    starting: 'starting',
    error: 'error',
    terminated: 'terminated',
  },
  {
    running: '运行中',
    idle: '空闲',
    flow: '流控',
    blocked: '已阻塞',
    blocking: '将阻塞',
    closing: '关闭中',
    paused: '已暂停',
    down: '停止',
    crashed: '已崩溃',
    stopped: '已停止',
    minority: '少数派',
    starting: '启动中',
    error: '错误',
    terminated: '已终止',
  },
)

const TONES: Readonly<Record<string, Tone>> = {
  running: 'ok',
  idle: 'neutral',
  flow: 'warn',
  blocked: 'danger',
  blocking: 'warn',
  closing: 'warn',
  paused: 'warn',
  down: 'danger',
  crashed: 'danger',
  stopped: 'danger',
  minority: 'danger',
  starting: 'info',
  error: 'danger',
  terminated: 'danger',
}

/** The state of a connection, channel, queue or link, in the API's word. */
export function StateBadge({ state }: { readonly state: string | undefined }) {
  if (state === undefined) return null
  const t = texts.value as Readonly<Record<string, string>>
  return <Badge tone={TONES[state] ?? 'neutral'}>{t[state] ?? state}</Badge>
}
