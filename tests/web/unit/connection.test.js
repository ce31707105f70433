// The life of a connection: coming up, getting lost, coming back, ending.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";

import { WebSocket } from "ws";

import { connect } from "../../../quickrpc/web/quickrpc.js";
import { client, listen, pair } from "../support/pair.js";
import { scripted } from "../support/scripted.js";
import { liveTimers } from "../support/timers.js";
import { Inbox, within } from "../support/wait.js";

/** The changes of status from now on. */
function statuses(api) {
  const seen = new Inbox();
  api.onStatus((status) => seen.put(status));
  return seen;
}

/** A port that stays taken, on which nobody listens for WebSockets. */
async function refusing(t, serve = (socket) => socket.destroy()) {
  const server = createServer(serve);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `ws://127.0.0.1:${server.address().port}/`;
}

/** A page that can come back online, until the end of the test. */
function page(t) {
  const events = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"]) {
    globalThis[name] = events[name].bind(events);
    t.after(() => delete globalThis[name]);
  }
  return { online: () => events.dispatchEvent(new Event("online")) };
}

test("calls and notifications wait for the first attempt, in order", async (t) => {
  const listener = await listen(t);
  const api = client(t, listener.url);
  assert.deepEqual(api.status, { state: "opening" });
  const sum = api.call("first");
  const noted = api.notify("second");
  const seen = statuses(api);
  // Who introduces itself does so before all that has waited.
  api.onStatus(({ state }) => state === "up" && api.notify("hello"));
  const server = await listener.accept();
  assert.equal(await api.ready, api);
  assert.deepEqual(await seen.next(), { state: "up" });
  assert.deepEqual(api.status, { state: "up" });
  assert.equal((await server.next()).method, "hello");
  const call = await server.next();
  assert.equal(call.method, "first");
  assert.equal((await server.next()).method, "second");
  server.send({ jsonrpc: "2.0", result: 3, id: call.id });
  assert.equal(await sum, 3);
  await noted;
});

test("nothing that arrives first is missed", async (t) => {
  const listener = await listen(t);
  const api = client(t, listener.url);
  const heard = new Inbox();
  api.people.connect(({ names }) => heard.put(names));
  const server = await listener.accept();
  server.send({ jsonrpc: "2.0", method: "people", params: { names: ["ann"] } });
  assert.deepEqual(await heard.next(), ["ann"]);
});

test("a lost connection fails what was pending, and comes back by itself", async (t) => {
  const { api, server, listener } = await pair(t, { restart: 1 });
  const seen = statuses(api);
  api.hello.connect(() => "still here");
  const before = api.ready;
  const pending = api.call("add");
  await server.next();
  server.socket.terminate();
  const message = /ended before `add` was answered: the connection was lost \(1006\)/;
  await assert.rejects(pending, { kind: "disconnected", message });

  const down = await seen.next();
  assert.equal(down.state, "down");
  assert.ok(down.retryIn <= 1);
  assert.notEqual(api.ready, before);
  assert.deepEqual(await seen.next(), { state: "opening" });
  assert.deepEqual(await seen.next(), { state: "up" });
  assert.equal(await api.ready, api);

  const again = await listener.accept();
  // Nothing is sent a second time, and ids go on.
  again.send({ jsonrpc: "2.0", method: "hello", id: 1 });
  assert.deepEqual(await again.next(), { jsonrpc: "2.0", result: "still here", id: 1 });
  const call = api.call("add");
  assert.equal((await again.next()).id, 2);
  again.send({ jsonrpc: "2.0", result: 3, id: 2 });
  assert.equal(await call, 3);
});

test("the reason of an end is told", async (t) => {
  const cases = [
    [1000, "", "the other side closed the connection"],
    [1001, "", "the other side has gone away"],
    [1001, "stopped", "stopped (1001)"],
    [4321, "because", "because (4321)"],
    [4321, "", "the connection was lost (4321)"],
  ];
  for (const [code, text, reason] of cases) {
    const { api, server } = await pair(t, { restart: false });
    const seen = statuses(api);
    server.socket.close(code, text);
    assert.deepEqual(await seen.next(), { state: "ended", reason });
  }
});

test("while there is no connection, calls fail at once, or wait if they are told to", async (t) => {
  const { api, server, listener } = await pair(t, { restart: 3_600_000 });
  const seen = statuses(api);
  server.socket.close(1001, "restarting");
  await seen.find(({ state }) => state === "down", "the loss");
  const message = "`add` was not sent: restarting (1001)";
  await assert.rejects(api.call("add"), { kind: "disconnected", message });
  await assert.rejects(api.notify("add"), { kind: "disconnected", message });
  const impatient = api.call("add", {}, { wait: true, timeout: 1 });
  await assert.rejects(impatient, { kind: "timeout", message: /not sent: no connection within 1 ms/ });

  const waiting = api.call("wait", {}, { wait: true });
  const noted = api.notify("note", {}, { wait: true });
  api.reconnect();
  const again = await listener.accept();
  const call = await again.next();
  assert.equal(call.method, "wait");
  assert.equal((await again.next()).method, "note");
  again.send({ jsonrpc: "2.0", result: "it was worth it", id: call.id });
  assert.equal(await waiting, "it was worth it");
  await noted;
});

test("attempts go on, with longer and longer pauses", async (t) => {
  const url = await refusing(t);
  const api = client(t, url, { restart: 4, backoff: 16 });
  const seen = statuses(api);
  const pauses = [];
  while (pauses.length < 5) {
    const { state, reason, retryIn } = await seen.next();
    if (state !== "down") continue;
    assert.ok(reason.startsWith(`cannot connect to ${url}: `), reason);
    pauses.push(retryIn);
  }
  for (const [at, most] of [4, 8, 16, 16, 16].entries()) {
    assert.ok(pauses[at] <= most && pauses[at] >= Math.floor(most * 0.8), String(pauses));
  }
  api.close();
  const stopped = await seen.find(({ state }) => state === "stopped");
  assert.deepEqual(stopped, { state: "stopped" });
});

test("connections that are closed at once count as failures, and one that lasts does not", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const { api, sockets } = scripted(t, { restart: 1_000, backoff: 8_000 });
  const pauses = [];
  api.onStatus(({ retryIn }) => retryIn !== undefined && pauses.push(retryIn));
  const lives = (time) => {
    sockets.at(-1).open();
    now += time;
    sockets.at(-1).lose();
    api.reconnect();
  };
  for (const time of [1, 1, 1, 1, 1, 5_001, 1, 1_500, 4_001]) lives(time);
  for (const [at, most] of [1, 2, 4, 8, 8, 1, 2, 4, 1].entries()) {
    const pause = pauses[at] / 1_000;
    assert.ok(pause <= most && pause >= most * 0.8, `${at}: ${pauses}`);
  }
});

test("what waits for the first attempt fails with it, unless it is to wait", async (t) => {
  const url = await refusing(t);
  const api = client(t, url, { restart: 1, wait: true });
  const impatient = api.call("add", {}, { wait: false });
  await assert.rejects(impatient, { kind: "disconnected", message: /`add` was not sent: cannot con/ });
  const waiting = api.call("add", {}, { timeout: 3_600_000 });
  api.close();
  await assert.rejects(waiting, { kind: "stopped", message: "`add`: the API was closed" });
});

test("without restart, an end is the end", async (t) => {
  const url = await refusing(t);
  const api = client(t, url, { restart: false, wait: true });
  await assert.rejects(api.ready, { kind: "disconnected", message: /cannot connect/ });
  assert.equal(api.status.state, "ended");
  await assert.rejects(api.call("add"), { kind: "disconnected" });
  api.reconnect();
  assert.equal(api.status.state, "ended");
});

test("an attempt that takes too long has failed", async (t) => {
  // It accepts, and says nothing.
  const url = await refusing(t, (socket) => t.after(() => socket.destroy()));
  const api = client(t, url, { restart: false, connectTimeout: 20 });
  await assert.rejects(api.ready, { message: `no connection to ${url} within 20 ms` });
});

test("close ends everything, and the server sees an orderly end", async (t) => {
  const { api, server } = await pair(t);
  const seen = statuses(api);
  const pending = api.call("add");
  await server.next();
  api.close();
  api.close();
  await assert.rejects(pending, { kind: "stopped" });
  await assert.rejects(api.ready, { kind: "stopped" });
  await assert.rejects(api.call("add"), { kind: "stopped" });
  await assert.rejects(api.notify("add"), { kind: "stopped" });
  assert.deepEqual(await seen.next(), { state: "stopped" });
  assert.equal(seen.size, 0);
  assert.equal((await within(server.closed, "the end")).code, 1000);
  api.reconnect();
  assert.equal(api.status.state, "stopped");
});

test("close works while it connects, and from every observer", async (t) => {
  const listener = await listen(t);
  const early = client(t, listener.url);
  early.close();
  await assert.rejects(early.ready, { kind: "stopped" });

  const api = client(t, listener.url, { restart: 0 });
  const waiting = api.call("add");
  api.onStatus(({ state }) => state === "up" && api.close());
  await assert.rejects(waiting, { kind: "stopped" });

  for (const wanted of ["down", "opening"]) {
    const { api, server } = await pair(t, { restart: 0 });
    api.onStatus(({ state }) => state === wanted && api.close());
    // Who is told after that hears of the end alone, and once.
    const seen = statuses(api);
    server.socket.terminate();
    const states = [(await seen.next()).state];
    if (states[0] !== "stopped") states.push((await seen.next()).state);
    assert.deepEqual(states, wanted === "down" ? ["stopped"] : ["down", "stopped"]);
    assert.equal(seen.size, 0);
  }

  const calling = await pair(t);
  const heard = [];
  calling.api.end.connect(() => calling.api.close());
  calling.api.hello.connect(() => heard.push("hello"));
  // Nor is what came with it heard any more.
  calling.server.send(["end", "hello"].map((method) => ({ jsonrpc: "2.0", method, id: 1 })));
  await within(calling.server.closed, "the end");
  assert.equal(calling.server.unread, 0);
  assert.deepEqual(heard, []);
});

test("an observer that fails does not keep a connection from coming up", async (t) => {
  const listener = await listen(t);
  const api = client(t, listener.url);
  const errors = new Inbox();
  api.onError((error) => errors.put(error.message));
  api.onStatus(() => {
    throw new Error("the observer");
  });
  await api.ready;
  assert.equal(await errors.next(), "the observer");
});

test("a message beyond the limit ends the connection", async (t) => {
  const { api, server } = await pair(t, { messageSize: 1000, restart: false });
  const seen = statuses(api);
  server.send(`"${"x".repeat(1000)}"`);
  const reason = "a message is larger than 1000 bytes";
  assert.deepEqual(await seen.next(), { state: "ended", reason });
  assert.deepEqual(await within(server.closed, "the end"), { code: 4000, reason });
});

test("answers of an old connection do not go to a new one", async (t) => {
  const { api, server, listener } = await pair(t, { restart: 1 });
  let release;
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const called = new Inbox();
  api.slow.connect(() => called.put("slow") ?? released);
  server.send({ jsonrpc: "2.0", method: "slow", id: 1 });
  await called.next();
  server.socket.terminate();
  const again = await listener.accept();
  await within(api.ready, "the connection");
  release("late");
  await released;
  api.fast.connect(() => "fast");
  again.send({ jsonrpc: "2.0", method: "fast", id: 2 });
  assert.equal((await again.next()).id, 2);
});

test("a connection that is closing takes nothing any more", async (t) => {
  const sockets = [];
  class Observed extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const { api } = await pair(t, { WebSocket: Observed, restart: false });
  sockets[0].close(4001);
  assert.equal(api.status.state, "up");
  const message = "`say` was not sent: the connection is being closed";
  await assert.rejects(api.notify("say"), { kind: "disconnected", message });
  await assert.rejects(api.call("say"), { kind: "disconnected", message });
});

test("a server that does not read is noticed", async (t) => {
  const { api, server } = await pair(t, { queue: 100_000, stall: 200, restart: false });
  const seen = statuses(api);
  api.more.connect(() => "x".repeat(1_000_000));
  server.socket.pause();
  let sent = 0;
  const full = async () => {
    for (; sent < 1_000; sent += 1) await api.notify("say", { text: "x".repeat(1_000_000) });
  };
  await assert.rejects(full(), { kind: "queue-full", message: /the other side reads too slowly/ });
  // Answers cannot fail, so that the connection has to end.
  for (let id = 1; id < 10; id += 1) server.send({ jsonrpc: "2.0", method: "more", id });
  const { reason } = await seen.next();
  assert.equal(reason, "the other side does not read its answers");
});

test("a server that reads its answers slowly stays", async (t) => {
  const { api, sockets } = scripted(t, { queue: 1_000, stall: 20, restart: false });
  const [socket] = sockets;
  socket.open();
  const seen = statuses(api);
  api.more.connect(() => "ä".repeat(3_000));
  const size = (text) => new TextEncoder().encode(text).length;
  socket.send = (text) => {
    socket.bufferedAmount += size(text);
  };
  for (let id = 1; id < 50; id += 1) {
    socket.receive({ jsonrpc: "2.0", method: "more", id });
    // It has always more than it takes, but takes something.
    socket.bufferedAmount -= 1_000;
    await new Promise((later) => setTimeout(later, 2));
  }
  assert.equal(api.status.state, "up");
  assert.ok(socket.bufferedAmount > 4_000);
  // From now on it takes nothing.
  const { reason } = await seen.next();
  assert.equal(reason, "the other side does not read its answers");
});

test("subprotocols are offered", async (t) => {
  const { server } = await pair(t, { protocols: ["quickrpc"] });
  assert.equal(server.request.headers["sec-websocket-protocol"], "quickrpc");
});

test("addresses may begin with http, be a URL, or have a fragment", async (t) => {
  const listener = await listen(t);
  for (const url of [
    `http://127.0.0.1:${listener.port}/wire?token=1#fragment`,
    new URL(`ws://127.0.0.1:${listener.port}/wire?token=1`),
  ]) {
    client(t, url);
    assert.equal((await listener.accept()).request.url, "/wire?token=1");
  }
});

test("wrong addresses and options are errors that say what is right", (t) => {
  const cases = [
    [["ftp://example.com", { WebSocket }], /no address of a server; say where/],
    [["no address", { WebSocket }], /`no address` is no address, such as ws:/],
    [[undefined, { WebSocket }], /`\.` is no address/],
    [["ws://h/", { WebSocket, timout: 5 }], /unknown option `timout`; there are `callTimeout`/],
    [["ws://h/", { WebSocket, restart: "1s" }], /`restart` is a number of milliseconds/],
    [["ws://h/", { WebSocket, backoff: -1 }], /`backoff` is a number of milliseconds/],
    // Nothing is larger than these, so that they would be no limits.
    [["ws://h/", { WebSocket, messageSize: NaN }], /`messageSize` is a number of at least 1/],
    [["ws://h/", { WebSocket, messageSize: "1 MB" }], /`messageSize` is a number of at least 1/],
    [["ws://h/", { WebSocket, pendingCalls: -1 }], /`pendingCalls` is a number of at least 1/],
    [["ws://h/", { WebSocket, queue: null }], /`queue` is a number of at least 1, not `null`/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => connect(...args), { name: "RpcError", kind: "config", message });
  }
  const { WebSocket: kept } = globalThis;
  t.after(() => Object.assign(globalThis, { WebSocket: kept }));
  globalThis.WebSocket = undefined;
  assert.throws(() => connect("ws://h/"), { kind: "config", message: /there is no WebSocket here/ });
});

test("a WebSocket that cannot be made is a failed attempt", async (t) => {
  class Refused {
    constructor() {
      throw new Error("the policy forbids it");
    }
  }
  const api = client(t, "ws://127.0.0.1/", { WebSocket: Refused, restart: false });
  await assert.rejects(api.ready, { message: "cannot open it: the policy forbids it" });
});

test("who comes back online connects at once", async (t) => {
  const { online } = page(t);
  const { api, server, listener } = await pair(t, { restart: 3_600_000 });
  const seen = statuses(api);
  server.socket.terminate();
  await seen.find(({ state }) => state === "down");
  online();
  await listener.accept();
  await within(api.ready, "the connection");
  api.close();
  online();
  assert.equal(api.status.state, "stopped");
});

test("after the end, no timer runs and nothing is heard", async (t) => {
  const timers = liveTimers(t);
  const heard = new Map();
  for (const name of ["addEventListener", "removeEventListener"]) {
    const change = name === "addEventListener" ? "set" : "delete";
    globalThis[name] = (kind, handler) => heard[change](kind, handler);
    t.after(() => delete globalThis[name]);
  }
  /** Everything that may run: an attempt, a call, one that waits for a connection. */
  const busy = (state, options) => {
    const { api, sockets } = scripted(t, { restart: 3_600_000, ...options });
    const calls = [api.call("f"), api.notify("f")];
    if (state !== "opening") sockets[0].open();
    calls.push(api.call("f", {}, { timeout: Infinity }));
    if (state === "down") {
      sockets[0].lose();
      calls.push(api.call("f", {}, { wait: true }), api.notify("f", {}, { wait: true }));
    }
    return { api, sockets, calls };
  };
  for (const state of ["opening", "up", "down"]) {
    const { api, sockets, calls } = busy(state);
    assert.equal(api.status.state, state);
    assert.ok(timers.size > 0 && heard.size === 1);
    api.close();
    assert.deepEqual([timers.size, heard.size], [0, 0], state);
    const ends = (await Promise.allSettled(calls)).map(({ reason }) => reason?.kind);
    assert.ok(ends.includes("stopped"), state);
    await assert.rejects(api.ready, { kind: "stopped" });
    // What still arrives is nobody's, and nothing is left to wait for.
    sockets[0].open();
    sockets[0].receive({ jsonrpc: "2.0", method: "f", id: 1 });
    sockets[0].lose();
    await assert.rejects(api.call("f"), { kind: "stopped" });
    await assert.rejects(api.notify("f", {}, { wait: true }), { kind: "stopped" });
    api.reconnect();
    assert.deepEqual([api.status.state, timers.size, sockets.length], ["stopped", 0, 1]);
  }
  for (const state of ["opening", "up"]) {
    const { api, sockets, calls } = busy(state, { restart: false });
    sockets[0].lose();
    assert.deepEqual([api.status.state, timers.size, heard.size], ["ended", 0, 0], state);
    await Promise.allSettled(calls);
    await assert.rejects(api.ready, { kind: "disconnected" });
    api.close();
    await assert.rejects(api.ready, { kind: "stopped" });
  }
});

test("who waits for the connection waits for the next one, or is told of the end", async (t) => {
  // Whoever looked before it came up, and it was lost while the others were told.
  const { api, sockets } = scripted(t, { restart: 3_600_000 });
  const { ready } = api;
  const first = api.onStatus(({ state }) => state === "up" && sockets[0].lose());
  sockets[0].open();
  assert.equal(api.status.state, "down");
  first.disconnect();
  api.reconnect();
  sockets[1].open();
  assert.equal(await within(ready, "the connection"), api);

  const closed = scripted(t);
  const stopped = assert.rejects(within(closed.api.ready, "the end"), { kind: "stopped" });
  closed.api.onStatus(({ state }) => state === "up" && closed.api.close());
  closed.sockets[0].open();
  await stopped;
});

test("arguments may end what they are sent on", async (t) => {
  const timers = liveTimers(t);
  const closing = scripted(t);
  closing.sockets[0].open();
  const argument = { toJSON: () => closing.api.close() ?? "closed" };
  const call = closing.api.call("f", { argument }, { timeout: Infinity });
  await assert.rejects(within(call, "the end"), { kind: "stopped" });
  assert.equal(timers.size, 0);
  assert.deepEqual(closing.sockets[0].sent, []);

  const losing = scripted(t, { restart: 3_600_000 });
  losing.sockets[0].open();
  const loss = { toJSON: () => losing.sockets[0].lose() ?? "lost" };
  await assert.rejects(within(losing.api.call("f", { loss }), "the end"), { kind: "disconnected" });
});

test("calls that are pending at a loss fail, and none of the new connection's answers is theirs", async (t) => {
  const { api, sockets } = scripted(t, { restart: 3_600_000 });
  api.onError((error) => assert.fail(error));
  sockets[0].open();
  const lost = Array.from({ length: 100 }, (_, at) => api.call("f", [at]));
  sockets[0].lose();
  for (const { reason } of await Promise.allSettled(lost)) assert.equal(reason.kind, "disconnected");
  const waiting = api.call("g", {}, { wait: true });
  api.reconnect();
  // Made while it connects, and before what is made at `up`.
  const early = api.call("h");
  sockets[1].open();
  const sent = sockets[1].sent.map((text) => JSON.parse(text));
  assert.deepEqual(sent.map(({ method, id }) => [method, id]), [["g", 101], ["h", 102]]);
  for (const id of [1, 100, 101, 102]) sockets[1].receive({ jsonrpc: "2.0", result: id, id });
  assert.deepEqual(await Promise.all([waiting, early]), [101, 102]);
});

test("what waits for a connection is limited in size and number", async (t) => {
  const { api, sockets } = scripted(t, { queue: 1_000, pendingCalls: 5, restart: 3_600_000 });
  const full = { kind: "queue-full", message: /too much waits for a connection already/ };
  const large = { text: "x".repeat(1_000) };
  const first = api.call("f", large, { timeout: 1 });
  await assert.rejects(api.call("f"), full);
  await assert.rejects(api.notify("f"), full);
  await assert.rejects(first, { kind: "timeout" });
  // Its place is free again, however it left.
  const second = api.call("f", large);
  await assert.rejects(api.call("f"), full);
  sockets[0].open();
  const calls = [second, ...Array.from({ length: 4 }, () => api.call("f"))];
  await assert.rejects(api.call("f"), { kind: "too-many-pending" });
  sockets[0].lose();
  await Promise.allSettled(calls);
  api.reconnect();
  const third = api.notify("f", large);
  await assert.rejects(api.call("f"), full);
  sockets[1].open();
  assert.equal(await third, undefined);
});

test("options that are undefined are those that are not given", async (t) => {
  const names = ["callTimeout", "messageSize", "pendingCalls", "queue", "restart", "protocols"];
  const { api, sockets } = scripted(t, Object.fromEntries(names.map((name) => [name, undefined])));
  sockets[0].open();
  const call = api.call("f");
  sockets[0].receive({ jsonrpc: "2.0", result: 5, id: 1 });
  assert.equal(await call, 5);
  await assert.rejects(api.notify("f", { text: "x".repeat(17 << 20) }), { kind: "message-too-large" });
});

test("what is secret in a URL is in no text", async (t) => {
  const secret = "ws://me:secret@scripted/rpc?token=secret";
  class Refusing {
    constructor(url) {
      throw new Error(`the URL '${url}' is not liked`);
    }
  }
  const reasons = [];
  const watch = (api) => {
    t.after(() => api.close());
    return api.ready.catch((error) => reasons.push(error.message));
  };
  await watch(connect(secret, { WebSocket: Refusing, restart: false }));
  const { ScriptedSocket } = await import("../support/scripted.js");
  class Trouble extends ScriptedSocket {
    constructor(url) {
      super(url);
      queueMicrotask(() => {
        this.onerror?.({ message: `no ${url}` });
        this.lose();
      });
    }
  }
  await watch(connect(secret, { WebSocket: Trouble, restart: false }));
  await watch(connect(secret, { WebSocket: ScriptedSocket, restart: false, connectTimeout: 1 }));
  assert.equal(reasons.length, 3);
  for (const url of [secret.replace("ws", "ftp"), secret.replace("scripted", "a b")]) {
    assert.throws(
      () => connect(url, { WebSocket: ScriptedSocket }),
      (error) => reasons.push(error.message) > 0,
    );
  }
  for (const reason of reasons) {
    assert.ok(reason.includes("://***@"), reason);
    assert.ok(!reason.includes("secret"), reason);
  }
});

test("reconnect puts a new connection in the place of one that is up", async (t) => {
  for (const restart of [3_600_000, false]) {
    const { api, server, listener } = await pair(t, { restart });
    const seen = statuses(api);
    const pending = api.call("add");
    await server.next();
    api.reconnect();
    await assert.rejects(pending, { kind: "disconnected", message: /a new connection was asked for/ });
    const again = await listener.accept();
    const states = ["down", "opening", "up"];
    for (const state of states) assert.equal((await seen.next()).state, state);
    assert.equal((await within(server.closed, "the end of the old one")).code, 4000);
    const sum = api.call("add");
    await again.answer(5);
    assert.equal(await sum, 5);
  }
});

test("who comes back online finds out whether the connection still leads anywhere", async (t) => {
  const timers = liveTimers(t);
  const { online } = page(t);
  const { api, sockets } = scripted(t, { restart: 3_600_000, connectTimeout: 20 });
  const seen = statuses(api);
  sockets[0].open();
  assert.equal((await seen.next()).state, "up");
  // It is in the socket until we have returned, as in a browser.
  sockets[0].send = (text) => {
    sockets[0].sent.push(text);
    sockets[0].bufferedAmount = text.length;
    queueMicrotask(() => (sockets[0].bufferedAmount = 0));
  };
  online();
  online();
  // Whatever is heard will do.
  assert.deepEqual(sockets[0].sent.map((text) => JSON.parse(text).method), ["rpc.still_there"]);
  const { id } = JSON.parse(sockets[0].sent[0]);
  sockets[0].receive({ jsonrpc: "2.0", error: { code: -32601, message: "unknown" }, id });
  api.onError((error) => assert.fail(error));
  assert.equal(timers.size, 0);

  online();
  const { state, reason } = await seen.next();
  assert.deepEqual([state, reason], ["down", "nothing was heard within 20 ms"]);
  assert.equal(sockets[0].closedWith.code, 4000);
  online();
  assert.equal(sockets.length, 2);
});

test("a connection on which calls time out and nothing is heard is given up", async (t) => {
  const { api, sockets } = scripted(t, { restart: 1, connectTimeout: 20 });
  const seen = statuses(api);
  sockets[0].open();
  await seen.next();
  // A short time says nothing.
  await assert.rejects(api.call("add", {}, { timeout: 1 }), { kind: "timeout" });
  assert.ok(sockets[0].sent.every((text) => !text.includes("still_there")));
  await assert.rejects(api.call("add", {}, { timeout: 1_100 }), { kind: "timeout" });
  const down = await seen.next();
  assert.deepEqual([down.state, down.reason], ["down", "nothing was heard within 20 ms"]);
  await seen.find(({ state }) => state === "opening", "a new one");
});

test("a connection on which something was heard is not asked", async (t) => {
  const { api, sockets } = scripted(t, { restart: false, connectTimeout: 20 });
  sockets[0].open();
  const slow = api.call("slow", {}, { timeout: 1_100 });
  sockets[0].receive("");
  await assert.rejects(slow, { kind: "timeout" });
  assert.ok(sockets[0].sent.every((text) => !text.includes("still_there")));
});

test("a connection that still sends is not given up", async (t) => {
  const { online } = page(t);
  const { api, sockets } = scripted(t, { restart: false, connectTimeout: 20 });
  sockets[0].open();
  const seen = statuses(api);
  // What waits as the other side is asked, and then each time that it is looked at.
  const amounts = [300_000, 200_000, 200_000, 100_000, 100_000, 10, 10];
  const looked = [];
  Object.defineProperty(sockets[0], "bufferedAmount", {
    get: () => {
      looked.push(amounts[looked.length] ?? 10);
      return looked.at(-1);
    },
  });
  online();
  const { reason } = await seen.next();
  assert.equal(reason, "nothing was heard within 20 ms");
  assert.deepEqual(looked, amounts);
});
