import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ALLOWED, type Answer, type Decision, failedBy, type Grants, REFUSED } from '../../../src/auth/backend.ts'
import { GrantedAccess } from '../../../src/auth/granted-access.ts'
import { GrantsAuthorizer } from '../../../src/auth/grants-authorizer.ts'
import { BrokerError } from '../../../src/core/errors.ts'
import { filterDecided, UndecidedError, whenDecided } from '../../../src/core/undecided.ts'
import { virtualClock } from '../../../src/util/virtual-clock.ts'

/** Grants whose answers come when a test gives them. */
class Asked implements Grants {
  readonly open: { question: string; answer: (decision: Decision | Error) => void }[] = []
  asked = 0
  /** Given at once instead. */
  atOnce: Decision | null = null

  vhost(vhost: string): Answer {
    return this.#ask(vhost)
  }

  resource({ verb, kind, name }: { verb: string; kind: string; name: string }): Answer {
    return this.#ask(`${verb} ${kind} ${name}`)
  }

  topic({ verb, exchange, routingKey }: { verb: string; exchange: string; routingKey: string }): Answer {
    return this.#ask(`${verb} ${exchange} ${routingKey}`)
  }

  #ask(question: string): Answer {
    this.asked++
    if (this.atOnce !== null) return this.atOnce
    return new Promise((resolve, reject) => {
      this.open.push({
        question,
        answer: (decision) => (decision instanceof Error ? reject(decision) : resolve(decision)),
      })
    })
  }

  /** Answers the oldest question. @returns what it was */
  answer(decision: Decision | Error): string {
    const { question, answer } = this.open.shift()!
    answer(decision)
    return question
  }
}

const REFRESH_MS = 60_000

function bench(refreshMs: number | null = REFRESH_MS) {
  const grants = new Asked()
  const clock = virtualClock()
  const faults: unknown[] = []
  const options = { user: 'ann', grants, clock, refreshMs, onFault: (error: unknown) => faults.push(error) }
  const access = new GrantedAccess({ ...options, vhost: '/', onClose: () => {} })
  const authorizer = new GrantsAuthorizer({ ...options, grants: [grants] })
  return { grants, clock, faults, access, authorizer }
}

/** What waits for an answer. */
function undecided(action: () => void): Promise<void> {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof UndecidedError, String(error))
    return error.answered
  }
  return assert.fail('it was known')
}

const refused = (text: RegExp) => (error: unknown) => error instanceof BrokerError && text.test(error.message)

describe('what a session may do by the word of a back end', () => {
  test('is asked once, and known from then on', async () => {
    const { access, grants } = bench()
    const write = (): void => access.require('write', 'exchange', '')
    const answered = undecided(write)
    const again = undecided(write)
    assert.equal(grants.answer(ALLOWED), 'write exchange amq.default')
    await Promise.all([answered, again])
    write()
    assert.equal(grants.asked, 1)
    const topic = undecided(() => access.requireTopic('write', 'x', 'k'))
    assert.equal(grants.answer(ALLOWED), 'write x k')
    await topic
    access.requireTopic('write', 'x', 'k')
    assert.equal(grants.asked, 2)
  })

  test('is told once where it is refused, and asked again the next time', async () => {
    const { access, grants } = bench()
    const read = (): void => access.require('read', 'queue', 'q')
    const first = undecided(read)
    grants.answer(REFUSED)
    await first
    assert.throws(read, refused(/^read access to queue 'q' in vhost '\/' refused for user 'ann'$/))
    const second = undecided(read)
    grants.answer(failedBy('b', 'down'))
    await second
    assert.throws(read, refused(/refused for user 'ann', backend b returned an error: down$/))
    const topic = undecided(() => access.requireTopic('read', 'x', 'k'))
    grants.answer(REFUSED)
    await topic
    const text = /^read access to topic 'k' in exchange 'x' in vhost '\/' refused for user 'ann'$/
    assert.throws(() => access.requireTopic('read', 'x', 'k'), refused(text))
  })

  test('needs no promise where the back end knows it at once', () => {
    const { access, grants } = bench(null)
    grants.atOnce = ALLOWED
    access.require('write', 'exchange', 'x')
    access.require('write', 'exchange', 'x')
    assert.equal(grants.asked, 1)
    grants.atOnce = REFUSED
    assert.throws(() => access.require('write', 'exchange', 'y'), refused(/refused/))
    assert.throws(() => access.requireAny('queue', 'q'), refused(/^configure access to queue 'q'/))
    assert.equal(grants.asked, 5)
  })

  test('is a refusal where the back end makes a mistake', async () => {
    const { access, grants, faults } = bench()
    const read = (): void => access.require('read', 'queue', 'q')
    const answered = undecided(read)
    grants.answer(new Error('oops'))
    await answered
    assert.throws(read, refused(/, internal error$/))
    assert.equal(faults.length, 1)
  })

  test('is asked again beside the work; a refusal ends it, an error does not', async () => {
    const { access, grants, clock } = bench()
    const read = (): void => access.require('read', 'queue', 'q')
    const answered = undecided(read)
    grants.answer(ALLOWED)
    await answered
    const { version } = access.basis
    await clock.advance(REFRESH_MS)
    // whoever has remembered it on its own asks here
    assert.ok(access.basis.version > version)
    read()
    read()
    assert.equal(grants.asked, 2)
    grants.answer(failedBy('b', 'down'))
    await clock.advance(REFRESH_MS)
    read()
    grants.answer(REFUSED)
    await clock.advance(1)
    const last = undecided(read)
    grants.answer(REFUSED)
    await last
    assert.throws(read, refused(/refused/))
  })

  test('is forgotten when it is not used, and no timer stays', async () => {
    const { access, grants, clock } = bench()
    grants.atOnce = ALLOWED
    access.require('read', 'queue', 'q')
    await clock.advance(2 * REFRESH_MS)
    const { version } = access.basis
    await clock.advance(10 * REFRESH_MS)
    assert.equal(access.basis.version, version)
    access.require('read', 'queue', 'q')
    assert.equal(grants.asked, 2)
  })

  test('is bounded', () => {
    const { access, grants } = bench(null)
    grants.atOnce = ALLOWED
    for (let i = 0; i <= 4096; i++) access.requireTopic('write', 'x', String(i))
    access.requireTopic('write', 'x', '4096')
    access.requireTopic('write', 'x', '1')
    assert.equal(grants.asked, 4097)
    access.requireTopic('write', 'x', '0')
    assert.equal(grants.asked, 4098)
  })

  test('is gone with the session', async () => {
    const { access, grants, clock } = bench()
    const answered = undecided(() => access.require('read', 'queue', 'q'))
    access.close()
    grants.answer(ALLOWED)
    await answered
    await clock.advance(REFRESH_MS)
    assert.equal(access.basis.version, 0)
  })
})

describe('what a user may do by the word of a back end', () => {
  test('is asked for each vhost; what was not allowed, again soon', async () => {
    const { authorizer, grants, faults, clock } = bench()
    const enter = (): void => authorizer.requireVhost('v')
    for (const [decision, text] of [
      [REFUSED, /^access to vhost 'v' refused for user 'ann'$/],
      [failedBy('b', 'down'), /^access to vhost 'v' refused for user 'ann', backend b returned an error: down$/],
      [new Error('oops'), /, internal error$/],
    ] as const) {
      const answered = undecided(enter)
      grants.answer(decision)
      await answered
      assert.throws(enter, refused(text))
      await clock.advance('9s')
      assert.throws(enter, refused(text))
      await clock.advance('11s')
    }
    assert.equal(faults.length, 1)
    grants.atOnce = ALLOWED
    enter()
    enter()
    assert.equal(grants.asked, 5)
  })

  test('is asked again beside its use when it is no longer new, and before when it is old', async () => {
    const { authorizer, grants, clock } = bench()
    const enter = (): void => authorizer.requireVhost('v')
    const entered = undecided(enter)
    grants.answer(ALLOWED)
    await entered
    for (const decision of [failedBy('b', 'down'), ALLOWED, REFUSED]) {
      await clock.advance(REFRESH_MS - 1)
      enter()
      assert.equal(grants.open.length, 0)
      await clock.advance(1)
      enter()
      enter()
      assert.equal(grants.open.length, 1)
      grants.answer(decision)
    }
    await clock.advance(1)
    assert.throws(enter, refused(/^access to vhost 'v' refused for user 'ann'$/))
    await clock.advance(2 * REFRESH_MS)
    const again = undecided(enter)
    grants.answer(ALLOWED)
    await again
    enter()
  })

  test('is forgotten with the secret', async () => {
    const { authorizer, grants, clock } = bench(null)
    const entered = whenDecided(() => authorizer.requireVhost('v'))
    grants.answer(ALLOWED)
    await entered
    await clock.advance('10d')
    authorizer.requireVhost('v')
    const access = authorizer.openAccess('/')
    grants.atOnce = ALLOWED
    access.require('read', 'queue', 'q')
    const { version } = access.basis
    authorizer.forget()
    assert.notEqual(access.basis.version, version)
    grants.atOnce = REFUSED
    assert.throws(() => authorizer.requireVhost('v'), refused(/refused/))
    assert.throws(() => access.require('read', 'queue', 'q'), refused(/refused/))
    access.close()
    authorizer.forget()
    assert.equal(access.basis.version, version + 1)
  })

  test('is asked for many at once', async () => {
    const { authorizer, grants } = bench()
    const isAllowed = (vhost: string): boolean => {
      try {
        authorizer.requireVhost(vhost)
        return true
      } catch (error) {
        if (error instanceof BrokerError) return false
        throw error
      }
    }
    const found = whenDecided(() => filterDecided(['a', 'b', 'c'], isAllowed))
    assert.deepEqual(
      grants.open.map(({ question }) => question),
      ['a', 'b', 'c'],
    )
    for (const decision of [ALLOWED, REFUSED, ALLOWED]) grants.answer(decision)
    assert.deepEqual(await found, ['a', 'c'])
  })

  test('can be waited for', async () => {
    const { authorizer, grants } = bench()
    const entered = whenDecided(() => authorizer.requireVhost('v'))
    grants.answer(ALLOWED)
    await entered
    const broken = whenDecided(() => {
      throw new Error('something else')
    })
    await assert.rejects(broken, /something else/)
  })
})
