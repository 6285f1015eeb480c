import { one } from './option.ts'
import { boolean, bytes, duration, oneOf, optional, text } from './option-types.ts'

// Rows of the table in options.ts: STOMP apart from where it listens.

const MESSAGE_MAX = 512 * 1024 * 1024

export const stomp = {
  defaultVhost: one('stomp.default_vhost', text, '/', 'Virtual host of clients that name none (by the header `host`).'),
  defaultUser: one('stomp.default_user', text, 'guest', 'User that clients become that give no login.'),
  defaultPassword: one('stomp.default_pass', text, 'guest', 'Password of that user.', { secret: true }),
  topicExchange: one(
    'stomp.default_topic_exchange',
    text,
    'amq.topic',
    'Exchange of `/topic` destinations, of which their names are the routing keys.',
  ),
  certificateLogins: one(
    'stomp.ssl_cert_login',
    boolean,
    false,
    'Whether a client that gives no login is the one of its certificate: see `ssl_cert_login_from`.',
  ),
  implicitConnect: one(
    'stomp.implicit_connect',
    boolean,
    false,
    'Whether a client may leave out CONNECT: it is the default user then, and gets no CONNECTED.',
  ),
  nackRequeues: one(
    'stomp.default_nack_requeue',
    boolean,
    true,
    'Whether NACK gives a message back to its queue where it does not say; else it is discarded or dead-lettered.',
  ),
  hideServer: one('stomp.hide_server_info', boolean, false, 'Leave out of CONNECTED what the server is.'),
  trailingLineFeed: one(
    'stomp.trailing_lf',
    boolean,
    true,
    'Whether a line end follows the NUL of each frame that clients are sent.',
  ),
  bodyBytesMax: one(
    'stomp.max_frame_size',
    optional(bytes(1, MESSAGE_MAX)),
    null,
    'Largest body that a client may send. `none`: with a content-length what `max_message_size` allows, else 4 MiB.',
  ),
  webFrame: one(
    'web_stomp.ws_frame',
    oneOf('text', 'binary'),
    'text',
    'What WebSocket clients are sent. Messages that are no UTF-8 are binary in any case.',
  ),
  takesHttpLogins: one(
    'web_stomp.use_http_auth',
    boolean,
    false,
    'Whether a WebSocket client is the user of its HTTP request (`authorization: Basic`), else the default user, whatever CONNECT says.',
  ),
  loginTimeoutMs: one(
    'stomp.login_timeout',
    duration('ms', 1),
    10_000,
    'How long a client may take from its connection to its login.',
  ),
}
