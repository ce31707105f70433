// Code of others that fails: handlers, observers, arguments, the console, the WebSocket. None
// of it stops the connection, loses other messages, or leaves a call without an answer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../quickrpc/web/quickrpc.js";
import { client, listen, pair } from "../support/pair.js";
import { ScriptedSocket, scripted } from "../support/scripted.js";
import { liveTimers } from "../support/timers.js";
import { Inbox, within } from "../support/wait.js";

/** What can be thrown, and has no text, or fails when it is asked for one. */
const UNSPEAKABLE = [
  ["null", null],
  ["undefined", undefined],
  ["a symbol", Symbol("odd")],
  ["an object without a prototype", Object.create(null)],
  [
    "an error whose message throws",
    Object.defineProperty(new Error(), "message", {
      get() {
        throw new Error("the message");
      },
    }),
  ],
  [
    "what throws itself when it is printed",
    {
      toString() {
        throw this;
      },
    },
  ],
  [
    "a proxy that is revoked",
    (() => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    })(),
  ],
  ["an error whose message is missing", Object.assign(new CallError("x"), { message: undefined })],
  ["an error whose message is a number", Object.assign(new CallError("x"), { message: 5n })],
  [
    "an error whose code throws",
    Object.defineProperty(new CallError("x"), "code", {
      get() {
        throw null;
      },
    }),
  ],
];

/** Until a later message was answered; rejections that nobody has seen would have come. */
async function alive(server) {
  server.send({ jsonrpc: "2.0", method: "alive?", id: "alive" });
  const answer = await server.next();
  assert.equal(answer.id, "alive", JSON.stringify(answer));
  await new Promise(setImmediate);
}

test("whatever a handler throws, its caller has an error, and others their answers", async (t) => {
  const { api, server } = await pair(t);
  const told = [];
  api.onError((error, method) => method === "alive?" || told.push(error));
  api.fine.connect(() => "fine");
  for (const [name, thrown] of UNSPEAKABLE) {
    await t.test(name, async () => {
      const connections = [
        api.now.connect(() => {
          throw thrown;
        }),
        api.later.connect(async () => {
          await null;
          throw thrown;
        }),
      ];
      const call = (method, id) => ({ jsonrpc: "2.0", method, id });
      for (const method of ["now", "later"]) {
        server.send(call(method, 1));
        const { id, error } = await server.next();
        assert.deepEqual([id, error.code, typeof error.message], [1, -32000, "string"]);
        server.send([call("fine", 1), call(method, 2), call("fine", 3)]);
        const answers = await server.next();
        assert.deepEqual(
          answers.map(({ id, result, error }) => [id, result ?? error.code]),
          [
            [1, "fine"],
            [2, -32000],
            [3, "fine"],
          ],
        );
      }
      // A notification's is told, as an Error.
      told.length = 0;
      for (const method of ["now", "later"]) server.send({ jsonrpc: "2.0", method });
      await alive(server);
      assert.equal(told.length, 2);
      for (const error of told) assert.ok(isError(error), "told something that is no Error");
      for (const connection of connections) connection.disconnect();
    });
  }
});

function isError(value) {
  return Object.prototype.toString.call(value) === "[object Error]";
}

test("whatever an observer of errors does, the next one is told", async (t) => {
  const { api, server } = await pair(t);
  const printed = t.mock.method(console, "error", () => {});
  const told = [];
  api.onError(() => {
    throw null;
  });
  api.onError(() => Promise.reject(new Error("an asynchronous observer")));
  api.onError((error) => told.push(error.kind ?? error.message));
  server.send("no JSON");
  await alive(server);
  assert.deepEqual(told, ["decode"]);
  assert.equal(printed.mock.callCount(), 2);
});

test("a console that fails stops nothing", async (t) => {
  const broken = () => {
    throw new Error("the console");
  };
  for (const level of ["warn", "error", "log"]) t.mock.method(console, level, broken);
  const { api, server } = await pair(t);
  api.ping.connect(() => "pong");
  api.odd.connect(() => () => {});
  api.onStatus(broken);
  const call = (method, id) => ({ jsonrpc: "2.0", method, id });
  for (const trouble of ["no JSON", call("nobody"), call(7), { jsonrpc: "2.0", result: 1, id: 77 }]) {
    server.send(trouble);
  }
  server.send([call("ping", 1), call("nobody"), call("odd", 2), call("ping", 3)]);
  const answers = await server.next();
  assert.deepEqual(answers.map(({ id }) => id), [1, 2, 3]);
  const connection = api.onError(broken);
  server.send("no JSON");
  await alive(server);
  connection.disconnect();
  const pending = api.call("f");
  await server.answer(5);
  assert.equal(await pending, 5);
});

test("an asynchronous observer of the status may fail", async (t) => {
  const listener = await listen(t);
  const api = client(t, listener.url);
  const errors = new Inbox();
  api.onError((error) => errors.put(error.message));
  // As a page introduces itself.
  api.onStatus(async ({ state }) => {
    if (state === "up") await api.call("hello");
  });
  const server = await listener.accept();
  const { id } = await server.next();
  server.send({ jsonrpc: "2.0", error: { code: 1, message: "I do not know you" }, id });
  assert.equal(await errors.next(), "I do not know you");
  assert.equal(api.status.state, "up");
});

test("what follows an answer may throw, and the next answer is read", async (t) => {
  const { api, server } = await pair(t);
  const thrown = api.call("f").then(() => {
    throw new Error("the page");
  });
  const rejected = assert.rejects(thrown, { message: "the page" });
  const next = api.call("g");
  for (const method of ["f", "g"]) assert.equal((await server.next()).method, method);
  server.send('[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":2,"id":2}]');
  await rejected;
  assert.equal(await next, 2);
  await alive(server);
});

test("arguments that cannot be read fail their call, and leave nothing behind", async (t) => {
  const { api, server } = await pair(t, { pendingCalls: 1 });
  const timers = liveTimers(t);
  const cases = [
    { get a() { throw new Error("the getter"); } },
    { a: { toJSON() { throw null; } } },
    { a: { get then() { throw new Error("the getter"); } } },
    [new Proxy({}, { ownKeys() { throw new Error("the trap"); } })],
  ];
  for (const params of cases) {
    await api.call("f", params).then(assert.fail, () => {});
    await api.notify("f", params).then(assert.fail, () => {});
  }
  assert.equal(timers.size, 0);
  const call = api.call("f");
  await server.answer(5);
  assert.equal(await call, 5);
});

test("results that cannot be read are errors of their call", async (t) => {
  const { api, server } = await pair(t);
  api.onError(() => {});
  const values = {
    getter: { get a() { throw null; } },
    printer: { toJSON() { throw Object.create(null); } },
    then: { get then() { throw new Error("the getter"); } },
    thenable: { then() { throw new Error("the promise"); } },
    nothing: { toJSON() {} },
    member: [Promise.resolve(1)],
  };
  for (const [name, value] of Object.entries(values)) {
    api.slot(name).connect(() => value);
    server.send({ jsonrpc: "2.0", method: name, id: name });
    const { id, error } = await server.next();
    assert.deepEqual([id, typeof error.code, typeof error.message], [name, "number", "string"]);
  }
  await alive(server);
});

test("an error answer is no larger than a message may be", async (t) => {
  const { api, server } = await pair(t, { messageSize: 5_000 });
  api.data.connect(() => {
    throw new CallError("too much", { code: 5, data: "x".repeat(10_000) });
  });
  api.text.connect(() => {
    throw new CallError("😀".repeat(10_000), { code: 6 });
  });
  api.later.connect(() => Promise.reject(new Error("ä".repeat(10_000))));
  for (const [method, code, start] of [["data", 5, "too much"], ["text", 6, "😀"], ["later", -32000, "ä"]]) {
    server.send({ jsonrpc: "2.0", method, id: 1 });
    const text = await server.text();
    assert.ok(Buffer.byteLength(text) <= 5_000, method);
    const { error } = JSON.parse(text);
    assert.equal(error.code, code);
    assert.ok(error.message.startsWith(start));
    assert.equal(error.data, undefined);
  }
});

test("the answers to a batch are no larger than a message may be", async (t) => {
  const { api, server } = await pair(t, { messageSize: 5_000 });
  api.now.connect(() => "x".repeat(2_000));
  api.later.connect(async () => "ä".repeat(1_000));
  for (const method of ["now", "later"]) {
    server.send([1, 2, 3].map((id) => ({ jsonrpc: "2.0", method, id })));
    const text = await server.text();
    assert.ok(Buffer.byteLength(text) <= 5_000, method);
    const answers = JSON.parse(text);
    assert.deepEqual(answers.map(({ id, error }) => [id, error?.code]), [
      [1, undefined],
      [2, undefined],
      [3, -32603],
    ]);
    assert.equal(answers[2].error.message, "the answers to this batch are larger than 5000 bytes");
  }
});

test("a handler that returns nothing answers null, as a member that is there", async (t) => {
  const { api, server } = await pair(t);
  const handlers = {
    nothing: [() => {}],
    later: [async () => {}],
    several: [() => {}, async () => undefined],
    undefined: [() => undefined],
    foreign: [() => ({ then: (done) => done() })],
  };
  for (const [name, list] of Object.entries(handlers)) {
    for (const handler of list) api.slot(name).connect(handler);
    server.send({ jsonrpc: "2.0", method: name, id: 1 });
    assert.equal(await server.text(), '{"jsonrpc":"2.0","result":null,"id":1}', name);
    server.send([{ jsonrpc: "2.0", method: name, id: 1 }]);
    assert.equal(await server.text(), '[{"jsonrpc":"2.0","result":null,"id":1}]', name);
  }
});

test("an id comes back as JSON, or is none", async (t) => {
  const { api, server } = await pair(t);
  const errors = [];
  api.onError((error) => errors.push(error.code));
  api.ping.connect(() => "pong");
  for (const id of ["1e400", "-1e400", "NaN", "Infinity", "1".repeat(2_000)]) {
    server.send(`{"jsonrpc":"2.0","method":"ping","id":${id}}`);
  }
  for (const id of ["-1", "0.5", '"\\ud800"', '"__proto__"', `${"9".repeat(256)}`]) {
    server.send(`{"jsonrpc":"2.0","method":"ping","id":${id}}`);
    assert.equal(await server.text(), `{"jsonrpc":"2.0","result":"pong","id":${id}}`);
  }
  assert.deepEqual(errors, Array.from({ length: 5 }, () => -32600));
});

test("names from the wire are cut between characters", async (t) => {
  const { api, server } = await pair(t);
  api.onError(() => {});
  server.send({ jsonrpc: "2.0", method: `${"x".repeat(63)}😀 and more`, id: 1 });
  const text = await server.text();
  assert.doesNotMatch(text, /\\ud/);
  assert.match(JSON.parse(text).error.message, /x{63}…`$/);
});

test("a WebSocket that fails fails the calls that it was given, and nothing else", async (t) => {
  class Failing extends ScriptedSocket {
    fails = true;
    send(text) {
      if (this.fails && text.includes("bad")) throw "the socket";
      super.send(text);
    }
    close() {
      throw new Error("the socket");
    }
  }
  const timers = liveTimers(t);
  const { api, sockets } = scripted(t, { callTimeout: 3_600_000 }, Failing);
  const errors = [];
  api.onError((error) => errors.push(error.message));
  const [socket] = sockets;
  const waiting = [api.call("bad"), api.notify("bad"), api.notify("good")];
  for (const failed of waiting.slice(0, 2)) {
    assert.rejects(failed, { kind: "disconnected", message: "`bad` was not sent: the socket" });
  }
  socket.open();
  await Promise.allSettled(waiting);
  assert.equal(await within(api.ready, "the connection"), api);
  await assert.rejects(api.call("bad"), { kind: "disconnected" });
  assert.deepEqual(socket.sent.map((text) => JSON.parse(text).method), ["good"]);
  assert.equal(timers.size, 0);

  // An answer has nobody here who could be told.
  api.bad.connect(() => "bad");
  api.later.connect(async () => "bad");
  for (const method of ["bad", "later"]) socket.receive({ jsonrpc: "2.0", method, id: 1 });
  await new Promise(setImmediate);
  const what = "an answer was not sent: the socket";
  assert.deepEqual(errors, [what, what]);
  const pending = api.call("good");
  api.close();
  await assert.rejects(pending, { kind: "stopped" });
  assert.equal(api.status.state, "stopped");
  assert.equal(timers.size, 0);
});

test("a WebSocket may answer while it sends", async (t) => {
  class Immediate extends ScriptedSocket {
    send(text) {
      const { id } = JSON.parse(text);
      this.receive({ jsonrpc: "2.0", result: "at once", id });
    }
  }
  const { api, sockets } = scripted(t, { callTimeout: 100 }, Immediate);
  const early = api.call("f");
  sockets[0].open();
  assert.deepEqual(await Promise.all([early, api.call("f")]), ["at once", "at once"]);
});

test("a WebSocket that cannot be made is told to those who observe", async (t) => {
  class Refused {
    constructor() {
      throw null;
    }
  }
  const api = client(t, "ws://127.0.0.1/", { WebSocket: Refused, restart: 1 });
  const seen = new Inbox();
  let depth = 0;
  api.onStatus((status) => {
    depth += 1;
    seen.put({ ...status, depth });
    if (status.state === "down") api.reconnect();
    depth -= 1;
  });
  const failed = await seen.next();
  assert.equal(failed.reason, "cannot open it: null");
  for (let count = 0; count < 20; count += 1) {
    // Told that it is opened within `reconnect`, and of the failure later.
    const { state, depth } = await seen.next();
    assert.equal(depth, state === "down" ? 1 : 2);
  }
});
