// A server of jayson's on a TCP port of 127.0.0.1 that the system chooses; with `http`, one of HTTP.
"use strict";

const jayson = require("jayson");
const { event } = require("./peer.js");

const server = new jayson.Server({
  // By name or by position, as it comes.
  subtract(params, callback) {
    const [minuend, subtrahend] = Array.isArray(params)
      ? params
      : [params.minuend, params.subtrahend];
    callback(null, minuend - subtrahend);
  },
  "lab.echoBack": ({ text }, callback) => callback(null, text),
  isArray: (params, callback) => callback(null, Array.isArray(params)),
  nothing: (params, callback) => callback(null, null),
  refuse: (params, callback) => callback({ code: 7, message: "no", data: { why: [1] } }),
  hear(params, callback) {
    event("hear", { params });
    callback(null, null);
  },
});

const listener = server[process.argv[2] || "tcp"]();
listener.listen(0, "127.0.0.1", () => event("ready", { port: listener.address().port }));
process.stdin.resume().on("close", () => process.exit(0));
setTimeout(() => process.exit(3), 120_000);
