//! What is said: requests and answers, in two objects each.

use std::sync::{Arc, OnceLock};

use crate::base::error::Error;
use crate::format::text::{self, Json};
use crate::wire::session::{About, Role, Speaking};

use super::SERVER;

/// The speaking half of a session.
pub(super) struct Speaker {
    role: Role,
    /// The client of the two, whoever that is.
    client: Arc<OnceLock<Arc<str>>>,
    /// Requests whose answers nobody waits for have ids as well.
    notifications: u64,
}

impl Speaker {
    pub(super) fn new(role: Role, client: Arc<OnceLock<Arc<str>>>) -> Self {
        Speaker {
            role,
            client,
            notifications: 0,
        }
    }

    fn client(&self) -> &str {
        self.client.get().map_or(super::DEFAULT, |name| name)
    }
}

impl Speaking for Speaker {
    /// The package calls a route with `**arguments`.
    fn can_say(&self, about: About<'_>, body: &[u8]) -> Result<(), Error> {
        match about {
            About::Call { method, .. } if !body.starts_with(b"{") => Err(Error::Encode {
                method: method.into(),
                reason: "Zonis takes arguments by their names, so that what is sent has to be an \
                         object"
                    .into(),
            }),
            _ => Ok(()),
        }
    }

    fn call(&mut self, out: &mut Vec<u8>, method: &str, args: &[u8], id: Option<u64>) {
        let packet_id = match id {
            Some(id) => format!("\"{id}\""),
            None => {
                self.notifications += 1;
                format!("\"n{}\"", self.notifications)
            }
        };
        let kind = match self.role {
            Role::Client => "CLIENT_REQUEST",
            Role::Server => "REQUEST",
        };
        begin_packet(out, &packet_id, false, self.client(), kind);
        out.extend_from_slice(br#"{"route":"#);
        text::write_str(out, Json, method);
        out.extend_from_slice(br#","arguments":"#);
        out.extend_from_slice(args);
        out.extend_from_slice(b"}}}");
    }

    fn answer(&mut self, out: &mut Vec<u8>, id: &str, body: &[u8], failed: bool) {
        let kind = match failed {
            true => "FAILURE_RESPONSE",
            false => "SUCCESS_RESPONSE",
        };
        let identifier = match self.role {
            Role::Client => self.client(),
            Role::Server => SERVER,
        };
        write_packet(out, id, true, identifier, kind, body);
    }
}

/// Appends a packet. The id and the data are JSON already.
pub(super) fn write_packet(
    out: &mut Vec<u8>,
    packet_id: &str,
    is_response: bool,
    identifier: &str,
    kind: &str,
    data: &[u8],
) {
    begin_packet(out, packet_id, is_response, identifier, kind);
    out.extend_from_slice(data);
    out.extend_from_slice(b"}}");
}

/// The same up to the data, behind which two objects end.
fn begin_packet(
    out: &mut Vec<u8>,
    packet_id: &str,
    is_response: bool,
    identifier: &str,
    kind: &str,
) {
    out.extend_from_slice(br#"{"packet_id":"#);
    out.extend_from_slice(packet_id.as_bytes());
    out.extend_from_slice(match is_response {
        true => br#","type":"response","data":{"identifier":"#,
        false => br#","type":"request","data":{"identifier":"#,
    });
    text::write_str(out, Json, identifier);
    out.extend_from_slice(br#","type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","data":"#);
}
