"""Every part of the contract (contract.ts) with Kombu and py-amqp under it: python3 kombu_client.py URL PREFIX MODE"""

import json
import os
import socket
import sys
import time
from datetime import datetime, timezone
from decimal import Decimal

import amqp
import kombu

URL, PREFIX, MODE = sys.argv[1:4]
TIMEOUT = 60


def name(suffix):
    return PREFIX + suffix


def connect(transport_options=None, **more):
    connection = kombu.Connection(URL + "//", transport_options=transport_options or {})
    # Not as arguments, since what the address says goes first.
    for key, value in more.items():
        setattr(connection, key, value)
    connection.connect()
    return connection


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


def confirming(connection):
    channel = connection.channel()
    channel.confirm_select()
    return channel


def message(body, **properties):
    return amqp.Message(body, **properties)


def publish(channel, queue, body, **properties):
    """Waits for the confirm; false when the broker refused it."""
    try:
        channel.basic_publish_confirm(message(body, **properties), "", queue, timeout=TIMEOUT)
        return True
    except amqp.exceptions.MessageNacked:
        return False


def queue(channel, suffix, arguments=None, **more):
    # Exclusive unless told otherwise, so that nothing of it outlives the connection.
    options = {"exclusive": True, "auto_delete": False, "arguments": arguments, **more}
    return channel.queue_declare(name(suffix), **options).queue


def drain(channel, queue):
    bodies = []
    while True:
        got = channel.basic_get(queue, no_ack=True)
        if got is None:
            return bodies
        bodies.append(text(got))


def text(got):
    return got.body if isinstance(got.body, str) else bytes(got.body).decode()


def consume(connection, channel, queue, no_ack=False, tag=""):
    """A function that waits for the next delivery."""
    waiting = []
    # Without on_cancel, the end of a consumer is an exception for whoever happens to wait.
    channel.basic_consume(queue, tag, no_ack=no_ack, callback=waiting.append, on_cancel=lambda _: None)

    def take():
        while not waiting:
            connection.drain_events(timeout=TIMEOUT)
        return waiting.pop(0)

    return take


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).message_count


def server(connection):
    properties = connection.connection.server_properties
    capabilities = properties["capabilities"]
    return {"product": properties["product"], "capabilities": sorted(key for key in capabilities if capabilities[key])}


def declare(connection):
    channel = confirming(connection)

    def declare_durable(suffix, arguments=None):
        return channel.queue_declare(name(suffix), durable=True, auto_delete=False, arguments=arguments)

    def counts(declared):
        return [declared.message_count, declared.consumer_count]

    classic = declare_durable("classic")
    named = kombu.Queue("", exclusive=True, channel=channel).declare()
    of_quorum = declare_durable("quorum", {"x-queue-type": "quorum"})
    publish(channel, classic.queue, "1")
    publish(channel, classic.queue, "2")
    again = declare_durable("classic")
    purged = channel.queue_purge(classic.queue)
    publish(channel, classic.queue, "3")
    deleted = channel.queue_delete(classic.queue)
    channel.queue_delete(of_quorum.queue)
    return {
        "classic": counts(classic),
        "quorum": counts(of_quorum),
        "again": counts(again),
        "purged": purged,
        "deleted": deleted,
        "serverNamed": [named[:8], len(named)],
    }


def routing(connection):
    """With the entities of Kombu."""
    channel = connection.channel()
    options = {"durable": False, "delivery_mode": "transient"}
    exchanges = {kind: kombu.Exchange(name(kind), kind, **options)(channel) for kind in ("direct", "topic", "headers")}
    first = kombu.Exchange(name("first"), arguments={"alternate-exchange": name("alternate")}, **options)(channel)
    for kind in ("fanout", "alternate"):
        exchanges[kind] = kombu.Exchange(name(kind), "fanout", **options)(channel)
    for exchange in (*exchanges.values(), first):
        exchange.declare()
    exchanges["fanout"].bind_to(first, "onwards")
    bindings = {
        "direct": [kombu.binding(exchanges["direct"], "red")],
        "fanout": [kombu.binding(exchanges["fanout"])],
        "topic": [kombu.binding(exchanges["topic"], "a.*.c"), kombu.binding(exchanges["topic"], "#.z")],
        "headers": [kombu.binding(exchanges["headers"], arguments={"x-match": "any", "color": "red", "size": 1})],
        "alternate": [kombu.binding(exchanges["alternate"])],
    }
    for kind, bound in bindings.items():
        kombu.Queue(name("of-" + kind), bindings=bound, exclusive=True, channel=channel).declare()
    producer = kombu.Producer(channel)
    for key in ("red", "blue"):
        producer.publish(key, key, exchange=exchanges["direct"])
    for key in ("a.b.c", "a.c", "x.y.z", "z", "a.b.b.c"):
        producer.publish(key, key, exchange=exchanges["topic"])
    for body, headers in (("color", {"color": "red"}), ("size", {"size": 1}), ("none", {"color": "blue"})):
        producer.publish(body, exchange=exchanges["headers"], headers=headers)
    producer.publish("bound", "onwards", exchange=first)
    producer.publish("unbound", "elsewhere", exchange=first)
    found = {kind: drain(channel, name("of-" + kind)) for kind in bindings}
    for exchange in (*exchanges.values(), first):
        exchange.delete()
    return found


def confirms(connection):
    channel = confirming(connection)
    plain = queue(channel, "confirmed")
    acked = sum(publish(channel, plain, str(i)) for i in range(10))
    limited = queue(channel, "limited", {"x-max-length": 1, "x-overflow": "reject-publish"})
    outcomes = ["ack" if publish(channel, limited, str(i)) else "nack" for i in range(3)]
    return {"acked": min(acked, len(drain(channel, plain))), "limited": outcomes}


def mandatory(connection):
    channel = connection.channel()
    returned = []

    def on_return(error, _exchange, key, lost):
        returned.append({"code": error.code, "text": error.reply_text, "key": key, "body": text(lost)})

    channel.events["basic_return"].add(on_return)
    channel.basic_publish(message("lost"), "", name("nowhere"), mandatory=True)
    while not returned:
        connection.drain_events(timeout=TIMEOUT)
    return returned[0]


def settle(connection):
    channel = confirming(connection)
    target = queue(channel, "settled")
    for body in ("a", "b", "c"):
        publish(channel, target, body)
    channel.basic_qos(0, 1, False)
    take = consume(connection, channel, target, tag="settler")
    seen = []
    while not seen or seen[-1][0] != "c":
        got = take()
        seen.append([text(got), got.delivery_info["redelivered"]])
        if text(got) != "b":
            channel.basic_ack(got.delivery_tag)
        elif got.delivery_info["redelivered"]:
            channel.basic_reject(got.delivery_tag, requeue=False)
        else:
            # py-amqp has no basic.nack.
            channel.basic_reject(got.delivery_tag, requeue=True)
    channel.basic_cancel("settler")
    for body in ("d", "e", "f"):
        publish(channel, target, body)
    tags = [channel.basic_get(target).delivery_tag for _ in range(3)]
    channel.basic_ack(tags[1], multiple=True)
    channel.close()
    return {"seen": seen, "left": drain(connection.channel(), target)}


def prefetch(connection):
    channel = confirming(connection)
    target = queue(channel, "prefetched")
    for i in range(5):
        publish(channel, target, str(i))
    channel.basic_qos(0, 2, False)
    take = consume(connection, channel, target)
    first, second = take(), take()
    before = ready(channel, target)
    channel.basic_ack(first.delivery_tag)
    third = take()
    return {"seen": [text(got) for got in (first, second, third)], "ready": [before, ready(channel, target)]}


def dead_letter(connection):
    channel = confirming(connection)
    graves = name("graves")
    channel.exchange_declare(graves, "fanout", auto_delete=False)
    dead = queue(channel, "dead")
    channel.queue_bind(dead, graves)
    take = consume(connection, connection.channel(), dead, no_ack=True)
    to_graves = {"x-dead-letter-exchange": graves}
    expired = queue(channel, "expiring", {**to_graves, "x-message-ttl": 1})
    rejected = queue(channel, "rejecting", {**to_graves, "x-dead-letter-routing-key": "other"})
    limited = queue(channel, "full", {**to_graves, "x-max-length": 1})
    of_quorum = {"x-queue-type": "quorum", "x-delivery-limit": 1}
    tried = queue(channel, "tried", {**to_graves, **of_quorum}, durable=True, exclusive=False)
    found = []

    def bury():
        got = take()
        death = got.headers["x-death"][0]
        found.append(
            {
                "body": text(got),
                "reason": death["reason"],
                "first": got.headers["x-first-death-reason"],
                "queue": death["queue"],
                "exchange": death["exchange"],
                "keys": death["routing-keys"],
                "count": death["count"],
                "ttl": death.get("original-expiration"),
            }
        )

    publish(channel, expired, "by queue")
    bury()
    publish(channel, rejected, "by itself", expiration="1")
    bury()
    publish(channel, rejected, "by hand")
    channel.basic_reject(channel.basic_get(rejected).delivery_tag, requeue=False)
    bury()
    publish(channel, limited, "pushed out")
    publish(channel, limited, "kept")
    bury()
    publish(channel, tried, "too often")
    attempt_once = consume(connection, channel, tried)
    attempts = []
    for _ in range(2):
        got = attempt_once()
        attempts.append((got.headers or {}).get("x-delivery-count"))
        channel.basic_reject(got.delivery_tag, requeue=True)
    bury()
    channel.queue_delete(tried)
    channel.exchange_delete(graves)
    return {"found": found, "attempts": attempts}


def rpc(connection):
    client, worker = connection.channel(), connection.channel()
    requests = queue(worker, "requests")
    take_request = consume(connection, worker, requests, no_ack=True)
    take_reply = consume(connection, client, "amq.rabbitmq.reply-to", no_ack=True)
    asking = message("ping", reply_to="amq.rabbitmq.reply-to", correlation_id="42")
    client.basic_publish(asking, "", requests)
    request = take_request()
    address = request.properties["reply_to"]
    back = message("re: " + text(request), correlation_id=request.properties["correlation_id"])
    worker.basic_publish(back, "", address)
    reply = take_reply()
    return {
        "address": address[: len("amq.rabbitmq.reply-to.")],
        "reply": [text(reply), reply.properties["correlation_id"]],
    }


def cancelled(connection):
    channel = connection.channel()
    target = queue(channel, "vanishing")
    notices = []
    channel.basic_consume(target, consumer_tag="watcher", callback=notices.append, on_cancel=notices.append)
    connection.channel().queue_delete(target)
    while not notices:
        connection.drain_events(timeout=TIMEOUT)
    return notices[0]


def priorities(connection):
    channel = confirming(connection)
    target = queue(channel, "ranked", {"x-max-priority": 5})
    for priority in (None, 1, 9, 3, 5):
        publish(channel, target, str(priority or 0), **({} if priority is None else {"priority": priority}))
    return drain(channel, target)


def transaction(connection):
    channel, watching = connection.channel(), connection.channel()
    target = queue(channel, "transacted")
    channel.tx_select()
    channel.basic_publish(message("1"), "", target)
    channel.basic_publish(message("2"), "", target)
    before = ready(watching, target)
    channel.tx_commit()
    committed = ready(watching, target)
    channel.basic_publish(message("3"), "", target)
    channel.tx_rollback()
    return {"before": before, "committed": committed, "rolledBack": ready(watching, target)}


def large(connection):
    channel = confirming(connection)
    target = queue(channel, "large")
    body = bytes(i * 7 % 256 for i in range(1024)) * 1024
    publish(channel, target, body)
    received = bytes(channel.basic_get(target, no_ack=True).body)
    return {"length": len(received), "same": received == body}


def properties(connection):
    channel = confirming(connection)
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
    publish(channel, target, "x", **sent)
    received = channel.basic_get(target, no_ack=True).properties
    return {key: received[key] for key in sent}


def headers(connection):
    channel = confirming(connection)
    target = queue(channel, "headers")
    sent = {
        "string": "grüße",
        "int": 42,
        "negative": -7,
        "long": 1 << 40,
        "bool": True,
        "double": 2.5,
        "table": {"inner": "x", "deeper": {"n": 1}},
        "array": [1, "two", False],
        "time": datetime.fromtimestamp(1700000000, timezone.utc),
        "void": None,
        "decimal": Decimal("3.14"),
    }
    publish(channel, target, "x", application_headers=sent)
    received = channel.basic_get(target, no_ack=True).headers
    received["time"] = int(received["time"].replace(tzinfo=timezone.utc).timestamp())
    received["decimal"] = str(received["decimal"])
    return received


def attempt(connection, make):
    """What the broker says when it closes the channel, or the connection."""
    try:
        make(connection.channel())
        while True:
            connection.drain_events(timeout=TIMEOUT)
    except amqp.exceptions.AMQPError as error:
        return [error.code, error.reply_text]


def errors(connection):
    other = connect()
    shared, missing, bad = name("shared"), name("missing"), name("bad")
    lasting = {"durable": True, "auto_delete": False}
    connection.channel().queue_declare(shared, **lasting)
    locked = queue(connection.channel(), "locked")
    quorum = {"x-queue-type": "quorum"}
    mistakes = {
        "queue missing": lambda channel: channel.queue_declare(missing, passive=True),
        "exchange missing": lambda channel: channel.exchange_declare(missing, "direct", passive=True),
        "other durability": lambda channel: channel.queue_declare(shared, auto_delete=False),
        "other argument": lambda channel: channel.queue_declare(shared, arguments={"x-max-length": 5}, **lasting),
        "other exchange type": lambda channel: channel.exchange_declare("amq.direct", "fanout", **lasting),
        "reserved name": lambda channel: channel.queue_declare("amq.mine"),
        "bad argument": lambda channel: channel.queue_declare(bad, arguments={"x-message-ttl": -1}),
        "transient quorum": lambda channel: channel.queue_declare(bad, auto_delete=False, arguments=quorum),
        "bind to nothing": lambda channel: channel.queue_bind(shared, missing, "k"),
        "consume from nothing": lambda channel: channel.basic_consume(missing),
        "default exchange": lambda channel: channel.exchange_delete(""),
        "unknown tag": lambda channel: channel.basic_ack(99),
        "publish to nothing": lambda channel: channel.basic_publish(message("x"), missing, "k"),
        "bad expiration": lambda channel: channel.basic_publish(message("x", expiration="soon"), "", shared),
    }
    found = {mistake: attempt(connection, make) for mistake, make in mistakes.items()}
    found["locked"] = attempt(other, lambda channel: channel.queue_declare(locked, passive=True))
    connection.channel().queue_delete(shared)
    other.close()
    return found


def fatal_errors(_connection):
    def refused(**more):
        try:
            connect(**more)
        except amqp.exceptions.AMQPError as error:
            return [error.code, error.reply_text]

    def reuse_tag(channel):
        target = queue(channel, "twice")
        channel.basic_consume(target, consumer_tag="twice")
        channel.basic_consume(target, consumer_tag="twice")

    return {
        "wrong password": refused(password="wrong", login_method="PLAIN"),
        "wrong password by AMQPLAIN": refused(password="wrong", login_method="AMQPLAIN"),
        "no such vhost": refused(virtual_host="nowhere"),
        "tag used twice": attempt(connect(), reuse_tag),
        "prefetch size": attempt(connect(), lambda channel: channel.basic_qos(10, 0, False)),
    }


def closed_by_server(_connection):
    title = {"connection_name": name("connection-to-close")}
    connection = connect(transport_options={"client_properties": title})
    waiting = kombu.Queue(name("survivor"), channel=connection.channel())
    waiting.declare()
    answer("please close", name("connection-to-close"))
    closed = attempt(connection, lambda channel: None)
    # Kombu connects again for whoever wants to publish.
    with connection.SimpleQueue(name("survivor")) as simple:
        simple.put("after", retry=True, retry_policy={"max_retries": 10, "interval_start": 0.1})
        got = simple.get(timeout=TIMEOUT)
        got.ack()
    channel = connection.channel()
    channel.queue_delete(name("survivor"))
    # A simple queue has an exchange of the same name.
    channel.exchange_delete(name("survivor"))
    return {"closed": closed, "bodies": [got.payload]}


def heartbeat():
    connection = connect(heartbeat=2)
    end = time.monotonic() + 6.5
    while time.monotonic() < end:
        connection.heartbeat_check(rate=4)
        try:
            connection.drain_events(timeout=0.5)
        except socket.timeout:
            pass
    connection.channel()
    return {"heartbeat": connection.connection.heartbeat, "open": connection.connected}


def tls():
    connection = connect(ssl={"ca_certs": os.environ["CA_FILE"], "server_hostname": "localhost"})
    channel = confirming(connection)
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
