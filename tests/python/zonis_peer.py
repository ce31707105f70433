#!/usr/bin/env python3
"""Small Zonis peer for interoperability tests.

    pip install zonis==2.1.0 fastapi uvicorn        (zonis brings websockets==10.4)

    zonis_peer.py [options] server <port> [command ...]
    zonis_peer.py [options] client <url> [command ...]

Every event is one JSON line on stdout; the process ends by itself. Frames
are shown as events `sent` and `received` unless --quiet is given.

Routes on both sides: ping() -> "pong", echo(text), add(a, b), fail() (raises),
who() -> the side's name, note(text) (an event), unserialisable() (no JSON).

Commands, one per argument, or one per stdin line with the single command `-`:
    client   ROUTE key=value ...          request to the server
             load COUNT                   so many requests of echo at once, with values of
                                          every JSON kind
    server   IDENTIFIER ROUTE key=value   request to one client
             load IDENTIFIER COUNT        the same to one client
             all ROUTE key=value          request_all
             clients                      list the connected identifiers
             drop IDENTIFIER              Server.disconnect
    both     wait SECONDS | until COUNT (server: wait for COUNT clients) | close

What the package leaves to its user is done here and can be switched off:
 * --keep-stale: the package never notices that a client has gone. Here the
   endpoint watches the socket and forgets the client.
"""
import argparse
import asyncio
import functools
import json
import os
import shlex
import sys
import threading

import zonis

QUIET = False


def event(name, **fields):
    print(json.dumps({"event": name, **fields}, default=repr), flush=True)


class Tap:
    """Shows the frames that pass through a websocket object."""

    def __init__(self, ws, gone=None):
        self.ws = ws
        self.gone = gone

    async def show(self, coroutine, name=None, text=None):
        try:
            result = await coroutine
        except Exception as error:
            event("socket_closed", type=type(error).__name__,
                  code=getattr(error, "code", None),
                  reason=getattr(error, "reason", str(error)))
            if self.gone:
                self.gone.set()
            raise
        if not QUIET:
            event(name, frame=result if text is None else text)
        return result

    # the names Starlette uses
    async def send_text(self, text):
        return await self.show(self.ws.send_text(text), "sent", text)

    async def receive_text(self):
        return await self.show(self.ws.receive_text(), "received")

    async def close(self, code=1000, reason=None):
        event("closing", code=code, reason=reason)
        await self.ws.close(code=code, reason=reason)

    # the names the websockets package uses
    async def send(self, text):
        return await self.show(self.ws.send(text), "sent", text)

    async def recv(self):
        return await self.show(self.ws.recv(), "received")

    async def receive(self):
        return await self.recv()


def add_routes(side, name):
    @side.route()
    async def ping():
        return "pong"

    @side.route()
    async def echo(text=None):
        return text

    @side.route()
    async def add(a, b):
        return a + b

    @side.route()
    async def fail():
        raise ValueError("failed on purpose")

    @side.route()
    async def who():
        return name

    @side.route()
    async def note(text):
        event("note", text=text)

    @side.route()
    async def unserialisable():
        return {1, 2}


KINDS = [None, True, False, 0, -1, 1.5, -2.5e-300, 1e300, 2**53 + 1, -2**63, 2**64 - 1, "", "text",
         "ä\U0001f600\0\"\\\n\x7f\u2028", [], [[[]]], [1, "a", None, {"b": []}], {},
         {"": "", "a": {"b": {"c": [False]}}, "ключ": 1}, "x" * 1000]


async def load(request, count):
    """So many requests at once; how many gave back what they were given."""
    async def one(number):
        value = [number, KINDS[number % len(KINDS)]]
        return json.dumps(await request("echo", text=value)) == json.dumps(value)

    return sum(await asyncio.gather(*map(one, range(count))))


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def pairs_of(words):
    return {k: value_of(v) for k, v in (word.split("=", 1) for word in words)}


async def attempt(line, timeout, coroutine):
    try:
        event("result", command=line,
              value=await asyncio.wait_for(coroutine, timeout))
    except asyncio.TimeoutError:
        event("timeout", command=line)
    except Exception as error:
        event("error", command=line, type=type(error).__name__, text=str(error),
              data=getattr(error, "response_data", None))


async def lines_of(commands):
    if commands != ["-"]:
        for line in commands:
            yield line
        return
    while True:
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        if line.strip():
            yield line.strip()


async def run_server(args):
    import uvicorn
    from fastapi import FastAPI, WebSocket

    server = zonis.Server(using_fastapi_websockets=True, secret_key=args.secret,
                          override_key=args.override)
    add_routes(server, "SERVER")
    app = FastAPI()

    @app.websocket(args.path)
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        gone = asyncio.Event()
        tap = Tap(websocket, gone)
        try:
            first = json.loads(await tap.receive_text())
            identifier = await server.parse_identify(first, tap)
        except Exception as error:
            event("identify_failed", text=str(error), cause=repr(error.__cause__))
            return
        router = server._connections.get(identifier)
        event("connected", identifier=identifier)
        await gone.wait()
        if not args.keep_stale and server._connections.get(identifier) is router:
            await server.disconnect(identifier)
        event("disconnected", identifier=identifier)

    config = uvicorn.Config(app, host="127.0.0.1", port=args.port,
                            log_level="critical", ws="websockets", lifespan="off")
    web = uvicorn.Server(config)
    web.install_signal_handlers = lambda: None
    task = asyncio.create_task(web.serve())
    while not web.started:
        await asyncio.sleep(0.02)
    event("ready", port=web.servers[0].sockets[0].getsockname()[1])

    async for line in lines_of(args.commands):
        word, *rest = shlex.split(line)
        if word == "wait":
            await asyncio.sleep(float(rest[0]))
        elif word == "until":
            while len(server._connections) < int(rest[0]):
                await asyncio.sleep(0.02)
        elif word == "clients":
            event("clients", identifiers=list(server._connections))
        elif word == "drop":
            await attempt(line, args.timeout, server.disconnect(rest[0]))
        elif word == "close":
            break
        elif word == "load":
            asks = functools.partial(server.request, client_identifier=rest[0])
            await attempt(line, args.timeout, load(asks, int(rest[1])))
        elif word == "all":
            await attempt(line, args.timeout,
                          server.request_all(rest[0], **pairs_of(rest[1:])))
        else:
            await attempt(line, args.timeout, server.request(
                rest[0], client_identifier=word, **pairs_of(rest[1:])))
    else:
        await asyncio.sleep(args.seconds)
    web.should_exit = True
    await asyncio.wait([task], timeout=2)


async def run_client(args):
    client = zonis.Client(url=args.url, identifier=args.identifier,
                          secret_key=args.secret, override_key=args.override)
    client.router._default_client_websocket_factory = Tap
    add_routes(client, args.identifier)
    try:
        # start() never returns when the server refuses the identification.
        await asyncio.wait_for(client.start(), args.timeout)
    except asyncio.TimeoutError:
        event("not_identified")
        return
    event("ready", url=args.url, identifier=args.identifier)
    async for line in lines_of(args.commands):
        word, *rest = shlex.split(line)
        if word == "wait":
            await asyncio.sleep(float(rest[0]))
        elif word == "close":
            await client.close()
            await asyncio.sleep(0.5)
            return
        elif word == "load":
            await attempt(line, args.timeout, load(client.request, int(rest[0])))
        else:
            await attempt(line, args.timeout,
                          client.request(word, **pairs_of(rest)))
    await client.block_until_closed()
    event("closed")


def main():
    global QUIET
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--timeout", type=float, default=2,
                        help="seconds to wait for each reply")
    parser.add_argument("--secret", default="")
    parser.add_argument("--override", default=None)
    parser.add_argument("--identifier", default="DEFAULT", help="client only")
    parser.add_argument("--path", default="/ws", help="server only")
    parser.add_argument("--keep-stale", action="store_true", help="server only")
    parser.add_argument("--quiet", action="store_true")
    modes = parser.add_subparsers(dest="mode", required=True)
    mode = modes.add_parser("server")
    mode.add_argument("port", type=int)
    mode.add_argument("commands", nargs="*")
    mode = modes.add_parser("client")
    mode.add_argument("url")
    mode.add_argument("commands", nargs="*")
    args = parser.parse_args()
    QUIET = args.quiet
    killer = threading.Timer(args.seconds + 3, lambda: os._exit(3))
    killer.daemon = True
    killer.start()

    async def bounded():
        run = run_server if args.mode == "server" else run_client
        try:
            await asyncio.wait_for(run(args), args.seconds)
        except asyncio.TimeoutError:
            pass

    asyncio.run(bounded())
    event("end")
    os._exit(0)


if __name__ == "__main__":
    main()
