# Duplicates, sent with pika: deduplication_client.py URL PREFIX
import json
import sys
from decimal import Decimal

import pika

url, prefix = sys.argv[1:]
exchange = prefix + "x"
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


def send(exchange, key, body, headers):
    properties = pika.BasicProperties(headers=headers, delivery_mode=2)
    # raises when it is returned, or not confirmed
    channel.basic_publish(exchange, key, body, properties, mandatory=True)


def declare(name, arguments=None):
    channel.queue_declare(prefix + name, durable=True, arguments=arguments)
    return prefix + name


def drain(queue):
    bodies = []
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            channel.queue_delete(queue)
            return bodies
        bodies.append(body.decode())


channel.exchange_declare(exchange, "x-message-deduplication", durable=True, arguments={"x-cache-size": 100})
behind = declare("behind")
channel.queue_bind(behind, exchange)
for value in ["one", "one", 2, 2, Decimal("2.5"), Decimal("2.5"), True, True, 2**40, 2**40]:
    send(exchange, "", str(value), {"x-deduplication-header": value})
send(exchange, "", "kept for a moment", {"x-deduplication-header": "three", "x-cache-ttl": 1})
answer("exchange", drain(behind))
channel.exchange_delete(exchange)

queue = declare("q", {"x-message-deduplication": True})
for body in ["first", "again"]:
    send("", queue, body, {"x-deduplication-header": "order 1"})
method, _, _ = channel.basic_get(queue)
channel.basic_ack(method.delivery_tag)
send("", queue, "after the first was acknowledged", {"x-deduplication-header": "order 1"})
answer("queue", drain(queue))

numbered = declare("numbered", {"x-publisher-deduplication": True})
for number in [1, 2, 1, 2, 3, 2**33, 2**33]:
    send("", numbered, str(number), {"x-publisher-name": "outbox", "x-publishing-id": number})
answer("numbers", drain(numbered))

transactions = connection.channel()
transactions.tx_select()
committed = declare("committed", {"x-message-deduplication": True})
for body in ["first", "again"]:
    properties = pika.BasicProperties(headers={"x-deduplication-header": "order 1"}, delivery_mode=2)
    transactions.basic_publish("", committed, body, properties)
transactions.tx_rollback()
for body in ["second", "again"]:
    transactions.basic_publish("", committed, body, properties)
transactions.tx_commit()
answer("transactions", drain(committed))

connection.close()
