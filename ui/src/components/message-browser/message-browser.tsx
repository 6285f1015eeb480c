import { useSignal, type Signal } from '@preact/signals'
import type { VNode } from 'preact'
import { selectionOf, type MessagePlace, type MessageSelection } from '../../api/queue-messages.ts'
import { count } from '../../format.ts'
import { Button } from '../button.tsx'
import { ErrorPanel } from '../error-panel.tsx'
import { Card, Empty } from '../page.tsx'
import { Loading } from '../polled.tsx'
import { useFoundMessages } from './found.ts'
import { MessageTable } from './message-table.tsx'
import { SearchForm, type Search } from './search-form.tsx'
import { texts } from './texts.ts'

export interface BrowserActionsProps {
  readonly place: MessagePlace
  readonly picked: Signal<ReadonlySet<string>>
  /** What all that fit the search are. */
  readonly found: () => MessageSelection
  readonly onDone: () => Promise<void>
}

export interface MessageBrowserProps {
  readonly place: MessagePlace
  readonly hint: string
  /** What it means that there are none. */
  readonly noneHint: string
  /** What can be done with those that are picked. */
  readonly actions: (props: BrowserActionsProps) => VNode
}

/** Messages where they are, looked at without touching them. */
export function MessageBrowser({ place, hint, noneHint, actions: Actions }: MessageBrowserProps) {
  const t = texts.value
  const failure = useSignal<unknown>(null)
  const picked = useSignal<ReadonlySet<string>>(new Set())
  const found = useFoundMessages(place, (error) => (failure.value = error))
  const search = async (wanted: Search): Promise<void> => {
    failure.value = null
    picked.value = new Set()
    await found.search(wanted)
  }
  const again = (): Promise<void> => search(found.current.peek())
  const items = found.items.value
  return (
    <>
      <Card title={t.title} hint={hint}>
        <SearchForm hasStates={place.kind === 'queues'} onSearch={search} />
      </Card>
      <Card>
        {failure.value !== null && <ErrorPanel error={failure.value} onRetry={again} />}
        {items === null && failure.value === null && <Loading />}
        {items !== null && (
          <>
            <p role="status">{t.found(count(items.length), count(found.examined.value))}</p>
            {items.length === 0 ? (
              <Empty title={t.none} hint={noneHint} />
            ) : (
              <>
                <Actions
                  place={place}
                  picked={picked}
                  found={() => selectionOf(found.current.peek().search)}
                  onDone={again}
                />
                <MessageTable vhost={place.vhost} items={items} found={found} picked={picked} />
              </>
            )}
            {found.next.value !== null && (
              <div>
                <Button onClick={found.more}>{t.more}</Button>
              </div>
            )}
          </>
        )}
      </Card>
    </>
  )
}
