// The page that shows an API. In the page that is served the client for browsers stands before it, in the
// same script: hence the block, and the names that nobody imports.
{
  /** So much is kept on the screen. */
  const ROWS = 500;
  const RESULTS = 10;
  const ITEMS = 200;
  const SHOWN = 20_000;
  /** Of longer telegrams nobody looks for the call that they answer. */
  const PARSED = 100_000;
  /** Forms go so deep into types that hold others. */
  const DEEP = 3;

  const at = (id) => document.getElementById(id);

  /** An element with attributes, and what is in it. Texts of others are only ever text. */
  const make = (kind, attributes = {}, ...content) => {
    const element = document.createElement(kind);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== undefined && value !== false) element.setAttribute(name, value);
    }
    element.append(...content.filter((one) => one !== undefined));
    return element;
  };

  const cut = (text) => {
    if (text.length <= SHOWN) return text;
    return `${text.slice(0, SHOWN)}… (${text.length.toLocaleString("en")} characters)`;
  };

  /** A value as JSON for people: with lines where it is long. */
  const print = (value, indent = "") => {
    let short;
    try {
      short = encode(value);
    } catch (error) {
      return String(error);
    }
    const isMap = typeof value === "object" && value !== null && !(value instanceof Uint8Array);
    if (short.length <= 60 || !isMap) return short;
    const deeper = `${indent}  `;
    const entries = Array.isArray(value)
      ? value.map((item) => print(item, deeper))
      : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item, deeper)}`);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return `${open}\n${deeper}${entries.join(`,\n${deeper}`)}\n${indent}${close}`;
  };

  /** A doc comment: paragraphs, and code in them. */
  const docs = (text) =>
    text.split(/\n\s*\n/).map((paragraph) => {
      const parts = paragraph.split(/(`[^`]+`)/);
      return make("p", {}, ...parts.map((part) => (/^`[^`]+`$/.test(part) ? make("code", {}, part.slice(1, -1)) : part)));
    });

  const clock = () => new Date().toTimeString().slice(0, 8);

  // ---- Types

  let components = {};

  /** A schema without what only refers to another one. */
  const resolve = (schema, depth = 0) => {
    if (typeof schema !== "object" || schema === null || depth > 8) return {};
    const name = /^#\/components\/schemas\/(.+)$/.exec(schema.$ref ?? "")?.[1];
    if (name !== undefined) return { title: name, ...resolve(components[name], depth + 1) };
    const [only, ...more] = schema.allOf ?? [];
    if (only && more.length === 0) return { ...resolve(only, depth + 1), ...schema, allOf: undefined };
    return schema;
  };

  /** What may be chosen, where that is a list. */
  const choices = (schema) => {
    if (schema.enum) return schema.enum.map((value) => ({ value }));
    const all = (schema.oneOf ?? schema.anyOf ?? []).map((one) => resolve(one));
    const each = all.flatMap((one) => one.enum ?? ("const" in one ? [one.const] : [undefined]));
    if (each.length === 0 || each.includes(undefined)) return undefined;
    return each.map((value) => ({ value, docs: all.find((one) => one.const === value)?.description }));
  };

  /** A schema that may also be null, as the other one. */
  const nullable = (schema) => {
    if (Array.isArray(schema.type) && schema.type.includes("null")) {
      const [type, ...more] = schema.type.filter((type) => type !== "null");
      if (more.length === 0) return { ...schema, type };
    }
    const all = schema.anyOf ?? schema.oneOf ?? [];
    const rest = all.filter((one) => one.type !== "null");
    return all.length === 2 && rest.length === 1 ? resolve(rest[0]) : undefined;
  };

  const nameOf = (schema, depth = 0) => {
    const resolved = resolve(schema);
    if (streamed(resolved) !== undefined) return resolved.title;
    const inner = nullable(resolved);
    if (inner) return `${nameOf(inner, depth)} or null`;
    if (isBytes(resolved)) return "bytes";
    // Names in Rust of what JSON has as well tell nothing more.
    const isOwn = resolved.type === "object" || choices(resolved) !== undefined;
    if (isOwn && resolved.title) return resolved.title;
    if (resolved.type === "array") return depth > 2 ? "list" : `${nameOf(resolved.items, depth + 1)}[]`;
    if (typeof resolved.type === "string") return resolved.type;
    return resolved.title ?? "anything";
  };

  const isBytes = (schema) => schema.contentEncoding === "base64" || schema.properties?.__bytes !== undefined;
  /** The items of an argument that comes bit by bit. */
  const streamed = (schema) => /^Stream<(.*)>$/.exec(schema.title ?? "")?.[1];

  /** Something of that type, as somebody would begin to write it. */
  const example = (schema, depth = 0) => {
    const resolved = resolve(schema);
    if (resolved.default !== undefined) return resolved.default;
    if (resolved.const !== undefined) return resolved.const;
    const [choice] = choices(resolved) ?? [];
    if (choice) return choice.value;
    if (isBytes(resolved)) return new Uint8Array();
    if (resolved.type === "object" && depth < DEEP) {
      const entries = Object.entries(resolved.properties ?? {});
      return Object.fromEntries(entries.map(([name, one]) => [name, example(one, depth + 1)]));
    }
    if (resolved.type === "array" && depth < DEEP) {
      if (Array.isArray(resolved.items)) return resolved.items.map((item) => example(item, depth + 1));
      return resolved.items ? [example(resolved.items, depth + 1)] : [];
    }
    const [first] = resolved.oneOf ?? resolved.anyOf ?? [];
    if (first && depth < DEEP) return example(first, depth + 1);
    return { boolean: false, integer: 0, number: 0, string: "", object: {}, array: [] }[resolved.type] ?? null;
  };

  // ---- Forms

  class Wrong extends Error {}

  const number = (text, schema) => {
    let value;
    try {
      value = decode(text.replace(/^\+/, ""));
    } catch {
      value = undefined;
    }
    const isInteger = typeof value === "bigint" || Number.isInteger(value);
    if (typeof value !== "number" && typeof value !== "bigint") throw new Wrong("a number is needed");
    if (schema.type === "integer" && !isInteger) throw new Wrong("a whole number is needed");
    if (schema.minimum !== undefined && value < schema.minimum) throw new Wrong(`at least ${schema.minimum}`);
    if (schema.maximum !== undefined && value > schema.maximum) throw new Wrong(`at most ${schema.maximum}`);
    return value;
  };

  const json = (text, mayBeText) => {
    try {
      return decode(text);
    } catch (error) {
      if (mayBeText) return text;
      throw new Wrong(`this is no JSON: ${error.message}`);
    }
  };

  /** What reads one value: an element, and `read`, which gives `undefined` where it is left out. */
  const input = (schema, { required, id, depth = 0 }) => {
    const resolved = resolve(schema);
    const inner = nullable(resolved);
    const type = inner ?? resolved;
    const fallback = resolved.default ?? type.default;
    const without = () => {
      if (!required) return undefined;
      if (inner) return null;
      throw new Wrong("this is needed");
    };
    const hint = !required && fallback !== undefined ? encode(fallback) : undefined;
    if (streamed(resolved) !== undefined) {
      const element = make("textarea", { id, placeholder: "an item in each line" });
      const items = () => element.value.split("\n").filter((line) => line.trim() !== "");
      return { element, read: () => items().map((line) => json(line, true)), stream: true };
    }
    const listed = type.type === "boolean" ? [{ value: false }, { value: true }] : choices(type);
    if (listed) {
      const none = hint !== undefined ? `left out (${hint})` : "left out";
      const first = required && !inner ? [] : [make("option", { value: "" }, required ? "null" : none)];
      const options = listed.map(({ value, docs }, index) => {
        const text = typeof value === "string" ? value : encode(value);
        return make("option", { value: index, title: docs }, text);
      });
      const element = make("select", { id }, ...first, ...options);
      return { element, read: () => (element.value === "" ? without() : listed[element.value].value) };
    }
    if (isBytes(type)) {
      const file = make("input", { id, type: "file" });
      const read = async () => {
        const [chosen] = file.files;
        return chosen ? new Uint8Array(await chosen.arrayBuffer()) : required && !inner ? new Uint8Array() : without();
      };
      return { element: file, read };
    }
    const isNumber = type.type === "integer" || type.type === "number";
    if (isNumber || type.type === "string") {
      const attributes = { id, placeholder: hint ?? (required ? undefined : "left out"), autocomplete: "off" };
      const element = make("input", { ...attributes, inputmode: isNumber ? "text" : undefined, spellcheck: "false" });
      if (isNumber) {
        return { element, read: () => (element.value.trim() === "" ? without() : number(element.value.trim(), type)) };
      }
      // An empty text is one, where a text is needed.
      const read = () => (element.value === "" && (inner || !required) ? without() : element.value);
      return { element, read };
    }
    if (type.type === "object" && type.properties && required && !inner && depth < DEEP) {
      const needed = new Set(type.required ?? []);
      const entries = Object.entries(type.properties);
      const fields = entries.map(([name, one]) =>
        field(name, one, { required: needed.has(name), depth: depth + 1, id: `${id}.${name}` }),
      );
      const element = make("fieldset", { id }, ...fields.map((one) => one.element));
      return { element, read: () => readAll(fields) };
    }
    const begin = encode(example(type));
    const element = make("textarea", { id, placeholder: hint ?? begin, spellcheck: "false" });
    const mayBeText = type.type === undefined && !type.anyOf && !type.oneOf;
    const read = () => (element.value.trim() === "" ? without() : json(element.value, mayBeText));
    return { element, read };
  };

  /** An argument: its name, what reads it, what it is, and what is wrong with it. */
  const field = (name, schema, { required, docs: about, depth, id, written }) => {
    const one = input(schema, { required, id, depth });
    const wrong = make("div", { class: "wrong", id: `${id}-wrong`, role: "alert", hidden: true });
    const described = about ?? resolve(schema).description;
    const fallback = written === undefined ? [] : [`${written} if left out`];
    const element = make(
      "div",
      { class: "field" },
      make("label", { for: id }, name, make("small", {}, nameOf(schema))),
      one.element,
      described || written ? make("div", { class: "hint" }, [described, ...fallback].filter(Boolean).join(" · ")) : undefined,
      wrong,
    );
    const read = async () => {
      wrong.hidden = true;
      one.element.removeAttribute("aria-invalid");
      try {
        return await one.read();
      } catch (error) {
        if (!(error instanceof Wrong) || error.isShown) throw error;
        wrong.textContent = error.message;
        wrong.hidden = false;
        one.element.setAttribute("aria-invalid", "true");
        one.element.setAttribute("aria-describedby", wrong.id);
        one.element.focus();
        error.isShown = true;
        throw error;
      }
    };
    return { name, element, read, stream: one.stream };
  };

  const readAll = async (fields) => {
    const values = {};
    for (const one of fields) {
      const value = await one.read();
      if (value !== undefined) {
        Object.defineProperty(values, one.name, { value, enumerable: true, configurable: true, writable: true });
      }
    }
    return values;
  };

  // ---- What has happened

  const logs = { events: [], telegrams: [] };
  const stale = new Set();
  let isPaused = false;
  let isDue = false;

  /** Drawn with the next picture, however much has come until then. */
  const draw = (what) => {
    stale.add(what);
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      const all = [...stale];
      stale.clear();
      for (const one of all) one();
    });
  };

  const drawers = Object.fromEntries(
    Object.keys(logs).map((name) => [
      name,
      () => {
        const list = at(name);
        list.prepend(...logs[name].splice(0).reverse().map(row));
        while (list.childElementCount > ROWS) list.lastElementChild.remove();
      },
    ]),
  );

  const note = (log, entry) => {
    if (isPaused) return;
    logs[log].push({ time: clock(), ...entry });
    if (logs[log].length > ROWS) logs[log].shift();
    draw(drawers[log]);
  };

  const row = ({ time, kind, sign, text, more }) => {
    const pre = make("pre", {}, cut(text));
    const element = make("li", { class: `row ${kind}` }, make("span", {}, sign), pre, make("span", {}, more ?? time));
    element.title = time;
    pre.addEventListener("click", () => element.classList.toggle("whole"));
    return element;
  };

  /** When calls were sent, by direction and id. */
  const asked = new Map();

  const telegram = (kind, data) => {
    const text = typeof data === "string" ? data : `${data.byteLength} bytes`;
    let more;
    if (text.length <= PARSED) {
      try {
        const found = decode(text);
        const key = `${kind} ${encode(found.id)}`;
        if (found.method !== undefined && found.id !== undefined) asked.set(key, performance.now());
        const other = `${kind === "in" ? "out" : "in"} ${encode(found.id)}`;
        if (found.method === undefined && asked.has(other)) {
          more = `${(performance.now() - asked.get(other)).toFixed(1)} ms`;
          asked.delete(other);
        }
      } catch {
        // It is shown as it is.
      }
      if (asked.size > ROWS) asked.delete(asked.keys().next().value);
    }
    note("telegrams", { kind, sign: kind === "in" ? "←" : "→", text, more });
  };

  class Watched extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("message", (event) => telegram("in", event.data));
    }

    send(data) {
      telegram("out", data);
      super.send(data);
    }
  }

  const event = (name, params) => note("events", { kind: "in", sign: name, text: print(params) });

  // ---- Methods

  const api = connect(document.querySelector("meta[name=wire]").content, { WebSocket: Watched });

  const describe = (error, errors = []) => {
    if (!(error instanceof CallError)) return [make("pre", { class: "wrong" }, error.message)];
    const declared = errors.find((one) => one.code === error.code);
    const known = declared && declared.message !== error.message ? ` (${declared.message})` : "";
    const parts = [make("pre", { class: "wrong" }, `${error.message} — code ${error.code}${known}`)];
    if (error.data !== undefined && error.data !== null) parts.push(make("pre", {}, print(error.data)));
    return parts;
  };

  /** Calls, and shows what comes of it. */
  const run = async (results, method, params, { stream, errors, timeout }) => {
    const controller = new AbortController();
    const began = performance.now();
    const time = make("span", {}, "…");
    const cancel = make("button", { type: "button", class: "small", onclick: () => controller.abort() }, "Cancel");
    const output = make("div", {});
    const shown = make("div", { class: "mono" }, shownParams(params));
    const element = make("li", { class: "result" }, make("div", { class: "head" }, shown, time, cancel), output);
    results.prepend(element);
    while (results.childElementCount > RESULTS) results.lastElementChild.remove();
    try {
      const answer = api.call(method, params, { signal: controller.signal, timeout });
      if (stream) await follow(answer, output, time);
      const value = await answer;
      output.append(make("pre", {}, cut(print(value))));
      element.classList.add("good");
    } catch (error) {
      output.append(...describe(error, errors));
      element.classList.add("bad");
    }
    time.textContent = `${(performance.now() - began).toFixed(1)} ms`;
    cancel.remove();
  };

  const shownParams = (params) => {
    try {
      return cut(encode(params));
    } catch {
      return "";
    }
  };

  /** The items of a stream, of which the last ones stay. */
  const follow = async (answer, output, time) => {
    const items = make("pre", {});
    output.append(items);
    const lines = [];
    let count = 0;
    const show = () => {
      items.textContent = lines.join("\n");
      items.scrollTop = items.scrollHeight;
      time.textContent = `${count} item${count === 1 ? "" : "s"}`;
    };
    for await (const item of answer) {
      count += 1;
      lines.push(cut(print(item)));
      if (lines.length > ITEMS) lines.shift();
      draw(show);
    }
    show();
  };

  const signature = (method) => {
    const params = method.params.map((param) => `${param.name}${param.required ? "" : "?"}: ${nameOf(param.schema)}`);
    const item = method["x-stream"] ? `stream of ${nameOf(method["x-stream"].schema)}` : undefined;
    const result = method.result ? nameOf(method.result.schema) : "null";
    const end = [item, result === "null" ? undefined : result].filter(Boolean).join(", then ");
    return make(
      "span",
      { class: `signature${method.deprecated ? " gone" : ""}` },
      make("b", {}, method.name),
      `(${params.join(", ")})`,
      end ? make("i", {}, ` → ${end}`) : "",
    );
  };

  const tags = (method) => {
    const all = [method.deprecated ? "deprecated" : "", method["x-role"] ? `for ${method["x-role"]}` : ""];
    return all.filter(Boolean).map((text) => make("span", { class: "tag" }, text));
  };

  const card = (method, ...content) =>
    make(
      "details",
      { class: "card", id: `method-${method.name}`, "data-name": method.name },
      make(
        "summary",
        {},
        signature(method),
        ...tags(method),
        method.summary ? make("span", { class: "brief" }, method.summary) : undefined,
      ),
      make("div", { class: "body" }, make("div", { class: "docs" }, ...docs(method.description ?? "")), ...content),
    );

  const callable = (method) => {
    const params = method.params;
    const whole = params.length === 1 && params[0]["x-whole"];
    const fields = params.map((param) =>
      field(param.name, param.schema, {
        required: param.required === true,
        docs: param.description,
        written: param["x-default"],
        id: `${method.name}-${param.name}`,
      }),
    );
    const results = make("ol", { class: "results", "aria-live": "polite" });
    const hasResult = method["x-stream"] || (method.result && nameOf(method.result.schema) !== "null");
    const send = async (asNotification) => {
      let values;
      try {
        values = await readAll(fields);
      } catch (error) {
        if (error instanceof Wrong) return;
        throw error;
      }
      for (const one of fields) {
        if (one.stream && values[one.name]) values[one.name] = values[one.name].values();
      }
      let given = values;
      if (whole) given = values[params[0].name] ?? {};
      else if (method.paramStructure === "by-position") given = Object.values(values);
      if (asNotification) await tell(results, method.name, given);
      else {
        const timeout = method["x-timeout"] === undefined ? undefined : method["x-timeout"] * 1000;
        await run(results, method.name, given, { stream: method["x-stream"], errors: method.errors, timeout });
      }
    };
    const form = make(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          send(false);
        },
      },
      ...fields.map((one) => one.element),
      make(
        "div",
        { class: "buttons" },
        make("button", { class: "main" }, "Call"),
        make("button", { type: "button", onclick: () => send(true), hidden: hasResult }, "Notify"),
      ),
    );
    const errors = (method.errors ?? []).map((error) => make("li", {}, make("code", {}, String(error.code)), ` ${error.message}`));
    const known = errors.length > 0 ? make("ul", { class: "docs" }, ...errors) : undefined;
    return card(method, form, known, results);
  };

  const tell = async (results, method, params) => {
    const shown = make("div", { class: "mono" }, shownParams(params));
    const element = make("li", { class: "result" }, make("div", { class: "head" }, shown, make("span", {}, "told")));
    results.prepend(element);
    while (results.childElementCount > RESULTS) results.lastElementChild.remove();
    try {
      await api.notify(method, params);
      element.classList.add("good");
    } catch (error) {
      element.append(...describe(error));
      element.classList.add("bad");
    }
  };

  /** A call of which nothing is known but what somebody types. */
  const other = () => {
    const method = make("input", { id: "other-method", placeholder: "method", autocomplete: "off", spellcheck: "false" });
    const params = field("params", {}, { required: false, docs: "an object, or a list", id: "other-params" });
    const results = make("ol", { class: "results", "aria-live": "polite" });
    const send = async (asNotification) => {
      let given;
      try {
        given = (await params.read()) ?? {};
      } catch (error) {
        if (error instanceof Wrong) return;
        throw error;
      }
      if (asNotification) await tell(results, method.value, given);
      else await run(results, method.value, given, { stream: true });
    };
    const form = make(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          send(false);
        },
      },
      make("div", { class: "field" }, make("label", { for: "other-method" }, "method"), method),
      params.element,
      make(
        "div",
        { class: "buttons" },
        make("button", { class: "main" }, "Call"),
        make("button", { type: "button", onclick: () => send(true) }, "Notify"),
      ),
    );
    return make("div", { class: "card" }, make("div", { class: "body" }, form, results));
  };

  // ---- Properties, and what the other side calls

  let connections = [];

  const property = (one) => {
    const value = make("div", { class: "value" }, "–");
    const wrong = make("div", { class: "wrong", role: "alert", hidden: true });
    let newest;
    const show = () => {
      value.textContent = cut(print(newest));
      value.classList.remove("flash", "old");
      // It begins anew only after the browser has seen it end.
      void value.offsetWidth;
      value.classList.add("flash");
    };
    const tried = async (what) => {
      wrong.hidden = true;
      try {
        await what();
      } catch (error) {
        if (error instanceof Wrong) return;
        wrong.replaceChildren(...describe(error));
        wrong.hidden = false;
      }
    };
    connections.push(
      api.slot(one.change).connect((params) => {
        newest = Array.isArray(params) ? params[0] : params.value;
        event(one.name, newest);
        draw(show);
      }),
    );
    const read = () =>
      tried(async () => {
        newest = await api.call(one.read);
        draw(show);
      });
    const button = make("button", { type: "button", class: "small", onclick: read }, "Read");
    const top = make(
      "div",
      { class: "top" },
      make("span", { class: "signature" }, make("b", {}, one.name), make("i", {}, `: ${nameOf(one.schema)}`)),
      one.role ? make("span", { class: "tag" }, `for ${one.role}`) : undefined,
      value,
      button,
    );
    const body = make("div", { class: "body" });
    if (one.description) body.append(make("div", { class: "docs" }, ...docs(one.description)));
    if (one.write) {
      const given = field("value", one.schema, { required: true, id: `${one.name}-value` });
      const submit = (event) => {
        event.preventDefault();
        tried(async () => api.call(one.write, { value: await given.read() }));
      };
      body.append(make("form", { onsubmit: submit }, given.element, make("button", { class: "main" }, "Set")));
    }
    body.append(wrong);
    return make("div", { class: "card property", id: `property-${one.name}`, "data-name": one.name }, top, body);
  };

  /** It is heard here, and nobody answers it: that is for clients who can. */
  const heard = (method) => {
    const last = make("pre", { class: "docs" }, "not called yet");
    let count = 0;
    let newest;
    const show = () => {
      last.textContent = `${count}×, the last time with ${cut(print(newest))}`;
    };
    const wantsAnswer = method.result !== undefined && nameOf(method.result.schema) !== "null";
    connections.push(
      api.slot(method.name).connect((params) => {
        count += 1;
        newest = params;
        event(method.name, params);
        draw(show);
        if (wantsAnswer) throw new CallError("this page only watches", { code: -32601 });
      }),
    );
    return card(method, last);
  };

  const fill = (id, cards) => {
    at(id).hidden = cards.length === 0;
    at(id).querySelector("div").replaceChildren(...cards);
  };

  let known;

  const discover = async () => {
    let found;
    try {
      found = await api.call("rpc.discover", {}, { wait: true });
    } catch (error) {
      if (!(error instanceof CallError)) return;
      at("notice").textContent = `It does not say what it can do (${error.message}); call it by name, below.`;
      at("notice").hidden = false;
      return;
    }
    at("notice").hidden = true;
    // What somebody is typing stays, where it is still about the same.
    const text = encode(found);
    if (text === known) return;
    known = text;
    components = found.components?.schemas ?? {};
    for (const connection of connections.splice(0)) connection.disconnect();
    const { title, version, description = "" } = found.info;
    document.title = title;
    at("title").textContent = title;
    at("version").textContent = version;
    at("about").replaceChildren(...docs(description));
    const own = found.methods.filter((method) => method["x-property"] === undefined);
    const isOut = (one) => (one["x-direction"] ?? one.direction) === "outgoing";
    fill("methods", own.filter((method) => !isOut(method)).map(callable));
    fill("sent", own.filter(isOut).map(heard));
    fill("properties", (found["x-properties"] ?? []).filter((one) => !isOut(one)).map(property));
    filter();
    jump();
  };

  // ---- The page

  const filter = () => {
    const wanted = at("filter").value.trim().toLowerCase();
    for (const one of document.querySelectorAll("main [data-name]")) {
      one.hidden = !one.textContent.toLowerCase().includes(wanted);
    }
  };

  /** `#add` opens that method. */
  const jump = () => {
    let name;
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const target = name && (at(`method-${name}`) ?? at(`property-${name}`));
    if (!target) return;
    target.open = true;
    target.scrollIntoView();
  };

  const see = (view) => {
    document.body.dataset.view = view;
    // Where both are seen, the log that was looked at stays.
    const log = view === "api" ? (at("telegrams").hidden ? "events" : "telegrams") : view;
    for (const name of Object.keys(logs)) at(name).hidden = name !== log;
    for (const button of document.querySelectorAll("[data-to]")) {
      const to = button.closest("aside") ? log : view;
      button.setAttribute("aria-selected", String(button.dataset.to === to));
    }
  };

  at("filter").addEventListener("input", filter);
  addEventListener("hashchange", jump);
  for (const button of document.querySelectorAll("[data-to]")) {
    button.addEventListener("click", () => see(button.dataset.to));
  }
  at("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    at("pause").setAttribute("aria-pressed", String(isPaused));
    at("pause").textContent = isPaused ? "Go on" : "Pause";
  });
  at("clear").addEventListener("click", () => {
    for (const name of Object.keys(logs)) {
      logs[name] = [];
      at(name).replaceChildren();
    }
  });
  see("api");
  at("others").querySelector("div").append(other());

  api.onStatus((status) => {
    document.body.dataset.state = status.state;
    const said = { opening: "connecting", up: "connected", ended: "ended", stopped: "stopped" };
    at("status").textContent =
      status.state === "down" ? `${status.reason}; again in ${Math.ceil(status.retryIn / 1000)} s` : said[status.state];
    if (status.state === "up") discover();
    else for (const value of document.querySelectorAll(".property .value")) value.classList.add("old");
  });
  api.onError((error, method) => {
    // What nobody has declared is shown all the same.
    if (error instanceof CallError && error.message === "this page only watches") return;
    note("events", { kind: "in", sign: method ?? "error", text: error.message });
  });
}
