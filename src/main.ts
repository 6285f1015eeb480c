#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=70
// What decides how the program is loaded, and so comes before it.
import nodeModule from 'node:module'
import { holdBackCompilers } from './telemetry/start-compilers.ts'

// An older Node.js would say which name of its modules it misses. So nothing that it may lack is imported here by name.
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(`warren: this needs Node.js 24.12 or later, and runs on ${process.versions.node}`)
  process.exit(69)
}

// From the second start on nothing has to be compiled that was before: a fifth of a start. Not in the folder that Node.js takes by itself:
// others may write there, and what they left would be run.
const { XDG_CACHE_HOME, HOME } = process.env
if (XDG_CACHE_HOME) nodeModule.enableCompileCache(`${XDG_CACHE_HOME}/warrenmq`)
else if (HOME) nodeModule.enableCompileCache(`${HOME}/.cache/warrenmq`)

const letCompilersWork = holdBackCompilers()
const [{ main }, { toolCalled }] = await Promise.all([import('./program.ts'), import('./tool-called.ts')])
process.exit(await main([...toolCalled(process.argv[1]!), ...process.argv.slice(2)], letCompilersWork))
