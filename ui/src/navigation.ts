import { computed, type ReadonlySignal } from '@preact/signals'
import { defineTexts } from './i18n/language.ts'
import { may } from './state/session.ts'

const titles = defineTexts(
  {
    overview: 'Overview',
    connections: 'Connections',
    channels: 'Channels',
    consumers: 'Consumers',
    exchanges: 'Exchanges',
    queues: 'Queues',
    events: 'Events',
    topology: 'Topology',
    route: 'Route explanation',
    traces: 'Message traces',
    traceFiles: 'Trace files',
    users: 'Users',
    vhosts: 'Virtual hosts',
    policies: 'Policies',
    limits: 'Limits',
    shovels: 'Shovels',
    federation: 'Federation',
    parameters: 'Parameters',
    definitions: 'Definitions',
    features: 'Feature flags',
    clusterName: 'Cluster name',
  },
  {
    overview: '概览',
    connections: '连接',
    channels: '信道',
    consumers: '消费者',
    exchanges: '交换机',
    queues: '队列',
    events: '事件',
    topology: '拓扑',
    route: '路由说明',
    traces: '消息追踪',
    traceFiles: '追踪文件',
    users: '用户',
    vhosts: '虚拟主机',
    policies: '策略',
    limits: '限制',
    shovels: 'Shovel',
    federation: '联邦',
    parameters: '参数',
    definitions: '定义',
    features: '特性标志',
    clusterName: '集群名称',
  },
)

/** '' for a section without a heading. */
export const sectionTitles = defineTexts(
  { main: '', tools: 'Tools', admin: 'Admin' },
  { main: '', tools: '工具', admin: '管理' },
)

export interface NavigationItem {
  readonly href: string
  /** In the current language. */
  readonly title: () => string
  /** Other addresses of what it is about. */
  readonly also?: readonly string[]
  /** Shown only while this holds. */
  readonly needs?: ReadonlySignal<boolean>
}

export interface NavigationSection {
  readonly section: 'main' | 'tools' | 'admin'
  readonly items: readonly NavigationItem[]
}

/** Links to other brokers are seen by those who monitor, and set by those who set parameters. */
const mayLink = computed(() => may.monitor.value || may.setPolicies.value)

/** In RabbitMQ's order and words, so that its users find their way. */
export const NAVIGATION: readonly NavigationSection[] = [
  {
    section: 'main',
    items: [
      { href: '#/', title: () => titles.value.overview },
      { href: '#/connections', title: () => titles.value.connections },
      { href: '#/channels', title: () => titles.value.channels },
      { href: '#/consumers', title: () => titles.value.consumers },
      { href: '#/exchanges', title: () => titles.value.exchanges },
      { href: '#/queues', title: () => titles.value.queues },
    ],
  },
  {
    section: 'tools',
    items: [
      { href: '#/topology', title: () => titles.value.topology },
      { href: '#/route', title: () => titles.value.route },
      { href: '#/message-traces', title: () => titles.value.traces, needs: may.monitor },
      { href: '#/traces', title: () => titles.value.traceFiles, needs: may.administrate },
      { href: '#/events', title: () => titles.value.events },
    ],
  },
  {
    section: 'admin',
    items: [
      { href: '#/users', title: () => titles.value.users, needs: may.administrate },
      { href: '#/vhosts', title: () => titles.value.vhosts, needs: may.administrate },
      { href: '#/policies', also: ['#/operator_policies'], title: () => titles.value.policies },
      { href: '#/limits', title: () => titles.value.limits, needs: may.administrate },
      { href: '#/shovels', also: ['#/dynamic-shovels'], title: () => titles.value.shovels, needs: mayLink },
      {
        href: '#/federation',
        also: ['#/federation-upstreams', '#/federation-upstream-sets'],
        title: () => titles.value.federation,
        needs: mayLink,
      },
      {
        href: '#/parameters',
        also: ['#/global-parameters'],
        title: () => titles.value.parameters,
        needs: may.setPolicies,
      },
      { href: '#/definitions', title: () => titles.value.definitions, needs: may.administrate },
      { href: '#/feature-flags', title: () => titles.value.features, needs: may.administrate },
      { href: '#/cluster-name', title: () => titles.value.clusterName, needs: may.administrate },
    ],
  },
]
