// Answers as other programs write them, and answers that somebody writes to do harm.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";

/** Sends what is to be an answer to the next call; `{ID}` in a text is its id. */
async function answered(server, call, text) {
  const { id } = await server.next();
  server.send(text.replaceAll("ID", id));
  return call;
}

/** Until all that the server has sent was handled, without any answer to it. */
async function handled(server) {
  server.send('{"jsonrpc":"2.0","method":"no such method","id":"end"}');
  const answer = await server.next();
  assert.equal(answer.id, "end", JSON.stringify(answer));
}

test("an error that is not null decides, whatever is beside it", async (t) => {
  const { api, server } = await pair(t);
  const failed = [
    ['{"jsonrpc":"2.0","result":null,"error":{"code":7,"message":"no"},"id":ID}', 7, "no"],
    ['{"jsonrpc":"2.0","error":{"code":7,"message":"no"},"result":5,"id":ID}', 7, "no"],
    ['{"result":null,"error":{"code":7,"message":"no"},"id":ID}', 7, "no"],
    ['{"result":5,"error":"no","id":ID}', -32603, /not an object/],
    ['{"result":5,"error":false,"id":ID}', -32603, /not an object/],
    ['{"result":5,"error":0,"id":ID}', -32603, /not an object/],
    ['[{"jsonrpc":"2.0","result":null,"error":{"code":7,"message":"no"},"id":ID}]', 7, "no"],
  ];
  for (const [text, code, message] of failed) {
    await assert.rejects(answered(server, api.call("f"), text), (error) => {
      assert.ok(error instanceof CallError, text);
      assert.equal(error.code, code, text);
      assert.match(error.message, new RegExp(message), text);
      return true;
    });
  }
  const fine = [
    ['{"jsonrpc":"2.0","result":5,"error":null,"id":ID}', 5],
    ['{"jsonrpc":"2.0","result":null,"error":null,"id":ID}', null],
    ['{"jsonrpc":"2.0","result":false,"error":null,"id":ID}', false],
    ['{"jsonrpc":"2.0","method":null,"result":5,"error":null,"id":ID}', 5],
  ];
  for (const [text, result] of fine) {
    assert.equal(await answered(server, api.call("f"), text), result, text);
  }
});

test("an answer with neither a result nor an error fails its call, and is not answered", async (t) => {
  const { api, server } = await pair(t);
  const texts = [
    '{"jsonrpc":"2.0","id":ID}',
    '{"jsonrpc":"2.0","id":"ID"}',
    '{"id":ID}',
    '{"jsonrpc":"2.0","method":null,"id":ID}',
    '{"jsonrpc":"2.0","params":[],"id":ID}',
    '{"error":null,"id":ID}',
    '[{"jsonrpc":"2.0","id":ID}]',
  ];
  for (const text of texts) {
    await assert.rejects(answered(server, api.call("f"), text), {
      name: "CallError",
      code: -32603,
      message: "the other side answered with neither a result nor an error",
    });
  }
  await handled(server);
});

test("late answers of every form are no news", async (t) => {
  const { api, server } = await pair(t);
  api.onError((error, method) => method ?? assert.fail(error));
  await assert.rejects(api.call("f", {}, { timeout: 1 }), { kind: "timeout" });
  const { id } = await server.next();
  assert.equal((await server.next()).method, "rpc.cancel");
  server.send({ jsonrpc: "2.0", id });
  server.send({ id });
  server.send({ jsonrpc: "2.0", result: 1, error: { code: 1 }, id: String(id) });
  server.send({ result: 1, error: null, id });
  await handled(server);
});

test("answers of JSON-RPC 1.0 are understood", async (t) => {
  const { api, server } = await pair(t);
  assert.equal(await answered(server, api.call("f"), '{"result":5,"error":null,"id":ID}'), 5);
  assert.equal(await answered(server, api.call("f"), '{"id":ID,"result":"x"}'), "x");
  const failed = answered(server, api.call("f"), '{"result":null,"error":{"code":3},"id":ID}');
  await assert.rejects(failed, { name: "CallError", code: 3 });
  const text = answered(server, api.call("f"), '{"result":null,"error":"no such call","id":ID}');
  await assert.rejects(text, { name: "CallError", code: -32603, data: "no such call" });
  await handled(server);
});

test("a call with the id of a pending one is a call", async (t) => {
  const { api, server } = await pair(t);
  api.hello.connect(() => "hi");
  const pending = api.call("f");
  const { id } = await server.next();
  server.send({ jsonrpc: "2.0", method: "hello", id });
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: "hi", id });
  // Nor does a method make an answer of what has a result.
  server.send({ jsonrpc: "2.0", method: "hello", result: 5, id });
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: "hi", id });
  server.send({ jsonrpc: "2.0", result: "mine", id });
  assert.equal(await pending, "mine");
});

test("the first answer counts, and ids that nobody has sent end no call", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error, method) => method ?? errors.push(error.kind));
  const pending = api.call("f");
  await server.next();
  const strange = [
    "0", "-1", "1.5", "2", "1e400", "-1e400", "NaN", "9007199254740993", "1".repeat(400),
    '""', '"01"', '"1.0"', '" 1"', '"1 "', '"x"', '"__proto__"', '"constructor"', '"\\ud800"',
    "null", "true", "[1]", '{"id":1}', '{"__proto__":1}', '{"__bytes":"AQ=="}',
  ];
  for (const id of strange) server.send(`{"jsonrpc":"2.0","result":"theirs","id":${id}}`);
  server.send('{"jsonrpc":"2.0","result":"first","id":1}');
  server.send('{"jsonrpc":"2.0","result":"second","id":1}');
  server.send('{"jsonrpc":"2.0","error":{"code":1},"id":1}');
  assert.equal(await pending, "first");
  await handled(server);
  assert.deepEqual(errors, strange.map(() => "decode"));
});

test("an error that belongs to no call is told with its text", async (t) => {
  const { api, server } = await pair(t);
  const told = [];
  api.onError((error) => told.push(error.message));
  server.send('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}');
  server.send({ jsonrpc: "2.0", error: { code: 1, message: "x".repeat(10_000) }, id: 99 });
  await handled(server);
  assert.equal(told[0], "an answer to a call that was never made: Parse error");
  assert.ok(told[1].length < 300);
});

test("members of an answer have any name", async (t) => {
  const { api, server } = await pair(t);
  const text =
    '{"__proto__":{"result":9,"id":1},"constructor":1,"toString":2,"jsonrpc":"2.0",' +
    '"result":{"__proto__":{"x":1},"then":"text","toJSON":3,"hasOwnProperty":4},"id":ID}';
  const result = await answered(server, api.call("f"), text);
  assert.deepEqual(Object.keys(result), ["__proto__", "then", "toJSON", "hasOwnProperty"]);
  assert.equal(Object.getPrototypeOf(result), Object.prototype);
  assert.equal(result.x, undefined);
  // What is only inherited is no answer.
  const inherited = '{"jsonrpc":"2.0","__proto__":{"result":9},"id":ID}';
  await assert.rejects(answered(server, api.call("f"), inherited), { message: /neither a result/ });
  assert.equal({}.result, undefined);
});

test("an answer that is nested too deeply is no message, and ends nothing else", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error, method) => method ?? errors.push(error.kind));
  const deep = api.call("f", {}, { timeout: 1_000_000 });
  await server.next();
  for (const [open, close] of [["[", "]"], ['{"a":', "}"], ['{"__proto__":', "}"]]) {
    const [head, tail] = [open.repeat(50_000), close.repeat(50_000)];
    server.send(`{"jsonrpc":"2.0","result":${head}1${tail},"id":1}`);
    server.send(`{"jsonrpc":"2.0","error":{"message":${head}1${tail}},"id":1}`);
    server.send(`{"jsonrpc":"2.0","method":"f","params":${head}1${tail},"id":1}`);
  }
  assert.equal(await answered(server, api.call("g"), '{"jsonrpc":"2.0","result":5,"id":ID}'), 5);
  assert.deepEqual(errors, Array.from({ length: 9 }, () => "decode"));
  server.send('{"jsonrpc":"2.0","result":[[[]]],"id":1}');
  assert.deepEqual(await deep, [[[]]]);
});

test("a byte order mark at the beginning of a message means nothing", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error) => errors.push(error.kind));
  api.ping.connect(() => "pong");
  const call = '{"jsonrpc":"2.0","method":"ping","id":1}';
  const pong = { jsonrpc: "2.0", result: "pong", id: 1 };
  for (const text of [`\ufeff${call}`, Buffer.from(`\ufeff${call}`), `\ufeff \n${call}`]) {
    server.send(text);
    assert.deepEqual(await server.next(), pong);
  }
  server.send(`\ufeff[${call}]`);
  assert.deepEqual(await server.next(), [pong]);
  assert.equal(await answered(server, api.call("f"), '\ufeff{"jsonrpc":"2.0","result":5,"id":ID}'), 5);
  for (const nothing of ["\ufeff", Buffer.from("\ufeff"), "\ufeff\n"]) server.send(nothing);
  assert.deepEqual(errors, []);
  // One, and only there; within a text it is a character.
  server.send(`\ufeff\ufeff${call}`);
  server.send(Buffer.from(`\ufeff\ufeff${call}`));
  server.send(call.replace(",", ",\ufeff"));
  api.echo.connect(({ text }) => text);
  server.send('{"jsonrpc":"2.0","method":"echo","params":{"text":"\ufeffx"},"id":2}');
  assert.equal((await server.next()).result, "\ufeffx");
  assert.deepEqual(errors, ["decode", "decode", "decode"]);
});

test("errors with types come and go as serde has them", async (t) => {
  const { api, server } = await pair(t);
  const failed = api.call("light", { number: 7 });
  const { id } = await server.next();
  const error = { code: 404, message: "there is no lamp 7", data: { Missing: 7 } };
  server.send({ jsonrpc: "2.0", error, id });
  const caught = await failed.catch((error) => error);
  assert.ok(CallError.is(caught) && CallError.is(caught, 404) && !CallError.is(caught, 503));
  assert.ok(!CallError.is(new Error("other")) && !CallError.is(null));
  assert.deepEqual(caught.data, { Missing: 7 });

  class LampError extends CallError {
    constructor(watts) {
      super(`${watts} W are too much`, { code: 500, data: { TooMuch: { watts } } });
    }
  }
  api.ask.connect(() => {
    throw new LampError(60);
  });
  // What has come from elsewhere goes on as it is.
  api.pass.connect(() => {
    throw caught;
  });
  server.send({ jsonrpc: "2.0", method: "ask", params: {}, id: 1 });
  const sent = (await server.next()).error;
  assert.deepEqual(sent, { code: 500, message: "60 W are too much", data: { TooMuch: { watts: 60 } } });
  server.send({ jsonrpc: "2.0", method: "pass", params: {}, id: 2 });
  assert.deepEqual((await server.next()).error, error);
});
