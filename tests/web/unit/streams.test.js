// Results and arguments that come bit by bit, in both directions.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";
import { Inbox, within } from "../support/wait.js";

const say = (method, params) => ({ jsonrpc: "2.0", method, params });
const item = (id, value) => say("rpc.item", { id, value });
const more = (id, items) => say("rpc.more", { id, items });
const done = (id, value = null) => say("rpc.done", { id, value });
const answer = (id, result) => ({ jsonrpc: "2.0", result, id });

async function all(items) {
  const values = [];
  for await (const value of items) values.push(value);
  return values;
}

/** Waits for the next message of this method. */
async function next(server, method) {
  for (;;) {
    const message = await server.next();
    if (message.method === method) return message;
  }
}

test("a result is iterated, with credit, and then there is the result", async (t) => {
  const { api, server } = await pair(t);
  const lines = api.call("lines", { count: 3 });
  const read = all(lines);
  assert.deepEqual(await server.next(), { ...say("lines", { count: 3 }), id: 1 });
  assert.deepEqual(await server.next(), more(1, 16));
  for (const line of ["a", "b", "c"]) server.send(item(1, line));
  server.send(answer(1, "three"));
  assert.deepEqual(await within(read, "the items"), ["a", "b", "c"]);
  assert.equal(await lines, "three");
  // Through `remote` likewise, and for who wants no items.
  const other = api.remote.lines();
  assert.equal((await next(server, "lines")).id, 2);
  server.send(item(2, "nobody looks"));
  server.send(answer(2, "none"));
  assert.equal(await other, "none");
});

test("credit is given as items are taken, and not before", async (t) => {
  const { api, server } = await pair(t);
  const items = api.call("numbers")[Symbol.asyncIterator]();
  await next(server, "rpc.more");
  for (let number = 0; number < 16; number += 1) server.send(item(1, number));
  let granted = 16;
  let taken = 0;
  // Small ones come in many.
  while (granted === 16) {
    assert.equal((await items.next()).value, taken);
    taken += 1;
    if (taken < 8) assert.equal(server.unread, 0);
    if (taken === 8) break;
  }
  granted += (await next(server, "rpc.more")).params.items;
  assert.ok(granted > 500 && granted <= 1040, granted);
  await items.return();
  assert.deepEqual(await next(server, "rpc.cancel"), say("rpc.cancel", { id: 1 }));
});

test("an error ends it, and so do leaving the loop, a signal, and the connection", async (t) => {
  const { api, server } = await pair(t);
  const failing = all(api.call("lines"));
  await next(server, "rpc.more");
  server.send(item(1, "a"));
  server.send({ jsonrpc: "2.0", error: { code: 7, message: "no more" }, id: 1 });
  await assert.rejects(failing, (error) => CallError.is(error, 7));

  const left = (async () => {
    for await (const value of api.call("lines")) return value;
  })();
  await next(server, "rpc.more");
  server.send(item(2, "first"));
  assert.equal(await left, "first");
  assert.deepEqual(await next(server, "rpc.cancel"), say("rpc.cancel", { id: 2 }));

  const stop = new AbortController();
  const stopped = all(api.call("lines", {}, { signal: stop.signal }));
  await next(server, "rpc.more");
  stop.abort();
  await assert.rejects(stopped, { kind: "cancelled" });

  await assert.rejects(all(api.call("lines", {}, { timeout: 30 })), { kind: "timeout" });
  const lost = all(api.call("lines"));
  await next(server, "lines");
  server.socket.terminate();
  await assert.rejects(lost, { kind: "disconnected" });
});

test("the deadline is one of silence, and not while the other side has no credit", async (t) => {
  const { api, server } = await pair(t);
  const items = api.call("lines", {}, { timeout: 200 })[Symbol.asyncIterator]();
  await next(server, "rpc.more");
  for (let number = 0; number < 4; number += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    server.send(item(1, number));
    assert.equal((await items.next()).value, number);
  }
  await assert.rejects(items.next(), { kind: "timeout" });
});

test("who sends without end and credit is bounded", async (t) => {
  const { api, server } = await pair(t);
  const items = api.call("lines")[Symbol.asyncIterator]();
  await next(server, "rpc.more");
  const large = "x".repeat(100_000);
  for (let number = 0; number < 200; number += 1) server.send(item(1, large));
  assert.deepEqual(await next(server, "rpc.cancel"), say("rpc.cancel", { id: 1 }));
  await assert.rejects(async () => {
    for (;;) if ((await items.next()).done) return;
  }, { kind: "decode" });
});

test("handlers are generators: items, then what they return", async (t) => {
  const { api, server } = await pair(t);
  api.count.connect(function* ({ to }) {
    for (let number = 0; number < to; number += 1) yield number;
    return "counted";
  });
  api.later.connect(async function* () {
    yield new Uint8Array([1, 2]);
    throw new CallError("broken", { code: 9 });
  });
  server.send({ ...say("count", { to: 40 }), id: "a" });
  for (let number = 0; number < 40; number += 1) {
    assert.deepEqual(await server.next(), item("a", number));
  }
  assert.deepEqual(await server.next(), answer("a", "counted"));
  server.send({ ...say("later", {}), id: 5 });
  assert.equal((await server.next()).method, "rpc.item");
  assert.deepEqual((await server.next()).error, { code: 9, message: "broken" });
  // As notifications they come to nothing.
  server.send(say("count", { to: 3 }));
  server.send({ ...say("count", { to: 0 }), id: 6 });
  assert.deepEqual(await server.next(), answer(6, "counted"));
});

test("a handler's stream waits for credit, and ends when it is given up", async (t) => {
  const { api, server } = await pair(t);
  const ended = new Inbox();
  let made = 0;
  api.endless.connect(async function* () {
    try {
      for (;;) yield (made += 1);
    } finally {
      ended.put("ended");
    }
  });
  // Both at once, as the Rust library sends them.
  server.send([{ ...say("endless", {}), id: 1 }, more(1, 3)]);
  for (let number = 1; number <= 3; number += 1) assert.deepEqual(await server.next(), item(1, number));
  api.add.connect(({ a, b }) => a + b);
  server.send({ ...say("add", { a: 1, b: 2 }), id: 2 });
  assert.deepEqual(await server.next(), answer(2, 3));
  server.send(more(1, 2));
  assert.deepEqual(await server.next(), item(1, 4));
  assert.deepEqual(await server.next(), item(1, 5));
  server.send(say("rpc.cancel", { id: 1 }));
  assert.equal((await server.next())[0].error.code, -32800);
  assert.equal(await ended.next(), "ended");
  assert.equal(made, 5);
  server.send({ ...say("endless", {}), id: 3 });
  await server.next();
  server.socket.terminate();
  assert.equal(await ended.next(), "ended");
});

test("arguments that are streams are sent as they are asked for", async (t) => {
  const { api, server } = await pair(t);
  async function* blocks() {
    yield 1;
    yield 2;
    return "sum";
  }
  const sent = api.call("upload", { name: "a", data: blocks() });
  assert.deepEqual(await server.next(), {
    ...say("upload", { name: "a", data: { __stream: -1 } }),
    id: 1,
  });
  server.send(more(-1, 1));
  assert.deepEqual(await server.next(), item(-1, 1));
  server.send(more(-1, 5));
  assert.deepEqual(await server.next(), item(-1, 2));
  assert.deepEqual(await server.next(), done(-1, "sum"));
  server.send(answer(1, 3));
  assert.equal(await sent, 3);
  // Who asks for what is over hears that.
  server.send(more(-1, 5));
  assert.equal((await server.next()).params.error.code, -32800);
  // In a list as well, and one that throws.
  const failing = api.call("upload", [
    "b",
    (async function* () {
      throw new CallError("the disk", { code: 4 });
    })(),
  ]);
  assert.deepEqual((await server.next()).params, ["b", { __stream: -2 }]);
  server.send(more(-2, 1));
  assert.deepEqual((await server.next()).params, { id: -2, error: { code: 4, message: "the disk" } });
  server.send(answer(2, 0));
  assert.equal(await failing, 0);
  await assert.rejects(api.notify("told", { data: blocks() }), { kind: "config" });
});

test("a stream that nobody takes is let go", async (t) => {
  const { api, server } = await pair(t);
  const ended = new Inbox();
  async function* endless(name) {
    try {
      for (;;) yield name;
    } finally {
      ended.put(name);
    }
  }
  const cancelled = api.call("upload", { data: endless("cancelled") });
  await next(server, "upload");
  server.send(more(-1, 1));
  assert.deepEqual(await server.next(), item(-1, "cancelled"));
  server.send(say("rpc.cancel", { id: -1 }));
  assert.equal((await next(server, "rpc.done")).params.error.code, -32800);
  assert.equal(await ended.next(), "cancelled");
  server.send(answer(1, 1));
  assert.equal(await cancelled, 1);

  const stop = new AbortController();
  const aborted = api.call("upload", { data: endless("aborted") }, { signal: stop.signal });
  await next(server, "upload");
  server.send(more(-2, 1));
  assert.deepEqual(await server.next(), item(-2, "aborted"));
  stop.abort();
  await assert.rejects(aborted, { kind: "cancelled" });
  assert.equal(await ended.next(), "aborted");
  // Nothing is left of any of them, nor of one that was not asked for.
  const unasked = api.call("upload", { data: endless("unasked") });
  await next(server, "upload");
  server.send({ jsonrpc: "2.0", error: { code: -32601, message: "unknown" }, id: 3 });
  await assert.rejects(unasked, CallError);
});

test("handlers get streams as arguments", async (t) => {
  const { api, server } = await pair(t);
  api.sum.connect(async ({ numbers }) => {
    let sum = 0;
    for await (const number of numbers) sum += number;
    return sum;
  });
  api.first.connect(async ({ numbers }) => {
    for await (const number of numbers) return number;
  });
  server.send({ ...say("sum", { numbers: { __stream: 5 } }), id: 1 });
  assert.deepEqual(await server.next(), more(5, 16));
  server.send(item(5, 2));
  server.send(item(5, 3));
  assert.equal((await server.next()).method, "rpc.more");
  server.send(done(5));
  assert.deepEqual(await server.next(), answer(1, 5));
  server.send({ ...say("first", { numbers: { __stream: "x" } }), id: 2 });
  assert.deepEqual(await server.next(), more("x", 16));
  server.send(item("x", 7));
  assert.equal((await server.next()).method, "rpc.more");
  assert.deepEqual(await server.next(), say("rpc.cancel", { id: "x" }));
  assert.deepEqual(await server.next(), answer(2, 7));
  server.send({ ...say("sum", { numbers: { __stream: 6 } }), id: 3 });
  assert.deepEqual(await server.next(), more(6, 16));
  server.send(say("rpc.done", { id: 6, error: { code: 3, message: "no" } }));
  assert.deepEqual((await server.next()).error, { code: 3, message: "no" });
});

test("what belongs to no stream is said to be none", async (t) => {
  const { api, server } = await pair(t);
  const errors = new Inbox();
  api.onError((error) => errors.put(error.message));
  for (const wrong of [
    say("rpc.more", { id: 1 }),
    say("rpc.more", { items: 1 }),
    say("rpc.more", { id: 1, items: -1 }),
    say("rpc.more", []),
    say("rpc.item", { value: 1 }),
    say("rpc.done", {}),
  ]) {
    server.send(wrong);
    assert.match(await errors.next(), /of a stream cannot be understood/);
  }
  server.send({ ...say("rpc.more", { id: 1, items: 2 }), id: 4 });
  assert.equal((await server.next()).error.code, -32602);
  for (const unknown of [item(1, 1), item(-1, 1), done(1), more(9, 9), say("rpc.cancel", { id: -1 })]) {
    server.send(unknown);
  }
  api.add.connect(({ a, b }) => a + b);
  server.send({ ...say("add", { a: 1, b: 2 }), id: 5 });
  assert.deepEqual(await server.next(), answer(5, 3));
});
