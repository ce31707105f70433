// The types of quickrpc.d.ts, as a program uses them. Checked by tsc and never run; each
// `@ts-expect-error` fails the check where the line below it is accepted.

import {
  type Api,
  CallError,
  type Connection,
  RpcError,
  type Status,
  type Stream,
  type Value,
  connect,
} from "../../../quickrpc/web/quickrpc.js";

// Without types of one's own, everything goes.
const any = connect();
any.echo.connect(({ text }) => text);
any.slot("call").connect(([a, b]) => a + b);
const sum: Promise<number> = any.call("add", { a: 1, b: 2 });
any.call("add", [1, 2], { timeout: 1000, wait: true });
any.remote.add([1, 2]);
any.notify("ping");
const ready: Promise<Api> = any.ready;
any.voltage.connect((volts) => console.log(volts + any.voltage.value));
any.slot("voltage").set(5, { timeout: 500 });
const convention = { item: "eth_subscription", cancel: "eth_unsubscribe" };
const heads: AsyncIterable<number> = any.subscribe<number>("eth_subscribe", ["newHeads"], convention);

// With an API declared, names, parameters and results are checked.
interface Server {
  add(params: { a: number | bigint; b: number | bigint }): number | bigint;
  sum(params: number[]): number;
  blob(params: { data: Uint8Array }): Uint8Array;
  recent(params: { after?: number }): Value[];
  ping(): null;
  valueOf(params: { name: string }): number;
}
interface Page {
  echo(params: { text: string }): void;
  question(params: { text: string }): string;
  close(params: {}): void;
  toString(params: {}): string;
}
const api = connect<Server, Page>("ws://localhost:8080/", { restart: false, callTimeout: 500 });

const typed: Promise<number | bigint> = api.call("add", { a: 1, b: 2n });
const bytes: Promise<Uint8Array> = api.remote.blob({ data: new Uint8Array() });
api.call("sum", [1, 2]);
api.call("ping");
api.call("recent");
api.remote.recent({ after: 1 });
api.notify("ping", undefined, { wait: true });
api.call("valueOf", { name: "x" });

const connection: Connection = api.echo.connect(({ text }) => console.log(text.length));
connection.disconnect();
api.question.connect(({ text }) => text);
api.question.connect(async ({ text }) => text);
api.question.connect(() => undefined);
// Slots whose names the handle has for itself, or every object.
api.slot("close").connect(() => {});
api.slot("toString").connect(() => "text");
api.close();

// What comes bit by bit.
interface Hub {
  lines(params: { path: string }): Stream<string>;
  calibrate(params: {}): Stream<number, string>;
  upload(params: { data: Stream<Uint8Array> }): number;
}
const hub = connect<Hub, Hub>();
for await (const line of hub.call("lines", { path: "x" })) console.log(line.length);
for await (const percent of hub.remote.calibrate()) console.log(percent.toFixed());
const report: Promise<string> = hub.call("calibrate");
const nothing: Promise<null> = hub.call("lines", { path: "x" });
async function* blocks() {
  yield new Uint8Array(3);
}
const size: Promise<number> = hub.call("upload", { data: blocks() });
hub.lines.connect(async function* ({ path }) {
  yield path;
});
hub.calibrate.connect(function* () {
  yield 50;
  return "fine";
});
hub.upload.connect(async ({ data }) => {
  let bytes = 0;
  for await (const block of data) bytes += block.length;
  return bytes;
});
for await (const anything of any.call("lines")) console.log(anything);

// Properties of the other side.
const supply = connect<Server, Page, { voltage: number; close: boolean }>();
supply.voltage.connect((volts) => console.log(volts.toFixed()));
const volts: number | undefined = supply.voltage.value;
const written: Promise<void> = supply.voltage.set(6);
const read: Promise<number> = supply.voltage.get({ timeout: 500 });
supply.slot("close").set(true);

// Properties of the page.
const magnifier = connect<Server, Page, {}, { zoom: number; "x.y": boolean }>();
const zoom = magnifier.own("zoom", { value: 1, onWrite: (zoom) => zoom.toFixed() });
zoom.connect((zoom) => console.log(zoom.toFixed()));
const told: Promise<void> = magnifier.zoom.set(2);
magnifier.own("x.y", { writable: true, onRead: async () => true, camel: false });
const untyped: Promise<string> = api.own("anything", { value: "text" }).get();
supply.echo.connect(({ text }) => console.log(text.length));

api.onStatus((status: Status) => {
  if (status.state === "down") console.log(status.reason.length, status.retryIn.toFixed());
});
// Introduces itself; what becomes of it may also be left to `onError`.
api.onStatus(async ({ state }) => {
  if (state === "up") await api.notify("ping");
});
api.onStatus(({ state }) => state === "up" && api.notify("ping"));
api.onError((error, method) => console.log(error.message, method?.length));
api.onError((error) => error.cause === "odd" && api.notify("ping"));

try {
  await api.ready;
} catch (error) {
  if (error instanceof CallError) console.log(error.code.toFixed(), error.data);
  else if (error instanceof RpcError && error.kind === "timeout") api.reconnect();
}
try {
  await api.call("ping");
} catch (error) {
  if (CallError.is<{ Missing: number }>(error, 404)) console.log(error.data.Missing.toFixed());
  else if (CallError.is(error)) console.log(error.message, String(error.data));
}
throw new CallError("not here", { code: 404, data: { name: "x" } });

async function wrongStreams() {
  // @ts-expect-error: a result that is no stream
  for await (const bit of api.call("ping")) console.log(bit);
  // @ts-expect-error: items of another type
  for await (const line of hub.call("calibrate")) console.log(line.length);
  // @ts-expect-error: no stream
  hub.call("upload", { data: 5 });
  // @ts-expect-error: no items
  hub.lines.connect(() => "text");
}

function wrong() {
  // @ts-expect-error: an unknown method
  api.call("sub", { a: 1, b: 2 });
  // @ts-expect-error: a missing parameter
  api.call("add", { a: 1 });
  // @ts-expect-error: no parameters at all
  api.remote.add();
  // @ts-expect-error: a parameter of another type
  api.remote.blob({ data: "text" });
  // @ts-expect-error: another result
  const text: Promise<string> = api.call("sum", [1]);
  // @ts-expect-error: an unknown slot
  api.shout.connect(() => {});
  // @ts-expect-error: every object has one, which calls nobody
  api.remote.valueOf({ name: "x" });
  // @ts-expect-error: nor is that of every object a slot
  api.toString.connect(() => "text");
  // @ts-expect-error: an answer of another type
  api.question.connect(() => 5);
  // @ts-expect-error: a value of another type
  supply.voltage.set("six");
  // @ts-expect-error: a value that is only told
  supply.voltage.value = 6;
  // @ts-expect-error: an unknown property
  supply.current.value;
  // @ts-expect-error: a property of the page with a value of another type
  magnifier.own("zoom", { value: "near" });
  // @ts-expect-error: an unknown property of the page
  magnifier.own("angle");
  // @ts-expect-error: a call has no value
  supply.echo.value;
  // @ts-expect-error: a subscription of which nobody knows how it ends
  any.subscribe("eth_subscribe", [], { item: "eth_subscription" });
  // @ts-expect-error: parameters of another type
  api.subscribe("sum", ["one"], convention);
  // @ts-expect-error: an unknown option
  connect("ws://h/", { timeout: 5 });
  // @ts-expect-error: an unknown kind of error
  new RpcError("odd", "message");
  return text;
}
void [sum, heads, ready, typed, bytes, volts, written, read, told, untyped, wrong];
