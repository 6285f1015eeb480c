import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Confirms } from '../../../src/core/confirms.ts'
import { StepTurn } from '../../support/core-bench.ts'

class Sink {
  readonly answers: string[] = []

  confirmed(sequence: number, multiple: boolean): void {
    this.answers.push(`${multiple ? 'up to ' : ''}${sequence}`)
  }

  rejected(sequence: number): void {
    this.answers.push(`not ${sequence}`)
  }

  take(): string[] {
    return this.answers.splice(0)
  }
}

interface Setup {
  readonly turn: StepTurn
  readonly sink: Sink
  readonly confirms: Confirms
  readonly commit: (position: number) => void
}

function setUp(): Setup {
  const turn = new StepTurn()
  const sink = new Sink()
  let committed = 0
  const commits = {
    get committed() {
      return committed
    },
    wait() {},
  }
  const confirms = new Confirms(turn, sink, commits, { confirmed: 0 })
  const commit = (position: number): void => {
    committed = position
    confirms.onCommitted()
  }
  return { turn, sink, confirms, commit }
}

describe('confirms', () => {
  test('go out once per turn, many as one', () => {
    const { turn, sink, confirms } = setUp()
    for (let i = 0; i < 3; i++) confirms.published(0, false)
    assert.deepEqual(sink.take(), [])
    turn.end()
    assert.deepEqual(sink.take(), ['up to 3'])
    confirms.published(0, false)
    turn.end()
    assert.deepEqual(sink.take(), ['4'])
    assert.equal(confirms.unconfirmed, 0)
  })

  test('wait for the log, also those that need not be written but come after', () => {
    const { turn, sink, confirms, commit } = setUp()
    confirms.published(0, false)
    confirms.published(7, false)
    confirms.published(0, false)
    confirms.published(9, false)
    turn.end()
    assert.deepEqual(sink.take(), ['1'])
    assert.equal(confirms.unconfirmed, 3)
    commit(8)
    turn.end()
    assert.deepEqual(sink.take(), ['up to 3'])
    commit(9)
    turn.end()
    assert.deepEqual(sink.take(), ['4'])
  })

  test('and rejections keep the order of publishing', () => {
    const { turn, sink, confirms } = setUp()
    for (const rejected of [false, false, true, true, false]) confirms.published(0, rejected)
    turn.end()
    assert.deepEqual(sink.take(), ['up to 2', 'not 3', 'not 4', '5'])
  })

  test('end with their session', () => {
    const { turn, sink, confirms, commit } = setUp()
    confirms.published(0, false)
    confirms.published(5, false)
    confirms.close()
    turn.end()
    commit(5)
    turn.end()
    assert.deepEqual(sink.take(), [])
  })

  test('answer each message once, in order, and none before it is safe', () => {
    const step = fc.record({
      publish: fc.array(fc.record({ logged: fc.boolean(), rejected: fc.boolean() }), { maxLength: 6 }),
      commit: fc.nat(8),
      ends: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { turn, sink, confirms, commit } = setUp()
        const published: { position: number; rejected: boolean }[] = []
        let written = 0
        let committed = 0
        let answered = 0
        const check = (): void => {
          for (const answer of sink.take()) {
            const to = Number(/\d+$/.exec(answer)![0])
            assert.equal(answer.startsWith('up to'), to - answered > 1)
            for (; answered < to; answered++) {
              const { position, rejected } = published[answered]!
              assert.ok(position <= committed)
              assert.equal(rejected, answer.startsWith('not'))
            }
          }
        }
        for (const { publish, commit: more, ends } of steps) {
          for (const { logged, rejected } of publish) {
            const position = logged ? ++written : 0
            published.push({ position, rejected })
            confirms.published(position, rejected)
          }
          committed = Math.min(written, committed + more)
          commit(committed)
          if (ends) turn.end()
          check()
        }
        committed = written
        commit(committed)
        turn.end()
        check()
        assert.deepEqual([answered, confirms.unconfirmed], [published.length, 0])
      }),
      { numRuns: 300 },
    )
  })
})
