// The timers that quickrpc.js has set and that neither ran nor were taken back.

/** Counts them from now on, until the end of the test. */
export function liveTimers(t) {
  const live = new Set();
  const { setTimeout, clearTimeout } = globalThis;
  t.mock.method(globalThis, "setTimeout", (callback, ...rest) => {
    const isOurs = new Error().stack.includes("/quickrpc.js");
    const timer = setTimeout(() => {
      live.delete(timer);
      callback();
    }, ...rest);
    if (isOurs) live.add(timer);
    return timer;
  });
  t.mock.method(globalThis, "clearTimeout", (timer) => {
    live.delete(timer);
    clearTimeout(timer);
  });
  return live;
}
