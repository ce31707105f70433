"""A socket of ZeroMQ by pyzmq, for tests.

    zmq_peer.py TYPE bind|connect ADDRESS [options]

Prints events as lines of JSON: `ready` with the address, `message` with the parts of each message
that comes (text, or for long ones the length, the beginning and the end), and a `result` or an
`error` for each command. Commands are lines of JSON on standard input:

    {"send": [PART, ...]}   a part is a text, or {"text": TEXT, "times": N}, with
                            a text "before" and "after" if wanted
    {"again": 1}            closes the socket without waiting, and makes it anew
    {"subscribe": TOPIC}, {"unsubscribe": TOPIC}
    {"read": false}         does not read any more, until {"read": true}
    {}                      nothing

The result of each is the number of messages that have come.

With --serve, messages are requests of JSON-RPC, which are answered with their own arguments, in the
envelope in which they came.
"""

import argparse
import errno
import json
import sys
import threading
import time

import zmq

LONG = 2000


def say(event, **members):
    print(json.dumps({"event": event, **members}), flush=True)


def part(description):
    if isinstance(description, str):
        return description.encode()
    text = description["text"].encode() * description["times"]
    ends = [description.get(end, "").encode() for end in ("before", "after")]
    return ends[0] + text + ends[1]


def shown(data):
    if len(data) <= LONG:
        return data.decode("utf-8", "backslashreplace")
    ends = [data[:20].decode("latin-1"), data[-20:].decode("latin-1")]
    return {"length": len(data), "begins": ends[0], "ends": ends[1]}


class Peer:
    def __init__(self, options):
        self.options = options
        self.context = zmq.Context()
        self.reading = True
        self.heard = 0
        self.open(options.address)

    def open(self, address):
        options = self.options
        self.socket = self.context.socket(getattr(zmq, options.type.upper()))
        self.has_sent = False
        self.socket.linger = 0
        self.socket.reconnect_ivl = 20
        self.socket.maxmsgsize = -1
        if options.identity:
            self.socket.identity = options.identity.encode()
        if options.heartbeat:
            self.socket.heartbeat_ivl = options.heartbeat
        if options.hwm:
            self.socket.set_hwm(options.hwm)
        if options.to:
            self.socket.connect_routing_id = options.to.encode()
        for topic in options.subscribe:
            self.socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        if options.how == "bind":
            # The one before it may still be there for a moment.
            for _ in range(500):
                try:
                    self.socket.bind(address)
                    break
                except zmq.ZMQError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                    time.sleep(0.01)
            address = self.socket.last_endpoint.decode()
        else:
            self.socket.connect(address)
        self.address = address

    def run(self):
        commands = self.context.socket(zmq.PAIR)
        commands.bind("inproc://commands")
        threading.Thread(target=self.read_commands, daemon=True).start()
        say("ready", address=self.address)
        poller = zmq.Poller()
        poller.register(commands, zmq.POLLIN)
        while True:
            if self.reading and self.options.type not in ("pub", "push"):
                poller.register(self.socket, zmq.POLLIN)
            ready = dict(poller.poll())
            if self.socket in ready:
                self.hear(self.socket.recv_multipart())
            if commands in ready:
                line = commands.recv()
                if not line:
                    return
                self.obey(json.loads(line), poller)

    def read_commands(self):
        commands = self.context.socket(zmq.PAIR)
        commands.connect("inproc://commands")
        for line in sys.stdin:
            commands.send(line.strip().encode())
        commands.send(b"")

    def obey(self, command, poller):
        try:
            if "send" in command:
                self.send([part(one) for one in command["send"]])
            elif "again" in command:
                poller.unregister(self.socket)
                self.socket.close(0)
                self.open(self.address)
            elif "subscribe" in command:
                self.socket.setsockopt(zmq.SUBSCRIBE, command["subscribe"].encode())
            elif "unsubscribe" in command:
                self.socket.setsockopt(zmq.UNSUBSCRIBE, command["unsubscribe"].encode())
            elif "read" in command:
                self.reading = command["read"]
                if not self.reading:
                    poller.unregister(self.socket)
        except zmq.ZMQError as error:
            say("error", text=str(error))
        else:
            say("result", value=self.heard)

    def send(self, parts):
        if not self.has_sent:
            # Whoever we are connected to may not have greeted yet; later, nobody may have room.
            self.socket.poll(10_000, zmq.POLLOUT)
        self.socket.send_multipart(parts, zmq.NOBLOCK)
        self.has_sent = True

    def hear(self, parts):
        self.heard += 1
        if not self.options.serve:
            say("message", parts=[shown(one) for one in parts])
            return
        request = json.loads(parts[-1])
        if request.get("id") is None:
            say("notified", method=request["method"], params=request.get("params"))
            return
        say("called", method=request["method"])
        answer = {"jsonrpc": "2.0", "id": request["id"], "result": request.get("params")}
        self.socket.send_multipart([*parts[:-1], json.dumps(answer).encode()])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("type")
    parser.add_argument("how", choices=["bind", "connect"])
    parser.add_argument("address")
    parser.add_argument("--identity")
    parser.add_argument("--to", help="the identity of who is connected to, of a router")
    parser.add_argument("--subscribe", action="append", default=[])
    parser.add_argument("--heartbeat", type=int, help="asks so often, in milliseconds")
    parser.add_argument("--hwm", type=int, help="so many messages wait in each direction")
    parser.add_argument("--serve", action="store_true")
    Peer(parser.parse_args()).run()


main()
