// Loaded into a broker (`node --import`): watches how long its turns are. A timer asks to be called each millisecond; how late it is, is the
// longest turn. That is told as wall time, in which the machine may have done something else, and as time of the processor that the
// event loop's own thread has used, which is our own work.
const TICK_MS = 1

let worst = { wallMs: 0, cpuMs: 0 }
let wall = performance.now()
let cpu = process.threadCpuUsage()

const watch = setInterval(() => {
  const wallMs = performance.now() - wall
  const { user, system } = process.threadCpuUsage(cpu)
  worst.wallMs = Math.max(worst.wallMs, wallMs)
  worst.cpuMs = Math.max(worst.cpuMs, (user + system) / 1000)
  wall = performance.now()
  cpu = process.threadCpuUsage()
}, TICK_MS)
watch.unref()

process.on('message', () => {
  process.send(worst)
  worst = { wallMs: 0, cpuMs: 0 }
})
process.channel.unref()
