import type { Consumer } from './consumer.ts'
import type { Message } from './message.ts'
import type { Entry } from './queues/entry.ts'
import type { SessionSink } from './session.ts'

/** What a session is told that only declares, fetches and settles: nothing. */
export class QuietSink implements SessionSink {
  deliver(_consumer: Consumer, _tag: number, _message: Message, _redelivered: boolean, _entry: Entry | null): void {}
  returned(_message: Message): void {}
  cancelled(_consumer: Consumer): boolean {
    return true
  }
  committed(): void {}
  timedOut(_timeoutMs: number): void {}
  confirmed(_sequence: number, _multiple: boolean): void {}
  rejected(_sequence: number): void {}
}
