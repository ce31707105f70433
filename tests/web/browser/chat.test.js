// The example `chat` in Chromium and on telnet.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Person, startChat } from "../support/chat.js";
import { launch } from "../support/chromium.js";
import { Telnet } from "../support/telnet.js";

test("the chat", { timeout: 300_000 }, async (t) => {
  const browser = await launch(t);

  await t.test("two pages and somebody on telnet talk, and see who is there", async (t) => {
    const server = await startChat(t);
    const ann = await Person.joined(t, browser, server, "Ann");
    await ann.sees(["Ann"]);
    const tom = new Telnet(t, server.host, server.telnet);
    assert.equal(await tom.line("people"), 'people names:["Ann"]');
    tom.type('nick[1] name:"Tom"');
    assert.equal(await tom.line("[1]"), '[1]:"Tom"');
    const bob = await Person.joined(t, browser, server, "Bob");
    assert.equal(await tom.line('joined name:"Bob"'), 'joined name:"Bob"');
    for (const person of [ann, bob]) await person.sees(["Ann", "Bob", "Tom"]);

    await ann.say("hello from a page");
    await bob.hears("Ann", "hello from a page");
    await ann.hears("Ann", "hello from a page");
    assert.match(await tom.line("said"), /^said name:"Ann" text:"hello from a page" time:\d+$/);

    tom.type('say text:"hello from telnet"');
    for (const person of [ann, bob]) await person.hears("Tom", "hello from telnet");
    await bob.say("hello Tom");
    await ann.hears("Bob", "hello Tom");
    assert.match(await tom.line('said name:"Bob"'), /text:"hello Tom"/);

    // One's own messages are marked, and no others.
    const mine = (person) => person.page.$$eval(".mine .bubble", (all) => all.map((b) => b.textContent));
    assert.deepEqual(await mine(ann), ["hello from a page"]);
    assert.deepEqual(await mine(bob), ["hello Tom"]);

    // Who comes later reads what was said.
    const late = await Person.joined(t, browser, server, "Late");
    await late.hears("Bob", "hello Tom");
    assert.equal((await late.messages()).length, 3);

    tom.socket.end();
    await bob.page.context().close();
    for (const person of [ann, late]) await person.sees(["Ann", "Late"]);
    await ann.until(() => document.querySelector("#log").textContent.includes("Tom has left"));
  });

  await t.test("names are one's own, and can be changed", async (t) => {
    const server = await startChat(t);
    const ann = await Person.joined(t, browser, server, "Ann");
    const other = await Person.joined(t, browser, server, "Ann");
    await other.sees(["Ann", "Ann 2"]);
    await ann.sees(["Ann", "Ann 2"]);
    assert.equal(await other.page.textContent("#me"), "Ann 2");

    await other.page.click("#me");
    await other.page.fill("#name", "\u0007");
    await other.page.keyboard.press("Enter");
    await other.page.waitForSelector("#naming-trouble:visible");
    const trouble = await other.page.textContent("#naming-trouble");
    assert.equal(trouble, "A name cannot have control characters");
    await other.page.fill("#name", "Zoe");
    await other.page.keyboard.press("Enter");
    for (const person of [ann, other]) await person.sees(["Ann", "Zoe"]);
    await ann.until(() => document.querySelector("#log").textContent.includes("Ann 2 is now called Zoe"));

    // The page knows who one was. It comes back only when its name is free: which of two
    // connections a server hears first, the end of one or the start of the next, is open.
    await other.until(() => document.querySelector("#me").textContent === "Zoe");
    const address = other.page.url();
    await other.page.goto("about:blank");
    await ann.sees(["Ann"]);
    await other.page.goto(address);
    for (const person of [ann, other]) await person.sees(["Ann", "Zoe"]);
  });

  await t.test("what people say and are called never becomes HTML", async (t) => {
    const server = await startChat(t);
    const name = "<img src=x onerror=x()>";
    const text = `<script>alert(1)</script><b>&amp;"'</b> javascript:alert(1) \u202e`;
    const ann = await Person.joined(t, browser, server, "Ann");
    const tom = new Telnet(t, server.host, server.telnet);
    tom.type(`nick name:${JSON.stringify(name)}`);
    tom.type(`say text:${JSON.stringify(text).replace("\u202e", "\u202e")}`);
    await ann.hears(name, text);
    await ann.sees([name, "Ann"]);
    const bob = await Person.joined(t, browser, server, "<i>Bob</i>");
    await bob.hears(name, text);
    await ann.sees(["<i>Bob</i>", name, "Ann"].sort((a, b) => a.localeCompare(b)));
    for (const { page } of [ann, bob]) {
      assert.equal(await page.locator("img, b, i, body script, a").count(), 0);
    }
  });

  await t.test("pages come back by themselves when the server does", async (t) => {
    const server = await startChat(t);
    const ann = await Person.joined(t, browser, server, "Ann");
    const bob = await Person.joined(t, browser, server, "Bob");
    await ann.say("before");
    await bob.hears("Ann", "before");

    await server.program.kill();
    for (const person of [ann, bob]) {
      await person.page.waitForSelector("#banner:visible");
      await person.until(() => /Trying again in/.test(document.body.innerText));
      await person.sees([]);
    }
    // What cannot be sent is kept, and said.
    await ann.page.fill("#text", "a draft");
    await ann.until(() => document.body.dataset.state === "down");
    await ann.page.keyboard.press("Enter");
    await ann.page.waitForSelector("#trouble:visible");
    assert.equal(await ann.page.inputValue("#text"), "a draft");

    await startChat(t, server);
    for (const person of [ann, bob]) {
      await person.sees(["Ann", "Bob"]);
      assert.equal(await person.page.isVisible("#banner"), false);
    }
    await ann.page.press("#text", "Enter");
    for (const person of [ann, bob]) await person.hears("Ann", "a draft");
    // Nothing is shown twice, and what was there before is still there.
    const expected = [
      ["Ann", "before"],
      ["Ann", "a draft"],
    ];
    assert.deepEqual(await ann.messages(), expected);
    assert.deepEqual(await bob.messages(), expected);
  });

  await t.test("it can be used by keyboard, and on a telephone", async (t) => {
    const server = await startChat(t);
    const phone = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
    const ann = await Person.joined(t, browser, server, "Ann", phone);
    const { keyboard } = ann.page;
    // The field has the focus after joining.
    await keyboard.type("two");
    await keyboard.press("Shift+Enter");
    await keyboard.type("lines");
    await keyboard.press("Enter");
    await ann.hears("Ann", "two\nlines");
    for (let count = 0; count < 30; count += 1) await ann.say(`message ${count} ${"long ".repeat(20)}`);
    const shown = await ann.page.evaluate(() => ({
      sideways: document.documentElement.scrollWidth > innerWidth,
      field: document.querySelector("#text").getBoundingClientRect().bottom <= innerHeight,
      end: (({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(
        document.querySelector("#log"),
      ),
    }));
    assert.deepEqual(shown, { sideways: false, field: true, end: shown.end });
    assert.ok(shown.end < 2, `${shown.end} pixels from the end`);

    // Who reads older messages is not moved away from them.
    await ann.page.evaluate(() => document.querySelector("#log").scrollTo(0, 0));
    const tom = new Telnet(t, server.host, server.telnet);
    tom.type('say text:"something new"');
    await ann.hears("guest", "something new");
    assert.equal(await ann.page.evaluate(() => document.querySelector("#log").scrollTop), 0);
    await ann.page.tap("#newer");
    await ann.page.waitForSelector("#newer", { state: "hidden" });
  });
});
