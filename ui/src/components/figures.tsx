import type { ComponentChildren } from 'preact'
import './figures.css'

export interface Figure {
  readonly label: string
  readonly value: ComponentChildren
  /** Below the value: a rate, a limit. */
  readonly detail?: ComponentChildren
  readonly href?: string
}

/** The few numbers that matter most, large. */
export function Figures({ label, items }: { readonly label: string; readonly items: readonly Figure[] }) {
  return (
    <ul class="figures" aria-label={label}>
      {items.map((item) => (
        <li key={item.label}>
          {item.href === undefined ? (
            <Content {...item} />
          ) : (
            <a href={item.href}>
              <Content {...item} />
            </a>
          )}
        </li>
      ))}
    </ul>
  )
}

function Content({ label, value, detail }: Figure) {
  return (
    <>
      <span class="figure-label">{label}</span>
      <span class="figure-value">{value}</span>
      {detail !== undefined && <span class="figure-detail small muted">{detail}</span>}
    </>
  )
}
