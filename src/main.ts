#!/usr/bin/env -S node --max-semi-space-size=16 --heap-growing-percent=70
// What decides how the program is loaded, and so comes before it.
import { enableCompileCache } from 'node:module'
import { holdBackCompilers } from './telemetry/start-compilers.ts'

// From the second start on nothing has to be compiled that was before: a fifth of a start. Not in the folder that Node.js takes by itself:
// others may write there, and what they left would be run.
const { XDG_CACHE_HOME, HOME } = process.env
if (XDG_CACHE_HOME) enableCompileCache(`${XDG_CACHE_HOME}/warrenmq`)
else if (HOME) enableCompileCache(`${HOME}/.cache/warrenmq`)

const letCompilersWork = holdBackCompilers()
const { main } = await import('./program.ts')
process.exit(await main(process.argv.slice(2), letCompilersWork))
