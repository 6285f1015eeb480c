import { one } from './option.ts'
import { boolean, bytes, duration, integer, oneOf, optional, text } from './option-types.ts'
import { serverReference } from './server-reference.ts'

// Rows of the table in options.ts: MQTT apart from where it listens.

const KB = 1024
const MB = 1024 * KB
/** The protocol's own limit of a packet, with its fixed header. */
const PACKET_MAX = 268_435_460

export const mqtt = {
  vhost: one('mqtt.vhost', text, '/', 'Virtual host of clients that name none (as `vhost:user`).'),
  exchange: one('mqtt.exchange', text, 'amq.topic', 'Topic exchange of which MQTT topics are the routing keys.'),
  allowAnonymous: one('mqtt.allow_anonymous', boolean, true, 'Whether clients may connect without a user name.'),
  defaultUser: one(
    'mqtt.default_user',
    text,
    'guest',
    'User that they become where `anonymous_login_user` names none.',
  ),
  defaultPassword: one('mqtt.default_pass', text, 'guest', 'Password of that user.', { secret: true }),
  certificateLogin: one(
    'mqtt.ssl_cert_login',
    boolean,
    false,
    'Whether a client that names no user is the one of its certificate: see `ssl_cert_login_from`.',
  ),
  prefetch: one(
    'mqtt.prefetch',
    integer(1, 65_535),
    10,
    'Messages of QoS 1 and 2 sent to a client that it has not acknowledged; a receive maximum of its own may lower it.',
  ),
  maxSessionExpirySec: one(
    'mqtt.max_session_expiry_interval_seconds',
    optional(duration('s', 0)),
    86_400,
    'How long sessions may outlast their connections; `0` for not at all, `infinity` for ever.',
  ),
  subscriptionTtlMs: one(
    'mqtt.subscription_ttl',
    optional(duration('ms', 0, Number.MAX_SAFE_INTEGER)),
    null,
    "The same in RabbitMQ's words before 3.13, where `mqtt.max_session_expiry_interval_seconds` is not given; `undefined` for ever.",
  ),
  durableQueueType: one(
    'mqtt.durable_queue_type',
    oneOf('classic', 'quorum'),
    'classic',
    'Type of the queues of sessions that outlast their connections.',
  ),
  packetBytesMaxUnauthenticated: one(
    'mqtt.max_packet_size_unauthenticated',
    bytes(1, PACKET_MAX),
    64 * KB,
    'Largest packet that a client may send before it has logged in.',
  ),
  packetBytesMax: one(
    'mqtt.max_packet_size_authenticated',
    bytes(1, PACKET_MAX),
    16 * MB,
    'Largest packet afterwards.',
  ),
  topicAliasMaximum: one(
    'mqtt.topic_alias_maximum',
    integer(0, 65_535),
    16,
    'Topic aliases that a client may use in what it publishes.',
  ),
  receiveMaximum: one(
    'warren.mqtt.receive_maximum',
    integer(1, 65_535),
    1000,
    'Publishes of QoS 1 and 2 that a client may have under way.',
  ),
  maxKeepAliveSec: one(
    'warren.mqtt.max_keep_alive',
    optional(duration('s', 1, 65_535)),
    null,
    'Longest keep alive of MQTT 5 clients, which are told; `none` leaves it to them.',
  ),
  disconnectOnUnauthorized: one(
    'mqtt.disconnect_on_unauthorized',
    boolean,
    true,
    'Whether clients that publish or subscribe without permission are disconnected, or only told.',
  ),
  sparkplug: one(
    'mqtt.sparkplug',
    boolean,
    false,
    'Whether topics of Sparkplug (`spBv1.0/…`) keep the dot of their version, as `spBv1___0.…` in routing keys.',
  ),
  serverReference: one(
    'warren.mqtt.server_reference',
    optional(serverReference),
    null,
    'Servers that MQTT 5 clients are told to use when this one stops, or has as many connections as it may.',
  ),
  loginTimeoutMs: one(
    'mqtt.login_timeout',
    duration('ms', 1),
    30_000,
    'How long a client may take from its connection to its login.',
  ),
  sysIntervalMs: one(
    'warren.mqtt.sys_interval',
    duration('ms', 0),
    10_000,
    'How often subscribers of `$SYS` topics are told what has changed; `0` for never.',
  ),
  retainedMessagesMax: one(
    'warren.mqtt.max_retained_messages',
    optional(integer(0)),
    null,
    'Retained messages of the node.',
  ),
  retainedBytesMax: one(
    'warren.mqtt.max_retained_bytes',
    optional(bytes(0)),
    null,
    'Bytes of their payloads and topics.',
  ),
}
