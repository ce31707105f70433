// The other side of quickrpc.js in unit tests: a WebSocket server that says what the test says.

import { WebSocketServer } from "ws";

import { Inbox } from "./wait.js";

export class Server {
  #accepted = new Inbox();
  #server;

  /** Listens on a free port, or on one that is known. */
  static async listen(port = 0, options = {}) {
    const made = new Server();
    made.#server = new WebSocketServer({ host: "127.0.0.1", port, ...options });
    made.#server.on("connection", (socket, request) => {
      made.#accepted.put(new Peer(socket, request));
    });
    await new Promise((resolve, reject) => {
      made.#server.once("listening", resolve);
      made.#server.once("error", reject);
    });
    return made;
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The next client that connects. */
  accept() {
    return this.#accepted.next("a client");
  }

  /** Ends every connection without a goodbye, and stops listening. */
  async stop() {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

class Peer {
  #messages = new Inbox();

  constructor(socket, request) {
    this.socket = socket;
    this.request = request;
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on("message", (data, isBinary) => {
      this.#messages.put(isBinary ? data : data.toString());
    });
  }

  /** The next message as it came. */
  text() {
    return this.#messages.next("a message");
  }

  /** The next message, as JSON. */
  async next() {
    return JSON.parse(await this.text());
  }

  /** Messages that came and that nobody has asked for. */
  get unread() {
    return this.#messages.size;
  }

  /** Sends a message; texts and bytes go as they are. */
  send(message) {
    const raw = typeof message === "string" || Buffer.isBuffer(message);
    this.socket.send(raw ? message : JSON.stringify(message));
  }

  /** Answers the next call with a result. */
  async answer(result) {
    const { id } = await this.next();
    this.send({ jsonrpc: "2.0", result, id });
  }
}
