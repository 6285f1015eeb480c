/** RabbitMQ's name of a protocol of listeners, such as `mqtt/ssl` or `http/web-stomp`, by the other names that people have for it. */
export function protocolOf(name: string): string {
  const word = name.toLowerCase()
  // not those of AMQP 1.0, which nobody listens for
  if (/^amqp(0?91|0[._-]9[._-]1)$/.test(word)) return 'amqp'
  if (/^(amqp|mqtt|stomp)(s|[+/]tls|\+ssl)$/.test(word)) return word.replace(/(s|[+/]tls|\+ssl)$/, '/ssl')
  if (/^mqtt3?[._]?1[._]?1?$|^mqtt31$/.test(word)) return 'mqtt'
  if (/^stomp1[._]?[012]$/.test(word)) return 'stomp'
  if (/^(http1(\.1)?|http_api|management(_ui)?|ui)$/.test(word)) return 'http'
  if (word === 'amqp091/ssl') return 'amqp/ssl'
  if (word === 'prometheus') return 'http/prometheus'
  if (/^(cli|distribution)$/.test(word)) return 'clustering'
  const web = /^web[-_]?(amqp|mqtt|stomp)([/+](tls|ssl))?$/.exec(word)
  return web === null ? word : `${web[2] === undefined ? 'http' : 'https'}/web-${web[1]!}`
}
