import { useSignal } from '@preact/signals'
import { getConnection, listConnectionChannels, type Connection } from '../../api/connections.ts'
import { Button } from '../../components/button.tsx'
import { ChannelTable } from '../channels/channel-table.tsx'
import { Chart } from '../../components/chart.tsx'
import { rateHistory } from '../../components/history.ts'
import { Name } from '../../components/name.tsx'
import { Card, Empty, Facts, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { RangeChoice } from '../../components/rates-chart.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { localPage } from '../../api/lists.ts'
import { byteRate, bytes, count, dateTime, duration } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll } from '../../state/poll.ts'
import { CloseDialog } from './close-dialog.tsx'
import { clientId, clientName, givenName, hasChannels, isMqtt, mayClose } from './client.ts'
import { SubscriptionsCard } from './subscriptions-card.tsx'
import { texts } from './texts.ts'

/** One connection: who it is, what it sends, its channels. */
export function ConnectionPage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  const range = preferences.chartRangeSec.value
  const connection = usePoll(`${name} ${range}`, (signal) => getConnection(name, range, signal), { keep: true })
  const data = connection.data.value
  const closing = useSignal(false)
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/connections' }]}
      badges={<StateBadge state={data?.state} />}
      lead={data && givenName(data) !== '' ? <Name of={givenName(data)} /> : undefined}
      actions={
        <>
          <RangeChoice />
          {data && mayClose(data) && (
            <Button kind="danger" onClick={() => void (closing.value = true)}>
              {t.close}
            </Button>
          )}
        </>
      }
    >
      <Shown of={connection}>{(data) => <Content connection={data} />}</Shown>
      {closing.value && (
        <CloseDialog
          names={[name]}
          onClosed={() => navigate('#/connections')}
          onDismiss={() => (closing.value = false)}
        />
      )}
    </Page>
  )
}

function Content({ connection }: { readonly connection: Connection }) {
  const t = texts.value
  const c = common.value
  const { ssl, ssl_protocol: version, ssl_cipher: cipher, timeout } = connection
  const unlimited = hasChannels(connection) ? t.unlimited : null
  const history = rateHistory([
    [t.fromClient, connection.recv_oct_details],
    [t.toClient, connection.send_oct_details],
  ])
  return (
    <>
      {connection.state === 'blocked' && <p>{t.blockedHint}</p>}
      <div class="columns">
        <Card>
          <Facts
            items={[
              [c.user, connection.user],
              [c.vhost, connection.vhost],
              [c.node, connection.node],
              [t.protocol, connection.protocol],
              [t.client, clientName(connection)],
              [t.clientId, clientId(connection)],
              [t.auth, connection.auth_mechanism],
              [t.tls, ssl === true ? [version, cipher].filter(Boolean).join(' ') : t.noTls],
              [t.certificate, connection.peer_cert_subject],
              [t.connectedAt, dateTime(connection.connected_at)],
              [
                t.connectedFor,
                connection.connected_at === undefined ? undefined : duration(Date.now() - connection.connected_at),
              ],
              [t.heartbeat, timeout === 0 || timeout === undefined ? t.noHeartbeat : t.seconds(count(timeout))],
              // 0 is no limit to AMQP, and no answer of protocols that do not negotiate it
              [t.frameMax, connection.frame_max ? bytes(connection.frame_max) : unlimited],
              [t.channelMax, connection.channel_max ? count(connection.channel_max) : unlimited],
            ]}
          />
        </Card>
        <Card title={t.data} hint={t.dataHint}>
          {history.times.length === 0 ? (
            <Empty title={t.noData} />
          ) : (
            <Chart label={t.data} {...history} format={byteRate} isBytes />
          )}
        </Card>
      </div>
      {hasChannels(connection) && <Channels of={connection.name} />}
      {isMqtt(connection) && <SubscriptionsCard of={connection} />}
      {connection.client_properties !== undefined && (
        <Card title={t.properties}>
          <ArgumentList of={connection.client_properties} />
        </Card>
      )}
    </>
  )
}

function Channels({ of: name }: { readonly of: string }) {
  const t = texts.value
  return (
    <Card title={t.channels} flush>
      <ChannelTable
        id="connection-channels"
        load={async (query, signal) =>
          localPage(await listConnectionChannels(name, signal), query, (channel) => channel.name)
        }
        loadKey={name}
        within
        empty={<Empty title={t.noChannels} />}
      />
    </Card>
  )
}
