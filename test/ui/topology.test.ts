import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'
import { ask } from './support/scene.ts'
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
    await page.getByText('messages per second below it', { exact: false }).waitFor()
    for (const width of [390, 1280]) {
      await page.setViewportSize({ width, height: 900 })
      assert.deepEqual([...(await layoutFaults(page)), ...(await accessibilityFaults(page))], [])
    }
  })

  test('shows at each binding how many messages pass', async () => {
    const { page } = window
    // Rates are of the last interval of the statistics, so there has to be something in each while the page looks.
    await eventually(async () => {
      await stage.scene.publish(40)
      await page.getByRole('button', { name: 'Refresh now' }).click()
      const bindings = page.locator('.topology-edge', { has: page.getByText('order.#') })
      const rates = await bindings.locator('.topology-label').allTextContents()
      return rates.some((text) => /^[1-9][\d.,]*\s*\/s$/.test(text.trim()))
    }, 30_000)
  })

  test('shortens names in the middle, and tells them whole', async () => {
    const { page } = window
    const vhost = encodeURIComponent(stage.scene.vhost)
    const names = [1, 2].map((i) => `orders.region-0.shard-0.of-the-europe-cluster-${i}`)
    for (const name of names) await ask(stage.apiUrl, 'PUT', `queues/${vhost}/${name}`, {})
    await page.getByRole('button', { name: 'Refresh now' }).click()
    const drawn = await Promise.all(
      names.map(async (name) => {
        const node = page.getByRole('link', { name: `Queue ${name}` })
        await node.waitFor()
        return node.locator('.topology-name').textContent()
      }),
    )
    assert.match(drawn[0]!, /^orders.*….*1$/)
    assert.notEqual(drawn[0], drawn[1])
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
