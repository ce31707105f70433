// A client of jayson's for the TCP port of 127.0.0.1 that is given, or with `http` for a server of HTTP. It
// connects for each call.
"use strict";

const jayson = require("jayson");
const { commands } = require("./peer.js");

const kind = process.argv[3] || "tcp";
const client = jayson.Client[kind]({ host: "127.0.0.1", port: Number(process.argv[2]) });

function send(...args) {
  return new Promise((resolve, reject) => {
    client.request(...args, (error, response) => {
      if (error) reject(error);
      else if (Array.isArray(response)) resolve(response);
      else if (response && response.error) reject(response.error);
      else resolve(response && response.result);
    });
  });
}

commands(({ call, notify, batch, params, id }) => {
  if (batch) {
    return send(batch.map(({ call, notify, params, id }) =>
      notify ? client.request(notify, params, null) : client.request(call, params, id)));
  }
  // An id of null makes jayson leave it out.
  return notify ? send(notify, params, null) : send(call, params, id);
});
