import amqplib from 'amqplib'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, signIn, type Stage, type Window } from './support/stage.ts'

describe('connections', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  const opened: amqplib.ChannelModel[] = []
  before(async () => {
    ;({ stage, window } = await openSignedIn('#/connections'))
  })
  after(async () => {
    // Those that are closed already, as they should be, refuse to be closed again.
    await Promise.allSettled(opened.map((connection) => connection.close()))
    await stage.close()
  })

  const vhostUrl = (): string => `${stage.amqpUrl}/${encodeURIComponent(stage.scene.vhost)}`

  /** Connects, and waits until the API knows the connection by that name. Returns what the API calls it. */
  async function connect(label: string): Promise<{ connection: amqplib.ChannelModel; name: string }> {
    const connection = await amqplib.connect(vhostUrl(), { clientProperties: { connection_name: label } })
    connection.on('error', () => {})
    opened.push(connection)
    const path = `vhosts/${encodeURIComponent(stage.scene.vhost)}/connections`
    const name = await eventually(async () => {
      const all = (await ask(stage.apiUrl, 'GET', path)) as { name: string; user_provided_name?: string }[]
      return all.find((one) => one.user_provided_name === label)?.name
    })
    return { connection, name }
  }

  test('of protocols without channels show what they have', async () => {
    const { page } = window
    const name = '127.0.0.1:40000 -> 127.0.0.1:1883'
    const device = {
      name,
      vhost: '/',
      user: 'sensors',
      node: 'rabbit@host',
      protocol: 'MQTT 5-0',
      state: 'running',
      channels: 1,
      channel_max: 0,
      frame_max: 0,
      timeout: 60,
      user_provided_name: '',
      client_properties: { client_id: 'thermometer-7', product: 'MQTT client' },
    }
    const total = { item_count: 1, filtered_count: 1, total_count: 1, page: 1, page_count: 1, page_size: 100 }
    const list = /\/api\/connections\?/
    const one = /\/api\/connections\/127/
    const binding = {
      source: 'amq.topic',
      vhost: '/',
      destination: 'mqtt-subscription-thermometer-7qos1',
      destination_type: 'queue',
      routing_key: 'room.*.wanted',
      arguments: {
        'x-mqtt-subscription-filter': 'room/+/wanted',
        'x-mqtt-subscription-qos': 1,
        'x-mqtt-subscription-no-local': true,
        'x-mqtt-subscription-id': 5,
      },
      properties_key: 'room.*.wanted~',
    }
    const subscribed = /\/api\/queues\/%2F\/mqtt-subscription-thermometer-7qos1\/bindings/
    await page.route(subscribed, (route) => route.fulfill({ json: [binding] }))
    await page.route(list, (route) => route.fulfill({ json: { items: [device], ...total } }))
    await page.route(one, (route) => route.fulfill({ json: device }))
    await goTo(page, '#/channels')
    await goTo(page, '#/connections')
    const row = page.getByRole('row', { name: /thermometer-7/ })
    assert.match(await row.innerText(), /sensors[\s\S]*running[\s\S]*MQTT 5-0[\s\S]*MQTT client[\s\S]*–/)
    await row.getByRole('link').click()
    await page.locator('h1', { hasText: name }).waitFor()
    const facts = await page.locator('.facts').innerText()
    assert.match(facts, /MQTT 5-0[\s\S]*Client id\s+thermometer-7/)
    assert.doesNotMatch(facts, /Largest frame|Most channels/)
    assert.equal(await page.getByRole('region', { name: 'Channels' }).count(), 0)
    const subscription = page.getByRole('region', { name: 'Subscriptions' }).getByRole('row', { name: /room/ })
    assert.match(await subscription.innerText(), /room\/\+\/wanted\s+1\s+no local, identifier 5/)
    const queue = subscription.getByRole('link', { name: '1' })
    assert.match((await queue.getAttribute('href'))!, /queues\/%2F\/mqtt-subscription-thermometer-7qos1$/)
    await page.unroute(subscribed)
    await page.unroute(list)
    await page.unroute(one)
  })

  test('are closed with a reason, which the client is told', async () => {
    const { page } = window
    const { connection, name } = await connect('to be closed')
    const closed = once(connection, 'close')
    await goTo(page, `#/connections/${encodeURIComponent(name)}`)
    assert.match(await page.locator('main').innerText(), /to be closed/)
    await page.getByRole('button', { name: 'Close connection' }).click()
    await page
      .getByRole('dialog')
      .getByLabel(/Reason/)
      .fill('maintenance tonight')
    await page.getByRole('dialog').getByRole('button', { name: 'Close connection' }).click()
    const [error] = (await closed) as [Error]
    assert.match(error.message, /320.*maintenance tonight/)
    await page.locator('h1', { hasText: 'Connections' }).waitFor()
  })

  test('are closed several at a time', async () => {
    const { page } = window
    const clients = await Promise.all([connect('pair 1'), connect('pair 2')])
    const ended = clients.map(({ connection }) => once(connection, 'close'))
    await goTo(page, '#/connections')
    for (const { name } of clients) await page.getByLabel(name, { exact: true }).check()
    await page.getByRole('button', { name: 'Close 2' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close 2' }).click()
    await Promise.all(ended)
    await page.getByText('Closed 2 connections').waitFor()
    assert.deepEqual(window.complaints, [])
  })

  test('of others are not offered to be closed to who may not', async () => {
    const user = `watcher ${process.pid}`
    const path = `users/${encodeURIComponent(user)}`
    await ask(stage.apiUrl, 'PUT', path, { password: user, tags: 'monitoring' })
    const { page, context } = await stage.open()
    await signIn(page, stage, '#/connections', user)
    await page.getByRole('checkbox').first().check()
    await page.getByText('Only administrators close the connections of others.').waitFor()
    await page.getByRole('link', { name: /->/ }).first().click()
    await page.locator('.facts').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Close connection' }).count(), 0)
    await context.close()
    await ask(stage.apiUrl, 'DELETE', path)
  })

  test('one that is gone says so, and what to do', async () => {
    const { page } = window
    await goTo(page, '#/connections/gone')
    const text = await page.getByRole('alert').innerText()
    assert.match(text, /does not exist/)
    assert.match(text, /Go back to the list/)
  })
})
