import type { TestContext } from 'node:test'
import amqp, { type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { Ended, RawAmqp } from './raw-amqp.ts'

export interface Login {
  readonly user: string
  readonly password: string
  readonly vhost?: string
}

/** A client of amqplib's, closed with the test. */
export async function connectAs(
  t: TestContext,
  port: number,
  { user, password, vhost = '/' }: Login,
): Promise<ChannelModel> {
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  const connection = await amqp.connect(`amqp://${login}@127.0.0.1:${port}/${encodeURIComponent(vhost)}`)
  connection.on('error', () => {})
  t.after(() => connection.close().catch(() => {}))
  return connection
}

export async function channelOf(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  return channel
}

export async function confirmChannelOf(connection: ChannelModel): Promise<ConfirmChannel> {
  const channel = await connection.createConfirmChannel()
  channel.on('error', () => {})
  return channel
}

/** What the broker says when it closes something. */
export const errorOf = (emitter: {
  once(event: 'error', listener: (error: Error) => void): unknown
}): Promise<string> => new Promise((resolve) => emitter.once('error', ({ message }) => resolve(message)))

/** What the broker says when it ends a connection by force: for amqplib that is no error. */
export const endOf = (connection: ChannelModel): Promise<string> =>
  new Promise((resolve) => connection.once('close', (error?: Error) => resolve(error?.message ?? '')))

/** How a login ends: 'open', or what connection.close says, or 'dropped' where nothing is said. */
export async function outcomeOfLogin(port: number, { user, password, vhost = '/' }: Login): Promise<string> {
  const client = await RawAmqp.tcp(port)
  try {
    await client.greet({ user, password })
    for (;;) {
      const method = await client.next()
      if (method.id === m.ConnectionOpenOk.id) return 'open'
      if (method.id === m.ConnectionClose.id) return method.replyText
      client.send(0, new m.ConnectionTuneOk(2047, 131_072, 0))
      client.send(0, new m.ConnectionOpen(vhost))
    }
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    return 'dropped'
  } finally {
    client.destroy()
  }
}
