"""A service that shares work, and a client, by paho: mqtt_peer.py HOST PORT NAMESPACE [alone]

Serves `double`, calls `add` unless it is alone, says `ready`, and goes on until its input ends: for each line
of it, it tells everybody `tick`, with the line as `text`. What is told to everybody it prints.
"""

import json
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

host, port, namespace, *alone = sys.argv[1:]
answers = queue.Queue()
subscribed = queue.Queue()


def on_message(client, userdata, message):
    if message.topic == "answers/python":
        return answers.put((message.properties.CorrelationData, json.loads(message.payload)))
    if message.topic == f"{namespace}/all/say":
        return print(message.topic, message.payload.decode(), flush=True)
    call = json.loads(message.payload)
    answer = {"jsonrpc": "2.0", "id": call["id"], "result": 2 * call["params"]["x"]}
    properties = Properties(PacketTypes.PUBLISH)
    properties.CorrelationData = message.properties.CorrelationData
    client.publish(message.properties.ResponseTopic, json.dumps(answer), 1, properties=properties)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
client.on_message = on_message
client.on_subscribe = lambda *arguments: subscribed.put(arguments)
client.connect(host, int(port))
client.loop_start()
for topic in [f"$share/workers/{namespace}/any/double", f"{namespace}/all/say", "answers/python"]:
    client.subscribe(topic, qos=1)
    subscribed.get(timeout=20)
for number in range(0 if alone else 3):
    call = {"jsonrpc": "2.0", "id": 1, "method": "add", "params": {"a": number, "b": 3}}
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "answers/python"
    properties.CorrelationData = b"call %d" % number
    client.publish(f"{namespace}/any/add", json.dumps(call), 1, properties=properties)
found = dict(answers.get(timeout=20) for _ in range(0 if alone else 3))
for number in range(0 if alone else 3):
    assert found[b"call %d" % number]["result"] == number + 3, found
print("ready", flush=True)
for line in sys.stdin:
    call = {"jsonrpc": "2.0", "method": "tick", "params": {"text": line.strip()}}
    client.publish(f"{namespace}/all/tick", json.dumps(call), 1)
client.loop_stop()
