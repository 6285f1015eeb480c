import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

interface QueueAnswer {
  readonly type: string
  readonly messages: number
  readonly consumers: number
  readonly paused?: boolean
  readonly arguments: Record<string, unknown>
}

const skip = withoutBrowser || (isRabbit && 'RabbitMQ can neither pause nor move')

describe('what only WarrenMQ does with queues', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn())
  })
  after(() => stage.close())

  const queue = async (name: string): Promise<QueueAnswer> =>
    (await ask(stage.apiUrl, 'GET', `queues/${vhost}/${encodeURIComponent(name)}`)) as QueueAnswer

  test('one is paused, keeps what comes, and goes on', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/orders.billing`)
    await page.getByRole('button', { name: 'Pause' }).click()
    const dialog = page.getByRole('dialog', { name: 'Pause orders.billing?' })
    assert.match(await dialog.innerText(), /Nothing more is delivered/)
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    await page.getByText('paused', { exact: true }).waitFor()
    await stage.scene.publish(4)
    assert.equal((await queue('orders.billing')).messages, 1)
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await eventually(async () => (await queue('orders.billing')).messages === 0)
  })

  test('everything is moved to another queue, by a job that is shown', async () => {
    const { page } = window
    await stage.scene.publish(40)
    const { messages } = await queue('audit.trail')
    assert.ok(messages >= 40)
    await goTo(page, `#/queues/${vhost}/audit.trail/manage`)
    await page.locator('section', { hasText: 'Move messages' }).getByLabel('Name').fill('dead-letters')
    await page.getByRole('button', { name: 'Move', exact: true }).click()
    await page.getByRole('region', { name: 'Running work' }).waitFor()
    await page.getByText(`Done for ${messages} messages`).waitFor()
    assert.equal((await queue('audit.trail')).messages, 0)
    assert.equal((await queue('dead-letters')).messages, messages)
  })

  test('a job is stopped from where it is shown', async () => {
    const { page } = window
    // Held at the browser's door, so that it runs for as long as the test needs.
    const job = {
      id: 'x',
      kind: 'move',
      target: "queue 'q'",
      user: 'guest',
      error: null,
      started_at: 1,
      finished_at: null,
    }
    let state = 'running'
    await page.route('**/api/queues/*/*/messages/actions', (route) =>
      route.fulfill({ status: 202, json: { ...job, state, done: 1, total: 4 } }),
    )
    await page.route('**/api/jobs/x', (route) => {
      if (route.request().method() === 'DELETE') state = 'cancelled'
      return route.fulfill({ json: { ...job, state, done: 1, total: 4 } })
    })
    await goTo(page, `#/queues/${vhost}/dead-letters/manage`)
    await page.locator('section', { hasText: 'Move messages' }).getByLabel('Name').fill('audit.trail')
    await page.getByRole('button', { name: 'Move', exact: true }).click()
    const jobs = page.getByRole('region', { name: 'Running work' })
    await jobs.getByText('1 of 4').waitFor()
    await goTo(page, '#/exchanges')
    await jobs.getByRole('button', { name: 'Stop' }).click()
    await jobs.getByText('cancelled').waitFor()
    await jobs.waitFor({ state: 'detached' })
    assert.deepEqual(window.complaints, [])
  })

  test('a name that does not exist is refused in words', async () => {
    const { page } = window
    await page.unrouteAll()
    await goTo(page, `#/queues/${vhost}/dead-letters/manage`)
    await page.locator('section', { hasText: 'Move messages' }).getByLabel('Name').fill('nowhere at all')
    await page.getByRole('button', { name: 'Move', exact: true }).click()
    await page.locator('.error-panel, .job-error').first().waitFor()
    assert.match(await page.locator('.error-panel, .job-error').first().innerText(), /nowhere at all|not exist/)
  })

  test('one is changed in place, with what is in it, after it has been told what that comes to', async () => {
    const { page } = window
    await stage.scene.publish(8)
    const before = await queue('orders.mail')
    assert.deepEqual([before.type, before.messages > 0], ['classic', true])
    await goTo(page, `#/queues/${vhost}/orders.mail/change`)
    await page.getByText('Nothing is different yet.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Change', exact: true }).isDisabled(), true)
    await page.getByLabel('Type').selectOption('quorum')
    const differences = page.getByRole('region', { name: 'What is different' })
    await differences.getByRole('row', { name: 'Type classic quorum', exact: true }).waitFor()
    await page.getByText(`Messages in the queue: ${before.messages}.`).waitFor()
    assert.equal((await queue('orders.mail')).type, 'classic')
    await page.getByRole('button', { name: 'Change', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Change', exact: true }).click()
    await page.getByText('Changed orders.mail').waitFor()
    await page.getByText('Nothing is different yet.').waitFor()
    const after = await queue('orders.mail')
    assert.deepEqual([after.type, after.messages], ['quorum', before.messages])
    assert.deepEqual(window.complaints, [])
  })

  test('a change that loses something asks for the name, and says what is lost', async () => {
    const { page } = window
    await stage.scene.publish(8)
    const { messages } = await queue('audit.trail')
    assert.ok(messages > 2)
    await goTo(page, `#/queues/${vhost}/audit.trail/change`)
    await page.getByText('Length and size').click()
    await page.getByLabel('Most messages').fill('2')
    await page.getByRole('row', { name: /oldest messages beyond the new length limit.* final/ }).waitFor()
    await page.getByRole('button', { name: 'Change', exact: true }).click()
    const dialog = page.getByRole('dialog')
    const confirm = dialog.getByRole('button', { name: 'Change', exact: true })
    assert.equal(await confirm.isDisabled(), true)
    await dialog.getByRole('textbox').fill('audit.trail')
    await confirm.click()
    await eventually(async () => (await queue('audit.trail')).messages === 2)
  })

  test('a change that is impossible is refused in words before it is asked for', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/audit.trail/change`)
    await page.getByText('Dead letters', { exact: true }).click()
    await page.getByLabel('Dead-letter routing key').fill('somewhere')
    await page.locator('.error-panel').waitFor()
    assert.match(await page.locator('.error-panel').innerText(), /x-dead-letter-routing-key/)
  })
})
