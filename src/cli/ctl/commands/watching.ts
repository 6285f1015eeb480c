import { connect, type PeerCertificate } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { readEvents } from '../../api/event-stream.ts'
import { CliError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import type { CommandOption } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, refusedAs } from '../failures.ts'
import { fetchOverview, listenerRows, type ListenerRow } from '../node-facts.ts'
import { text, type Output } from '../output.ts'
import { parseNatural } from '../../parse.ts'
import { onlyWarren } from './settings.ts'

const monitoring = { section: 'Monitoring, observability and health checks', tools: ['diagnostics'] } as const
const POLL_MS = 500
const TLS_TIMEOUT_MS = 5000

const DURATION: CommandOption = {
  flags: '-d, --duration <seconds>',
  help: 'how long; until interrupted where left out',
  parse: (word) => (word === 'infinity' ? Infinity : parseNatural(word)),
}

/** Aborts when the time is over, `--timeout` as well as `--duration`; never where none was given. */
function deadline({ number, timeoutSec }: Context): AbortSignal {
  const seconds = Math.min(number('duration') ?? Infinity, timeoutSec ?? Infinity)
  return seconds === Infinity ? new AbortController().signal : AbortSignal.timeout(seconds * 1000)
}

function parsePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw new CliError(EXIT.data, `Error:\n'${pattern}' is not a regular expression: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

const consumeEventStream: CtlCommand = {
  ...monitoring,
  name: 'consume_event_stream',
  isStream: true,
  summary: 'Prints what happens in the node, one line of JSON for each event',
  options: [DURATION, { flags: '--pattern <pattern>', help: 'only events whose names match this regular expression' }],
  examples: ['consume_event_stream --pattern "^queue\\." | jq .', 'consume_event_stream --duration 60'],
  async run(context) {
    const { api, option, terminal } = context
    const pattern = parsePattern(option('pattern') ?? '.*')
    const signal = deadline(context)
    const stream = await refusedAs(api.stream('/events', signal), onlyWarren)
    try {
      for await (const { event, data } of readEvents(stream)) {
        if (pattern.test(event)) terminal.print(JSON.stringify({ event, ...(JSON.parse(data) as object) }))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  },
}

interface LogPart {
  readonly lines: readonly string[]
  /** Where the next part begins. */
  readonly next: number
}

const readLog = ({ api }: Context, query: string): Promise<LogPart> =>
  refusedAs(api.get<LogPart>(`/node/log?${query}`), onlyWarren)

const logTail: CtlCommand = {
  ...monitoring,
  name: 'log_tail',
  summary: 'Shows the last lines of the log of the node',
  options: [{ flags: '-N, --number <lines>', help: 'how many (50)', parse: parseNatural }],
  timeoutSec: 60,
  async run(context) {
    const count = context.number('number') ?? 50
    await context.sayNode((node) => `Last ${count} log lines on node ${node} ...`)
    const { lines } = await readLog(context, `lines=${count}`)
    return text(lines, lines)
  },
}

const logTailStream: CtlCommand = {
  ...monitoring,
  name: 'log_tail_stream',
  isStream: true,
  summary: 'Prints what the node logs, as it does',
  options: [DURATION],
  async run(context) {
    const signal = deadline(context)
    const seconds = context.number('duration')
    await context.sayNode(
      (node) => `Streaming logs from node ${node} ${seconds === undefined ? '' : `for ${seconds} seconds `}...`,
    )
    let { next } = await readLog(context, 'lines=0')
    while (!signal.aborted) {
      await delay(POLL_MS, undefined, { signal }).catch(() => {})
      const part = await readLog(context, `after=${next}`)
      for (const line of part.lines) context.terminal.print(line)
      next = part.next
    }
  },
}

/** The certificate that a listener shows, as any client gets it. */
function certificateOf(host: string, port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, rejectUnauthorized: false, servername: /^[\d.]+$|:/.test(host) ? '' : host })
    socket.setTimeout(TLS_TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TLS_TIMEOUT_MS / 1000} s`)))
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
  })
}

function certificateLines({ interface: address, port, protocol }: ListenerRow, certificate: PeerCertificate): string[] {
  const name = (fields: object): string =>
    Object.entries(fields)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(',')
  return [
    `Interface: ${address}, port: ${port}, protocol: ${protocol}`,
    `  Subject: ${name(certificate.subject)}`,
    `  Issuer: ${name(certificate.issuer)}`,
    `  Alternative names: ${certificate.subjectaltname ?? '(none)'}`,
    `  Valid: ${certificate.valid_from} to ${certificate.valid_to}`,
    `  SHA-256 fingerprint: ${certificate.fingerprint256}`,
    `-----BEGIN CERTIFICATE-----\n${certificate.raw.toString('base64').replaceAll(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----`,
  ]
}

const certificates: CtlCommand = {
  name: 'certificates',
  section: 'Configuration and Environment',
  tools: ['diagnostics'],
  summary: 'Shows the certificates of all listeners with TLS',
  async run(context): Promise<Output> {
    const { api, sayNode, target } = context
    await sayNode((node) => `Certificates of node ${node} ...`)
    const { node, listeners } = await fetchOverview(api)
    const withTls = listenerRows(listeners).filter((row) => row.node === node && /^https|\/ssl$/.test(row.protocol))
    if (withTls.length === 0) return text('There is no listener with TLS', [])
    const host = target.url.hostname.replaceAll(/[[\]]/g, '')
    const found = await Promise.all(
      withTls.map(async (row) => {
        try {
          return { row, certificate: await certificateOf(host, row.port) }
        } catch (error) {
          throw failure(`${host}:${row.port}: ${(error as Error).message}`)
        }
      }),
    )
    return text(
      found.flatMap(({ row, certificate }) => certificateLines(row, certificate)),
      found.map(({ row, certificate: { subject, issuer, subjectaltname, valid_from, valid_to, fingerprint256 } }) => ({
        ...row,
        certificate: { subject, issuer, subjectaltname, valid_from, valid_to, fingerprint256 },
      })),
    )
  },
}

export const WATCHING_COMMANDS = [certificates, consumeEventStream, logTail, logTailStream]
