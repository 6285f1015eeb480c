import { readFileSync } from 'node:fs'

const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
const { scripts, version } = JSON.parse(text) as { scripts: { start: string }; version: string }

/** What `npm start` gives to Node.js. */
export const nodeFlags: readonly string[] = /^node (.*) src\/main\.ts/.exec(scripts.start)![1]!.split(' ')

/** WarrenMQ's own version; its clients are told the one of the RabbitMQ that it stands in for. */
export const warrenVersion: string = version
