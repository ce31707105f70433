//! `quickrpc serve`: canned answers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;
use quickrpc::dynamic::Api;
use quickrpc::{CallError, Value};

use super::failure::Failure;
use super::wire::Wire;
use super::{Done, output, values};

/// Serves canned answers from a file: a service for tests, or one that is not written yet.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    #[command(flatten)]
    wire: Wire,

    /// A JSON object: method → answer
    answers: PathBuf,

    /// Say nothing of the calls that come
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = r#"An answer is a value; {"error": {"code": 400, "message": ".."}} fails; {"result": ..} is a value that
looks like one of these; {"each": [..]} answers one after the other, and then the last one again;
{"echo": true} gives the arguments back.

Examples:
  echo '{"add": 5, "name": {"each": ["first", "second"]}, "fail": {"error": {"message": "no"}}}' > lab.json
  quickrpc serve tcpserv:127.0.0.1:8888 lab.json
  quickrpc serve --codec terse tcpserv::8888 lab.json
      For people: telnet localhost 8888"#;

/// What comes of a call.
#[derive(Debug)]
enum Answer {
    Value(Value),
    Error(CallError),
    Each(Vec<Answer>, AtomicUsize),
    Echo,
}

impl Serve {
    pub fn run(self) -> Done {
        let file = self.answers.display();
        let text = std::fs::read_to_string(&self.answers)
            .map_err(|error| Failure::usage(format!("cannot read {file}: {error}")))?;
        let answers = values::json(&text)
            .map_err(|error| Failure::usage(format!("{file} is no JSON: {error}")))?;
        let Value::Map(answers) = answers else {
            return Err(Failure::usage(format!(
                "{file}: expected an object of methods and answers"
            )));
        };
        let bound = self.wire.bound()?;
        let mut builder = bound.patient(Api::builder());
        builder = match &bound.security {
            Some(security) => builder.bind_secured(&bound.codec, security, bound.transport.clone()),
            None => builder.bind(&bound.codec, bound.transport.clone()),
        };
        let api = builder.build_dynamic()?;
        connect(&api, answers, self.quiet);
        api.start().map_err(|error| bound.cannot_start(error))?;
        match api.local_addrs().as_slice() {
            [] => output::say(format!("serving on {}", bound.transport)),
            addresses => {
                for address in addresses {
                    output::say(format!("listening on {address}"));
                }
            }
        }
        Ok(api.wait()?)
    }
}

fn connect(api: &Api, answers: BTreeMap<String, Value>, quiet: bool) {
    for (method, answer) in answers {
        let answer = Answer::read(answer);
        let name = method.clone();
        api.on(&method, move |sender, args| {
            if !quiet {
                output::say(format!("{sender}: {name} {args}"));
            }
            answer.give(args)
        });
    }
}

impl Answer {
    fn read(value: Value) -> Self {
        let only = match &value {
            Value::Map(map) if map.len() == 1 => map.iter().next(),
            _ => None,
        };
        match only.map(|(name, value)| (name.as_str(), value)) {
            Some(("result", value)) => Answer::Value(value.clone()),
            Some(("echo", Value::Bool(true))) => Answer::Echo,
            Some(("error", error @ Value::Map(_))) => {
                let code = error["code"].as_i64().unwrap_or(CallError::HANDLER_ERROR);
                let mut answer =
                    CallError::new(code, error["message"].as_str().unwrap_or("it failed"));
                answer.data = error.get("data").cloned();
                Answer::Error(answer)
            }
            Some(("each", Value::List(all))) if !all.is_empty() => {
                let all = all.iter().cloned().map(Answer::read).collect();
                Answer::Each(all, AtomicUsize::new(0))
            }
            _ => Answer::Value(value),
        }
    }

    fn give(&self, args: Value) -> Result<Value, CallError> {
        match self {
            Answer::Value(value) => Ok(value.clone()),
            Answer::Error(error) => Err(error.clone()),
            Answer::Echo => Ok(args),
            Answer::Each(all, next) => {
                let at = next.fetch_add(1, Ordering::Relaxed);
                match all.get(at).or(all.last()) {
                    Some(answer) => answer.give(args),
                    None => Ok(Value::Null),
                }
            }
        }
    }
}
