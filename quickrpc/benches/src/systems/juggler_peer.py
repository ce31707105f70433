"""A server or a client of the Python package hat-juggler, told on stdin what to do."""

import asyncio
import collections
import sys
import time

from hat import juggler

NOTE = "a note of 18 bytes"


async def serve(port):
    async def request(conn, name, data):
        return data["a"] + data["b"] if name == "add" else data["text"]

    server = await juggler.listen("127.0.0.1", port, None, request)
    print("ready", flush=True)
    await server.wait_closed()


async def call(port):
    client = await juggler.connect(f"ws://127.0.0.1:{port}/ws")
    print("ready", flush=True)

    def add():
        return client.send("add", {"a": 123, "b": 456, "note": NOTE})

    async def serial(size, count):
        laps = []
        for _ in range(count):
            begin = time.perf_counter_ns()
            assert await add() == 579
            laps.append(time.perf_counter_ns() - begin)
        return laps

    async def text(size, count):
        sent, laps = "abcdefgh" * (size // 8), []
        for _ in range(count):
            begin = time.perf_counter_ns()
            assert len(await client.send("text", {"text": sent})) == len(sent)
            laps.append(time.perf_counter_ns() - begin)
        return laps

    async def window(size, count):
        pending = collections.deque()
        for _ in range(count):
            if len(pending) == size:
                await pending.popleft()
            pending.append(asyncio.create_task(add()))
        for task in pending:
            await task
        return []

    jobs = {"serial": serial, "text": text, "window": window}
    while line := await asyncio.to_thread(sys.stdin.readline):
        job, size, count = line.split()
        print(*await jobs[job](int(size), int(count)), flush=True)


role, port = sys.argv[1:]
asyncio.run({"serve": serve, "call": call}[role](int(port)))
