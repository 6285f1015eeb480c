import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

/** What `npm start` gives to Node.js. */
export const nodeFlags = /^node (.*) src\/main\.ts/.exec(scripts.start)[1].split(' ')
