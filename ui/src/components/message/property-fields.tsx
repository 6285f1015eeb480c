import { signal, type Signal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import type { MessageProperties } from '../../api/messages.ts'
import { defineTexts } from '../../i18n/language.ts'
import { Field, FieldGrid, NumberInput, TextInput } from '../form.tsx'

const texts = defineTexts(
  {
    content_type: 'Content type',
    content_encoding: 'Content encoding',
    priority: 'Priority',
    correlation_id: 'Correlation id',
    reply_to: 'Reply to',
    expiration: 'Expiration (ms)',
    message_id: 'Message id',
    timestamp: 'Timestamp (s)',
    type: 'Type',
    user_id: 'User id',
    app_id: 'App id',
    delivery_mode: 'Delivery mode',
    headers: 'Headers',
  },
  {
    content_type: '内容类型',
    content_encoding: '内容编码',
    priority: '优先级',
    correlation_id: '关联 ID',
    reply_to: '回复到',
    expiration: '过期时间（毫秒）',
    message_id: '消息 ID',
    timestamp: '时间戳（秒）',
    type: '类型',
    user_id: '用户 ID',
    app_id: '应用 ID',
    delivery_mode: '投递模式',
    headers: '消息头',
  },
)

/** What properties are called on the screen. */
export const propertyNames = texts

const NUMBERS = ['priority', 'timestamp'] as const
const TEXTS = [
  'content_type',
  'content_encoding',
  'message_id',
  'correlation_id',
  'reply_to',
  'expiration',
  'type',
  'app_id',
  'user_id',
] as const

type PropertyName = (typeof NUMBERS)[number] | (typeof TEXTS)[number]
export type PropertySignals = ReadonlyMap<PropertyName, Signal<string>>

/** One signal for each property that has a field; '' for one that is not set. */
export function usePropertySignals(): PropertySignals {
  return useMemo(() => new Map([...TEXTS, ...NUMBERS].map((name) => [name, signal('')])), [])
}

export function readProperties(signals: PropertySignals): MessageProperties {
  const entries = [...signals]
    .filter(([, { value }]) => value !== '')
    .map(([name, { value }]) => [name, (NUMBERS as readonly string[]).includes(name) ? Number(value) : value])
  return Object.fromEntries(entries) as MessageProperties
}

export function PropertyFields({ signals }: { readonly signals: PropertySignals }) {
  return (
    <FieldGrid>
      {[...signals].map(([name, value]) => (
        <Field key={name} label={texts.value[name]}>
          {(NUMBERS as readonly string[]).includes(name) ? (
            <NumberInput value={value} min={0} step={1} />
          ) : (
            <TextInput value={value} />
          )}
        </Field>
      ))}
    </FieldGrid>
  )
}
