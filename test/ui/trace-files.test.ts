import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ has to have its tracing plugin, and a user for each trace')
const NAME = `shop ${process.pid}`
const FILE = `${NAME}.log`

describe('traces that are written to files', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    ;({ stage, window } = await openSignedIn('#/traces'))
  })
  after(() => stage.close())

  test('one is started by the form, and is in the list with what it follows', async () => {
    const { page } = window
    const main = page.locator('main')
    await main.getByLabel('Virtual host', { exact: true }).selectOption(stage.scene.vhost)
    assert.equal(await main.getByRole('button', { name: 'Start a trace' }).isDisabled(), true, 'it needs a name')
    await main.getByLabel('Name', { exact: true }).fill(NAME)
    await main.getByLabel('Pattern', { exact: true }).fill('publish.#')
    await main.getByLabel('Format', { exact: true }).selectOption('json')
    await main.getByLabel('Most of a payload').fill('1')
    await main.getByLabel('Unit').selectOption('B')
    await main.getByRole('button', { name: 'Start a trace' }).click()
    const row = main.getByRole('row', { name: new RegExp(`${NAME} .*publish\\.#`) })
    await row.waitFor()
    assert.deepEqual(await ask(stage.apiUrl, 'GET', 'traces'), [
      { vhost: stage.scene.vhost, name: NAME, format: 'json', pattern: 'publish.#', max_payload_bytes: 1 },
    ])
  })

  test('a name that is taken is refused above the button', async () => {
    const { page } = window
    await page.locator('main').getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByRole('button', { name: 'Start a trace' }).click()
    await page.getByText(/there is a trace .* already/).waitFor()
  })

  test('when it is stopped its file stays, and is saved', async () => {
    const { page } = window
    await stage.scene.publish(1)
    await page.getByRole('button', { name: `Stop trace ${NAME}` }).click()
    await page.getByText(`Trace ${NAME} stopped; its file stays`).waitFor()
    await page.getByRole('button', { name: `Stop trace ${NAME}` }).waitFor({ state: 'detached' })
    const started = page.waitForEvent('download')
    await page.getByRole('button', { name: `Download ${FILE}` }).click()
    const download = await started
    assert.equal(download.suggestedFilename(), FILE)
    const lines = (await readFile(await download.path(), 'utf8')).trimEnd().split('\n')
    const written = lines.map((line) => JSON.parse(line) as { type: string; vhost: string; payload: string })
    assert.ok(written.length > 0)
    for (const { type, vhost, payload } of written) {
      assert.deepEqual([type, vhost], ['published', stage.scene.vhost])
      assert.ok(Buffer.from(payload, 'base64').length <= 1)
    }
  })

  test('a file is deleted when that is confirmed', async () => {
    const { page } = window
    await page.getByRole('button', { name: `Delete ${FILE}` }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('button', { name: `Delete ${FILE}` }).waitFor({ state: 'detached' })
    await eventually(async () => ((await ask(stage.apiUrl, 'GET', 'trace-files')) as object[]).length === 0)
    assert.deepEqual(window.complaints, [])
  })
})
