//! Who may call what, and how often.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::base::error::{CallError, Error};
use crate::base::log::Shown;
use crate::base::often::Origin;
use crate::base::sender::Sender;
use crate::base::sync::lock;

use super::answer::{self, Answers};
use super::calls::Calls;
use super::dispatch::Call;
use crate::base::foreign::{inside, told};
use crate::base::scratch;

use super::slot::SlotInner;

/// A function of the program that allows calls.
pub(crate) type Rule = Arc<dyn Fn(&Sender, &str) -> bool + Send + Sync>;

/// What decides about calls before their handlers run. A call needs the consent of all.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether there is a rule, so that nothing is locked where there is none.
    is_guarded: AtomicBool,
    /// Guards the rules; a leaf in the lock order, and not held while one runs.
    rules: Mutex<Vec<Rule>>,
}

impl Gate {
    pub(crate) fn add(&self, rule: Rule) {
        lock(&self.rules).push(rule);
        self.is_guarded.store(true, Ordering::Release);
    }

    /// Drops the rules, which may own handles of this API. It stays guarded: nothing is
    /// allowed any more.
    pub(crate) fn clear(&self) {
        let rules = std::mem::take(&mut *lock(&self.rules));
        if !rules.is_empty() {
            lock(&self.rules).push(Arc::new(|_, _| false));
        }
        drop(rules);
    }

    fn is_guarded(&self) -> bool {
        self.is_guarded.load(Ordering::Acquire)
    }

    /// Whether something may be called that no slot takes.
    pub(crate) fn consents(&self, sender: &Sender, method: &str) -> bool {
        !self.is_guarded() || self.allows(sender, method)
    }

    fn allows(&self, sender: &Sender, method: &str) -> bool {
        let rules = lock(&self.rules).clone();
        rules.iter().all(|rule| {
            inside(|| rule(sender, method)).unwrap_or_else(|panic| {
                let text = told(panic);
                crate::base::log::error_often!(
                    "a rule panicked", &Origin::Name(method.into()), &Shown(&text);
                    peer = %sender, "the rule for `{method}` panicked: {}", Shown(&text)
                );
                false
            })
        })
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({} rules)", lock(&self.rules).len())
    }
}

impl Calls {
    /// Whether calls of this slot need consent.
    pub(crate) fn is_guarded(&self, slot: &SlotInner) -> bool {
        slot.role().is_some() || self.gate.is_guarded()
    }

    /// Why a call is not allowed, whose slot may need a role; `None` if it is.
    pub(crate) fn forbids(
        &self,
        sender: &Sender,
        role: Option<&str>,
        method: &str,
    ) -> Option<CallError> {
        let text = match role {
            Some(role) if !sender.has_role(role) => format!("`{method}` needs the role `{role}`"),
            _ if self.gate.allows(sender, method) => return None,
            _ => format!("you may not call `{method}`"),
        };
        Some(CallError::new(CallError::FORBIDDEN, text))
    }

    /// Answers a call that is not allowed, and tells the program.
    pub(crate) fn refuse_call(&self, call: &Call<'_>, method: &str, error: CallError) {
        let id = call.parts.id.as_ref().map(|id| id.of(*call.telegram));
        scratch::with_scratch(|out| {
            match id {
                Some(id) => answer::encode_error(call.conn, out, id, &error),
                None => self.answer_person(call, out, method, &error),
            }
            let about = Answers {
                method,
                id,
                failed: true,
            };
            answer::deliver(self, call.conn, call.route, out, about);
        });
        self.trouble(call.sender, Error::Call(error), Some(method));
    }
}
