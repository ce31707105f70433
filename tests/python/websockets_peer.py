"""JSON-RPC over the package `websockets`, one message for each text message.

    websockets_peer.py server          serves on a free port, which it prints
    websockets_peer.py client <url>    connects, and takes commands on stdin

Events are printed as JSON on stderr, one a line; commands are those of `node/peer.js`, and
{"ping": true} and {"close": CODE, "reason": TEXT}.
"""

import itertools
import json
import os
import sys
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import serve

SECONDS = 120


def event(kind, **fields):
    print(json.dumps({"event": kind, **fields}), file=sys.stderr, flush=True)


class Refusal(Exception):
    pass


def called(method, params):
    if method == "subtract":
        if isinstance(params, list):
            return params[0] - params[1]
        return params["minuend"] - params["subtrahend"]
    if method == "lab.echoBack":
        return params["text"]
    if method == "isArray":
        return isinstance(params, list)
    if method == "nothing":
        return None
    if method == "refuse":
        raise Refusal({"code": 7, "message": "no", "data": {"why": [1]}})
    raise Refusal({"code": -32601, "message": "no such method"})


def handle(connection):
    try:
        for text in connection:
            if not isinstance(text, str):
                event("wrong", text="a binary message")
            message = json.loads(text)
            if "id" not in message:
                event(message["method"], params=message.get("params"))
                continue
            answer = {"jsonrpc": "2.0", "id": message["id"]}
            try:
                answer["result"] = called(message["method"], message.get("params"))
            except Refusal as refusal:
                answer["error"] = refusal.args[0]
            connection.send(json.dumps(answer))
    except ConnectionClosed:
        pass
    event("closed", code=connection.close_code, reason=connection.close_reason)


def main_server():
    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        event("ready", port=server.socket.getsockname()[1])
        server.serve_forever()


def main_client(url):
    ids = itertools.count(1)
    with connect(url, max_size=None) as connection:
        event("ready")
        for line in sys.stdin:
            command = json.loads(line)
            message = {"jsonrpc": "2.0", "params": command.get("params")}
            if "notify" in command:
                connection.send(json.dumps({**message, "method": command["notify"]}))
                event("result", value=None)
            elif "ping" in command:
                event("result", value=connection.ping().wait(30))
            elif "close" in command:
                connection.close(command["close"], command["reason"])
                event("result", value=connection.close_code)
                return
            else:
                message.update(method=command["call"], id=next(ids))
                connection.send(json.dumps(message))
                answer = json.loads(connection.recv(30))
                if "error" in answer:
                    event("error", **answer["error"])
                else:
                    event("result", value=answer["result"])
        try:
            connection.recv(30)
        except ConnectionClosed:
            pass
    event("closed", code=connection.close_code, reason=connection.close_reason)


def main():
    # Whatever happens, a test's leftovers end.
    timer = threading.Timer(SECONDS, lambda: os._exit(3))
    timer.daemon = True
    timer.start()
    if sys.argv[1] == "server":
        main_server()
    else:
        main_client(sys.argv[2])


main()
