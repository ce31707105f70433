// The client for browsers of Juggler itself, in Chromium, against our server: all its generations.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { launch, open } from "../support/chromium.js";
import { Program } from "../support/program.js";

const GENERATIONS = [
  ["0.5", "juggler-0.5"],
  ["0.6", "juggler-0.6"],
  ["0.7", "@hat-open/juggler"],
];

/** A folder with a page that has the client of a generation as `juggler`. */
async function site(t, module) {
  const folder = await mkdtemp(join(tmpdir(), "quickrpc-juggler-"));
  t.after(() => rm(folder, { recursive: true }));
  await build({
    stdin: { contents: `import * as juggler from "${module}"; window.juggler = juggler;`, resolveDir: import.meta.dirname },
    bundle: true,
    format: "esm",
    outfile: join(folder, "client.js"),
    logLevel: "warning",
  });
  const page = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="client.js"></script>';
  await writeFile(join(folder, "index.html"), page);
  return folder;
}

/** A page that is connected: `conn`, and in `told` what it was notified of. */
async function connected(t, browser, port) {
  const page = await open(t, browser, `http://127.0.0.1:${port}/`);
  await page.waitForFunction(() => window.juggler);
  await page.evaluate(async () => {
    window.told = [];
    window.conn = new window.juggler.Connection();
    for (const kind of ["notify", "message"]) {
      window.conn.addEventListener(kind, (event) => window.told.push(event.detail));
    }
    await new Promise((resolve, reject) => {
      window.conn.addEventListener("open", resolve);
      window.conn.addEventListener("close", reject);
    });
    window.conn.addEventListener("close", () => window.told.push("closed"));
    window.state = () => window.conn.state ?? window.conn.remoteData;
  });
  return page;
}

/** Until what the page sees is this. */
async function sees(page, state) {
  // Members of objects come in any order.
  await page.evaluate(() => {
    window.sorted = (value) =>
      JSON.stringify(value, (_key, inner) =>
        inner && typeof inner === "object" && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).sort())
          : inner,
      );
  });
  await page.waitForFunction((state) => window.sorted(window.state() ?? null) === window.sorted(state), state);
}

test("Juggler's own client", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);
  for (const [generation, module] of GENERATIONS) {
    await t.test(generation, async (t) => {
      const folder = await site(t, module);
      const codec = `juggler:${generation}?autoflush_delay=10ms`;
      const server = new Program(t, "juggler_server", [codec, `wsserv:127.0.0.1:0?files=${folder}`]);
      const port = await server.port("listening on");
      const pages = [await connected(t, browser, port), await connected(t, browser, port)];
      const [page, other] = pages;
      if (generation === "0.5") {
        // As its `Application` does it.
        await page.evaluate(() => {
          window.call = (action, ...args) =>
            new Promise((resolve, reject) => {
              const id = Math.random();
              const heard = ({ detail }) => {
                if (detail?.type !== "rpc" || detail.id !== id) return;
                window.conn.removeEventListener("message", heard);
                if (detail.success) resolve(detail.result);
                else reject(detail.result);
              };
              window.conn.addEventListener("message", heard);
              window.conn.send({ type: "rpc", id, direction: "request", action, args });
            });
        });
      } else {
        await page.evaluate(() => {
          window.call = (name, data) => window.conn.send(name, data);
        });
      }
      const call = (name, data) => page.evaluate(([name, data]) => window.call(name, data), [name, data]);

      const value = { ä: [1.5, null, "😀"], "": {} };
      assert.deepEqual(await call("echo", value), generation === "0.5" ? [value] : value);
      const failed = await page.evaluate(() => window.call("fail", 1).catch((error) => String(error)));
      assert.match(failed, /failed on purpose/);
      const large = "ä😀".repeat(500_000);
      assert.equal(await page.evaluate(async (large) => JSON.stringify(await window.call("echo", large)).length, large),
        large.length + (generation === "0.5" ? 4 : 2));

      await call("say", "hello");
      await other.waitForFunction(() => window.told.length > 0);
      const [told] = await other.evaluate(() => window.told);
      assert.deepEqual(told, generation === "0.5" ? "hello" : { name: "message", data: ["hello"] });

      // Null is what a state begins with, and then it is what is written.
      await sees(page, null);
      const first = { list: [1, 2, 3], "a/b~": { "": 0 } };
      await call("set_", generation === "0.5" ? first : { value: first });
      for (const one of pages) await sees(one, first);
      for (let round = 0; round < 10; round += 1) {
        const state = await call("vary", 100);
        for (const one of pages) await sees(one, state);
      }
      // Whoever comes later sees the same.
      const late = await connected(t, browser, port);
      await sees(late, await call("vary", 1));

      if (generation === "0.5") {
        for (const shown of [[1, { a: 2 }], [0, 1, { a: 3 }], { b: [] }]) {
          await page.evaluate((shown) => window.conn.setLocalData(shown), shown);
          let seen;
          do seen = await call("shown");
          while (JSON.stringify(seen) !== JSON.stringify(shown));
        }
      }
      for (const one of [...pages, late]) {
        assert.ok(!(await one.evaluate(() => window.told)).includes("closed"));
      }
    });
  }
});
