//! What an API says of itself: the answer to `rpc.discover`, and, to people on `terse`, the list
//! of its calls and what is wrong with what they typed.

use std::sync::Arc;

use crate::base::error::CallError;
use crate::base::expr_error::nearest;
use crate::base::scratch::with_scratch;
use crate::base::sender::Sender;
use crate::format::openrpc::DISCOVER;
use crate::format::people::{self, HELP};
use crate::net::conn::Conn;

use super::answer::{self, Answers, Route};
use super::calls::Calls;
use super::dispatch::Call;

impl Calls {
    /// A call that no slot takes. The answer is in `out`, if there is one.
    #[cold]
    pub(crate) fn undeclared(
        &self,
        call: &Call<'_>,
        method: &str,
        id: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        if !self.discovers(call, method) {
            return Err(answer::unknown(method));
        }
        if !self.gate.consents(call.sender, method) {
            let text = format!("you may not call `{method}`");
            return Err(CallError::new(CallError::FORBIDDEN, text));
        }
        let others = self.slots.undeclared();
        match (method, id) {
            (DISCOVER, Some(id)) => {
                let document = self.discovery.document(&self.slots.traits(), &others);
                answer::encode_result(call.conn, out, id, &*document)
            }
            (DISCOVER, None) => Ok(()),
            (_, Some(id)) => {
                let text = people::help(&self.slots.traits(), &others);
                answer::encode_result(call.conn, out, id, &text)
            }
            (_, None) => {
                out.extend_from_slice(people::help(&self.slots.traits(), &others).as_bytes());
                Ok(())
            }
        }
    }

    /// Whether a method without a slot is one that is answered here.
    pub(super) fn discovers(&self, call: &Call<'_>, method: &str) -> bool {
        let people = call.conn.wire.answers;
        let is_ours = method == DISCOVER || (people && method == HELP);
        is_ours && !self.discovery.is_off()
    }

    /// What is wrong with a call without an id, for people.
    #[cold]
    pub(crate) fn answer_person(
        &self,
        call: &Call<'_>,
        out: &mut Vec<u8>,
        method: &str,
        error: &CallError,
    ) {
        // Python writes a blank behind a name without arguments; people do not.
        let is_program = || call.telegram.as_bytes().ends_with(b" ");
        if !call.conn.wire.answers || method.starts_with('!') || is_program() {
            return;
        }
        let message = &error.message;
        let text = match error.code {
            CallError::METHOD_NOT_FOUND if self.slots.find(method).is_none() => {
                format!("{message}{}", self.hint(method))
            }
            CallError::INVALID_PARAMS => format!("this is wrong: {message}{}", self.advice(method)),
            _ => format!("this failed: {message}"),
        };
        out.clear();
        people::wrong(out, &text);
    }

    /// Answers a line that cannot be read. Gives whether it was a question that people have, and no call.
    #[cold]
    pub(crate) fn answer_line(
        &self,
        conn: &Arc<Conn>,
        sender: &Sender,
        text: &str,
        bytes: &[u8],
    ) -> bool {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim();
        // What answers, or looks like it, is not answered: two that do could go on for ever.
        if !conn.wire.answers || line.starts_with(['!', '[']) {
            return false;
        }
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        let asks = first == HELP
            && !rest.is_empty()
            && rest.chars().all(is_name)
            && !self.discovery.is_off()
            && self.gate.consents(sender, HELP);
        with_scratch(|out| {
            let about = asks.then(|| people::help_of(&self.slots.traits(), rest));
            match about {
                Some(Some(about)) => out.extend_from_slice(about.as_bytes()),
                Some(None) => people::wrong(
                    out,
                    &format!("there is no call `{rest}`; `{HELP}` lists the calls"),
                ),
                None => people::wrong(
                    out,
                    &format!("cannot read this: {text}{}", self.advice(first)),
                ),
            }
            let call = Answers {
                method: "",
                id: None,
                failed: true,
            };
            answer::deliver(self, conn, &Route::Alone, out, call);
        });
        asks
    }

    fn hint(&self, method: &str) -> String {
        if self.discovery.is_off() {
            return String::new();
        }
        let names = self.slots.names();
        let meant = nearest(method, names.iter().map(String::as_str));
        match meant {
            Some(meant) => format!("; did you mean `{meant}`? `help` lists the calls"),
            None => "; `help` lists the calls".to_owned(),
        }
    }

    fn advice(&self, method: &str) -> String {
        let known = self
            .slots
            .find(method)
            .is_some_and(|slot| slot.call.is_some());
        match self.discovery.is_off() {
            true => String::new(),
            false if known => format!("; try `help {method}`"),
            false => "; `help` lists the calls".to_owned(),
        }
    }
}
