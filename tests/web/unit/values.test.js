// What travels: values and text, in both directions.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pair } from "../support/pair.js";

/** What a value is on the wire, as the server sees it. */
async function written(t, value) {
  const { api, server } = await pair(t);
  await api.notify("value", { value });
  const text = await server.text();
  const [head, tail] = ['{"jsonrpc":"2.0","method":"value","params":{"value":', "}}"];
  assert.ok(text.startsWith(head) && text.endsWith(tail), text);
  return text.slice(head.length, -tail.length);
}

/** What a text on the wire is here. */
async function read(t, text) {
  const { api, server } = await pair(t);
  const answer = api.call("read");
  const { id } = await server.next();
  server.send(`{"jsonrpc":"2.0","result":${text},"id":${id}}`);
  return answer;
}

test("values are written as the library writes them", async (t) => {
  const cases = [
    [null, "null"],
    [true, "true"],
    [0, "0"],
    [-1.5, "-1.5"],
    [1e21, "1e+21"],
    [NaN, "NaN"],
    [-Infinity, "-Infinity"],
    [2n ** 64n, "18446744073709551616"],
    [-(2n ** 63n), "-9223372036854775808"],
    ["a\"\\\n\u2028😀", '"a\\"\\\\\\n\u2028😀"'],
    ["\ud800", '"\\ud800"'],
    [[1, undefined, [2]], "[1,null,[2]]"],
    [{ a: 1, b: undefined, "ö b": [] }, '{"a":1,"ö b":[]}'],
    [new Uint8Array([0, 1, 255]), '{"__bytes":"AAH/"}'],
    [new Uint8Array([9, 0, 1, 255]).subarray(1), '{"__bytes":"AAH/"}'],
    [new Uint8Array([1, 2]).buffer, '{"__bytes":"AQI="}'],
    [Buffer.from("hi"), '{"__bytes":"aGk="}'],
    [new Uint8Array(), '{"__bytes":""}'],
    [new Float64Array([0.5, 2]), "[0.5,2]"],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ];
  for (const [value, text] of cases) {
    await t.test(text, async (t) => assert.equal(await written(t, value), text));
  }
});

test("values that cannot travel are errors, and nothing is sent", async (t) => {
  const circle = [];
  circle.push(circle);
  const cases = [
    ["a function", () => 1, /type function/],
    ["a symbol", Symbol("x"), /type symbol/],
    ["a promise", Promise.resolve(1), /await it first/],
    ["a map", new Map(), /Map or Set/],
    ["a circle", circle, /128 levels, or a circle/],
    ["the mark of bytes", { __bytes: "AA==" }, /marks byte strings/],
  ];
  const { api, server } = await pair(t);
  for (const [name, value, message] of cases) {
    await t.test(name, async () => {
      await assert.rejects(api.call("value", { value }), { kind: "encode", message });
      await assert.rejects(api.notify("value", [value]), { kind: "encode", message });
    });
  }
  for (const params of [null, "text", 5, new Uint8Array()]) {
    await assert.rejects(api.call("value", params), { kind: "encode", message: /an object or a list/ });
  }
  await api.notify("last");
  assert.equal((await server.next()).method, "last");
});

test("what the library writes is read", async (t) => {
  const cases = [
    ["null", null],
    ["-0.5e1", -5],
    ["9007199254740991", 2 ** 53 - 1],
    ["9007199254740992", 2n ** 53n],
    ["-18446744073709551616", -(2n ** 64n)],
    ["9007199254740993.0", 2 ** 53],
    ["1e400", Infinity],
    ["1".repeat(1001), Infinity],
    ["NaN", NaN],
    ["-Infinity", -Infinity],
    ['"\\ud83d\\ude00\\u00e4\\n\\\\"', "😀ä\n\\"],
    ['"\\ud800"', "\ud800"],
    ['{"__bytes":"AAH/"}', new Uint8Array([0, 1, 255])],
    ['{"__bytes":"AAH/","more":1}', new Uint8Array([0, 1, 255])],
    ['[{"__bytes":""}]', [new Uint8Array()]],
    // No base64, so no bytes.
    ['{"__bytes":"%"}', { __bytes: "%" }],
    ['{"__bytes":7}', { __bytes: 7 }],
    [' { "a" : [ 1 , { } , [ ] ] , "a b" : "" } ', { a: [1, {}, []], "a b": "" }],
    ['{"a":1,"a":2}', { a: 2 }],
  ];
  for (const [text, value] of cases) {
    await t.test(text.slice(0, 40), async (t) => assert.deepEqual(await read(t, text), value));
  }
});

test("names of members are only names", async (t) => {
  const value = await read(t, '{"__proto__":{"polluted":1},"constructor":2}');
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(value.polluted, undefined);
  assert.deepEqual(Object.keys(value), ["__proto__", "constructor"]);
});

test("large byte strings survive", async (t) => {
  const { api, server } = await pair(t);
  const bytes = Uint8Array.from({ length: 1_000_000 }, (_, at) => (at * 7919) % 256);
  const answer = api.call("blob", { bytes });
  const call = await server.next();
  assert.ok(Buffer.from(call.params.bytes.__bytes, "base64").equals(bytes));
  server.send({ jsonrpc: "2.0", result: call.params.bytes, id: call.id });
  assert.ok(Buffer.from(await answer).equals(bytes));
});

test("any JSON is read as JSON.parse reads it", async (t) => {
  const { api, server } = await pair(t);
  api.value.connect(({ value }) => value);
  const random = generator(7);
  for (let round = 0; round < 300; round += 1) {
    const value = json(random, 4);
    // Blanks in every place where they may be.
    const text = JSON.stringify(value, null, ["", "\t", " "][round % 3]);
    server.send(`{"jsonrpc":"2.0","method":"value","params":{"value":${text}},"id":${round}}`);
    assert.deepEqual((await server.next()).result, value, text);
  }
});

test("what is no JSON is refused, wherever it is wrong", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error) => errors.push(error));
  api.ping.connect(() => "pong");
  const whole = '{"jsonrpc":"2.0","method":"ping","params":{"a":["x",1.5,null]},"id":1}';
  const wrong = [
    ...Array.from({ length: whole.length - 1 }, (_, at) => whole.slice(0, at + 1)),
    `${whole}}`,
    `${whole} x`,
    "\ufeff1 x",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "'a'",
    "01",
    "+1",
    ".5",
    "1.",
    "0x10",
    "truex",
    "nul",
    '"\\x"',
    '"\n"',
    "[".repeat(100_000),
    '{"a":'.repeat(100_000),
    "\0",
  ];
  for (const text of wrong) server.send(text);
  server.send(Buffer.from([0xff, 0xfe]));
  server.send(whole);
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: "pong", id: 1 });
  assert.equal(errors.length, wrong.length + 1);
  for (const [at, error] of errors.entries()) {
    assert.equal(error.kind, "decode", `${wrong[at]}: ${error.stack}`);
  }
});

/** Numbers that are the same in every run. */
function generator(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

function json(random, depth) {
  const texts = ["", "a", '"', "\\", "\\\\", '\\"', "\u0000\u001f", "ä😀", "__proto__x", "1e5"];
  const text = () => texts[random(texts.length)];
  switch (random(depth > 0 ? 7 : 5)) {
    case 0:
      return null;
    case 1:
      return random(2) === 0;
    case 2:
      return random(2 ** 31) - 2 ** 30;
    case 3:
      return (random(2 ** 31) - 2 ** 30) / 2 ** random(40);
    case 4:
      return text() + text();
    case 5:
      return Array.from({ length: random(4) }, () => json(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random(4) }, () => [text() + text(), json(random, depth - 1)]),
      );
  }
}
