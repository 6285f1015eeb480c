import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { openLinks } from './support/links.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, signIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ does not give hidden passwords their place back')

describe('shovels and federation', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn(async (opened) => {
      await openLinks(opened)
      return '#/shovels'
    }))
  })
  after(() => stage.close())

  const valueOf = async (path: string): Promise<Record<string, unknown>> =>
    ((await ask(stage.apiUrl, 'GET', `parameters/${path}`)) as { value: Record<string, unknown> }).value
  const save = async (page: Page): Promise<void> => {
    const saved = page.waitForResponse((answer) => answer.request().method() === 'PUT')
    await page.getByRole('button', { name: 'Save' }).click()
    assert.ok((await saved).ok())
  }

  test('the list says what shovels do, and one is restarted', async () => {
    const { page } = window
    const stuck = page.getByRole('row', { name: /stock/ })
    assert.match(await stuck.innerText(), /terminated[\s\S]*127\.0\.0\.1/)
    const archive = page.getByRole('row', { name: /archive/ }).first()
    assert.match(await archive.innerText(), /running[\s\S]*queue returns[\s\S]*queue returns\.archive/)
    await archive.getByRole('button', { name: 'Restart: archive' }).click()
    await page.getByText('Restarted archive').waitFor()
  })

  test('buttons are called in Chinese as Chinese is written', async () => {
    const { page, context } = await stage.open({ language: 'zh' })
    await signIn(page, stage, '#/shovels')
    await page.getByRole('button', { name: '重启：stock', exact: true }).waitFor()
    await context.close()
  })

  test('a shovel is added by its form, and moves messages', async () => {
    const { page } = window
    await goTo(page, '#/dynamic-shovels/new')
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel('Name', { exact: true }).fill('once')
    for (const [end, queue] of [
      ['Source', 'dead-letters'],
      ['Destination', 'returns'],
    ] as const) {
      const card = page.getByRole('region', { name: end, exact: true })
      await card.getByLabel('Address').fill(`amqp:///${vhost}`)
      await card.getByLabel('Queue', { exact: true }).fill(queue)
    }
    await page.getByLabel('Acknowledgement').selectOption('on-publish')
    await page.getByLabel('Reconnect after').fill('2')
    await page.getByText('More about the source').click()
    await page.getByLabel('Prefetch').fill('7')
    await save(page)
    await page.locator('h1', { hasText: 'once' }).waitFor()
    assert.deepEqual(await valueOf(`shovel/${vhost}/once`), {
      'src-uri': `amqp:///${vhost}`,
      'src-queue': 'dead-letters',
      'dest-uri': `amqp:///${vhost}`,
      'dest-queue': 'returns',
      'ack-mode': 'on-publish',
      'reconnect-delay': 2,
      'src-prefetch-count': 7,
    })
    await page.locator('.page-header').getByText('running').waitFor()
  })

  test('a shovel keeps its password through its form, which never shows it', async () => {
    const { page } = window
    await goTo(page, `#/dynamic-shovels/${vhost}/stock`)
    const destination = page.getByRole('region', { name: 'Destination', exact: true })
    const address = destination.getByLabel('Address')
    assert.equal(await address.inputValue(), 'amqp://shop@127.0.0.1:1/stock')
    assert.doesNotMatch(await page.content(), /s3cret/)
    await page.getByLabel('Ends').selectOption('count')
    await page.getByLabel('Messages', { exact: true }).fill('10')
    await save(page)
    const changed = await valueOf(`shovel/${vhost}/stock`)
    assert.equal(changed['dest-uri'], 'amqp://shop:s3cret@127.0.0.1:1/stock')
    assert.equal(changed['src-delete-after'], 10)
    await address.fill('amqp://shop@127.0.0.1:2/stock')
    await destination.getByText('The address has changed').waitFor()
    assert.ok(await page.getByRole('button', { name: 'Save' }).isDisabled())
    await destination.getByLabel('Password').fill('p@ss')
    await save(page)
    assert.equal((await valueOf(`shovel/${vhost}/stock`))['dest-uri'], 'amqp://shop:p%40ss@127.0.0.1:2/stock')
  })

  test('a shovel is deleted', async () => {
    const { page } = window
    await page.locator('.page-header').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('h1', { hasText: 'Shovels' }).waitFor()
    await assert.rejects(valueOf(`shovel/${vhost}/stock`), /404/)
  })

  test('one that is gone meanwhile is deleted as well, and leaves the list', async () => {
    const { page } = window
    const parameter = `parameters/shovel/${vhost}/passing`
    const ends = {
      'src-uri': 'amqp://127.0.0.1:1',
      'src-queue': 'a',
      'dest-uri': 'amqp://127.0.0.1:1',
      'dest-queue': 'b',
    }
    await ask(stage.apiUrl, 'PUT', parameter, { value: ends })
    // who looks at it every few seconds would see it go
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Refresh', { exact: true }).selectOption('manually')
    await goTo(page, '#/shovels')
    await page.getByRole('button', { name: 'Refresh now' }).click()
    const button = page.getByRole('button', { name: 'Delete: passing' })
    await button.waitFor()
    await ask(stage.apiUrl, 'DELETE', parameter)
    await button.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await button.waitFor({ state: 'detached' })
    await page.getByText('Deleted passing').waitFor()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Refresh', { exact: true }).selectOption('every 5 s')
  })

  test('links say how they do, and one is restarted', async () => {
    const { page } = window
    await goTo(page, '#/federation')
    const north = page.getByRole('row', { name: /north/ })
    assert.match(await north.innerText(), /events[\s\S]*running[\s\S]*amq\.topic/)
    assert.match(await page.getByRole('row', { name: /south/ }).innerText(), /events[\s\S]*error/)
    await north.getByRole('button', { name: /Restart/ }).click()
    await page.getByText('Link restarted').waitFor()
  })

  test('an upstream is added, and a password in what is pasted goes where nobody reads it', async () => {
    const { page } = window
    await goTo(page, '#/federation-upstreams/new')
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel('Name', { exact: true }).fill('west')
    const address = page.getByRole('textbox', { name: 'Address' })
    await address.fill('amqp://shop:p%3Dw@127.0.0.1:1')
    await page.getByLabel('Password').focus()
    assert.equal(await address.inputValue(), 'amqp://shop@127.0.0.1:1')
    await page.getByText('Federated exchanges').click()
    await page.getByLabel('Upstream queue expires').fill('90')
    await page.getByLabel('Most hops').fill('3')
    await save(page)
    await page.locator('h1', { hasText: 'west' }).waitFor()
    const expected = { uri: 'amqp://shop:p%3Dw@127.0.0.1:1', expires: 90_000, 'max-hops': 3 }
    assert.deepEqual(await valueOf(`federation-upstream/${vhost}/west`), expected)
  })

  test('an upstream set is changed and deleted', async () => {
    const { page } = window
    await goTo(page, `#/federation-upstream-sets/${vhost}/both`)
    await page.getByRole('button', { name: 'Remove north from the set' }).click()
    await page.getByRole('button', { name: 'Another upstream' }).click()
    await page
      .getByRole('region', { name: 'Upstream', exact: true })
      .getByLabel('Upstream', { exact: true })
      .fill('west')
    await save(page)
    const changed = await valueOf(`federation-upstream-set/${vhost}/both`)
    assert.deepEqual(changed, [{ upstream: 'south', 'max-hops': 2 }, { upstream: 'west' }])
    await page.locator('.page-header').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('h1', { hasText: 'Federation' }).waitFor()
    await assert.rejects(valueOf(`federation-upstream-set/${vhost}/both`), /404/)
  })

  test('a parameter of any component is added, changed and deleted as JSON', async () => {
    const { page } = window
    await goTo(page, '#/parameters/new')
    await page.getByLabel('Component').fill('vhost-limits')
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel('Name', { exact: true }).fill('limits')
    await page.getByLabel('Value').fill('{"max-queues": ')
    await page.getByText('This is not JSON.').waitFor()
    await page.getByLabel('Value').fill('{"max-queues": 50}')
    await save(page)
    await page.locator('h1', { hasText: 'limits' }).waitFor()
    assert.deepEqual(await valueOf(`vhost-limits/${vhost}/limits`), { 'max-queues': 50 })
    await page.locator('.page-header').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('h1', { hasText: 'Runtime parameters' }).waitFor()
    await assert.rejects(valueOf(`vhost-limits/${vhost}/limits`), /404/)
    const row = page.getByRole('row', { name: /south/ })
    assert.match(await row.innerText(), /amqp:\/\/shop:\*\*\*@127/)
  })

  test('a global parameter is changed', async () => {
    const { page } = window
    await goTo(page, '#/global-parameters/shop_regions')
    await page.getByLabel('Value').fill('["eu"]')
    await save(page)
    await eventually(async () => {
      const { value } = (await ask(stage.apiUrl, 'GET', 'global-parameters/shop_regions')) as { value: unknown }
      return JSON.stringify(value) === '["eu"]'
    })
    assert.deepEqual(window.complaints, [])
  })
})
