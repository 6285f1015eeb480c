/** Where the HTTP API of WarrenMQ answers otherwise than that of RabbitMQ 3.10, with what `docs/compatibility.md` says of it. */
export const DIFFERENCES = {
  reasons: 'Refusals by permissions and reserved names say what was refused; RabbitMQ says `Access refused.` only.',
  unknownType: 'An unknown exchange type is answered with the text of RabbitMQ 4.',
  notEscaped: 'Reasons are not HTML-escaped.',
  plainReasons: 'Invalid regular expressions and password hashes are answered in words, not in Erlang terms.',
  missingTarget: 'An action on a queue that does not exist is answered with 404.',
  missingEnds: 'Bindings of a queue that does not exist are answered with 404, not with one from the default exchange.',
  crashes: 'Bodies that RabbitMQ 3.10 answers with 500 are answered with 400 and the reason, or taken.',
  newer: 'Keys of RabbitMQ 4 are there: `protected_from_deletion`, `oauth_enabled`, the head of exported definitions.',
  exportedVhosts:
    'Exported definitions have description, tags and default queue type of virtual hosts, and the type of queues, as from RabbitMQ 3.13 on.',
  featureFlags: 'Feature flags are those that mean something on one node.',
  deliveryCount: 'Messages that came back have the header `x-delivery-count`, on classic queues as well.',
  applyTo: 'Policies may apply to `classic_queues`, `quorum_queues` and `streams`, as from RabbitMQ 3.12 on.',
  loginCookie:
    "`/api/login` sets the console's cookie in place of one with the password in it, and does not ask for Basic authentication.",
  challenge: 'A garbled `?auth=` is answered with 401.',
} as const satisfies Readonly<Record<string, string>>

export type DifferenceName = keyof typeof DIFFERENCES
