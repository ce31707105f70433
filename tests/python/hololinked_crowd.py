"""Clients of hololinked that ask much at once, hold on, or send nonsense.

    hololinked_crowd.py MODE --address tcp://HOST:PORT [options]

mixed   Four clients (two of them asynchronous) send operations of all kinds beside each other, each with some
        underway, and take the answers in another order. Each has to be answered once, and as it should be.
hold    Sends `slow`, and behind it one-way and ordinary `add`; then it waits to be killed.
flood   A DEALER that sends bad headers as fast as they are taken and reads nothing, until its input ends.

Prints lines of JSON: `connected`, `progress`, `sent`, `flooding`, `wrong`, and at the end `summary`.
"""

import argparse
import asyncio
import collections
import json
import logging
import os
import random
import sys
import tempfile
import threading
import time

OUT = sys.stdout
sys.stdout = sys.stderr  # the package logs there
LOCK = threading.Lock()


def say(event, **members):
    with LOCK:
        OUT.write(json.dumps({"event": event, **members}, default=repr) + "\n")
        OUT.flush()


parser = argparse.ArgumentParser()
parser.add_argument("mode", choices=["mixed", "hold", "flood"])
parser.add_argument("--address", required=True)
parser.add_argument("--server-id", default="interop-server")
parser.add_argument("--thing-id", default="interop-thing")
parser.add_argument("--clients", type=int, default=4)
parser.add_argument("--operations", type=int, default=2500, help="of each client")
parser.add_argument("--underway", type=int, default=16)
parser.add_argument("--seconds", type=float, default=60.0, help="it ends after so long, whatever it does")
ARGS = parser.parse_args()

HOME = tempfile.TemporaryDirectory(prefix="hlcrowd-")
os.environ["HOME"] = HOME.name  # the package makes folders there


def leave(status):
    HOME.cleanup()
    os._exit(status)


def watch():
    time.sleep(ARGS.seconds)
    leave(3)


threading.Thread(target=watch, daemon=True).start()

import zmq  # noqa: E402


def flood():
    socket = zmq.Context().socket(zmq.DEALER)
    socket.linger = 0
    socket.identity = b"flood"
    socket.connect(ARGS.address)
    good = {
        "messageType": "OPERATION", "messageID": "m", "senderID": "flood", "receiverID": ARGS.server_id,
        "thingID": ARGS.thing_id, "objekt": "add", "operation": "invokeaction",
    }
    bad = [
        b"", b"null", b"[" * 5000, b"\xff\xfe", json.dumps(good).encode()[:-1],
        json.dumps({**good, "extra": 1}).encode(),
        json.dumps({**good, "messageType": "PLEASE"}).encode(),
        json.dumps({**good, "messageID": None, "senderID": {}}).encode(),
        json.dumps({key: good[key] for key in good if key != "messageID"}).encode(),
        # These can be told that they are wrong, which they do not read.
        json.dumps({**good, "thingID": "no-such-thing"}).encode(),
        json.dumps({**good, "messageType": "EXIT"}).encode(),
    ]
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    sent = 0
    while not ended.is_set():
        parts = [b"", bad[sent % len(bad)], b"{}", b""]
        if sent % 7 == 0:
            parts = parts[: 1 + sent % 4]
        try:
            socket.send_multipart(parts, zmq.NOBLOCK)
            sent += 1
        except zmq.Again:
            time.sleep(0.001)
        if sent == 2000:
            say("flooding")
            sent += 1
    say("summary", sent=sent)


if ARGS.mode == "flood":
    flood()
    leave(0)

from hololinked.config import global_config  # noqa: E402

global_config.set_temp_dir(os.path.join(HOME.name, "hl"))
global_config.LOG_LEVEL = logging.ERROR
global_config.setup()

try:
    import hololinked.server.zmq.brokers as brokers  # noqa: E402
    from hololinked.core.eventloop.payloads import PreserializedData, SerializableData  # noqa: E402
except ImportError:
    import hololinked.core.zmq.brokers as brokers  # noqa: E402
    from hololinked.serializers.payloads import PreserializedData, SerializableData  # noqa: E402

ANSWERS = collections.Counter()


class Counted(brokers.ResponseMessage):
    """An answer as it came from the socket: the package keeps one of an id, however many there are."""

    def __init__(self, *args, **named):
        super().__init__(*args, **named)
        if len(self.byte_array) > 2:  # else it tells of the connection
            ANSWERS[self.id] += 1


brokers.ResponseMessage = Counted


class Sent:
    """What was asked, and how its answer is judged."""

    def __init__(self, what, kinds, payload=None, raw=b"", check=None):
        self.what, self.kinds, self.payload, self.raw, self.check = what, kinds, payload, raw, check
        self.id = None


def request(what, objekt, operation="invokeaction", payload=None, raw=None, limits=None, thing=None):
    return what, dict(
        thing_id=thing or ARGS.thing_id,
        objekt=objekt,
        operation=operation,
        payload=SerializableData(payload, content_type="application/json"),
        preserialized_payload=PreserializedData(
            raw or b"", content_type="application/octet-stream" if raw else "text/plain"
        ),
        server_execution_context={"invokation_timeout": 60, "execution_timeout": 60, **(limits or {})},
        thing_execution_context={"fetch_execution_logs": False},
    )


def message(payload):
    return payload["exception"]["message"]


def operation(rng, n):
    """One of all kinds: what to send, and what has to come of it."""
    a, b = rng.randrange(-1000, 1000), rng.randrange(1000)
    kind = rng.randrange(13)
    if kind == 0:
        return Sent("add", ["REPLY"], a + b), request("add", "add", payload={"a": a, "b": b})
    if kind == 1:
        return Sent("add", ["REPLY"], a + b), request("add", "add", payload={"__args__": [a, b]})
    if kind == 2:
        value = {"n": n, "l": [a, None, "\u00f6", {"b": b}], "t": "x" * rng.randrange(3000)}
        return Sent("echo", ["REPLY"], value), request("echo", "echo", payload={"value": value})
    if kind == 3:
        text = f"failure {n}"
        sent = Sent("fail", ["EXCEPTION"], check=lambda payload: message(payload) == text)
        return sent, request("fail", "fail", payload={"message": text})
    if kind == 4:
        raw = rng.randbytes(rng.randrange(1, 3000))
        return Sent("blob", ["REPLY"], None, raw[::-1]), request("blob", "blob", payload={}, raw=raw)
    if kind == 5:
        return Sent("mixed", ["REPLY"], {"width": 2}, b"\x00\x01\xfe\xff"), request("mixed", "mixed", payload={})
    if kind == 6:
        sent = Sent("read", ["REPLY"], check=lambda payload: isinstance(payload, (int, float)))
        return sent, request("read", "value", "readproperty")
    if kind == 7:
        return Sent("write", ["REPLY"]), request("write", "value", "writeproperty", payload=b + 0.5)
    if kind == 8:
        sent = Sent("several", ["REPLY"], check=lambda payload: set(payload) == {"value", "label"})
        return sent, request("several", "_get_properties", payload={"names": ["value", "label"]})
    if kind == 9:
        sent = Sent("unknown", ["EXCEPTION"], check=lambda payload: bool(message(payload)))
        return sent, request("unknown", "no_such_action", payload={})
    if kind == 10:
        sent = Sent("elsewhere", ["INVALID_MESSAGE"], check=lambda payload: bool(message(payload)))
        return sent, request("elsewhere", "add", payload={"a": a, "b": b}, thing="no-such-thing")
    if kind == 11:
        limits = {"invokation_timeout": 0.002}
        sent = Sent("hurried", ["REPLY", "TIMEOUT"], check=lambda payload: payload in (a + b, "invokation"))
        return sent, request("hurried", "add", payload={"a": a, "b": b}, limits=limits)
    return Sent("oneway", []), request("oneway", "add", payload={"a": a, "b": b}, limits={"oneway": True})


async def converse(number, send, receive, totals):
    rng = random.Random(number)
    underway, everything = [], []
    done = 0

    async def take():
        nonlocal done
        sent = underway.pop(rng.randrange(len(underway)))
        answer = await receive(sent.id)
        payload, raw = answer.payload.deserialize(), answer.preserialized_payload.value
        good = sent.check(payload) if sent.check else payload == sent.payload
        if answer.type not in sent.kinds or not good or raw != sent.raw:
            say("wrong", what=sent.what, kind=answer.type, payload=payload, raw=len(raw))
            totals["wrong"] += 1
        totals[f"{sent.what} {answer.type}"] += 1
        done += 1
        if done % 100 == 0:
            say("progress", client=number, done=done)

    for n in range(ARGS.operations):
        sent, (_, arguments) = operation(rng, n)
        sent.id = await send(**arguments)
        everything.append(sent)
        if sent.kinds:
            underway.append(sent)
        else:
            totals["oneway"] += 1
        if len(underway) >= ARGS.underway:
            await take()
    while underway:
        await take()
    # What were still to come would come before that.
    _, arguments = request("ping", "ping", payload={})
    await receive(await send(**arguments))
    for sent in everything:
        if ANSWERS[sent.id] != len(sent.kinds[:1]):
            say("wrong", what=sent.what, answers=ANSWERS[sent.id])
            totals["wrong"] += 1


def client_id(number):
    return f"crowd-{os.getpid()}-{number}"


def synchronous(number, totals):
    client = brokers.SyncZMQClient(
        id=client_id(number), server_id=ARGS.server_id, access_point=ARGS.address, handshake=True,
        handshake_timeout=20000, poll_timeout=100,
    )
    say("connected", client=number)

    async def send(**arguments):
        return client.send_request(**arguments)

    async def receive(id):
        return client.recv_response(id)

    asyncio.run(converse(number, send, receive, totals))


def asynchronous(number, totals):
    async def run():
        client = brokers.AsyncZMQClient(
            id=client_id(number), server_id=ARGS.server_id, access_point=ARGS.address, handshake=False,
            context=zmq.asyncio.Context(), poll_timeout=100,
        )
        client.handshake(20000)
        await client.handshake_complete(20000)
        say("connected", client=number)
        await converse(number, client.async_send_request, client.async_recv_response, totals)

    asyncio.run(run())


def mixed():
    threading.excepthook = lambda failed: (say("wrong", error=repr(failed.exc_value)), leave(1))
    totals = [collections.Counter() for _ in range(ARGS.clients)]
    threads = []
    for number in range(ARGS.clients):
        target = asynchronous if number % 2 else synchronous
        thread = threading.Thread(target=target, args=(number, totals[number]), daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    both = sum(totals, collections.Counter())
    added = both["add REPLY"] + both["hurried REPLY"] + both["oneway"]
    answered = sum(count for what, count in both.items() if " " in what)
    say("summary", wrong=both["wrong"], answered=answered, oneway=both["oneway"], added=added, totals=dict(both))


def hold():
    client = brokers.SyncZMQClient(
        id=client_id("hold"), server_id=ARGS.server_id, access_point=ARGS.address, handshake=True,
        handshake_timeout=20000, poll_timeout=100,
    )
    for objekt, payload, limits in [
        ("slow", {"seconds": 3.0}, {}),
        ("add", {"a": 1, "b": 1}, {"oneway": True}),
        ("add", {"a": 1, "b": 1}, {}),
    ]:
        _, arguments = request(objekt, objekt, payload=payload, limits=limits)
        client.send_request(**arguments)
    # Its answer says that what was sent before it has arrived.
    client.handshake(20000)
    say("sent")
    sys.stdin.read()


{"mixed": mixed, "hold": hold}[ARGS.mode]()
leave(0)
