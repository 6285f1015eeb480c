import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { isRabbit, openSignedIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ has no events for consoles')

describe('events', { skip }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/events'))
  })
  after(() => stage.close())

  test('details that are open stay those of their event while others come', async () => {
    const { page } = window
    const row = (queue: string) => page.getByRole('row').filter({ hasText: 'queue.created' }).filter({ hasText: queue })
    // what happens before the page listens is not told
    const listens = page.getByText('happening.listens').first()
    const listening = async (): Promise<void> => {
      while (!(await listens.isVisible())) {
        await ask(stage.apiUrl, 'PUT', `queues/${vhost}/happening.listens`, {})
        await ask(stage.apiUrl, 'DELETE', `queues/${vhost}/happening.listens`)
      }
    }
    await listening()
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/happening.first`, {})
    await row('happening.first').locator('summary').press('Enter')
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/happening.second`, {})
    await row('happening.second').waitFor()
    const isOpen = (queue: string): Promise<boolean> =>
      row(queue)
        .locator('details')
        .evaluate((details) => (details as HTMLDetailsElement).open)
    assert.deepEqual([await isOpen('happening.first'), await isOpen('happening.second')], [true, false])
    assert.deepEqual(window.complaints, [])
  })
})
