import { useSignal } from '@preact/signals'
import type { MessageProperties, PayloadEncoding } from '../../api/messages.ts'
import { copyText } from '../../copy-text.ts'
import { indentJson } from '../../exact-json.ts'
import { bytes, dateTime } from '../../format.ts'
import { defineTexts } from '../../i18n/language.ts'
import { Button } from '../button.tsx'
import { ArgumentList, plain } from '../properties.tsx'
import { showDone } from '../toasts.tsx'
import { propertyNames } from './property-fields.tsx'
import './message-view.css'

const texts = defineTexts(
  {
    payload: 'Payload',
    copy: 'Copy',
    copied: 'Copied',
    formatted: 'Formatted',
    empty: 'empty',
    base64: 'Not text: shown in Base64',
    truncated: 'cut here',
    persistent: '2 (persistent)',
    transient: '1 (transient)',
  },
  {
    payload: '消息体',
    copy: '复制',
    copied: '已复制',
    formatted: '格式化',
    empty: '空',
    base64: '非文本：以 Base64 显示',
    truncated: '已截断',
    persistent: '2（持久化）',
    transient: '1（非持久）',
  },
)

/** Properties and headers of a message. Nothing for a message without. */
export function PropertyList({ of: properties }: { readonly of: MessageProperties | readonly never[] }) {
  const { headers = {}, ...others } = Array.isArray(properties) ? {} : (properties as MessageProperties)
  const names = propertyNames.value
  const entries = Object.entries(others) as [Exclude<keyof MessageProperties, 'headers'>, unknown][]
  return (
    <>
      {entries.length > 0 && (
        <dl class="message-properties">
          {entries.map(([name, value]) => (
            <div key={name}>
              <dt>{names[name] ?? name}</dt>
              <dd class="mono">{propertyText(name, value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {Object.keys(headers).length > 0 && (
        <div>
          <p class="muted">{names.headers}</p>
          <ArgumentList of={headers} />
        </div>
      )}
    </>
  )
}

function propertyText(name: string, value: unknown): string {
  if (name === 'delivery_mode') return value === 2 ? texts.value.persistent : texts.value.transient
  if (name === 'timestamp' && typeof value === 'number') return `${value} (${dateTime(value * 1000)})`
  return plain(value)
}

export interface PayloadViewProps {
  readonly payload: string
  readonly encoding: PayloadEncoding
  /** Of the whole body. */
  readonly sizeBytes: number
  readonly truncated?: boolean
}

/** The body of a message. JSON can be laid out to be read. */
export function PayloadView({ payload, encoding, sizeBytes, truncated = false }: PayloadViewProps) {
  const t = texts.value
  const json = encoding === 'string' ? indentJson(payload) : null
  const formatted = useSignal(true)
  const shown = json !== null && formatted.value ? json : payload
  const copy = async (): Promise<void> => {
    await copyText(payload)
    showDone(t.copied)
  }
  return (
    <div class="message-payload">
      <div class="row">
        <span class="muted grow">
          {t.payload} · {bytes(sizeBytes)}
          {encoding === 'base64' && ` · ${t.base64}`}
          {truncated && ` · ${t.truncated}`}
        </span>
        {json !== null && (
          <Button
            size="small"
            kind="quiet"
            pressed={formatted.value}
            onClick={() => void (formatted.value = !formatted.value)}
          >
            {t.formatted}
          </Button>
        )}
        <Button size="small" kind="quiet" onClick={copy}>
          {t.copy}
        </Button>
      </div>
      {payload === '' ? <p class="muted">{t.empty}</p> : <pre>{shown}</pre>}
    </div>
  )
}
