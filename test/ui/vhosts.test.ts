import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const NAME = `made in the console/${process.pid}`
const PATH = encodeURIComponent(NAME)

interface VhostAnswer {
  readonly description: string
  readonly tags: readonly string[]
  readonly tracing: boolean
  readonly default_queue_type?: string
}

const skip = withoutBrowser || (isRabbit && 'RabbitMQ 3.10 cannot protect virtual hosts')

describe('virtual hosts', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    ;({ stage, window } = await openSignedIn('#/vhosts/new'))
  })
  after(() => stage.close())

  const vhost = async (): Promise<VhostAnswer> => (await ask(stage.apiUrl, 'GET', `vhosts/${PATH}`)) as VhostAnswer

  test('one is added with description, tags and a default queue type', async () => {
    const { page } = window
    await page.getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByLabel('Description').fill('For the night import')
    await page.getByLabel('Tags').fill('shop, night')
    await page.getByLabel('Default queue type').selectOption('quorum')
    await page.getByRole('button', { name: 'Add a virtual host' }).click()
    await page.locator('h1', { hasText: NAME }).waitFor()
    const { description, tags, default_queue_type: type } = await vhost()
    assert.deepEqual(
      { description, tags, type },
      { description: 'For the night import', tags: ['shop', 'night'], type: 'quorum' },
    )
  })

  test('one that is there already is not written over', async () => {
    const { page } = window
    const before = await vhost()
    await goTo(page, '#/vhosts/new')
    await page.getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByLabel('Description').fill('another')
    await page.getByRole('button', { name: 'Add a virtual host' }).click()
    await page.getByRole('alert').getByText('One of this name exists already').waitFor()
    const { description, tags, default_queue_type: type } = await vhost()
    assert.deepEqual([description, tags, type], [before.description, before.tags, before.default_queue_type])
    await goTo(page, `#/vhosts/${PATH}`)
  })

  test('tracing is switched on and off, and changes nothing else', async () => {
    const { page } = window
    await page.getByRole('button', { name: 'Start tracing' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Start tracing' }).click()
    await page.getByRole('button', { name: 'Stop tracing' }).waitFor()
    const { tracing, description, default_queue_type: type } = await vhost()
    assert.deepEqual(
      { tracing, description, type },
      { tracing: true, description: 'For the night import', type: 'quorum' },
    )
    await page.getByRole('button', { name: 'Stop tracing' }).click()
    await page.getByRole('button', { name: 'Start tracing' }).waitFor()
    assert.equal((await vhost()).tracing, false)
  })

  test('description and default type are changed', async () => {
    const { page } = window
    await page.getByText('Change description and defaults').click()
    await page.getByLabel('Description').fill('Done with')
    await page.getByLabel('Default queue type').selectOption({ label: 'the node’s default' })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.locator('.page-lead', { hasText: 'Done with' }).waitFor()
    assert.equal((await vhost()).default_queue_type, 'undefined')
  })

  test('a limit is set', async () => {
    const { page } = window
    await page.getByLabel('Most queues').fill('7')
    await page.getByRole('button', { name: 'Save limits' }).click()
    await page.getByText('Limits saved').waitFor()
    const limits = await ask(stage.apiUrl, 'GET', `vhost-limits/${PATH}`)
    assert.deepEqual(limits, [{ vhost: NAME, value: { 'max-queues': 7 } }])
  })

  test('one that is protected cannot be deleted; else it can, after its name was typed', async () => {
    const { page } = window
    const remove = page.getByRole('button', { name: 'Delete', exact: true })
    await page.getByRole('button', { name: 'Protect from deletion' }).click()
    await page.getByRole('button', { name: 'Remove protection' }).waitFor()
    assert.equal(await remove.isDisabled(), true)
    await page.getByRole('button', { name: 'Remove protection' }).click()
    await page.getByRole('button', { name: 'Protect from deletion' }).waitFor()
    await remove.click()
    await page.getByRole('dialog').getByRole('textbox').fill(NAME)
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'Virtual hosts' }).waitFor()
    await assert.rejects(vhost(), /404/)
    assert.deepEqual(window.complaints, [])
  })
})
