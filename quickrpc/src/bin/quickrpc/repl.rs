//! `quickrpc repl`: a service at a prompt.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use quickrpc::{DisconnectReason, Value};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, ExternalPrinter as _, Helper};

use super::call::explain;
use super::failure::{Failure, Kind};
use super::interface::Interface;
use super::listen::Tell;
use super::values::split;
use super::wire::{Connected, Wire};
use super::{Done, describe, items, listen, output, values};

/// A prompt for calls: with history, completion, and what the other side sends above it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Repl {
    #[command(flatten)]
    wire: Wire,
}

const EXAMPLES: &str = "\
At the prompt a call is `add a=2 b=3`, and a notification `!say text=hello`; `help` lists the methods,
`help add` tells of one, `quit` or Ctrl-D ends. Tab completes methods and arguments.

Examples:
  quickrpc repl tcp:localhost:8888
  quickrpc repl --codec terse @lab
  printf 'add a=2 b=3\\nadd a=1 b=1\\n' | quickrpc repl @lab
      A script: it ends with the first call that fails";

/// How long a service may take to say what it has, before there is a prompt without that.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the history is kept between two sessions.
const HISTORY: &str = ".quickrpc_history";

impl Repl {
    pub fn run(self) -> Done {
        let connected = self.wire.connect()?;
        let interface =
            Interface::ask(&connected.describer().timeout(PATIENCE)).unwrap_or_default();
        let session = Session {
            connected,
            interface,
        };
        match std::io::stdin().is_terminal() {
            true => session.converse(),
            false => session.script(),
        }
    }
}

struct Session {
    connected: Connected,
    interface: Interface,
}

impl Session {
    fn hear(&self, tell: &Tell) {
        listen::hear_all(&self.connected.api, tell);
        let named = listen::with_streams(&self.interface);
        listen::hear(&self.connected.api, &named, tell);
    }

    /// Lines of a pipe: what fails ends it.
    fn script(&self) -> Done {
        let tell: Tell = Arc::new(|line| output::line(line.to_string()).is_ok());
        self.hear(&tell);
        for line in std::io::stdin().lines() {
            if !self.obey(line?.trim())? {
                break;
            }
        }
        Ok(self.connected.api.stop()?)
    }

    fn converse(self) -> Done {
        let failed = |error: ReadlineError| Failure::usage(format!("no terminal: {error}"));
        let mut editor: Editor<Words, FileHistory> = Editor::new().map_err(failed)?;
        editor.set_helper(Some(Words::of(&self.interface)));
        let history = std::env::home_dir().map(|home| home.join(HISTORY));
        if let Some(file) = &history {
            // There may be none yet.
            let _ = editor.load_history(file);
        }
        let printer = Mutex::new(editor.create_external_printer().map_err(failed)?);
        let tell: Tell = Arc::new(move |line| match printer.lock() {
            Ok(mut printer) => printer.print(format!("{line}\n")).is_ok(),
            Err(_) => false,
        });
        self.hear(&tell);
        let gone = Arc::new(Mutex::new(None));
        let reason = Arc::clone(&gone);
        self.connected.api.on_disconnect(move |peer, why| {
            if matches!(why, DisconnectReason::Stopped) {
                return;
            }
            output::say(format!("{peer} is gone: {why}"));
            if let Ok(mut reason) = reason.lock() {
                *reason = Some(why.to_string());
            }
        });
        let prompt = format!(
            "{}> ",
            match self.interface.title.as_str() {
                "" => self.connected.bound.transport.to_string(),
                title => output::plain(title),
            }
        );
        loop {
            let line = match editor.readline(&prompt) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(failed(error)),
            };
            let line = line.trim();
            if !line.is_empty() {
                // A history that is full is no reason to end.
                let _ = editor.add_history_entry(line);
            }
            match self.obey(line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) if failure.kind == Kind::Unread => return Err(failure),
                Err(failure) => drop(failure.tell()),
            }
            if self.connected.bound.ends_with_peer()
                && self.connected.api.peers().is_empty()
                && let Ok(reason) = gone.lock()
                && let Some(reason) = &*reason
            {
                return Err(Failure::new(
                    Kind::Connection,
                    format!("the other side is gone: {reason}"),
                ));
            }
        }
        if let Some(file) = &history {
            let _ = editor.save_history(file);
        }
        Ok(self.connected.api.stop()?)
    }

    /// Does what a line says; false if that is to end.
    fn obey(&self, line: &str) -> Result<bool, Failure> {
        let words = split(line)?;
        let service = self.connected.service();
        match words.split_first() {
            None => {}
            Some((word, [])) if word == "quit" || word == "exit" => return Ok(false),
            Some((word, [])) if word == "help" => {
                output::text(describe::overview(&self.interface))?;
            }
            Some((word, [name])) if word == "help" => {
                match self
                    .interface
                    .methods
                    .iter()
                    .find(|method| method.name == *name)
                {
                    Some(method) => output::text(describe::in_full(method, &self.interface))?,
                    None => return Err(Failure::usage(format!("there is no method `{name}`"))),
                }
            }
            Some((_, [word])) if word == "-" => {
                let failure = Failure::usage("stdin has the calls, and cannot be arguments, too");
                return Err(
                    failure.hint("arguments are `a=2`, or one JSON object, in the same line")
                );
            }
            Some((method, words)) => {
                let arguments = values::arguments(words)?;
                match method.strip_prefix('!') {
                    Some(method) => self.connected.api.notify(method, &arguments)?,
                    None => {
                        let answer = service.call_or_stream(method, &arguments);
                        let shown = |value: &Value| values::shown(value, false);
                        let value = items::follow(answer, &service, method, shown)?
                            .map_err(|error| explain(&self.connected, method, error))?;
                        match value {
                            None | Some(Value::Null) => {}
                            Some(value) => output::line(shown(&value))?,
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}

/// What can be completed.
struct Words {
    /// Methods, and their arguments.
    methods: Vec<(String, Vec<String>)>,
}

impl Words {
    fn of(interface: &Interface) -> Self {
        // What is no word is not typed, either.
        let is_word = |name: &&str| output::plain(name) == **name;
        let methods = interface.incoming().map(|method| {
            let params = method.params.iter().map(|param| param.name.as_str());
            let params = params.filter(is_word).map(str::to_owned);
            (method.name.clone(), params.collect())
        });
        let methods = methods.filter(|(name, _)| is_word(&name.as_str()));
        let methods: Vec<(String, Vec<String>)> = methods.collect();
        Words { methods }
    }

    /// Where the word at the end begins, and what it may become.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let word = line.get(start..).unwrap_or_default();
        let before: Vec<&str> = line
            .get(..start)
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let names = self.methods.iter().map(|(name, _)| name.as_str());
        let all: Vec<String> = match before.as_slice() {
            [] => names.chain(["help", "quit"]).map(str::to_owned).collect(),
            ["help"] => names.map(str::to_owned).collect(),
            [method, given @ ..] => {
                let found = self
                    .methods
                    .iter()
                    .find(|(name, _)| name == method.trim_start_matches('!'));
                let params = found
                    .map(|(_, params)| params.as_slice())
                    .unwrap_or_default();
                let open = params.iter().filter(|param| {
                    !given
                        .iter()
                        .any(|word| word.split('=').next() == Some(param.as_str()))
                });
                open.map(|param| format!("{param}=")).collect()
            }
        };
        let (start, word) = match word.strip_prefix('!') {
            Some(rest) if before.is_empty() => (start + 1, rest),
            _ => (start, word),
        };
        let fitting = all
            .into_iter()
            .filter(|candidate| candidate.starts_with(word));
        (start, fitting.collect())
    }
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, candidates) = self.candidates(line.get(..at).unwrap_or(line));
        let pairs = candidates.into_iter().map(|word| Pair {
            replacement: match word.ends_with('=') {
                true => word.clone(),
                false => format!("{word} "),
            },
            display: word,
        });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Owned(output::bold(prompt))
    }
}

impl Validator for Words {}
impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_arguments_are_completed() {
        let words = Words {
            methods: vec![
                ("add".into(), vec!["a".into(), "b".into()]),
                ("adopt".into(), Vec::new()),
            ],
        };
        assert_eq!(
            words.candidates("ad"),
            (0, vec!["add".into(), "adopt".into()])
        );
        assert_eq!(words.candidates("!add"), (1, vec!["add".into()]));
        assert_eq!(words.candidates("help ado"), (5, vec!["adopt".into()]));
        assert_eq!(words.candidates("add a=2 "), (8, vec!["b=".into()]));
        assert_eq!(words.candidates("no "), (3, Vec::new()));
    }
}
