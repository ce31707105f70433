// The example `chat`, and somebody who looks at its page.

import { randomInt } from "node:crypto";

import { open } from "./chromium.js";
import { Program } from "./program.js";

/**
 * Starts the server; the ports are those of another one that has ended, or free ones. The
 * address is a test's own, so that nobody takes the ports in between.
 */
export async function startChat(t, { host, page = 0, telnet = 0 } = {}) {
  host ??= `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const args = ["--interface", host, "--port", String(page), "--telnet", String(telnet)];
  const program = new Program(t, "examples/chat", args);
  return {
    program,
    host,
    page: await program.port("Open in a browser"),
    telnet: await program.port("Join with"),
  };
}

export class Person {
  /** Opens the page of a server. */
  static async at(t, browser, { host, page }, options) {
    const made = new Person();
    made.page = await open(t, browser, `http://${host}:${page}/`, options);
    return made;
  }

  /** Opens the page, and gives a name. */
  static async joined(t, browser, server, name, options) {
    const made = await Person.at(t, browser, server, options);
    await made.page.fill("#naming[open] #name", name);
    await made.page.keyboard.press("Enter");
    await made.page.waitForSelector("#naming:not([open])", { state: "attached" });
    return made;
  }

  async say(text) {
    await this.page.fill("#text", text);
    await this.page.keyboard.press("Enter");
    await this.until(() => document.querySelector("#text").value === "");
  }

  /** Until a function is true in the page. */
  until(condition, argument) {
    return this.page.waitForFunction(condition, argument);
  }

  /** Until exactly these are there. */
  sees(names) {
    return this.until((wanted) => {
      const shown = [...document.querySelectorAll("#people bdi")].map((name) => name.textContent);
      return JSON.stringify(shown) === JSON.stringify(wanted);
    }, names);
  }

  /** Until the last message is this one. */
  hears(name, text) {
    return this.until(
      ([name, text]) => {
        const last = [...document.querySelectorAll(".message")].at(-1);
        return (
          last?.querySelector("bdi").textContent === name &&
          last.querySelector(".bubble").textContent === text
        );
      },
      [name, text],
    );
  }

  /** Names and texts of the messages that are shown. */
  messages() {
    return this.page.$$eval(".message", (items) =>
      items.map((item) => [
        item.querySelector("bdi").textContent,
        item.querySelector(".bubble").textContent,
      ]),
    );
  }
}
