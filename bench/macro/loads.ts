/** One load of the comparison: what `amqpload` is told, and which of its figures counts. */
export interface Load {
  readonly name: string
  /** Flags of `amqpload`; ROUND stands for the number of the round, SECONDS for the time that is measured. */
  readonly flags: string
  /** Path of the figure in what `amqpload` prints. */
  readonly figure: 'deliver_per_s' | 'confirm_per_s' | 'deliver_us.p99' | 'confirm_us.p99'
  /** Less is better: a time in microseconds, where the others are messages a second. */
  readonly lower?: true
  /** What the ratio to RabbitMQ is meant to be. */
  readonly goal: number
  /** Uses what the load of this name left behind in the same round: the two run together. */
  readonly after?: string
  /** Exchanges are more than the relay knows. */
  readonly exchanges?: true
}

export const LOADS: readonly Load[] = [
  { name: 'transient-16B', flags: '--size 16 --seconds SECONDS', figure: 'deliver_per_s', goal: 12 },
  { name: 'transient-1KiB', flags: '--size 1024 --seconds SECONDS', figure: 'deliver_per_s', goal: 4.5 },
  {
    name: 'transient-acked-1KiB',
    flags: '--size 1024 --prefetch 500 --ack-every 50 --props --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 6,
  },
  {
    name: 'durable-confirmed-1KiB',
    flags: '--size 1024 --durable --persistent --confirm 1000 --prefetch 500 --ack-every 50 --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 7,
  },
  {
    name: 'durable-confirm-each-1KiB',
    flags: '--size 1024 --durable --persistent --confirm 1 --consumers 0 --seconds SECONDS',
    figure: 'confirm_per_s',
    goal: 2,
  },
  {
    name: 'durable-16-pairs',
    flags:
      '--size 256 --durable --persistent --confirm 200 --prefetch 200 --ack-every 20 --producers 16 --consumers 16 --queues 16 --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 11,
  },
  {
    name: 'backlog-publish-1KiB',
    flags:
      '--size 1024 --durable --persistent --confirm 2000 --consumers 0 --count 200000 --queue backlog-ROUND --keep',
    figure: 'confirm_per_s',
    goal: 6,
  },
  {
    name: 'backlog-drain-1KiB',
    flags: '--durable --drain --prefetch 1000 --ack-every 100 --queue backlog-ROUND',
    figure: 'deliver_per_s',
    goal: 8,
    after: 'backlog-publish-1KiB',
  },
  {
    name: 'fanout-1-to-10',
    flags: '--size 256 --queues 10 --consumers 10 --exchange-type fanout --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 10,
    exchanges: true,
  },
  {
    name: 'topic-1-to-10',
    flags: '--size 256 --queues 10 --consumers 10 --exchange-type topic --binding-key load.*.# --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 12,
    exchanges: true,
  },
  {
    name: 'large-100KiB',
    flags: '--size 102400 --prefetch 50 --ack-every 10 --seconds SECONDS',
    figure: 'deliver_per_s',
    goal: 1.2,
  },
  {
    name: 'latency-5k/s',
    flags: '--size 256 --rate 5000 --seconds SECONDS',
    figure: 'deliver_us.p99',
    lower: true,
    goal: 1,
  },
  {
    name: 'latency-durable-5k/s',
    flags: '--size 256 --rate 5000 --durable --persistent --confirm 5000 --seconds SECONDS',
    figure: 'confirm_us.p99',
    lower: true,
    goal: 1,
  },
]

/**
 * The loads of these names, with those that they need or that empty what they leave behind; all without names.
 *
 * @throws Error that lists the names there are, when one is unknown.
 */
export function selectLoads(names: readonly string[]): readonly Load[] {
  const unknown = names.filter((name) => !LOADS.some((load) => load.name === name))
  if (unknown.length > 0) {
    throw new Error(`no load is called ${unknown.join(', ')}; there are ${LOADS.map(({ name }) => name).join(', ')}`)
  }
  if (names.length === 0) return LOADS
  return LOADS.filter(
    ({ name, after }) =>
      names.includes(name) ||
      (after !== undefined && names.includes(after)) ||
      LOADS.some((other) => other.after === name && names.includes(other.name)),
  )
}
