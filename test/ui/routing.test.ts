import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'
import { goTo, isRabbit, openSignedIn, settled, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ can neither explain routes nor follow messages')

describe('ways of messages', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    ;({ stage, window } = await openSignedIn(async (_opened, name) => `#/exchanges/${name}/orders`))
  })
  after(() => stage.close())

  test('a route is explained with every binding tried', async () => {
    const { page } = window
    await page.getByRole('link', { name: 'Where would it go?' }).click()
    await page.getByRole('button', { name: 'Explain' }).waitFor()
    assert.equal(await page.getByLabel('Exchange', { exact: true }).inputValue(), 'orders')
    await page.getByLabel('Routing key').fill('order.placed.eu')
    await page.getByRole('button', { name: 'Explain' }).click()
    const result = page.getByRole('region', { name: 'Result' })
    await result.getByText('It would reach 3 queues:').waitFor()
    assert.match(await result.innerText(), /orders\.mail[\s\S]*订单\.通知|订单\.通知[\s\S]*orders\.mail/)
    const tried = page.getByRole('region', { name: 'Bindings of orders' })
    assert.match(await tried.getByRole('row', { name: /orders\.billing/ }).innerText(), /does not/)
    assert.match(await tried.getByRole('row', { name: /orders\.mail/ }).innerText(), /matches/)
    await page.getByRole('region', { name: 'Bindings of events' }).waitFor()
    assert.deepEqual([...(await layoutFaults(page)), ...(await accessibilityFaults(page))], [])
  })

  test('messages of a queue are followed to their acknowledgement', async () => {
    const { page } = window
    await goTo(page, '#/message-traces')
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel(/^Queue/).fill('orders.billing')
    await page.getByRole('button', { name: 'Start a trace' }).click()
    await page.locator('h1', { hasText: /^Trace / }).waitFor()
    await page.getByText('Nothing has happened yet').waitFor()
    await stage.scene.publish(4)
    await page.getByRole('button', { name: 'Refresh now' }).click()
    const events = page.getByRole('region', { name: 'Events' })
    for (const event of ['deliver', 'ack']) await events.getByText(event, { exact: true }).first().waitFor()
    assert.match(await events.innerText(), /billing-1/)
    await settled(page)
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 })
      assert.deepEqual([...(await layoutFaults(page)), ...(await accessibilityFaults(page))], [])
    }
    await page.getByRole('button', { name: 'End and forget' }).click()
    await page.locator('h1', { hasText: 'Message traces' }).waitFor()
    assert.deepEqual(window.complaints, [])
  })
})
