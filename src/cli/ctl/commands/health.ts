import { connect } from 'node:net'
import { CliError, UsageError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import { ApiError } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure } from '../failures.ts'
import {
  alarmLine,
  alarmsOf,
  fetchThisNode,
  fetchOverview,
  listenerLine,
  listenerRows,
  type Alarm,
  type ListenerRow,
  type NodeFacts,
} from '../node-facts.ts'
import { text, type Output } from '../output.ts'
import { parseNatural } from '../../parse.ts'
import { protocolOf } from '../../../util/protocol-name.ts'

const check = {
  section: 'Monitoring, observability and health checks',
  tools: ['diagnostics'],
  timeoutSec: 60,
} as const

const unhealthy = (message: string, json: object): CliError => new CliError(EXIT.unavailable, message, { json })

const ping: CtlCommand = {
  ...check,
  name: 'ping',
  tools: ['ctl', 'diagnostics'],
  summary: 'Asks the node whether it answers',
  async run({ api, say, target, timeoutSec }) {
    say(`Will ping ${target.url.origin}. Timeout: ${(timeoutSec ?? 0) * 1000} ms.`)
    try {
      await api.get('/whoami')
    } catch (error) {
      // Whoever refuses a user is there.
      if (!(error instanceof ApiError) || (error.status !== 401 && error.status !== 403)) throw error
    }
    return text('Ping succeeded')
  },
}

const running = (name: string, banner: (node: string) => string): CtlCommand => ({
  ...check,
  name,
  summary: 'Checks that the node is up and running',
  async run(context) {
    await context.sayNode(banner)
    const node = await fetchThisNode(context.api)
    if (!node.running)
      throw unhealthy(`RabbitMQ on node ${node.name} is not running or has not fully booted yet`, { result: false })
    const message = `RabbitMQ on node ${node.name} is fully booted and running`
    return text(message, { message, result: true })
  },
})

const isBooting: CtlCommand = {
  ...check,
  name: 'is_booting',
  summary: 'Tells whether the node is still starting: when its HTTP API answers, it is not',
  async run(context) {
    await context.sayNode((node) => `Asking node ${node} for its boot status ...`)
    const node = await context.api.nodeName()
    const message = `RabbitMQ on node ${node} is fully booted (check with is_running), stopped or has not started booting yet`
    return text(message, { message, result: false })
  },
}

async function allAlarms({ api }: Context): Promise<Alarm[]> {
  return (await api.get<NodeFacts[]>('/nodes')).flatMap(alarmsOf)
}

const alarms: CtlCommand = {
  ...check,
  name: 'alarms',
  summary: 'Lists memory and disk alarms',
  async run(context) {
    await context.sayNode((node) => `Asking node ${node} to report any known resource alarms ...`)
    const found = await allAlarms(context)
    const node = await context.api.nodeName()
    const lines = found.length === 0 ? [`Node ${node} reported no alarms, local or clusterwide`] : found.map(alarmLine)
    return text(lines, { alarms: found, node, result: 'ok' })
  },
}

const checkAlarms = (
  name: string,
  none: (node: string) => string,
  isOf: (alarm: Alarm, node: string) => boolean,
): CtlCommand => ({
  ...check,
  name,
  summary: 'Checks that there is no memory or disk alarm',
  async run(context) {
    await context.sayNode((node) => `Asking node ${node} to report any local resource alarms ...`)
    const node = await context.api.nodeName()
    const found = (await allAlarms(context)).filter((alarm) => isOf(alarm, node))
    if (found.length === 0) return context.silent ? undefined : text(none(node), { result: 'ok' })
    const lines = found.map(alarmLine)
    throw unhealthy(`Error:\n${lines.join('\n')}`, {
      local: lines,
      message: `Node ${node} reported alarms`,
      result: 'error',
    })
  },
})

async function listeners(context: Context): Promise<{ node: string; rows: ListenerRow[] }> {
  const { node, listeners: found } = await fetchOverview(context.api)
  return { node, rows: listenerRows(found).filter((row) => row.node === node) }
}

const listListeners: CtlCommand = {
  ...check,
  name: 'listeners',
  summary: 'Lists where the node listens, and for which protocols',
  async run(context): Promise<Output> {
    await context.sayNode((node) => `Asking node ${node} to report its protocol listeners ...`)
    const { node, rows } = await listeners(context)
    return {
      kind: 'table',
      columns: ['node', 'protocol', 'interface', 'port', 'purpose'],
      rows,
      text: rows.map(listenerLine).join('\n'),
      json: { listeners: rows, node, result: 'ok' },
    }
  },
}

function parsePort(word: string): number {
  if (/^[1-9]\d{0,4}$/.test(word)) return Number(word)
  throw new UsageError('Bad argument: Argument must be a positive integer', EXIT.data)
}

const checkPortListener: CtlCommand = {
  ...check,
  name: 'check_port_listener',
  summary: 'Checks that the node listens on a port',
  arguments: [{ name: 'port', help: 'number of the port' }],
  async run(context) {
    const port = parsePort(context.args[0]!)
    await context.sayNode((node) => `Asking node ${node} if there's an active listener on port ${port} ...`)
    const { node, rows } = await listeners(context)
    const ports = rows.map((row) => row.port)
    if (ports.includes(port))
      return text(`A listener for port ${port} is running on node ${node}.`, { node, port: String(port), result: 'ok' })
    const known = ports.toSorted((a, b) => a - b)
    throw unhealthy(
      `No listener for port ${port} is active on node ${node}. Found listeners that use the following ports: ${known.join(', ')}`,
      { listeners: rows, missing: port, ports: known, result: 'error' },
    )
  },
}

const checkProtocolListener: CtlCommand = {
  ...check,
  name: 'check_protocol_listener',
  summary: 'Checks that the node listens for a protocol',
  arguments: [
    {
      name: 'protocol',
      help: 'amqp, amqps, http, https, mqtt, stomp …',
      completion: ['amqp', 'amqps', 'http', 'https', 'http/prometheus'],
    },
  ],
  async run(context) {
    const wanted = context.args[0]!
    await context.sayNode((node) => `Asking node ${node} if there's an active listener for protocol ${wanted} ...`)
    const { node, rows } = await listeners(context)
    const protocols = [...new Set(rows.map(({ protocol }) => protocol))]
    const protocol = protocolOf(wanted)
    if (protocols.includes(protocol))
      return text(`A listener for protocol ${wanted} is running on node ${node}.`, { node, protocol, result: 'ok' })
    throw unhealthy(
      `Error:\nNo listener for protocol ${wanted} is active on node ${node}. Found listeners for the following protocols: ${protocols.join(', ')}`,
      { listeners: rows, missing: wanted, protocols, result: 'error' },
    )
  },
}

const checkPortConnectivity: CtlCommand = {
  ...check,
  name: 'check_port_connectivity',
  summary: 'Connects to every port that the node listens on',
  options: [{ flags: '--address <address>', help: 'where to connect to; that of the HTTP API where left out' }],
  async run(context) {
    const { option, target, timeoutSec } = context
    await context.sayNode((node) => `Testing TCP connections to all active listeners on node ${node} ...`)
    const { node, rows } = await listeners(context)
    const host = option('address') ?? target.url.hostname.replace(/^\[|\]$/g, '')
    const outcomes = await Promise.all(rows.map(({ port }) => connects(host, port, (timeoutSec ?? 60) * 1000)))
    const failed = rows.filter((_, i) => !outcomes[i])
    const ports = (some: readonly ListenerRow[]): string => some.map(({ port }) => port).join(', ')
    if (failed.length > 0) {
      throw unhealthy(
        `Error:\nConnection to ports of the following listeners on node ${node} failed: \n${failed.map(listenerLine).join('\n')}`,
        {
          failures: failed,
          result: 'error',
        },
      )
    }
    return text(`Successfully connected to ports ${ports(rows)} on node ${node}.`, { address: host, result: 'ok' })
  },
}

function connects(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const end = (connected: boolean): void => {
      socket.destroy()
      resolve(connected)
    }
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false))
  })
}

const checkVirtualHosts: CtlCommand = {
  ...check,
  name: 'check_virtual_hosts',
  summary: 'Checks that all virtual hosts are running',
  async run(context) {
    await context.sayNode((node) => `Checking if all vhosts are running on node ${node} ...`)
    const node = await context.api.nodeName()
    const vhosts = await context.api.get<{ name: string; cluster_state?: Record<string, string> }[]>('/vhosts')
    const down = vhosts
      .filter(({ cluster_state: states }) => states !== undefined && states[node] !== 'running')
      .map(({ name }) => name)
    if (down.length === 0) return text(`Node ${node} reported all vhosts as running`, { result: 'ok' })
    throw unhealthy(`Error:\nSome virtual hosts on node ${node} are down:\n${down.join('\n')}`, {
      down_vhosts: down,
      result: 'error',
    })
  },
}

const TIME_UNITS = ['days', 'weeks', 'months', 'years']

const checkCertificateExpiration: CtlCommand = {
  ...check,
  name: 'check_certificate_expiration',
  summary: 'Checks that no certificate of the node expires soon',
  options: [
    { flags: '--within <period>', help: 'how soon (4)', parse: parseNatural },
    { flags: '--unit <unit>', help: 'of what: days, weeks, months or years (weeks)', completion: TIME_UNITS },
  ],
  async run(context) {
    const within = context.number('within') ?? 4
    const unit = context.option('unit')?.toLowerCase() ?? 'weeks'
    if (!TIME_UNITS.includes(unit)) {
      throw new UsageError(`"unit '${unit}' is not supported. Please use one of: ${TIME_UNITS.join(', ')}"`)
    }
    await context.sayNode((node) => `Checking certificate expiration on node ${node} ...`)
    try {
      await context.api.get(route`/health/checks/certificate-expiration/${String(within)}/${unit}`)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 503) throw error
      throw failure(error.reason === '' ? `Certificates are expiring within ${within} ${unit}.` : error.reason)
    }
    return text(`No certificates are expiring within ${within} ${unit}.`, { result: 'ok' })
  },
}

const nodeHealthCheck: CtlCommand = {
  name: 'node_health_check',
  section: 'Deprecated',
  tools: ['ctl', 'diagnostics'],
  summary: 'Checks that the node is running and without alarms; the check_ commands tell more',
  timeoutSec: 70,
  async run(context) {
    context.say('This command is DEPRECATED and will be removed in a future version.')
    if (context.timeoutSec !== null) context.say(`Timeout: ${context.timeoutSec} seconds ...`)
    await context.sayNode((node) => `Checking health of node ${node} ...`)
    const node = await fetchThisNode(context.api)
    const found = alarmsOf(node)
    if (!node.running) throw failure(`Health check failed. Status:\nnode ${node.name} is not running`, EXIT.software)
    if (found.length > 0)
      throw failure(`Health check failed. Status:\n${found.map(alarmLine).join('\n')}`, EXIT.software)
    return text('Health check passed')
  },
}

export const HEALTH_COMMANDS = [
  alarms,
  checkAlarms(
    'check_alarms',
    (node) => `Node ${node} reported no alarms, local or clusterwide`,
    () => true,
  ),
  checkAlarms(
    'check_local_alarms',
    (node) => `Node ${node} reported no local alarms`,
    (alarm, node) => alarm.node === node,
  ),
  checkCertificateExpiration,
  checkPortConnectivity,
  checkPortListener,
  checkProtocolListener,
  running('check_running', (node) => `Checking if RabbitMQ is running on node ${node} ...`),
  checkVirtualHosts,
  isBooting,
  running('is_running', (node) => `Asking node ${node} for its status ...`),
  listListeners,
  nodeHealthCheck,
  ping,
]
