//! A codec of one's own: calls as people write them in a browser's address bar.
//!
//! ```text
//! say?text=hello            a notification
//! #1 add?a=2&b=3            a call with reply
//! #1 = 5                    its result
//! #1 ! -32601 no such..     or its failure
//! ```
//!
//! It is used twice: by its string, which works in every expression from then on, and as an
//! object.

#![allow(clippy::print_stdout, reason = "the answers are the program's output")]

use std::process::ExitCode;

use clap::Parser;
use quickrpc::codec::{Codec, Message};
use quickrpc::expr::Params;
use quickrpc::{BoxError, CallError, Value, register_codec, remote_api};

/// Something to call.
#[remote_api]
trait Adder {
    /// Adds two numbers.
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

/// A codec of one's own, registered as `query`.
#[derive(Parser)]
#[command(after_help = EXAMPLES)]
struct Options {
    /// An expression; `query` and `query?separator=<char>` are those that are added here
    #[arg(default_value = "query")]
    codec: String,
}

const EXAMPLES: &str = "Examples:
  cargo run --example custom_codec
  cargo run --example custom_codec 'query?separator=;'
  cargo run --example custom_codec terse          one that is built in does as well
  cargo run --example custom_codec 'query?sep=;'  see what a mistake looks like";

fn main() -> ExitCode {
    let options = Options::parse();
    quickrpc_examples::run(|| try_out(&options.codec))
}

fn try_out(codec: &str) -> Result<(), BoxError> {
    // What it looks like on the wire.
    let call = Message::Call {
        method: String::from("add"),
        params: Value::from_iter([("a", 2), ("b", 3)]),
        id: Some(Value::from(1)),
    };
    println!(
        "on the wire: {}",
        String::from_utf8(Query::default().encode(&call)?)?
    );

    // By its string.
    register_codec("query", Query::from_params)?;
    println!("as `{codec}`: 2 + 3 = {}", ask(codec, codec)?);

    // As an object, without registering anything.
    let object = || Query { separator: '|' };
    println!("as an object: 2 + 3 = {}", ask(object(), object())?);
    Ok(())
}

/// Both sides, each with the codec that it is given.
fn ask(
    near: impl quickrpc::codec::IntoCodec,
    far: impl quickrpc::codec::IntoCodec,
) -> quickrpc::Result<i64> {
    let server = Adder::bind(near, "tcpserv:127.0.0.1:0")?;
    server.add.connect(|_sender, a, b| a + b);
    server.start()?;
    let port = server.local_addrs()[0].port();

    let client = AdderInverse::bind(far, format!("tcp:127.0.0.1:{port}"))?;
    client.start()?;
    client.all().add(2, 3).result()
}

/// Calls as in a URL, one a line.
#[derive(Debug)]
struct Query {
    separator: char,
}

impl Default for Query {
    fn default() -> Self {
        Query { separator: '&' }
    }
}

impl Query {
    /// From an expression. Options that are not asked for here are refused by name.
    fn from_params(params: &Params) -> Result<Self, BoxError> {
        let Some(separator) = params.option("separator") else {
            return Ok(Query::default());
        };
        match separator.parse() {
            Ok(separator) if !"\n?=".contains(separator) => Ok(Query { separator }),
            _ => Err("separator must be one character, and none of `?`, `=`, newline".into()),
        }
    }

    fn write(&self, value: &Value) -> Result<String, BoxError> {
        let text = match value {
            Value::Integer(number) => number.to_string(),
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => return Err(format!("`query` has no {other}: only integers and text").into()),
        };
        match text.contains(['\n', self.separator]) {
            true => Err(format!("`query` cannot carry {text:?}").into()),
            false => Ok(text),
        }
    }

    fn read(text: &str) -> Value {
        match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(text),
        }
    }
}

impl Codec for Query {
    fn expression(&self) -> String {
        match self.separator {
            '&' => String::from("query"),
            other => format!("query?separator={other}"),
        }
    }

    fn delimiter(&self) -> &[u8] {
        b"\n"
    }

    fn encode(&self, message: &Message) -> Result<Vec<u8>, BoxError> {
        let line = match message {
            Message::Call { method, params, id } => {
                let number = match id {
                    Some(id) => format!("#{} ", self.write(id)?),
                    None => String::new(),
                };
                let mut pairs = Vec::new();
                for (name, value) in params.as_map().into_iter().flatten() {
                    pairs.push(format!("{name}={}", self.write(value)?));
                }
                let pairs = pairs.join(&self.separator.to_string());
                format!("{number}{method}?{pairs}")
            }
            Message::Reply { id, result } => {
                format!("#{} = {}", self.write(id)?, self.write(result)?)
            }
            Message::Failure { id, error } => {
                let text = error.message.replace('\n', " ");
                format!("#{} ! {} {text}", self.write(id)?, error.code)
            }
        };
        Ok(line.into_bytes())
    }

    fn decode(&self, telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        let line = str::from_utf8(telegram)?.trim_end();
        let (id, rest) = match line.strip_prefix('#') {
            Some(line) => {
                let (id, rest) = line
                    .split_once(' ')
                    .ok_or("expected a blank behind the id")?;
                (Some(Self::read(id)), rest)
            }
            None => (None, line),
        };
        if let Some(id) = &id
            && let Some(result) = rest.strip_prefix("= ")
        {
            let (id, result) = (id.clone(), Self::read(result));
            return Ok(vec![Message::Reply { id, result }]);
        }
        if let Some(id) = &id
            && let Some(failure) = rest.strip_prefix("! ")
        {
            let (code, text) = failure.split_once(' ').ok_or("expected `! code text`")?;
            let (id, error) = (id.clone(), CallError::new(code.parse()?, text));
            return Ok(vec![Message::Failure { id, error }]);
        }
        let (method, pairs) = rest.split_once('?').unwrap_or((rest, ""));
        let pairs = pairs.split(self.separator).filter(|pair| !pair.is_empty());
        let params = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Ok(vec![Message::Call {
            method: method.to_owned(),
            params: params
                .map(|(name, value)| (name, Self::read(value)))
                .collect(),
            id,
        }])
    }
}
