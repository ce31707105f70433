// Chromium as Debian has it, without a window.

import { chromium } from "playwright-core";

import { SOON } from "./wait.js";

/** A name that means this machine, and that no server should take for its own. */
export const FOREIGN = "foreign.example";

/** A browser with a profile of its own, which ends with the test. */
export async function launch(t) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    timeout: SOON,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP ${FOREIGN} 127.0.0.1`,
    ],
  });
  t.after(() => browser.close());
  return browser;
}

/**
 * A page at an address, as somebody who was never there before. What goes wrong in it fails
 * the test, except for what the browser itself says about connections.
 */
export async function open(t, browser, url, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(SOON);
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("dialog", (dialog) => wrong.push(`a dialog: ${dialog.message()}`));
  t.after(async () => {
    await context.close();
    if (wrong.length > 0) throw new Error(`in the page at ${url}: ${wrong.join("\n")}`);
  });
  await page.goto(url);
  return page;
}
