# Delayed messages, one of them cancelled and one sent twice, with pika: delay_client.py URL PREFIX
import json
import sys
import time

import pika

url, prefix = sys.argv[1:]
exchange, queue = prefix + "late", prefix + "due"


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
arguments = {"x-delayed-type": "topic", "x-message-deduplication": True}
channel.exchange_declare(exchange, "x-delayed-message", durable=True, arguments=arguments)
channel.queue_declare(queue, durable=True)
channel.queue_bind(queue, exchange, "reminder.#")


def publish(body, headers, message_id=None):
    properties = pika.BasicProperties(headers=headers, message_id=message_id, delivery_mode=2)
    channel.basic_publish(exchange, "reminder.mail", body, properties, mandatory=True)


started = time.monotonic()
publish(b"last", {"x-deliver-at": int((time.time() + 0.4) * 1000)})
publish(b"first", {"x-delay": 200, "x-deduplication-header": "a"})
publish(b"first again", {"x-delay": 100, "x-deduplication-header": "a"})
publish(b"cancelled", {"x-delay": 300}, "c")
publish(b"", {"x-delayed-cancel": "c"})
for method, properties, body in channel.consume(queue, inactivity_timeout=30):
    waited = time.monotonic() - started
    answer(body.decode(), [waited >= 0.2, properties.headers.get("x-delay")])
    channel.basic_ack(method.delivery_tag)
    if body == b"last":
        break
channel.cancel()
channel.queue_delete(queue)
channel.exchange_delete(exchange)
connection.close()
