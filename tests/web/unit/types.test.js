// The types are written by hand: they and the module have the same names.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as quickrpc from "../../../quickrpc/web/quickrpc.js";
import { pair } from "../support/pair.js";

const folder = new URL("../../../quickrpc/web/", import.meta.url);
const types = readFileSync(new URL("quickrpc.d.ts", folder), "utf8");
const source = readFileSync(new URL("quickrpc.js", folder), "utf8");

/** Names of the members of an interface: those that are indented once. */
function members(name) {
  const [, body] = types.match(new RegExp(`export interface ${name}\\b[^]*?\\{\\n([^]*?)\\n\\}`));
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?<(:]/gm)].map(([, member]) => member);
}

test("the exports are declared", () => {
  const declared = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)];
  assert.deepEqual(declared.map(([, name]) => name).sort(), Object.keys(quickrpc).sort());
});

test("the members of the handle are declared", async (t) => {
  const { api } = await pair(t);
  assert.deepEqual(members("ApiBase").sort(), Object.keys(api).sort());
});

test("the options are declared, with their defaults", () => {
  const [, defaults] = source.match(/const DEFAULTS = \{\n([^]*?)\n\};/);
  const known = [...defaults.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
  assert.deepEqual(members("Options").sort(), known.sort());
});

test("the kinds of errors are declared", () => {
  const [, kinds] = types.match(/export type ErrorKind =([^]*?);\n\n/);
  const declared = new Set([...kinds.matchAll(/\| "([\w-]+)"/g)].map(([, kind]) => kind));
  const used = new Set([...source.matchAll(/new RpcError\("([\w-]+)"/g)].map(([, kind]) => kind));
  used.add("call");
  assert.deepEqual([...declared].sort(), [...used].sort());
});
