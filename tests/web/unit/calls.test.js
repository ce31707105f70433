// Calls and notifications, from here and to here.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError, RpcError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";
import { Inbox } from "../support/wait.js";

test("a call is JSON-RPC 2.0, and its answer is the promise's value", async (t) => {
  const { api, server } = await pair(t);
  const sum = api.call("add", { a: 1, b: 2 });
  const text = await server.text();
  assert.equal(text, '{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":1}');
  server.send({ jsonrpc: "2.0", result: 3, id: 1 });
  assert.equal(await sum, 3);
});

test("parameters may be positional, or none", async (t) => {
  const { api, server } = await pair(t);
  api.call("add", [1, 2]).catch(() => {});
  assert.deepEqual((await server.next()).params, [1, 2]);
  api.call("ping").catch(() => {});
  assert.deepEqual((await server.next()).params, {});
});

test("remote is the short form of call", async (t) => {
  const { api, server } = await pair(t);
  const sum = api.remote.add({ a: 1, b: 2 }, { timeout: 60_000 });
  assert.deepEqual(await server.next(), {
    jsonrpc: "2.0",
    method: "add",
    params: { a: 1, b: 2 },
    id: 1,
  });
  server.send({ jsonrpc: "2.0", result: 3, id: 1 });
  assert.equal(await sum, 3);
  const named = api.remote["lab.add"]();
  assert.equal((await server.next()).method, "lab.add");
  server.send({ jsonrpc: "2.0", result: null, id: 2 });
  assert.equal(await named, null);
});

test("a notification has no id, and its promise tells that it was sent", async (t) => {
  const { api, server } = await pair(t);
  assert.equal(await api.notify("say", { text: "hi" }), undefined);
  const message = { jsonrpc: "2.0", method: "say", params: { text: "hi" } };
  assert.deepEqual(await server.next(), message);
});

test("a name in both directions is two calls", async (t) => {
  const { api, server } = await pair(t);
  api.progress.connect(({ token }) => token.length);
  const sent = api.remote.progress({ token: 7 });
  assert.deepEqual((await server.next()).params, { token: 7 });
  server.send({ jsonrpc: "2.0", method: "progress", params: { token: "four" }, id: 1 });
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: 4, id: 1 });
  server.send({ jsonrpc: "2.0", result: "seven", id: 1 });
  assert.equal(await sent, "seven");
});

test("answers come in any order", async (t) => {
  const { api, server } = await pair(t);
  const calls = [api.call("a"), api.call("b"), api.call("c")];
  const ids = [];
  for (let count = 0; count < 3; count += 1) ids.push((await server.next()).id);
  assert.deepEqual(ids, [1, 2, 3]);
  for (const id of [3, 1, 2]) server.send({ jsonrpc: "2.0", result: id * 10, id });
  assert.deepEqual(await Promise.all(calls), [10, 20, 30]);
});

test("answers come in batches, and with ids as other peers write them", async (t) => {
  const { api, server } = await pair(t);
  const calls = [api.call("a"), api.call("b"), api.call("c")];
  server.send('[{"jsonrpc":"2.0","result":"x","id":"1"},{"jsonrpc":"2.0","result":"y","id":2.0}]');
  server.send('{"jsonrpc":"2.0","result":null,"error":null,"id":3}');
  assert.deepEqual(await Promise.all(calls), ["x", "y", null]);
});

test("an error answer is a CallError", async (t) => {
  const { api, server } = await pair(t);
  const cases = [
    [{ code: -32601, message: "unknown", data: { a: 1 } }, -32601, "unknown", { a: 1 }],
    [{ code: 0, message: "from Python", data: "Traceback" }, 0, "from Python", "Traceback"],
    [{ message: ["odd"] }, 0, '["odd"]', undefined],
    [{ code: "odd", data: null }, 0, "", undefined],
    ["odd", -32603, "the call failed with an error that is not an object", "odd"],
    // Read as an object, since it is no base64, and cannot be written as one.
    [{ message: { __bytes: "%" } }, 0, "an error whose message is not a text", undefined],
  ];
  for (const [error, code, message, data] of cases) {
    const call = api.call("fail");
    const { id } = await server.next();
    server.send({ jsonrpc: "2.0", error, id });
    await assert.rejects(call, (failed) => {
      assert.ok(failed instanceof CallError && failed instanceof RpcError);
      assert.deepEqual([failed.name, failed.kind], ["CallError", "call"]);
      assert.deepEqual([failed.code, failed.message, failed.data], [code, message, data]);
      return true;
    });
  }
});

test("a call without an answer fails in time, and a late answer is no news", async (t) => {
  const { api, server } = await pair(t, { callTimeout: 20 });
  const errors = new Inbox();
  api.onError((error) => errors.put(error));
  const expected = { kind: "timeout", message: "no answer to `add` within 20 ms" };
  await assert.rejects(api.call("add"), expected);
  await assert.rejects(api.call("add", {}, { timeout: 1 }), { message: /within 1 ms/ });
  server.send({ jsonrpc: "2.0", result: 3, id: 1 });
  server.send({ jsonrpc: "2.0", result: 3, id: 77 });
  assert.match((await errors.next()).message, /a call that was never made/);
  assert.equal(errors.size, 0);
});

test("deadlines are numbers, and may be far away", async (t) => {
  const { api, server } = await pair(t);
  for (const timeout of [-1, NaN, "5"]) {
    await assert.rejects(api.call("add", {}, { timeout }), { kind: "config" });
  }
  const call = api.call("add", {}, { timeout: Infinity });
  await server.answer(3);
  assert.equal(await call, 3);
});

test("the number of pending calls is limited", async (t) => {
  const { api, server } = await pair(t, { pendingCalls: 2 });
  const calls = [api.call("a"), api.call("b")];
  await assert.rejects(api.call("c"), { kind: "too-many-pending" });
  await server.answer(1);
  assert.equal(await calls[0], 1);
  const another = api.call("d");
  await server.answer(2);
  await server.answer(3);
  assert.deepEqual(await Promise.all([calls[1], another]), [2, 3]);
});

test("a message beyond the limit is not sent", async (t) => {
  const { api, server } = await pair(t, { messageSize: 1000 });
  const error = { kind: "message-too-large", message: /of 1[0-9]{3} bytes .* limit of 1000/ };
  await assert.rejects(api.call("say", { text: "x".repeat(1000) }), error);
  await assert.rejects(api.notify("say", { text: "ä".repeat(500) }), error);
  await api.notify("say", { text: "x".repeat(900) });
  assert.equal((await server.next()).params.text.length, 900);
});

test("a handler gets the parameters as they were sent, and its value is the answer", async (t) => {
  const { api, server } = await pair(t);
  api.add.connect(({ a, b }) => a + b);
  api.sum.connect((numbers) => numbers.reduce((sum, number) => sum + number));
  api.later.connect(async ({ text }) => `${text}, later`);
  api.nothing.connect(() => {});
  const cases = [
    ["add", { a: 1, b: 2 }, 3],
    ["sum", [1, 2, 3], 6],
    ["later", { text: "x" }, "x, later"],
    ["nothing", undefined, null],
    ["nothing", null, null],
  ];
  for (const [method, params, result] of cases) {
    server.send({ jsonrpc: "2.0", method, params, id: "x" });
    assert.deepEqual(await server.next(), { jsonrpc: "2.0", result, id: "x" });
  }
});

test("what a handler throws is the answer", async (t) => {
  const { api, server } = await pair(t);
  api.text.connect(() => {
    throw new Error("went wrong");
  });
  api.whole.connect(() => {
    throw new CallError("no such thing", { code: 404, data: { name: "x" } });
  });
  api.later.connect(() => Promise.reject(new RangeError("later")));
  api.odd.connect(() => {
    throw "a text";
  });
  api.nothing.connect(() => Promise.reject());
  api.secret.connect(() => {
    throw new CallError("odd data", { code: 1.5, data: () => 1 });
  });
  const cases = [
    ["text", { code: -32000, message: "went wrong" }],
    ["whole", { code: 404, message: "no such thing", data: { name: "x" } }],
    ["later", { code: -32000, message: "later" }],
    ["odd", { code: -32000, message: "a text" }],
    ["nothing", { code: -32000, message: "undefined" }],
    ["secret", { code: -32000, message: "odd data" }],
  ];
  for (const [method, error] of cases) {
    server.send({ jsonrpc: "2.0", method, params: {}, id: 1 });
    assert.deepEqual(await server.next(), { jsonrpc: "2.0", error, id: 1 });
  }
});

test("an unknown method is answered, also after its handler has gone", async (t) => {
  const { api, server } = await pair(t);
  const call = { jsonrpc: "2.0", method: "hello", id: 1 };
  const unknown = { code: -32601, message: "unknown method `hello`" };
  const connection = api.hello.connect(() => "hi");
  server.send(call);
  assert.equal((await server.next()).result, "hi");
  connection.disconnect();
  connection.disconnect();
  server.send(call);
  assert.deepEqual((await server.next()).error, unknown);
  for (const method of ["toString", "__proto__", "call", "then", "x".repeat(10_000)]) {
    server.send({ jsonrpc: "2.0", method, id: 1 });
    const { error } = await server.next();
    assert.equal(error.code, -32601);
    assert.ok(error.message.length < 100);
  }
});

test("several handlers hear a call, each with its own parameters; one may answer", async (t) => {
  const { api, server } = await pair(t);
  const heard = [];
  api.hello.connect((params) => {
    heard.push({ ...params });
    params.list.push("changed");
  });
  const second = api.hello.connect(({ list }) => {
    heard.push({ list });
    return list.length;
  });
  const call = { jsonrpc: "2.0", method: "hello", params: { list: [] }, id: 1 };
  server.send(call);
  assert.equal((await server.next()).result, 0);
  assert.equal(heard.length, 2);

  const third = api.hello.connect(async () => "another");
  server.send(call);
  const message = "2 handlers of `hello` answered, where one may";
  assert.deepEqual((await server.next()).error, { code: -32603, message });

  second.disconnect();
  server.send(call);
  assert.equal((await server.next()).result, "another");
  third.disconnect();
  server.send(call);
  assert.equal((await server.next()).result, null);
});

test("a handler may connect and disconnect handlers, itself included", async (t) => {
  const { api, server } = await pair(t);
  const heard = [];
  const first = api.hello.connect(() => {
    first.disconnect();
    api.hello.connect(() => heard.push("new") && undefined);
    heard.push("first");
  });
  for (const id of [1, 2]) {
    server.send({ jsonrpc: "2.0", method: "hello", id });
    await server.next();
  }
  assert.deepEqual(heard, ["first", "new"]);
  assert.throws(() => api.hello.connect("no function"), TypeError);
});

test("a notification is never answered; its trouble goes to onError", async (t) => {
  const { api, server } = await pair(t);
  const errors = new Inbox();
  const connection = api.onError((error, method) => errors.put([error.message, method]));
  api.wrong.connect(() => {
    throw new Error("went wrong");
  });
  api.late.connect(() => Promise.reject(new Error("later")));
  api.fine.connect(() => "not for you");
  for (const method of ["fine", "wrong", "late", "unknown"]) {
    server.send({ jsonrpc: "2.0", method, params: {} });
    server.send({ jsonrpc: "2.0", method, params: {}, id: null });
  }
  const seen = [];
  for (let count = 0; count < 6; count += 1) seen.push((await errors.next()).join());
  seen.sort();
  assert.deepEqual(seen, [
    "later,late",
    "later,late",
    "unknown method `unknown`,unknown",
    "unknown method `unknown`,unknown",
    "went wrong,wrong",
    "went wrong,wrong",
  ]);
  connection.disconnect();
  server.send({ jsonrpc: "2.0", method: "fine", id: "end" });
  assert.equal((await server.next()).id, "end");
});

test("without an observer, trouble goes to the console", async (t) => {
  const { api, server } = await pair(t);
  const warned = t.mock.method(console, "warn", () => {});
  const failed = t.mock.method(console, "error", () => {});
  api.ping.connect(() => "pong");
  server.send("no JSON");
  server.send({ jsonrpc: "2.0", method: "ping", id: 1 });
  assert.equal((await server.next()).result, "pong");
  assert.equal(warned.mock.callCount(), 1);
  // An observer that fails harms nobody.
  api.onError(() => {
    throw new Error("the observer");
  });
  server.send("no JSON");
  server.send({ jsonrpc: "2.0", method: "ping", id: 2 });
  assert.equal((await server.next()).id, 2);
  assert.equal(failed.mock.callCount(), 1);
});

test("a result that cannot travel is an error answer", async (t) => {
  const { api, server } = await pair(t, { messageSize: 2000 });
  const errors = [];
  api.onError((error) => errors.push(error.kind));
  api.odd.connect(() => ({ member: () => 1 }));
  api.large.connect(() => "x".repeat(3000));
  for (const method of ["odd", "large"]) {
    server.send({ jsonrpc: "2.0", method, id: 1 });
    const { error } = await server.next();
    assert.equal(error.code, -32603);
    assert.match(error.message, new RegExp(`cannot encode the result of \`${method}\``));
  }
  assert.deepEqual(errors, ["encode", "message-too-large"]);
});

test("a batch is answered as a batch", async (t) => {
  const { api, server } = await pair(t);
  api.onError(() => {});
  api.add.connect(([a, b]) => a + b);
  api.later.connect(async () => "late");
  const call = (method, id, params = []) => ({ jsonrpc: "2.0", method, params, id });
  server.send([
    call("add", 1, [1, 2]),
    call("later", "two"),
    { jsonrpc: "2.0", method: "add", params: [1, 1] },
    5,
    [],
    { jsonrpc: "2.0", method: 7, id: 3 },
    call("nobody", 4.5),
  ]);
  const answers = await server.next();
  assert.deepEqual(
    answers.map(({ id, result, error }) => [id, result ?? error.code]),
    [
      [1, 3],
      ["two", "late"],
      [3, -32600],
      [4.5, -32601],
    ],
  );
  server.send([{ jsonrpc: "2.0", method: "add", params: [1, 1] }]);
  server.send([]);
  server.send(Array.from({ length: 1001 }, (_, id) => call("add", id, [1, 1])));
  server.send([call("add", 9, [4, 5])]);
  assert.deepEqual(await server.next(), [{ jsonrpc: "2.0", result: 9, id: 9 }]);
});

test("what is no request is refused", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error) => errors.push(error.code ?? error.kind));
  api.ping.connect(() => "pong");
  const refused = [
    [{ method: "ping", id: 1 }, -32600],
    [{ jsonrpc: 2.0, method: "ping", id: 1 }, -32600],
    [{ jsonrpc: "2.0", id: 1 }, -32600],
    [{ jsonrpc: "2.0", method: null, id: 1 }, -32600],
    [{ jsonrpc: "2.0", method: "ping", params: "text", id: 1 }, -32602],
    [{ jsonrpc: "2.0", method: "ping", params: 7, id: 1 }, -32602],
    [{ jsonrpc: "2.0", method: "ping", params: { __bytes: "" }, id: 1 }, -32602],
  ];
  for (const [message, code] of refused) {
    server.send(message);
    const answer = await server.next();
    assert.deepEqual([answer.error.code, answer.id], [code, 1], JSON.stringify(message));
  }
  assert.deepEqual(errors, []);
  const unanswerable = [
    [null, -32600],
    ["text", -32600],
    [{ jsonrpc: "2.0", method: "ping", id: {} }, -32600],
    [{ jsonrpc: "2.0", method: "ping", id: [1] }, -32600],
    [{ jsonrpc: "2.0", method: "ping", id: true }, -32600],
    [{ jsonrpc: "2.0", method: "ping", id: "x".repeat(257) }, -32600],
    [{ jsonrpc: "1.0", result: 5, id: 1 }, "decode"],
    [{ jsonrpc: "2.0", result: 5 }, "decode"],
    [{ jsonrpc: "2.0", result: 5, id: null }, "decode"],
    [{ jsonrpc: "2.0", error: null, id: {} }, "decode"],
    [{ jsonrpc: "2.0", result: 5, id: "__proto__" }, "decode"],
  ];
  for (const [message] of unanswerable) server.send(JSON.stringify(message));
  // Ids come back as they were.
  const id = "x".repeat(256);
  server.send({ jsonrpc: "2.0", method: "ping", id });
  assert.equal((await server.next()).id, id);
  server.send('{"jsonrpc":"2.0","method":"ping","id":18446744073709551616}');
  assert.match(await server.text(), /"id":18446744073709551616\}$/);
  assert.deepEqual(
    errors,
    unanswerable.map(([, code]) => code),
  );
  assert.equal(server.unread, 0);
});

test("calls that nobody answers are limited in number", async (t) => {
  const { api, server } = await pair(t, { pendingCalls: 2 });
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  api.slow.connect(() => released);
  for (const id of [1, 2, 3]) server.send({ jsonrpc: "2.0", method: "slow", id });
  const refused = await server.next();
  assert.equal(refused.id, 3);
  assert.match(refused.error.message, /2 calls are being handled/);
  release("done");
  assert.equal((await server.next()).result, "done");
  assert.equal((await server.next()).result, "done");
  server.send({ jsonrpc: "2.0", method: "slow", id: 4 });
  assert.equal((await server.next()).result, "done");
});

test("binary messages are telegrams too, and empty ones mean nothing", async (t) => {
  const { api, server } = await pair(t);
  api.onError((error) => assert.fail(error));
  api.ping.connect(() => "pong");
  for (const nothing of ["", " ", "\n", Buffer.alloc(0)]) server.send(nothing);
  server.send(Buffer.from('{"jsonrpc":"2.0","method":"ping","id":"ä"}'));
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: "pong", id: "ä" });
});

test("slots have any name", async (t) => {
  const { api, server } = await pair(t);
  assert.equal(api.echo, api.slot("echo"));
  assert.equal(api.then, undefined);
  assert.equal(api.remote.then, undefined);
  assert.equal(await api, api);
  assert.equal(typeof JSON.stringify(api), "string");
  assert.equal(String(api), "[object Object]");
  for (const name of ["call", "then", "toString", "lab.echo", "__proto__", ""]) {
    api.slot(name).connect(() => `this is ${name}`);
    server.send({ jsonrpc: "2.0", method: name, id: 1 });
    assert.equal((await server.next()).result, `this is ${name}`);
  }
  await assert.rejects(api.call(7), TypeError);
});
