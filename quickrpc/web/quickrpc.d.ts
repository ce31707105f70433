/** What travels: JSON, and byte strings, integers of any size, `NaN` and the infinities. */
export type Value =
  | null
  | boolean
  /** Also read where a float was written with digits beyond 2^53. */
  | number
  /** An integer beyond 2^53, in either direction: nothing is rounded silently. */
  | bigint
  | string
  /** Bytes (`Vec<u8>` in Rust, `bytes` in Python). An `ArrayBuffer` can be sent too. */
  | Uint8Array
  | Value[]
  | { [name: string]: Value };

/** Calls of one direction: names, parameters (an object, or a list if positional), results. */
export type Calls<T> = { [Name in keyof T]: (params: any) => unknown };
type AnyCalls = { [name: string]: (params: any) => any };

type Params<Call> = Call extends (...params: infer P) => unknown ? P[0] : never;
type Returned<Call> = Call extends (...params: any[]) => infer R ? R : never;
type IsAny<T> = 0 extends 1 & T ? true : false;
/** What a call comes to as a whole: of a stream, what is behind its items. */
type Result<Call> =
  IsAny<Returned<Call>> extends true
    ? any
    : Returned<Call> extends Stream<any, infer End>
      ? End
      : Awaited<Returned<Call>>;
/** What a call gives at once. */
type Called<Call> =
  IsAny<Returned<Call>> extends true
    ? Promise<any> & AsyncIterable<any>
    : Returned<Call> extends Stream<infer Item, infer End>
      ? Promise<End> & AsyncIterable<Item>
      : Promise<Awaited<Returned<Call>>>;
/** What a handler may give. */
type Answer<Call> =
  IsAny<Returned<Call>> extends true
    ? any
    : Returned<Call> extends Stream<infer Item, infer End>
      ? AsyncIterable<Item> | Generator<Item, End | void>
      : Awaited<Returned<Call>>;
type Names<T> = Extract<keyof T, string>;
/** Parameters may be left out where none are required. */
type MayOmit<P> = undefined extends P ? true : {} extends P ? true : false;
type Arguments<Call, O> =
  MayOmit<Params<Call>> extends true
    ? [params?: Params<Call>, options?: O]
    : [params: Params<Call>, options?: O];

declare const behind: unique symbol;

/**
 * In the declaration of calls, a result or a parameter that comes bit by bit: items, and a result
 * behind them.
 *
 * A result is iterated, `for await (const line of api.call("lines"))`, at once or not at all, and its
 * promise has what is behind the items. To leave the loop gives the call up. A handler gives one by
 * being a generator, `async function*`. As a parameter it is whatever can be iterated so, or a
 * generator; it is sent as the other side asks for it, and let go where nobody does.
 *
 * Whoever reads slowly makes the other side wait, and nobody else.
 */
export interface Stream<Item = any, End = null> extends AsyncIterable<Item> {
  readonly [behind]?: End;
}

/** Options of one call. */
export interface CallOptions {
  /**
   * Milliseconds until it fails without an answer; with a stream, after which silence of the other
   * side. Default: the connection's `callTimeout`.
   */
  timeout?: number;
  /** Whether it waits for a connection while there is none. Default: the connection's `wait`. */
  wait?: boolean;
  /**
   * Gives the call up: it fails with `cancelled`, whose `cause` is the signal's reason, and the
   * other side is told, so that a handler that looks for it ends.
   */
  signal?: AbortSignal;
}

/** Whose convention a subscription follows; see [`ApiBase.subscribe`]. */
export interface SubscribeOptions extends CallOptions {
  /** The notification that brings an item: `eth_subscription`. */
  item: string;
  /** The call that ends it: `eth_unsubscribe`. */
  cancel: string;
}

/** What a handler gets beside the parameters. */
export interface IncomingCall {
  /**
   * Aborted when nobody wants the answer any more: the caller has cancelled the call, or the
   * connection is gone. What a handler throws then is answered with the code -32800.
   */
  readonly signal: AbortSignal;
}

/** Options of [`connect`]; times are in milliseconds, sizes in bytes. */
export interface Options {
  /** Until a call fails without an answer. Default 10,000. */
  callTimeout?: number;
  /**
   * Whether calls wait for a connection, up to their timeout, instead of failing at once while
   * there is none. (While one is being opened they wait in any case.) Default `false`.
   */
  wait?: boolean;
  /** The first pause before connecting again, or `false`: not again. Default 1,000. */
  restart?: number | false;
  /**
   * The longest pause: it doubles with each failure, less up to a fifth. A connection that is over
   * before it has lasted as long as the pause before it, or 5 s, is a failure, too. Default 30,000.
   */
  backoff?: number;
  /**
   * Until an attempt to connect has failed, and until a connection is given up on which nothing is
   * heard though the other side was asked. Default 10,000.
   */
  connectTimeout?: number;
  /** The largest message, in both directions, at least 1. Default 16 MiB, as in the library. */
  messageSize?: number;
  /** Calls that wait for an answer, in each direction, at least 1. Default 16,384. */
  pendingCalls?: number;
  /**
   * What may wait to be sent, or for a connection, before calls fail with `queue-full`, at
   * least 1. Default 8 MiB.
   */
  queue?: number;
  /**
   * How long the other side may take nothing while far more than `queue` of answers waits for it;
   * then the connection is given up. Default 5,000.
   */
  stall?: number;
  /** Subprotocols to offer. Default none. */
  protocols?: string | string[];
  /** The class to use where there is no global one (Node before 22): that of package `ws`. */
  WebSocket?: new (url: string, protocols?: string | string[]) => unknown;
}

/** What a connection is doing; the states are those of the library's `TransportState`. */
export type Status =
  /** Being opened. */
  | { readonly state: "opening" }
  | { readonly state: "up" }
  /** It ended or could not be opened, and is opened again after `retryIn` milliseconds. */
  | { readonly state: "down"; readonly reason: string; readonly retryIn: number }
  /** It ended, and does not come again, because of `restart: false`. */
  | { readonly state: "ended"; readonly reason: string }
  /** [`Api.close`] was called. */
  | { readonly state: "stopped" };

/** Which part failed. */
export type ErrorKind =
  /** The other side answered with an error; the error is a [`CallError`]. */
  | "call"
  /** There is no connection, or it ended before the answer. It may have been handled. */
  | "disconnected"
  /** Not answered in time, or not sent for want of a connection. */
  | "timeout"
  /** Its `signal` was aborted; see [`CallOptions`]. */
  | "cancelled"
  /** [`Api.close`] was called. */
  | "stopped"
  /** A value that cannot travel. Nothing was sent. */
  | "encode"
  /** Nothing was sent. */
  | "message-too-large"
  /** The other side reads too slowly, or too much waits for a connection. Nothing was sent. */
  | "queue-full"
  /** Nothing was sent. */
  | "too-many-pending"
  /** More of a subscription waits to be read than may; it was ended. See [`ApiBase.subscribe`]. */
  | "too-slow"
  /** Something arrived that is not a message; only in [`Api.onError`]. */
  | "decode"
  /** A wrong address or option, or no WebSocket. */
  | "config";

/** What went wrong here or on the way. */
export class RpcError extends Error {
  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown });
  readonly kind: ErrorKind;
}

/**
 * What the other side answered. A handler that throws one answers with its code, message and
 * data; anything else that it throws is answered with the text and code -32000.
 */
export class CallError extends RpcError {
  constructor(message: string, options?: { code?: number; data?: unknown });
  /**
   * As in JSON-RPC 2.0: -32601 is an unknown method, -32602 wrong parameters, -32603 also an
   * answer that is none: with neither a result nor an error, or with an error that is no object.
   */
  readonly code: number;
  /**
   * Anything more. An error that is declared in Rust is here as serde writes it:
   * `LampError::Broken` as `"Broken"`, `LampError::Missing(7)` as `{ Missing: 7 }`. One that is thrown
   * so by a handler arrives there as such.
   */
  readonly data: unknown;
  /** Whether something that was caught is one, of this code if it is given; says the type of its data. */
  static is<Data = unknown>(
    error: unknown,
    code?: number,
  ): error is CallError & { readonly data: Data };
}

/** Members that every object has, and those that would make a promise of it. */
type Taken = "then" | "toJSON" | keyof Object;

/** What connects a handler. */
export interface Connection {
  /** Removes the handler. */
  disconnect(): void;
}

/**
 * Where handlers of one incoming call are connected.
 *
 * A handler gets the parameters as they were sent: an object, or a list if positional. What it
 * returns, also as a promise, is the answer; a throw is an error answer. With several handlers
 * at most one may answer: `undefined` leaves the call to the others.
 */
export interface Slot<Call = (params: any) => unknown> {
  connect(
    handler: (
      params: Params<Call>,
      call: IncomingCall,
    ) => Answer<Call> | undefined | void | Promise<Answer<Call> | undefined | void>,
  ): Connection;
}

/** Without types of one's own, each slot may be a property as well. */
type SlotOf<Local, Name extends Names<Local>> = string extends keyof Local
  ? Slot<Local[Name]> & Omit<Property, "connect">
  : Slot<Local[Name]>;

/**
 * A property of the other side: a value that it has, and tells. Any name of the handle is one,
 * if the other side has a property of that name.
 */
export interface Property<T = any> {
  /**
   * The value that was told last; `undefined` before the first one. It stays while there is no
   * connection, and is told again with the next one.
   */
  readonly value: T | undefined;
  /** Asks for the value. */
  get(options?: CallOptions): Promise<T>;
  /** Writes it; fails with the [`CallError`] of the one whose it is, if that refuses. */
  set(value: T, options?: CallOptions): Promise<void>;
  /** Adds a handler of changes, the first value after connecting included. */
  connect(handler: (value: T) => unknown): Connection;
}

/** What a property of the page is made with. */
export interface OwnOptions<T = any> {
  /** The value that it has from the beginning. */
  value?: T;
  /** Whether the other side may write it. Default: whether there is `onWrite`. */
  writable?: boolean;
  /** Gives what a reader gets, in place of what was set; `undefined`: what was set. */
  onRead?: () => T | undefined | Promise<T | undefined>;
  /** Decides about what the other side writes: what it throws refuses the value. */
  onWrite?: (value: T) => unknown;
  /**
   * Whether its calls are named `getVoltage` and `voltageChanged`, as by an API that is declared
   * with `rename_all = "camelCase"`, and not `get_voltage` and `voltage_changed`. Default: whether
   * the name is written so, as `outputVoltage` is.
   */
  camel?: boolean;
}

/** A property of the page: a value that the other side reads, hears of, and may write. */
export interface OwnProperty<T = any> {
  /** The value that was set or written last; `undefined` before the first one. */
  readonly value: T | undefined;
  /** What a reader gets. */
  get(): Promise<T>;
  /**
   * Sets it at once, and tells the other side, unless it is equal to the one before. Without a
   * connection it is told when there is one again; where the other side reads slowly, only the
   * newest value is. Fails where the value cannot travel.
   */
  set(value: T): Promise<void>;
  /** Adds a handler of changes, whoever makes them. */
  connect(handler: (value: T) => unknown): Connection;
}

/** Without types of one's own, a property may have any name, and any value. */
type OwnNames<Own> = {} extends Own ? string : Names<Own>;
type OwnValue<Own, Name> = Name extends keyof Own ? Own[Name] : any;

/** The handle of a connection; further members are the slots of what others call here. */
export interface ApiBase<Remote = AnyCalls, Local = AnyCalls, Properties = {}, Own = {}> {
  /**
   * Calls the other side: `await api.call("add", { a: 1, b: 2 })`.
   *
   * Fails with a [`CallError`] that was answered, or with an [`RpcError`]. It is sent at most
   * once: a call that was pending when the connection ended has failed, and may have been
   * handled.
   *
   * A result that comes bit by bit is iterated: `for await (const line of api.call("lines"))`; see
   * [`Stream`].
   */
  call<Name extends Names<Remote>>(
    method: Name,
    ...args: Arguments<Remote[Name], CallOptions>
  ): Called<Remote[Name]>;

  /**
   * Calls without wanting an answer. The promise is fulfilled when it was given to the
   * connection, and rejected where that is impossible.
   */
  notify<Name extends Names<Remote>>(
    method: Name,
    ...args: Arguments<Remote[Name], CallOptions>
  ): Promise<void>;

  /**
   * Subscribes at servers of other people, such as Ethereum nodes and those made with jsonrpsee, and
   * what is declared with `subscription(..)` in Rust: a call begins it and gives its id,
   * notifications bring its items, and another call ends it.
   *
   *     const heads = api.subscribe("eth_subscribe", ["newHeads"], {
   *       item: "eth_subscription",
   *       cancel: "eth_unsubscribe",
   *     });
   *     for await (const head of heads) show(head);
   *
   * To leave the loop ends it, as an aborted signal does; so does its `return()` where there is no
   * loop. The timeout is that of the call: silence after it is no error. The end of the connection
   * is one, and so is an error that the other side sends as the last item. Others wait for nobody:
   * if more than `queue` bytes wait to be read, it ends with `too-slow`.
   *
   * @throws RpcError of kind `config` without `item` or `cancel`.
   */
  subscribe<Item = any, Name extends Names<Remote> = Names<Remote>>(
    method: Name,
    params: Params<Remote[Name]> | undefined,
    options: SubscribeOptions,
  ): AsyncIterableIterator<Item>;

  /**
   * `api.remote.add({ a: 1, b: 2 })` is `api.call("add", { a: 1, b: 2 })`. A name that every
   * object has, such as `toString`, takes the long form.
   */
  readonly remote: {
    readonly [Name in Exclude<Names<Remote>, Taken>]: (
      ...args: Arguments<Remote[Name], CallOptions>
    ) => Called<Remote[Name]>;
  };

  /**
   * The slot of any name; the long form of `api.echo`, for names that the handle itself has, or
   * every object, such as `toString`.
   */
  slot<Name extends Names<Local> | Names<Properties>>(
    name: Name,
  ): Name extends Names<Properties>
    ? Property<Properties[Name]>
    : Name extends Names<Local>
      ? SlotOf<Local, Name>
      : never;

  /**
   * Makes a property of the page, `#[outgoing(property)]` where the program declares it: the other
   * side is told its value when it is connected, and each change; its reads are answered, and its
   * writes if it is `writable`. From then on it is `api.zoom`, too.
   *
   *     const zoom = api.own("zoom", { value: 1, onWrite: (zoom) => show(zoom) });
   *     zoom.set(2);
   */
  own<Name extends OwnNames<Own>>(
    name: Name,
    options?: OwnOptions<OwnValue<Own, Name>>,
  ): OwnProperty<OwnValue<Own, Name>>;

  /**
   * Fulfilled with the handle as soon as it is connected: `const api = await connect().ready`.
   * Rejected when it ended for good. After a loss, it is a new promise; one that somebody has
   * waited for in vain until then is fulfilled by the next connection.
   */
  readonly ready: Promise<Api<Remote, Local, Properties, Own>>;

  /** What the connection is doing at the moment. */
  readonly status: Status;

  /**
   * Told of each change. At `up` it runs before anything that waited is sent: the place to
   * introduce oneself, again after each loss. What it throws, or its promise, goes to `onError`.
   */
  onStatus(observer: (status: Status) => void): Connection;

  /**
   * Told of what has no caller here: messages that are none, notifications that nobody
   * handles or whose handler threw, observers that threw. What was thrown and is no `Error` is
   * the `cause` of one. Without an observer it goes to the console.
   */
  onError(observer: (error: Error, method?: string) => void): Connection;

  /**
   * Connects again at once, where it is `down`; where it is `up`, a new connection takes the place
   * of that one, and what was pending fails.
   */
  reconnect(): void;

  /** Ends the connection for good; pending calls fail with `stopped`. */
  close(): void;
}

/** The handle, with its slots and properties: `api.echo.connect(handler)`, `api.voltage.value`. */
export type Api<Remote = AnyCalls, Local = AnyCalls, Properties = {}, Own = {}> = ApiBase<
  Remote,
  Local,
  Properties,
  Own
> &
  {
    readonly [Name in Exclude<Names<Local>, keyof ApiBase | Taken>]: SlotOf<Local, Name>;
  } & {
    readonly [Name in Exclude<Names<Properties>, keyof ApiBase | Taken>]: Property<
      Properties[Name]
    >;
  } & {
    readonly [Name in Exclude<Names<Own>, keyof ApiBase | Taken>]: OwnProperty<Own[Name]>;
  };

/**
 * Connects to a server, and again after each loss.
 *
 * Returns at once, so that handlers are connected before anything arrives. Calls wait for the
 * first attempt; `await api.ready` waits until it has worked.
 *
 * The address may be relative to the page, which is also the default: the folder that the page
 * came from. `http` means `ws`, `https` means `wss`.
 *
 * With two types it checks names, parameters and results:
 *
 *     interface Server { add(params: { a: number; b: number }): number }
 *     interface Page { echo(params: { text: string }): void }
 *     const api = connect<Server, Page>();
 *
 * A third one has the properties of the other side, and a fourth one those of the page:
 * `connect<Server, Page, { voltage: number }, { zoom: number }>()`.
 *
 * @throws RpcError of kind `config` for a wrong address or option.
 */
export function connect<
  Remote extends Calls<Remote> = AnyCalls,
  Local extends Calls<Local> = AnyCalls,
  Properties = {},
  Own = {},
>(url?: string | URL, options?: Options): Api<Remote, Local, Properties, Own>;
