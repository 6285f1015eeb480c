import { defineTexts } from '../i18n/language.ts'
import type { Arguments } from '../api/types.ts'
import { dateTime } from '../format.ts'
import { Badge } from './page.tsx'
import { Name } from './name.tsx'
import './properties.css'

const texts = defineTexts(
  {
    durable: 'durable',
    transient: 'transient',
    autoDelete: 'auto-delete',
    internal: 'internal',
    exclusive: 'exclusive',
  },
  { durable: '持久', transient: '非持久', autoDelete: '自动删除', internal: '内部', exclusive: '独占' },
)

export interface FeaturesProps {
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal?: boolean
  readonly exclusive?: boolean
  readonly arguments: Arguments
  readonly policy?: string | null | undefined
}

/** What is special about a queue or an exchange, in a few badges. What is usual is not told. */
export function Features(props: FeaturesProps) {
  const t = texts.value
  const { policy } = props
  return (
    <span class="features">
      {!props.durable && <Badge tone="warn">{t.transient}</Badge>}
      {props.autoDelete && <Badge>{t.autoDelete}</Badge>}
      {props.exclusive === true && <Badge>{t.exclusive}</Badge>}
      {props.internal === true && <Badge>{t.internal}</Badge>}
      {Object.entries(props.arguments)
        .filter(([name]) => name !== 'x-queue-type')
        .map(([name, value]) => (
          <Badge key={name} title={`${name}: ${plain(value)}`}>
            {name.replace(/^x-/, '')}
          </Badge>
        ))}
      {policy !== undefined && policy !== null && policy !== '' && <Badge tone="info">{policy}</Badge>}
    </span>
  )
}

const TIME_NAME = /time|date|stamp|[-_.]at$/i
/** Of 2001 to 2096: a number in it is hardly a count where the name speaks of time. */
const TIMES_SEC = { from: 1e9, to: 4e9 }

/** The time that a number stands for where its name says so: the API tells a timestamp as seconds, and many write milliseconds. */
function timeOf(name: string, value: unknown): string | null {
  if (typeof value !== 'number' || !TIME_NAME.test(name)) return null
  const isIn = (sec: number): boolean => sec >= TIMES_SEC.from && sec < TIMES_SEC.to
  const ms = isIn(value) ? value * 1000 : isIn(value / 1000) ? value : null
  return ms === null ? null : dateTime(ms)
}

/** A value of a table, as text. */
export const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Names and values of a table. Nothing where it is empty. */
export function ArgumentList({ of: values }: { readonly of: Arguments }) {
  const entries = Object.entries(values)
  if (entries.length === 0) return null
  return (
    <dl class="argument-list">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt class="mono">
            <Name of={name} />
          </dt>
          <dd class="mono">
            <Name of={plain(value)} />
            {timeOf(name, value) !== null && <span class="muted"> ({timeOf(name, value)})</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
