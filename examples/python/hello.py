# A first message with pika (pip install pika, or apt-get install python3-pika).
#
#   python3 examples/python/hello.py    (AMQP_URL, or amqp://localhost)
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("AMQP_URL", "amqp://localhost")))
channel = connection.channel()
channel.queue_declare("example.hello", durable=True)

channel.basic_publish(exchange="", routing_key="example.hello", body="Hello, World!")
print("sent: Hello, World!")

for method, properties, body in channel.consume("example.hello"):
    print("received:", body.decode())
    channel.basic_ack(method.delivery_tag)
    break

channel.queue_delete("example.hello")
connection.close()
