// What `quickrpc codegen typescript` prints: tsc takes it, and it works in Chromium.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { launch, open } from "../support/chromium.js";
import { BUILT, Program } from "../support/program.js";

const USE = `
import { connectSupply } from "./generated.js";

export async function use(): Promise<number[]> {
  const supply = connectSupply();
  await supply.ready;
  await supply.voltage.set(12.5);
  const volts: number = await supply.voltage.get();
  // @ts-expect-error: a voltage is a number
  const wrong: string = volts;
  // @ts-expect-error: nobody has declared that
  if (volts < 0) await supply.call("no_such");
  return [volts];
}
`;

test("generated TypeScript", { timeout: 300_000 }, async (t) => {
  const host = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const args = ["--interface", host, "--port", "0", "--telnet", "0"];
  const program = new Program(t, "examples/supply", args);
  const port = await program.port("Open in a browser");

  // Beside the packages, where tsc finds its libraries.
  const folder = mkdtempSync(new URL("../.generated-", import.meta.url).pathname);
  t.after(() => rmSync(folder, { recursive: true }));
  const client = new URL("../../../quickrpc/web/", import.meta.url).pathname;
  for (const file of ["quickrpc.js", "quickrpc.d.ts"]) {
    writeFileSync(join(folder, file), readFileSync(join(client, file)));
  }
  const wire = `ws://${host}:${port}/`;
  const code = execFileSync(`${BUILT}/quickrpc`, ["codegen", "typescript", wire]).toString();
  assert.match(code, /export function connectSupply/);
  writeFileSync(join(folder, "generated.ts"), code);
  writeFileSync(join(folder, "use.ts"), USE);
  const tsc = new URL("../node_modules/.bin/tsc", import.meta.url).pathname;
  const options = ["--strict", "--target", "es2022", "--module", "nodenext"];
  try {
    execFileSync(tsc, [...options, "use.ts", "generated.ts"], { cwd: folder });
  } catch (error) {
    assert.fail(`${error.stdout}\n${code}`);
  }

  // The server has the client for browsers; the rest comes from here.
  const browser = await launch(t);
  const page = await open(t, browser, `http://${host}:${port}/`);
  for (const file of ["generated.js", "use.js"]) {
    const body = readFileSync(join(folder, file), "utf8");
    await page.route(`**/${file}`, (route) => route.fulfill({ body, contentType: "text/javascript" }));
  }
  const found = await page.evaluate(async () => (await import("/use.js")).use());
  assert.deepEqual(found, [12.5]);
});
