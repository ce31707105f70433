//! The beginning of a connection of ZeroMQ: a greeter, so that a connection is a peer only behind
//! it. What is said is in `wire/zmtp`.

use std::io;
use std::sync::Arc;

use crate::base::error::Error;
use crate::expr::{TransportExpr, TransportKind, ZmqType};
use crate::wire::met::Met;
use crate::wire::zmtp::{Handshake, MOST, Socket, Step as Said};

use super::greeter::{Greeter, Greeting, Output, Step, read_some};
use super::stream::Stream;

/// What comes before a connection is a peer, and what we are.
pub(crate) type Bound = (Arc<dyn Greeting>, Arc<Socket>);

/// What a transport needs for ZeroMQ, if it needs it. `is_sealed`: its messages go through a security
/// provider.
///
/// # Errors
///
/// If such a socket cannot have that.
pub(crate) fn bind(expr: &TransportExpr, is_sealed: bool) -> Result<Option<Bound>, Error> {
    let (TransportKind::Zmq { socket, .. } | TransportKind::ZmqServer { socket, .. }) = expr.kind()
    else {
        return Ok(None);
    };
    if is_sealed && !matches!(socket.kind, ZmqType::Dealer | ZmqType::Router) {
        let text = format!(
            "`{expr}`: a security provider has messages of its own, which only sockets of type \
             `dealer` and `router` can send at any time"
        );
        return Err(Error::Config(text.into()));
    }
    let socket = Arc::new(Socket::new(socket, is_sealed));
    let greeting = Arc::new(Begin(Arc::clone(&socket)));
    Ok(Some((greeting, socket)))
}

#[derive(Debug)]
struct Begin(Arc<Socket>);

impl Greeting for Begin {
    fn greeter(&self) -> Box<dyn Greeter> {
        Box::new(Beginning {
            handshake: Handshake::new(&self.0),
            output: Output::new(Vec::new()),
            done: None,
            met: None,
        })
    }
}

/// The beginning of one connection.
struct Beginning {
    handshake: Handshake,
    output: Output,
    /// What comes of it when all has left.
    done: Option<Step>,
    met: Option<Met>,
}

impl Greeter for Beginning {
    fn advance(&mut self, stream: &Stream, input: &mut Vec<u8>) -> Step {
        loop {
            match self.output.write(stream) {
                Ok((_, true)) => {}
                Ok((_, false)) => return Step::Wait,
                Err(error) => return Step::Failed(error),
            }
            let more = self.handshake.output();
            if !more.is_empty() {
                self.output = Output::new(more);
                continue;
            }
            if let Some(step) = self.done.take() {
                return step;
            }
            match read_some(stream, input, MOST) {
                Ok(true) => {}
                Ok(false) => return Step::Wait,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    let text = "the other side closed the connection within the greeting of \
                                ZeroMQ; is it a ZeroMQ socket, and does its type go with ours?";
                    return Step::Failed(io::Error::new(error.kind(), text));
                }
                Err(error) => return Step::Failed(error),
            }
            match self.handshake.advance(input) {
                Said::Wait => {}
                Said::Done(peer) => {
                    self.met = Some(Met::Zmtp(peer));
                    self.done = Some(Step::Done);
                }
                Said::Refused(why) => self.done = Some(Step::Refused(why)),
            }
        }
    }

    fn met(&mut self) -> Option<Met> {
        self.met.take()
    }
}
