//! Connections that still greet, and are not peers yet.

use std::io;
use std::time::Instant;

use crate::base::foreign;
use crate::carrier::greeter::{Greeter, Greeting, Step};
use crate::carrier::stream::Stream;

/// A connection that greets.
pub(crate) struct Greeted {
    /// Told from others that had the same token before.
    pub(crate) id: u64,
    pub(crate) link: usize,
    pub(crate) name: String,
    pub(crate) stream: Stream,
    pub(crate) greeter: Box<dyn Greeter>,
    /// What was read and not used yet.
    pub(crate) input: Vec<u8>,
    pub(crate) deadline: Instant,
    /// It is a peer when its time is over.
    pub(crate) is_peer: bool,
    /// It was refused, and only has to read that.
    pub(crate) refused: bool,
}

impl Greeted {
    /// Goes on with it. A panic in the handshakes of others costs this connection.
    pub(crate) fn advance(&mut self) -> Step {
        let (stream, input) = (&self.stream, &mut self.input);
        let step = foreign::catch("a handshake", || self.greeter.advance(stream, input));
        step.unwrap_or_else(|| Step::Failed(panicked()))
    }
}

/// The beginning of a greeting: what the connection is from now on, and the handshake.
pub(crate) fn begin(
    greeting: &dyn Greeting,
    stream: Stream,
) -> io::Result<(Stream, Box<dyn Greeter>)> {
    let begun = foreign::catch("a handshake", || {
        Ok((greeting.wrap(stream)?, greeting.greeter()))
    });
    begun.unwrap_or_else(|| Err(panicked()))
}

fn panicked() -> io::Error {
    io::Error::other("the handshake panicked, which is in the log")
}

/// What the poll thread knows of all of them.
#[derive(Debug, Default)]
pub(crate) struct Greetings {
    pub(crate) next: u64,
    /// When their deadlines are looked at.
    pub(crate) armed: Option<Instant>,
    /// Those that go on when others had their turn, by token and number.
    pub(crate) more: Vec<(usize, u64)>,
}

impl Greetings {
    /// This one goes on when others had their turn. An event may have come before its own.
    pub(crate) fn goes_on(&mut self, token: usize, id: u64) {
        if !self.more.contains(&(token, id)) {
            self.more.push((token, id));
        }
    }

    /// Whether some of them go on without being asked.
    pub(crate) fn go_on(&self) -> bool {
        !self.more.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::carrier::sys;

    use super::*;

    /// Panics where it is asked to.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Panics {
        Wrapping,
        Beginning,
        GoingOn,
    }

    impl Greeting for Panics {
        fn wrap(&self, stream: Stream) -> io::Result<Stream> {
            assert_ne!(*self, Panics::Wrapping);
            Ok(stream)
        }

        fn greeter(&self) -> Box<dyn Greeter> {
            assert_ne!(*self, Panics::Beginning);
            Box::new(*self)
        }
    }

    impl Greeter for Panics {
        fn advance(&mut self, _stream: &Stream, _input: &mut Vec<u8>) -> Step {
            panic!("in the middle")
        }
    }

    #[test]
    fn a_handshake_that_panics_has_failed() {
        let stream = || Stream::Unix(sys::pair().unwrap().0);
        for greeting in [Panics::Wrapping, Panics::Beginning] {
            let error = begin(&greeting, stream()).err().unwrap();
            assert!(error.to_string().contains("panicked"), "{error}");
        }
        let (stream, greeter) = begin(&Panics::GoingOn, stream()).unwrap();
        let mut greeted = Greeted {
            id: 1,
            link: 0,
            name: String::new(),
            stream,
            greeter,
            input: Vec::new(),
            deadline: Instant::now(),
            is_peer: false,
            refused: false,
        };
        let Step::Failed(error) = greeted.advance() else {
            panic!("it goes on");
        };
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
