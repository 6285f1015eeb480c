import { readFileSync } from 'node:fs'

/** The port at which a broker that was spawned speaks AMQP, as soon as it is ready. */
export function amqpPortOf(child) {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk.toString()
      const address = /amqp:\/\/localhost:(\d+)/.exec(said)
      if (said.includes('is ready') && address !== null) resolve(Number(address[1]))
    })
    child.once('exit', () => reject(new Error('the broker did not start')))
  })
}

/** Resident memory of a process in MiB. */
export function residentMib(pid) {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(kib) / 1024
}
