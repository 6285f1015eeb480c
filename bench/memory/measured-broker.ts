import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Held } from './broker-process.ts'

const SCRIPT = fileURLToPath(new URL('./broker-process.ts', import.meta.url))
const ONLY_AMQP = ['--port', '0', '--management-port', 'none', '--prometheus-port', 'none', '--protocols', 'amqp']

/** A broker in a process of its own, which collects its garbage and says what is left when it is asked. */
export class MeasuredBroker implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  /** @param args of `warren start`, besides those for a broker that speaks only AMQP, on a free port */
  static async start(args: readonly string[]): Promise<MeasuredBroker> {
    const child = fork(SCRIPT, [...ONLY_AMQP, ...args], { execArgv: ['--expose-gc'] })
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the broker ended with ${code}`)))
    const [url] = (await Promise.race([once(child, 'message'), ended])) as [string]
    ended.catch(() => {})
    return new MeasuredBroker(child, url)
  }

  async measure(): Promise<Held> {
    const answer = once(this.#child, 'message')
    this.#child.send('measure')
    const [held] = (await answer) as [Held]
    return held
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }
}
