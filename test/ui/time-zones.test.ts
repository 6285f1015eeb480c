import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, signIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ traces no messages by itself')

/** Half an hour past midnight in Kolkata, where the broker and its log may be elsewhere. */
const NOW = '2026-03-04T19:00:00Z'
const DAY_THERE = '2026-03-05'

describe('in another time zone than the broker', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    stage = await openStage()
    window = await stage.open({ timeZone: 'Asia/Kolkata' })
    await window.page.clock.setFixedTime(NOW)
    await signIn(window.page, stage)
  })
  after(() => stage.close())

  test('a file of definitions is named by the day that it is for the user', async () => {
    const { page } = window
    await goTo(page, '#/definitions')
    const started = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download' }).click()
    assert.equal((await started).suggestedFilename(), `definitions-${DAY_THERE}.json`)
  })

  test('the steps of a trace are told by the same clock as its start', async () => {
    const { page } = window
    const vhost = encodeURIComponent(stage.scene.vhost)
    const wanted = { queue: 'orders.mail', seconds: 60, limit: 10 }
    const { id } = (await ask(stage.apiUrl, 'POST', `message-traces/${vhost}`, wanted)) as { id: string }
    await stage.scene.publish(1)
    await page.clock.setFixedTime(NOW)
    await goTo(page, `#/message-traces/${vhost}/${id}`)
    const first = page.getByRole('row').nth(1)
    await first.waitFor()
    const trace = (await ask(stage.apiUrl, 'GET', `message-traces/${vhost}/${id}`)) as { events: { at: number }[] }
    const minutes = new Set(trace.events.map(({ at }) => new Date(at + 330 * 60_000).toISOString().slice(11, 23)))
    const shown = (await first.locator('.mono').innerText()).replace(',', '.')
    assert.equal(minutes.has(shown), true, shown)
    assert.deepEqual(window.complaints, [])
  })

  test('what happened on another day is told with its date', async () => {
    const { page } = window
    const vhost = encodeURIComponent(stage.scene.vhost)
    const timeOf = async (queue: string): Promise<string> => {
      await goTo(page, '#/events')
      const rows = page.getByRole('row').filter({ hasText: queue })
      // what happens before the page listens is not told
      while (!(await rows.first().isVisible())) {
        await ask(stage.apiUrl, 'PUT', `queues/${vhost}/${queue}`, {})
        await ask(stage.apiUrl, 'DELETE', `queues/${vhost}/${queue}`)
      }
      return rows.first().getByRole('cell').first().innerText()
    }
    const year = String(new Date().getFullYear())
    await page.clock.setFixedTime(NOW)
    const otherDay = await timeOf('happened.another-day')
    assert.ok(otherDay.includes(year), otherDay)
    await page.clock.setFixedTime(Date.now())
    const sameDay = await timeOf('happened.today')
    assert.match(sameDay, /^\d+:\d\d:\d\d/)
    assert.deepEqual(window.complaints, [])
  })
})
