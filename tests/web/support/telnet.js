// Somebody on telnet: lines in, lines out.

import { connect } from "node:net";
import { createInterface } from "node:readline";

import { Inbox } from "./wait.js";

export class Telnet {
  #lines = new Inbox();

  constructor(t, host, port) {
    this.socket = connect(port, host);
    this.socket.on("error", () => {}); // The lines then end.
    createInterface({ input: this.socket }).on("line", (line) => this.#lines.put(line));
    t.after(() => this.socket.destroy());
  }

  type(line) {
    this.socket.write(`${line}\r\n`);
  }

  /** The next line that begins so, past all others. */
  line(start) {
    return this.#lines.find((line) => line.startsWith(start), `a line "${start}..."`);
  }
}
