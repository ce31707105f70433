"""A counterpart that uses the MessagePack-RPC of pynvim over TCP: `pynvim_peer.py PORT`.

It calls, is called while it waits, and then serves. Events are printed as JSON on stderr.
"""

import sys

from pynvim.msgpack_rpc import ErrorResponse, tcp_session

from json_peer import bounded, event


def request(name, args):
    if name == "question":
        if args[0] == "fail":
            raise ErrorResponse("no")
        return args[0][::-1]
    raise ErrorResponse("no such method")


def notification(name, args):
    event("notified", name=name, args=args)
    if args == ["stop"]:
        session.stop()


def talk():
    event("result", of="add", value=session.request("add", 2, 3))
    event("result", of="ask", value=session.request("ask", "abc"))
    try:
        session.request("fail", "no luck")
    except Exception as error:
        event("failed", of="fail", error=str(error))
    event("done")


bounded()
session = tcp_session("127.0.0.1", int(sys.argv[1]))
session.error_wrapper = Exception
session.run(request, notification, talk)
