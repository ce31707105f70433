// What the programs of this folder have in common: they print an event a line, as JSON on
// stderr, and take a command a line, as JSON on stdin.
//
// Commands: {"call": METHOD, "params": PARAMS}, {"notify": METHOD, "params": PARAMS}.
// Events: {"event": "ready"}, {"event": "result", "value": ..}, {"event": "error", ..}, and
// {"event": METHOD, "params": ..} for what was received.
"use strict";

const readline = require("readline");

// Whatever happens, a test's leftovers end.
setTimeout(() => process.exit(3), 120_000).unref();

function event(kind, fields = {}) {
  process.stderr.write(JSON.stringify({ event: kind, ...fields }) + "\n");
}

function failed(error) {
  const { code, message, data } = error;
  event("error", { code, message, data });
}

// Runs commands one after the other; ends with the input.
function commands(run) {
  const lines = readline.createInterface({ input: process.stdin });
  let last = Promise.resolve();
  lines.on("line", (line) => {
    last = last.then(() => run(JSON.parse(line))).then(
      (value) => event("result", { value: value === undefined ? null : value }),
      failed,
    );
  });
  lines.on("close", () => last.then(() => process.exit(0)));
  event("ready");
}

module.exports = { event, failed, commands };
