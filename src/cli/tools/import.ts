import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import type { AmqpConnection } from '../../amqp-client/index.ts'
import { amqpFailure, connectToNode } from '../amqp.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { unreadable } from '../named-file.ts'
import { ConfirmedPublisher } from './confirmed-publisher.ts'
import { parseLine, type ParsedLine } from './message-line.ts'
import { URI_OPTION, VHOST_OPTION, type Tool, type ToolContext } from './tool.ts'

export const importTool: Tool = {
  name: 'import',
  summary: 'Publishes the messages that warren export, or warren doctor --export, has written',
  description: `Each message goes back to the queue that it was in, unless another place is named, and counts as imported when the broker has
confirmed it. It stops at the first one that the broker refuses or that reaches no queue.`,
  usesApi: true,
  arguments: [{ name: 'file', help: 'the file; standard input where left out', optional: true, completion: 'file' }],
  options: [
    VHOST_OPTION,
    { flags: '--queue <name>', help: 'publish them all to this queue', completion: 'queue' },
    { flags: '--exchange <name>', help: 'publish them all to this exchange', completion: 'exchange' },
    { flags: '--routing-key <key>', help: "with this routing key, in place of the message's own" },
    { flags: '--original', help: 'publish each to the exchange that it came from, with its routing key' },
    URI_OPTION,
  ],
  examples: [
    'import < orders.jsonl',
    'import orders.jsonl --queue orders.again',
    'import orders.jsonl --exchange events',
  ],
  async run(context) {
    const destination = readDestination(context)
    const lines = readLines(context.args[0])
    let publisher: ConfirmedPublisher | null = null
    let connection: AmqpConnection | null = null
    let vhost = context.vhost
    let number = 0
    try {
      for await (const text of lines) {
        number++
        if (text.trim() === '') continue
        if (context.interrupted.aborted) break
        const line = parseNumbered(text, number)
        vhost ??= line.vhost ?? '/'
        if (context.vhost === null && line.vhost !== null && line.vhost !== vhost)
          throw severalVhosts(number, line.vhost, vhost)
        connection ??= await connectToNode({ ...context, vhost }, 'warren import')
        publisher ??= await ConfirmedPublisher.open(connection)
        const { exchange, routingKey } = destination(line, number)
        await publisher.publish(exchange, routingKey, line.properties, line.body)
        context.terminal.progress(`${publisher.confirmed} messages imported`)
      }
      await publisher?.settle()
    } catch (error) {
      throw amqpFailure(error, 'AMQP')
    } finally {
      context.terminal.endProgress()
      context.terminal.printError(`${publisher?.confirmed ?? 0} messages imported`)
      await connection?.close()
    }
    return EXIT.ok
  },
}

interface Destination {
  readonly exchange: string
  readonly routingKey: string
}

function readDestination({ flag, option }: ToolContext): (line: ParsedLine, number: number) => Destination {
  const [queue, exchange, key] = [option('queue'), option('exchange'), option('routing-key')]
  const chosen = [queue !== undefined, exchange !== undefined, flag('original')].filter((one) => one).length
  if (chosen > 1) throw new UsageError('--queue, --exchange and --original exclude each other')
  if (queue !== undefined) return () => ({ exchange: '', routingKey: queue })
  if (exchange !== undefined) return (line) => ({ exchange, routingKey: key ?? line.routingKey })
  if (flag('original')) return (line) => ({ exchange: line.exchange, routingKey: key ?? line.routingKey })
  return (line, number) => {
    if (line.queue !== null) return { exchange: '', routingKey: line.queue }
    throw new CliError(EXIT.data, `line ${number} names no queue: say where to with --queue, --exchange or --original`)
  }
}

async function* readLines(path: string | undefined): AsyncGenerator<string> {
  if (path === undefined) {
    yield* createInterface({ input: process.stdin, crlfDelay: Infinity })
    return
  }
  let file
  try {
    file = await open(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  yield* file.readLines()
}

function parseNumbered(text: string, number: number): ParsedLine {
  try {
    return parseLine(text)
  } catch (error) {
    throw new CliError(EXIT.data, `line ${number}: ${(error as Error).message}`, { cause: error })
  }
}

const severalVhosts = (number: number, vhost: string, first: string): CliError =>
  new CliError(
    EXIT.data,
    `line ${number} is of virtual host '${vhost}', the first one of '${first}': import them one by one, or say with --vhost where all go`,
  )
