//! Sessions of security providers, as messages go through them on a wire: without maps and copies.

use crate::base::error::BoxError;
use crate::base::security::SecInfo;
use crate::wire::codec::AnyCodec;
use crate::wire::jrpc::canonical;
use crate::wire::security::{Header, Opened, Outgoing, SecuritySession, signed_map};

/// A header, and a message as it travels.
type Sealed = (Option<SecInfo>, Vec<u8>);

#[derive(Default)]
struct Kept(Sealed);

impl Outgoing for Kept {
    fn header(&mut self, header: &SecInfo) -> Result<(), BoxError> {
        self.0.0 = Some(header.clone());
        Ok(())
    }

    fn signed(&mut self, fields: &[&str; 7]) -> Result<(), BoxError> {
        self.0.0 = Some(signed_map(fields));
        Ok(())
    }

    fn message(&mut self) -> &mut Vec<u8> {
        &mut self.0.1
    }
}

/// Seals a message.
///
/// # Errors
///
/// Those of the session.
pub fn seal(session: &dyn SecuritySession, payload: &[u8]) -> Result<Sealed, BoxError> {
    let mut out = Kept::default();
    session.seal_to(payload, &mut out)?;
    Ok(out.0)
}

/// Opens a message; `room` is for what has to be transformed.
///
/// # Errors
///
/// Those of the session.
pub fn open<'a>(
    session: &dyn SecuritySession,
    header: Option<&SecInfo>,
    payload: &'a [u8],
    room: &'a mut Vec<u8>,
) -> Result<Opened<'a>, BoxError> {
    let header = header.map(received).transpose()?;
    session.open_in(payload, header.as_ref(), room)
}

/// A header as it is received: the short way if that takes it.
fn received(header: &SecInfo) -> Result<Header, String> {
    let (mut text, mut read) = (Vec::new(), Header::default());
    AnyCodec::default().encode_header(&mut text, header)?;
    let text = std::str::from_utf8(&text).unwrap_or_default();
    if !read.read(text, canonical::header) {
        read.put(header.clone());
    }
    Ok(read)
}
