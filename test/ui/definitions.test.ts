import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openSignedIn, signIn, type Stage, type Window } from './support/stage.ts'

interface Definitions {
  readonly queues: { name: string }[]
  readonly users?: object[]
}

const skip = withoutBrowser || (isRabbit && 'RabbitMQ has no jobs, and 3.10 no deprecated features')

describe('definitions and the cluster name', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/definitions'))
  })
  after(() => stage.close())

  const choose = (name: string, content: string): Promise<void> =>
    window.page
      .getByLabel('File', { exact: true })
      .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(content) })

  test('everything, or one virtual host, is saved as a file', async () => {
    const { page } = window
    const save = async (): Promise<{ name: string; content: Definitions }> => {
      const started = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Download' }).click()
      const download = await started
      const content = JSON.parse(await readFile(await download.path(), 'utf8')) as Definitions
      return { name: download.suggestedFilename(), content }
    }
    const all = await save()
    assert.match(all.name, /^definitions-\d{4}-\d\d-\d\d\.json$/)
    assert.equal(all.content.users?.length, 1)
    await page.getByLabel('What').selectOption({ label: stage.scene.vhost })
    const one = await save()
    assert.match(one.name, /^definitions-console_tests_\d+-/)
    assert.equal(one.content.users, undefined)
    assert.ok(one.content.queues.some(({ name }) => name === '订单.通知'))
  })

  test('the choice of a file is in the language of the page', async () => {
    const { page, context } = await stage.open({ language: 'zh' })
    await signIn(page, stage, '#/definitions')
    const field = page.locator('.file-input')
    assert.equal(await field.innerText(), '选择文件 未选择')
    // the browser's own words are not seen
    assert.equal(await field.locator('input').evaluate((input) => getComputedStyle(input).opacity), '0')
    await page
      .getByLabel('文件', { exact: true })
      .setInputFiles({ name: 'shop.json', mimeType: '', buffer: Buffer.from('{') })
    await field.getByText('shop.json').waitFor()
    await context.close()
  })

  test('a file that holds none is refused before it is sent', async () => {
    const { page } = window
    await choose('a.json', '{"queues": [')
    await page.getByText('This file is not JSON.').waitFor()
    await choose('b.json', '{"name": "a package"}')
    await page.getByText('This file holds no definitions.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Import' }).isDisabled(), true)
  })

  test('a file is looked at and imported into a virtual host, by a job', async () => {
    const { page } = window
    const queues = Array.from({ length: 3 }, (_, i) => ({
      name: `imported ${i}`,
      durable: true,
      auto_delete: false,
      arguments: {},
    }))
    await choose('shop.json', JSON.stringify({ rabbit_version: '3.10.8', queues, exchanges: [], bindings: [] }))
    const contents = page.getByRole('region', { name: 'The file holds' })
    assert.match(await contents.innerText(), /RabbitMQ 3\.10\.8[\s\S]*queues\s*3/)
    await page.getByLabel('Into').selectOption({ label: stage.scene.vhost })
    await page.getByRole('button', { name: 'Import' }).click()
    await page.getByRole('region', { name: 'Running work' }).waitFor()
    await page.getByText('Imported', { exact: true }).waitFor()
    const found = (await ask(stage.apiUrl, 'GET', `queues/${vhost}`)) as { name: string }[]
    assert.equal(found.filter(({ name }) => name.startsWith('imported')).length, 3)
  })

  test('what the broker refuses is told', async () => {
    const { page } = window
    const policies = [{ name: 'crooked', pattern: '(', definition: { 'max-length': 1 } }]
    await choose('bad.json', JSON.stringify({ policies }))
    await page.getByRole('button', { name: 'Import' }).click()
    const told = page.locator('.job-error, .error-panel').first()
    await told.waitFor()
    assert.match(await told.innerText(), /regular expression|crooked/i)
  })

  test('the cluster gets another name', async () => {
    const { page } = window
    await goTo(page, '#/cluster-name')
    await page.getByLabel('Name', { exact: true }).fill('shop europe')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Cluster name saved').waitFor()
    assert.deepEqual(await ask(stage.apiUrl, 'GET', 'cluster-name'), { name: 'shop europe' })
    assert.deepEqual(window.complaints, [])
  })

  test('feature flags are listed with their state', async () => {
    const { page } = window
    await goTo(page, '#/feature-flags')
    const row = page.getByRole('row', { name: /stream_queue/ })
    assert.match(await row.innerText(), /unavailable/)
    assert.match(await page.getByRole('row', { name: /quorum_queue/ }).innerText(), /enabled/)
  })
})
