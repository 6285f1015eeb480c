import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ cannot say what a policy would catch')

describe('policies', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/policies/new'))
  })
  after(() => stage.close())

  test('the form shows what one would catch, and what the broker would refuse, before it is saved', async () => {
    const { page } = window
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel('Name', { exact: true }).fill('short lived')
    await page.getByLabel('Pattern').fill('^(orders|audit')
    await page.getByLabel('Applies to').selectOption('queues')
    await page.getByText('Expiry', { exact: true }).click()
    await page.getByLabel('Time to live of messages').fill('60')
    const preview = page.getByRole('region', { name: 'What it catches' }).first()
    await preview.getByText('The broker did not accept it').waitFor()
    await page.getByLabel('Pattern').fill('^(orders|audit)')
    await preview.getByText('Catches 4; applies to 3 of those shown.').waitFor()
    const audit = preview.getByRole('row', { name: /audit\.trail/ })
    assert.match(await audit.innerText(), /bounded[\s\S]*another has precedence/)
    await page.getByLabel('Priority').fill('5')
    await preview.getByText('Catches 4; applies to 4 of those shown.').waitFor()
    assert.match(await audit.innerText(), /bounded[\s\S]*this policy/)
  })

  test('one is saved, changed and deleted', async () => {
    const { page } = window
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('h1', { hasText: 'short lived' }).waitFor()
    const url = `policies/${vhost}/short%20lived`
    const { definition, priority, pattern } = (await ask(stage.apiUrl, 'GET', url)) as Record<string, unknown>
    const expected = { definition: { 'message-ttl': 60_000 }, priority: 5, pattern: '^(orders|audit)' }
    assert.deepEqual({ definition, priority, pattern }, expected)
    await page.getByRole('group', { name: 'Further keys' }).getByRole('button', { name: 'Add' }).click()
    const further = page.getByRole('group', { name: 'Further keys' })
    await further.getByRole('textbox', { name: 'Name' }).fill('ha-mode')
    await further.getByRole('textbox', { name: 'Value' }).fill('all')
    const saved = page.waitForResponse((answer) => answer.request().method() === 'PUT')
    await page.getByRole('button', { name: 'Save' }).click()
    await saved
    const changed = (await ask(stage.apiUrl, 'GET', url)) as { definition: object }
    assert.deepEqual(changed.definition, { 'message-ttl': 60_000, 'ha-mode': 'all' })
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await page.locator('h1', { hasText: 'Policies' }).waitFor()
    await assert.rejects(ask(stage.apiUrl, 'GET', url), /404/)
  })

  test('an operator policy offers only the keys that it may have', async () => {
    const { page } = window
    await goTo(page, '#/operator_policies/new')
    await page.locator('main').getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await page.getByLabel('Name', { exact: true }).fill('ceiling')
    await page.getByLabel('Pattern').fill('.*')
    const groups = page.locator('.argument-group')
    for (const group of await groups.all()) await group.locator('summary').click()
    assert.equal(await page.getByLabel('Dead-letter exchange').count(), 0)
    await page.getByLabel('Most messages', { exact: true }).fill('500')
    await page
      .getByRole('region', { name: 'What it catches' })
      .first()
      .getByText(/Catches 7/)
      .waitFor()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.locator('h1', { hasText: 'ceiling' }).waitFor()
    const queue = (await ask(stage.apiUrl, 'GET', `queues/${vhost}/audit.trail`)) as Record<string, object>
    assert.deepEqual(queue['effective_policy_definition'], { 'max-length': 500, overflow: 'drop-head' })
    assert.deepEqual(window.complaints, [])
  })
})
