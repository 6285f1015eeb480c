import { useSignal, type Signal } from '@preact/signals'
import type { QueuedMessage } from '../../api/queue-messages.ts'
import { exchangeLabel } from '../links.tsx'
import { bytes, dateTime } from '../../format.ts'
import { Badge } from '../page.tsx'
import { common } from '../../i18n/common.ts'
import type { Found, FoundMessages } from './found.ts'
import { MessageDialog, StateOf } from './message-dialog.tsx'
import { texts } from './texts.ts'
import '../data-table.css'
import { Name } from '../name.tsx'
import './message-table.css'

const PREVIEW_CHARACTERS = 120

export interface MessageTableProps {
  readonly vhost: string
  readonly items: readonly Found[]
  readonly found: FoundMessages
  readonly picked: Signal<ReadonlySet<string>>
}

export function MessageTable({ vhost, items, found, picked }: MessageTableProps) {
  const t = texts.value
  const opened = useSignal<Found | null>(null)
  const allPicked = items.every(({ id }) => picked.value.has(id))
  const toggle = (id: string): void => {
    const next = new Set(picked.peek())
    if (!next.delete(id)) next.add(id)
    picked.value = next
  }
  return (
    <div class="table">
      <div class="table-scroll" role="region" aria-label={t.title} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th class="table-pick">
                <input
                  type="checkbox"
                  aria-label={common.value.all}
                  checked={allPicked}
                  onChange={() => (picked.value = new Set(allPicked ? [] : items.map(({ id }) => id)))}
                />
              </th>
              {[t.message, t.state, common.value.exchange, t.key, t.content].map((header) => (
                <th key={header} scope="col" class="table-start">
                  {header}
                </th>
              ))}
              <th scope="col" class="table-end">
                {t.size}
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((message) => (
              <tr key={message.id} class={picked.value.has(message.id) ? 'table-row-picked' : undefined}>
                <td class="table-pick">
                  <input
                    type="checkbox"
                    aria-label={t.pick(message.id)}
                    checked={picked.value.has(message.id)}
                    onChange={() => toggle(message.id)}
                  />
                </td>
                <Cells message={message} open={() => void (opened.value = message)} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {opened.value !== null && (
        <MessageDialog
          vhost={vhost}
          message={opened.value}
          inFull={found.inFull}
          onClose={() => void (opened.value = null)}
        />
      )}
    </div>
  )
}

function Cells({ message, open }: { readonly message: QueuedMessage; readonly open: () => void }) {
  const t = texts.value
  return (
    <>
      <td class="table-start">
        <button type="button" class="message-open" aria-label={t.one(message.id)} onClick={open}>
          {message.id}
        </button>
      </td>
      <td class="table-start">
        <StateOf message={message} />
        {message.due_at !== null && <span class="small muted">{t.due(dateTime(message.due_at))}</span>}
        {message.consumer !== null && <span class="small muted">{message.consumer.consumer_tag}</span>}
      </td>
      <td class="table-start">
        <Name of={exchangeLabel(message.exchange)} />
      </td>
      <td class="table-start mono">
        <Name of={message.routing_key} />
      </td>
      <td class="table-start message-preview">
        {message.payload_encoding === 'base64' && <Badge title={t.notText}>Base64</Badge>}{' '}
        <span class="mono">{message.payload.slice(0, PREVIEW_CHARACTERS)}</span>
      </td>
      <td class="table-end">{bytes(message.payload_bytes)}</td>
    </>
  )
}
