"""JSON-RPC over Python's module `ssl`, one message a line.

    ssl_peer.py server <certificate> <key> [<authority of clients>]
    ssl_peer.py client <port> <authority> [<certificate> <key>]

A server serves on a free port, which it prints, and says for each client who it is; a client
takes commands on stdin.
"""

import socket
import ssl
import sys

import json_peer
from json_peer import event


class Lines:
    """Text lines over a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.file = connection.makefile("r", encoding="utf-8", newline="\n")

    def __iter__(self):
        return iter(self.file)

    def receive(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        return line

    def send(self, text):
        self.connection.sendall(text.encode() + b"\n")


def subject(connection):
    certificate = connection.getpeercert()
    if not certificate:
        return None
    return {key: value for part in certificate["subject"] for key, value in part}


def main_server(certificate, key, authority=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    context.load_cert_chain(certificate, key)
    if authority:
        context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    event("ready", port=listener.getsockname()[1])
    while True:
        accepted, _ = listener.accept()
        try:
            connection = context.wrap_socket(accepted, server_side=True)
            event("client", subject=subject(connection), version=connection.version())
            lines = Lines(connection)
            json_peer.serve(lines, lines.send)
            # The other side has said goodbye, or this raises.
            connection.unwrap()
            event("closed", orderly=True)
        except OSError as error:
            event("closed", orderly=False, error=str(error))


def main_client(port, authority, certificate=None, key=None):
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    plain = socket.create_connection(("127.0.0.1", int(port)))
    connection = context.wrap_socket(plain, server_hostname="localhost")
    lines = Lines(connection)

    def others(command):
        if command == {"end": "unwrap"}:
            # What is left of the connection below is closed, too.
            connection.unwrap().close()
        else:
            # The end without a goodbye that Python makes if one does not ask for one.
            lines.file.close()
            connection.close()

    json_peer.command(lines.receive, lines.send, others)
    event("closed", orderly=connection.recv(1) == b"")


json_peer.bounded()
{"server": main_server, "client": main_client}[sys.argv[1]](*sys.argv[2:])
