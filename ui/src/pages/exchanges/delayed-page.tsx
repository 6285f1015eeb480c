import { MessageBrowser } from '../../components/message-browser/message-browser.tsx'
import { Page } from '../../components/page.tsx'
import { to } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { DelayedActions } from './delayed-actions.tsx'
import { texts } from './texts.ts'

/** Messages that an exchange keeps until they are due. */
export function DelayedMessagesPage({ params }: PageComponentProps) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name']!
  const crumbs = [
    { label: t.title, href: '#/exchanges' },
    { label: name, href: to`/exchanges/${vhost}/${name}` },
  ]
  return (
    <Page title={t.delayed} crumbs={crumbs} lead={vhost}>
      <MessageBrowser
        place={{ kind: 'exchanges', vhost, name }}
        hint={t.delayedHint}
        noneHint={t.noDelayedHint}
        actions={DelayedActions}
      />
    </Page>
  )
}
