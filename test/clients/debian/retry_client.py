# A pause asked for by amq.retry, with pika: retry_client.py URL PREFIX
import json
import sys
import time

import pika

url, prefix = sys.argv[1:]
queue, dead = prefix + "retries", prefix + "dead"


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
channel.queue_declare(dead)
arguments = {
    "x-retry-max-attempts": 3,
    "x-retry-initial-delay": 60_000,
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": dead,
}
channel.queue_declare(queue, durable=True, arguments=arguments)
channel.basic_publish("", queue, b"task")
started = None
for method, properties, body in channel.consume(queue, inactivity_timeout=30):
    headers = properties.headers or {}
    answer("delivery", [headers.get("x-retry-count"), headers.get("x-last-retry-reason")])
    if started is not None:
        answer("waited", time.monotonic() - started >= 0.3)
    started = time.monotonic()
    last = headers.get("x-retry-count") == 2
    request = {"x-delivery-tag": method.delivery_tag, "x-retry-delay": 300}
    channel.basic_publish("", "amq.retry", b"", pika.BasicProperties(headers=request), mandatory=True)
    channel.basic_nack(method.delivery_tag)
    if last:
        break
channel.cancel()
for method, properties, body in channel.consume(dead, inactivity_timeout=30):
    death = properties.headers["x-death"][0]
    answer("dead", [body.decode(), death["reason"], death["count"], death["retry-count"], death["last-retry-reason"]])
    channel.basic_ack(method.delivery_tag)
    break
channel.cancel()
channel.queue_delete(queue)
channel.queue_delete(dead)
connection.close()
