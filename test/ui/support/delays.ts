import { ask } from './scene.ts'
import type { Stage } from './stage.ts'

const HOUR_MS = 3_600_000

/** Puts an exchange into the scene that keeps reminders for one hour, two hours and three, and leads to the queue orders.mail. */
export async function openDelays({ apiUrl, scene }: Stage): Promise<void> {
  const vhost = encodeURIComponent(scene.vhost)
  await ask(apiUrl, 'PUT', `exchanges/${vhost}/reminders`, {
    type: 'x-delayed-message',
    durable: true,
    arguments: { 'x-delayed-type': 'fanout' },
  })
  await ask(apiUrl, 'POST', `bindings/${vhost}/e/reminders/q/orders.mail`, {})
  for (const hours of [1, 2, 3]) {
    await ask(apiUrl, 'POST', `exchanges/${vhost}/reminders/publish`, {
      routing_key: `in.${hours}`,
      payload: `reminder ${hours}`,
      payload_encoding: 'string',
      properties: { delivery_mode: 2, headers: { 'x-delay': hours * HOUR_MS } },
    })
  }
}
