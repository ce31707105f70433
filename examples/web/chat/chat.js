// The page of the example `chat`. What others say and are called is shown by `textContent`
// alone, so that it is text whatever it contains.

import { connect } from "./quickrpc.js";

const api = connect();

const $ = (id) => document.getElementById(id);
const log = $("log");
const text = $("text");

/** The name that the server gave, once it has. */
let me = "";
/** When the last message that is shown was said. */
let last = 0;
let people = new Set();
let unread = 0;

// ---- What the server calls

api.people.connect(({ names }) => {
  people = new Set(names);
  showPeople();
});
api.joined.connect(({ name }) => {
  people.add(name);
  showPeople();
  note(name, "has joined");
});
api.left.connect(({ name }) => {
  people.delete(name);
  showPeople();
  note(name, "has left");
});
api.renamed.connect(({ from, to }) => {
  people.delete(from);
  people.add(to);
  showPeople();
  note(from, "is now called", to);
});
api.said.connect((message) => {
  // Before `recent` is answered, it is part of that answer.
  if (caughtUp) show(message);
});

// ---- The connection

let caughtUp = false;

api.onStatus(({ state, reason, retryIn }) => {
  document.body.dataset.state = state;
  $("banner").hidden = state === "up";
  $("retry").disabled = state !== "down";
  if (state === "up") {
    $("status").textContent = "Connected";
    enter().catch(complain);
    return;
  }
  caughtUp = false;
  $("status").textContent = state === "opening" ? "Connecting…" : "Offline";
  if (state === "down") {
    const seconds = Math.max(1, Math.round(retryIn / 1000));
    $("banner-text").textContent = `${capital(reason)}. Trying again in ${seconds} s.`;
    people = new Set();
    showPeople();
  } else {
    $("banner-text").textContent = "Connecting…";
  }
});
$("retry").addEventListener("click", () => api.reconnect());

/** After each connecting: what was missed, and one's name. */
async function enter() {
  for (const message of await api.call("recent", { after: last })) show(message);
  caughtUp = true;
  const name = localStorage.getItem("name");
  if (name) await rename(name);
  else askForName();
}

async function rename(name) {
  me = await api.call("nick", { name });
  localStorage.setItem("name", name);
  $("me").textContent = me;
  $("me").hidden = false;
  showPeople();
}

// ---- One's name

function askForName() {
  $("name").value = localStorage.getItem("name") ?? "";
  $("naming-trouble").hidden = true;
  if (!$("naming").open) $("naming").showModal();
  $("name").select();
}
$("me").addEventListener("click", askForName);
$("nick").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await rename($("name").value);
    $("naming").close();
    text.focus();
  } catch (error) {
    $("naming-trouble").textContent = capital(error.message);
    $("naming-trouble").hidden = false;
  }
});

// ---- Saying something

$("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const said = text.value;
  if (said.trim() === "") return;
  try {
    // A call, although it has no result: its answer tells that it was heard.
    await api.call("say", { text: said });
  } catch (error) {
    complain(error);
    return;
  }
  $("trouble").hidden = true;
  // Unless more was typed meanwhile.
  if (text.value === said) text.value = "";
  fit();
});
text.addEventListener("keydown", (event) => {
  // Also while characters are being composed, Enter belongs to the keyboard.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("say").requestSubmit();
});
text.addEventListener("input", fit);

/** The field is as high as its text. */
function fit() {
  text.style.height = "auto";
  const border = text.offsetHeight - text.clientHeight;
  text.style.height = `${text.scrollHeight + border}px`;
}

function complain(error) {
  $("trouble").textContent = `${capital(error.message)}.`;
  $("trouble").hidden = false;
}

// ---- What is shown

function showPeople() {
  const names = [...people].sort((a, b) => a.localeCompare(b));
  $("count").textContent = names.length;
  $("people").replaceChildren(
    ...names.map((name) => {
      const item = element("li", "", face(name), element("bdi", "", name));
      if (name === me) item.append(element("span", "you", "you"));
      return item;
    }),
  );
}

function show({ name, text, time }) {
  last = Math.max(last, time);
  const item = element("li", name === me ? "message mine" : "message");
  item.dataset.name = name;
  const said = new Date(time);
  const when = element("time", "", said.toLocaleTimeString([], { timeStyle: "short" }));
  when.dateTime = said.toISOString();
  when.title = said.toLocaleString();
  const before = log.lastElementChild;
  // Who goes on talking is not introduced again.
  if (before?.dataset.name === name) item.classList.add("more");
  item.append(
    face(name),
    element("div", "head", element("bdi", "", name), when),
    element("div", "bubble", text),
  );
  append(item, name === me);
  if (document.hidden) unread += 1;
  showTitle();
}

/** A line about somebody; nobody needs to be told about oneself. */
function note(name, what, to) {
  if (name === me || to === me) return;
  const line = element("li", "note", element("bdi", "", name), ` ${what}`);
  if (to) line.append(" ", element("bdi", "", to));
  append(line, false);
}

const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 80;
/** Older messages are being read, as far as was last scrolled. */
let reading = false;

/** Appends to the log, and scrolls unless older messages are being read. */
function append(item, mine) {
  const atEnd = isAtEnd();
  log.append(item);
  while (log.childElementCount > 1000) log.firstElementChild.remove();
  $("empty").hidden = true;
  if (atEnd || mine) toEnd();
  else $("newer").hidden = false;
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  reading = false;
  $("newer").hidden = true;
}
$("newer").addEventListener("click", toEnd);
log.addEventListener("scroll", () => {
  reading = !isAtEnd();
  if (!reading) $("newer").hidden = true;
});
// A keyboard that opens on a telephone makes it smaller.
new ResizeObserver(() => {
  if (!reading) toEnd();
}).observe(log);

function showTitle() {
  document.title = unread > 0 ? `(${unread}) Chat` : "Chat";
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unread = 0;
  showTitle();
});

/** A circle with the first letter, in a colour that belongs to the name. */
function face(name) {
  const circle = element("span", "face", [...name][0]?.toUpperCase() ?? "?");
  circle.setAttribute("aria-hidden", "true");
  let hue = 0;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
  circle.style.setProperty("--hue", hue);
  return circle;
}

function element(tag, classes, ...content) {
  const made = document.createElement(tag);
  made.className = classes;
  made.append(...content);
  return made;
}

function capital(sentence) {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
