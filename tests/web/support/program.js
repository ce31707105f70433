// The programs under test: built by cargo, started by tests, ended with them.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";

import { Inbox, within } from "./wait.js";

/** Where cargo puts what it builds. */
export const BUILT = process.env.QUICKRPC_BUILT ?? new URL("../../../target/debug", import.meta.url).pathname;

export class Program {
  #lines = new Inbox();

  /** Starts a program that is ended with the test at the latest. */
  constructor(t, name, args) {
    this.child = spawn(`${BUILT}/${name}`, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.ended = once(this.child, "exit");
    for (const output of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: output }).on("line", (line) => this.#lines.put(line));
    }
    t.after(() => this.kill());
  }

  /** The next line with this text, past all others. */
  line(text) {
    return this.#lines.find((line) => line.includes(text), `a line with "${text}"`);
  }

  /** The port in the next line that has an address. */
  async port(text) {
    const line = await this.line(text);
    return Number(line.match(/:(\d+)/)[1]);
  }

  /** Ends it at once, without a goodbye. */
  async kill() {
    this.child.kill("SIGKILL");
    await within(this.ended, "the end of a program");
  }
}
