//! Requests, one after the other, as they arrive.

use std::sync::Arc;

use super::Visit;
use super::caller::{CONTINUE, Caller};
use super::chunks::{Chunks, Wrong};
use super::head::{BadRequest, HEAD, Request, made_readable, refusal};

/// Reads what one [`Caller`] sends.
#[derive(Debug)]
pub(crate) struct Reader {
    caller: Arc<Caller>,
    state: State,
    /// Bytes of a head in which its end is not.
    scanned: usize,
    /// The chunks of the last message have been read.
    read: bool,
}

#[derive(Debug)]
enum State {
    /// A head comes.
    Head,
    /// A body of so many bytes comes.
    Sized(usize),
    /// A body in chunks comes.
    Chunked(Chunks),
    /// Nothing that comes means anything.
    Over,
    /// The peer is to be told nothing more.
    Ends,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// More input is needed.
    Incomplete,
    /// What comes next is read when the request before it is answered.
    Busy,
    /// Something was taken, and there is no message yet.
    Part,
    /// A message, whose sender waits for its response.
    Message(&'a [u8]),
    /// To be sent as it is.
    Say(Vec<u8>),
    /// The connection is over.
    End,
}

/// A message in the input, or in chunks that were taken from it.
enum Body {
    Here(usize),
    Chunks,
}

impl Reader {
    pub(crate) fn boxed(caller: &Arc<Caller>) -> Box<Self> {
        Box::new(Reader {
            caller: Arc::clone(caller),
            state: State::Head,
            scanned: 0,
            read: false,
        })
    }

    /// The bytes that it holds of a message that is not complete.
    pub(crate) fn held(&self) -> usize {
        match &self.state {
            State::Chunked(chunks) => chunks.body.capacity(),
            _ => 0,
        }
    }

    /// Whether there is more to come of a message.
    pub(crate) fn is_within_message(&self) -> bool {
        match &self.state {
            State::Chunked(_) => !self.read,
            State::Sized(_) => true,
            State::Head | State::Over | State::Ends => false,
        }
    }

    /// Nobody will read what was there of messages.
    pub(crate) fn clear(&mut self) {
        self.state = State::Over;
    }

    /// Nothing is read for a while.
    pub(crate) fn rest(&mut self) {
        if self.read {
            self.next_request();
        }
    }

    fn next_request(&mut self) {
        self.read = false;
        self.state = match self.caller.ends_here() {
            true => State::Over,
            false => State::Head,
        };
    }

    /// Takes what is at the front of the input. Gives how many bytes it took.
    pub(crate) fn next<'a>(&'a mut self, bytes: &'a [u8], limit: usize) -> (usize, Event<'a>) {
        if self.read {
            self.next_request();
        }
        let (taken, body) = match &mut self.state {
            State::Ends => return (bytes.len(), Event::End),
            _ if bytes.is_empty() => return (0, Event::Incomplete),
            State::Over => return (bytes.len(), Event::Part),
            State::Head if self.caller.is_busy() => return (0, Event::Busy),
            State::Head => return self.head(bytes, limit),
            State::Sized(length) => match bytes.len() >= *length {
                true => (*length, Body::Here(*length)),
                false => {
                    self.caller.arrives(HEAD + bytes.len());
                    return (0, Event::Incomplete);
                }
            },
            State::Chunked(chunks) => match chunks.take(bytes, limit) {
                Ok((taken, true)) => (taken, Body::Chunks),
                Ok((taken, false)) => {
                    self.caller.arrives(HEAD + chunks.body.len());
                    let event = match taken {
                        0 => Event::Incomplete,
                        _ => Event::Part,
                    };
                    return (taken, event);
                }
                Err(wrong) => return (bytes.len(), self.wrong(&wrong, limit)),
            },
        };
        self.caller.asks();
        match body {
            Body::Here(length) => {
                self.next_request();
                let body = bytes.get(..length).unwrap_or_default();
                (taken, Event::Message(body))
            }
            Body::Chunks => {
                self.read = true;
                let body = match &self.state {
                    State::Chunked(chunks) => &*chunks.body,
                    _ => &[],
                };
                (taken, Event::Message(body))
            }
        }
    }

    fn head(&mut self, bytes: &[u8], limit: usize) -> (usize, Event<'static>) {
        // Some send an empty line behind a body (RFC 9112, section 2.2).
        let blank = bytes.iter().take_while(|byte| b"\r\n".contains(byte));
        match blank.count() {
            0 => {}
            blank => return (blank, Event::Part),
        }
        let start = bytes.get(..HEAD).unwrap_or(bytes);
        let parsed = match self.has_end(start) {
            true => Request::parse(start),
            false if bytes.len() >= HEAD => Err(BadRequest::TooLarge),
            false => Ok(None),
        };
        let (request, length) = match parsed {
            Ok(Some(parsed)) => parsed,
            Ok(None) => {
                self.caller.arrives(bytes.len());
                return (0, Event::Incomplete);
            }
            Err(bad) => {
                let (status, why) = bad.answer();
                return (bytes.len(), self.refuse(status, &why, None));
            }
        };
        self.scanned = 0;
        let who = match self.caller.host.visit(&request) {
            Visit::Message(who) => who,
            Visit::Other(response) => {
                self.state = State::Ends;
                return (length, Event::Say(response));
            }
        };
        let framing = match framing(&request, limit) {
            Ok(framing) => framing,
            Err((status, why)) => {
                // It may post.
                let page = request.header("origin");
                return (bytes.len(), self.refuse(status, &why, page));
            }
        };
        let closes = request.version < 1 || request.says("connection", "close");
        self.caller.begins(who, &request, closes);
        self.caller.arrives(length);
        self.state = framing;
        let waits = request.version >= 1 && request.says("expect", "100-continue");
        match waits && bytes.len() == length {
            true => (length, Event::Say(CONTINUE.to_vec())),
            false => (length, Event::Part),
        }
    }

    /// Whether the end of a head is there. What was looked at is not looked at again.
    fn has_end(&mut self, bytes: &[u8]) -> bool {
        let from = self.scanned.min(bytes.len());
        let mut lines = memchr::memchr_iter(b'\n', bytes.get(from..).unwrap_or_default());
        let ends = lines.any(|at| {
            let line = bytes.get(..from + at).unwrap_or_default();
            line.ends_with(b"\n") || line.ends_with(b"\n\r")
        });
        self.scanned = bytes.len();
        ends
    }

    fn wrong(&mut self, wrong: &Wrong, limit: usize) -> Event<'static> {
        let page = self.caller.page();
        let page = page.as_deref();
        match wrong {
            Wrong::TooLarge => self.refuse(TOO_LARGE, &too_large(limit), page),
            Wrong::Malformed(why) => self.refuse("400 Bad Request", why, page),
        }
    }

    fn refuse(&mut self, status: &str, why: &str, page: Option<&str>) -> Event<'static> {
        self.state = State::Ends;
        let answer = refusal(status, &[], why);
        Event::Say(match page {
            Some(page) => made_readable(answer, page),
            None => answer,
        })
    }
}

const EMPTY: &str = "a request without a body calls nothing";
const TOO_LARGE: &str = "413 Content Too Large";

fn too_large(limit: usize) -> String {
    format!("a message may have {limit} bytes")
}

/// Where the body ends (RFC 9112, section 6.3). What others might understand in another way is
/// refused, since they may stand between.
fn framing(request: &Request, limit: usize) -> Result<State, (&'static str, String)> {
    let bad = |why: &str| ("400 Bad Request", String::from(why));
    if request
        .headers
        .get("expect")
        .is_some_and(|expects| !expects.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    {
        let why = "`100-continue` is all that can be expected here";
        return Err(("417 Expectation Failed", String::from(why)));
    }
    let chunked = request.headers.contains_key("transfer-encoding");
    let sized = request.headers.contains_key("content-length");
    match (chunked, sized) {
        (true, true) => Err(bad(
            "`Content-Length` and `Transfer-Encoding` exclude each other",
        )),
        (true, false) if request.version < 1 => Err(bad("HTTP/1.0 has no chunks")),
        (true, false) => {
            let coding = request.header("transfer-encoding").unwrap_or_default();
            match coding.trim().eq_ignore_ascii_case("chunked") {
                true => Ok(State::Chunked(Chunks::default())),
                false => {
                    let why = "`chunked` is the only encoding that is understood";
                    Err(("501 Not Implemented", String::from(why)))
                }
            }
        }
        (false, true) => {
            let all = request.headers.get_all("content-length");
            if all.iter().count() > 1 {
                return Err(bad("`Content-Length` stands there more than once"));
            }
            let text = request.header("content-length").unwrap_or_default();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits {
                return Err(bad("`Content-Length` is no number"));
            }
            match text.parse() {
                Ok(0) => Err(bad(EMPTY)),
                Ok(length) if length <= limit => Ok(State::Sized(length)),
                _ => Err((TOO_LARGE, too_large(limit))),
            }
        }
        (false, false) => Err(("411 Length Required", String::from(EMPTY))),
    }
}
