import { parentPort, workerData } from 'node:worker_threads'
import { Load } from './load.ts'
import type { WorkerInput, WorkerReply, WorkerRequest } from './threads.ts'

// A thread of `warren perf`: a `Load` that is told by messages what to do.

const port = parentPort!
const { config, share } = workerData as WorkerInput
const load = new Load(config, share)
const reply = (message: WorkerReply): void => port.postMessage(message)
const fail = (error: Error): void => reply({ kind: 'failed', text: error.message })

port.on('message', (request: WorkerRequest) => {
  switch (request) {
    case 'start':
      load.start()
      break
    case 'sample':
      reply({ kind: 'sample', sample: load.sample() })
      break
    case 'close':
      void load.close().then(() => {
        reply({ kind: 'closed' })
        port.close()
      })
  }
})

load.finished.then(() => reply({ kind: 'finished' }), fail)
load.prepare().then(() => reply({ kind: 'prepared' }), fail)
