/**
 * What rabbitmqctl and its siblings are asked, in this order, in a broker that has none of these objects. Their answers are in
 * `answers-3.10.json`, recorded by `tools/record-rabbitmqctl.ts`.
 */
export interface Step {
  readonly tool?: 'diagnostics' | 'queues' | 'plugins'
  readonly args: readonly string[]
  /** Only lines that match are compared: of a list that has others' objects in it, or of a text with figures. */
  readonly lines?: RegExp
  /** Lines in no order: RabbitMQ lists as its tables happen to be. */
  readonly unordered?: boolean
  /** Why the text differs here on purpose; the exit code is the same even so, unless `code` says otherwise. */
  readonly differs?: string
  readonly code?: number
  /** Why the text differs where a WarrenMQ is asked and not a RabbitMQ 3.10. */
  readonly differsOnWarren?: string
}

export const VHOST = 'ctl-one'
export const USER = 'ctl-ann'

const v = ['-p', VHOST]
const mine = /^(?!\S)|ctl-|^"?(name|user|vhost)\b|^\W*$/

const TERM = 'RabbitMQ prints an Erlang term'

const vhosts: readonly Step[] = [
  { args: ['add_vhost', VHOST] },
  { args: ['add_vhost', VHOST] },
  { args: ['add_vhost', 'ctl-two', '--description', 'a description', '--default-queue-type', 'quorum'] },
  { args: ['list_vhosts'], lines: mine, unordered: true },
  {
    args: ['list_vhosts', 'name', 'description', 'tags', 'tracing', 'default_queue_type', 'cluster_state'],
    lines: mine,
    unordered: true,
    differs: 'RabbitMQ 3.10 does not tell the queue type over HTTP',
  },
  { args: ['list_vhosts', '-s', 'name'], lines: mine, unordered: true },
  { args: ['list_vhosts', '-q', 'name,tracing'], lines: mine, unordered: true },
  { args: ['list_vhosts', '--no-table-headers'], lines: mine, unordered: true },
  { args: ['list_vhosts', '--table-headers=false'], lines: mine, unordered: true },
  { args: ['list_vhosts', '--table-headers=true'], lines: mine, unordered: true },
  {
    args: ['list_vhosts', '--formatter', 'csv', 'name', 'description'],
    lines: mine,
    unordered: true,
    differsOnWarren: 'the default virtual host has no description',
  },
  { args: ['list_vhosts', 'nonsense', 'name'] },
  { args: ['list_vhosts', '--wrong'] },
  { args: ['list_vhost'] },
  { args: ['set_vhost_tags', VHOST, 'a', 'b'] },
  { args: ['set_vhost_tags', 'ctl-nowhere', 'a'] },
  { args: ['list_vhosts', '-s', 'name', 'tags'], lines: mine, unordered: true },
  { args: ['trace_on', '-p', 'ctl-two'] },
  { args: ['list_vhosts', '-s', 'name', 'tracing'], lines: mine, unordered: true },
  { args: ['trace_off', '-p', 'ctl-two'] },
  {
    args: ['trace_on', '-p', 'ctl-nowhere'],
    differs: 'RabbitMQ does not see that there is no such virtual host',
    code: 65,
  },
  { args: ['restart_vhost', ...v] },
  { args: ['delete_vhost', 'ctl-two'] },
  { args: ['delete_vhost', 'ctl-nowhere'] },
]

const users: readonly Step[] = [
  { args: ['add_user', USER, 'secret'], differs: 'the name of the tool in the text' },
  { args: ['add_user', USER, 'secret'] },
  { args: ['add_user', USER], differs: 'no prompt where nobody could type' },
  { args: ['add_user'] },
  { args: ['add_user', 'a', 'b', 'c'] },
  { args: ['add_user', 'ctl-bob', ''], differs: 'the name of the tool in the text' },
  { args: ['list_users'], lines: mine, unordered: true },
  { args: ['set_user_tags', USER, 'management', 'policymaker'] },
  { args: ['set_user_tags', 'ctl-nobody', 'management'] },
  { args: ['set_user_tags', 'ctl-bob'] },
  { args: ['list_users', '-s'], lines: mine, unordered: true },
  { args: ['list_users', '--formatter', 'csv'], lines: mine, unordered: true },
  { args: ['change_password', USER, 'new'] },
  { args: ['change_password', 'ctl-nobody', 'new'] },
  { args: ['authenticate_user', USER, 'new'] },
  { args: ['authenticate_user', USER, 'wrong'] },
  { args: ['authenticate_user', 'ctl-nobody', 'wrong'] },
  { args: ['clear_password', USER] },
  { args: ['clear_password', 'ctl-nobody'], differs: TERM },
  { args: ['set_permissions', ...v, USER, '.*', '', '^a'] },
  { args: ['set_permissions', '-p', 'ctl-nowhere', USER, '.*', '', '^a'] },
  { args: ['set_permissions', ...v, 'ctl-nobody', '.*', '', '^a'] },
  { args: ['set_permissions', ...v, USER, '.*', '', '(a'], differs: TERM },
  { args: ['set_permissions', ...v, USER, '.*'] },
  { args: ['list_permissions', ...v], lines: /^(Listing|user|ctl-)/ },
  { args: ['list_permissions', '-p', 'ctl-nowhere'] },
  { args: ['list_permissions', ...v, '--formatter', 'json'], lines: /ctl-|^[[\]]$/ },
  { args: ['list_user_permissions', USER] },
  { args: ['list_user_permissions', 'ctl-nobody'], differs: TERM },
  { args: ['set_topic_permissions', ...v, USER, 'amq.topic', '^a', '^b'] },
  { args: ['set_topic_permissions', ...v, USER, 'amq.topic', '(', '^b'], differs: TERM },
  { args: ['list_topic_permissions', ...v] },
  { args: ['list_user_topic_permissions', USER], differs: 'RabbitMQ forgets the headers' },
  { args: ['clear_topic_permissions', ...v, USER, 'amq.topic'] },
  { args: ['clear_topic_permissions', ...v, USER] },
  { args: ['clear_permissions', ...v, USER] },
  { args: ['clear_permissions', ...v, USER] },
  { args: ['clear_permissions', ...v, 'ctl-nobody'] },
  { args: ['clear_permissions', '-p', 'ctl-nowhere', USER] },
  { args: ['clear_permissions', USER, 'and', 'more'] },
  { args: ['delete_user', 'ctl-bob'] },
  { args: ['delete_user', 'ctl-nobody'] },
]

const limits: readonly Step[] = [
  { args: ['set_user_limits', USER, '{"max-connections": 10}'] },
  { args: ['set_user_limits', USER, '{"max-x": 10}'] },
  { args: ['set_user_limits', USER, '{bad'], differs: 'what is wrong with the JSON' },
  { args: ['set_user_limits', 'ctl-nobody', '{"max-connections": 10}'], differs: TERM },
  { args: ['list_user_limits', '--user', USER] },
  { args: ['list_user_limits', '--user', 'ctl-nobody'], differs: TERM },
  { args: ['list_user_limits', '--global'], lines: mine },
  { args: ['clear_user_limits', USER, 'max-connections'] },
  { args: ['clear_user_limits', USER, 'all'] },
  { args: ['clear_user_limits', 'ctl-nobody', 'all'], differs: TERM },
  { args: ['list_user_limits', '--user', USER] },
  { args: ['set_vhost_limits', ...v, '{"max-connections": 10, "max-queues": 50}'] },
  { args: ['set_vhost_limits', ...v, '{"max-x": 10}'] },
  { args: ['set_vhost_limits', '-p', 'ctl-nowhere', '{"max-queues": 10}'] },
  { args: ['list_vhost_limits', ...v] },
  { args: ['set_vhost_limits', ...v, '{"max-queues": 60}'] },
  { args: ['list_vhost_limits', ...v] },
  { args: ['list_vhost_limits', '--global'], lines: mine },
  { args: ['list_vhost_limits', '-p', 'ctl-nowhere'] },
  { args: ['clear_vhost_limits', ...v] },
  { args: ['list_vhost_limits', ...v] },
]

const policies: readonly Step[] = [
  { args: ['set_policy', ...v, 'pol', '^q1$', '{"max-length":50}', '--priority', '3', '--apply-to', 'queues'] },
  { args: ['set_policy', ...v, 'other', '^q1$', '{"max-x":50}'] },
  { args: ['set_policy', ...v, 'other', '^q1$', '{"max-length":"x"}'] },
  { args: ['set_policy', ...v, 'other', '(q1$', '{"max-length":5}'] },
  { args: ['set_policy', ...v, 'other', 'q1$', '{bad'], differs: 'what is wrong with the JSON' },
  { args: ['set_policy', ...v, 'other', 'q1$', '{"max-length":5}', '--priority', 'abc'] },
  {
    args: ['set_policy', ...v, 'other', 'q1$', '{"max-length":5}', '--apply-to', 'bogus'],
    differsOnWarren: 'policies can be for one type of queue, as in RabbitMQ 4',
  },
  { args: ['set_policy', '-p', 'ctl-nowhere', 'other', 'q1$', '{"max-length":5}'] },
  { args: ['list_policies', ...v] },
  { args: ['list_policies', ...v, '--formatter', 'json'] },
  { args: ['set_operator_policy', ...v, 'opol', '^q', '{"message-ttl":5000000}'] },
  { args: ['list_operator_policies', ...v] },
  { args: ['clear_operator_policy', ...v, 'opol'] },
  { args: ['clear_operator_policy', ...v, 'opol'] },
  { args: ['clear_policy', ...v, 'pol'] },
  { args: ['clear_policy', ...v, 'pol'] },
  { args: ['clear_policy', '-p', 'ctl-nowhere', 'pol'] },
  { args: ['set_parameter', ...v, 'federation-upstream', 'up', '{"uri":"amqp://localhost:1"}'] },
  { args: ['set_parameter', ...v, 'nonsense', 'up', '{"uri":"amqp://localhost:1"}'] },
  { args: ['set_parameter', ...v, 'federation-upstream', 'up', '{bad'], differs: 'what is wrong with the JSON' },
  { args: ['list_parameters', ...v] },
  { args: ['list_parameters', ...v, '--formatter', 'json'] },
  { args: ['clear_parameter', ...v, 'federation-upstream', 'up'] },
  { args: ['clear_parameter', ...v, 'federation-upstream', 'up'] },
  { args: ['set_vhost_limits', ...v, '{"max-queues":64}'] },
  { args: ['set_operator_policy', ...v, 'cap', '^q', '{"max-length":5}', '--apply-to', 'queues'] },
  { args: ['list_parameters', ...v], unordered: true },
  { args: ['clear_operator_policy', ...v, 'cap'] },
  { args: ['clear_vhost_limits', ...v] },
  { args: ['set_global_parameter', 'ctl-global', '{"a":1}'] },
  { args: ['set_global_parameter', 'ctl-global', '{bad'], differs: 'what is wrong with the JSON' },
  { args: ['list_global_parameters'], lines: mine },
  { args: ['clear_global_parameter', 'ctl-global'] },
  { args: ['clear_global_parameter', 'ctl-global'] },
]

/** With the queues, the exchange and the consumer of `topology.ts`. */
export const TOPOLOGY_STEPS: readonly Step[] = [
  { args: ['list_queues', ...v], unordered: true },
  { args: ['list_queues', ...v, '--formatter', 'csv', 'name', 'messages'], unordered: true },
  {
    args: ['list_queues', ...v, 'name', 'durable', 'auto_delete', 'arguments', 'policy', 'type', 'state'],
    unordered: true,
    differsOnWarren: 'a queue shows the type that it was given, as in RabbitMQ 4',
  },
  {
    args: ['list_queues', ...v, '-q', 'name', 'messages_ready', 'messages_unacknowledged', 'consumers'],
    unordered: true,
  },
  { args: ['list_queues', ...v, '-q', 'name,leader,members,online'], unordered: true },
  { args: ['list_queues', ...v, 'bogus', 'bogus2', 'name'] },
  {
    args: ['list_queues', '-p', 'ctl-nowhere'],
    differs: 'RabbitMQ does not see that there is no such virtual host',
    code: 65,
  },
  { args: ['list_queues', ...v, '--online', '-s', 'name'], unordered: true },
  { args: ['list_queues', ...v, '--offline', '-s', 'name'], unordered: true },
  { args: ['list_queues', ...v, '--local', '-s', 'name'], unordered: true },
  { args: ['list_exchanges', ...v], unordered: true },
  {
    args: ['list_exchanges', ...v, 'name', 'type', 'durable', 'auto_delete', 'internal', 'arguments', 'policy'],
    unordered: true,
  },
  { args: ['list_bindings', ...v], unordered: true },
  { args: ['list_bindings', ...v, '-q', 'source_name', 'routing_key'], unordered: true },
  { args: ['list_bindings', ...v, 'vhost'] },
  { args: ['list_bindings', ...v, '--formatter', 'csv'], unordered: true },
  { args: ['list_consumers', ...v] },
  { args: ['list_consumers', ...v, 'queue_name', 'consumer_tag', 'active', 'activity_status'] },
  { args: ['list_consumers', ...v, 'bogus'] },
  {
    args: ['list_connections', 'user', 'vhost', 'state', 'protocol', 'auth_mechanism', 'channels', 'ssl'],
    lines: /ctl-one|^user|Listing/,
  },
  {
    args: ['list_channels', 'user', 'vhost', 'number', 'confirm', 'transactional', 'consumer_count', 'prefetch_count'],
    lines: /ctl-one|^user|Listing/,
  },
  { args: ['list_unresponsive_queues', ...v] },
  { args: ['close_connection', 'garbage', 'why'], differs: TERM },
  { args: ['close_connection', '<rabbit@host.1.2.3>', 'why'] },
  { args: ['close_all_connections'] },
  { args: ['close_all_user_connections', USER, 'why'] },
  { tool: 'queues', args: ['quorum_status', ...v, 'q1'] },
  { tool: 'queues', args: ['quorum_status', ...v, 'nope'] },
  { tool: 'queues', args: ['check_if_node_is_quorum_critical'] },
  { tool: 'queues', args: ['check_if_node_is_mirror_sync_critical'] },
  { args: ['delete_queue', ...v, 'q1', '--if-unused'] },
  { args: ['delete_queue', ...v, 'q1', '--if-empty'] },
  { args: ['purge_queue', ...v, 'q2 with space'] },
  { args: ['purge_queue', ...v, 'nope'] },
  { args: ['delete_queue', ...v, 'q2 with space'] },
  { args: ['delete_queue', ...v, 'nope'] },
  { args: ['delete_queue', '-p', 'ctl-nowhere', 'q1'] },
  { args: ['close_all_connections', ...v, 'why'] },
]

const node: readonly Step[] = [
  { args: ['ping'], differs: 'what is asked: not an Erlang node' },
  { tool: 'diagnostics', args: ['check_running'] },
  { tool: 'diagnostics', args: ['is_running'] },
  { tool: 'diagnostics', args: ['is_booting'] },
  { tool: 'diagnostics', args: ['check_alarms'] },
  { tool: 'diagnostics', args: ['check_local_alarms'] },
  { tool: 'diagnostics', args: ['alarms'] },
  { tool: 'diagnostics', args: ['alarms', '--formatter', 'json'] },
  {
    tool: 'diagnostics',
    args: ['check_port_listener', '1'],
    lines: /^Asking|^No listener for port 1 is active/,
    differs: 'which ports there are',
  },
  { tool: 'diagnostics', args: ['check_port_listener', 'abc'] },
  { tool: 'diagnostics', args: ['check_protocol_listener', 'amqp'] },
  { tool: 'diagnostics', args: ['check_protocol_listener', 'bogus'], differs: 'which protocols there are' },
  { tool: 'diagnostics', args: ['check_virtual_hosts'] },
  { tool: 'diagnostics', args: ['check_certificate_expiration'] },
  { tool: 'diagnostics', args: ['check_certificate_expiration', '--within', '3', '--unit', 'months'] },
  { args: ['enable_feature_flag', 'bogus'] },
  { args: ['enable_feature_flag', 'all'] },
  { args: ['await_startup'] },
  { args: ['await_online_nodes', '1'] },
  { args: ['await_online_nodes', '2', '-t', '1'] },
  { args: ['wait'], differs: 'RabbitMQ has the text in quotes' },
  { args: ['wait', '/ctl-nowhere/pid', '-t', '1'], differs: 'the text says what was waited for' },
  { args: ['set_vm_memory_high_watermark', 'abc'] },
  { args: ['set_vm_memory_high_watermark', '2'] },
  { args: ['set_vm_memory_high_watermark', 'absolute', 'xx'] },
  { args: ['set_disk_free_limit', 'abc'] },
  { args: ['set_log_level', 'bogus'] },
  { args: ['export_definitions', '/nonexistent/a.json'] },
  { args: ['export_definitions', '-p', 'ctl-one', '-', '--dry-run'] },
  { args: ['import_definitions', '/nonexistent/a.json'] },
  { args: ['shovel_status'], lines: /^Shovel/ },
  { args: ['delete_shovel', ...v, 'nope'] },
  { args: ['restart_shovel', ...v, 'nope'] },
  { args: ['restart_federation_link', 'nope'] },
  { tool: 'plugins', args: ['is_enabled', 'nope'], differs: 'which plugins there are' },
  { args: ['join_cluster'], differs: 'there is no cluster to join, with or without a name', code: 69 },
  { args: ['start_app'] },
  { args: ['delete_user', USER] },
  { args: ['delete_vhost', VHOST] },
]

export const STEPS: readonly Step[] = [...vhosts, ...users, ...limits, ...policies, ...TOPOLOGY_STEPS, ...node]
