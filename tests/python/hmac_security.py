"""`hmac:<user>?keys=<file>&to=<peer>` for Python QuickRPC, on one connection.

As `docs/security.md` describes it. Importing this module makes the expression known.
"""
import base64
import contextlib
import hmac
import secrets
import threading
import tomllib
from urllib.parse import parse_qs

from quickrpc.security import InvalidSignatureError, Security, SecurityError

HELLO = b'{"jsonrpc":"2.0","method":"rpc.hello","params":{},"id":9007199254740991}'
SIGNED = ("user", "to", "session", "peer", "counter", "time")


class HmacSecurity(Security):
    shorthand = "hmac"

    def __init__(self, user, to, key):
        self.user, self.to, self.key = user, to, key
        self.counter, self.greeted = 0, threading.Event()
        self.session = secrets.token_hex(16)

    @classmethod
    def fromstring(cls, expression):
        user, _, options = expression.partition(":")[2].partition("?")
        options = {key: values[0] for key, values in parse_qs(options).items()}
        with open(options["keys"], "rb") as file:
            users = tomllib.load(file)["users"]
        keys = users.get(user, users.get(options["to"]))["keys"]
        return cls(user, options["to"], base64.b64decode(keys[0]))

    def sends_over(self, transport):
        """To be called before anything is sent: lets messages leave in the order of their
        counters. The package signs a message first and sends it then, on any thread, and a
        receiver refuses what was overtaken meanwhile."""
        self.leaving, send = threading.RLock(), transport.send

        def send_in_turn(data, receivers=None):
            try:
                send(data, receivers)
            finally:
                with contextlib.suppress(RuntimeError):  # It was not signed.
                    self.leaving.release()
        transport.send = send_in_turn

    def mac(self, info, payload):
        fields = ["quickrpc-hmac-1", *(info[name] for name in SIGNED), ""]
        signed = "\n".join(fields).encode() + payload
        return base64.b64encode(hmac.digest(self.key, signed, "sha256")).decode()

    def sec_out(self, payload):
        self.greeted.wait(10)  # Before that nobody knows the peer's session.
        self.leaving.acquire()  # Until it is sent.
        self.counter += 1
        values = self.user, self.to, self.session, self.peer, str(self.counter), "0"
        info = dict(zip(SIGNED, values))
        return info | {"mac": self.mac(info, payload)}, None

    def sec_in(self, payload, info):
        if "mac" not in info and payload == HELLO:  # A new connection.
            self.session = secrets.token_hex(16)
            self.peer, self.last = info["session"], 0
            return self.greeted.set()
        if any("\n" in value for value in info.values()) or not hmac.compare_digest(
                info.get("mac", ""), self.mac(info, payload)):
            raise InvalidSignatureError("not signed by " + self.to)
        if [info[name] for name in SIGNED[:4]] != [
                self.to, self.user, self.peer, self.session] or int(
                info["counter"]) <= self.last:
            raise SecurityError("replayed or misdirected")
        self.last = int(info["counter"])
