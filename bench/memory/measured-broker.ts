import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Held, Started } from './broker-process.ts'

const SCRIPT = fileURLToPath(new URL('./broker-process.ts', import.meta.url))
const NO_HTTP = ['--management-port', 'none', '--prometheus-port', 'none', '--web-mqtt-port', 'none']
const ONLY_MEASURED = ['--protocols', 'amqp,mqtt', '--port', '0', '--mqtt-port', '0', ...NO_HTTP]

/** A broker in a process of its own, which collects its garbage and says what is left when it is asked. */
export class MeasuredBroker implements AsyncDisposable {
  readonly url: string
  readonly mqttUrl: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, { amqp, mqtt }: Started) {
    this.#child = child
    this.url = amqp
    this.mqttUrl = mqtt
  }

  /** @param args of `warren start`, besides those for a broker that speaks AMQP and MQTT, on free ports */
  static async start(args: readonly string[]): Promise<MeasuredBroker> {
    const child = fork(SCRIPT, [...ONLY_MEASURED, ...args], { execArgv: ['--expose-gc'] })
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the broker ended with ${code}`)))
    const [started] = (await Promise.race([once(child, 'message'), ended])) as [Started]
    ended.catch(() => {})
    return new MeasuredBroker(child, started)
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
