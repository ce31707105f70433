#!/usr/bin/env python3
"""Calls of Things over ZeroMQ, one at a time: the Python package hololinked, this library, and both together,
beside a DEALER and a ROUTER of pyzmq that only echo.

Each pair takes its turn in each round; a number is the best round of a pair, and the one in the middle. Every
end is a process of its own, over loopback TCP. On one processor (`taskset -c 0`), which of them the scheduler
puts where is no matter of luck.

    quickrpc/benches/things.py
    taskset -c 0 quickrpc/benches/things.py --rounds 21
"""

import argparse
import atexit
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ["hololinked[zmq]==0.4.2", "pyzmq==26.1.1"]


# ---- what runs in the processes that are measured: `things.py --end ROLE ..`


def quiet():
    """The package without a log, and with its files where the others are."""
    import logging

    from hololinked.config import global_config

    global_config.set_temp_dir(os.path.join(os.environ["HOME"], "hl"))
    global_config.LOG_LEVEL = logging.ERROR
    global_config.setup()


def timed(call):
    """For each line with a number, so many calls; says how many seconds they took."""
    for line in sys.stdin:
        count = int(line)
        begun = time.perf_counter()
        for n in range(count):
            call(n)
        answer(time.perf_counter() - begun)


def answer(text):
    os.write(OUT, f"{text}\n".encode())


def thing():
    quiet()
    from hololinked.core import Thing, action

    class Meter(Thing):
        @action()
        def add(self, a: int, b: int) -> int:
            return a + b

    port = free_pair()
    answer(port)
    Meter(id="meter").run_with_zmq_server(access_points=f"tcp://127.0.0.1:{port}")


def client(port):
    quiet()
    from hololinked.core.eventloop.payloads import SerializableData
    from hololinked.server.zmq import SyncZMQClient

    client = SyncZMQClient(
        id=f"bench-{os.getpid()}", server_id="meter", access_point=f"tcp://127.0.0.1:{port}", handshake=True,
        handshake_timeout=20000,
    )

    def call(n):
        payload = SerializableData({"a": n, "b": 1}, content_type="application/json")
        response = client.execute(thing_id="meter", objekt="add", operation="invokeaction", payload=payload)
        assert response.payload.deserialize() == n + 1

    timed(call)


def router():
    import zmq

    socket = zmq.Context().socket(zmq.ROUTER)
    answer(socket.bind_to_random_port("tcp://127.0.0.1"))
    while True:
        socket.send_multipart(socket.recv_multipart())


def dealer(port):
    import zmq

    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(f"tcp://127.0.0.1:{port}")
    # As large as a request.
    message = [b"", b"h" * 600, b'{"a":123,"b":1}', b""]

    def call(n):
        socket.send_multipart(message)
        assert len(socket.recv_multipart()) == 4

    timed(call)


def free_pair():
    """A port whose neighbour is free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


# ---- what measures


class End:
    """A process, in a home directory that is removed at the end."""

    def __init__(self, command, home):
        command = [str(part) for part in command]
        environment = {**os.environ, "HOME": home}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process = subprocess.Popen(command, env=environment, **pipes)
        atexit.register(self.end)

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.process.args)} has ended")
        return line.strip()

    def calls(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.line())

    def end(self):
        self.process.kill()
        self.process.wait()


class Pair:
    def __init__(self, home, name, server, call):
        self.name = name
        self.server = End(server, home)
        port = self.server.line()
        reachable(int(port))
        self.client = End(call(port), home)
        self.costs = []
        # Until both are warm, and to know how many calls fit a slice.
        self.client.calls(20)
        self.each = self.client.calls(200) / 200

    def round(self, slice):
        count = max(20, int(slice / self.each))
        self.costs.append(self.client.calls(count) / count)

    def end(self):
        self.client.end()
        self.server.end()


def reachable(port):
    """Waits for who has told its port before it listens there, as a Thing of the package does."""
    for _ in range(1000):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
    sys.exit(f"nobody listens at port {port}")


def environment(path):
    python = path / "bin" / "python"
    if not python.exists():
        print(f"installing {' '.join(PACKAGES)} in {path}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", path], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def built():
    build = ["cargo", "build", "--quiet", "--release", "--no-default-features", "--features", "hololinked"]
    subprocess.run([*build, "--example", "things", "--manifest-path", HERE / "Cargo.toml"], check=True)
    target = os.environ.get("CARGO_TARGET_DIR", HERE / "target")
    return pathlib.Path(target) / "release" / "examples" / "things"


def measure(options):
    python, ours = environment(options.venv), built()

    def end(*arguments):
        return [python, __file__, "--end", *arguments]

    def their_client(port):
        return end("client", port)

    def our_client(port):
        return [ours, "call", f"127.0.0.1:{port}"]

    with tempfile.TemporaryDirectory() as home:
        compare(options, [
            Pair(home, "pyzmq: DEALER, ROUTER that echoes", end("router"), lambda port: end("dealer", port)),
            Pair(home, "hololinked: its client, its Thing", end("thing"), their_client),
            Pair(home, "our client, its Thing", end("thing"), our_client),
            Pair(home, "its client, our Thing", [ours, "serve"], their_client),
            Pair(home, "our client, our Thing", [ours, "serve"], our_client),
        ])


def compare(options, pairs):
    for _ in range(options.rounds):
        for pair in pairs:
            pair.round(options.slice / 1000)
    load = os.getloadavg()[0]
    for pair in pairs:
        pair.end()
    theirs = min(pairs[1].costs)
    print(f"{'one call at a time':36}{'best':>10}{'middle':>10}{'of theirs':>12}")
    for pair in pairs:
        best, middle = min(pair.costs), statistics.median(pair.costs)
        print(f"{pair.name:36}{best * 1e6:7.0f} µs{middle * 1e6:7.0f} µs{best / theirs:11.3f}×")
    cpus = len(os.sched_getaffinity(0))
    print(f"{options.rounds} rounds on {cpus} processors, with a load of {load:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="how often each pair is measured [default: 9]")
    parser.add_argument("--slice", type=int, default=250, metavar="MS", help="how long, about [default: 250]")
    parser.add_argument(
        "--venv", type=pathlib.Path, default=HERE / "target" / "hololinked",
        help=f"where {PACKAGES[0]} is, or is to be [default: target/hololinked, here]",
    )
    measure(parser.parse_args())


if sys.argv[1:2] == ["--end"]:
    OUT = os.dup(1)
    os.dup2(2, 1)  # the package logs there
    {"thing": thing, "client": client, "router": router, "dealer": dealer}[sys.argv[2]](*sys.argv[3:])
else:
    main()
