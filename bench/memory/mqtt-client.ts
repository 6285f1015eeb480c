import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import mqtt from 'mqtt-packet'

/** A bare socket that speaks MQTT 3.1.1, so that the process with many of them costs little beside the broker. */
export class MqttClient {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** With a clean session. */
  static async open(url: string, clientId: string): Promise<MqttClient> {
    const { hostname, port } = new URL(url)
    const client = new MqttClient(connect(Number(port), hostname))
    await client.#ask({ cmd: 'connect', clientId, clean: true, keepalive: 0, protocolVersion: 4 })
    return client
  }

  /** With QoS 1, for which the client has a queue and a binding of its own. */
  async subscribe(topic: string): Promise<void> {
    await this.#ask({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 1 }] })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async #ask(packet: mqtt.Packet): Promise<void> {
    this.#socket.write(mqtt.generate(packet))
    await once(this.#socket, 'data')
  }
}
