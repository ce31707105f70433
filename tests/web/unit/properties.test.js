// Properties of the other side: values that it tells, and that a page may write.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CallError } from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";
import { Inbox } from "../support/wait.js";

const change = (method, params) => ({ jsonrpc: "2.0", method, params });

/** Waits until all that was sent before is handled. */
async function settled(server) {
  server.send({ jsonrpc: "2.0", method: "nobody", params: {}, id: "settled" });
  for (;;) if ((await server.next()).id === "settled") return;
}

test("a value that is told is there, and handlers hear of it", async (t) => {
  const { api, server } = await pair(t);
  const heard = new Inbox();
  assert.equal(api.voltage.value, undefined);
  const connection = api.voltage.connect((volts) => heard.put(volts));
  server.send(change("voltage_changed", { value: 5.5 }));
  assert.equal(await heard.next(), 5.5);
  assert.equal(api.voltage.value, 5.5);
  server.send(change("voltage_changed", [null]));
  assert.equal(await heard.next(), null);
  connection.disconnect();
  server.send(change("voltage_changed", { value: [1] }));
  await settled(server);
  assert.deepEqual(api.voltage.value, [1]);
});

test("a value is remembered before anybody has asked for it, and is no trouble", async (t) => {
  const { api, server } = await pair(t);
  const trouble = new Inbox();
  api.onError((error) => trouble.put(error.message));
  server.send(change("lab.voltage_changed", { value: 5 }));
  server.send(change("outputVoltageChanged", { value: 6 }));
  // No change of a property.
  server.send(change("changed", { value: 5 }));
  server.send(change("other_changed", { volts: 5 }));
  server.send(change("more_changed", { value: 5, unit: "V" }));
  await settled(server);
  assert.equal(api["lab.voltage"].value, 5);
  assert.equal(api.slot("lab.voltage").value, 5);
  assert.equal(api.outputVoltage.value, 6);
  assert.equal(api.more.value, undefined);
  for (const name of ["changed", "other_changed", "more_changed"]) {
    assert.equal(await trouble.next(), `unknown method \`${name}\``);
  }
});

test("it is read and written", async (t) => {
  const { api, server } = await pair(t);
  const expect = async (method, params, answer) => {
    const call = await server.next();
    assert.deepEqual([call.method, call.params], [method, params]);
    server.send({ jsonrpc: "2.0", id: call.id, ...answer });
  };
  const read = api.voltage.get();
  await expect("get_voltage", {}, { result: 5 });
  assert.equal(await read, 5);
  const written = api.voltage.set(6, { timeout: 60_000 });
  await expect("set_voltage", { value: 6 }, { result: null });
  assert.equal(await written, undefined);
  const refused = api["lab.voltage"].set(60);
  await expect("lab.set_voltage", { value: 60 }, { error: { code: 7, message: "too high" } });
  await assert.rejects(refused, (error) => error instanceof CallError && error.code === 7);
  // As the other side names its calls.
  server.send(change("lab.outputVoltageChanged", { value: 6 }));
  await settled(server);
  const renamed = api["lab.outputVoltage"].set(7);
  await expect("lab.setOutputVoltage", { value: 7 }, { result: null });
  await renamed;
});

test("a call that is named like a change is still a call", async (t) => {
  const { api, server } = await pair(t);
  const calls = new Inbox();
  api.state_changed.connect((params) => {
    calls.put(params);
    return "answer";
  });
  server.send({ ...change("state_changed", { value: 5 }), id: 1 });
  assert.deepEqual(await calls.next(), { value: 5 });
  assert.equal((await server.next()).result, "answer");
  assert.equal(api.state.value, 5);
});

test("handlers have values of their own, and what they throw harms nobody", async (t) => {
  const { api, server } = await pair(t);
  const trouble = new Inbox();
  const heard = new Inbox();
  api.onError((error, method) => trouble.put(`${method}: ${error.message}`));
  api.list.connect((list) => {
    list.push("mine");
    throw new Error("in a test");
  });
  api.list.connect(async (list) => {
    heard.put([...list]);
    throw new Error("later");
  });
  server.send({ ...change("list_changed", { value: [1] }), id: 7 });
  assert.deepEqual(await heard.next(), [1]);
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: null, id: 7 });
  assert.equal(await trouble.next(), "list_changed: in a test");
  assert.equal(await trouble.next(), "list_changed: later");
  assert.deepEqual(api.list.value, [1]);
});

test("names that somebody makes up do not fill the memory", async (t) => {
  const { api, server } = await pair(t);
  const trouble = new Inbox();
  api.onError((error) => trouble.put(error.message));
  for (let name = 0; name < 1_001; name += 1) {
    server.send(change(`p${name}_changed`, { value: name }));
  }
  assert.equal(await trouble.next(), "unknown method `p1000_changed`");
  assert.equal(api.p999.value, 999);
  assert.equal(api.p1000.value, undefined);
  server.send(change("p5_changed", { value: "new" }));
  await settled(server);
  assert.equal(api.p5.value, "new");
});

test("names of the language are names like others", async (t) => {
  const { api, server } = await pair(t);
  server.send(change("constructor_changed", { value: 1 }));
  server.send(change("__proto___changed", { value: 2 }));
  await settled(server);
  assert.equal(api.slot("constructor").value, 1);
  assert.equal(api.slot("__proto__").value, 2);
});

test("a property of the page is told, read and written", async (t) => {
  const { api, server } = await pair(t);
  const ask = async (method, params) => {
    server.send({ jsonrpc: "2.0", method, params, id: method });
    const { result, error } = await server.next();
    return error ?? result;
  };
  const zoom = api.own("zoom", { writable: true });
  assert.equal(api.zoom, zoom);
  assert.equal((await ask("get_zoom", {})).message, "`zoom` has no value yet");
  await zoom.set(1);
  assert.deepEqual(await server.next(), change("zoom_changed", { value: 1 }));
  // Equal values are not told again, and what cannot travel changes nothing.
  await zoom.set(1);
  await assert.rejects(zoom.set(new Set()), /cannot encode/);
  assert.equal(await ask("get_zoom", {}), 1);
  assert.equal(await zoom.get(), 1);
  const heard = new Inbox();
  zoom.connect((value) => heard.put(value));
  server.send({ jsonrpc: "2.0", method: "set_zoom", params: { value: 2 }, id: 1 });
  assert.deepEqual(await server.next(), change("zoom_changed", { value: 2 }));
  assert.deepEqual(await server.next(), { jsonrpc: "2.0", result: null, id: 1 });
  assert.equal(await heard.next(), 2);
  assert.equal(zoom.value, 2);
  assert.equal((await ask("set_zoom", { volts: 2 })).code, -32602);
  assert.equal((await ask("set_zoom", {})).code, -32602);
  assert.throws(() => api.own("zoom"), /already/);
  // Nobody else tells what it is.
  assert.equal((await ask("zoom_changed", { value: 5 })).code, -32601);
  assert.equal(zoom.value, 2);
});

test("handlers of the page decide what is read and written", async (t) => {
  const { api, server } = await pair(t);
  const ask = async (method, params) => {
    server.send({ jsonrpc: "2.0", method, params, id: method });
    const { result, error } = await server.next();
    return error ?? result;
  };
  const onWrite = async (value) => {
    if (value > 10) throw new CallError("too near", { code: 7 });
  };
  api.own("stage.zoomLevel", { onWrite });
  assert.equal((await ask("stage.setZoomLevel", { value: 11 })).code, 7);
  server.send(change("stage.setZoomLevel", [3]));
  assert.deepEqual(await server.next(), change("stage.zoomLevelChanged", { value: 3 }));
  api.own("clock", { onRead: async () => 12 });
  assert.equal(await ask("get_clock", {}), 12);
  // It is not writable.
  assert.equal((await ask("set_clock", { value: 1 })).code, -32601);
});

test("who connects is told the newest value", async (t) => {
  const { api, server, listener } = await pair(t, { restart: 1 });
  api.own("zoom", { value: 1 });
  assert.deepEqual(await server.next(), change("zoom_changed", { value: 1 }));
  const gone = new Promise((gone) => api.onStatus(({ state }) => state === "down" && gone()));
  server.socket.terminate();
  await gone;
  await api.zoom.set(2);
  const again = await listener.accept();
  assert.deepEqual(await again.next(), change("zoom_changed", { value: 2 }));
});
