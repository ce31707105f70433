#!/usr/bin/env python3
"""Small QuickRPC peer for interoperability tests. Needs only QuickRPC==0.1.0, and
hmac_security.py beside it.

    quickrpc_peer.py [options] server <transport> <codec>
    quickrpc_peer.py [options] client <transport> <codec> [command ...]
    quickrpc_peer.py [options] announcer <udp-port> <description>
    quickrpc_peer.py [options] seeker <udp-port> [filter]

Every event is one JSON line on stdout (on stderr when the transport uses
stdio, because stdout is then the wire). The process ends by itself.

Server methods: echo(text), add(a, b), fail(message), blob(data), nested(value)
with reply; notify(text) without reply, answered by a broadcast of
notified(text). A client answers question(text) with the text turned round.

A client command is `method key=value ...`; values are JSON, or else text.
`{"__bytes": "<base64>"}` is bytes, and so it is in events; `@N*TEXT` is the
text N times. Long texts appear in events as `{"long": <characters>}`.
Further commands: `wait SECONDS`, `raw TEXT` (sends the bytes as they are;
\\n, \\0 and \\xNN are understood), `to=NAME` as an argument addresses receivers.
Without commands the client reads them from stdin, one per line.

Differences from the plain package, switched off by --faithful:
 * message_error is not passed on for undecodable input, since the package
   then raises in the transport thread and stops receiving.
 * The UDP transport is opened without the package's setsockopt(SOL_SOCKET,
   IP_MULTICAST_LOOP): on Linux that number means SO_PASSSEC at this level, and
   kernels without it refuse, so that the transport cannot start.
 * UDP broadcasts go to 127.255.255.255 in place of 255.255.255.255, so that
   tests stay on the loopback interface. Sockets bound to 0.0.0.0 hear them.
"""
import argparse
import base64
import json
import math
import os
import shlex
import socket
import subprocess
import sys
import threading
import time

import hmac_security  # Makes the security provider `hmac:` known.
from quickrpc import RemoteAPI, incoming, outgoing
from quickrpc import transport as make_transport
from quickrpc.announcer_api import AnnouncerAPI, make_udp_announcer
from quickrpc.network_transports import UdpTransport
from quickrpc.promise import PromiseTimeoutError
from quickrpc.codecs import RemoteError
from quickrpc.transports import Transport

OUT = sys.stdout
LOCK = threading.Lock()


def shown(value):
    if isinstance(value, bytes):
        return {"__bytes": base64.b64encode(value).decode()}
    return repr(value)


def shortened(value):
    if isinstance(value, (str, bytes)) and len(value) > 10000:
        return {"long": len(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has none.
    return value


def event(name, **fields):
    fields = {"event": name, **{k: shortened(v) for k, v in fields.items()}}
    with LOCK:
        print(json.dumps(fields, default=shown), file=OUT, flush=True)


class ChildTransport(Transport):
    """`child:<program> <argument>...`: the other side is a child process."""
    shorthand = "child"

    def __init__(self, command):
        super().__init__()
        self.command = command

    @classmethod
    def fromstring(cls, expression):
        return cls(shlex.split(expression.partition(":")[2]))

    def open(self):
        self.child = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, data, receivers=None):
        self.child.stdin.write(data)
        self.child.stdin.flush()

    def run(self):
        self.running = True
        rest = b""
        while self.running:
            data = self.child.stdout.read1(65536)
            if not data:
                break
            rest = self.received(sender="child", data=rest + data)

    def finish(self):
        """Close the child's input; it has to end by itself."""
        self.child.stdin.close()
        event("child_ended", status=self.child.wait(timeout=10))


class PeerApi(RemoteAPI):
    faithful = False

    @incoming(has_reply=True)
    def echo(self, sender, text=""): pass

    @incoming(has_reply=True)
    def add(self, sender, a=0, b=0): pass

    @incoming(has_reply=True)
    def fail(self, sender, message="failed"): pass

    @incoming(has_reply=True)
    def blob(self, sender, data=b""): pass

    @incoming(has_reply=True)
    def nested(self, sender, value=None): pass

    @incoming
    def notify(self, sender, text=""): pass

    @outgoing
    def notified(self, receivers=None, text=""): pass

    @outgoing(has_reply=True)
    def question(self, receivers=None, text=""): pass

    def message_error(self, sender, exception, in_reply_to=None):
        event("message_error", sender=sender, text=str(exception),
              decoded=in_reply_to is not None)
        if in_reply_to is not None or self.faithful:
            RemoteAPI.message_error(self, sender, exception, in_reply_to)


def open_udp(self):
    """Stands in for UdpTransport.open; see the text above."""
    self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    self.socket.settimeout(0.5)
    for option in (socket.SO_BROADCAST, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        self.socket.setsockopt(socket.SOL_SOCKET, option, 1)
    self.socket.bind(("", self.port))


def send_udp(self, data, receivers=None):
    """Stands in for UdpTransport.send; an empty list is a broadcast there too."""
    for receiver in receivers or ["127.255.255.255"]:
        self.socket.sendto(data, (receiver, self.port))


def seconds_left(deadline):
    return max(0.0, deadline - time.monotonic())


def idle(api, deadline):
    """Wait until the time is over, or the transport has stopped by itself."""
    while seconds_left(deadline) > 0 and api.transport.running:
        time.sleep(0.05)
    if not api.transport.running:
        event("transport_stopped")
        time.sleep(min(0.3, seconds_left(deadline)))


def bound_address(transport):
    for part in [transport] + list(getattr(transport, "transports", [])):
        if hasattr(part, "server"):
            return "%s:%d" % part.server.server_address
    return None


def run_server(args, deadline):
    api = PeerApi(codec=args.codec, transport=args.transport,
                  security=args.security)
    prepare(api, args)

    def on_echo(sender, text="", secinfo=None):
        event("call", method="echo", sender=sender, text=text, secinfo=secinfo)
        return text

    def on_add(sender, a=0, b=0):
        event("call", method="add", sender=sender, a=a, b=b)
        return a + b

    def on_fail(sender, message="failed"):
        event("call", method="fail", sender=sender, message=message)
        raise ValueError(message)

    def on_blob(sender, data=b""):
        event("call", method="blob", sender=sender, data=data)
        return data

    def on_nested(sender, value=None):
        event("call", method="nested", sender=sender, value=value)
        return value

    def on_notify(sender, text=""):
        event("call", method="notify", sender=sender, text=text)
        try:
            api.notified(text=text)
        except OSError as error:
            event("send_failed", text=str(error))

    api.echo.connect(on_echo)
    api.add.connect(on_add)
    api.fail.connect(on_fail)
    api.blob.connect(on_blob)
    api.nested.connect(on_nested)
    api.notify.connect(on_notify)
    # A handler may not wait for an answer, so the answer goes into an event.
    api.notify.connect(lambda sender, text="": ask(api, sender, text))
    api.transport.start()
    wait_running(api)
    event("ready", transport=args.transport, codec=args.codec,
          address=bound_address(api.transport))
    idle(api, deadline)


def ask(api, sender, text):
    if text.startswith("ask "):
        api.question([sender], text=text[4:]).then(
            lambda answer: event("answer", value=answer),
            lambda error: event("answer_failed", text=str(error)))


def prepare(api, args):
    api.faithful = args.faithful
    if hasattr(api.security, "sends_over"):
        api.security.sends_over(api.transport)
    if args.dawdle:
        dawdle(api.security)
    if args.user is not None:
        api.security.user = args.user
        if hasattr(api.echo, "pass_secinfo"):  # Only where it is incoming.
            api.echo.pass_secinfo(True)


def dawdle(security):
    """Give answers, which another thread sends, the time to overtake calls."""
    sign = security.sec_out

    def sec_out(payload):
        signed = sign(payload)
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.002)
        return signed
    security.sec_out = sec_out


def wait_running(api):
    # start() returns before run() has set `running`; sending right away fails.
    limit = time.monotonic() + 2
    while not api.transport.running and time.monotonic() < limit:
        time.sleep(0.01)


def value_of(text):
    if text.startswith("@"):
        count, _, part = text[1:].partition("*")
        return int(count) * part
    try:
        return json.loads(text, object_hook=lambda item: base64.b64decode(
            item["__bytes"]) if "__bytes" in item else item)
    except ValueError:
        return text


def run_command(api, line, timeout):
    method, *words = shlex.split(line)
    if method == "wait":
        time.sleep(float(words[0]))
        return
    if method == "raw":
        data = line.split(None, 1)[1].encode("utf8").decode("unicode_escape")
        api.transport.send(data.encode("latin-1"))
        event("sent", command=line)
        return
    pairs = dict(word.split("=", 1) for word in words)
    receivers = [pairs.pop("to")] if "to" in pairs else None
    kwargs = {key: value_of(text) for key, text in pairs.items()}
    try:
        promise = getattr(api, method)(receivers, **kwargs)
        if promise is None:
            event("sent", command=line)
        else:
            event("result", command=line, value=promise.result(timeout))
    except PromiseTimeoutError:
        event("timeout", command=line)
    except RemoteError as error:
        event("remote_error", command=line, message=error.message,
              details=error.details)
    except Exception as error:
        event("exception", command=line, type=type(error).__name__,
              text=str(error))


def run_client(args, deadline):
    api = PeerApi(codec=args.codec, transport=args.transport, invert=True,
                  security=args.security)
    prepare(api, args)
    api.notified.connect(lambda sender, text="": event(
        "notified", sender=sender, text=text))
    api.question.connect(lambda sender, text="": text[::-1])
    api.transport.start()
    wait_running(api)
    event("ready", transport=args.transport, codec=args.codec)
    for line in map(str.strip, args.commands or sys.stdin):
        if seconds_left(deadline) <= 0:
            break
        if line:
            run_command(api, line, min(args.timeout, seconds_left(deadline)))
    time.sleep(min(args.linger, seconds_left(deadline)))
    if isinstance(api.transport, ChildTransport):
        api.transport.finish()
    if not api.transport.running:
        event("transport_stopped")


def run_announcer(args, deadline):
    def wanted(text):
        event("seek", filter=text)
        return not text or str(text) in args.description
    api = make_udp_announcer(args.port, args.description, wanted)
    # The announcer hears its own broadcasts; count them instead of warning.
    api.message_error = lambda sender, exception, in_reply_to=None: event(
        "unhandled", sender=sender, text=str(exception))
    api.transport.start()
    wait_running(api)
    event("ready", port=args.port, description=args.description)
    idle(api, deadline)


def run_seeker(args, deadline):
    # The package offers no seeker; it is the announcer's API turned round.
    api = AnnouncerAPI("terse", UdpTransport(args.port), invert=True)
    api.message_error = lambda sender, exception, in_reply_to=None: event(
        "unhandled", sender=sender, text=str(exception))
    api.advertise.connect(lambda sender, description="": event(
        "advertised", sender=sender, description=description))
    api.transport.start()
    wait_running(api)
    event("ready", port=args.port)
    api.seek([args.to] if args.to else None, filter=args.filter)
    idle(api, min(deadline, time.monotonic() + args.linger))


def main():
    global OUT
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--timeout", type=float, default=2,
                        help="seconds to wait for each reply")
    parser.add_argument("--linger", type=float, default=0.5,
                        help="seconds to keep listening after the last command")
    parser.add_argument("--security", default="null")
    parser.add_argument("--user", help="user name for the security provider")
    parser.add_argument("--to", help="seeker: one address, not a broadcast")
    parser.add_argument("--faithful", action="store_true")
    parser.add_argument("--dawdle", action="store_true",
                        help="calls are sent a while after they were signed")
    modes = parser.add_subparsers(dest="mode", required=True)
    for name in ("server", "client"):
        mode = modes.add_parser(name)
        mode.add_argument("transport")
        mode.add_argument("codec")
        if name == "client":
            mode.add_argument("commands", nargs="*")
    mode = modes.add_parser("announcer")
    mode.add_argument("port", type=int)
    mode.add_argument("description")
    mode = modes.add_parser("seeker")
    mode.add_argument("port", type=int)
    mode.add_argument("filter", nargs="?", default="")
    args = parser.parse_args()

    if "stdio:" in getattr(args, "transport", ""):
        OUT = sys.stderr
    if not args.faithful:
        UdpTransport.open, UdpTransport.send = open_udp, send_udp
    deadline = time.monotonic() + args.seconds
    status = 0
    # The package's threads are not daemons: whatever they do, end in time.
    killer = threading.Timer(args.seconds + 1, lambda: os._exit(3))
    killer.daemon = True
    killer.start()
    try:
        globals()["run_" + args.mode](args, deadline)
    except Exception as error:
        event("exception", type=type(error).__name__, text=str(error))
        status = 1
    event("end")
    os._exit(status)


if __name__ == "__main__":
    main()
