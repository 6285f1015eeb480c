import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, settled, type Stage, type Window } from './support/stage.ts'

describe('exchanges', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/exchanges/new'))
  })
  after(() => stage.close())

  test('are declared with arguments from fields', async () => {
    const { page } = window
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await page.getByLabel('Name', { exact: true }).fill('new orders')
    await page.getByLabel('Type', { exact: true }).selectOption('topic')
    await page.getByLabel('Auto-delete').check()
    await page.getByText('Routing', { exact: true }).click()
    await page.getByLabel('Alternate exchange').fill('unrouted')
    await page.getByRole('group', { name: 'Further arguments' }).getByRole('button', { name: 'Add' }).click()
    const further = page.getByRole('group', { name: 'Further arguments' })
    await further.getByRole('textbox', { name: 'Name' }).fill('x-team')
    await further.getByRole('textbox', { name: 'Value' }).fill('shop')
    await page.getByRole('button', { name: 'Declare an exchange' }).click()
    await page.locator('h1', { hasText: 'new orders' }).waitFor()
    const declared = (await ask(stage.apiUrl, 'GET', `exchanges/${vhost}/new%20orders`)) as Record<string, unknown>
    assert.equal(declared['type'], 'topic')
    assert.equal(declared['auto_delete'], true)
    assert.equal(declared['durable'], true)
    assert.deepEqual(declared['arguments'], { 'alternate-exchange': 'unrouted', 'x-team': 'shop' })
  })

  test('a refusal is shown with what the broker says', async () => {
    const { page } = window
    await goTo(page, '#/exchanges/new')
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await page.getByLabel('Name', { exact: true }).fill('orders')
    await page.getByLabel('Type', { exact: true }).selectOption('fanout')
    await page.getByRole('button', { name: 'Declare an exchange' }).click()
    const text = await page.getByRole('alert').innerText()
    assert.match(text, /One of this name exists already, with other properties/)
    assert.match(text, /inequivalent arg 'type' for exchange 'orders'/)
  })

  test('are bound to queues and exchanges, and unbound', async () => {
    const { page } = window
    await goTo(page, `#/exchanges/${vhost}/events`)
    await page.getByText('Add a binding from here').click()
    await page.getByLabel('Destination').fill('dead-letters')
    await page.getByLabel('Routing key').fill('a.# /b')
    await page.getByRole('button', { name: 'Bind', exact: true }).click()
    const row = page.getByRole('row', { name: /dead-letters/ })
    await row.waitFor()
    await row.getByRole('button', { name: 'Unbind' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Unbind' }).click()
    await row.waitFor({ state: 'detached' })
    const bindings = (await ask(stage.apiUrl, 'GET', `exchanges/${vhost}/events/bindings/source`)) as object[]
    assert.equal(bindings.length, 2)
  })

  test('a published message reaches the queue with its properties and headers', async () => {
    const { page } = window
    await goTo(page, `#/exchanges/${vhost}/dead-letters`)
    await page.getByText('Publish a message').click()
    await page.getByLabel('Routing key').last().fill('order.#')
    await page.getByLabel('Payload', { exact: true }).fill('grüße 你好')
    await page.getByText('Headers', { exact: true }).click()
    const headers = page.getByRole('group', { name: 'Headers' })
    await headers.getByRole('button', { name: 'Add' }).click()
    await headers.getByRole('textbox', { name: 'Name' }).fill('attempt')
    await headers.getByLabel('Type').selectOption('number')
    await headers.getByRole('textbox', { name: 'Value' }).fill('3')
    await page.getByText('Properties', { exact: true }).click()
    await page.getByLabel('Content type').fill('text/plain')
    await page.getByLabel('Priority').fill('4')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('Published and routed').waitFor()
    const options = { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' }
    const [message] = (await ask(stage.apiUrl, 'POST', `queues/${vhost}/dead-letters/get`, options)) as [
      { payload: string; properties: object },
    ]
    assert.equal(message.payload, 'grüße 你好')
    const expected = { content_type: 'text/plain', priority: 4, delivery_mode: 2, headers: { attempt: 3 } }
    assert.deepEqual(message.properties, expected)
  })

  test('a message that nobody wants is told of', async () => {
    const { page } = window
    await goTo(page, '#/exchanges') // else the page stays as the test before left it
    await goTo(page, `#/exchanges/${vhost}/dead-letters`)
    await page.getByText('Publish a message').click()
    await page.getByLabel('Routing key').last().fill('nowhere')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText(/not routed/).waitFor()
  })

  test('say what they are, also where that is the usual', async () => {
    const { page } = window
    await goTo(page, `#/exchanges/${vhost}/orders`)
    const about = page.locator('section', { hasText: 'About this exchange' })
    await about.getByText('Durable', { exact: true }).waitFor()
  })

  test('are deleted only after their name was typed', async () => {
    const { page } = window
    await goTo(page, `#/exchanges/${vhost}/new%20orders`)
    await page.getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('new order')
    assert.equal(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), true)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Delete' }).click()
    await dialog.getByRole('textbox').fill('new orders')
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'Exchanges' }).waitFor()
    await settled(page)
    await assert.rejects(ask(stage.apiUrl, 'GET', `exchanges/${vhost}/new%20orders`), /404/)
    assert.deepEqual(window.complaints, [])
  })
})
