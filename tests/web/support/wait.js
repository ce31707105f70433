// Waits that end: with the event, or with a failed test that says what was missing.

/** Longer than anything that works takes on a busy machine. */
export const SOON = 30_000;

/** The promise's value, or a failure that says what did not come. */
export async function within(promise, what) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${SOON} ms`)), SOON);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What somebody puts in, in order, for somebody who waits. */
export class Inbox {
  #items = [];
  #waiting = [];

  put(item) {
    const next = this.#waiting.shift();
    if (next) next(item);
    else this.#items.push(item);
  }

  /** The next item. */
  next(what = "the next item") {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what);
  }

  /** The next item that is as it should be, past all others. */
  async find(wanted, what = String(wanted)) {
    for (;;) {
      const item = await this.next(what);
      if (wanted(item)) return item;
    }
  }

  /** What has arrived and was not taken. */
  get size() {
    return this.#items.length;
  }
}
