// A client that is connected to a server of the test's own.

import { WebSocket } from "ws";

import { connect } from "../../../quickrpc/web/quickrpc.js";
import { Server } from "./server.js";
import { within } from "./wait.js";

/** A connected client and the server's end of its connection, until the end of the test. */
export async function pair(t, options = {}) {
  const listener = await listen(t);
  const api = client(t, listener.url, options);
  const server = await listener.accept();
  await within(api.ready, "the connection");
  return { api, server, listener };
}

/** A server that is stopped at the end of the test. */
export async function listen(t, port, options) {
  const listener = await Server.listen(port, options);
  t.after(() => listener.stop());
  return listener;
}

/**
 * A client that is closed at the end of the test. The WebSocket is that of the package, which
 * old versions of Node need.
 */
export function client(t, url, options = {}) {
  const api = connect(url, { WebSocket, ...options });
  t.after(() => api.close());
  return api;
}
