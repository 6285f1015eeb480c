import { list, named, one } from './option.ts'
import { boolean, duration, integer, oneOf, optional, path, port, text } from './option-types.ts'

// Statistics of the HTTP API, and metrics for Prometheus.

/** As RabbitMQ's tracing plugin does it. */
export const tracing = {
  dir: one(
    'tracing.dir',
    optional(path),
    null,
    'Folder for the files of traces (`/api/traces`); without it there are none. They have what is in messages.',
  ),
}

const NO_STEPS: ReadonlyMap<string, number> = new Map()

export const statistics = {
  interval: one(
    'collect_statistics_interval',
    duration('ms', 100, 3_600_000),
    5000,
    'Time between two samples that rates and histories are made of.',
  ),
  ratesMode: one(
    'management.rates_mode',
    oneOf('basic', 'detailed', 'none'),
    'basic',
    'Which rates there are: with `detailed` also histories of what goes from where to where, with `none` none.',
  ),
  retention: named(
    'management.sample_retention_policies',
    integer(1),
    NO_STEPS,
    "How long histories are: `POLICY.LENGTH = SECONDS` between two samples, with `global`, `basic` or `detailed`, and `minute`, `hour`, `day` or a number of seconds. What is given for a policy stands in place of RabbitMQ's defaults.",
  ),
  disable: one(
    'management.disable_stats',
    boolean,
    false,
    'Show in lists what is configured, and nothing that is counted.',
    { aliases: ['management_agent.disable_metrics_collector'] },
  ),
  queueTotals: one(
    'management.enable_queue_totals',
    boolean,
    false,
    'With `management.disable_stats`: show how many messages queues have all the same.',
  ),
}

export const prometheus = {
  port: one('prometheus.tcp.port', optional(port), 15_692, 'HTTP port of metrics for Prometheus; `none` is off.', {
    flag: 'prometheus-port',
  }),
  host: one('prometheus.tcp.ip', optional(text), null, 'Its address; that of `--bind` unless given.'),
  path: one('prometheus.path', text, '/metrics', 'Path of the metrics.'),
  perObject: one(
    'prometheus.return_per_object_metrics',
    boolean,
    false,
    'Metrics of each queue, channel and connection at that path, and not their sums.',
  ),
  authentication: one(
    'prometheus.authentication.enabled',
    boolean,
    false,
    'Ask for the name and password of a user who may monitor.',
  ),
  tlsPort: one(
    'prometheus.ssl.port',
    optional(port),
    null,
    'The same with TLS, usually on 15691. The plain port is off then unless it is given as well.',
  ),
  tlsHost: one(
    'prometheus.ssl.ip',
    optional(text),
    null,
    'Address of the port with TLS; that of `--bind` unless given.',
  ),
  caFile: one(
    'prometheus.ssl.cacertfile',
    optional(path),
    null,
    "PEM file of the authorities that clients' certificates are checked against.",
  ),
  certFile: one('prometheus.ssl.certfile', optional(path), null, 'PEM file of its certificate and the chain.'),
  keyFile: one('prometheus.ssl.keyfile', optional(path), null, "PEM file of its certificate's private key."),
  password: one('prometheus.ssl.password', optional(text), null, 'Password of the private key.', { secret: true }),
  verify: one(
    'prometheus.ssl.verify',
    oneOf('verify_peer', 'verify_none'),
    'verify_none',
    'Whether clients are asked for a certificate, and those that give one are checked.',
  ),
  requireCertificate: one(
    'prometheus.ssl.fail_if_no_peer_cert',
    boolean,
    false,
    'Refuse clients without a certificate (with `verify_peer`).',
  ),
  versions: list(
    'prometheus.ssl.versions',
    oneOf('tlsv1.3', 'tlsv1.2', 'tlsv1.1', 'tlsv1'),
    ['tlsv1.3', 'tlsv1.2'],
    'TLS versions to accept there.',
  ),
}
