// With `"type": "module"` in package.json, or named .mts: node --test nestjs.test.ts
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  type MicroserviceOptions,
  Transport,
} from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { startBroker, type WarrenBroker } from 'warrenmq'

/** What would be a class with decorators, in a form that Node.js runs as it is. */
class PricesController {
  readonly seen: string[] = []

  total({ prices }: { prices: number[] }): number {
    return prices.reduce((sum, price) => sum + price, 0)
  }

  changed({ sku }: { sku: string }): void {
    this.seen.push(sku)
  }
}

class PricesModule {}

const methodOf = (name: 'total' | 'changed'): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(PricesController.prototype, name)!

Controller()(PricesController)
MessagePattern('prices.total')(PricesController.prototype, 'total', methodOf('total'))
EventPattern('prices.changed')(PricesController.prototype, 'changed', methodOf('changed'))
Module({ controllers: [PricesController] })(PricesModule)

describe('a NestJS service over RabbitMQ', () => {
  let broker: WarrenBroker
  let options: MicroserviceOptions & { transport: Transport.RMQ }
  let stop: () => Promise<void>
  let controller: PricesController

  before(async () => {
    broker = await startBroker()
    options = {
      transport: Transport.RMQ,
      options: {
        urls: [broker.url],
        queue: 'prices',
        queueOptions: { durable: true },
        noAck: true,
        socketOptions: { reconnectTimeInSeconds: 0.1 },
      },
    }
    const service = await NestFactory.createMicroservice<MicroserviceOptions>(PricesModule, {
      ...options,
      logger: false,
    })
    await service.listen()
    controller = service.get(PricesController)
    stop = () => service.close()
  })

  after(async () => {
    await stop()
    await broker.stop()
  })

  test('answers requests', async () => {
    const client = ClientProxyFactory.create(options)
    try {
      const answers = [[1, 2, 3], [40, 2], []].map((prices) =>
        firstValueFrom(client.send<number>('prices.total', { prices })),
      )
      assert.deepEqual(await Promise.all(answers), [6, 42, 0])
    } finally {
      await client.close()
    }
  })

  test('hears events', async (t) => {
    const client = ClientProxyFactory.create(options)
    try {
      await firstValueFrom(client.emit('prices.changed', { sku: 'tea' }), { defaultValue: undefined })
      await broker.sendToQueue('prices', { pattern: 'prices.changed', data: { sku: 'coffee' } })
      await t.waitFor(() => assert.deepEqual(controller.seen, ['tea', 'coffee']), { timeout: 10_000 })
    } finally {
      await client.close()
    }
  })

  test('connects again after its connection was lost', async () => {
    broker.dropConnections()
    await broker.waitForQueue('prices', ({ consumers }) => consumers === 1, { timeoutMs: 30_000 })
    const client = ClientProxyFactory.create(options)
    try {
      assert.equal(await firstValueFrom(client.send<number>('prices.total', { prices: [1, 1] })), 2)
    } finally {
      await client.close()
    }
  })
})
