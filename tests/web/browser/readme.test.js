// The page in the README, with the example that is such a server.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";

import { launch, open } from "../support/chromium.js";
import { Program } from "../support/program.js";

test("the page in the README works", { timeout: 120_000 }, async (t) => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const [, html] = readme.match(/```html\n([^]*?)```/);
  const folder = mkdtempSync(`${tmpdir()}/quickrpc-`);
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(`${folder}/index.html`, html);

  const args = ["--interface", "127.0.0.1", "--port", "0", "--telnet", "0", "--files", folder];
  const server = new Program(t, "examples/chat", args);
  const port = await server.port("Open in a browser");
  const browser = await launch(t);
  const [one, other] = [
    await open(t, browser, `http://127.0.0.1:${port}/`),
    await open(t, browser, `http://127.0.0.1:${port}/`),
  ];
  for (const page of [one, other]) {
    await page.fill("input", "<b>hello</b>");
    await page.keyboard.press("Enter");
  }
  // Each hears both, except what was said before it was there.
  for (const page of [one, other]) {
    await page.waitForFunction(() => document.body.innerText.includes("guest 2: <b>hello</b>"));
  }
  assert.equal(await one.locator("b").count(), 0);
});
