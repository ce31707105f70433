"""What the scripts in this folder that speak JSON-RPC by themselves have in common.

Events are printed as JSON on stderr, one a line; commands are those of `node/peer.js`.
"""

import itertools
import json
import os
import sys
import threading

SECONDS = 120


def event(kind, **fields):
    print(json.dumps({"event": kind, **fields}), file=sys.stderr, flush=True)


def bounded():
    """Whatever happens, a test's leftovers end."""
    timer = threading.Timer(SECONDS, lambda: os._exit(3))
    timer.daemon = True
    timer.start()


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


def serve(telegrams, send):
    """Answers every telegram, until there are no more."""
    for text in telegrams:
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
        send(json.dumps(answer))


def command(receive, send, others=None):
    """Runs commands from stdin. `others` gets those that it does not know; it returns the
    result, and ends all by returning `END`."""
    ids = itertools.count(1)
    event("ready")
    for line in sys.stdin:
        command = json.loads(line)
        message = {"jsonrpc": "2.0", "params": command.get("params")}
        if "notify" in command:
            send(json.dumps({**message, "method": command["notify"]}))
            event("result", value=None)
        elif "call" in command:
            message.update(method=command["call"], id=next(ids))
            send(json.dumps(message))
            answer = json.loads(receive())
            if "error" in answer:
                event("error", **answer["error"])
            else:
                event("result", value=answer["result"])
        else:
            event("result", value=others(command))
