// The example `supply` in Chromium, on telnet, and with a program of its own, at once.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";

import { launch, open } from "../support/chromium.js";
import { Program } from "../support/program.js";
import { Telnet } from "../support/telnet.js";

test("the supply", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);
  const host = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const args = ["--interface", host, "--port", "0", "--telnet", "0"];
  const program = new Program(t, "examples/supply", args);
  const port = await program.port("Open in a browser");
  const tom = new Telnet(t, host, await program.port("Join with"));
  assert.equal(await tom.line("voltage_changed"), "voltage_changed value:0.0");
  const pages = [];
  for (let number = 0; number < 2; number += 1) {
    pages.push(await open(t, browser, `http://${host}:${port}/`));
  }
  const shows = (page, id, text) =>
    page.waitForFunction(([id, text]) => document.getElementById(id).textContent === text, [id, text]);
  for (const page of pages) {
    await shows(page, "set", "0.0 V");
    await page.waitForSelector("#voltage:enabled");
  }

  // At the slider of one page.
  await pages[0].fill("#voltage", "12.5");
  for (const page of pages) {
    await shows(page, "set", "12.5 V");
    await shows(page, "measured", "12.500 V");
  }
  assert.equal(await pages[1].inputValue("#voltage"), "12.5");
  assert.equal(await tom.line("voltage_changed"), "voltage_changed value:12.5");

  // On telnet, and by a program.
  tom.type("set_voltage[1] value:31");
  assert.match(await tom.line("[1]!"), /from 0 to 30 V/);
  tom.type("set_voltage[2] value:3");
  for (const page of pages) await shows(page, "set", "3.0 V");
  const lab = new Program(t, "examples/supply", ["--lab", `${host}:${port}`, "--set", "7"]);
  for (const page of pages) await shows(page, "set", "7.0 V");
  for (const page of pages) await shows(page, "measured", "7.000 V");
  await lab.line("7 V are there");

  // What is refused is said, and the slider goes back.
  await pages[0].evaluate(() => {
    document.getElementById("voltage").max = 100;
  });
  await pages[0].fill("#voltage", "99");
  await pages[0].waitForFunction(() => document.getElementById("trouble").textContent !== "");
  assert.match(await pages[0].textContent("#trouble"), /from 0 to 30 V, not to 99 V/);
  assert.equal(await pages[0].inputValue("#voltage"), "7");
});
