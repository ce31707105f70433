// The page that shows an API, with the example `inspect`.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createServer } from "node:http";
import { test } from "node:test";

import { FOREIGN, launch, open } from "../support/chromium.js";
import { Program } from "../support/program.js";

const start = async (t, port = 0, host = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`) => {
  const program = new Program(t, "examples/inspect", ["--interface", host, "--port", String(port)]);
  return { program, host, port: await program.port("Open in a browser") };
};

/** Until an element has this text somewhere. */
const shows = (page, selector, text) =>
  page.waitForFunction(
    ([selector, text]) => document.querySelector(selector)?.textContent.includes(text),
    [selector, text],
  );

/** Opens the form of a method, fills it in, and calls. */
const call = async (page, method, values) => {
  const card = `#method-${method}`;
  if (!(await page.$(`${card}[open]`))) await page.click(`${card} summary`);
  for (const [name, value] of Object.entries(values)) {
    const field = `${card} [id="${method}-${name}"]`;
    if ((await page.$eval(field, (field) => field.localName)) === "select") {
      await page.selectOption(field, { label: value });
    } else await page.fill(field, value);
  }
  await page.click(`${card} button.main`);
};

const shapes = [
  { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  { colorScheme: "dark", viewport: { width: 390, height: 844 } },
];

for (const shape of shapes) {
  test(`the page of an API, ${shape.colorScheme}`, { timeout: 300_000 }, async (t) => {
    const browser = await launch(t);
    const { host, port } = await start(t);
    const page = await open(t, browser, `http://${host}:${port}/`, shape);
    const isPhone = shape.viewport.width < 600;
    const view = async (name) => {
      await page.click(`${isPhone ? "header" : "aside"} [data-to=${name}]`);
    };

    // What is there.
    await shows(page, "#status", "connected");
    await shows(page, "#method-add summary", "add(a: integer, b?: integer) → integer");
    await shows(page, "#method-generate summary", "generate(wave: Wave, on?: boolean) → Wave or null");
    await shows(page, "#method-count summary", "→ stream of integer");
    await shows(page, "#about", "A laboratory with a bit of everything.");
    assert.equal(await page.title(), "Lab");
    await page.fill("#filter", "voltage");
    assert.deepEqual(
      await page.$$eval("main [data-name]:not([hidden])", (all) => all.map((one) => one.dataset.name)),
      ["voltage", "measure"],
    );
    await page.fill("#filter", "");

    // Results, with what is left out, integers of any size, and what is wrong.
    await call(page, "add", { a: "9007199254740993" });
    await shows(page, "#method-add .result.good", "9007199254740994");
    await call(page, "add", { a: "4x" });
    await shows(page, "#method-add .field .wrong", "a number is needed");
    assert.equal(await page.$$eval("#method-add .result", (all) => all.length), 1);
    await call(page, "measure", { channel: "9" });
    await shows(page, "#method-measure .result.bad", "there is no channel 9 — code 404");
    await shows(page, "#method-measure .result.bad", '{"NoSuchChannel":{"channel":9}}');
    await call(page, "measure", { channel: "256" });
    await shows(page, "#method-measure .field .wrong", "at most 255");

    // Types that hold others, and choices.
    await call(page, "generate", { "wave.form": "Square", "wave.frequency": "50", on: "true" });
    await shows(page, "#method-generate .result.good pre", "null");
    await call(page, "generate", { "wave.form": "Sine", "wave.frequency": "60" });
    await shows(page, "#method-generate .result.good pre", '"form":"Square"');

    // Streams, in both directions, and the end of one.
    await call(page, "count", { to: "3" });
    await shows(page, "#method-count .result.good pre", "1\n2\n3");
    await call(page, "count", { to: "100000" });
    await shows(page, "#method-count .result", "1\n2");
    await page.click("#method-count .result button");
    await page.waitForSelector("#method-count .result.bad");
    await call(page, "sum", { numbers: "1\n2.5" });
    await shows(page, "#method-sum .result.good", "3.5");

    // What is told comes to all, and is never markup.
    const other = await open(t, browser, `http://${host}:${port}/#say`, shape);
    await shows(other, "#status", "connected");
    await call(page, "say", { text: "hello <b>all</b>" });
    await shows(other, "#events", 'said{"text":"hello <b>all</b>"}');
    await shows(other, "#method-said", "1×");
    assert.notEqual(await other.$("#method-say[open]"), null);

    // Properties: live, set, and refused.
    await page.waitForFunction(() => /^2/.test(document.querySelector("#property-temperature .value").textContent));
    await page.fill("#voltage-value", "12.5");
    await page.click("#property-voltage button.main");
    await shows(other, "#property-voltage .value", "12.5");
    await page.fill("#voltage-value", "55");
    await page.click("#property-voltage button.main");
    await shows(page, "#property-voltage .wrong[role=alert]:not(.field *)", "from 0 to 30 V, not to 55 V");

    // What nobody has declared.
    await page.fill("#other-method", "add");
    await page.fill("#other-params", '{"a": 1, "b": 2}');
    await page.click("#others button.main");
    await shows(page, "#others .result.good pre:last-child", "3");

    // The log of telegrams.
    await view("telegrams");
    await page.waitForSelector("#telegrams li");
    await shows(page, "#telegrams", '{"jsonrpc":"2.0","method":"say","params":{"text":"hello <b>all</b>"}');
    assert.equal(await page.$eval("#events", (events) => events.hidden), true);
    // In this order, since properties go on telling what they are.
    await page.click("#pause");
    await page.click("#clear");
    assert.equal(await page.$eval("#telegrams", (all) => all.childElementCount), 0);

    // Nothing sticks out at the side.
    await page.setViewportSize({ ...shape.viewport });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  });
}

test("a page of an API whose server comes back", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);
  const { program, host, port } = await start(t);
  const page = await open(t, browser, `http://${host}:${port}/`);
  await shows(page, "#status", "connected");
  await call(page, "add", { a: "40", b: "2" });
  await shows(page, "#method-add .result.good", "42");
  await program.kill();
  await shows(page, "#status", "again in");
  await call(page, "add", { a: "41" });
  await shows(page, "#method-add .result.bad", "was not sent");
  await start(t, port, host);
  await shows(page, "#status", "connected");
  // What was typed is there still.
  assert.equal(await page.inputValue("#add-b"), "2");
  await page.click("#method-add button.main");
  await shows(page, "#method-add .result.good", "43");
});

test("a page of an API that does not say what it is", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);
  const { host, port } = await start(t);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.routeWebSocket("**", (socket) => {
    socket.onMessage((text) => {
      const { id, method } = JSON.parse(text);
      const error = { code: -32601, message: "unknown method" };
      const answer = method === "add" ? { result: 5 } : { error };
      if (id !== undefined) socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
    });
  });
  await page.goto(`http://${host}:${port}/`);
  await shows(page, "#notice:not([hidden])", "It does not say what it can do");
  await page.fill("#other-method", "add");
  await page.click("#others button.main");
  await shows(page, "#others .result.good", "5");
});

test("the page of an API is for nobody else's page", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);
  const { host, port } = await start(t, 0, "127.0.0.1");
  // A name that leads here.
  const page = await open(t, browser, `http://${FOREIGN}:${port}/`);
  assert.match(await page.textContent("body"), /403 Forbidden: this server is not known as/);
  // Below another page, which is on this machine, too: browsers keep others from it in any case.
  const frame = `<!doctype html><iframe src="http://${host}:${port}/"></iframe>`;
  const server = createServer((request, response) => response.end(frame));
  await new Promise((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  const context = await browser.newContext();
  t.after(() => context.close());
  const stranger = await context.newPage();
  const refused = stranger.waitForEvent("requestfailed", (request) => request.url().endsWith(`:${port}/`));
  await stranger.goto(`http://${host}:${server.address().port}/`);
  assert.match((await refused).failure().errorText, /ERR_BLOCKED_BY_(RESPONSE|CSP)/);
});
