# Message groups with pika: group_client.py URL PREFIX
import json
import sys

import pika

url, prefix = sys.argv[1:]
queue = prefix + "groups"


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.confirm_delivery()
channel.queue_declare(queue, durable=True, arguments={"x-message-groups": True})


def publish(body, headers=None):
    properties = pika.BasicProperties(headers=headers, delivery_mode=2)
    channel.basic_publish("", queue, body, properties, mandatory=True)


def get(on=channel):
    method, _, body = on.basic_get(queue)
    return None if method is None else (method, body.decode())


for number in range(1, 4):
    publish("a%d" % number, {"x-message-group": "a"})
publish("b1", {"x-message-group": 7})
publish("b2", {"JMSXGroupID": "7"})
publish("alone")

out = {}
while (got := get()) is not None:
    out[got[1]] = got[0].delivery_tag
answer("one of each group", sorted(out))

channel.basic_nack(out["a1"])
method, body = get()
answer("came back", [body, method.redelivered])
channel.basic_ack(method.delivery_tag)

other = pika.BlockingConnection(pika.URLParameters(url))
answer("next", get(other.channel())[1])
answer("nothing else", get())
other.close()
method, body = get()
answer("after the connection was lost", [body, method.redelivered])

for tag in [method.delivery_tag, out["b1"], out["alone"]]:
    channel.basic_ack(tag)
channel.basic_qos(prefetch_count=10)
rest = []
for method, _, body in channel.consume(queue, inactivity_timeout=30):
    rest.append(body.decode())
    channel.basic_ack(method.delivery_tag)
    if len(rest) == 2:
        break
answer("rest", sorted(rest))
channel.cancel()
channel.queue_delete(queue)
connection.close()
