/**
 * QuickRPC for browsers: the page is a peer like any other, over a WebSocket.
 *
 *     import { connect } from "./quickrpc.js";
 *
 *     const api = connect();                        // to where the page came from
 *     api.echo.connect(({ text }) => show(text));   // what others call here
 *     const sum = await api.call("add", { a: 1, b: 2 });
 *     await api.notify("say", { text: "hello" });
 *     api.voltage.connect((volts) => show(volts));  // a property of the other side
 *     await api.voltage.set(6);
 *     api.own("zoom", { value: 1, writable: true }); // a property of the page
 *     api.zoom.set(2);                              // tells the other side
 *     for await (const line of api.call("lines")) show(line); // a result that comes bit by bit
 *     const heads = api.subscribe("eth_subscribe", ["newHeads"], // in the convention of others
 *       { item: "eth_subscription", cancel: "eth_unsubscribe" });
 *
 * The wire is JSON-RPC 2.0, one telegram in each text message, as the codec `jrpc` of the
 * Rust and Python libraries has it. No dependencies, no globals, no build. Every function is
 * documented in `quickrpc.d.ts`, beside this file, with its types; the comments here say why.
 *
 * @module quickrpc
 */

/** Codes of JSON-RPC 2.0 (section 5.1), and that of an error thrown by a handler. */
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const INTERNAL_ERROR = -32603;
const HANDLER_FAILED = -32000;
/** The caller gave the call up, and the handler gave up for that; as in the Language Server Protocol. */
const CANCELLED = -32800;
/** How that is said: ours, and that of the Language Server Protocol. Both are understood. */
const CANCEL = "rpc.cancel";
const CANCEL_REQUEST = "$/cancelRequest";
/** Of streams: an item, how many more are taken, and the end of one that is an argument. */
const ITEM = "rpc.item";
const MORE = "rpc.more";
const DONE = "rpc.done";
/** What stands in its place. */
const STREAM = "__stream";
/**
 * As the Rust library has it: so many items are taken before their size is known, then so many bytes
 * may wait, which are that many items, and so many windows of a side that knows nothing of credit.
 */
const FIRST_ITEMS = 16;
const WINDOW = 1 << 20;
const FEWEST_ITEMS = 2;
const MOST_ITEMS = 1_024;
const TOLERATED = 4;

/** Of a WebSocket: its state when it is open, and the codes with which we close one. */
const OPEN = 1;
const CLOSED = 1000;
const DROPPED = 4000;

/** The limits of the Rust library, which its documentation gives reasons for. */
const NESTING_DEPTH = 128;
const BATCH_ENTRIES = 1_000;
const ID_SIZE = 256;
/** So many properties are remembered, whatever names the other side makes up. */
const PROPERTIES = 1_000;
/** While more than this waits to be sent, of a property only the newest value is told, then. */
const ROOM = 64 << 10;
/** Browsers do not say when what waits was sent: so it is looked after, in milliseconds. */
const LOOK = 50;
/** A call that was not answered says something of the connection where nothing came for so long. */
const QUIET = 1_000;
/** A connection has lasted if it was longer than the pause before it, or than this. */
const LASTING = 5_000;
/** A call that nobody has, so that whoever answers at all says so. */
const PROBE = "rpc.still_there";
/** Reading a longer number exactly takes more time than a message should. */
const INTEGER_DIGITS = 1_000;
/** Browsers take a longer timer for none at all. */
const LONGEST_TIMER = 2 ** 31 - 1;

const DEFAULTS = {
  callTimeout: 10_000,
  wait: false,
  restart: 1_000,
  backoff: 30_000,
  connectTimeout: 10_000,
  messageSize: 16 << 20,
  pendingCalls: 16_384,
  queue: 8 << 20,
  stall: 5_000,
  protocols: [],
  WebSocket: undefined,
};
const DURATIONS = ["callTimeout", "restart", "backoff", "connectTimeout", "stall"];
const LIMITS = ["messageSize", "pendingCalls", "queue"];

/** What went wrong here or on the way; `kind` tells the cases apart. */
export class RpcError extends Error {
  constructor(kind, message, options) {
    super(message, options);
    this.name = "RpcError";
    this.kind = kind;
  }
}

/** What the other side answered; thrown in a handler, what this side answers. */
export class CallError extends RpcError {
  constructor(message, { code = HANDLER_FAILED, data } = {}) {
    super("call", String(message));
    this.name = "CallError";
    this.code = code;
    this.data = data;
  }

  static is(error, code) {
    return error instanceof CallError && (code === undefined || error.code === code);
  }
}

/** Opens a connection, and keeps it open; see `quickrpc.d.ts`. */
export function connect(url = ".", options = {}) {
  const core = new Core(url, options);
  const handle = {
    call: (method, params, options) => core.send(method, params, options, true),
    notify: (method, params, options) => core.send(method, params, options, false),
    subscribe: (method, params, options) => core.subscribe(method, params, options),
    slot: (name) => core.slot(name),
    own: (name, options) => core.own(name, options),
    remote: named((method) => (params, options) => core.send(method, params, options, true)),
    get ready() {
      return core.ready.promise;
    },
    get status() {
      return core.status;
    },
    onStatus: (observer) => core.onStatus.connect(observer),
    onError: (observer) => core.onError.connect(observer),
    reconnect: () => core.reconnect(),
    close: () => core.close(),
  };
  const api = named((name) => core.slot(name), Object.freeze(handle));
  core.start(api);
  return api;
}

/**
 * An object whose members are made from their names, except those that it has.
 *
 * It must never have a `then` or `toJSON`: `await`, `return` in an async function and
 * `JSON.stringify` would take it for a promise, or for something that prints itself.
 */
function named(make, own = {}) {
  return new Proxy(own, {
    get(target, name) {
      if (name in target || typeof name === "symbol") return target[name];
      return name === "then" || name === "toJSON" ? undefined : make(name);
    },
  });
}

/** Observers of one kind of event. */
class Observers {
  // Replaced and never changed, so that those who run through it see the list as it was.
  handlers = [];

  connect(handler) {
    if (typeof handler !== "function") throw new TypeError("a handler is a function");
    const entry = { handler };
    this.handlers = [...this.handlers, entry];
    return {
      disconnect: () => {
        this.handlers = this.handlers.filter((other) => other !== entry);
      },
    };
  }
}

/**
 * Handlers of one incoming call. Or of a property of the other side: which of the two is known
 * from what arrives, since a page declares nothing. Or a property of this side, by `own`.
 */
class Slot extends Observers {
  /** The value of the property that was told last. */
  value = undefined;
  told = false;

  constructor(core, name) {
    super();
    // What belongs to the property's name comes behind its path: `lab.voltage`, `lab.get_voltage`.
    const [, path, last] = /^(.*[./])?([^./]*)$/s.exec(name);
    this.part = (make) => (path ?? "") + make(last);
    this.send = (method, params, options) => core.send(method, params, options, true);
    this.name = name;
    this.core = core;
  }

  /** What makes it a property of this side: how it is read and written, and what was told. */
  mine = undefined;

  async get(options) {
    if (this.mine) return this.core.readOwn(this);
    return this.send(this.part((name) => this.named("get", name)), {}, options);
  }

  async set(value, options) {
    if (this.mine) return this.core.setOwn(this, value);
    await this.send(this.part((name) => this.named("set", name)), { value }, options);
  }

  get changed() {
    return this.part((name) => name + (this.isCamel ? "Changed" : "_changed"));
  }

  /** As the other side names its calls, as far as it has told. */
  named(verb, name) {
    if (!this.isCamel) return `${verb}_${name}`;
    return verb + name.slice(0, 1).toUpperCase() + name.slice(1);
  }
}

/** The property that a notification tells a change of, by its form: `voltage_changed`. */
function changeOf(method, params) {
  const found = /^(.+)(_changed|Changed)$/s.exec(method);
  if (!found) return undefined;
  const names = isMap(params) || Array.isArray(params) ? Object.keys(params) : [];
  const [key] = names;
  if (names.length !== 1 || (key !== "value" && !Array.isArray(params))) return undefined;
  return { name: found[1], isCamel: found[2] === "Changed", value: params[key] };
}

/** An incoming call, as its handlers see it: whether its answer is still wanted. */
class Incoming {
  #controller = undefined;
  isCancelled = false;
  /** How many items of its stream are taken, before there is one. */
  credit = undefined;

  /** Made only where somebody looks: most handlers do not. */
  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.isCancelled) this.cancel();
    }
    return this.#controller.signal;
  }

  cancel() {
    this.isCancelled = true;
    this.#controller?.abort(new RpcError("cancelled", "the answer is not wanted any more"));
  }
}

/** A stream of the other side, as it is iterated: what is taken makes room for more. */
class Items {
  isBegun = false;
  /** So many more may come. */
  granted = 0;
  /** Items with their sizes, and how much that is. */
  #waiting = [];
  #held = 0;
  #takers = [];
  #end = undefined;
  #mean = 0;
  #uninvited = 0;

  /**
   * `grant` tells how many more may come, `cancel` that nothing has to. Where nobody is told, so much
   * may wait as there is `room`.
   */
  constructor({ grant = () => {}, cancel, room }) {
    this.grant = grant;
    this.cancel = cancel;
    this.room = room;
  }

  [Symbol.asyncIterator]() {
    if (!this.isBegun && !this.#end) {
      this.granted = FIRST_ITEMS;
      this.grant(FIRST_ITEMS);
    }
    this.isBegun = true;
    return this;
  }

  next() {
    this[Symbol.asyncIterator]();
    if (this.#waiting.length > 0) {
      const [value, size] = this.#waiting.shift();
      this.#held -= size;
      this.#refill();
      return Promise.resolve({ done: false, value });
    }
    if (this.#end) return this.#last();
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Who leaves the loop takes no more. */
  return(value) {
    this.#waiting = [];
    if (!this.#end) {
      this.finish({ value: undefined });
      this.cancel();
    }
    return Promise.resolve({ done: true, value });
  }

  /** An item has come; false: there are too many that nobody has asked for. */
  put(value, size) {
    if (this.#end) return true;
    this.#mean = Math.max(size, this.#mean - (this.#mean - size) / 4, 1);
    const isInvited = this.granted > 0;
    if (isInvited) this.granted -= 1;
    else this.#uninvited += 1;
    const taker = this.#takers.shift();
    if (taker) {
      taker({ done: false, value });
      this.#refill();
      return true;
    }
    this.#held += size;
    if (this.room !== undefined && this.#held > this.room) return false;
    this.#waiting.push([value, size]);
    if (this.room !== undefined) return true;
    const most = Math.max(WINDOW * TOLERATED, this.#mean);
    return (
      isInvited ||
      (this.#uninvited <= MOST_ITEMS && this.#waiting.length * this.#mean <= most)
    );
  }

  /** Nothing comes any more, but `value` or `error`. */
  finish(end) {
    if (this.#end) return;
    this.#end = end;
    for (const taker of this.#takers.splice(0)) taker(this.#last());
  }

  get isOver() {
    return this.#end !== undefined;
  }

  /** An error is told once; who goes on after it is told that it is over. */
  #last() {
    const { error, value } = this.#end;
    this.#end = { value: undefined };
    return error === undefined ? Promise.resolve({ done: true, value }) : Promise.reject(error);
  }

  #refill() {
    if (this.#end) return;
    const capacity = Math.min(Math.max(Math.floor(WINDOW / this.#mean), FEWEST_ITEMS), MOST_ITEMS);
    // A message for each item would cost as much as the item.
    if (this.granted > capacity / 2) return;
    const room = capacity - this.granted - this.#waiting.length;
    if (room <= 0) return;
    this.granted += room;
    this.grant(room);
  }
}

/** A stream of this side on its way: items leave as the other side takes them. */
class Feed {
  isOver = false;
  sent = 0;
  #stopped = settleable();
  #woken = settleable();

  /** Without `credit`, the other side has not said how much it takes, and gets all. */
  constructor(core, id, source, credit) {
    Object.assign(this, { core, id, source, credit, isAsked: credit === undefined });
  }

  /** So many more are taken; the first time they count from the beginning. */
  more(items) {
    this.isAsked = true;
    this.credit = this.credit === undefined ? Math.max(items - this.sent, 0) : this.credit + items;
    this.#woken.resolve();
  }

  /** Nobody takes any more. */
  stop() {
    if (this.isOver) return;
    this.isOver = true;
    this.#stopped.resolve(STOPPED);
  }

  /** Sends all, and gives what comes behind the items: a value, or an error. */
  async run(socket) {
    this.socket = socket;
    let iterator;
    try {
      const { source } = this;
      iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]();
      for (;;) {
        await this.#room();
        if (this.isOver) break;
        // Who makes it may wait for something that never comes.
        const next = await Promise.race([iterator.next(), this.#stopped.promise]);
        if (next === STOPPED || this.isOver) break;
        if (next.done) {
          this.isOver = true;
          return { value: next.value ?? null };
        }
        this.core.say(ITEM, `"id":${encode(this.id)},"value":${encode(next.value)}`, socket);
        this.sent += 1;
        if (this.credit !== undefined) this.credit -= 1;
      }
    } catch (error) {
      this.isOver = true;
      leave(iterator);
      return { error };
    }
    leave(iterator);
    return { error: new CallError("the stream is not wanted any more", { code: CANCELLED }) };
  }

  /** Waits until an item may be sent, or for the end. */
  async #room() {
    const { socket } = this;
    // What it takes may have been said, and is read when we are not running.
    if (this.credit === undefined && this.sent % FIRST_ITEMS === 0) await pause(0);
    while (!this.isOver) {
      if (socket.readyState !== OPEN) return this.stop();
      if (this.credit === 0) {
        this.#woken = settleable();
        await Promise.race([this.#woken.promise, this.#stopped.promise]);
      } else if (socket.bufferedAmount > ROOM) {
        await Promise.race([pause(LOOK), this.#stopped.promise]);
      } else {
        return;
      }
    }
  }
}

const STOPPED = Symbol("stopped");

/** One API: its slots, its pending calls, and the connection of the moment. */
class Core {
  slots = new Map();
  onStatus = new Observers();
  onError = new Observers();
  status = Object.freeze({ state: "opening" });
  ready = settleable();
  /** Calls that were sent and are not answered, by id. */
  pending = new Map();
  /** Calls and notifications that wait for a connection, in order. */
  waiting = new Set();
  /** How much those have to send. */
  waitingSize = 0;
  lastId = 0;
  /** Properties of which a change was told. */
  properties = 0;
  /** What the calls of properties of this side mean, and their changes, by name. */
  mine = new Map();
  /** What was left of answers that pile up, when somebody looked, and what came to it since. */
  watched = undefined;
  /** Incoming calls whose handlers have not answered. */
  handling = 0;
  /** Those of them that can be cancelled, by their ids as they are written. */
  incoming = new Map();
  /** Streams of this side on their way, and of the other side as arguments, by their ids likewise. */
  feeds = new Map();
  taken = new Map();
  /** How many arguments from here were streams. */
  lastStream = 0;
  /** Subscriptions in the convention of others, by the notifications that bring their items. */
  subscriptions = new Map();
  /** What becomes of answers to calls that were given up, by their ids. */
  late = new Map();
  /** How long the message is that is read. */
  size = 0;
  socket = null;
  failures = 0;
  /** The last pause, and when the connection was made that has followed it. */
  paused = 0;
  upSince = undefined;
  timer = undefined;
  /** When something was heard last, or the connection was made; and what waits for something to be heard. */
  lastHeard = 0;
  probing = undefined;

  constructor(url, options) {
    this.options = { ...DEFAULTS };
    for (const [name, value] of Object.entries(options)) {
      if (!Object.hasOwn(DEFAULTS, name)) {
        const known = Object.keys(DEFAULTS).join("`, `");
        throw new RpcError("config", `unknown option \`${name}\`; there are \`${known}\``);
      }
      if (value !== undefined) this.options[name] = value;
    }
    this.options.WebSocket ??= globalThis.WebSocket;
    if (!this.options.WebSocket) {
      const advice = "pass one as an option, such as that of the package `ws`";
      throw new RpcError("config", `there is no WebSocket here; ${advice}`);
    }
    for (const name of DURATIONS) {
      // Without `restart` there is no pause.
      const off = name === "restart" && this.options.restart === false;
      if (!off) this.options[name] = duration(this.options[name], name);
    }
    // Nothing is larger than what is no number: such a limit would be none.
    for (const name of LIMITS) {
      const limit = this.options[name];
      if (typeof limit === "number" && limit >= 1) continue;
      const what = `\`${name}\` is a number of at least 1, not \`${String(limit)}\``;
      throw new RpcError("config", what);
    }
    this.url = absolute(url);
  }

  start(api) {
    this.api = api;
    // Who comes back online need not wait for the end of the pause.
    // And a connection from before may be none any more.
    this.online = () => (this.status.state === "up" ? this.probe() : this.reconnect());
    globalThis.addEventListener?.("online", this.online);
    this.open();
  }

  slot(name) {
    let slot = this.slots.get(name);
    if (!slot) {
      slot = new Slot(this, name);
      this.slots.set(name, slot);
    }
    return slot;
  }

  // ---- Properties of this side

  own(name, { value, writable = false, onRead, onWrite, camel } = {}) {
    if (typeof name !== "string") throw new TypeError("the name of a property is a string");
    for (const handler of [onRead, onWrite]) {
      if (handler !== undefined && typeof handler !== "function") {
        throw new TypeError("a handler is a function");
      }
    }
    const slot = this.slot(name);
    if (slot.mine) throw new RpcError("config", `\`${name}\` is a property of this side already`);
    // `outputVoltage` is one of those that are written so; of one word nobody can tell.
    slot.isCamel = camel ?? /[a-z][A-Z]/.test(name);
    slot.mine = { writable: writable || onWrite !== undefined, onRead, onWrite, isDue: false };
    this.mine.set(slot.changed, { slot });
    const verbs = slot.mine.writable ? ["get", "set"] : ["get"];
    for (const verb of verbs) {
      this.mine.set(slot.part((name) => slot.named(verb, name)), { slot, verb });
    }
    if (value !== undefined) this.setOwn(slot, value);
    return slot;
  }

  /** Sets a value, and tells it where it is another one: another one on the wire. */
  setOwn(slot, value) {
    const text = encode(value);
    if (slot.mine.text === text) return;
    // It is kept as it is now, and as the other side will read it.
    Object.assign(slot, { value: decode(text), told: true });
    slot.mine.text = text;
    this.tell(slot);
    const each = slot.handlers.length > 1 ? structuredClone : (value) => value;
    for (const { handler } of slot.handlers) {
      observe(() => handler(each(slot.value)), (error) => this.trouble(error, slot.changed));
    }
  }

  async readOwn(slot) {
    const read = await slot.mine.onRead?.();
    if (read !== undefined) return read;
    if (slot.mine.text !== undefined) return slot.value;
    throw new CallError(`\`${slot.name}\` has no value yet`);
  }

  /** Another side writes it; what the page throws refuses that. */
  async writeOwn(slot, params) {
    const names = isMap(params) || Array.isArray(params) ? Object.keys(params) : [];
    const [key] = names;
    if (names.length !== 1 || (key !== "value" && !Array.isArray(params))) {
      const what = `\`${slot.name}\`: expected the parameter \`value\` alone`;
      throw new CallError(what, { code: INVALID_PARAMS });
    }
    await slot.mine.onWrite?.(params[key]);
    this.setOwn(slot, params[key]);
    return null;
  }

  /** Tells the newest value, now or when there is room: never more of them than the last. */
  tell(slot) {
    const { socket } = this;
    if (slot.mine.isDue || this.status.state !== "up" || socket?.readyState !== OPEN) return;
    if (socket.bufferedAmount > ROOM) {
      slot.mine.isDue = true;
      slot.mine.timer = setTimeout(() => {
        slot.mine.isDue = false;
        this.tell(slot);
      }, LOOK);
      return;
    }
    try {
      const head = `"jsonrpc":"2.0","method":${JSON.stringify(slot.changed)}`;
      socket.send(this.fitting(`{${head},"params":{"value":${slot.mine.text}}}`));
    } catch (error) {
      this.trouble(error, slot.changed);
    }
  }

  /** A connection is told all of them. */
  tellAll() {
    for (const [, { slot, verb }] of this.mine) {
      if (!verb && slot.mine.text !== undefined) this.tell(slot);
    }
  }

  // ---- The connection

  open() {
    this.setStatus({ state: "opening" });
    // Who was told may have closed it.
    if (this.status.state !== "opening") return;
    let socket;
    try {
      socket = new this.options.WebSocket(this.url, this.options.protocols);
    } catch (error) {
      // Not at once: whoever has just called `connect` has no observers yet, and one that
      // calls `reconnect` would be called by itself.
      const why = textOf(error).replaceAll(this.url, shown(this.url));
      this.timer = setTimeout(() => this.lost(`cannot open it: ${why}`));
      return;
    }
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const patience = this.options.connectTimeout;
    this.timer = setTimeout(() => {
      this.drop(`no connection to ${shown(this.url)} within ${patience} ms`);
    }, patience);
    let opened = false;
    let trouble = "";
    socket.onopen = () => {
      opened = true;
      this.up();
    };
    socket.onmessage = (event) => this.receive(event.data, socket);
    // Browsers tell a page nothing here; other implementations say what happened.
    socket.onerror = (event) => {
      trouble = String(event?.message ?? "");
    };
    socket.onclose = (event) => {
      this.forget();
      this.lost(reasonOf(event, opened, trouble, this.url));
    };
  }

  up() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.lastHeard = this.upSince = performance.now();
    // Observers come first: a page that has to introduce itself does so before anything
    // that has waited. Any of them may close the connection.
    this.setStatus({ state: "up" });
    if (this.socket === socket) this.tellAll();
    for (const entry of this.waiting) {
      if (this.socket !== socket) return;
      this.unqueue(entry);
      this.transmit(entry);
    }
    if (this.socket === socket) this.ready.resolve(this.api);
  }

  /** Ends the connection, whatever the other side does. */
  drop(reason) {
    this.leave(DROPPED, shorten(reason, 40));
    this.lost(reason);
  }

  /**
   * Browsers tell nobody that a network has changed or a machine has slept, and a connection that led
   * there is open for ever. So the other side is asked something, and whatever comes then is an answer.
   */
  probe() {
    const { socket } = this;
    if (this.probing !== undefined || socket?.readyState !== OPEN) return;
    const patience = this.options.connectTimeout;
    const wait = (left) => {
      this.probing = setTimeout(() => {
        // Much that was sent before takes its time.
        if (left > ROOM && socket.bufferedAmount < left) wait(socket.bufferedAmount);
        else this.drop(`nothing was heard within ${patience} ms`);
      }, patience);
    };
    const before = socket.bufferedAmount;
    this.lastId += 1;
    try {
      socket.send(`{"jsonrpc":"2.0","method":"${PROBE}","params":{},"id":${this.lastId}}`);
    } catch {
      // It is closed, and will say so.
      return;
    }
    wait(before);
  }

  /** Somebody is there. */
  proved() {
    clearTimeout(this.probing);
    this.probing = undefined;
  }

  leave(code, reason) {
    const socket = this.forget();
    try {
      socket?.close(code, reason);
    } catch {
      // It is not ours any more, however it ends.
    }
  }

  /** Whatever the socket does from now on, it is not ours; gives it, if there is one. */
  forget() {
    const { socket } = this;
    clearTimeout(this.timer);
    clearTimeout(this.watched?.timer);
    this.watched = undefined;
    this.proved();
    for (const [, { slot }] of this.mine) {
      clearTimeout(slot.mine.timer);
      slot.mine.isDue = false;
    }
    this.socket = null;
    // Nobody can be answered any more.
    for (const call of [...this.incoming.values()].flat()) call.cancel();
    for (const feed of this.feeds.values()) feed.stop();
    const error = new RpcError("disconnected", "the connection ended before the stream did");
    for (const items of this.taken.values()) items.finish({ error });
    this.feeds.clear();
    this.taken.clear();
    this.late.clear();
    for (const place of this.subscriptions.values()) {
      const subscribed = [...place.begun.values()];
      Object.assign(place, nothingBegun());
      for (const items of subscribed) items.finish({ error });
    }
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // The package `ws` throws an error that nobody listens to.
      socket.onerror = () => {};
    }
    return socket;
  }

  /** There is no connection any more, or none was made. Where a new one `isAsked` for, it is not the end. */
  lost(reason, isAsked = false) {
    const { restart } = this.options;
    const over = restart === false && !isAsked;
    for (const entry of this.pending.values()) {
      const text = `the connection ended before \`${entry.method}\` was answered: ${reason}`;
      entry.fail(new RpcError("disconnected", text));
    }
    for (const entry of this.waiting) {
      if (entry.wait && !over) continue;
      entry.fail(new RpcError("disconnected", `\`${entry.method}\` was not sent: ${reason}`));
    }
    this.renewReady();
    if (over) {
      this.ready.reject(new RpcError("disconnected", reason));
      globalThis.removeEventListener?.("online", this.online);
      this.setStatus({ state: "ended", reason });
      return;
    }
    const retryIn = isAsked ? 0 : this.pause();
    this.timer = setTimeout(() => this.open(), retryIn);
    this.setStatus({ state: "down", reason, retryIn });
  }

  /**
   * Grows with each failure up to `backoff`, less a random part, so that not all come at once. A connection
   * that does not last is one: who is accepted and closed at once would come back for ever.
   */
  pause() {
    const { restart, backoff } = this.options;
    const lasted = performance.now() - (this.upSince ?? Infinity);
    this.upSince = undefined;
    if (lasted > Math.min(this.paused, LASTING)) this.failures = 0;
    const pause = Math.min(restart * 2 ** Math.min(this.failures, 30), Math.max(restart, backoff));
    this.failures += 1;
    this.paused = Math.round(pause * (1 - Math.random() / 5));
    return this.paused;
  }

  reconnect() {
    if (this.status.state === "up") {
      const reason = "a new connection was asked for";
      this.leave(DROPPED, reason);
      this.lost(reason, true);
    }
    if (this.status.state !== "down") return;
    clearTimeout(this.timer);
    this.open();
  }

  close() {
    if (this.status.state === "stopped") return;
    globalThis.removeEventListener?.("online", this.online);
    this.renewReady();
    this.leave(CLOSED);
    for (const entry of [...this.pending.values(), ...this.waiting]) {
      entry.fail(new RpcError("stopped", `\`${entry.method}\`: the API was closed`));
    }
    this.ready.reject(new RpcError("stopped", "the API was closed"));
    this.setStatus({ state: "stopped" });
  }

  /** After a loss it is a new promise; but one that somebody waits for is not forgotten. */
  renewReady() {
    if (this.ready.isSettled) this.ready = settleable();
  }

  setStatus(status) {
    this.status = Object.freeze(status);
    for (const { handler } of this.onStatus.handlers) {
      // An observer has changed it, and everybody was told of that.
      if (this.status !== status) return;
      observe(() => handler(status), (error) => this.trouble(error));
    }
  }

  /** Something failed that has no caller here. */
  trouble(thrown, method) {
    const error = asError(thrown);
    const observers = this.onError.handlers;
    if (observers.length === 0) print("warn", "quickrpc:", error);
    for (const { handler } of observers) {
      observe(
        () => handler(error, method),
        (error) => print("error", "quickrpc: an observer of errors failed:", error),
      );
    }
  }

  // ---- Calls from here

  /** `begins` gets the result before anything that comes behind it, `late` when the call was given up. */
  send(method, params = {}, options = {}, hasReply, { begins, late } = {}) {
    let call;
    // A throw in here is a rejection.
    const answer = new Promise((resolve, reject) => {
      const { timeout = this.options.callTimeout, wait = this.options.wait, signal } = options;
      const patience = duration(timeout, "timeout");
      const gaveUp = () => {
        const text = `\`${method}\` was cancelled`;
        return new RpcError("cancelled", text, { cause: signal.reason });
      };
      if (signal !== undefined && typeof signal?.addEventListener !== "function") {
        throw new RpcError("config", "`signal` is that of an AbortController");
      }
      if (typeof method !== "string") throw new TypeError("the name of a method is a string");
      const given = this.give(method, params, hasReply);
      const head = this.encodeCall(method, given.params);
      // Now and not before: getters and `toJSON` of the parameters may have closed the API.
      this.expectRoom(method, wait);
      if (signal?.aborted) throw gaveUp();
      const id = hasReply ? ++this.lastId : undefined;
      const text = this.fitting(id === undefined ? `${head}}` : `${head},"id":${id}}`);
      const entry = { method, id, text, wait, timer: undefined, feeds: given.feeds };
      const end = () => {
        entry.isOver = true;
        clearTimeout(entry.timer);
        signal?.removeEventListener("abort", abort);
        this.pending.delete(id);
        this.unqueue(entry);
      };
      // Whoever was asked need not work on it any more.
      const giveUp = (error) => {
        const isAsked = this.pending.has(id);
        entry.fail(error);
        if (!isAsked) return;
        if (late) this.answerLate(id, late);
        this.tellCancelled(id);
      };
      const abort = () => giveUp(gaveUp());
      signal?.addEventListener("abort", abort, { once: true });
      entry.done = (value) => (end(), this.answered(entry, true), begins?.(value), resolve(value));
      entry.fail = (error) => (end(), this.answered(entry, isCallError(error)), reject(error));
      entry.giveUp = () => giveUp(new RpcError("cancelled", `\`${method}\` was cancelled`));
      call = entry;

      const look = () => {
        const left = silence(entry, patience);
        if (left > 0) {
          entry.timer = setTimeout(look, left);
          return;
        }
        const text = this.waiting.has(entry)
          ? `\`${method}\` was not sent: no connection within ${patience} ms`
          : `no answer to \`${method}\` within ${patience} ms`;
        giveUp(new RpcError("timeout", text));
        if (entry.sent >= this.lastHeard && performance.now() - entry.sent >= QUIET) this.probe();
      };
      entry.timer = setTimeout(look, patience);
      if (this.status.state === "up") this.transmit(entry);
      else this.enqueue(entry);
    });
    if (hasReply) answer[Symbol.asyncIterator] = () => this.iterate(answer, call);
    return answer;
  }

  answerLate(id, late) {
    this.late.set(id, late);
    if (this.late.size <= this.options.pendingCalls) return;
    const [oldest] = this.late.keys();
    this.late.delete(oldest);
  }

  tellCancelled(id) {
    // Else it goes on working, and its answer is dropped.
    this.say(CANCEL, `"id":${encode(id)}`);
  }

  // ---- Streams

  /** Sends what belongs to a call or a stream, if the connection is still there. */
  say(method, params, socket = this.socket) {
    if (socket?.readyState !== OPEN || socket !== this.socket) return;
    const text = this.fitting(`{"jsonrpc":"2.0","method":"${method}","params":{${params}}}`);
    try {
      socket.send(text);
    } catch {
      // It is closed, and will say so.
    }
  }

  /** The items of a call's result. Whoever takes them need not look at the promise as well. */
  iterate(answer, entry) {
    const items = new Items({
      grant: (items) => {
        entry.heard = performance.now();
        if (this.pending.get(entry.id) !== entry) entry.grants = items;
        else this.say(MORE, `"id":${entry.id},"items":${items}`);
      },
      cancel: () => entry.giveUp(),
    });
    if (entry && !entry.isOver) entry.items = items;
    else items.isBegun = true;
    answer.then(
      (value) => items.finish({ value }),
      (error) => items.finish({ error }),
    );
    return items[Symbol.asyncIterator]();
  }

  /** Takes the streams out of parameters, and puts what stands for them in their places. */
  give(method, params, hasReply) {
    const none = { params, feeds: [] };
    if (typeof params !== "object" || params === null || isBytes(params)) return none;
    if (!Object.values(params).some(isStream)) return none;
    if (!hasReply) {
      const text = `\`${method}\`: nobody would answer whether a stream is taken; use \`call\``;
      throw new RpcError("config", text);
    }
    const feeds = [];
    const copy = Array.isArray(params) ? [...params] : { ...params };
    for (const [name, value] of Object.entries(copy)) {
      if (!isStream(value)) continue;
      // Below zero, so that it is the id of no call, whichever side that comes from.
      this.lastStream += 1;
      feeds.push(new Feed(this, -this.lastStream, value, 0));
      copy[name] = { [STREAM]: -this.lastStream };
    }
    return { params: copy, feeds };
  }

  /** A call with streams has left: they follow when they are asked for. */
  begin(entry, socket) {
    for (const feed of entry.feeds) {
      const key = encode(feed.id);
      this.feeds.set(key, feed);
      feed.run(socket).then((end) => {
        entry.heard = performance.now();
        if (this.feeds.get(key) === feed) this.feeds.delete(key);
        // Who has not asked for it may not know what it is.
        if (feed.isAsked) this.sayDone(feed.id, end, socket);
      });
    }
    if (entry.grants) this.say(MORE, `"id":${entry.id},"items":${entry.grants}`);
  }

  /** Nobody asks for a stream any more whose call is answered, or given up here. */
  answered(entry, byOther) {
    for (const feed of entry.feeds) if (!byOther || !feed.isAsked) feed.stop();
  }

  sayDone(id, end, socket) {
    const failure = (thrown) => {
      const { code, message } = readThrown(thrown);
      const text = JSON.stringify(shorten(message, 1_000));
      return `"id":${encode(id)},"error":{"code":${code},"message":${text}}`;
    };
    try {
      const result = "error" in end ? failure(end.error) : `"id":${encode(id)},"value":${encode(end.value)}`;
      this.say(DONE, result, socket);
    } catch (error) {
      this.say(DONE, failure(error), socket);
    }
  }

  /** Parameters with the streams that stand in them, until the handlers have answered. */
  take(params, taken) {
    for (const name of Object.keys(params)) {
      const id = streamId(params[name]);
      if (id === undefined) continue;
      const key = encode(id);
      const items = new Items({
        grant: (items) => this.say(MORE, `"id":${key},"items":${items}`),
        cancel: () => {
          if (this.taken.delete(key)) this.say(CANCEL, `"id":${key}`);
        },
      });
      if (this.taken.has(key)) {
        const text = "a stream is for one handler, and this one is taken already";
        items.finish({ error: new CallError(text, { code: INVALID_REQUEST }) });
      } else {
        this.taken.set(key, items);
        taken.push([key, items]);
      }
      put(params, name, items);
    }
    return params;
  }

  /** What streams say; gives whether it was that. */
  ofStream(method, params, id) {
    if (method !== ITEM && method !== MORE && method !== DONE) return false;
    const read = Array.isArray(params) ? params : [params.id, params.items ?? params.value, params.error];
    const [of, second, error] = read;
    const number = Number.isFinite(of) || typeof of === "bigint";
    const isId = number || typeof of === "string";
    const count = typeof second === "bigint" ? Number.MAX_SAFE_INTEGER : second;
    let wrong;
    if (id !== undefined) wrong = "nobody answers it, so that it has no `id`";
    else if (!isId) wrong = "`id` is that of a call or a stream";
    else if (method === MORE && !(Number.isInteger(count) && count >= 0)) {
      wrong = "`items` is how many more are taken";
    }
    if (wrong !== undefined) {
      if (this.slots.get(method)?.handlers.length) return false;
      const what = `\`${method}\` of a stream cannot be understood: ${wrong}`;
      return this.failed(id, new CallError(what, { code: INVALID_PARAMS }), method) ?? true;
    }
    const key = encode(of);
    if (method === MORE) this.more(of, key, count);
    else if (method === ITEM) this.item(of, key, second);
    else this.done(key, second, error);
    return true;
  }

  more(id, key, items) {
    const feed = this.feeds.get(key);
    if (feed) {
      feed.more(items);
      for (const entry of this.pending.values()) {
        if (entry.feeds.includes(feed)) entry.heard = performance.now();
      }
    } else if (this.incoming.has(key)) {
      // Its stream begins when the handler has returned.
      for (const call of this.incoming.get(key)) call.credit = (call.credit ?? 0) + items;
    } else if (id < 0 && id >= -this.lastStream) {
      // It has ended before it was asked for, and who asks would wait for ever.
      const error = new CallError("the stream is over", { code: CANCELLED });
      this.sayDone(id, { error }, this.socket);
    }
  }

  item(id, key, value) {
    const taken = this.taken.get(key);
    const entry = taken ? undefined : this.pending.get(answerId(id));
    const items = taken ?? entry?.items;
    if (entry) entry.heard = performance.now();
    if (!items || items.put(value, this.size)) return;
    const error = new RpcError("decode", "the other side sends more items than it may");
    if (taken) {
      this.taken.delete(key);
      items.finish({ error });
      this.say(CANCEL, `"id":${key}`);
    } else {
      entry.fail(error);
      this.tellCancelled(entry.id);
    }
  }

  done(key, value, error = null) {
    const end = error === null ? { value: value ?? null } : { error: readError(error) };
    const items = this.taken.get(key);
    this.taken.delete(key);
    if (items) return items.finish(end);
    for (const { begun } of this.subscriptions.values()) {
      const subscribed = begun.get(key);
      begun.delete(key);
      subscribed?.finish(end);
    }
  }

  // ---- Subscriptions in the convention of others

  /**
   * A call begins it and gives its id, notifications bring its items, and another call ends it. Others
   * wait for nobody, so that what waits here is bounded.
   */
  subscribe(method, params = [], { item, cancel, ...options } = {}) {
    if (typeof item !== "string" || typeof cancel !== "string") {
      const text = "`item` is the name of the notification that brings an item, `cancel` of the call that ends it";
      throw new RpcError("config", `\`${method}\`: ${text}`);
    }
    const place = this.subscriptions.get(item) ?? { asked: 0, ...nothingBegun() };
    this.subscriptions.set(item, place);
    const { signal } = options;
    let id;
    const unsubscribe = (id) => void this.send(cancel, [id], {}, true).catch(() => {});
    const end = () => {
      signal?.removeEventListener("abort", abort);
      const key = id === undefined ? undefined : encode(id);
      if (place.begun.get(key) !== items) return;
      place.begun.delete(key);
      unsubscribe(id);
    };
    const items = new Items({ cancel: end, room: this.options.queue });
    const abort = () => {
      const text = `\`${method}\` was cancelled`;
      items.finish({ error: new RpcError("cancelled", text, { cause: signal.reason }) });
      end();
    };
    const begin = (given) => {
      place.asked -= 1;
      if (!isId(given)) {
        const text = `\`${method}\` was answered with no id of a subscription: ${shorten(written(given), 60)}`;
        return items.finish({ error: new RpcError("decode", text) });
      }
      if (items.isOver) return unsubscribe(given);
      id = given;
      const key = encode(id);
      place.begun.set(key, items);
      signal?.addEventListener("abort", abort, { once: true });
      const early = place.early.filter((one) => one.key === key);
      place.early = place.early.filter((one) => one.key !== key);
      for (const one of early) place.size -= one.size;
      if (place.isOverflown) this.tooSlow(items);
      else for (const one of early) this.subscribed(item, one);
    };
    place.asked += 1;
    const begins = (given) => {
      begin(given);
      this.tidy(item);
    };
    this.send(method, params, options, true, { begins, late: unsubscribe }).catch((error) => {
      place.asked -= 1;
      this.tidy(item);
      items.finish({ error });
    });
    return items;
  }

  /** A notification may bring an item; gives whether it was that. */
  notified(method, params) {
    const place = this.subscriptions.get(method);
    if (!place || typeof params !== "object" || params === null) return false;
    const { subscription, result, error } = Array.isArray(params)
      ? { subscription: params[0], result: params[1], error: params[2] }
      : params;
    if (!isId(subscription)) return false;
    const one = { key: encode(subscription), value: result, error, size: this.size };
    if (place.begun.has(one.key)) {
      this.subscribed(method, one);
      return true;
    }
    // Of one that has ended some may be on their way, which is no news, but to a handler.
    if (place.asked === 0) return !this.slots.get(method)?.handlers.length;
    // Its answer is on its way.
    place.isOverflown ||= place.size + one.size > this.options.queue;
    if (!place.isOverflown) {
      place.early.push(one);
      place.size += one.size;
    }
    return true;
  }

  subscribed(name, { key, value, error, size }) {
    const { begun } = this.subscriptions.get(name);
    const items = begun.get(key);
    if (error !== undefined && error !== null) {
      begun.delete(key);
      items?.finish({ error: typeof error === "string" ? new CallError(error) : readError(error) });
    } else if (items && !items.put(value, size)) this.tooSlow(items);
  }

  tooSlow(items) {
    const text = `more than ${this.options.queue} bytes of a subscription wait to be read`;
    items.finish({ error: new RpcError("too-slow", text) });
    items.cancel();
  }

  /** What came early goes when no answer is awaited. */
  tidy(name) {
    const place = this.subscriptions.get(name);
    if (place.asked === 0) Object.assign(place, { ...nothingBegun(), begun: place.begun });
  }

  /** Feeds the caller with the stream that a handler returned; gives what is behind the items. */
  async feed(id, made, call) {
    const streams = made.filter((one) => isStream(one.value));
    const { socket } = this;
    const [first] = streams;
    const key = id === undefined ? undefined : encode(id);
    const isAlone = streams.length === 1 && key !== undefined && !this.feeds.has(key);
    if (!first || !socket) return made;
    if (!isAlone) {
      for (const { value } of streams) leave(value);
      if (key === undefined) return made.map((one) => (isStream(one.value) ? { value: null } : one));
      const text = "another stream of this connection has the same id";
      if (streams.length === 1) return [{ error: new CallError(text, { code: INVALID_REQUEST }) }];
      return made;
    }
    const feed = new Feed(this, id, first.value);
    this.feeds.set(key, feed);
    call.signal.addEventListener("abort", () => feed.stop(), { once: true });
    if (call.isCancelled) feed.stop();
    if (call.credit !== undefined) feed.more(call.credit);
    const end = await feed.run(socket);
    if (this.feeds.get(key) === feed) this.feeds.delete(key);
    return made.map((one) => (one === first ? end : one));
  }

  enqueue(entry) {
    this.waiting.add(entry);
    this.waitingSize += entry.text.length;
  }

  unqueue(entry) {
    if (this.waiting.delete(entry)) this.waitingSize -= entry.text.length;
  }

  /** Fails where nothing can be sent, nor wait for a connection. */
  expectRoom(method, wait) {
    const { state, reason } = this.status;
    if (state === "stopped") throw new RpcError("stopped", `\`${method}\`: the API was closed`);
    if (state === "ended" || (state === "down" && !wait)) {
      throw new RpcError("disconnected", `\`${method}\` was not sent: ${reason}`);
    }
    if (this.pending.size + this.waiting.size >= this.options.pendingCalls) {
      const text = `\`${method}\`: ${this.options.pendingCalls} calls are pending already`;
      throw new RpcError("too-many-pending", text);
    }
    if (state !== "up" && this.waitingSize > this.options.queue) {
      const text = `\`${method}\` was not sent: too much waits for a connection already`;
      throw new RpcError("queue-full", text);
    }
  }

  transmit(entry) {
    const { socket } = this;
    const { queue } = this.options;
    // A socket that is closing throws away what it is given, without a word.
    if (socket?.readyState !== OPEN) {
      const text = `\`${entry.method}\` was not sent: the connection is being closed`;
      entry.fail(new RpcError("disconnected", text));
      return;
    }
    if (socket.bufferedAmount > queue) {
      const text = `\`${entry.method}\` was not sent: the other side reads too slowly`;
      entry.fail(new RpcError("queue-full", text));
      return;
    }
    // Before it is sent: some WebSockets, of tests above all, have the answer at once.
    if (entry.id !== undefined) this.pending.set(entry.id, entry);
    entry.sent = performance.now();
    try {
      socket.send(entry.text);
    } catch (error) {
      const text = `\`${entry.method}\` was not sent: ${textOf(error)}`;
      entry.fail(new RpcError("disconnected", text, { cause: error }));
      return;
    }
    entry.text = "";
    if (entry.id === undefined) entry.done();
    else this.begin(entry, socket);
  }

  /** All of a call but its id and the last brace. */
  encodeCall(method, params) {
    if (typeof params !== "object" || params === null || isBytes(params)) {
      throw new RpcError("encode", `\`${method}\`: parameters are an object or a list`);
    }
    return `{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${encode(params)}`;
  }

  fitting(text) {
    const { messageSize } = this.options;
    // No character takes more than three bytes, so that most texts need not be counted.
    if (text.length * 3 <= messageSize) return text;
    const size = sizeOf(text);
    if (size <= messageSize) return text;
    const what = `a message of ${size} bytes is larger than the limit of ${messageSize} bytes`;
    throw new RpcError("message-too-large", what);
  }

  // ---- What arrives. Nothing in here throws, whatever it is.

  receive(data, socket) {
    this.lastHeard = performance.now();
    this.proved();
    if ((data?.byteLength ?? data?.length) > this.options.messageSize) {
      this.drop(`a message is larger than ${this.options.messageSize} bytes`);
      return;
    }
    let message;
    try {
      const text = typeof data === "string" ? data : UTF8.decode(data);
      // An empty message is what some peers send to show that they are there.
      if (text.trim() === "") return;
      message = decode(text);
      this.size = text.length;
    } catch (error) {
      const shown = typeof data === "string" ? `, in \`${shorten(data, 60)}\`` : "";
      this.trouble(new RpcError("decode", textOf(error) + shown));
      return;
    }
    const answer = Array.isArray(message) ? this.batch(message) : this.handle(message);
    once(answer, (text) => this.reply(text, socket));
  }

  /** Sends an answer, unless whoever asked is gone. */
  reply(text, socket) {
    if (text === undefined || socket !== this.socket || socket.readyState !== OPEN) return;
    if (socket.bufferedAmount > 4 * this.options.queue) this.watch(socket);
    try {
      socket.send(text);
      if (this.watched) this.watched.left += sizeOf(text);
    } catch (error) {
      const what = `an answer was not sent: ${textOf(error)}`;
      this.trouble(new RpcError("disconnected", what, { cause: error }));
    }
  }

  /** Answers pile up, which cannot fail: who takes nothing for so long does not read. */
  watch(socket) {
    if (this.watched) return;
    const watched = { left: socket.bufferedAmount };
    this.watched = watched;
    watched.timer = setTimeout(() => {
      this.watched = undefined;
      const { bufferedAmount } = socket;
      if (bufferedAmount <= 4 * this.options.queue) return;
      if (bufferedAmount < watched.left) this.watch(socket);
      else this.drop("the other side does not read its answers");
    }, this.options.stall);
  }

  /** The answers to a batch, as one text; undefined if there are none. */
  batch(messages) {
    if (messages.length === 0) return this.invalid(undefined, "the batch is empty");
    if (messages.length > BATCH_ENTRIES) {
      return this.invalid(undefined, `a batch may have ${BATCH_ENTRIES} entries`);
    }
    const { messageSize } = this.options;
    let room = messageSize - 1;
    // Each of them fits, but all together must as well.
    const fitting = (text, message) => {
      if (text === undefined) return undefined;
      const size = sizeOf(text) + 1;
      if (size <= room) {
        room -= size;
        return text;
      }
      const what = `the answers to this batch are larger than ${messageSize} bytes`;
      return this.encodeError(message.id, new CallError(what, { code: INTERNAL_ERROR }));
    };
    const answers = messages.map((message) =>
      once(this.handle(message), (text) => fitting(text, message)),
    );
    const joined = (answers) => {
      const texts = answers.filter((text) => text !== undefined);
      return texts.length === 0 ? undefined : `[${texts.join(",")}]`;
    };
    return answers.some(isPromise) ? Promise.all(answers).then(joined) : joined(answers);
  }

  /** Handles one message: the text of its answer, or a promise of it, or undefined. */
  handle(message) {
    // An entry of a batch may have closed the API.
    if (this.status.state === "stopped") return undefined;
    if (!isMap(message)) return this.invalid(undefined, "a message is an object");
    const { jsonrpc, method, params = {}, id = null } = message;
    // An answer may have neither (JavaScript leaves out what is undefined), or come from
    // JSON-RPC 1.0, which has no versions. Answering it could end a call of the other side.
    const isAnswer = "result" in message || "error" in message || this.hasSent(answerId(id));
    if ((method === undefined || method === null) && isAnswer) {
      this.settle(message);
      return undefined;
    }
    const isNumber = Number.isFinite(id) || typeof id === "bigint";
    const isId = isNumber || typeof id === "string" || id === null;
    if (!isId || String(id).length > ID_SIZE) {
      const what = `an id is a string or a number, of up to ${ID_SIZE} characters`;
      return this.invalid(undefined, what);
    }
    // An id of null is none: who sends it cannot find its answer either.
    const answerTo = id === null ? undefined : id;
    if (jsonrpc !== "2.0") {
      return this.invalid(answerTo, `expected a member "jsonrpc" with the value "2.0"`);
    }
    if (typeof method !== "string") {
      return this.invalid(answerTo, "the name of a method is a string");
    }
    return this.dispatch(method, params ?? {}, answerTo);
  }

  /** Without an id nobody could find the error, and it would stop a Python peer. */
  invalid(id, what) {
    return this.failed(id, new CallError(what, { code: INVALID_REQUEST }));
  }

  /** Answers with an error, or tells of it where nobody wants an answer. */
  failed(id, error, method) {
    if (id !== undefined) return this.encodeError(id, error);
    this.trouble(error, method);
    return undefined;
  }

  /** The handlers of a change of a property, if it is one; else undefined. */
  change(method, params) {
    // Of a value that is this side's, nobody else tells.
    if (this.mine.has(method)) return undefined;
    const change = changeOf(method, params);
    if (!change) return undefined;
    const known = this.slots.get(change.name);
    if (!known?.told) {
      if (this.properties >= PROPERTIES) return undefined;
      this.properties += 1;
    }
    const slot = known ?? this.slot(change.name);
    Object.assign(slot, { value: change.value, told: true, isCamel: change.isCamel });
    // Each has its own, as with parameters.
    const each = slot.handlers.length > 1 ? structuredClone : (value) => value;
    return slot.handlers.map(({ handler }) => () => handler(each(change.value)));
  }

  /** The other side does not want an answer any more; it may be one that it has. */
  cancelled({ id }) {
    const number = Number.isFinite(id) || typeof id === "bigint";
    if (!number && typeof id !== "string") return;
    const key = encode(id);
    const feed = this.feeds.get(key);
    // An argument from here; what is the result of a call ends with that.
    if (feed && !this.incoming.has(key)) feed.stop();
    for (const call of this.incoming.get(key) ?? []) call.cancel();
  }

  /** An incoming call is being handled, and may be cancelled. Gives what ends that. */
  enter(id, call) {
    if (id === undefined) return () => {};
    const key = encode(id);
    this.incoming.set(key, [...(this.incoming.get(key) ?? []), call]);
    return () => {
      const others = (this.incoming.get(key) ?? []).filter((other) => other !== call);
      if (others.length > 0) this.incoming.set(key, others);
      else this.incoming.delete(key);
    };
  }

  dispatch(method, params, id) {
    const streamed = this.ofStream(method, params, id);
    if (streamed !== false) return streamed === true ? undefined : streamed;
    if (id === undefined && this.notified(method, params)) return undefined;
    const { handlers } = this.slots.get(method) ?? {};
    if (id === undefined && (method === CANCEL || method === CANCEL_REQUEST)) {
      this.cancelled(isMap(params) ? params : { id: params?.[0] });
      if (!handlers?.length) return undefined;
    }
    const changes = this.change(method, params);
    if (changes) {
      const made = changes.map(run);
      // What observers of a value return is no answer to anybody.
      for (const one of made) {
        once(one, (one) => "error" in one && this.trouble(one.error, method));
      }
      if (!handlers?.length) return this.outcome(method, id, []);
    }
    const mine = this.mine.get(method);
    if (!handlers?.length && mine?.verb) return this.ask(mine, method, params, id);
    if (!handlers?.length) {
      const what = `unknown method \`${shorten(method, 64)}\``;
      return this.failed(id, new CallError(what, { code: METHOD_NOT_FOUND }), method);
    }
    if (typeof params !== "object" || isBytes(params)) {
      const what = `\`${method}\`: parameters are an object or a list`;
      return this.failed(id, new CallError(what, { code: INVALID_PARAMS }), method);
    }
    if (this.handling >= this.options.pendingCalls) return this.failed(id, this.busy(), method);
    // Each handler has its own parameters, since it may change them.
    const each = handlers.length > 1 ? () => structuredClone(params) : () => params;
    const call = new Incoming();
    const taken = [];
    const made = handlers.map(({ handler }) => run(() => handler(this.take(each(), taken), call)));
    if (taken.length === 0 && !made.some((one) => isPromise(one) || isStream(one.value))) {
      return this.outcome(method, id, made);
    }
    this.handling += 1;
    const leave = this.enter(id, call);
    const fed = Promise.all(made).then((made) => this.feed(id, made, call));
    return fed.then((made) => {
      this.handling -= 1;
      leave();
      // Nobody looks at it any more: its giver drops it by the answer.
      for (const [key, items] of taken) {
        if (!items.isBegun && this.taken.get(key) === items) this.taken.delete(key);
      }
      return this.outcome(method, id, made, call.isCancelled);
    });
  }

  /** Answers a read or a write of a property of this side. */
  ask({ slot, verb }, method, params, id) {
    if (this.handling >= this.options.pendingCalls) return this.failed(id, this.busy(), method);
    this.handling += 1;
    const answer = verb === "get" ? () => this.readOwn(slot) : () => this.writeOwn(slot, params);
    return once(run(answer), (made) => {
      this.handling -= 1;
      return this.outcome(method, id, [made]);
    });
  }

  busy() {
    const what = `${this.handling} calls are being handled; no more until some are answered`;
    return new CallError(what);
  }

  /** At most one handler answers; one that returns nothing leaves the call to the others. */
  outcome(method, id, made, isCancelled = false) {
    const failures = made.filter((one) => "error" in one);
    if (id === undefined) {
      for (const { error } of failures) this.trouble(error, method);
      return undefined;
    }
    const answers = made.filter((one) => "error" in one || one.value !== undefined);
    if (answers.length > 1) {
      const what = `${answers.length} handlers of \`${method}\` answered, where one may`;
      return this.encodeError(id, new CallError(what, { code: INTERNAL_ERROR }));
    }
    const [answer = { value: null }] = answers;
    if ("error" in answer) {
      // Who gives up for that has not failed, unless it says so.
      const gaveUp = isCancelled && !isCallError(answer.error);
      const error = gaveUp
        ? new CallError(textOf(answer.error), { code: CANCELLED })
        : answer.error;
      return this.encodeError(id, error);
    }
    try {
      return this.fitting(`{"jsonrpc":"2.0","result":${encode(answer.value)},"id":${encode(id)}}`);
    } catch (error) {
      this.trouble(error, method);
      const what = `cannot encode the result of \`${method}\`: ${textOf(error)}`;
      return this.encodeError(id, new CallError(what, { code: INTERNAL_ERROR }));
    }
  }

  /**
   * An error answer, without its data or with less of its text where it would be too large.
   * The text of an error travels, its stack never does.
   */
  encodeError(id, thrown) {
    const { code, message, data } = readThrown(thrown);
    const written = (message, tail = "") => {
      const error = `{"code":${code},"message":${JSON.stringify(message)}${tail}}`;
      return `{"jsonrpc":"2.0","error":${error},"id":${encode(id)}}`;
    };
    try {
      if (data !== undefined) return this.fitting(written(message, `,"data":${encode(data)}`));
    } catch {
      // Then without.
    }
    try {
      return this.fitting(written(message));
    } catch {
      return written(shorten(message, 1_000));
    }
  }

  /** Whether a call from here had this id, be it pending or over. */
  hasSent(number) {
    return number > 0 && number <= this.lastId;
  }

  /** An answer to a call from here; an error decides, also with a result beside it. */
  settle({ id, result, error = null }) {
    const number = answerId(id);
    const entry = this.pending.get(number);
    if (entry) {
      if (error !== null) entry.fail(readError(error));
      else if (result !== undefined) entry.done(result);
      else {
        const what = "the other side answered with neither a result nor an error";
        entry.fail(new CallError(what, { code: INTERNAL_ERROR }));
      }
      return;
    }
    // One that comes after its deadline is no news, but for what it has begun.
    const late = this.late.get(number);
    this.late.delete(number);
    if (error === null && result !== undefined) late?.(result);
    if (this.hasSent(number)) return;
    // Such as that of a server that could not read what it was sent, and knows no id.
    const text = error === null ? "" : `: ${shorten(readError(error).message, 200)}`;
    this.trouble(new RpcError("decode", `an answer to a call that was never made${text}`));
  }
}

/** A promise with its resolvers, whose rejection may go unnoticed. */
function settleable() {
  const made = { isSettled: false };
  made.promise = new Promise((resolve, reject) => {
    made.resolve = (value) => ((made.isSettled = true), resolve(value));
    made.reject = (error) => ((made.isSettled = true), reject(error));
  });
  made.promise.catch(() => {});
  return made;
}

// ---- Code of others: all of it runs in here, and anything can be thrown by it

/** What a handler made of a call: `{ value }`, `{ error }`, or a promise of one of them. */
function run(handler) {
  try {
    const value = handler();
    if (!isPromise(value)) return { value };
    // Not `value.then(...)`: what others call a promise may do anything there.
    return new Promise((resolve) => resolve(value)).then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
  } catch (error) {
    return { error };
  }
}

/** Tells somebody who has no answer to give; `failed` gets what is thrown, also later. */
function observe(handler, failed) {
  once(run(handler), (made) => {
    if ("error" in made) failed(made.error);
  });
}

/** The console is the page's, and may fail like everything else. */
function print(level, ...what) {
  try {
    console[level](...what);
  } catch {
    // There is nobody left to tell.
  }
}

/** The text of what was thrown, which may be anything: null, or an object without a text. */
function textOf(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return "something was thrown that has no text";
  }
}

/** What was thrown, as those get it who expect an `Error`. */
function asError(thrown) {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // It cannot even be asked.
  }
  return new Error(textOf(thrown), { cause: thrown });
}

/** What was thrown may be anything, and even asking what it is may throw. */
function isCallError(thrown) {
  try {
    return thrown instanceof CallError;
  } catch {
    return false;
  }
}

/** What of an error travels. */
function readThrown(thrown) {
  const message = textOf(thrown);
  try {
    if (thrown instanceof CallError) {
      const { code, data } = thrown;
      return { code: Number.isSafeInteger(code) ? code : HANDLER_FAILED, message, data };
    }
  } catch {
    // Then it is like any other.
  }
  return { code: HANDLER_FAILED, message };
}

/** Whether it comes bit by bit: what is iterated with `for await`, or the iterator of a generator. */
function isStream(value) {
  try {
    if (typeof value !== "object" || value === null) return false;
    if (typeof value[Symbol.asyncIterator] === "function") return true;
    return typeof value[Symbol.iterator] === "function" && typeof value.next === "function";
  } catch {
    return false;
  }
}

/** The id of the stream that this stands for, if it does. */
function streamId(value) {
  if (!isMap(value) || !Object.hasOwn(value, STREAM) || Object.keys(value).length !== 1) return undefined;
  return isId(value[STREAM]) ? value[STREAM] : undefined;
}

function isId(value) {
  const isNumber = Number.isFinite(value) || typeof value === "bigint";
  return isNumber || (typeof value === "string" && value.length <= ID_SIZE);
}

/** What there is of subscriptions of which none has begun: what came early, and whether that was too much. */
function nothingBegun() {
  return { begun: new Map(), early: [], size: 0, isOverflown: false };
}

/** An iterator is not needed any more, whatever it does about that. */
function leave(iterator) {
  run(() => iterator?.return?.());
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * How much longer the other side may be silent. It is not, as long as it takes items from here, or
 * waits for us to take its own.
 */
function silence({ heard, items, feeds }, patience) {
  if (heard === undefined) return 0;
  const isOurs = (items && items.granted === 0) || feeds.some((feed) => !feed.isOver && feed.credit > 0);
  return isOurs ? patience : Math.ceil(heard + patience - performance.now());
}

/** Goes on with a value, or with what a promise will have. */
function once(value, then) {
  return isPromise(value) ? value.then(then) : then(value);
}

function isPromise(value) {
  return typeof value?.then === "function";
}

function isMap(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isBytes(value);
}

/** Milliseconds that a timer can wait. */
function duration(value, name) {
  if (typeof value !== "number" || !(value >= 0)) {
    throw new RpcError("config", `\`${name}\` is a number of milliseconds, not \`${value}\``);
  }
  return Math.min(value, LONGEST_TIMER);
}

/** The WebSocket's address, from one that may be relative to the page, or begin with `http`. */
function absolute(url) {
  let address;
  try {
    address = new URL(url, globalThis.location?.href);
  } catch {
    throw new RpcError("config", `\`${shown(String(url))}\` is no address, such as ws://localhost:8080/`);
  }
  address.hash = "";
  address.protocol = address.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(address.protocol)) {
    const advice = "say where to connect: ws://localhost:8080/";
    throw new RpcError("config", `\`${shown(address.href)}\` is no address of a server; ${advice}`);
  }
  return address.href;
}

function reasonOf({ code, reason }, opened, trouble, url) {
  const told = trouble.replaceAll(url, shown(url));
  if (!opened) return `cannot connect to ${shown(url)}${told && `: ${told}`}`;
  if (reason) return `${reason} (${code})`;
  if (code === 1000 || code === 1005) return "the other side closed the connection";
  if (code === 1001) return "the other side has gone away";
  return told || `the connection was lost (${code})`;
}

/** An address for people, with stars for what may be a secret: the user, and the query. */
function shown(url) {
  return url.replace(/\/\/.*@/s, "//***@").replace(/\?.*/s, "?***");
}

/** Names from the wire have any length, and close reasons 123 bytes at the most. */
function shorten(text, length) {
  if (text.length <= length) return text;
  // Half a character is none, and many refuse a text with one.
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** The bytes of a text. */
function sizeOf(text) {
  return new TextEncoder().encode(text).length;
}

// ---- Values and text

/** The number that the id of an answer means, if any; some peers keep ids as strings. */
function answerId(id) {
  if (Number.isSafeInteger(id)) return id;
  return typeof id === "string" && /^[1-9]\d{0,14}$/.test(id) ? Number(id) : undefined;
}

function readError(error) {
  if (!isMap(error)) {
    const what = "the call failed with an error that is not an object";
    return new CallError(what, { code: INTERNAL_ERROR, data: error });
  }
  const { code, message = "", data } = error;
  return new CallError(typeof message === "string" ? message : written(message), {
    code: Number.isSafeInteger(code) ? code : 0,
    data: data ?? undefined,
  });
}

/** Something that arrived, as text for people. */
function written(value) {
  try {
    return encode(value);
  } catch {
    // What has the mark of bytes and is none can be read, but not be written.
    return "an error whose message is not a text";
  }
}

function isBytes(value) {
  const kind = Object.prototype.toString.call(value);
  return kind === "[object Uint8Array]" || kind === "[object ArrayBuffer]";
}

/**
 * Writes a value as the library does: beyond JSON, byte strings, integers of any size (as
 * `bigint`), `NaN` and the infinities. What cannot be written is an error, not a gap.
 */
function encode(value, depth = NESTING_DEPTH) {
  if (depth < 0) throw new RpcError("encode", `more than ${NESTING_DEPTH} levels, or a circle`);
  if (typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value === null) return "null";
  if (typeof value !== "object" || isPromise(value)) {
    const kind = isPromise(value) ? "promise; await it first" : typeof value;
    throw new RpcError("encode", `cannot encode a value of type ${kind}`);
  }
  if (isBytes(value)) return `{"__bytes":"${toBase64(new Uint8Array(value))}"}`;
  if (value instanceof Map || value instanceof Set) {
    throw new RpcError("encode", "cannot encode a Map or Set; make it an object or a list");
  }
  if (typeof value.toJSON === "function") return encode(value.toJSON(), depth - 1);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value, (item) => encode(item === undefined ? null : item, depth - 1));
    return `[${items.join(",")}]`;
  }
  const members = [];
  for (const [key, member] of Object.entries(value)) {
    if (key === "__bytes") {
      throw new RpcError("encode", "a map cannot have the key `__bytes`, which marks byte strings");
    }
    // As with JSON.stringify; a parameter then has its default.
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${encode(member, depth - 1)}`);
  }
  return `{${members.join(",")}}`;
}

/**
 * Reads what [`encode`] and the library write. Not with JSON.parse: it rounds integers
 * beyond 2^53 without a word, and refuses the `NaN` that a float may be.
 */
function decode(text) {
  // Some programs begin every text with a byte order mark.
  let at = text.startsWith("\ufeff") ? 1 : 0;

  const fail = (expected) => {
    throw new RpcError("decode", `expected ${expected} at character ${at}`);
  };
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (!found) return undefined;
    at = pattern.lastIndex;
    return found[0];
  };
  const eat = (character) => {
    match(BLANK);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };

  const value = (depth) => {
    if (depth < 0) fail(`no more than ${NESTING_DEPTH} levels`);
    if (eat("{")) return map(depth);
    if (eat("[")) return list(depth);
    if (text[at] === '"') return string();
    const word = match(WORD);
    if (word !== undefined) return WORDS[word];
    return number(match(NUMBER) ?? fail("a value"));
  };
  const string = () => {
    if (text[at] !== '"') fail("a string");
    let end = at;
    let backslashes;
    do {
      end = text.indexOf('"', end + 1);
      if (end < 0) fail("the end of the string");
      for (backslashes = 0; text[end - 1 - backslashes] === "\\"; ) backslashes += 1;
    } while (backslashes % 2 === 1);
    const written = text.slice(at, end + 1);
    try {
      const read = JSON.parse(written);
      at = end + 1;
      return read;
    } catch {
      return fail("a string without raw control characters and wrong escapes");
    }
  };
  const list = (depth) => {
    const items = [];
    if (eat("]")) return items;
    do items.push(value(depth - 1));
    while (eat(","));
    if (!eat("]")) fail("`,` or `]`");
    return items;
  };
  const map = (depth) => {
    const members = {};
    if (eat("}")) return members;
    do {
      match(BLANK);
      const key = string();
      if (!eat(":")) fail("`:`");
      put(members, key, value(depth - 1));
    } while (eat(","));
    if (!eat("}")) fail("`,` or `}`");
    return fromBase64(members.__bytes) ?? members;
  };

  const read = value(NESTING_DEPTH);
  match(BLANK);
  if (at < text.length) fail("nothing behind the message");
  return read;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BLANK = /[ \t\n\r]*/y;
const WORD = /(?:null|true|false|NaN|-?Infinity)(?![\w$])/y;
const WORDS = { null: null, true: true, false: false, NaN, Infinity, "-Infinity": -Infinity };
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

/** A number, where that is exact or was written as a float; else a bigint. */
function number(written) {
  const read = Number(written);
  const isFloat = /[.eE]/.test(written);
  if (isFloat || Number.isSafeInteger(read) || written.length > INTEGER_DIGITS) return read;
  return BigInt(written);
}

/** Sets a member of whatever name; assigning to `__proto__` would do something else. */
function put(members, name, value) {
  if (name !== "__proto__") {
    members[name] = value;
    return;
  }
  const own = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(members, name, own);
}

function toBase64(bytes) {
  let characters = "";
  // In pieces, since a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x4000) {
    characters += String.fromCharCode(...bytes.subarray(at, at + 0x4000));
  }
  return btoa(characters);
}

/** The bytes, or undefined for anything that is no base64. */
function fromBase64(text) {
  if (typeof text !== "string") return undefined;
  let characters;
  try {
    characters = atob(text);
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return bytes;
}
