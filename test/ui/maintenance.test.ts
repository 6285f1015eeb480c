import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, signIn, type Stage, type Window } from './support/stage.ts'

const skip = withoutBrowser || (isRabbit && 'RabbitMQ closes its HTTP API in maintenance mode')

describe('maintenance mode', { skip }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    stage = await openStage()
    await ask(stage.apiUrl, 'POST', 'node/drain')
    window = await stage.open()
    await signIn(window.page, stage)
  })
  after(() => stage.close())

  test('is told on every page, and how it is ended', async () => {
    const { page, complaints } = window
    const sign = page.getByRole('link', { name: 'Maintenance' })
    await goTo(page, '#/users')
    await sign.waitFor()
    await sign.click()
    const told = page.getByRole('alert').filter({ hasText: 'is in maintenance mode: clients cannot connect' })
    await told.waitFor()
    assert.match(await told.innerText(), /warren upgrade revive/)

    await ask(stage.apiUrl, 'POST', 'node/revive')
    await told.waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })
})
