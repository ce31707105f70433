// A server of rpc-websockets' on a port of 127.0.0.1 that the system chooses.
"use strict";

const { Server } = require("rpc-websockets");
const readline = require("readline");
const { event } = require("./peer.js");

const server = new Server({ host: "127.0.0.1", port: 0 });
server.register("subtract", (params) =>
  Array.isArray(params) ? params[0] - params[1] : params.minuend - params.subtrahend);
server.register("lab.echoBack", ({ text }) => text);
server.register("isArray", (params) => Array.isArray(params));
server.register("nothing", () => null);
server.register("refuse", () => {
  throw Object.assign(new Error("no"), { code: 7 });
});
server.register("hear", (params) => event("hear", { params }));
server.event("priceChanged");
server.event("joined");
// A command is an event that is to be told: [NAME, ARGUMENT..].
readline.createInterface({ input: process.stdin }).on("line", (line) => server.emit(...JSON.parse(line)));
server.on("listening", () => event("ready", { port: server.wss.address().port }));
process.stdin.on("close", () => process.exit(0));
setTimeout(() => process.exit(3), 120_000);
