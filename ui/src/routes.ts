import type { ComponentType } from 'preact'

export type Params = Readonly<Record<string, string>>

export interface PageComponentProps {
  readonly params: Params
}

export interface Route {
  /** A part that begins with a colon is a parameter. The first pattern that fits wins. */
  readonly pattern: string
  readonly load: () => Promise<ComponentType<PageComponentProps>>
}

/** Every page is a chunk of its own, fetched when somebody goes there. */
export const ROUTES: readonly Route[] = [
  { pattern: '/', load: async () => (await import('./pages/overview/overview-page.tsx')).OverviewPage },
  { pattern: '/nodes/:name', load: async () => (await import('./pages/overview/node-page.tsx')).NodePage },
  {
    pattern: '/connections',
    load: async () => (await import('./pages/connections/connections-page.tsx')).ConnectionsPage,
  },
  {
    pattern: '/connections/:name',
    load: async () => (await import('./pages/connections/connection-page.tsx')).ConnectionPage,
  },
  { pattern: '/channels', load: async () => (await import('./pages/channels/channels-page.tsx')).ChannelsPage },
  { pattern: '/channels/:name', load: async () => (await import('./pages/channels/channel-page.tsx')).ChannelPage },
  { pattern: '/consumers', load: async () => (await import('./pages/consumers/consumers-page.tsx')).ConsumersPage },
  { pattern: '/exchanges', load: async () => (await import('./pages/exchanges/exchanges-page.tsx')).ExchangesPage },
  {
    pattern: '/exchanges/new',
    load: async () => (await import('./pages/exchanges/declare-exchange-page.tsx')).DeclareExchangePage,
  },
  {
    pattern: '/exchanges/:vhost/:name',
    load: async () => (await import('./pages/exchanges/exchange-page.tsx')).ExchangePage,
  },
  {
    pattern: '/exchanges/:vhost/:name/messages',
    load: async () => (await import('./pages/exchanges/delayed-page.tsx')).DelayedMessagesPage,
  },
  { pattern: '/queues', load: async () => (await import('./pages/queues/queues-page.tsx')).QueuesPage },
  {
    pattern: '/queues/new',
    load: async () => (await import('./pages/queues/declare-queue-page.tsx')).DeclareQueuePage,
  },
  { pattern: '/queues/:vhost/:name', load: async () => (await import('./pages/queues/queue-page.tsx')).QueuePage },
  {
    pattern: '/queues/:vhost/:name/messages',
    load: async () => (await import('./pages/queues/messages/messages-page.tsx')).QueueMessagesPage,
  },
  {
    pattern: '/queues/:vhost/:name/publish',
    load: async () => (await import('./pages/queues/publish-page.tsx')).PublishQueuePage,
  },
  {
    pattern: '/queues/:vhost/:name/manage',
    load: async () => (await import('./pages/queues/manage-page.tsx')).ManageQueuePage,
  },
  {
    pattern: '/queues/:vhost/:name/change',
    load: async () => (await import('./pages/queues/change/change-queue-page.tsx')).ChangeQueuePage,
  },
  { pattern: '/events', load: async () => (await import('./pages/events/events-page.tsx')).EventsPage },
  { pattern: '/users', load: async () => (await import('./pages/users/users-page.tsx')).UsersPage },
  { pattern: '/users/new', load: async () => (await import('./pages/users/add-user-page.tsx')).AddUserPage },
  { pattern: '/users/:name', load: async () => (await import('./pages/users/user-page.tsx')).UserPage },
  { pattern: '/vhosts', load: async () => (await import('./pages/vhosts/vhosts-page.tsx')).VhostsPage },
  { pattern: '/vhosts/new', load: async () => (await import('./pages/vhosts/add-vhost-page.tsx')).AddVhostPage },
  { pattern: '/vhosts/:name', load: async () => (await import('./pages/vhosts/vhost-page.tsx')).VhostPage },
  { pattern: '/limits', load: async () => (await import('./pages/limits/limits-page.tsx')).LimitsPage },
  { pattern: '/policies', load: async () => (await import('./pages/policies/policies-page.tsx')).PoliciesPage },
  { pattern: '/policies/new', load: async () => (await import('./pages/policies/policy-page.tsx')).AddPolicyPage },
  {
    pattern: '/policies/:vhost/:name',
    load: async () => (await import('./pages/policies/policy-page.tsx')).PolicyPage,
  },
  {
    pattern: '/operator_policies',
    load: async () => (await import('./pages/policies/policies-page.tsx')).OperatorPoliciesPage,
  },
  {
    pattern: '/operator_policies/new',
    load: async () => (await import('./pages/policies/policy-page.tsx')).AddOperatorPolicyPage,
  },
  {
    pattern: '/operator_policies/:vhost/:name',
    load: async () => (await import('./pages/policies/policy-page.tsx')).OperatorPolicyPage,
  },
  { pattern: '/shovels', load: async () => (await import('./pages/shovels/shovels-page.tsx')).ShovelsPage },
  {
    pattern: '/dynamic-shovels',
    load: async () => (await import('./pages/shovels/shovels-page.tsx')).ShovelDefinitionsPage,
  },
  {
    pattern: '/dynamic-shovels/new',
    load: async () => (await import('./pages/shovels/shovel-page.tsx')).AddShovelPage,
  },
  {
    pattern: '/dynamic-shovels/:vhost/:name',
    load: async () => (await import('./pages/shovels/shovel-page.tsx')).ShovelPage,
  },
  { pattern: '/federation', load: async () => (await import('./pages/federation/federation-page.tsx')).FederationPage },
  {
    pattern: '/federation-upstreams',
    load: async () => (await import('./pages/federation/federation-page.tsx')).UpstreamsPage,
  },
  {
    pattern: '/federation-upstreams/new',
    load: async () => (await import('./pages/federation/definition-pages.tsx')).AddUpstreamPage,
  },
  {
    pattern: '/federation-upstreams/:vhost/:name',
    load: async () => (await import('./pages/federation/definition-pages.tsx')).UpstreamPage,
  },
  {
    pattern: '/federation-upstream-sets',
    load: async () => (await import('./pages/federation/federation-page.tsx')).UpstreamSetsPage,
  },
  {
    pattern: '/federation-upstream-sets/new',
    load: async () => (await import('./pages/federation/definition-pages.tsx')).AddUpstreamSetPage,
  },
  {
    pattern: '/federation-upstream-sets/:vhost/:name',
    load: async () => (await import('./pages/federation/definition-pages.tsx')).UpstreamSetPage,
  },
  { pattern: '/parameters', load: async () => (await import('./pages/parameters/parameters-page.tsx')).ParametersPage },
  {
    pattern: '/parameters/new',
    load: async () => (await import('./pages/parameters/parameter-page.tsx')).AddParameterPage,
  },
  {
    pattern: '/parameters/:component/:vhost/:name',
    load: async () => (await import('./pages/parameters/parameter-page.tsx')).ParameterPage,
  },
  {
    pattern: '/global-parameters',
    load: async () => (await import('./pages/parameters/parameters-page.tsx')).GlobalParametersPage,
  },
  {
    pattern: '/global-parameters/new',
    load: async () => (await import('./pages/parameters/global-parameter-page.tsx')).AddGlobalParameterPage,
  },
  {
    pattern: '/global-parameters/:name',
    load: async () => (await import('./pages/parameters/global-parameter-page.tsx')).GlobalParameterPage,
  },
  {
    pattern: '/definitions',
    load: async () => (await import('./pages/definitions/definitions-page.tsx')).DefinitionsPage,
  },
  { pattern: '/feature-flags', load: async () => (await import('./pages/features/features-page.tsx')).FeaturesPage },
  {
    pattern: '/cluster-name',
    load: async () => (await import('./pages/features/cluster-name-page.tsx')).ClusterNamePage,
  },
  { pattern: '/route', load: async () => (await import('./pages/routing/route-page.tsx')).RoutePage },
  { pattern: '/message-traces', load: async () => (await import('./pages/traces/traces-page.tsx')).TracesPage },
  {
    pattern: '/message-traces/:vhost/:id',
    load: async () => (await import('./pages/traces/trace-page.tsx')).TracePage,
  },
  {
    pattern: '/traces',
    load: async () => (await import('./pages/trace-files/trace-files-page.tsx')).TraceFilesPage,
  },
  { pattern: '/topology', load: async () => (await import('./pages/topology/topology-page.tsx')).TopologyPage },
]
