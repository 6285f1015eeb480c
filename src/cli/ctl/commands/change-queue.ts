import { failure, refusedAs } from '../failures.ts'
import { route } from '../../api/route.ts'
import { EXIT } from '../../exit-codes.ts'
import type { CtlCommand } from '../command.ts'
import { text } from '../output.ts'

/** What the API says of a change. */
interface Report {
  readonly changed: boolean
  readonly type: { readonly from: string; readonly to: string }
  readonly durable: { readonly from: boolean; readonly to: boolean }
  readonly arguments: readonly { readonly name: string; readonly from: unknown; readonly to: unknown }[]
  readonly messages: Readonly<Record<string, number>>
  readonly consumers: {
    readonly stay: number
    readonly end: readonly { readonly consumer_tag: string; readonly channel: string; readonly reason: string }[]
  }
  readonly effects: readonly { readonly messages: number | null; readonly loses: boolean; readonly text: string }[]
}

/** Has no counterpart in RabbitMQ. */
export const changeQueue: CtlCommand = {
  name: 'change_queue',
  section: 'Queues',
  tools: ['ctl'],
  summary: 'Changes type, durability or arguments of a queue, with what is in it',
  takesVhost: true,
  arguments: [{ name: 'queue', help: 'name of the queue', completion: 'queue' }],
  options: [
    { flags: '--type <type>', help: 'classic or quorum', completion: ['classic', 'quorum'] },
    { flags: '--durable <boolean>', help: 'whether it is there after a restart', completion: ['true', 'false'] },
    { flags: '--arguments <json>', help: 'arguments that change, as a JSON object; null takes one away' },
    { flags: '--preview', help: 'say what would happen, and change nothing' },
  ],
  async run({ api, args, flag, option, say, vhost }) {
    const queue = args[0]!
    const preview = flag('preview')
    const body = { ...typeOf(option('type')), ...durabilityOf(option('durable')), ...argumentsOf(option('arguments')) }
    if (Object.keys(body).length === 0)
      throw failure('Say what to change: --type, --durable or --arguments', EXIT.usage)
    say(`${preview ? 'Looking at a change of' : 'Changing'} queue '${queue}' in vhost '${vhost}' ...`)
    const path = `${route`/queues/${vhost}/${queue}/change`}${preview ? '?preview=true' : ''}`
    const report = await refusedAs(api.post<Report>(path, body), ({ status }) =>
      status === 404 || status === 405 ? failure('There is no such queue, or the node is no WarrenMQ') : undefined,
    )
    return text(linesOf(report, preview).join('\n'))
  },
}

const typeOf = (type: string | undefined): object => (type === undefined ? {} : { type })

function durabilityOf(durable: string | undefined): object {
  if (durable === undefined) return {}
  if (durable !== 'true' && durable !== 'false') throw failure('--durable is true or false', EXIT.usage)
  return { durable: durable === 'true' }
}

function argumentsOf(json: string | undefined): object {
  if (json === undefined) return {}
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { arguments: value }
  } catch {
    // told below
  }
  throw failure('--arguments is a JSON object, such as {"x-max-priority": 10}', EXIT.usage)
}

function linesOf(report: Report, preview: boolean): string[] {
  const { type, durable, consumers, effects } = report
  const lines: string[] = []
  if (type.from !== type.to) lines.push(`type: ${type.from} -> ${type.to}`)
  if (durable.from !== durable.to) lines.push(`durable: ${durable.from} -> ${durable.to}`)
  for (const { name, from, to } of report.arguments) {
    lines.push(
      `${name}: ${from === null ? 'none' : JSON.stringify(from)} -> ${to === null ? 'none' : JSON.stringify(to)}`,
    )
  }
  const messages = Object.values(report.messages).slice(0, 4)
  lines.push(`messages: ${messages.reduce((sum, count) => sum + count, 0)}, consumers that stay: ${consumers.stay}`)
  for (const { consumer_tag: tag, channel, reason } of consumers.end) {
    lines.push(`consumer '${tag}' of channel '${channel}' ends: ${reason}`)
  }
  for (const { text: effect, messages: count, loses } of effects) {
    lines.push(`${loses ? 'LOST' : 'note'}: ${effect}${count === null ? '' : ` (${count})`}`)
  }
  if (!preview) lines.push(report.changed ? 'Queue was changed' : 'Queue is like that already')
  return lines
}
