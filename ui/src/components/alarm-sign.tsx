import { listNodes } from '../api/nodes.ts'
import { defineTexts } from '../i18n/language.ts'
import { usePoll } from '../state/poll.ts'
import { may } from '../state/session.ts'
import { Icon } from './icon.tsx'

const texts = defineTexts(
  {
    alarm: 'Alarm: publishers are blocked',
    short: 'Alarm',
    maintenance: 'Maintenance mode: clients cannot connect',
    shortMaintenance: 'Maintenance',
  },
  {
    alarm: '告警：发布者已被阻塞',
    short: '告警',
    maintenance: '维护模式：客户端无法连接',
    shortMaintenance: '维护中',
  },
)

const EVERY_SEC = 10

/** Stands in the bar on every page while something stops publishers or all clients, and leads to what and why. */
export function AlarmSign() {
  const nodes = usePoll(`alarms ${may.monitor.value}`, async (signal) => (may.monitor.value ? listNodes(signal) : []), {
    everySec: EVERY_SEC,
  })
  const all = nodes.data.value ?? []
  const t = texts.value
  if (all.some((node) => node.mem_alarm === true || node.disk_free_alarm === true))
    return <Sign title={t.alarm}>{t.short}</Sign>
  if (all.some((node) => node.being_drained === true)) return <Sign title={t.maintenance}>{t.shortMaintenance}</Sign>
  return null
}

function Sign({ title, children }: { readonly title: string; readonly children: string }) {
  return (
    <a class="toolbar-alarm" href="#/" title={title}>
      <Icon name="warning" />
      {children}
    </a>
  )
}
