"""Every part of the contract (contract.ts) with pika: python3 pika_client.py URL PREFIX MODE"""

import ast
import json
import os
import re
import ssl
import sys
import time

import pika

URL, PREFIX, MODE = sys.argv[1:4]


def name(suffix):
    return PREFIX + suffix


def connect(**more):
    parameters = pika.URLParameters(URL)
    for key, value in more.items():
        setattr(parameters, key, value)
    return pika.BlockingConnection(parameters)


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


def publish(channel, queue, body, properties=None):
    channel.basic_publish("", queue, body, properties)


def drain(channel, queue):
    """Bodies of all ready messages, in order."""
    bodies = []
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return bodies
        bodies.append(body.decode())


def wait_for_one(channel, queue):
    for method, properties, body in channel.consume(queue, auto_ack=True):
        channel.cancel()
        return properties, body.decode()


def queue(channel, suffix, arguments=None, **more):
    # Exclusive unless told otherwise, so that nothing of it outlives the connection.
    options = {"exclusive": True, **more}
    return channel.queue_declare(name(suffix), arguments=arguments, **options).method.queue


def quorum(channel, suffix, arguments=None):
    return queue(channel, suffix, {"x-queue-type": "quorum", **(arguments or {})}, durable=True, exclusive=False)


def server(connection):
    properties = connection._impl.server_properties
    capabilities = properties["capabilities"]
    return {"product": properties["product"], "capabilities": sorted(key for key in capabilities if capabilities[key])}


def declare(connection):
    channel = connection.channel()

    def counts(method):
        return [method.message_count, method.consumer_count]

    classic = channel.queue_declare(name("classic"), durable=True).method
    named = channel.queue_declare("", exclusive=True).method.queue
    durable = channel.queue_declare(name("quorum"), durable=True, arguments={"x-queue-type": "quorum"}).method
    channel.confirm_delivery()
    publish(channel, classic.queue, "1")
    publish(channel, classic.queue, "2")
    again = channel.queue_declare(classic.queue, durable=True).method
    purged = channel.queue_purge(classic.queue).method.message_count
    publish(channel, classic.queue, "3")
    deleted = channel.queue_delete(classic.queue).method.message_count
    channel.queue_delete(durable.queue)
    return {
        "classic": counts(classic),
        "quorum": counts(durable),
        "again": counts(again),
        "purged": purged,
        "deleted": deleted,
        "serverNamed": [named[:8], len(named)],
    }


def routing(connection):
    channel = connection.channel()
    exchanges = {kind: name(kind) for kind in ("direct", "fanout", "topic", "headers")}
    for kind, exchange in exchanges.items():
        channel.exchange_declare(exchange, kind)
        queue(channel, "of-" + kind)
    channel.queue_bind(name("of-direct"), exchanges["direct"], "red")
    channel.queue_bind(name("of-fanout"), exchanges["fanout"])
    channel.queue_bind(name("of-topic"), exchanges["topic"], "a.*.c")
    channel.queue_bind(name("of-topic"), exchanges["topic"], "#.z")
    matching = {"x-match": "any", "color": "red", "size": 1}
    channel.queue_bind(name("of-headers"), exchanges["headers"], "", matching)
    channel.exchange_declare(name("alternate"), "fanout")
    queue(channel, "of-alternate")
    channel.queue_bind(name("of-alternate"), name("alternate"))
    channel.exchange_declare(name("first"), "direct", arguments={"alternate-exchange": name("alternate")})
    channel.exchange_bind(exchanges["fanout"], name("first"), "onwards")
    for key in ("red", "blue"):
        channel.basic_publish(exchanges["direct"], key, key)
    for key in ("a.b.c", "a.c", "x.y.z", "z", "a.b.b.c"):
        channel.basic_publish(exchanges["topic"], key, key)
    for body, headers in (("color", {"color": "red"}), ("size", {"size": 1}), ("none", {"color": "blue"})):
        channel.basic_publish(exchanges["headers"], "", body, pika.BasicProperties(headers=headers))
    channel.basic_publish(name("first"), "onwards", "bound")
    channel.basic_publish(name("first"), "elsewhere", "unbound")
    found = {kind: drain(channel, name("of-" + kind)) for kind in (*exchanges, "alternate")}
    for exchange in (*exchanges.values(), name("alternate"), name("first")):
        channel.exchange_delete(exchange)
    return found


def confirms(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    plain = queue(channel, "confirmed")
    for i in range(10):
        publish(channel, plain, str(i))
    limited = queue(channel, "limited", {"x-max-length": 1, "x-overflow": "reject-publish"})
    outcomes = []
    for i in range(3):
        try:
            publish(channel, limited, str(i))
            outcomes.append("ack")
        except pika.exceptions.NackError:
            outcomes.append("nack")
    return {"acked": len(drain(channel, plain)), "limited": outcomes}


def mandatory(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish("", name("nowhere"), "lost", mandatory=True)
    except pika.exceptions.UnroutableError as error:
        returned = error.messages[0]
        method = returned.method
        return {
            "code": method.reply_code,
            "text": method.reply_text,
            "key": method.routing_key,
            "body": returned.body.decode(),
        }


def settle(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    target = queue(channel, "settled")
    for body in ("a", "b", "c"):
        publish(channel, target, body)
    channel.basic_qos(prefetch_count=1)
    seen = []
    for method, _, body in channel.consume(target):
        seen.append([body.decode(), method.redelivered])
        if body == b"a":
            channel.basic_ack(method.delivery_tag)
        elif body == b"c":
            channel.basic_ack(method.delivery_tag)
            break
        elif method.redelivered:
            channel.basic_reject(method.delivery_tag, requeue=False)
        else:
            channel.basic_nack(method.delivery_tag, requeue=True)
    channel.cancel()
    for body in ("d", "e", "f"):
        publish(channel, target, body)
    tags = [channel.basic_get(target)[0].delivery_tag for _ in range(3)]
    channel.basic_ack(tags[1], multiple=True)
    channel.close()
    return {"seen": seen, "left": drain(connection.channel(), target)}


def prefetch(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    target = queue(channel, "prefetched")
    for i in range(5):
        publish(channel, target, str(i))
    channel.basic_qos(prefetch_count=2)
    seen = []
    tags = []

    def on_message(_channel, method, _properties, body):
        seen.append(body.decode())
        tags.append(method.delivery_tag)

    channel.basic_consume(target, on_message)
    while len(seen) < 2:
        connection.process_data_events(time_limit=1)
    ready = channel.queue_declare(target, passive=True).method.message_count
    channel.basic_ack(tags[0])
    while len(seen) < 3:
        connection.process_data_events(time_limit=1)
    after = channel.queue_declare(target, passive=True).method.message_count
    return {"seen": seen, "ready": [ready, after]}


def dead_letter(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    dead = queue(channel, "dead")
    channel.exchange_declare(name("graves"), "fanout")
    channel.queue_bind(dead, name("graves"))
    to_graves = {"x-dead-letter-exchange": name("graves")}
    expired = queue(channel, "expiring", {**to_graves, "x-message-ttl": 1})
    rejected = queue(channel, "rejecting", {**to_graves, "x-dead-letter-routing-key": "other"})
    limited = queue(channel, "full", {**to_graves, "x-max-length": 1})
    tried = quorum(channel, "tried", {**to_graves, "x-delivery-limit": 1})
    found = []

    def bury():
        properties, body = wait_for_one(channel, dead)
        death = properties.headers["x-death"][0]
        found.append(
            {
                "body": body,
                "reason": death["reason"],
                "first": properties.headers["x-first-death-reason"],
                "queue": death["queue"],
                "exchange": death["exchange"],
                "keys": death["routing-keys"],
                "count": death["count"],
                "ttl": death.get("original-expiration"),
            }
        )

    publish(channel, expired, "by queue", pika.BasicProperties(priority=0))
    bury()
    publish(channel, rejected, "by itself", pika.BasicProperties(expiration="1"))
    bury()
    publish(channel, rejected, "by hand")
    channel.basic_reject(channel.basic_get(rejected)[0].delivery_tag, requeue=False)
    bury()
    publish(channel, limited, "pushed out")
    publish(channel, limited, "kept")
    bury()
    publish(channel, tried, "too often")
    attempts = []
    for method, properties, _ in channel.consume(tried):
        attempts.append((properties.headers or {}).get("x-delivery-count"))
        channel.basic_reject(method.delivery_tag, requeue=True)
        if len(attempts) == 2:
            break
    channel.cancel()
    bury()
    channel.queue_delete(tried)
    channel.exchange_delete(name("graves"))
    return {"found": found, "attempts": attempts}


def rpc(connection):
    client, worker = connection.channel(), connection.channel()
    requests = queue(worker, "requests")
    replies = []

    def on_request(_channel, method, properties, body):
        back = pika.BasicProperties(correlation_id=properties.correlation_id)
        replies.append(properties.reply_to)
        worker.basic_publish("", properties.reply_to, b"re: " + body, back)

    def on_reply(_channel, _method, properties, body):
        replies.append([body.decode(), properties.correlation_id])

    worker.basic_consume(requests, on_request, auto_ack=True)
    client.basic_consume("amq.rabbitmq.reply-to", on_reply, auto_ack=True)
    asking = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="42")
    publish(client, requests, "ping", asking)
    while len(replies) < 2:
        connection.process_data_events(time_limit=1)
    return {"address": replies[0][: len("amq.rabbitmq.reply-to.")], "reply": replies[1]}


def cancelled(connection):
    channel = connection.channel()
    target = queue(channel, "vanishing")
    notices = []
    channel.add_on_cancel_callback(lambda frame: notices.append(frame.method.consumer_tag))
    channel.basic_consume(target, lambda *_: None, consumer_tag="watcher")
    connection.channel().queue_delete(target)
    while not notices:
        connection.process_data_events(time_limit=1)
    return notices[0]


def priorities(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    target = queue(channel, "ranked", {"x-max-priority": 5})
    for priority in (None, 1, 9, 3, 5):
        publish(channel, target, str(priority or 0), pika.BasicProperties(priority=priority))
    return drain(channel, target)


def transaction(connection):
    channel = connection.channel()
    target = queue(channel, "transacted")

    def ready():
        return connection.channel().queue_declare(target, passive=True).method.message_count

    channel.tx_select()
    publish(channel, target, "1")
    publish(channel, target, "2")
    before = ready()
    channel.tx_commit()
    committed = ready()
    publish(channel, target, "3")
    channel.tx_rollback()
    return {"before": before, "committed": committed, "rolledBack": ready()}


def large(connection):
    channel = connection.channel()
    target = queue(channel, "large")
    body = bytes(i * 7 % 256 for i in range(1024)) * 1024
    publish(channel, target, body)
    received = channel.basic_get(target, auto_ack=True)[2]
    return {"length": len(received), "same": received == body}


def properties(connection):
    channel = connection.channel()
    target = queue(channel, "properties")
    sent = {
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "priority": 7,
        "correlation_id": "c-1",
        "reply_to": "somewhere",
        "expiration": "60000",
        "message_id": "m-1",
        "timestamp": 1700000000,
        "type": "greeting",
        "user_id": "guest",
        "app_id": "contract",
    }
    publish(channel, target, "x", pika.BasicProperties(**sent))
    received = channel.basic_get(target, auto_ack=True)[1]
    return {key: getattr(received, key) for key in sent}


def headers(connection):
    from datetime import datetime, timezone
    from decimal import Decimal

    channel = connection.channel()
    target = queue(channel, "headers")
    sent = {
        "string": "grüße",
        "int": 42,
        "negative": -7,
        "long": 1 << 40,
        "bool": True,
        "table": {"inner": "x", "deeper": {"n": 1}},
        "array": [1, "two", False],
        "time": datetime.fromtimestamp(1700000000, timezone.utc),
        "void": None,
        "bytes": b"\x00\xff",
        "decimal": Decimal("3.14"),
    }
    publish(channel, target, "x", pika.BasicProperties(headers=sent))
    received = channel.basic_get(target, auto_ack=True)[1].headers
    time_back = received["time"]
    received["time"] = int(time_back.replace(tzinfo=timezone.utc).timestamp())
    received["bytes"] = list(received["bytes"])
    received["decimal"] = str(received["decimal"])
    return received


def errors(connection):
    """What the broker answers to mistakes that cost the channel."""
    other = connect()
    shared = name("shared")
    connection.channel().queue_declare(shared, durable=True)
    locked = connection.channel().queue_declare(name("locked"), exclusive=True).method.queue
    mistakes = {
        "queue missing": lambda channel: channel.queue_declare(name("missing"), passive=True),
        "exchange missing": lambda channel: channel.exchange_declare(name("missing"), passive=True),
        "other durability": lambda channel: channel.queue_declare(shared, durable=False),
        "other argument": lambda channel: channel.queue_declare(
            shared, durable=True, arguments={"x-max-length": 5}
        ),
        "other exchange type": lambda channel: channel.exchange_declare("amq.direct", "fanout", durable=True),
        "reserved name": lambda channel: channel.queue_declare("amq.mine"),
        "bad argument": lambda channel: channel.queue_declare(name("bad"), arguments={"x-message-ttl": -1}),
        "transient quorum": lambda channel: channel.queue_declare(
            name("bad"), durable=False, arguments={"x-queue-type": "quorum"}
        ),
        "bind to nothing": lambda channel: channel.queue_bind(shared, name("missing"), "k"),
        "consume from nothing": lambda channel: channel.basic_consume(name("missing"), lambda *_: None),
        "default exchange": lambda channel: channel.exchange_delete(""),
        "locked": lambda _: other.channel().queue_declare(locked, passive=True),
        "unknown tag": lambda channel: (channel.basic_ack(99), channel.queue_declare(shared, passive=True)),
        "publish to nothing": lambda channel: (
            channel.basic_publish(name("missing"), "k", "x"),
            channel.queue_declare(shared, passive=True),
        ),
        "bad expiration": lambda channel: (
            publish(channel, shared, "x", pika.BasicProperties(expiration="soon")),
            channel.queue_declare(shared, passive=True),
        ),
    }
    found = {}
    for mistake, make in mistakes.items():
        try:
            make(connection.channel())
        except pika.exceptions.ChannelClosedByBroker as error:
            found[mistake] = [error.reply_code, error.reply_text]
    connection.channel().queue_delete(shared)
    other.close()
    return found


def fatal_errors(_connection):
    """What the broker answers to mistakes that cost the connection."""
    found = {}

    def attempt(mistake, make):
        try:
            make()
        except pika.exceptions.AMQPConnectionError as error:
            # Wrapped while connecting, and then only its text is left: (403) 'ACCESS_REFUSED - ...'
            code, text = re.search(r"\((\d+)\)?,? (['\"].*['\"])\)?$", str(error)).groups()
            found[mistake] = [int(code), ast.literal_eval(text)]

    def reuse_tag():
        channel = connect().channel()
        target = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_consume(target, lambda *_: None, consumer_tag="twice")
        # pika itself refuses a tag that it knows.
        channel._impl._consumers.clear()
        channel._consumer_infos.clear()
        channel.basic_consume(target, lambda *_: None, consumer_tag="twice")

    def ask_for_size():
        channel = connect().channel()
        channel.basic_qos(prefetch_size=10)

    attempt("wrong password", lambda: connect(credentials=pika.PlainCredentials("guest", "wrong")))
    attempt("no such vhost", lambda: connect(virtual_host="nowhere"))
    attempt("tag used twice", reuse_tag)
    attempt("prefetch size", ask_for_size)
    return found


def closed_by_server(_connection):
    connection = connect(client_properties={"connection_name": name("connection-to-close")})
    channel = connection.channel()
    channel.queue_declare(name("survivor"), durable=True)
    answer("please close", name("connection-to-close"))
    found = None
    try:
        while True:
            connection.process_data_events(time_limit=1)
    except pika.exceptions.ConnectionClosedByBroker as error:
        found = [error.reply_code, error.reply_text]
    channel = connect().channel()
    channel.confirm_delivery()
    publish(channel, name("survivor"), "after")
    bodies = drain(channel, name("survivor"))
    channel.queue_delete(name("survivor"))
    return {"closed": found, "bodies": bodies}


def heartbeat():
    connection = connect(heartbeat=2)
    end = time.monotonic() + 6.5
    while time.monotonic() < end:
        connection.process_data_events(time_limit=0.2)
    channel = connection.channel()
    return {"heartbeat": connection._impl.params.heartbeat, "open": channel.is_open}


def tls():
    context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
    connection = connect(ssl_options=pika.SSLOptions(context, "localhost"))
    channel = connection.channel()
    channel.confirm_delivery()
    target = queue(channel, "secret")
    publish(channel, target, "sealed")
    return drain(channel, target)


PARTS = {
    "server": server,
    "declare": declare,
    "routing": routing,
    "confirms": confirms,
    "mandatory": mandatory,
    "settle": settle,
    "prefetch": prefetch,
    "dead letter": dead_letter,
    "rpc": rpc,
    "cancelled": cancelled,
    "priorities": priorities,
    "transaction": transaction,
    "large": large,
    "properties": properties,
    "headers": headers,
    "errors": errors,
    "fatal errors": fatal_errors,
    "closed by server": closed_by_server,
}

if MODE == "heartbeat":
    answer("heartbeat", heartbeat())
elif MODE == "tls":
    answer("tls", tls())
else:
    shared_connection = connect()
    for part, run in PARTS.items():
        answer(part, run(shared_connection))
    shared_connection.close()
