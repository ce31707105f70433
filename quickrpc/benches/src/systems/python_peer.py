"""A server or a client of the Python original, told on stdin what to do."""

import collections
import sys
import threading
import time

from quickrpc import RemoteAPI, incoming, outgoing

NOTE = "a note of 18 bytes"


class Bench(RemoteAPI):
    @incoming(has_reply=True)
    def add(self, sender, a=0, b=0, note=""): pass

    @incoming
    def log(self, sender, a=0, b=0, note=""): pass

    @incoming(has_reply=True)
    def text(self, sender, text=""): pass


role, port = sys.argv[1:]
api = Bench(codec="jrpc", transport="tcpserv:127.0.0.1:" + port if role == "serve"
            else "tcp:127.0.0.1:" + port)
if role == "call":
    api.invert()
else:
    api.add.connect(lambda sender, a, b, note: a + b)
    api.log.connect(lambda sender, a, b, note: None)
    api.text.connect(lambda sender, text: text)
api.transport.start()
time.sleep(0.5)
print("ready", flush=True)


def serial(size, count):
    for _ in range(count):
        begin = time.perf_counter_ns()
        assert api.add(a=123, b=456, note=NOTE).result(10) == 579
        yield time.perf_counter_ns() - begin


def text(size, count):
    sent = "abcdefgh" * (size // 8)
    for _ in range(count):
        begin = time.perf_counter_ns()
        assert len(api.text(text=sent).result(60)) == len(sent)
        yield time.perf_counter_ns() - begin


def window(size, count):
    pending = collections.deque()
    for _ in range(count):
        if len(pending) == size:
            pending.popleft().result(10)
        pending.append(api.add(a=123, b=456, note=NOTE))
    for promise in pending:
        promise.result(10)
    return ()


def callers(size, count):
    threads = [threading.Thread(target=lambda: list(serial(0, count // size)))
               for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ()


def notify(size, count):
    for _ in range(count):
        api.log(a=123, b=456, note=NOTE)
    list(serial(0, 1))
    return ()


for line in sys.stdin:
    job, size, count = line.split()
    print(*globals()[job](int(size), int(count)), flush=True)
api.transport.stop()
