//! What peers say of streams.

use super::telegrams::{DONE, ITEM, MORE};
use crate::base::error::{CallError, Error};
use crate::base::sender::Sender;
use crate::call::answer::Route;
use crate::call::hear::{Ear, Telegram};
use crate::call::in_full::decode_in_full;
use crate::net::above::Hears as _;
use crate::wire::codec::{CallParts, Payload};

impl Ear<'_> {
    /// What belongs to streams is noticed by whoever reads. Gives whether it was that.
    #[inline(never)]
    pub(in crate::call) fn of_stream(
        &mut self,
        parts: &CallParts,
        sender: &Sender,
        telegram: &mut Telegram<'_>,
        route: &Route,
    ) -> bool {
        let (calls, conn, script) = (self.calls, self.conn, telegram.script);
        let params = &parts.params;
        let method = parts.method.of(*script);
        let notified = calls.foreign.notified(method);
        if notified.is_none() && !matches!(method, ITEM | MORE | DONE) {
            return false;
        }
        let heard = match method {
            _ if parts.id.is_some() => Err("nobody answers it, so that it has no `id`".into()),
            ITEM => calls.item(conn, script, params).map(|()| false),
            MORE => calls.more(conn, script, params),
            DONE => calls.done(conn, script, params).map(|()| false),
            _ => {
                let known = notified.map(|one| calls.notified(conn, one, script, params));
                match known.unwrap_or(Ok(false)) {
                    // A program may have declared it besides.
                    Ok(false) if calls.slots.find(method).is_some() => return false,
                    heard => heard.map(|_| false),
                }
            }
        };
        let reason = match heard {
            Ok(waits) => {
                self.waits |= waits;
                self.no_answer(route);
                return true;
            }
            Err(reason) => reason,
        };
        // A program may have declared it, for what it does by itself.
        if calls.slots.find(method).is_some() {
            return false;
        }
        if matches!(params, Payload::Raw(_))
            && let Ok(envelope) = decode_in_full(conn, script, parts)
        {
            // Nobody has looked at the whole telegram yet, which says what it really is.
            self.envelope(envelope, sender, telegram, route);
            return true;
        }
        let text = format!("`{method}` of a stream cannot be understood: {reason}");
        let error = CallError::new(CallError::INVALID_PARAMS, text);
        match &parts.id {
            Some(id) => self.answer_error(id.of(*script), &error, route),
            None => {
                self.trouble(sender, Error::Call(error));
                self.no_answer(route);
            }
        }
        true
    }
}
