import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PHASE_CONFIRM, PHASE_DISPATCH, PHASE_FLUSH, Turn, type TurnTask } from '../../src/util/turn.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const taskOf = (run: () => void): TurnTask => ({ scheduled: false, runAtTurnEnd: run })

describe('a turn', () => {
  test('runs each task once, phase by phase', async () => {
    const turn = new Turn()
    const ran: string[] = []
    const [dispatch, confirm, flush] = ['dispatch', 'confirm', 'flush'].map((name) => taskOf(() => ran.push(name)))
    turn.schedule(PHASE_FLUSH, flush!)
    turn.schedule(PHASE_CONFIRM, confirm!)
    turn.schedule(PHASE_DISPATCH, dispatch!)
    turn.schedule(PHASE_DISPATCH, dispatch!)
    assert.deepEqual(ran, [])
    await nextTurn()
    assert.deepEqual(ran, ['dispatch', 'confirm', 'flush'])
    await nextTurn()
    assert.equal(ran.length, 3)
  })

  test('has what a phase causes for a later one in the same turn, and for an earlier one in the next', async () => {
    const turn = new Turn()
    const ran: string[] = []
    const late = taskOf(() => ran.push('late'))
    const flush = taskOf(() => ran.push('flush'))
    const confirm = taskOf(() => {
      ran.push('confirm')
      turn.schedule(PHASE_FLUSH, flush)
      turn.schedule(PHASE_DISPATCH, late)
    })
    turn.schedule(PHASE_CONFIRM, confirm)
    await nextTurn()
    assert.deepEqual(ran, ['confirm', 'flush'])
    await nextTurn()
    assert.deepEqual(ran, ['confirm', 'flush', 'late'])
  })

  test('lets a task ask for the next turn again and again without holding up anything else', async () => {
    const turn = new Turn()
    let runs = 0
    const again = taskOf(() => {
      if (++runs < 5) turn.schedule(PHASE_FLUSH, again)
    })
    turn.schedule(PHASE_FLUSH, again)
    for (let turns = 1; turns <= 5; turns++) {
      await nextTurn()
      assert.equal(runs, turns)
    }
    await nextTurn()
    assert.equal(runs, 5)
  })

  test('flushes before its end where many wait for it', async () => {
    const turn = new Turn()
    let flushed = 0
    const add = (count: number): void => {
      for (let i = 0; i < count; i++)
        turn.schedule(
          PHASE_FLUSH,
          taskOf(() => flushed++),
        )
      turn.dispatch()
    }
    add(127)
    assert.equal(flushed, 0)
    add(1)
    assert.equal(flushed, 128)
    add(1)
    assert.equal(flushed, 128)
    for (let read = 0; read < 127; read++) turn.dispatch()
    assert.equal(flushed, 129, 'after many reads as well')
    await nextTurn()
    assert.equal(flushed, 129)
  })

  test('serves what is ready before its end, and once only', async () => {
    const turn = new Turn()
    const ran: string[] = []
    turn.schedule(
      PHASE_DISPATCH,
      taskOf(() => ran.push('dispatch')),
    )
    turn.schedule(
      PHASE_FLUSH,
      taskOf(() => ran.push('flush')),
    )
    turn.dispatch()
    assert.deepEqual(ran, ['dispatch'])
    await nextTurn()
    assert.deepEqual(ran, ['dispatch', 'flush'])
  })

  test('does nothing any more once it is closed', async () => {
    const turn = new Turn()
    let ran = false
    const task = (): TurnTask => taskOf(() => (ran = true))
    turn.schedule(PHASE_DISPATCH, task())
    turn.close()
    turn.schedule(PHASE_FLUSH, task())
    await nextTurn()
    await nextTurn()
    assert.equal(ran, false)
  })
})
