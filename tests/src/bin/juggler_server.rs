//! A server for clients of Juggler that others have written: `juggler_server <codec> <transport>`.
//! Says `ready` on stdout, and where it listens; ends with its input.
//!
//! Its state is one value, which clients write (`set_`) and have changed at random (`vary`). It
//! notifies all of what is said (`say`), and what clients show, where they can, is to be had by
//! `shown`.

use std::io::{self, Write};
use std::sync::Mutex;

use quickrpc::dynamic::{Access, Api};
use quickrpc::{CallError, Value};
use quickrpc_tests::Dice;

/// The argument alone, be it by place or the data itself.
fn single(args: Value) -> Value {
    match args {
        Value::List(mut list) if list.len() == 1 => list.remove(0),
        other => other,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [codec, transport] = arguments.as_slice() else {
        return Err("usage: juggler_server <codec> <transport>".into());
    };
    let api = Api::bind(codec.as_str(), transport.as_str())?;
    let state = api.property("", Access::Writable);
    let shown = api.remote_property("");
    api.on("echo", |_client, args| args);
    api.on("fail", |_client, _args| {
        let error = CallError::new(CallError::HANDLER_ERROR, "failed on purpose");
        Err::<Value, _>(error)
    });
    let everybody = api.all();
    api.on("say", move |_client, args| {
        everybody.notify("message", [single(args)])
    });
    api.on("shown", move |client, _args| shown.latest(client));
    let dice = Mutex::new(Dice::new(1));
    api.on("vary", move |_client, args| {
        let mut document = serde_json::to_value(state.get().unwrap_or_default())?;
        for _ in 0..single(args).as_i64().unwrap_or(1) {
            dice.lock().expect("nobody panics").change(&mut document);
            state.set(serde_json::from_value(document.clone())?)?;
        }
        Ok::<Value, Box<dyn std::error::Error + Send + Sync>>(serde_json::from_value(document)?)
    });
    api.start()?;
    let mut news = String::from("ready\n");
    for address in api.local_addrs() {
        news += &format!("listening on {address}\n");
    }
    io::stdout().write_all(news.as_bytes())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
