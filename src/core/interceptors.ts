import { long, longstr } from './fields.ts'
import { type Message, withProperties } from './message.ts'

/** Looks at a message after all checks and before it is routed, and returns it or another in its place. */
export type Interceptor = (message: Message, now: number) => Message

/** Says when the broker got a message: header `timestamp_in_ms` and the timestamp property. Unless `overwrite`, what is there stays. */
export const setTimestamp =
  (overwrite: boolean): Interceptor =>
  (message, now) =>
    withProperties(message, (properties) => {
      properties.headers = new Map(properties.headers ?? [])
      if (overwrite || !properties.headers.has('timestamp_in_ms')) properties.headers.set('timestamp_in_ms', long(now))
      if (overwrite || properties.timestamp === null) properties.timestamp = Math.floor(now / 1000)
    })

/** Says which node took a message: header `x-routed-by`. */
export const setRoutingNode =
  (node: string, overwrite: boolean): Interceptor =>
  (message) =>
    withProperties(message, (properties) => {
      properties.headers = new Map(properties.headers ?? [])
      if (overwrite || !properties.headers.has('x-routed-by')) properties.headers.set('x-routed-by', longstr(node))
    })
