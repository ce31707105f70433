#!/usr/bin/env python3
"""Small Juggler peer for interoperability tests.

The installed package decides which generation is spoken (a separate virtual
environment for each):
    pip install hat-juggler==0.5.14 hat-json==0.5.16 hat-aio==0.7.5 hat-util==0.6.8
        symmetric: DATA, MESSAGE, PING, rpc. Without the older helper packages
        it fails on import.
    pip install hat-juggler==0.7.6
        request/response, state, notify, in segments. 0.6.26 works as well: the
        same messages, one frame each, without segments.

    juggler_peer.py [options] server <port> [command ...]     ws://127.0.0.1:<port>/ws
                                                (a free one for 0; "ready" says which)
    juggler_peer.py [options] client <url> [command ...]

Every event is one JSON line on stdout, frames included unless --quiet is
given; the process ends by itself. A server acts on the connections it has when
a command runs.

Both generations answer the actions (requests) echo, add, fail, slow. Commands,
one per argument, or one per stdin line with the single command `-`:
    wait SECONDS | until COUNT (server: wait for COUNT connections) | close
    load COUNT (so many calls of echo at once, with values of every JSON kind: how many came back)
    churn COUNT (so many random changes of the state, or local data, each told by itself)
    vary COUNT SEED (the same, from what is shown already)
    shown | seen (what this side shows, and what it sees of the other)
    ended (waits until an object with the member "end" is seen; what it is, and how many changes
        were seen before)
    deaf (reads nothing of the connection until the next line)
    big LENGTH (a call of echo with a text of so many characters: whether it came back)
  0.5, both sides
    set JSON | flush | send JSON | call ACTION JSON ...
  0.7 server
    set JSON | flush | notify NAME JSON
  0.7 client
    request NAME JSON
"""
import argparse
import asyncio
import inspect
import json
import os
import random
import sys
import threading

import aiohttp
import aiohttp.web
from hat import aio, juggler

SYMMETRIC = hasattr(juggler, "RpcConnection")


def event(name, /, **fields):
    print(json.dumps({"event": name, **fields}, default=repr), flush=True)


def show_frames():
    """Make both aiohttp WebSocket classes print what passes through them."""
    for cls in (aiohttp.web.WebSocketResponse, aiohttp.ClientWebSocketResponse):
        def patch(cls):
            send, receive = cls.send_str, cls.receive

            async def send_str(self, text, *args, **kwargs):
                event("sent", frame=text)
                return await send(self, text, *args, **kwargs)

            async def receive_(self, *args, **kwargs):
                message = await receive(self, *args, **kwargs)
                if message.type == aiohttp.WSMsgType.TEXT:
                    event("received", frame=message.data)
                else:
                    event("received_other", type=message.type.name,
                          code=self.close_code)
                return message
            cls.send_str, cls.receive = send_str, receive_
        patch(cls)


QUIET = False
CHANGES = {}


def noted(conn, name, value):
    """A change of what the other side shows."""
    CHANGES[conn] = CHANGES.get(conn, 0) + 1
    if not QUIET:
        event(name, value=value)


def remember_port(listening):
    """Make aiohttp tell on which port it listens."""
    start = aiohttp.web.TCPSite.start

    async def start_(self):
        await start(self)
        listening.append(self._server.sockets[0].getsockname()[1])
    aiohttp.web.TCPSite.start = start_


def values_of(text):
    """One or more JSON values, separated by blanks."""
    values, decoder = [], json.JSONDecoder()
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:].lstrip()
    return values


def accepted(function, **options):
    """The options that this version of the package knows."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in options.items() if name in known}


async def act(name, args):
    event("called", name=name, args=args)
    if name == "echo":
        return args[0] if args else None
    if name == "add":
        return args[0] + args[1]
    if name == "slow":
        await asyncio.sleep(args[0] if args else 0.3)
        return "slow"
    if name == "fail":
        raise Exception("failed on purpose")
    raise Exception("unknown name")


ACTIONS = ("echo", "add", "fail", "slow")


# ------------------------------------------------------- generation 0.5

def wrap(conn):
    """An RpcConnection that reports everything it gets."""
    def action(name):
        async def run(*args):
            return await act(name, list(args))
        return run
    rpc = juggler.RpcConnection(conn, {name: action(name) for name in ACTIONS})
    rpc.register_change_cb(lambda: noted(rpc, "remote_data", rpc.remote_data))

    async def messages():
        try:
            while True:
                event("message", value=await rpc.receive())
        except ConnectionError:
            event("connection_closed")
    rpc.async_group.spawn(aio.call, messages)
    return rpc


async def command_05(conn, word, name, values):
    if word == "set":
        conn.set_local_data(*values)
    elif word == "flush":
        await conn.flush_local_data()
    elif word == "send":
        await conn.send(*values)
    elif word == "call":
        return await conn.call(name, *values)


# ------------------------------------------------------- generation 0.7

async def on_request(conn, name, data):
    args = data if isinstance(data, list) and name in ("add", "slow") else [data]
    return await act(name, args)


async def on_notify(client, name, data):
    event("notify", name=name, value=data)


async def command_07(conn, word, name, values):
    if word == "set":
        conn.state.set([], *values)
    elif word == "flush":
        await conn.flush()
    elif word == "notify":
        await conn.notify(name, *values)
    elif word == "request":
        return await conn.send(name, *values)


# --------------------------------------------------------------- driving

KINDS = [None, True, False, 0, -1, 1.5, -2.5e-300, 1e300, 2**53 + 1, -2**63, 2**64 - 1, "", "text",
         "ä\U0001f600\0\"\\\n\x7f\u2028", [], [[[]]], [1, "a", None, {"b": []}], {},
         {"": "", "a": {"b": {"c": [False]}}, "ключ": 1}, "x" * 1000]


async def load(echo, count):
    """So many calls at once; how many gave back what they were given."""
    async def one(number):
        value = [number, KINDS[number % len(KINDS)]]
        return json.dumps(await echo(value)) == json.dumps(value)
    return sum(await asyncio.gather(*map(one, range(count))))


def echo_of(conn):
    if SYMMETRIC:
        return lambda value: conn.call("echo", value)
    return lambda value: conn.send("echo", value)


def any_value(depth=0):
    kind = random.random()
    if depth > 3 or kind < 0.4:
        return random.choice([None, True, False, 3, 4.5, -2, "", "a", "é", "b/~"])
    if kind < 0.7:
        return [any_value(depth + 1) for _ in range(random.randint(0, 5))]
    return {any_key(): any_value(depth + 1) for _ in range(random.randint(0, 5))}


def any_key():
    return random.choice(["a", "b", "/", "~", "", "é", "c"])


def changed(value):
    """The same with a change somewhere."""
    kind = random.random()
    if isinstance(value, list) and value and kind < 0.8:
        value, at = list(value), random.randrange(len(value))
        if kind < 0.2:
            del value[at]
        elif kind < 0.5:
            value.insert(at, any_value(2))
        else:
            value[at] = changed(value[at])
        return value
    if isinstance(value, dict) and value and kind < 0.8:
        value, key = dict(value), random.choice(list(value))
        if kind < 0.2:
            del value[key]
        elif kind < 0.5:
            value[any_key()] = any_value(2)
        else:
            value[key] = changed(value[key])
        return value
    return any_value(1)


async def show(conn, value):
    if SYMMETRIC:
        conn.set_local_data(value)
        await conn.flush_local_data()
    else:
        conn.state.set([], value)
        await conn.flush()


async def churn(conn, count, seed=None, value=None):
    random.seed(seed or count)
    for _ in range(count):
        value = changed(value)
        await show(conn, value)
    return count


def shown_by(conn):
    return conn.local_data if SYMMETRIC else conn.state.data


def seen_by(conn):
    return conn.remote_data if SYMMETRIC else conn.state.data


async def ended(conn):
    """The last state of the other side, and how many changes of it were seen."""
    changes = conn if SYMMETRIC else conn.state
    changed = asyncio.Event()
    with changes.register_change_cb(lambda *_: changed.set()):
        while True:
            value = seen_by(conn)
            if isinstance(value, dict) and "end" in value:
                return [value["end"], CHANGES.pop(conn, 0)]
            changed.clear()
            await changed.wait()


async def special(conn, word, values):
    if word == "churn":
        return await churn(conn, *values)
    if word == "vary":
        return await churn(conn, *values, shown_by(conn))
    if word == "shown":
        return shown_by(conn)
    if word == "seen":
        return seen_by(conn)
    if word == "ended":
        return await ended(conn)
    if word == "deaf":
        # All of its loop waits, the reading of sockets included.
        event("deaf")
        return sys.stdin.readline().strip()
    if word == "load":
        return await load(echo_of(conn), *values)
    text = "ä" * values[0]
    return await echo_of(conn)(text) == text


SPECIAL = ("load", "big", "churn", "vary", "shown", "seen", "ended", "deaf")


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


async def drive(args, connections):
    """Run the commands; false when the last one was `close`."""
    command = command_05 if SYMMETRIC else command_07
    async for line in lines_of(args.commands):
        word, _, tail = line.partition(" ")
        if word == "wait":
            await asyncio.sleep(float(tail))
            continue
        if word == "until":
            while len(connections) < int(tail):
                await asyncio.sleep(0.02)
            continue
        if word == "close":
            return False
        name = None
        if word in ("call", "notify", "request"):
            name, _, tail = tail.partition(" ")
        values = values_of(tail)
        for conn in list(connections):
            try:
                work = (special(conn, word, values) if word in SPECIAL
                        else command(conn, word, name, values))
                event("result", command=line,
                      value=await asyncio.wait_for(work, args.timeout))
            except asyncio.TimeoutError:
                event("timeout", command=line)
            except Exception as error:
                event("error", command=line, type=type(error).__name__,
                      text=str(error), data=getattr(error, "data", None))
    return True


async def run_server(args):
    connections, listening = [], []
    remember_port(listening)

    async def on_connection(conn):
        conn = wrap(conn) if SYMMETRIC else conn
        connections.append(conn)
        event("connected", count=len(connections))
        try:
            await conn.wait_closing()
        finally:
            connections.remove(conn)
            event("disconnected", count=len(connections))

    if SYMMETRIC:
        server = await juggler.listen("127.0.0.1", args.port, on_connection,
                                      autoflush_delay=args.autoflush)
    else:
        server = await juggler.listen(
            "127.0.0.1", args.port, on_connection, on_request, **accepted(
                juggler.listen, autoflush_delay=args.autoflush,
                max_segment_size=args.segment, ping_delay=args.ping_delay,
                ping_timeout=args.ping_timeout, parallel_requests=args.parallel))
    event("ready", port=listening[0], generation="0.5" if SYMMETRIC else "0.6/0.7")
    if await drive(args, connections):
        await asyncio.sleep(args.seconds)
    await server.async_close()


async def run_client(args):
    if SYMMETRIC:
        conn = wrap(await juggler.connect(args.url,
                                          autoflush_delay=args.autoflush))
    else:
        conn = await juggler.connect(args.url, on_notify, **accepted(
            juggler.connect, max_segment_size=args.segment,
            ping_delay=args.ping_delay, ping_timeout=args.ping_timeout))
        conn.state.register_change_cb(lambda value: noted(conn, "state", value))
    event("ready", url=args.url, generation="0.5" if SYMMETRIC else "0.6/0.7")
    if await drive(args, [conn]):
        await asyncio.wait([asyncio.ensure_future(conn.wait_closed())],
                           timeout=args.seconds)
        event("closed" if conn.is_closed else "still_open")
    await conn.async_close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--timeout", type=float, default=2,
                        help="seconds to wait for each command")
    parser.add_argument("--autoflush", type=float, default=0.2)
    parser.add_argument("--segment", type=int, default=64 * 1024, help="0.7 only")
    parser.add_argument("--ping-delay", type=float, default=30, help="0.7 only")
    parser.add_argument("--ping-timeout", type=float, default=30, help="0.7 only")
    parser.add_argument("--parallel", action="store_true", help="0.7 server only")
    parser.add_argument("--quiet", action="store_true")
    modes = parser.add_subparsers(dest="mode", required=True)
    mode = modes.add_parser("server")
    mode.add_argument("port", type=int)
    mode.add_argument("commands", nargs="*")
    mode = modes.add_parser("client")
    mode.add_argument("url")
    mode.add_argument("commands", nargs="*")
    args = parser.parse_args()
    global QUIET
    QUIET = args.quiet
    if not args.quiet:
        show_frames()
    killer = threading.Timer(args.seconds + 3, lambda: os._exit(3))
    killer.daemon = True
    killer.start()

    async def bounded():
        run = run_server if args.mode == "server" else run_client
        try:
            await asyncio.wait_for(run(args), args.seconds)
        except asyncio.TimeoutError:
            pass
        except Exception as error:
            event("exception", type=type(error).__name__, text=str(error))

    asyncio.run(bounded())
    event("end")
    os._exit(0)


if __name__ == "__main__":
    main()
