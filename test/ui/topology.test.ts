import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'
import { isRabbit, openStage, signIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ does not tell its topology in one answer')

describe('the topology picture', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    stage = await openStage()
    await stage.scene.publish(4)
    window = await stage.open()
    await signIn(window.page, stage, '#/topology')
    await window.page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
  })
  after(() => stage.close())

  test('shows exchanges, queues and consumers, and what joins them', async () => {
    const { page } = window
    const picture = page.getByRole('region', { name: 'Picture of the topology' })
    for (const name of ['Exchange orders', 'Exchange events', 'Queue 订单.通知', 'Consumer billing-1'])
      await picture.getByRole('link', { name }).first().waitFor()
    assert.equal(await picture.locator('.topology-dead').count(), 2)
    await picture.getByText('order.paid.*').first().waitFor()
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 })
      assert.deepEqual([...(await layoutFaults(page)), ...(await accessibilityFaults(page))], [])
    }
  })

  test('is narrowed to a name and its neighbours, and leads on', async () => {
    const { page } = window
    await page.getByLabel('Filter by name').fill('audit')
    await page.getByRole('link', { name: 'Exchange orders' }).waitFor({ state: 'detached' })
    assert.equal(await page.locator('.topology-node').count(), 2)
    await page.getByRole('link', { name: 'Queue audit.trail' }).click()
    await page.locator('h1', { hasText: 'audit.trail' }).waitFor()
    assert.deepEqual(window.complaints, [])
  })
})
