import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, settled, type Stage, type Window } from './support/stage.ts'

interface QueueAnswer {
  readonly type: string
  readonly durable: boolean
  readonly messages?: number
  readonly arguments: Record<string, unknown>
}

describe('queues', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/queues/new'))
  })
  after(() => stage.close())

  const queue = async (name: string): Promise<QueueAnswer> =>
    (await ask(stage.apiUrl, 'GET', `queues/${vhost}/${encodeURIComponent(name)}`)) as QueueAnswer

  test('are declared with arguments from fields, in units that people use', async () => {
    const { page } = window
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await page.getByLabel('Name', { exact: true }).fill('new/queue')
    await page.getByLabel('Type', { exact: true }).selectOption('quorum')
    await page.getByText('Length and size').click()
    await page.getByLabel('Most messages').fill('5000')
    await page.getByLabel('Overflow behaviour').selectOption('reject-publish')
    await page.getByText('Expiry', { exact: true }).click()
    await page.getByLabel('Time to live of messages').fill('1.5')
    await page.locator('.field', { hasText: 'Time to live of messages' }).getByLabel('Unit').selectOption('min')
    await page.getByText('Dead letters', { exact: true }).click()
    await page.getByLabel('Dead-letter exchange').fill('dead-letters')
    await page.getByLabel('Delivery limit').fill('7')
    await page.getByRole('button', { name: 'Declare a queue' }).click()
    await page.locator('h1', { hasText: 'new/queue' }).waitFor()
    const declared = await queue('new/queue')
    assert.equal(declared.type, 'quorum')
    assert.deepEqual(declared.arguments, {
      'x-queue-type': 'quorum',
      'x-max-length': 5000,
      'x-overflow': 'reject-publish',
      'x-message-ttl': 90_000,
      'x-dead-letter-exchange': 'dead-letters',
      'x-delivery-limit': 7,
    })
  })

  test('one that exists with other properties is led to', async () => {
    const { page } = window
    await goTo(page, '#/queues/new')
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await page.getByLabel('Name', { exact: true }).fill('orders.mail')
    await page.getByRole('button', { name: 'Declare a queue' }).click()
    const alert = page.getByRole('alert')
    assert.match(await alert.innerText(), /One of this name exists already, with other properties/)
    await alert.getByRole('link', { name: 'Show what is there' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
    await page.locator('h1', { hasText: 'orders.mail' }).waitFor()
  })

  test('what another type does not take is not sent', async () => {
    const { page } = window
    await goTo(page, '#/queues/new')
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await page.getByLabel('Name', { exact: true }).fill('changed my mind')
    await page.getByLabel('Durable').uncheck()
    await page.getByText('Order and groups').click()
    await page.getByLabel('Highest priority').fill('9')
    await page.getByLabel('Type', { exact: true }).selectOption('quorum')
    await page.getByRole('button', { name: 'Declare a queue' }).click()
    await page.locator('h1', { hasText: 'changed my mind' }).waitFor()
    const declared = await queue('changed my mind')
    assert.equal(declared.durable, true)
    assert.deepEqual(declared.arguments, { 'x-queue-type': 'quorum' })
  })

  test('are published to and got from by hand', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/dead-letters/publish`)
    await page.getByLabel('Payload', { exact: true }).fill('{"order":17}')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('Published and routed').waitFor()
    await page.getByLabel('And then').selectOption('ack_requeue_false')
    await page.getByRole('button', { name: 'Get', exact: true }).click()
    const message = page.getByRole('article')
    await message.waitFor()
    assert.match(await message.innerText(), /"order": 17/, 'JSON is laid out')
    await page.getByRole('button', { name: 'Get', exact: true }).click()
    await page.getByText('The queue has no message that is ready').waitFor()
  })

  test('are purged only after their name was typed', async () => {
    const { page } = window
    await stage.scene.publish(20)
    await goTo(page, `#/queues/${vhost}/orders.mail`)
    await page.getByRole('button', { name: 'Purge' }).click()
    const dialog = page.getByRole('dialog')
    assert.equal(await dialog.getByRole('button', { name: 'Purge' }).isDisabled(), true)
    await dialog.getByRole('textbox').fill('orders.mail')
    await dialog.getByRole('button', { name: 'Purge' }).click()
    await page.getByText('Purged orders.mail').waitFor()
    const options = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }
    assert.deepEqual(await ask(stage.apiUrl, 'POST', `queues/${vhost}/orders.mail/get`, options), [])
  })

  test('are bound from their own page', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/orders.mail`)
    await page.getByText('Add a binding').click()
    await page.getByLabel('Source exchange').fill('unrouted')
    await page.getByRole('button', { name: 'Bind', exact: true }).click()
    await page.getByRole('link', { name: 'unrouted' }).waitFor()
  })

  test('are not deleted where a condition does not hold', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/orders.billing/manage`)
    await page.locator('main').getByRole('button', { name: 'Delete', exact: true }).last().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('orders.billing')
    await page.keyboard.press('Enter')
    assert.match(await page.getByRole('alert').innerText(), /The broker did not accept it/)
    assert.equal((await queue('orders.billing')).type, 'quorum')
  })

  test('are deleted', async () => {
    const { page } = window
    await goTo(page, `#/queues/${vhost}/new%2Fqueue`)
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('new/queue')
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'Queues' }).waitFor()
    await settled(page)
    await assert.rejects(queue('new/queue'), /404/)
    assert.deepEqual(window.complaints, [])
  })
})
