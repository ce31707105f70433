// A WebSocket without a network, which does what a test says at the moment it says.

import { connect } from "../../../quickrpc/web/quickrpc.js";

/** A client on scripted sockets, and all that it has opened; closed at the end of the test. */
export function scripted(t, options = {}, Socket = ScriptedSocket) {
  const sockets = [];
  class WebSocket extends Socket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
    }
  }
  const api = connect("ws://scripted/", { WebSocket, ...options });
  t.after(() => api.close());
  return { api, sockets };
}

export class ScriptedSocket {
  readyState = 0;
  bufferedAmount = 0;
  sent = [];

  constructor(url) {
    this.url = url;
  }

  open() {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** A message arrives; texts and bytes go as they are. */
  receive(message) {
    const raw = typeof message === "string" || ArrayBuffer.isView(message);
    this.onmessage?.({ data: raw ? message : JSON.stringify(message) });
  }

  /** The connection ends. */
  lose(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  send(text) {
    this.sent.push(text);
  }

  close(code, reason) {
    this.readyState = 3;
    this.closedWith = { code, reason };
  }
}
