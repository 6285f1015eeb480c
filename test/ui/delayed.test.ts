import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { openDelays } from './support/delays.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ cannot show what it delays')

describe('messages that an exchange delays', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn(async (opened, name) => {
      await openDelays(opened)
      return `#/exchanges/${name}/reminders`
    }))
  })
  after(() => stage.close())

  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await ask(stage.apiUrl, 'GET', path)) as Record<string, unknown>
  const delayed = async (): Promise<unknown> => (await get(`exchanges/${vhost}/reminders`))['messages_delayed']

  test('are counted on its page, and listed with when they are due', async () => {
    const { page } = window
    await page.getByRole('link', { name: '3 waiting' }).click()
    await page.locator('h1', { hasText: 'Delayed messages' }).waitFor()
    await page.getByText('3 shown', { exact: false }).waitFor()
    assert.match(await page.getByRole('row', { name: /reminder 2/ }).innerText(), /delayed[\s\S]*due .*20\d\d/)
    assert.equal(await page.getByLabel('State').count(), 0)
    await page.getByLabel('Routing key').fill('in.3')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 shown', { exact: false }).waitFor()
  })

  test('are cancelled', async () => {
    const { page } = window
    await page
      .getByRole('row', { name: /reminder 3/ })
      .getByRole('checkbox')
      .check()
    await page.getByRole('button', { name: 'Cancel delayed' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel delayed' }).click()
    await page.getByText('No message fits').waitFor()
    assert.equal(await delayed(), 2)
  })

  test('are hastened, and routed when they are due', async () => {
    const { page } = window
    await goTo(page, `#/exchanges/${vhost}/reminders`)
    await goTo(page, `#/exchanges/${vhost}/reminders/messages`)
    await page.getByLabel('All that fit the search').check()
    await page.getByRole('button', { name: 'Change due time' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Change due time' }).click()
    await eventually(async () => (await get(`queues/${vhost}/orders.mail`))['messages'] === 2)
    assert.equal(await delayed(), 0)
    assert.deepEqual(window.complaints, [])
  })
})
