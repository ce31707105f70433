#!/usr/bin/env python3
"""A peer with a property, as the original has it: three calls. Needs only QuickRPC==0.1.0, and
quickrpc_peer.py with hmac_security.py beside it.

    property_peer.py owner <transport> <codec>    the property is its own
    property_peer.py other <transport> <codec>    it is that of the other side

Events are JSON lines as those of quickrpc_peer.py, and so are the commands, which are read from
stdin: `get_voltage`, `set_voltage value=6`, `voltage_changed value=5`.
"""
import os
import sys
import threading

from quickrpc import RemoteAPI, incoming, outgoing
from quickrpc_peer import bound_address, event, run_command, wait_running

SECONDS = 120


class SupplyApi(RemoteAPI):
    @incoming(has_reply=True)
    def get_voltage(self, sender): pass

    @incoming(has_reply=True)
    def set_voltage(self, sender, value): pass

    @outgoing
    def voltage_changed(self, receivers=None, value=None): pass

    def message_error(self, sender, exception, in_reply_to=None):
        event("message_error", text=str(exception))
        if in_reply_to is not None:
            RemoteAPI.message_error(self, sender, exception, in_reply_to)


def own(api):
    voltage = 5.0

    def on_set(sender, value):
        nonlocal voltage
        if value > 30:
            raise ValueError("too high")
        voltage = value
        api.voltage_changed(value=value)
        event("set", value=value)

    api.get_voltage.connect(lambda sender: voltage)
    api.set_voltage.connect(on_set)


def main():
    role, transport, codec = sys.argv[1:]
    # The package's threads are not daemons: whatever they do, end in time.
    killer = threading.Timer(SECONDS, lambda: os._exit(3))
    killer.daemon = True
    killer.start()
    api = SupplyApi(codec=codec, transport=transport, invert=role == "other")
    if role == "owner":
        own(api)
    else:
        api.voltage_changed.connect(
            lambda sender, value=None: event("changed", value=value))
    api.transport.start()
    wait_running(api)
    event("ready", address=bound_address(api.transport))
    for line in map(str.strip, sys.stdin):
        if line:
            run_command(api, line, 20)
    os._exit(0)


if __name__ == "__main__":
    main()
