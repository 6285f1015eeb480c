import { once } from 'node:events'
import { createWriteStream, openSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { amqpFailure, connectToNode } from '../amqp.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { lineOfDelivery, lineOfQueueMessage, type MessageLine } from './message-line.ts'
import { isFiltered, readMessages, readSelection, SELECTION_OPTIONS, STATE_OPTION } from './selection.ts'
import { takeMessages } from './take-messages.ts'
import { URI_OPTION, VHOST_OPTION, type Tool, type ToolContext } from './tool.ts'

const SETTLE_EVERY = 100

export const exportTool: Tool = {
  name: 'export',
  summary: 'Writes the messages of a queue, one line of JSON each, and leaves them where they are',
  description: `The lines are those of warren doctor --export, and warren import reads them. Numbers in headers come back as 64-bit integers
or doubles, and bytes as text: JSON knows no more types. With --consume the messages are taken from the queue, each when its line
has been written; that also works with a RabbitMQ.`,
  usesApi: true,
  arguments: [{ name: 'queue', help: 'name of the queue', completion: 'queue' }],
  options: [
    VHOST_OPTION,
    {
      flags: '-o, --output <file>',
      help: 'write to this new file; standard output where left out',
      completion: 'file',
    },
    { flags: '--consume', help: 'take the messages from the queue, until it is empty' },
    STATE_OPTION,
    ...SELECTION_OPTIONS,
    URI_OPTION,
  ],
  examples: [
    'export orders > orders.jsonl',
    'export orders.dlq --header x-first-death-reason=rejected --limit 100 | jq -r .body',
    'export orders --consume -o orders.jsonl',
  ],
  async run(context) {
    const queue = context.args[0]!
    const selection = readSelection(context)
    const consumes = context.flag('consume')
    if (consumes && (isFiltered(selection) || selection.state !== 'ready')) {
      throw new UsageError('--consume takes messages as they come: it knows no --header, --key, --body and --state')
    }
    const output = openOutput(context.option('output'))
    const count = consumes
      ? await consume(context, queue, selection.limit ?? Infinity, output)
      : await look(context, queue, output)
    await output.end()
    context.terminal.endProgress()
    if (context.option('output') !== undefined) context.terminal.printError(`${count} messages exported`)
    return EXIT.ok
  },
}

interface Output {
  /** Resolves when there is room for more. */
  write(line: MessageLine): Promise<void>
  /** Resolves when everything is written. */
  flush(): Promise<void>
  end(): Promise<void>
}

function openOutput(path: string | undefined): Output {
  const stream: Writable = path === undefined ? process.stdout : createWriteStream('', { fd: createFile(path) })
  let written = Promise.resolve()
  return {
    async write(line) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const room = stream.write(`${JSON.stringify(line)}\n`, (error) => (error ? reject(error) : resolve()))
      written = promise
      promise.catch(() => {})
      if (!room) await once(stream, 'drain')
    },
    flush: () => written,
    async end() {
      await written
      if (path !== undefined) await new Promise<void>((resolve) => stream.end(resolve))
    },
  }
}

/** Messages may be anybody's business: the file is its owner's alone. */
function createFile(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new CliError(
      EXIT.data,
      exists ? `${path} exists already` : `${path} cannot be written: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

async function look(context: ToolContext, queue: string, output: Output): Promise<number> {
  const vhost = context.vhost ?? '/'
  let count = 0
  for await (const message of readMessages(
    await context.api(),
    vhost,
    queue,
    readSelection(context),
    context.interrupted,
  )) {
    await output.write(lineOfQueueMessage(vhost, queue, message))
    context.terminal.progress(`${++count} messages exported`)
  }
  return count
}

/** Takes the messages out, until the queue is empty. */
async function consume(context: ToolContext, queue: string, limit: number, output: Output): Promise<number> {
  const connection = await connectToNode(context, 'warren export')
  try {
    const channel = await connection.openChannel()
    let count = 0
    let unsettled = 0
    /** A message leaves the queue when its line is written, and not before. */
    const settle = async (): Promise<void> => {
      await output.flush()
      if (unsettled > 0) channel.ack(unsettled, true)
      unsettled = 0
    }
    for await (const delivery of takeMessages(channel, queue, limit, () => context.interrupted.aborted)) {
      await output.write(lineOfDelivery(context.vhost ?? '/', queue, delivery))
      context.terminal.progress(`${++count} messages exported`)
      unsettled = delivery.deliveryTag
      if (count % SETTLE_EVERY === 0) await settle()
    }
    await settle()
    await channel.close()
    return count
  } catch (error) {
    throw amqpFailure(error, `queue '${queue}'`)
  } finally {
    await connection.close()
  }
}
