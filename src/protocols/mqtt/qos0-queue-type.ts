import { classic } from '../../core/queues/classic.ts'
import type { QueueType } from '../../core/queues/queue-type.ts'

/** Keeps nothing: what a subscriber of QoS 0 does not take at once is gone. The name is the one that RabbitMQ shows. */
export const qos0QueueType: QueueType = {
  ...classic,
  name: 'MQTT QoS 0',
  moduleName: 'rabbit_mqtt_qos0_queue',
  keepsNothing: true,
}
