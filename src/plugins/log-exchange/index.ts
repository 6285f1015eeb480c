import { longstr } from '../../core/fields.ts'
import { Properties } from '../../core/message.ts'
import type { LogFormat } from '../../telemetry/log.ts'
import type { LogLine, LogTap } from '../../telemetry/log-tap.ts'
import { Announcer } from '../announcer.ts'
import { definePlugin, type Plugin } from '../plugin.ts'

const LOG_EXCHANGE = 'amq.rabbitmq.log'

/** RabbitMQ's names for the levels, which are the routing keys. */
const KEYS: Readonly<Record<LogLine['level'], string>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
}

/**
 * Publishes the lines of the log to `amq.rabbitmq.log`, as RabbitMQ does with `log.exchange = true`: the routing key is the level, the
 * body is the line.
 * @param vhost where the exchange is
 */
export const logExchange = (vhost: string, tap: LogTap, format: LogFormat): Plugin =>
  definePlugin({
    name: 'log-exchange',
    start({ broker, onEvent }) {
      const announcer = new Announcer(broker, vhost, LOG_EXCHANGE)
      onEvent(
        (event) => {
          if (event.vhost === vhost) announcer.declare()
        },
        ['vhost.created'],
      )
      tap.listen((line) =>
        announcer.announce(KEYS[line.level], () => {
          const properties = new Properties()
          properties.contentType = format === 'json' ? 'application/json' : 'text/plain'
          properties.timestamp = Math.floor(broker.clock.now() / 1000)
          properties.headers = new Map([
            ['level', longstr(KEYS[line.level])],
            ['node', longstr(broker.options.nodeName)],
          ])
          return { properties, body: Buffer.from(format === 'json' ? line.json : line.text) }
        }),
      )
    },
    stop: () => tap.close(),
  })
