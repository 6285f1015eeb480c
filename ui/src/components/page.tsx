import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Name } from './name.tsx'
import './page.css'

interface Crumb {
  readonly label: string
  readonly href: string
}

export interface PageProps {
  /** The page's heading, and the title of the window. */
  readonly title: string
  /** Where the page belongs, from the outside in, without itself. */
  readonly crumbs?: readonly Crumb[]
  /** Stands beside the title: badges. */
  readonly badges?: ComponentChildren
  /** A sentence below the title. */
  readonly lead?: ComponentChildren
  /** Buttons at the right. */
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

/** The frame of every page: title, actions, content. Takes the focus when it appears, so that screen readers say where one is. */
export function Page({ title, crumbs = [], badges, lead, actions, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  useEffect(() => {
    document.title = `${title} · WarrenMQ`
  }, [title])
  return (
    <div class="page">
      <header class="page-header">
        <div class="grow">
          {crumbs.length > 0 && (
            <nav class="page-crumbs small" aria-label={title}>
              {crumbs.map((crumb) => (
                <a key={crumb.href} href={crumb.href}>
                  <Name of={crumb.label} />
                </a>
              ))}
            </nav>
          )}
          <div class="row">
            <h1 tabIndex={-1} ref={heading}>
              {inLines(title)}
            </h1>
            {badges}
          </div>
          {lead !== undefined && <p class="page-lead muted">{lead}</p>}
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** Names of connections may wrap beside their arrow, and not within it. */
function inLines(title: string): ComponentChildren {
  const [first, ...rest] = title.split('->')
  return rest.length === 0 ? (
    <Name of={title} />
  ) : (
    [first, ...rest.flatMap((part) => [<span class="nowrap">-&gt;</span>, part])]
  )
}

export interface CardProps {
  readonly title?: string
  /** At the right of the title. */
  readonly actions?: ComponentChildren
  /** A sentence below the title. */
  readonly hint?: string
  /** Without a margin inside, for tables. */
  readonly flush?: boolean
  readonly children: ComponentChildren
}

/** A part of a page with a heading of its own. */
export function Card({ title, actions, hint, flush = false, children }: CardProps) {
  return (
    <section class={flush ? 'card card-flush' : 'card'} aria-label={title}>
      {(title !== undefined || actions !== undefined) && (
        <div class="card-header">
          <div class="grow">
            {title !== undefined && <h2>{title}</h2>}
            {hint !== undefined && <p class="muted small">{hint}</p>}
          </div>
          {actions !== undefined && <div class="row">{actions}</div>}
        </div>
      )}
      {children}
    </section>
  )
}

/** A part of a page that is needed now and then: closed at first, and drawn when it is opened. */
export function FoldedCard({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const open = useSignal(false)
  return (
    <details class="card card-folded" open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {open.value && <div class="card-folded-body">{children}</div>}
    </details>
  )
}

/** Pairs of a label and a value. A value of undefined, null or '' leaves the pair out. */
export function Facts({ items }: { readonly items: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {items
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

export type Tone = 'neutral' | 'accent' | 'ok' | 'warn' | 'danger' | 'info'

/** A word or two about a state or a kind. */
export function Badge({
  tone = 'neutral',
  title,
  children,
}: {
  tone?: Tone
  title?: string
  children: ComponentChildren
}) {
  return (
    <span class={`badge badge-${tone}`} title={title}>
      {children}
    </span>
  )
}

export interface Tab {
  readonly label: string
  readonly href: string
  readonly current: boolean
}

/** Pages that belong together. Each is an address of its own. */
export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((tab) => (
        <a key={tab.href} href={tab.href} aria-current={tab.current ? 'page' : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  )
}

/** What stands where there is nothing yet: what that means, and what to do about it. */
export function Empty({
  title,
  hint,
  action,
}: {
  title: string
  hint?: ComponentChildren
  action?: ComponentChildren
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {hint !== undefined && <p class="muted">{hint}</p>}
      {action}
    </div>
  )
}
