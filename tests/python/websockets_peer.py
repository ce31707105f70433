"""JSON-RPC over the package `websockets`, one message for each text message.

    websockets_peer.py server [<certificate> <key>]
    websockets_peer.py client <url> [<authority>]

A server serves on a free port, which it prints; a client takes commands on stdin. Beside
those of `json_peer.py` they are {"ping": true} and {"close": CODE, "reason": TEXT}.
"""

import ssl
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

import json_peer
from json_peer import event


def handle(connection):
    try:
        json_peer.serve(connection, connection.send)
    except ConnectionClosed:
        pass
    event("closed", code=connection.close_code, reason=connection.close_reason)


def main_server(certificate=None, key=None):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    with serve(handle, "127.0.0.1", 0, max_size=None, ssl=context) as server:
        event("ready", port=server.socket.getsockname()[1])
        server.serve_forever()


def main_client(url, authority=None):
    context = ssl.create_default_context(cafile=authority) if authority else None
    with connect(url, max_size=None, ssl=context) as connection:

        def others(command):
            if "ping" in command:
                return connection.ping().wait(30)
            connection.close(command["close"], command["reason"])
            return connection.close_code

        json_peer.command(lambda: connection.recv(30), connection.send, others)
        try:
            connection.recv(30)
        except ConnectionClosed:
            pass
    event("closed", code=connection.close_code, reason=connection.close_reason)


json_peer.bounded()
{"server": main_server, "client": main_client}[sys.argv[1]](*sys.argv[2:])
