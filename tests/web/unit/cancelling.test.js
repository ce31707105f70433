// Calls that are given up, from here and to here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError, RpcError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";
import { scripted } from "../support/scripted.js";
import { Inbox } from "../support/wait.js";

const cancel = (id) => ({ jsonrpc: "2.0", method: "rpc.cancel", params: { id } });

test("an aborted signal gives the call up, and the other side is told once", async (t) => {
  const { api, server } = await pair(t);
  const stop = new AbortController();
  const job = api.call("work", {}, { signal: stop.signal });
  assert.equal((await server.next()).id, 1);
  const reason = new Error("no time");
  stop.abort(reason);
  await assert.rejects(job, (error) => {
    assert.ok(error instanceof RpcError && !(error instanceof CallError));
    assert.equal(error.kind, "cancelled");
    assert.equal(error.cause, reason);
    return true;
  });
  assert.deepEqual(await server.next(), cancel(1));
  // What comes late is dropped, and the next call is as always.
  const errors = [];
  api.onError((error) => errors.push(error));
  server.send({ jsonrpc: "2.0", result: "late", id: 1 });
  const sum = api.call("add", {});
  assert.equal((await server.next()).id, 2);
  server.send({ jsonrpc: "2.0", result: 3, id: 2 });
  assert.equal(await sum, 3);
  assert.deepEqual(errors, []);
});

test("a signal that is aborted already: nothing is sent", async (t) => {
  const { api, server } = await pair(t);
  const refused = api.call("work", {}, { signal: AbortSignal.abort() });
  await assert.rejects(refused, { kind: "cancelled" });
  await assert.rejects(api.call("work", {}, { signal: {} }), { kind: "config" });
  await assert.rejects(api.call("work", {}, { signal: null }), { kind: "config" });
  await api.notify("say");
  assert.equal((await server.next()).method, "say");
});

test("an answered call is not given up, and its signal is let go", async (t) => {
  const { api, server } = await pair(t);
  const stop = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = stop.signal;
  stop.signal.addEventListener = (...args) => ((listeners += 1), addEventListener.apply(stop.signal, args));
  stop.signal.removeEventListener = (...args) => ((listeners -= 1), removeEventListener.apply(stop.signal, args));
  const sum = api.call("add", {}, { signal: stop.signal });
  await server.next();
  server.send({ jsonrpc: "2.0", result: 3, id: 1 });
  assert.equal(await sum, 3);
  assert.equal(listeners, 0);
  stop.abort();
  await api.notify("say");
  assert.equal((await server.next()).method, "say");
});

test("a call that waits for a connection is given up without a word", async (t) => {
  const { api, sockets } = scripted(t);
  const stop = new AbortController();
  const job = api.call("work", {}, { signal: stop.signal });
  stop.abort();
  await assert.rejects(job, { kind: "cancelled" });
  sockets[0].open();
  assert.deepEqual(sockets[0].sent, []);
});

test("a deadline is told", async (t) => {
  const { api, server } = await pair(t);
  await assert.rejects(api.call("work", {}, { timeout: 1 }), { kind: "timeout" });
  assert.equal((await server.next()).method, "work");
  assert.deepEqual(await server.next(), cancel(1));
});

test("a handler gets a signal, whatever the id is and however that is said", async (t) => {
  const { api, server } = await pair(t);
  const begun = new Inbox();
  api.work.connect(async (params, { signal }) => {
    begun.put(signal);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw new Error("given up");
  });
  for (const [id, method, params] of [
    [7, "rpc.cancel", { id: 7 }],
    ["seven", "$/cancelRequest", { id: "seven" }],
    [7.5, "rpc.cancel", [7.5]],
  ]) {
    server.send({ jsonrpc: "2.0", method: "work", params: {}, id });
    const signal = await begun.next();
    assert.equal(signal.aborted, false);
    // Another one's id means nothing; nor does what is none.
    for (const other of [8, "7", null, {}, undefined]) server.send(cancel(other));
    server.send({ jsonrpc: "2.0", method, params });
    const error = { code: -32800, message: "given up" };
    assert.deepEqual(await server.next(), { jsonrpc: "2.0", error, id });
    assert.equal(signal.aborted, true);
    assert.equal(signal.reason.kind, "cancelled");
  }
});

test("what a handler says all the same is sent", async (t) => {
  const { api, server } = await pair(t);
  const until = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
  api.half.connect(async (params, { signal }) => {
    await until(signal);
    return "half of it";
  });
  api.mine.connect(async (params, { signal }) => {
    await until(signal);
    throw new CallError("mine", { code: 5 });
  });
  server.send({ jsonrpc: "2.0", method: "half", id: 1 });
  server.send(cancel(1));
  assert.equal((await server.next()).result, "half of it");
  server.send({ jsonrpc: "2.0", method: "mine", id: 2 });
  server.send(cancel(2));
  assert.equal((await server.next()).error.code, 5);
});

test("the end of the connection aborts what runs", async (t) => {
  const { api, server } = await pair(t);
  const begun = new Inbox();
  api.work.connect(async (params, call) => {
    begun.put(call);
    await new Promise(() => {});
  });
  server.send({ jsonrpc: "2.0", method: "work", id: 1 });
  const call = await begun.next();
  const aborted = new Promise((resolve) => call.signal.addEventListener("abort", resolve));
  api.close();
  await aborted;
  assert.equal(call.signal.aborted, true);
});

test("who has declared it hears of it", async (t) => {
  const { api, server } = await pair(t);
  const heard = new Inbox();
  api.slot("$/cancelRequest").connect(({ id }) => heard.put(id));
  server.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 9 } });
  assert.equal(await heard.next(), 9);
});
