import amqplib from 'amqplib'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

// AMQP allows any text of 255 bytes as a name; the console has to bear it.

describe('odd names', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  let client: amqplib.ChannelModel
  let channel: amqplib.Channel
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/queues'))
    client = await amqplib.connect(`${stage.amqpUrl}/${vhost}`)
    channel = await client.createChannel()
  })
  after(async () => {
    await client.close()
    await stage.close()
  })

  test('that browsers fold out of an address are said to be such, and nothing else is asked for', async () => {
    const { page } = window
    await channel.assertQueue('..')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    for (const tab of ['', '/messages', '/publish', '/change', '/manage']) {
      await goTo(page, `#/queues/${vhost}/..${tab}`)
      const text = await page.getByRole('alert').first().innerText()
      assert.match(text, /Browsers cannot address what is called “\.\.”[\s\S]*Nothing was asked/)
      assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0)
    }
    assert.deepEqual(
      asked.filter((path) => path.startsWith('/api/queues')),
      [],
    )
  })

  test('that browsers fold out of an address are refused by forms', async () => {
    const { page } = window
    for (const address of ['#/queues/new', '#/exchanges/new', '#/users/new', '#/vhosts/new', '#/policies/new']) {
      await goTo(page, address)
      const name = page.locator('main').getByLabel('Name', { exact: true })
      await name.fill('..')
      await page.getByText('Browsers cannot address what is called “..”').waitFor()
      await name.fill('...')
      await page.getByText('Browsers cannot address').waitFor({ state: 'detached' })
      await name.fill('')
    }
    assert.deepEqual(window.complaints, [])
  })
})
