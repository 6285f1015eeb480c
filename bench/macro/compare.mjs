#!/usr/bin/env node
// Runs the same loads against two or more AMQP brokers in turn (A B A B …) and
// prints, for each load, every broker's median and the ratio to the last one.
//
//   cc -O2 -o /tmp/amqpload bench/macro/amqpload.c -lm
//   node compare.mjs --load /tmp/amqpload --rounds 3 ours=127.0.0.1:5672 rabbitmq=127.0.0.1:5673
//
// --only NAME[,NAME]  just these loads;  --json FILE  the raw results
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const loads = {
  'transient-16B': { args: '--size 16 --seconds 4', figure: 'deliver_per_s' },
  'transient-1KiB': { args: '--size 1024 --seconds 4', figure: 'deliver_per_s' },
  'transient-acked-1KiB': {
    args: '--size 1024 --seconds 4 --prefetch 500 --ack-every 50 --props',
    figure: 'deliver_per_s',
  },
  'durable-confirmed-1KiB': {
    args: '--size 1024 --durable --persistent --confirm 1000 --prefetch 500 --ack-every 50 --seconds 4',
    figure: 'deliver_per_s',
  },
  'durable-confirm-each-1KiB': {
    args: '--size 1024 --durable --persistent --confirm 1 --consumers 0 --seconds 4',
    figure: 'confirm_per_s',
  },
  'durable-16-pairs': {
    args: '--size 256 --durable --persistent --confirm 200 --prefetch 200 --ack-every 20 --producers 16 --consumers 16 --queues 16 --seconds 4',
    figure: 'deliver_per_s',
  },
  // the drain empties what the publish of the same round left behind: run the two together
  'backlog-publish-1KiB': {
    args: '--size 1024 --durable --persistent --confirm 2000 --consumers 0 --count 200000 --queue backlog-ROUND --keep',
    figure: 'confirm_per_s',
  },
  'backlog-drain-1KiB': {
    args: '--durable --drain --prefetch 1000 --ack-every 100 --queue backlog-ROUND',
    figure: 'deliver_per_s',
  },
  'fanout-1-to-10': {
    args: '--size 256 --queues 10 --consumers 10 --exchange-type fanout --seconds 4',
    figure: 'deliver_per_s',
  },
  'topic-1-to-10': {
    args: '--size 256 --queues 10 --consumers 10 --exchange-type topic --binding-key load.*.# --seconds 4',
    figure: 'deliver_per_s',
  },
  'large-100KiB': { args: '--size 102400 --seconds 4 --prefetch 50 --ack-every 10', figure: 'deliver_per_s' },
  'latency-5k/s': { args: '--size 256 --rate 5000 --seconds 4', figure: 'deliver_us.p99', lower: true },
  'latency-durable-5k/s': {
    args: '--size 256 --rate 5000 --durable --persistent --confirm 5000 --seconds 4',
    figure: 'confirm_us.p99',
    lower: true,
  },
}

const argv = process.argv.slice(2)
const take = (flag, fallback) => {
  const at = argv.indexOf(flag)
  return at < 0 ? fallback : argv.splice(at, 2)[1]
}
const loader = take('--load', '/tmp/amqpload')
const rounds = Number(take('--rounds', '3'))
const only = take('--only', '')?.split(',').filter(Boolean)
const jsonFile = take('--json')
const brokers = argv.map((a) => {
  const [name, address] = a.split('=')
  const [host, port] = address.split(':')
  return { name, host, port }
})
if (!brokers.length) {
  console.error('usage: compare.mjs [--load BIN] [--rounds N] [--only A,B] [--json FILE] name=host:port …')
  process.exit(2)
}

const median = (xs) =>
  xs.toSorted ? xs.toSorted((a, b) => a - b)[xs.length >> 1] : [...xs].sort((a, b) => a - b)[xs.length >> 1]
const pick = (o, path) => path.split('.').reduce((v, k) => v?.[k], o)
const raw = []

console.log(
  ['load', ...brokers.map((b) => b.name), ...brokers.slice(0, -1).map((b) => `${b.name}/${brokers.at(-1).name}`)].join(
    '\t',
  ),
)
for (const [name, load] of Object.entries(loads)) {
  if (only.length && !only.includes(name)) continue
  const seen = Object.fromEntries(brokers.map((b) => [b.name, []]))
  for (let r = 0; r < rounds; r++) {
    for (const b of brokers) {
      // one queue's worth is all that it moves
      if (b.name === 'relay' && load.args.includes('--exchange-type')) continue
      try {
        const out = execFileSync(
          loader,
          ['--host', b.host, '--port', b.port, ...load.args.replace('ROUND', String(r)).split(' ')],
          { encoding: 'utf8', timeout: 300_000, stdio: ['ignore', 'pipe', 'pipe'] },
        )
        const result = JSON.parse(out)
        raw.push({ load: name, broker: b.name, round: r, ...result })
        seen[b.name].push(pick(result, load.figure))
      } catch (e) {
        raw.push({ load: name, broker: b.name, round: r, error: String(e.stderr || e.message).trim() })
        console.error(`${name} on ${b.name}: ${String(e.stderr || e.message).trim()}`)
      }
    }
  }
  const med = brokers.map((b) => (seen[b.name].length ? median(seen[b.name]) : NaN))
  const orNone = (value, text) => (Number.isNaN(value) ? '-' : text(value))
  const ratios = med.slice(0, -1).map((m) => (load.lower ? med.at(-1) / m : m / med.at(-1)))
  const cells = [
    ...med.map((m) => orNone(m, (value) => Math.round(value))),
    ...ratios.map((ratio) => orNone(ratio, (value) => value.toFixed(2) + 'x')),
  ]
  console.log([name, ...cells].join('\t'))
}
if (jsonFile) writeFileSync(jsonFile, JSON.stringify(raw, null, 1))
