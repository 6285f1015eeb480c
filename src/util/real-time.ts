/**
 * The timers and clocks of Node.js, as they were when the broker was loaded. A test that puts fakes in their place (node:test, Vitest, Jest, sinon)
 * means those of the code that it tests; a broker in the same process has to go on meanwhile. All of the broker takes them from here, or by name from
 * `node:timers/promises`: what has been imported by name from Node.js stays what it was.
 */
import { performance } from 'node:perf_hooks'

export { clearImmediate, clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers'

export const { queueMicrotask } = globalThis
export const nextTick = process.nextTick.bind(process)
/** Milliseconds since the epoch. */
export const wallClock = Date.now
/** Milliseconds since the process began, whatever is done to the wall clock; with fractions. */
export const monotonicClock = performance.now.bind(performance)
