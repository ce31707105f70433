// The page of the example `supply`: two properties of the server, one of them at a slider.

import { connect } from "./quickrpc.js";

const api = connect();

const $ = (id) => document.getElementById(id);
const slider = $("voltage");

api.measured.connect((volts) => {
  $("measured").textContent = `${volts.toFixed(3)} V`;
});
api.voltage.connect((volts) => {
  $("set").textContent = `${volts.toFixed(1)} V`;
  // Not under the finger of somebody who moves it.
  if (!sending && !slider.matches(":active")) slider.value = volts;
});

/** One write is on its way at a time, and the newest place of the slider is next. */
let sending = false;

async function send() {
  if (sending) return;
  sending = true;
  let sent;
  try {
    while (sent !== slider.value) {
      sent = slider.value;
      await api.voltage.set(Number(sent));
    }
    $("trouble").textContent = "";
  } catch (error) {
    $("trouble").textContent = error.message;
    slider.value = api.voltage.value;
  } finally {
    sending = false;
  }
}

slider.addEventListener("input", send);

api.onStatus(({ state, reason }) => {
  document.body.dataset.state = state;
  slider.disabled = state !== "up";
  const texts = { opening: "Connecting…", up: "Connected" };
  $("status").textContent = texts[state] ?? `Not connected: ${reason}`;
});
