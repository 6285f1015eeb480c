import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ cannot look at messages where they are')
const MAILS = 60

describe('the message browser', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn(async (opened, name) => {
      await opened.scene.publish(MAILS)
      return `#/queues/${name}/orders.mail/messages`
    }))
  })
  after(() => stage.close())

  const messages = async (queue: string): Promise<number> => {
    const answer = await ask(stage.apiUrl, 'GET', `queues/${vhost}/${encodeURIComponent(queue)}`)
    return (answer as { messages: number }).messages
  }
  const publish = (routing_key: string, payload: string, headers: object): Promise<unknown> =>
    ask(stage.apiUrl, 'POST', `exchanges/${vhost}/amq.default/publish`, {
      routing_key,
      payload,
      payload_encoding: 'string',
      properties: { headers, delivery_mode: 2 },
    })

  test('shows a page of what is there, and then more', async () => {
    const { page } = window
    await page.getByText('50 shown', { exact: false }).waitFor()
    await page.getByRole('button', { name: 'Show more' }).click()
    await page.getByText(`${MAILS} shown`, { exact: false }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
    assert.equal(await messages('orders.mail'), MAILS)
  })

  test('finds by routing key, header and body', async () => {
    const { page } = window
    await page.getByLabel('Routing key').fill('order.*.us')
    await page.getByLabel('Headers').fill('x-tenant=south\nattempt=1')
    await page.getByLabel('Body contains').fill('"order":4718')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 shown, 60 looked at').waitFor()
  })

  test('lays JSON out without changing what it says', async () => {
    const { page } = window
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/returns.exact`, {})
    await publish('returns.exact', '{"id":9007199254740993,"price":1.0,"id":"again"}', {})
    await goTo(page, `#/queues/${vhost}/returns.exact/messages`)
    await page.getByRole('button', { name: /^Message / }).click()
    const body = page.getByRole('dialog').locator('pre')
    assert.equal(await body.innerText(), '{\n  "id": 9007199254740993,\n  "price": 1.0,\n  "id": "again"\n}')
    // as it was, and also where the browser gives the page no clipboard, as over HTTP from another machine
    await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }))
    await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click()
    await page.getByText('Copied').waitFor()
    await page.evaluate(() => Reflect.deleteProperty(navigator, 'clipboard'))
    await page.keyboard.press('Escape')
    await page.getByLabel('Body contains').focus()
    await page.keyboard.press('Control+V')
    const pasted = await page.getByLabel('Body contains').inputValue()
    assert.equal(pasted, '{"id":9007199254740993,"price":1.0,"id":"again"}')
  })

  test('does not publish a header with another value than was written', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/returns.exact/publish`)
    await page.getByText('Headers', { exact: true }).click()
    await page.getByRole('group', { name: 'Headers' }).getByRole('button', { name: 'Add' }).click()
    await page.getByLabel('Name', { exact: true }).fill('id')
    await page.getByRole('group', { name: 'Headers' }).getByLabel('Type').selectOption('number')
    await page.getByLabel('Value', { exact: true }).fill('9007199254740993')
    await page.getByText('The console cannot send so large a number exactly').waitFor()
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    assert.equal(await page.getByLabel('Value', { exact: true }).evaluate((input) => input.matches(':focus')), true)
    assert.equal(await page.getByText('Published and routed').count(), 0)
    await page.getByLabel('Value', { exact: true }).fill('17')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('Published and routed').waitFor()
  })

  test('shows one in full, also where the list has cut its body', async () => {
    const { page } = window
    await publish('dead-letters', `${'long '.repeat(1000)}end`, { note: 'for the test' })
    await goTo(page, `#/queues/${vhost}/dead-letters/messages`)
    await page.getByRole('button', { name: /^Message / }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('pre', { hasText: /end$/ }).waitFor()
    assert.match(await dialog.innerText(), /for the test/)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  })

  test('shows work that a dialog has begun, and lets it be stopped', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/dead-letters/messages`)
    await page.getByRole('checkbox', { name: /Pick message/ }).check()
    await page.getByRole('button', { name: 'Copy', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('returns.exact')
    // it runs until the page hears otherwise
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    await page.route('**/api/jobs/*', async (route) => {
      await over
      await route.continue()
    })
    await dialog.getByRole('button', { name: 'Copy', exact: true }).click()
    const job = page.getByRole('region', { name: 'Running work' })
    await job.waitFor()
    await dialog.waitFor({ state: 'detached' })
    await job.getByRole('button', { name: 'Stop' }).click({ trial: true })
    end()
    await job.waitFor({ state: 'detached' })
    await page.unroute('**/api/jobs/*')
  })

  test('moves what is picked, and deletes what was found', async () => {
    const { page } = window
    const left = await messages('dead-letters')
    await goTo(page, `#/queues/${vhost}/orders.mail/messages`)
    for (const box of await page
      .getByRole('checkbox', { name: /Pick message/ })
      .all()
      .then((all) => all.slice(0, 2)))
      await box.check()
    await page.getByRole('button', { name: 'Move', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('dead-letters')
    await dialog.getByRole('button', { name: 'Move', exact: true }).click()
    await page.getByText('Done for 2 messages').waitFor()
    await dialog.waitFor({ state: 'detached' })
    assert.equal(await messages('orders.mail'), MAILS - 2)
    assert.equal(await messages('dead-letters'), left + 2)
    await page.getByLabel('Headers').fill('x-tenant=south')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('29 shown').waitFor()
    await page.getByLabel('All that fit the search').check()
    await page.getByRole('button', { name: 'Delete', exact: true }).last().click()
    await dialog.getByRole('textbox').fill('orders.mail')
    await page.keyboard.press('Enter')
    await page.getByText('Done for 29 messages').waitFor()
    assert.equal(await messages('orders.mail'), 29)
  })

  test('sends dead letters back to where they died', async () => {
    const { page } = window
    const source = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'graves', 'x-max-length': 1 }
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/graves`, {})
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/living`, { durable: true, arguments: source })
    await publish('living', 'first', {})
    await publish('living', 'second', {})
    await eventually(async () => (await messages('graves')) === 1)
    await ask(stage.apiUrl, 'DELETE', `queues/${vhost}/living/contents`)
    await goTo(page, `#/queues/${vhost}/graves/messages`)
    await page.getByRole('checkbox', { name: /Pick message/ }).check()
    await page.getByRole('button', { name: 'Send back' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Send back' }).click()
    await page.getByText('No message fits').waitFor()
    assert.equal(await messages('living'), 1)
  })

  test('hastens and cancels what waits until it is due', async () => {
    const { page } = window
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/later`, { durable: true, arguments: { 'x-delayed-message': true } })
    await publish('later', 'a', { 'x-delay': 3_600_000 })
    await publish('later', 'b', { 'x-delay': 7_200_000 })
    await goTo(page, `#/queues/${vhost}/later/messages`)
    await page
      .getByRole('row', { name: /\ba\b.*1 B/ })
      .getByRole('checkbox')
      .check()
    await page.getByRole('button', { name: 'Change due time' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Change due time' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    const states = async (): Promise<string[]> => {
      const { items } = (await ask(stage.apiUrl, 'GET', `queues/${vhost}/later/messages`)) as {
        items: { state: string }[]
      }
      return items.map(({ state }) => state).toSorted()
    }
    await eventually(async () => (await states()).join(' ') === 'delayed ready')
    await page.getByLabel('All that fit the search').check()
    await page.getByRole('button', { name: 'Cancel delayed' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('later')
    await page.keyboard.press('Enter')
    await eventually(async () => (await states()).join(' ') === 'ready')
    assert.deepEqual(window.complaints, [])
  })
})
