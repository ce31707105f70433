"""A server or a client of the Python package Zonis, told on stdin what to do."""

import asyncio
import collections
import json
import logging
import sys
import time

import zonis

# It tells of the end of each connection as of an error.
logging.disable(logging.CRITICAL)
NOTE = "a note of 18 bytes"


def serve(port):
    import uvicorn
    from fastapi import FastAPI, WebSocket

    server = zonis.Server(using_fastapi_websockets=True)
    app = FastAPI()

    @server.route()
    async def add(a=0, b=0, note=""):
        return a + b

    @server.route()
    async def text(text=""):
        return text

    @app.websocket("/")
    async def endpoint(websocket: WebSocket):
        await websocket.accept()
        await server.parse_identify(json.loads(await websocket.receive_text()), websocket)
        await asyncio.Future()

    async def run():
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical",
                                ws="websockets", lifespan="off")
        web = uvicorn.Server(config)
        task = asyncio.create_task(web.serve())
        while not web.started:
            await asyncio.sleep(0.02)
        print("ready", flush=True)
        await task

    asyncio.run(run())


async def call(port):
    client = zonis.Client(url=f"ws://127.0.0.1:{port}/", identifier=f"bench-{time.time_ns()}")
    await client.start()
    print("ready", flush=True)

    def add():
        return client.request("add", a=123, b=456, note=NOTE)

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
            assert len(await client.request("text", text=sent)) == len(sent)
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
if role == "serve":
    serve(int(port))
else:
    asyncio.run(call(int(port)))
