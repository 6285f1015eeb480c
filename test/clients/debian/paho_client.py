"""Publishes and subscribes by paho, in every version and with every QoS; prints an answer per line."""
import json
import sys
import threading

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

host, port = sys.argv[1], int(sys.argv[2])


def answer(part, value):
    print(json.dumps({"part": part, "value": value}), flush=True)


def make(version, client_id):
    if hasattr(paho, "CallbackAPIVersion"):
        client = paho.Client(paho.CallbackAPIVersion.VERSION1, client_id, protocol=version)
    else:
        client = paho.Client(client_id, protocol=version)
    client.username_pw_set("guest", "guest")
    return client


def roundtrip(version, qos):
    got, ready, done = [], threading.Event(), threading.Event()
    client = make(version, "paho-%d-%d" % (version, qos))
    topic = "paho/%d/%d" % (version, qos)
    client.on_connect = lambda *args: client.subscribe(topic, qos)
    client.on_subscribe = lambda *args: ready.set()

    def on_message(_client, _data, message):
        facts = {"payload": message.payload.decode(), "qos": message.qos}
        if version == paho.MQTTv5:
            facts["user"] = [list(pair) for pair in getattr(message.properties, "UserProperty", [])]
        got.append(facts)
        done.set()

    client.on_message = on_message
    client.connect(host, port)
    client.loop_start()
    assert ready.wait(20)
    if version == paho.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = ("a", "1")
        client.publish(topic, "hello", qos, properties=properties).wait_for_publish(20)
    else:
        client.publish(topic, "hello", qos).wait_for_publish(20)
    assert done.wait(20)
    client.disconnect()
    client.loop_stop()
    answer("%d %d" % (version, qos), got)


for each in (paho.MQTTv31, paho.MQTTv311, paho.MQTTv5):
    for level in (0, 1, 2):
        roundtrip(each, level)
