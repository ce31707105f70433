"""A counterpart that uses msgpack-rpc-python: `server PORT`, or `client PORT`.

Texts are bytes to it. Events are printed as JSON on stderr, one a line.
"""

import sys
import threading

import msgpackrpc

from json_peer import bounded, event


def shown(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {shown(key): shown(item) for key, item in value.items()}
    return value


class Handler:
    def add(self, a, b):
        return a + b

    def echo(self, text):
        return text

    def notify(self, text):
        event("notified", text=shown(text))

    def fail(self, text):
        raise ValueError(shown(text))


def serve(port):
    server = msgpackrpc.Server(Handler())
    server.listen(msgpackrpc.Address("127.0.0.1", port))
    event("ready")
    server.start()


def call(client, method, *args):
    try:
        event("result", of=method, value=shown(client.call(method, *args)))
    except msgpackrpc.error.RPCError as error:
        event("failed", of=method, error=shown(error.args[0]))


def be_a_client(port):
    client = msgpackrpc.Client(msgpackrpc.Address("127.0.0.1", port), timeout=60)
    call(client, "add", 2, 3)
    call(client, "echo", "ä\N{GRINNING FACE}")
    call(client, "blob", b"\0\1\2")
    call(client, "fail", "no luck")
    call(client, "missing")
    client.notify("notify", "from python")
    futures = [client.call_async("add", n, n) for n in range(100)]
    event("many", values=[future.get() for future in futures])
    event("done")


def main():
    bounded()
    role, port = sys.argv[1:]
    {"server": serve, "client": be_a_client}[role](int(port))


threading.current_thread().name = "peer"
main()
