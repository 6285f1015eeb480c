import { createHash } from 'node:crypto'

/**
 * What stands in the columns where RabbitMQ has the Erlang process of a connection, a channel or a queue. The HTTP API knows
 * their names only, and names have spaces in them, which scripts that go over words would stumble over. So it is a number made
 * from the name, in the form of a process identifier: the same name, the same handle.
 */
export function handle(node: string, kind: 'connection' | 'channel' | 'queue', ...names: readonly string[]): string {
  const digest = createHash('sha1')
    .update([kind, ...names].join('\0'))
    .digest()
  return `<${node}.1.${digest.readUIntBE(0, 5)}.0>`
}

/** Whether a text has the form of a `handle`. */
export const isHandle = (text: string): boolean => /^<.+\.\d+\.\d+\.\d+>$/.test(text)
