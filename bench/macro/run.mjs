#!/usr/bin/env node
// Starts WarrenMQ (with a data directory, or with --memory without) and the bare relay, builds the load generator, and runs all
// loads against both and whatever else is named, in one run.
//
//   npm run bench -- rabbitmq=127.0.0.1:5673
//   npm run bench -- --rounds 3 --only transient-16B,fanout-1-to-10 rabbitmq=127.0.0.1:5673
//
// The last broker named is the one that ratios are given to. What is not an address goes to compare.mjs.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from './node-flags.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'warren-bench-'))
const loader = join(scratch, 'amqpload')
execFileSync('cc', ['-O2', '-o', loader, join(here, 'amqpload.c'), '-lm'], { stdio: 'inherit' })

const RELAY_PORT = 5699
const relay = spawn(process.execPath, [join(here, 'relay.mjs'), String(RELAY_PORT)], { stdio: 'ignore' })
const main = join(here, '..', '..', 'src', 'main.ts')
const inMemory = process.argv.includes('--memory')
const where = inMemory ? ['--memory'] : ['--data-dir', join(scratch, 'data')]
const flags = ['start', ...where, '--port', '0', '--management-port', '0', '--prometheus-port', 'none']
const warren = spawn(process.execPath, [...nodeFlags, main, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const port = await new Promise((resolve, reject) => {
    let text = ''
    warren.stdout.on('data', (chunk) => {
      text += chunk
      if (text.includes('is ready')) resolve(/amqp:\/\/[^\s:]+:(\d+)/.exec(text)[1])
    })
    warren.once('exit', () => reject(new Error('the broker did not start')))
  })
  const given = process.argv.slice(2).filter((argument) => argument !== '--memory')
  const brokers = [`warrenmq=127.0.0.1:${port}`, `relay=127.0.0.1:${RELAY_PORT}`]
  const args = [
    '--load',
    loader,
    ...given.filter((a) => !/^\w+=/.test(a)),
    ...brokers,
    ...given.filter((a) => /^\w+=/.test(a)),
  ]
  execFileSync(process.execPath, [join(here, 'compare.mjs'), ...args], { stdio: 'inherit' })
} finally {
  warren.kill()
  relay.kill()
  await new Promise((resolve) => warren.once('exit', resolve))
  rmSync(scratch, { recursive: true, force: true })
}
