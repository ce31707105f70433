"""A service in a queue group, and a client, by nats-py: nats_peer.py ADDRESS NAMESPACE

Serves `double`, calls `add`, prints the answer, says `ready`, and goes on until its input ends.
"""

import asyncio
import json
import sys

import nats


async def main():
    address, namespace = sys.argv[1:]
    client = await nats.connect(f"nats://{address}")

    async def double(message):
        call = json.loads(message.data)
        answer = {"jsonrpc": "2.0", "id": call["id"], "result": 2 * call["params"]["x"]}
        await message.respond(json.dumps(answer).encode())

    await client.subscribe(f"{namespace}.any.double", queue="workers", cb=double)
    for number in range(3):
        call = {"jsonrpc": "2.0", "id": 1, "method": "add", "params": {"a": number, "b": 3}}
        answer = await client.request(f"{namespace}.any.add", json.dumps(call).encode(), timeout=20)
        assert json.loads(answer.data)["result"] == number + 3, answer.data
    await client.flush()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await client.close()


asyncio.run(main())
