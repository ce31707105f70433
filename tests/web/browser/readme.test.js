// The page in the README, with the server that it is for.

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

  const transport = `wsserv:127.0.0.1:0?files=${folder}`;
  const server = new Program(t, "examples/echo", ["--codec", "jrpc", "--transport", transport]);
  const port = await server.port("Listening on");
  const browser = await launch(t);
  const [one, other] = [
    await open(t, browser, `http://127.0.0.1:${port}/`),
    await open(t, browser, `http://127.0.0.1:${port}/`),
  ];
  const shows = (page, text) =>
    page.waitForFunction((text) => document.body.innerText.includes(text), text);
  for (const page of [one, other]) await shows(page, "2 + 3 = 5");
  await one.fill("input", "<b>hello</b>");
  await one.keyboard.press("Enter");
  for (const page of [one, other]) await shows(page, "<b>hello</b>");
  assert.equal(await other.locator("b").count(), 0);
});
