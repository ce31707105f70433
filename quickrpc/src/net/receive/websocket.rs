//! The messages of a WebSocket.

use std::sync::Arc;

use crate::base::security::SecInfo;
use crate::wire::websocket::{Event, Reader};

use super::super::conn::{Conn, Wait};
use super::super::core::Core;
use super::super::session::Content;
use super::{Flow, ROUND, Round};
use crate::base::reason::DisconnectReason;

impl Core {
    /// A round in which messages are those of WebSocket.
    pub(crate) fn websocket_round(
        &self,
        conn: &Arc<Conn>,
        reader: &mut Reader,
        header: &mut Option<SecInfo>,
        bytes: &[u8],
    ) -> (usize, Flow) {
        let mut round = Round {
            core: self,
            conn,
            turn: None,
            stalled: false,
        };
        let mut position = 0;
        for _ in 0..ROUND {
            let limit = conn.input_limit();
            if round.must_stall() {
                return (position, Flow::Stalled);
            }
            let rest = bytes.get(position..).unwrap_or_default();
            let (consumed, event) = match reader.next(rest, limit) {
                Ok(read) => read,
                Err(violation) => {
                    conn.close(violation.reason(limit));
                    return (bytes.len(), Flow::Closed);
                }
            };
            position += consumed;
            match event {
                Event::Incomplete => return (position, Flow::Read),
                Event::Part => {}
                Event::Message(telegram) => round.telegram(conn.wire.bare(telegram), header),
                Event::Ping(pong) => {
                    // Like an answer, lest a peer fill its queue with what it does not read.
                    self.put(conn, Content::Framed(&pong), Wait::Answer).ok();
                }
                Event::Close { code, text } => {
                    let text = text.into();
                    self.end_of_input(conn, DisconnectReason::Closed { code, text });
                    return (bytes.len(), Flow::Read);
                }
            }
            if conn.is_closed() {
                return (bytes.len(), Flow::Closed);
            }
        }
        (position, Flow::Again)
    }
}
