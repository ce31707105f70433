// vscode-jsonrpc over stdio, with a Content-Length before each message.
//
//   vscode_peer.js                      is a child: its own stdin and stdout are the wire
//   vscode_peer.js <program> <args..>   starts a child, and takes commands on stdin
//
// Both can be asked `question`, and as a child it has the methods of the tests' lab.
"use strict";

const { spawn } = require("child_process");
const rpc = require("vscode-jsonrpc/node");
const { event, commands } = require("./peer.js");

function connect(input, output) {
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(input),
    new rpc.StreamMessageWriter(output),
  );
  connection.onError(([error]) => event("trouble", { message: String(error) }));
  connection.onClose(() => event("closed"));
  connection.onRequest("question", ({ text }) => {
    if (text === "fail") throw new rpc.ResponseError(7, "no", { a: [1, "b"] });
    return [...text].reverse().join("");
  });
  connection.onNotification("notified", (params) => event("notified", { params }));
  return connection;
}

function serve() {
  const connection = connect(process.stdin, process.stdout);
  connection.onRequest("add", ({ a, b }) => a + b);
  connection.onRequest("echo", ({ text }) => text ?? "");
  connection.onRequest("fail", ({ message }) => {
    throw new rpc.ResponseError(-32000, message);
  });
  connection.onRequest("nested", ({ value }) => value);
  connection.onRequest("ask", ({ text }) => connection.sendRequest("question", { text }));
  connection.onRequest("until_cancelled", (_params, token) => new Promise((resolve) => {
    connection.sendNotification("notified", { text: "begun" });
    token.onCancellationRequested(() => {
      connection.sendNotification("notified", { text: "given up" });
      resolve(null);
    });
  }));
  // The last argument is how the library tells of a cancellation.
  connection.onRequest("Calc/subtractAll", (...args) =>
    args.slice(0, -1).reduce((left, right) => left - right));
  connection.onNotification("notify", ({ text }) => {
    event("notify", { params: { text } });
    connection.sendNotification("notified", { text });
  });
  connection.onClose(() => process.exit(0));
  connection.listen();
}

function drive([program, ...args]) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.on("exit", (status) => event("child_ended", { status }));
  const connection = connect(child.stdout, child.stdin);
  connection.listen();
  commands(async ({ call, notify, params, end }) => {
    if (end) {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.stdin.end();
      return ended;
    }
    // A list is given as so many arguments, which are sent by position.
    const list = Array.isArray(params) ? params : params === undefined ? [] : [params];
    if (notify) return connection.sendNotification(notify, ...list);
    return connection.sendRequest(call, ...list);
  });
}

if (process.argv.length > 2) drive(process.argv.slice(2));
else serve();
setTimeout(() => process.exit(3), 120_000);
