// A client of rpc-websockets' for the URL that is given.
"use strict";

const { Client } = require("rpc-websockets");
const { event, commands } = require("./peer.js");

const client = new Client(process.argv[2], { reconnect: false });
client.on("close", (code, reason) => event("closed", { code, reason }));
client.on("error", (error) => event("trouble", { message: String(error.message ?? error) }));
client.on("open", () =>
  commands(({ call, notify, hear, on, off, params }) => {
    if (hear) {
      // What comes as arguments is told as a list.
      client.on(hear, (...args) => event(hear, { args }));
      return null;
    }
    if (on) return client.subscribe(on);
    if (off) return client.unsubscribe(off);
    return notify ? client.notify(notify, params) : client.call(call, params);
  }));
