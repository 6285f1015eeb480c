"""Sends and subscribes by stomp.py, in every version; prints an answer per line. With a CA, a certificate and its key: over TLS, by certificate."""
import json
import queue
import ssl
import sys

import stomp
import stomp.transport

host, port = sys.argv[1], int(sys.argv[2])
tls = sys.argv[3:]
WITHIN = 20

# stomp.py reads in one thread and writes in another on one TLS object, which Python before 3.13 does not protect: where the session tickets
# of TLS 1.3 come while CONNECT is written, CONNECT may be lost. TLS 1.2 has nothing that comes unasked. Not by `ssl_version` of set_ssl:
# stomp.py 8.0 does not look at it.
stomp.transport.DEFAULT_SSL_VERSION = ssl.PROTOCOL_TLSv1_2


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.messages, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)


MAKERS = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}


def connect(version, login="guest", passcode="guest"):
    options = {} if version == "1.0" else {"vhost": "/", "heartbeats": (1000, 1000)}
    client = MAKERS[version]([(host, port)], reconnect_attempts_max=1, **options)
    listener = Listener()
    client.set_listener("", listener)
    if tls:
        ca, cert, key = tls
        client.set_ssl(for_hosts=[(host, port)], ca_certs=ca, cert_file=cert, key_file=key)
        login = passcode = None
    client.connect(login, passcode, wait=True)
    if tls:
        assert client.transport.socket.version() == "TLSv1.2"
    return client, listener


def subscribe(client, listener, destination, name, **headers):
    client.subscribe(destination, name, receipt=name, **headers)
    assert listener.receipts.get(timeout=WITHIN) == name


def round_trip(version):
    client, listener = connect(version)
    destination = "/topic/py." + version.replace(".", "_")
    subscribe(client, listener, destination, "s", ack="auto")
    # only 1.2 escapes in this client as the specification says
    note = "a:b\n\\" if version == "1.2" else "plain"
    client.send(destination, "hellö €", content_type="text/plain", headers={"note": note, "receipt": "sent"})
    frame = listener.messages.get(timeout=WITHIN)
    assert listener.receipts.get(timeout=WITHIN) == "sent"
    answer("message", [frame.body, frame.headers["content-type"], frame.headers["note"], frame.headers["destination"]])
    client.disconnect("bye")
    answer("goodbye", listener.receipts.get(timeout=WITHIN))


def acknowledgements(version):
    client, listener = connect(version)
    destination = "/queue/py.acks." + version
    subscribe(client, listener, destination, "s", ack="client-individual" if version != "1.0" else "client")
    for body in ("a", "b"):
        client.send(destination, body, persistent="true")
    frames = [listener.messages.get(timeout=WITHIN) for _ in range(2)]

    def settle(act, frame):
        if version == "1.2":
            act(frame.headers["ack"])
        elif version == "1.1":
            act(frame.headers["message-id"], frame.headers["subscription"])
        else:
            act(frame.headers["message-id"])

    settle(client.ack, frames[0])
    if version == "1.0":
        settle(client.ack, frames[1])
        answer("acks", [frame.body for frame in frames])
    else:
        settle(client.nack, frames[1])
        again = listener.messages.get(timeout=WITHIN)
        answer("acks", [frame.body for frame in frames] + [again.body, again.headers["redelivered"]])
        settle(client.ack, again)
    client.unsubscribe("s")
    client.disconnect("bye")
    listener.receipts.get(timeout=WITHIN)


def transactions(version):
    client, listener = connect(version)
    destination = "/topic/py.transactions." + version
    subscribe(client, listener, destination, "s", ack="auto")
    dropped, kept = client.begin(), client.begin()
    client.send(destination, "dropped", transaction=dropped)
    client.send(destination, "kept", transaction=kept)
    client.abort(dropped)
    client.commit(kept)
    client.send(destination, "after")
    answer("transactions", [listener.messages.get(timeout=WITHIN).body for _ in range(2)])
    client.disconnect()


def errors(version):
    client, listener = connect(version)
    client.send("/exchange/nope", "x")
    frame = listener.errors.get(timeout=WITHIN)
    answer("error", [frame.headers["message"], frame.body])


for each in MAKERS:
    answer("version", each)
    round_trip(each)
    acknowledgements(each)
    transactions(each)
    errors(each)
