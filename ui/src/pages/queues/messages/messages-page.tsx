import { useSignal } from '@preact/signals'
import { selectionOf } from '../../../api/queue-messages.ts'
import { Button } from '../../../components/button.tsx'
import { ErrorPanel } from '../../../components/error-panel.tsx'
import { Card, Empty } from '../../../components/page.tsx'
import { Loading } from '../../../components/polled.tsx'
import { count } from '../../../format.ts'
import type { PageComponentProps } from '../../../routes.ts'
import { QueueFrame } from '../queue-frame.tsx'
import { useFoundMessages } from './found.ts'
import { MessageActions } from './message-actions.tsx'
import { MessageTable } from './message-table.tsx'
import { SearchForm, type Search } from './search-form.tsx'
import { texts } from './texts.ts'

/** Messages anywhere in a queue, looked at without touching them. */
export function QueueMessagesPage({ params }: PageComponentProps) {
  const vhost = params['vhost']!
  const name = params['name']!
  return (
    <QueueFrame vhost={vhost} name={name}>
      {() => <Browser vhost={vhost} queue={name} />}
    </QueueFrame>
  )
}

function Browser({ vhost, queue }: { readonly vhost: string; readonly queue: string }) {
  const t = texts.value
  const failure = useSignal<unknown>(null)
  const picked = useSignal<ReadonlySet<string>>(new Set())
  const found = useFoundMessages(vhost, queue, (error) => (failure.value = error))
  const search = async (wanted: Search): Promise<void> => {
    failure.value = null
    picked.value = new Set()
    await found.search(wanted)
  }
  const again = (): Promise<void> => search(found.current.peek())
  const items = found.items.value
  return (
    <>
      <Card title={t.title} hint={t.hint}>
        <SearchForm onSearch={search} />
      </Card>
      <Card>
        {failure.value !== null && <ErrorPanel error={failure.value} onRetry={again} />}
        {items === null && failure.value === null && <Loading />}
        {items !== null && (
          <>
            <p role="status">{t.found(count(items.length), count(found.examined.value))}</p>
            {items.length === 0 ? (
              <Empty title={t.none} hint={t.noneHint} />
            ) : (
              <>
                <MessageActions
                  vhost={vhost}
                  queue={queue}
                  picked={picked}
                  found={() => selectionOf(found.current.peek().search)}
                  onDone={again}
                />
                <MessageTable vhost={vhost} items={items} found={found} picked={picked} />
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
