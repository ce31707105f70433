// Subscriptions in the convention of other people: Ethereum nodes, jsonrpsee.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";
import { Inbox, within } from "../support/wait.js";

const CONVENTION = { item: "eth_subscription", cancel: "eth_unsubscribe" };
const head = (subscription, result) => ({
  jsonrpc: "2.0",
  method: "eth_subscription",
  params: { subscription, result },
});
const answer = (id, result) => ({ jsonrpc: "2.0", result, id });

function subscribe(api, options = {}) {
  return api.subscribe("eth_subscribe", ["newHeads"], { ...CONVENTION, ...options });
}

/** Waits for the call that ends a subscription, and answers it. */
async function ended(server, id) {
  const message = await within(server.next(), "the call that ends it");
  assert.deepEqual([message.method, message.params], ["eth_unsubscribe", [id]]);
  server.send(answer(message.id, true));
}

/** What is sent now arrives next: nothing came before. */
async function nothing(api, server) {
  await api.notify("mark");
  assert.equal((await server.next()).method, "mark");
}

test("items come from the first on, and to leave the loop ends it", async (t) => {
  const { api, server } = await pair(t);
  const heads = subscribe(api);
  assert.deepEqual(await server.next(), {
    jsonrpc: "2.0",
    method: "eth_subscribe",
    params: ["newHeads"],
    id: 1,
  });
  // Before the answer, of this one and of another one.
  server.send(head("0x1", 1));
  server.send(head("0x2", 100));
  server.send(answer(1, "0x1"));
  server.send(head("0x1", 2));
  server.send(head("0x3", 200));
  server.send(head("0x1", null));
  const read = [];
  for await (const one of heads) {
    read.push(one);
    if (read.length === 3) break;
  }
  assert.deepEqual(read, [1, 2, null]);
  await ended(server, "0x1");
  // What comes now is for nobody, and no trouble; a handler of the page would hear it.
  api.onError((error) => assert.fail(error));
  const heard = new Inbox();
  api.mark.connect(() => heard.put("mark"));
  server.send(head("0x1", 3));
  server.send({ jsonrpc: "2.0", method: "mark" });
  assert.equal(await heard.next("a notification"), "mark");
  api.eth_subscription.connect((params) => heard.put(params));
  server.send(head("0x1", 4));
  assert.deepEqual(await heard.next("a notification"), { subscription: "0x1", result: 4 });
});

test("several side by side, in one batch, with ids that are numbers, by position", async (t) => {
  const { api, server } = await pair(t);
  const [one, two] = [subscribe(api), subscribe(api)];
  await server.next();
  await server.next();
  server.send([
    answer(1, 7),
    head(7, "a"),
    head(8, "b"),
    answer(2, 8),
    { jsonrpc: "2.0", method: "eth_subscription", params: [8, "c"] },
    head(7, "d"),
  ]);
  assert.deepEqual(await one.next(), { done: false, value: "a" });
  assert.deepEqual(await one.next(), { done: false, value: "d" });
  assert.deepEqual(await two.next(), { done: false, value: "b" });
  assert.deepEqual(await two.next(), { done: false, value: "c" });
  await one.return();
  await ended(server, 7);
  server.send(head(8, "e"));
  assert.deepEqual(await two.next(), { done: false, value: "e" });
});

test("errors end it: that of the call, that of an item, and the connection", async (t) => {
  const { api, server } = await pair(t, { restart: 1 });
  const refused = subscribe(api).next();
  await server.next();
  server.send({ jsonrpc: "2.0", error: { code: -32602, message: "what is that?" }, id: 1 });
  await assert.rejects(refused, (error) => CallError.is(error, -32602));

  for (const [error, expected] of [
    ["no more", "no more"],
    [{ code: 5, message: "worse" }, "worse"],
  ]) {
    const failing = subscribe(api);
    const { id } = await server.next();
    server.send(answer(id, "0x1"));
    server.send(head("0x1", 1));
    const params = { subscription: "0x1", error };
    server.send({ jsonrpc: "2.0", method: "eth_subscription", params });
    assert.equal((await failing.next()).value, 1);
    await assert.rejects(failing.next(), { name: "CallError", message: expected });
    assert.equal((await failing.next()).done, true);
  }

  const over = subscribe(api);
  const { id } = await server.next();
  server.send(answer(id, "0x4"));
  server.send({ jsonrpc: "2.0", method: "rpc.done", params: { id: "0x4", value: null } });
  assert.equal((await over.next()).done, true);

  const odd = subscribe(api);
  server.send(answer((await server.next()).id, { no: "id" }));
  await assert.rejects(odd.next(), { kind: "decode" });
  await nothing(api, server);

  const lost = subscribe(api);
  server.send(answer((await server.next()).id, "0x5"));
  server.send(head("0x5", 1));
  assert.equal((await lost.next()).value, 1);
  server.socket.terminate();
  await assert.rejects(lost.next(), { kind: "disconnected" });
});

test("who gives up before the answer is unsubscribed when it comes", async (t) => {
  const { api, server } = await pair(t);
  const left = subscribe(api);
  await server.next();
  await left.return();
  server.send(answer(1, "0x1"));
  await ended(server, "0x1");

  // A signal, and the deadline, tell that the call is cancelled first.
  const controller = new AbortController();
  const aborted = subscribe(api, { signal: controller.signal });
  let { id } = await server.next();
  controller.abort();
  await assert.rejects(aborted.next(), { kind: "cancelled" });
  assert.equal((await server.next()).method, "rpc.cancel");
  server.send(answer(id, "0x2"));
  await ended(server, "0x2");
  // One answer is for one call, and errors begin nothing.
  server.send(answer(id, "0x2"));
  await nothing(api, server);

  const late = subscribe(api, { timeout: 1 });
  ({ id } = await server.next());
  await assert.rejects(late.next(), { kind: "timeout" });
  assert.equal((await server.next()).method, "rpc.cancel");
  server.send({ jsonrpc: "2.0", error: { code: 1, message: "cancelled" }, id });
  await nothing(api, server);

  const running = new AbortController();
  const stopped = subscribe(api, { signal: running.signal });
  server.send(answer((await server.next()).id, "0x3"));
  server.send(head("0x3", 1));
  assert.equal((await stopped.next()).value, 1);
  running.abort("enough");
  await assert.rejects(stopped.next(), { kind: "cancelled", cause: "enough" });
  await ended(server, "0x3");
});

test("who reads too slowly is told so, and others are not concerned", async (t) => {
  const { api, server } = await pair(t, { queue: 10_000 });
  const [slow, other] = [subscribe(api), subscribe(api)];
  await server.next();
  await server.next();
  server.send(answer(1, "slow"));
  server.send(answer(2, "other"));
  for (let number = 0; number < 200; number += 1) server.send(head("slow", `${number}`));
  await ended(server, "slow");
  let count = 0;
  await assert.rejects(
    (async () => {
      for await (const one of slow) {
        assert.equal(one, `${count}`);
        count += 1;
      }
    })(),
    { kind: "too-slow" },
  );
  assert.ok(count > 50 && count < 200, String(count));
  server.send(head("other", "fine"));
  assert.equal((await other.next()).value, "fine");

  // Early ones are bounded likewise.
  const early = subscribe(api);
  const { id } = await server.next();
  for (let number = 0; number < 200; number += 1) server.send(head("early", `${number}`));
  server.send(answer(id, "early"));
  await ended(server, "early");
  await assert.rejects(early.next(), { kind: "too-slow" });
});

test("without its names it is refused", async (t) => {
  const { api } = await pair(t);
  assert.throws(() => api.subscribe("eth_subscribe", []), { kind: "config" });
  assert.throws(() => api.subscribe("a", [], { item: "b" }), { kind: "config" });
});
