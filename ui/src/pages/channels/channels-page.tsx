import { listChannels } from '../../api/channels.ts'
import { Card, Empty, Page } from '../../components/page.tsx'
import { preferences } from '../../state/preferences.ts'
import { ChannelTable } from './channel-table.tsx'
import { texts } from './texts.ts'

export function ChannelsPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  return (
    <Page title={t.title}>
      <Card flush>
        <ChannelTable
          id="channels"
          load={(query, signal) => listChannels(vhost, query, signal)}
          loadKey={vhost ?? '*'}
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
        />
      </Card>
    </Page>
  )
}
