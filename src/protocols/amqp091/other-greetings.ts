/**
 * What somebody speaks who does not speak AMQP, which RabbitMQ 4 tells as well: most of them have the wrong port.
 * @param greeting the first eight bytes @returns for the log; null where it is anybody's guess
 */
export function otherGreeting(greeting: Buffer): string | null {
  // a record of TLS with a handshake in it, of version 3.something; see RFC 8446, 5.1
  if (greeting[0] === 0x16 && greeting[1] === 3) {
    return 'TLS client detected on non-TLS AMQP port: is it the port that the client means?'
  }
  if (/^(?:GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS|CONNECT) ?/.test(greeting.toString('latin1'))) {
    return 'HTTP request detected on AMQP port: is it the port that the client means?'
  }
  return null
}
