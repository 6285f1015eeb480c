import type { ComponentChildren } from 'preact'
import { ButtonLink } from '../../components/button.tsx'
import { Icon } from '../../components/icon.tsx'
import { Page, Tabs } from '../../components/page.tsx'
import { to } from '../../router.ts'
import { may } from '../../state/session.ts'
import { texts } from './texts.ts'

/** RabbitMQ's name of a component, and the address of its pages. */
export const UPSTREAM = { component: 'federation-upstream', address: '#/federation-upstreams' } as const
export const UPSTREAM_SET = { component: 'federation-upstream-set', address: '#/federation-upstream-sets' } as const
export type Kind = typeof UPSTREAM | typeof UPSTREAM_SET

export function addressOf({ component }: Kind, vhost: string, name: string): string {
  return component === 'federation-upstream'
    ? to`/federation-upstreams/${vhost}/${name}`
    : to`/federation-upstream-sets/${vhost}/${name}`
}

export type View = 'links' | 'upstreams' | 'sets'

/** Around each of the lists. */
export function FederationFrame({ view, children }: { readonly view: View; readonly children: ComponentChildren }) {
  const t = texts.value
  const kind = view === 'sets' ? UPSTREAM_SET : UPSTREAM
  const tabs = [
    { label: t.status, href: '#/federation', current: view === 'links', isShown: may.monitor.value },
    { label: t.upstreams, href: UPSTREAM.address, current: view === 'upstreams', isShown: may.setPolicies.value },
    { label: t.sets, href: UPSTREAM_SET.address, current: view === 'sets', isShown: may.setPolicies.value },
  ]
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        may.setPolicies.value && (
          <ButtonLink kind="primary" href={`${kind.address}/new`}>
            <Icon name="plus" />
            {view === 'sets' ? t.addSet : t.addUpstream}
          </ButtonLink>
        )
      }
    >
      <Tabs label={t.views} tabs={tabs.filter(({ isShown }) => isShown)} />
      {children}
    </Page>
  )
}
