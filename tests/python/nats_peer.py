"""A service in a queue group, and a client, by nats-py: nats_peer.py ADDRESS NAMESPACE [alone]

Serves `double`, calls `add` unless it is alone, says `ready`, and goes on until its input ends: for each line
of it, it tells everybody `tick`, with the line as `text`. What is told to everybody it prints.
"""

import asyncio
import json
import sys

import nats


async def main():
    address, namespace, *alone = sys.argv[1:]
    client = await nats.connect(f"nats://{address}")

    async def double(message):
        call = json.loads(message.data)
        answer = {"jsonrpc": "2.0", "id": call["id"], "result": 2 * call["params"]["x"]}
        await message.respond(json.dumps(answer).encode())

    async def heard(message):
        print(message.subject, message.data.decode(), flush=True)

    await client.subscribe(f"{namespace}.any.double", queue="workers", cb=double)
    await client.subscribe(f"{namespace}.all.say", cb=heard)
    for number in range(0 if alone else 3):
        call = {"jsonrpc": "2.0", "id": 1, "method": "add", "params": {"a": number, "b": 3}}
        answer = await client.request(f"{namespace}.any.add", json.dumps(call).encode(), timeout=20)
        assert json.loads(answer.data)["result"] == number + 3, answer.data
    await client.flush()
    print("ready", flush=True)
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        call = {"jsonrpc": "2.0", "method": "tick", "params": {"text": line.strip()}}
        await client.publish(f"{namespace}.all.tick", json.dumps(call).encode())
        await client.flush()
    await client.close()


asyncio.run(main())
