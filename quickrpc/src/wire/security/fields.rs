//! The header of a signed or sealed message.

use super::SecInfo;
use super::header::Header;
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

/// What a header says, as far as it means something; nothing of it is checked.
#[derive(Default, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) user: Option<&'a str>,
    pub(super) to: Option<&'a str>,
    pub(super) session: Option<&'a str>,
    pub(super) peer: Option<&'a str>,
    pub(super) counter: Option<&'a str>,
    pub(super) time: Option<&'a str>,
    pub(super) mac: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// Of fields, each of which is there once.
    pub(super) fn of(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut said = Said::default();
        for (name, value) in fields {
            let field = match name.as_bytes() {
                b"user" => &mut said.user,
                b"to" => &mut said.to,
                b"session" => &mut said.session,
                b"peer" => &mut said.peer,
                b"counter" => &mut said.counter,
                b"time" => &mut said.time,
                b"mac" => &mut said.mac,
                _ => continue,
            };
            *field = Some(value);
        }
        said
    }

    pub(super) fn of_header(header: &'a Header) -> Self {
        match header.signed() {
            Some([counter, mac, peer, session, time, to, user]) => Said {
                user: Some(user),
                to: Some(to),
                session: Some(session),
                peer: Some(peer),
                counter: Some(counter),
                time: Some(time),
                mac: Some(mac),
            },
            None => Said::of(header.fields()),
        }
    }

    pub(super) fn of_map(header: &'a SecInfo) -> Self {
        Said::of(header.iter().map(|(name, value)| (&**name, &**value)))
    }

    /// The same where nothing is missing or malformed.
    pub(super) fn checked(&self) -> Result<Fields<'a>, SecurityError> {
        let field =
            |said: Option<&'a str>| said.filter(|text| is_field(text)).ok_or_else(malformed);
        let fields = Fields {
            user: field(self.user)?,
            to: field(self.to)?,
            session: field(self.session)?,
            peer: field(self.peer)?,
            counter: field(self.counter)?,
            time: field(self.time)?,
        };
        match is_name(fields.user) && !fields.session.is_empty() {
            true => Ok(fields),
            false => Err(malformed()),
        }
    }
}

/// Whether it can be what a field says.
pub(super) fn is_field(text: &str) -> bool {
    text.len() <= 128 && is_one_line(text)
}

/// A counter.
pub(super) fn counter(text: &str) -> Result<u64, SecurityError> {
    text.parse().map_err(|_| malformed())
}

impl Fields<'_> {
    /// What is authenticated, beside the message. No field has a line end, so that nothing
    /// can move from one to the next.
    #[cfg(feature = "seal")]
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

    #[cfg(feature = "seal")]
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
        counter(self.counter)
    }

    /// Microseconds since 1970.
    pub(super) fn time(&self) -> Result<u64, SecurityError> {
        self.time.parse().map_err(|_| malformed())
    }
}

fn is_one_line(text: &str) -> bool {
    let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
    // Without an end before the last byte, so that the compiler makes vector instructions of it.
    let plain = text
        .bytes()
        .fold(true, |plain, byte| plain & is_plain(byte));
    plain || !text.contains(char::is_control)
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
