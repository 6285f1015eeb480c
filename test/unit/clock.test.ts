import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import type { TimerTarget } from '../../src/util/clock.ts'
import { parseDuration } from '../../src/util/duration.ts'
import { systemClock } from '../../src/util/system-clock.ts'
import { virtualClock } from '../../src/util/virtual-clock.ts'

const calling = (onTimer: (now: number) => void): TimerTarget => ({ onTimer })

describe('durations', () => {
  test('numbers are milliseconds', () => {
    assert.equal(parseDuration(1500), 1500)
    assert.equal(parseDuration(0), 0)
  })

  test('text has units, alone or combined', () => {
    assert.equal(parseDuration('250ms'), 250)
    assert.equal(parseDuration('1.5s'), 1500)
    assert.equal(parseDuration('30m'), 1_800_000)
    assert.equal(parseDuration('1h30m'), 5_400_000)
    assert.equal(parseDuration(' 2d 12h '), 216_000_000)
    assert.equal(parseDuration('1m1ms'), 60_001)
  })

  test('anything else is refused', () => {
    for (const bad of ['', '  ', '10', 'h', '1w', '1h-5m', '-1s', 'x1s', '1s!', -1, NaN, Infinity]) {
      assert.throws(() => parseDuration(bad), { name: 'RangeError', message: /invalid duration/ }, String(bad))
    }
  })
})

describe('virtual clock', () => {
  test('time stands still until it is moved', async () => {
    const clock = virtualClock(1000)
    assert.equal(clock.now(), 1000)
    await clock.advance('1s')
    assert.equal(clock.now(), 2000)
    await clock.advance(500)
    assert.equal(clock.now(), 2500)
  })

  test('starts at the same instant every time', () => {
    assert.equal(new Date(virtualClock().now()).toISOString(), '2025-01-01T00:00:00.000Z')
  })

  test('fires in the order of due times, equal ones in the order of scheduling, each at its time', async () => {
    const clock = virtualClock(0)
    const fired: string[] = []
    const log = (name: string): TimerTarget => calling((now) => fired.push(`${name}@${now}/${clock.now()}`))
    clock.schedule(300, log('c'))
    clock.schedule(100, log('a'))
    clock.schedule(200, log('b1'))
    clock.schedule(200, log('b2'))
    clock.schedule(200, log('b3'))
    clock.schedule(301, log('late'))
    await clock.advance(300)
    assert.deepEqual(fired, ['a@100/100', 'b1@200/200', 'b2@200/200', 'b3@200/200', 'c@300/300'])
    await clock.advance(1)
    assert.equal(fired.at(-1), 'late@301/301')
  })

  test('timers scheduled on the way fire when they fall due on the way', async () => {
    const clock = virtualClock(0)
    const fired: number[] = []
    const tick = calling((now) => {
      fired.push(now)
      clock.schedule(10, tick)
    })
    clock.schedule(10, tick)
    await clock.advance(35)
    assert.deepEqual(fired, [10, 20, 30])
    await clock.advance(5)
    assert.deepEqual(fired, [10, 20, 30, 40])
  })

  test('what is due now fires with the next move, however short', async () => {
    const clock = virtualClock(0)
    const fired: string[] = []
    clock.schedule(
      0,
      calling(() => {
        fired.push('first')
        clock.schedule(
          -5,
          calling(() => fired.push('second')),
        )
      }),
    )
    assert.deepEqual(fired, [])
    await clock.advance(0)
    assert.deepEqual(fired, ['first', 'second'])
    assert.equal(clock.now(), 0)
  })

  test('a cancelled timer does not fire, not even when cancelled by one due at the same time', async () => {
    const clock = virtualClock(0)
    const fired: string[] = []
    const early = clock.schedule(
      5,
      calling(() => fired.push('early')),
    )
    early.cancel()
    early.cancel()
    clock.schedule(
      10,
      calling(() => victim.cancel()),
    )
    const victim = clock.schedule(
      10,
      calling(() => fired.push('victim')),
    )
    clock.schedule(
      10,
      calling(() => fired.push('other')),
    )
    await clock.advance(20)
    assert.deepEqual(fired, ['other'])
    victim.cancel()
  })

  test('many cancelled timers do not disturb the others', async () => {
    const clock = virtualClock(0)
    const fired: number[] = []
    const timers = Array.from({ length: 1000 }, (_, i) =>
      clock.schedule(
        1000 - i,
        calling((now) => fired.push(now)),
      ),
    )
    for (let i = 0; i < timers.length; i++) if (i % 100 !== 0) timers[i]!.cancel()
    await clock.advance(2000)
    assert.deepEqual(fired, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
  })

  test('a timer knows when it is due', () => {
    assert.equal(
      virtualClock(50).schedule(
        25,
        calling(() => {}),
      ).dueAt,
      75,
    )
  })

  test('overlapping moves run one after another', async () => {
    const clock = virtualClock(0)
    const fired: number[] = []
    clock.schedule(
      10,
      calling((now) => fired.push(now)),
    )
    clock.schedule(
      20,
      calling((now) => fired.push(now)),
    )
    await Promise.all([clock.advance(15), clock.advance(15)])
    assert.deepEqual(fired, [10, 20])
    assert.equal(clock.now(), 30)
  })

  test('set moves to an instant, never back', async () => {
    const clock = virtualClock(Date.UTC(2025, 0, 1))
    let fired = 0
    clock.schedule(
      1000,
      calling(() => fired++),
    )
    await clock.set('2025-01-02T00:00:00Z')
    assert.equal(fired, 1)
    await clock.set(new Date(Date.UTC(2026, 5, 1)))
    assert.equal(clock.now(), Date.UTC(2026, 5, 1))
    await assert.rejects(clock.set(0), { name: 'RangeError', message: /does not go back from 2026-06-01/ })
    await assert.rejects(clock.set('whenever'), RangeError)
    await assert.rejects(clock.advance('soon'), RangeError)
    await assert.rejects(clock.advance(undefined as unknown as string), { message: /^invalid duration 'undefined'/ })
    for (const start of [NaN, '2025-01-01', new Date()]) {
      assert.throws(() => virtualClock(start as number), {
        name: 'RangeError',
        message: /^virtualClock cannot start at /,
      })
    }
  })

  test('what a target throws reaches the test, and the clock goes on', async () => {
    const clock = virtualClock(0)
    const fired: number[] = []
    clock.schedule(
      10,
      calling(() => {
        throw new Error('boom')
      }),
    )
    clock.schedule(
      10,
      calling((now) => fired.push(now)),
    )
    await assert.rejects(clock.advance(20), /boom/)
    await clock.advance(20)
    assert.deepEqual(fired, [10])
  })

  test('timers that chase each other are reported instead of hanging the test', async () => {
    const clock = virtualClock(0)
    const again = calling(() => clock.schedule(0, again))
    clock.schedule(0, again)
    await assert.rejects(clock.advance(1), /without letting time pass/)
  })

  test('a closed clock fires nothing', async () => {
    const clock = virtualClock(0)
    let fired = 0
    clock.schedule(
      1,
      calling(() => fired++),
    )
    clock.close()
    clock
      .schedule(
        1,
        calling(() => fired++),
      )
      .cancel()
    await clock.advance(10)
    assert.equal(fired, 0)
  })

  test('what a timer sends over a socket arrives before time moves on', async (t: TestContext) => {
    const clock = virtualClock(0)
    const server = createServer((socket) => socket.on('data', (chunk) => socket.write(chunk)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    t.after(() => {
      client.destroy()
      server.close()
    })
    await once(client, 'connect')

    const events: string[] = []
    client.on('data', (chunk) => events.push(`${chunk.toString()} back at ${clock.now()}`))
    clock.schedule(
      10,
      calling(() => void client.write('ping')),
    )
    clock.schedule(
      20,
      calling((now) => events.push(`timer at ${now}`)),
    )
    await clock.advance(30)
    assert.deepEqual(events, ['ping back at 10', 'timer at 20'])
  })
})

describe('system clock', () => {
  /** The clock's timers do not keep the process alive, so the test has to. */
  const open = (t: TestContext): ReturnType<typeof systemClock> => {
    const clock = systemClock()
    const keepAlive = setInterval(() => {}, 1000)
    t.after(() => {
      clearInterval(keepAlive)
      clock.close()
    })
    return clock
  }

  test('tells the time', (t) => {
    const before = Date.now()
    const now = open(t).now()
    assert.ok(now >= before && now <= Date.now())
  })

  test('fires in the order of due times and never early', async (t) => {
    const clock = open(t)
    const fired: number[] = []
    const done = Promise.withResolvers<void>()
    for (const delay of [60, 10, 40, 0, 20]) {
      const timer = clock.schedule(
        delay,
        calling((now) => {
          assert.ok(now >= timer.dueAt, `${now} is before ${timer.dueAt}`)
          // `dueAt` is cut to whole ms, the order is finer.
          assert.ok(timer.dueAt >= (fired.at(-1) ?? 0) - 1, `${timer.dueAt} fired after ${fired.at(-1)}`)
          fired.push(timer.dueAt)
          if (fired.length === 5) done.resolve()
        }),
      )
    }
    await done.promise
  })

  test('an earlier timer is not held up by a later one, nor by a very late one', async (t) => {
    const clock = open(t)
    clock.schedule(
      2 ** 33,
      calling(() => assert.fail('a hundred days early')),
    )
    const fired = Promise.withResolvers<void>()
    clock.schedule(
      1,
      calling(() =>
        clock.schedule(
          1,
          calling(() => fired.resolve()),
        ),
      ),
    )
    await fired.promise
  })

  test('a delay longer than Node can wait is waited for in pieces', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let passed = 0
    const clock = systemClock({ monotonicClock: () => passed, setTimeout, clearTimeout })
    t.after(() => clock.close())
    let fired = 0
    const delay = 2 ** 32
    clock.schedule(
      delay,
      calling(() => fired++),
    )
    const pass = (ms: number): void => {
      passed += ms
      t.mock.timers.tick(ms)
    }
    pass(2 ** 31)
    assert.equal(fired, 0)
    pass(2 ** 31 - 10)
    assert.equal(fired, 0)
    pass(20)
    assert.equal(fired, 1)
  })

  test('cancelled timers do not fire', async (t) => {
    const clock = open(t)
    clock
      .schedule(
        1,
        calling(() => assert.fail('cancelled')),
      )
      .cancel()
    const victims = Array.from({ length: 200 }, () =>
      clock.schedule(
        2,
        calling(() => assert.fail('cancelled')),
      ),
    )
    for (const victim of victims) victim.cancel()
    const fired = Promise.withResolvers<void>()
    clock.schedule(
      5,
      calling(() => fired.resolve()),
    )
    await fired.promise
  })

  test('a closed clock fires nothing', async (t) => {
    const clock = open(t)
    clock.schedule(
      1,
      calling(() => assert.fail('closed')),
    )
    clock.close()
    clock.schedule(
      1,
      calling(() => assert.fail('closed')),
    )
    const other = open(t)
    const fired = Promise.withResolvers<void>()
    other.schedule(
      10,
      calling(() => fired.resolve()),
    )
    await fired.promise
  })
})
