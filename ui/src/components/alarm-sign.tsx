import { listNodes } from '../api/nodes.ts'
import { defineTexts } from '../i18n/language.ts'
import { usePoll } from '../state/poll.ts'
import { may } from '../state/session.ts'
import { Icon } from './icon.tsx'

const texts = defineTexts(
  { alarm: 'Alarm: publishers are blocked', short: 'Alarm' },
  { alarm: '告警：发布者已被阻塞', short: '告警' },
)

const EVERY_SEC = 10

/** Stands in the bar on every page while something stops publishers, and leads to what and why. */
export function AlarmSign() {
  const nodes = usePoll(`alarms ${may.monitor.value}`, async (signal) => (may.monitor.value ? listNodes(signal) : []), {
    everySec: EVERY_SEC,
  })
  const isAlarmed = nodes.data.value?.some((node) => node.mem_alarm === true || node.disk_free_alarm === true) ?? false
  if (!isAlarmed) return null
  return (
    <a class="toolbar-alarm" href="#/" title={texts.value.alarm}>
      <Icon name="warning" />
      {texts.value.short}
    </a>
  )
}
