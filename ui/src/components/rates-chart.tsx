import type { Details, MessageStats } from '../api/types.ts'
import { count, rate } from '../format.ts'
import { defineTexts } from '../i18n/language.ts'
import { CHART_RANGES_SEC, preferences } from '../state/preferences.ts'
import { Chart } from './chart.tsx'
import { deliverDetails, gaugeHistory, getDetails, rateHistory, type Line } from './history.ts'
import { Empty } from './page.tsx'

const texts = defineTexts(
  {
    range: 'Range of the charts',
    ranges: { 60: 'Last minute', 600: 'Last 10 minutes', 3600: 'Last hour', 28800: 'Last 8 hours', 86400: 'Last day' },
    queued: 'Queued messages',
    rates: 'Message rates',
    ready: 'Ready',
    unacked: 'Unacked',
    total: 'Total',
    publish: 'Publish',
    publishIn: 'In',
    publishOut: 'Out',
    confirm: 'Confirm',
    deliver: 'Deliver',
    ack: 'Ack',
    get: 'Get',
    getEmpty: 'Get (empty)',
    redeliver: 'Redelivered',
    unroutable: 'Unroutable, returned',
    dropped: 'Unroutable, dropped',
    diskReads: 'Disk reads',
    diskWrites: 'Disk writes',
    quiet: 'No messages in this time',
    quietHint: 'Rates appear as soon as something is published or consumed.',
  },
  {
    range: '图表的时间范围',
    ranges: {
      60: '最近 1 分钟',
      600: '最近 10 分钟',
      3600: '最近 1 小时',
      28800: '最近 8 小时',
      86400: '最近 1 天',
    },
    queued: '排队消息',
    rates: '消息速率',
    ready: '就绪',
    unacked: '未确认',
    total: '总计',
    publish: '发布',
    publishIn: '流入',
    publishOut: '流出',
    confirm: '发布确认',
    deliver: '投递',
    ack: '消费确认',
    get: '拉取',
    getEmpty: '拉取（空）',
    redeliver: '重新投递',
    unroutable: '无法路由，已退回',
    dropped: '无法路由，已丢弃',
    diskReads: '磁盘读取',
    diskWrites: '磁盘写入',
    quiet: '此时段内没有消息',
    quietHint: '一旦有消息发布或消费，速率就会出现。',
  },
)

/** How much time the charts show; the same for all of them. */
export function RangeChoice() {
  const t = texts.value
  return (
    <select
      class="input select input-auto"
      aria-label={t.range}
      value={String(preferences.chartRangeSec.value)}
      onChange={(event) => (preferences.chartRangeSec.value = Number(event.currentTarget.value))}
    >
      {CHART_RANGES_SEC.map((seconds) => (
        <option key={seconds} value={String(seconds)}>
          {t.ranges[seconds]}
        </option>
      ))}
    </select>
  )
}

export interface LengthDetails {
  readonly messages_details?: Details
  readonly messages_ready_details?: Details
  readonly messages_unacknowledged_details?: Details
}

/** How many messages were in a queue, or in all of them. */
export function LengthsChart({ of: totals }: { readonly of: LengthDetails }) {
  const t = texts.value
  const history = gaugeHistory([
    [t.ready, totals.messages_ready_details],
    [t.unacked, totals.messages_unacknowledged_details],
    [t.total, totals.messages_details],
  ])
  return history.times.length === 0 ? <Quiet /> : <Chart label={t.queued} {...history} format={count} />
}

/** Every way a message goes. Lines that have counted nothing are left out. */
export function RatesChart({ of: stats }: { readonly of: MessageStats | undefined }) {
  const t = texts.value
  const lines: readonly Line[] = [
    [t.publish, stats?.publish_details],
    [t.publishIn, stats?.publish_in_details],
    [t.publishOut, stats?.publish_out_details],
    [t.deliver, deliverDetails(stats)],
    [t.ack, stats?.ack_details],
    [t.confirm, stats?.confirm_details],
    [t.get, getDetails(stats)],
    [t.getEmpty, stats?.get_empty_details],
    [t.redeliver, stats?.redeliver_details],
    [t.unroutable, stats?.return_unroutable_details],
    [t.dropped, stats?.drop_unroutable_details],
    // Often so many that everything else lies flat beside them.
    [t.diskReads, stats?.disk_reads_details, 'off'],
    [t.diskWrites, stats?.disk_writes_details, 'off'],
  ]
  const counted = lines.filter(([, details]) => details?.samples?.some(({ sample }) => sample > 0) ?? false)
  const history = rateHistory(counted)
  return history.times.length === 0 ? <Quiet /> : <Chart label={t.rates} {...history} format={rate} />
}

function Quiet() {
  return <Empty title={texts.value.quiet} hint={texts.value.quietHint} />
}
