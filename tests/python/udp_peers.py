"""Several peers on UDP, at addresses of their own: udp_peers.py PORT

Each calls `add` of the echo example on 127.0.0.1 at the same time, hears what one of them says, and
is served after what no honest peer sends.
"""

import json
import socket
import sys

port = int(sys.argv[1])
hub = ("127.0.0.1", port)


def peer(number):
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    peer.bind((f"127.0.0.{number}", port))
    peer.settimeout(20)
    return peer


def call(peer, a, b, key):
    message = {"jsonrpc": "2.0", "method": "add", "params": {"a": a, "b": b}, "id": key}
    peer.sendto(json.dumps(message).encode() + b"\0", hub)


def answer(peer):
    while True:
        message, sender = peer.recvfrom(65536)
        assert sender == hub, sender
        message = json.loads(message.rstrip(b"\0"))
        if "result" in message:
            return message["id"], message["result"]


peers = [peer(number) for number in (2, 3, 4)]
for number, one in enumerate(peers):
    call(one, number, 1, number)
for number, one in enumerate(peers):
    assert answer(one) == (number, number + 1)

hostile = [b"\0" * 100, b"{" * 60_000, b"", b"\xff\xfe", b'{"jsonrpc":"2.0","method":"add","params":{']
for key, message in enumerate(hostile * 5):
    peers[0].sendto(message, hub)
    call(peers[1], key, 2, key)
    assert answer(peers[1]) == (key, key + 2)
print("three peers on UDP are served")
