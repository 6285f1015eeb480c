import type { Node } from '../../api/nodes.ts'
import { Icon } from '../../components/icon.tsx'
import { texts } from './texts.ts'
import './alarms.css'

/** What stops publishers, or all clients, and how to be rid of it. */
export function Alarms({ nodes }: { readonly nodes: readonly Node[] }) {
  const t = texts.value
  const alarms = nodes.flatMap((node): [string, string][] => [
    ...(node.mem_alarm === true ? [[t.memoryAlarm(node.name), t.memoryAlarmHint] as [string, string]] : []),
    ...(node.disk_free_alarm === true ? [[t.diskAlarm(node.name), t.diskAlarmHint] as [string, string]] : []),
    ...(node.being_drained === true ? [[t.maintenance(node.name), t.maintenanceHint] as [string, string]] : []),
    ...(node.running ? [] : [[t.down(node.name), ''] as [string, string]]),
  ])
  return (
    <>
      {alarms.map(([title, hint]) => (
        <div key={title} class="alarm" role="alert">
          <Icon name="warning" size={22} />
          <div>
            <p class="alarm-title">{title}</p>
            {hint !== '' && <p>{hint}</p>}
          </div>
        </div>
      ))}
    </>
  )
}
