//! The header of a signed or sealed message.

use super::SecInfo;
use super::keys::is_name;
use crate::base::often::Origin;
use crate::base::security::SecurityError;

/// To everybody on a wire of datagrams.
pub(super) const EVERYBODY: &str = "*";

/// What a header says of a message.
pub(super) struct Fields<'a> {
    pub(super) user: &'a str,
    pub(super) to: &'a str,
    pub(super) session: &'a str,
    pub(super) peer: &'a str,
    pub(super) counter: &'a str,
    pub(super) time: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(header: &'a SecInfo) -> Result<Self, SecurityError> {
        let field = |name: &str| {
            let field = header.get(name).map(String::as_str);
            let field = field.filter(|field| field.len() <= 128 && is_one_line(field));
            field.ok_or_else(malformed)
        };
        let fields = Fields {
            user: field("user")?,
            to: field("to")?,
            session: field("session")?,
            peer: field("peer")?,
            counter: field("counter")?,
            time: field("time")?,
        };
        match is_name(fields.user) && !fields.session.is_empty() {
            true => Ok(fields),
            false => Err(malformed()),
        }
    }

    /// What is authenticated, beside the message. No field has a line end, so that nothing
    /// can move from one to the next.
    pub(super) fn text(&self, protocol: &str) -> String {
        let lines = [
            protocol,
            self.user,
            self.to,
            self.session,
            self.peer,
            self.counter,
            self.time,
        ];
        let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    pub(super) fn header(&self) -> SecInfo {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        SecInfo::from([
            field("user", self.user),
            field("to", self.to),
            field("session", self.session),
            field("peer", self.peer),
            field("counter", self.counter),
            field("time", self.time),
        ])
    }

    /// The counter.
    pub(super) fn counter(&self) -> Result<u64, SecurityError> {
        self.counter.parse().map_err(|_| malformed())
    }

    /// Microseconds since 1970.
    pub(super) fn time(&self) -> Result<u64, SecurityError> {
        self.time.parse().map_err(|_| malformed())
    }
}

fn is_one_line(text: &str) -> bool {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
    text.bytes().all(is_plain) || !text.contains(char::is_control)
}

fn malformed() -> SecurityError {
    let text = "the header is incomplete, or a field of it is malformed";
    SecurityError::InvalidSignature(text.into())
}

/// 16 random bytes as hexadecimal digits; empty where the system has no random numbers.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(error) => {
            crate::base::log::error_often!(
                "no random numbers", &Origin::Anybody; "no random numbers: {error}"
            );
            String::new()
        }
    }
}
