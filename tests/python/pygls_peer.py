"""pygls over stdio, with a Content-Length before each message.

    pygls_peer.py                       is a child: its own stdin and stdout are the wire
    pygls_peer.py <program> <args..>    starts a child, and takes commands on stdin

Both can be asked `question`, and as a child it has the methods of the tests' lab. Events are
printed as JSON on stderr, one a line; commands are those of `node/peer.js`.
"""

import asyncio
import json
import os
import sys
import threading

from pygls.client import JsonRPCClient
from pygls.exceptions import JsonRpcException
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCProtocol,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    default_converter,
)
from pygls.server import JsonRPCServer

SECONDS = 120


def event(kind, **fields):
    print(json.dumps({"event": kind, **fields}), file=sys.stderr, flush=True)


def converter():
    """The package's own makes tuples of maps, which go back as lists."""
    made = default_converter()
    fields = {
        JsonRPCRequestMessage: "params",
        JsonRPCNotification: "params",
        JsonRPCResponseMessage: "result",
    }
    for message, field in fields.items():
        made.register_structure_hook(
            message, lambda data, cls, field=field: cls(**{field: None, **data})
        )
    return made


def question(params):
    if params["text"] == "fail":
        raise JsonRpcException(code=7, message="no", data={"a": [1, "b"]})
    return params["text"][::-1]


def serve():
    server = JsonRPCServer(JsonRPCProtocol, converter)
    server.feature("question")(question)

    @server.feature("add")
    def add(params):
        return params["a"] + params["b"]

    @server.feature("echo")
    def echo(params):
        return (params or {}).get("text", "")

    @server.feature("fail")
    def fail(params):
        raise JsonRpcException(code=-32000, message=params["message"])

    @server.feature("nested")
    def nested(params):
        return params["value"]

    @server.feature("ask")
    async def ask(params):
        future = server.protocol.send_request("question", {"text": params["text"]})
        return await asyncio.wrap_future(future)

    @server.feature("Calc/subtractAll")
    def subtract_all(params):
        first, *others = params
        return first - sum(others)

    @server.feature("notify")
    def notify(params):
        event("notify", params=params)
        server.protocol.notify("notified", {"text": params["text"]})

    server.start_io()


async def drive(program, args):
    client = JsonRPCClient(JsonRPCProtocol, converter)
    client.feature("question")(question)

    @client.feature("notified")
    def notified(params):
        event("notified", params=params)

    await client.start_io(program, *args)
    loop = asyncio.get_running_loop()
    event("ready")
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        params = command.get("params")
        try:
            if "notify" in command:
                client.protocol.notify(command["notify"], params)
                value = None
            elif "call" in command:
                future = client.protocol.send_request(command["call"], params)
                value = await asyncio.wait_for(asyncio.wrap_future(future), 30)
            else:
                client._server.stdin.close()
                value = await client._server.wait()
            event("result", value=value)
        except JsonRpcException as error:
            event("error", code=error.code, message=error.message, data=error.data)


def main():
    # Whatever happens, a test's leftovers end.
    timer = threading.Timer(SECONDS, lambda: os._exit(3))
    timer.daemon = True
    timer.start()
    if len(sys.argv) > 1:
        asyncio.run(drive(sys.argv[1], sys.argv[2:]))
    else:
        serve()


main()
