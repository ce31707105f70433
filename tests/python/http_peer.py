"""A server of jsonrpcserver's, posted to over HTTP by way of aiohttp, on a port of 127.0.0.1 that the
system chooses. It tells what it hears as lines of JSON, and ends with its standard input."""

import asyncio
import sys

from aiohttp import web
from jsonrpcserver import Error, Success, async_dispatch, method

from json_peer import event


# By name or by position, as it comes.
@method
async def subtract(minuend, subtrahend):
    return Success(minuend - subtrahend)


@method(name="lab.echoBack")
async def echo(text):
    return Success(text)


@method(name="isArray")
async def is_array(*args, **kwargs):
    return Success(bool(args))


@method
async def nothing():
    return Success(None)


@method
async def refuse():
    return Error(7, "no", {"why": [1]})


@method
async def hear(*args, **kwargs):
    event("hear", params=list(args) or kwargs)
    return Success()


async def answer(request):
    text = await async_dispatch(await request.text())
    # A notification has no answer.
    return web.Response(text=text, content_type="application/json", status=200 if text else 204)


async def main():
    application = web.Application(client_max_size=1 << 24)
    application.router.add_post("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    event("ready", port=runner.addresses[0][1])
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(asyncio.wait_for(main(), 120))
