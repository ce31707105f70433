// quickrpc.js in Chromium, with a server in Rust.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { FOREIGN, launch, open } from "../support/chromium.js";
import { listen } from "../support/pair.js";
import { Program } from "../support/program.js";
import { within } from "../support/wait.js";

const pages = new URL("../pages", import.meta.url).pathname;
const client = new URL("../../../quickrpc/web/quickrpc.js", import.meta.url);

/** The lab on a free port, with a folder of pages. */
async function lab(t) {
  const program = new Program(t, "lab_server", ["jrpc", `wsserv:127.0.0.1:0?files=${pages}`]);
  return program.port("listening on");
}

/** A page whose `api` is connected to where it came from. */
async function connected(t, browser, port, options = {}) {
  const page = await open(t, browser, `http://127.0.0.1:${port}/`, options);
  await page.evaluate(async () => {
    Object.assign(globalThis, await import("/quickrpc.js"));
    globalThis.api = await connect().ready;
  });
  return page;
}

/** The status and body of an answer to a request with these headers. */
async function get(port, path, headers = {}) {
  const asked = request({ host: "127.0.0.1", port, path, headers }).end();
  const come = Promise.race([once(asked, "response"), once(asked, "upgrade")]);
  const [answer] = await within(come, `the answer to ${path}`);
  if (answer.statusCode === 101) {
    asked.destroy();
    return { status: 101 };
  }
  let body = "";
  for await (const chunk of answer.setEncoding("utf8")) body += chunk;
  return { status: answer.statusCode, headers: answer.headers, body };
}

test("the client in a browser", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);

  await t.test("the server has the module, as it is", async (t) => {
    const port = await lab(t);
    const { status, headers, body } = await get(port, "/quickrpc.js");
    assert.equal(status, 200);
    assert.match(headers["content-type"], /^text\/javascript/);
    assert.equal(body, readFileSync(client, "utf8"));
    assert.equal((await get(port, "/")).body, readFileSync(`${pages}/index.html`, "utf8"));
  });

  await t.test("who is asked for a key logs in, and the page connects with it", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "quickrpc-web-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const key = "YWxpY2VhbGljZWFsaWNlYWxpY2U=";
    const keys = join(folder, "keys.toml");
    writeFileSync(keys, `[users.alice]\nkeys = ["${key}"]\n`, { mode: 0o600 });
    const transport = `wsserv:127.0.0.1:0?files=${pages}&keys=${keys}`;
    const port = await new Program(t, "lab_server", ["jrpc", transport]).port("listening on");
    assert.equal((await get(port, "/")).status, 401);
    const httpCredentials = { username: "alice", password: key };
    const page = await connected(t, browser, port, { httpCredentials });
    assert.equal(await page.evaluate(() => api.call("add", { a: 1, b: 2 })), 3);
  });

  await t.test("values of every kind come back as they were", async (t) => {
    const page = await connected(t, browser, await lab(t));
    const wrong = await page.evaluate(async () => {
      const bytes = Uint8Array.from({ length: 300_000 }, (_, at) => at % 256);
      const values = [
        null,
        true,
        -0.5,
        2 ** 53 - 1,
        2n ** 63n,
        -(2n ** 63n),
        NaN,
        -Infinity,
        "ä\u0000\"\\😀\u2028",
        [],
        {},
        { a: [1, { b: "c" }], "": null },
        new Uint8Array(),
        [new Uint8Array([0, 255]), { inside: new Uint8Array([1]) }],
        bytes,
      ];
      const text = (value) =>
        JSON.stringify(value, (_, value) => {
          if (value instanceof Uint8Array) return { bytes: [...value] };
          if (typeof value === "bigint" || !Number.isFinite(value ?? 0)) return String(value);
          return value;
        });
      const wrong = [];
      for (const value of values) {
        const back = await api.call("nested", { value });
        if (text(back) !== text(value)) wrong.push(`${text(value)} became ${text(back)}`);
      }
      const blob = await api.call("blob", { data: bytes });
      if (!(blob instanceof Uint8Array) || text(blob) !== text(bytes)) wrong.push("the blob");
      return wrong;
    });
    assert.deepEqual(wrong, []);
  });

  await t.test("a page owns a property", async (t) => {
    const page = await connected(t, browser, await lab(t));
    const seen = await page.evaluate(async () => {
      const heard = [];
      let wake;
      api.notified.connect(({ text }) => (heard.push(text), wake?.()));
      const until = async (count) => {
        while (heard.length < count) await new Promise((woken) => (wake = woken));
      };
      const refuse = (zoom) => {
        if (zoom > 10) throw new Error("too near");
      };
      const zoom = api.own("zoom", { value: 1, onWrite: refuse });
      await until(1);
      await api.zoom.set(2);
      await until(2);
      await api.call("magnify", { zoom: 3.5 });
      const refused = await api.call("magnify", { zoom: 11 }).catch((error) => error.message);
      await until(3);
      return { heard, refused, value: zoom.value };
    });
    const heard = ["zoom 1", "zoom 2", "zoom 3.5"];
    assert.deepEqual(seen, { heard, refused: "too near", value: 3.5 });
  });

  await t.test("calls go both ways, and errors are told", async (t) => {
    const page = await connected(t, browser, await lab(t));
    const seen = await page.evaluate(async () => {
      const failed = (error) => ({ kind: error.kind, code: error.code, message: error.message });
      api.question.connect(async ({ text }) => `${text}? 42.`);
      const notified = new Promise((resolve) => api.notified.connect(resolve));
      await api.notify("notify", { text: "everybody" });
      return {
        sum: await api.call("add", { a: 1, b: 2 }),
        large: String(await api.remote.add({ a: 2n ** 62n, b: 1 })),
        asked: await api.call("ask", { text: "what is the answer" }),
        notified: await notified,
        own: await api.call("fail", { message: "no luck" }).catch(failed),
        unknown: await api.call("subtract").catch(failed),
        missing: await api.call("add", { a: 1 }).catch(failed),
      };
    });
    assert.deepEqual(seen, {
      sum: 3,
      large: "4611686018427387905",
      asked: "what is the answer? 42.",
      notified: { text: "everybody" },
      own: { kind: "call", code: -32000, message: "no luck" },
      unknown: { kind: "call", code: -32601, message: "unknown method `subtract`" },
      missing: {
        kind: "call",
        code: -32602,
        message: "missing argument `b`; `add` takes `a`, `b`",
      },
    });
  });

  await t.test("what the page throws is the server's error, and what it closes is closed", async (t) => {
    const page = await connected(t, browser, await lab(t));
    const seen = await page.evaluate(async () => {
      const failed = (error) => ({ kind: error.kind, code: error.code, message: error.message });
      const unanswered = await api.call("ask", { text: "x" }).catch(failed);
      api.question.connect(() => {
        throw new CallError("do not ask", { code: 7 });
      });
      const refused = await api.call("ask", { text: "x" }).catch(failed);
      api.close();
      const closed = await api.call("add", { a: 1, b: 2 }).catch(failed);
      return { unanswered, refused, closed, state: api.status.state };
    });
    assert.equal(seen.unanswered.code, -32601);
    assert.deepEqual(seen.refused, { kind: "call", code: 7, message: "do not ask" });
    assert.equal(seen.closed.kind, "stopped");
    assert.equal(seen.state, "stopped");
  });

  await t.test("what is no message harms nobody", async (t) => {
    const port = await lab(t);
    const page = await connected(t, browser, port);
    const sum = await page.evaluate(async (port) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
      await new Promise((resolve) => (socket.onopen = resolve));
      const answer = new Promise((resolve) => (socket.onmessage = ({ data }) => resolve(data)));
      for (const text of ["", "no JSON", "[", "[]", "{}", "\u0000", "null"]) socket.send(text);
      socket.send(new Uint8Array([255, 254]));
      socket.send('{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":"mine"}');
      return [JSON.parse(await answer), await api.call("add", { a: 2, b: 2 })];
    }, port);
    assert.deepEqual(sum, [{ jsonrpc: "2.0", result: 3, id: "mine" }, 4]);
  });

  await t.test("whatever the page throws, the server has an answer", async (t) => {
    const page = await connected(t, browser, await lab(t));
    const seen = await page.evaluate(async () => {
      const failed = (error) => ({ kind: error.kind, code: error.code });
      const thrown = [null, undefined, Symbol("odd"), Object.create(null), new DOMException("odd")];
      const seen = [];
      for (const wrong of thrown) {
        for (const later of [false, true]) {
          const connection = api.question.connect(() => {
            if (later) return Promise.reject(wrong);
            throw wrong;
          });
          seen.push(await api.call("ask", { text: "x" }).catch(failed));
          connection.disconnect();
        }
      }
      return seen;
    });
    assert.deepEqual(seen, Array.from({ length: 10 }, () => ({ kind: "call", code: -32000 })));
  });

  await t.test("a server that writes answers in its own way is understood", async (t) => {
    const strange = await listen(t);
    const page = await connected(t, browser, await lab(t));
    await page.evaluate((url) => {
      const failed = ({ kind, code, message }) => ({ kind, code, message });
      globalThis.strange = connect(url);
      globalThis.told = [];
      strange.onError((error) => told.push(error.message));
      strange.nothing.connect(() => {});
      strange.alive.connect(() => "alive");
      const names = ["both", "neither", "first", "mark", "bytes"];
      globalThis.ends = Promise.all(names.map((name) => strange.call(name).catch(failed)));
    }, strange.url);
    const server = await strange.accept();
    const ids = {};
    while (Object.keys(ids).length < 5) {
      const { method, id } = await server.next();
      ids[method] = id;
    }
    server.send({ jsonrpc: "2.0", result: null, error: { code: 7, message: "no" }, id: ids.both });
    server.send({ jsonrpc: "2.0", id: ids.neither });
    server.send({ result: 5, error: null, id: ids.first });
    server.send(`\ufeff{"jsonrpc":"2.0","result":6,"id":${ids.mark}}`);
    server.send(Buffer.from(`\ufeff{"jsonrpc":"2.0","result":7,"id":${ids.bytes}}`));
    assert.deepEqual(await page.evaluate(() => ends), [
      { kind: "call", code: 7, message: "no" },
      {
        kind: "call",
        code: -32603,
        message: "the other side answered with neither a result nor an error",
      },
      5,
      6,
      7,
    ]);
    server.send("[".repeat(100_000));
    server.send('{"a":'.repeat(100_000));
    server.send('{"jsonrpc":"2.0","result":1,"id":1e400}');
    server.send('{"jsonrpc":"2.0","method":"nothing","id":1}');
    assert.equal(await server.text(), '{"jsonrpc":"2.0","result":null,"id":1}');
    server.send('{"jsonrpc":"2.0","method":"alive","id":2}');
    assert.equal((await server.next()).result, "alive");
    assert.equal((await page.evaluate(() => told)).length, 3);
    // And at its end nothing waits for it.
    const kinds = await page.evaluate(async () => {
      const calls = [strange.call("f"), strange.call("f", {}, { timeout: Infinity })];
      strange.close();
      return (await Promise.allSettled(calls)).map(({ reason }) => reason.kind);
    });
    assert.deepEqual(kinds, ["stopped", "stopped"]);
    assert.equal((await within(server.closed, "the end")).code, 1000);
  });

  await t.test("a page from somewhere else gets no connection", async (t) => {
    const port = await lab(t);
    const foreign = createServer((asked, answer) => {
      const isModule = asked.url === "/quickrpc.js";
      answer.setHeader("Content-Type", isModule ? "text/javascript" : "text/html");
      answer.end(readFileSync(isModule ? client : `${pages}/index.html`));
    });
    foreign.listen(0, "127.0.0.1");
    await once(foreign, "listening");
    t.after(() => (foreign.closeAllConnections(), foreign.close()));
    const attempt = (page) =>
      page.evaluate(async (port) => {
        const { connect } = await import("/quickrpc.js");
        const api = connect(`ws://127.0.0.1:${port}/`, { restart: false });
        return api.call("add", { a: 1, b: 2 }).catch((error) => error.kind);
      }, port);

    const theirs = await open(t, browser, `http://${FOREIGN}:${foreign.address().port}/`);
    assert.equal(await attempt(theirs), "disconnected");
    // It is the origin that is refused: the same page, from this machine, is let in.
    const ours = await open(t, browser, `http://localhost:${foreign.address().port}/`);
    assert.equal(await attempt(ours), 3);

    // Nor can a name that somebody else points to this machine be used for it.
    const page = await browser.newPage();
    t.after(() => page.close());
    const answer = await page.goto(`http://${FOREIGN}:${port}/`);
    assert.equal(answer.status(), 403);
    const upgrade = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    };
    const refused = [
      { Origin: `http://${FOREIGN}` },
      { Origin: "null" },
      { Origin: "http://localhost.foreign.example" },
      { Origin: `http://${FOREIGN}:${port}`, Host: `${FOREIGN}:${port}` },
    ];
    for (const headers of refused) {
      const { status } = await get(port, "/", { ...upgrade, ...headers });
      assert.equal(status, 403, JSON.stringify(headers));
    }
    // Only browsers say where a page is from.
    assert.equal((await get(port, "/", upgrade)).status, 101);
  });
});
