import type { ComponentChildren } from 'preact'
import type { Tone } from './page.tsx'
import './meter.css'

export interface MeterProps {
  readonly label: string
  /** What is used, from 0 to `max`. */
  readonly value: number
  readonly max: number
  /** In words: `312 MiB of 4 GiB`. */
  readonly text: ComponentChildren
  readonly tone?: Tone
}

/** How much of something is used. */
export function Meter({ label, value, max, text, tone = 'accent' }: MeterProps) {
  const share = max > 0 ? Math.min(1, value / max) : 0
  return (
    <div class="meter">
      <div class="meter-label">
        <span>{label}</span>
        <strong>{text}</strong>
      </div>
      <svg class={`meter-bar meter-${tone}`} width="100%" height="8" aria-hidden="true" focusable="false">
        <rect class="meter-ground" width="100%" height="8" rx="4" />
        {share > 0 && <rect class="meter-fill" width={`${Math.max(share * 100, 1)}%`} height="8" rx="4" />}
      </svg>
    </div>
  )
}

/** Parts of a whole, as one bar and a list. Parts beyond the first seven are one. */
export function Breakdown(props: {
  readonly parts: readonly (readonly [label: string, value: number])[]
  readonly rest: string
  readonly format: (value: number) => string
}) {
  const { parts, rest, format } = props
  const shown = parts.slice(0, 7)
  const others = parts.slice(7).reduce((sum, [, value]) => sum + value, 0)
  const all = others > 0 ? [...shown, [rest, others] as const] : shown
  const total = all.reduce((sum, [, value]) => sum + value, 0)
  let from = 0
  return (
    <div class="meter">
      <svg class="meter-bar" width="100%" height="14" aria-hidden="true" focusable="false">
        {all.map(([label, value], i) => {
          const width = total > 0 ? (value / total) * 100 : 0
          const x = from
          from += width
          return <rect key={label} class={`breakdown-${i + 1}`} x={`${x}%`} width={`${width}%`} height="14" />
        })}
      </svg>
      <dl class="breakdown">
        {all.map(([label, value], i) => (
          <div key={label}>
            <dt>
              <span class={`chart-swatch chart-swatch-${i + 1}`} />
              {label}
            </dt>
            <dd>{format(value)}</dd>
          </div>
        ))}
      </dl>
    </div>
  )
}
