//! One who posts: what is shared by those who read him and those who answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::base::error::Error;
use crate::base::reason::DisconnectReason;
use crate::base::security::SecInfo;
use crate::base::sync::lock;
use crate::base::trace::Trace;
use crate::wire::session::{About, Due};

use super::head::readable_by;
use super::{Host, Request};

/// Why something is not said.
pub(crate) const DEAF: &str = "who posts over HTTP takes answers only; for calls and notifications \
                               to it, it has to connect by WebSocket";

/// A response before the last one, which is ignored by who does not wait for it.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection on which nothing is asked is closed after so long.
const IDLE: Duration = Duration::from_secs(75);
/// A request that arrives has a second more for so many bytes.
const SLOWEST: usize = 1 << 10;

/// The other end of a connection that posts.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(super) host: Arc<dyn Host>,
    /// A request waits for its response. Set by who reads, unset under the lock of the queue.
    busy: AtomicBool,
    /// The last response has left, or will.
    done: AtomicBool,
    /// A leaf in the lock order.
    asked: Mutex<Asked>,
}

/// Of the request that was heard last.
#[derive(Debug)]
struct Asked {
    who: Option<Arc<SecInfo>>,
    /// The page that it came from, which may read the response.
    origin: Option<String>,
    /// Which trace its calls belong to.
    trace: Option<Trace>,
    /// It is the last one of the connection.
    closes: bool,
    /// Its sender knows of responses before the last one (RFC 9110, section 15.2).
    modern: bool,
    /// When it began to arrive, or when the one before was answered.
    since: Instant,
    /// Bytes that have arrived of one that is not complete.
    arrived: usize,
}

impl Caller {
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        Caller {
            host,
            busy: AtomicBool::new(false),
            done: AtomicBool::new(false),
            asked: Mutex::new(Asked {
                who: None,
                origin: None,
                trace: None,
                closes: false,
                modern: false,
                since: Instant::now(),
                arrived: 0,
            }),
        }
    }

    /// Whether a request waits for its response.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst)
    }

    /// Whether the last request was the last one of the connection.
    pub(super) fn ends_here(&self) -> bool {
        lock(&self.asked).closes
    }

    /// Whether the last response has been given.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// The page that the last request came from, which may read what is answered.
    pub(super) fn page(&self) -> Option<String> {
        lock(&self.asked).origin.clone()
    }

    /// What is known of who sent the last request.
    pub(crate) fn who(&self) -> Option<Arc<SecInfo>> {
        lock(&self.asked).who.clone()
    }

    /// Which trace the calls of the last request belong to, as its head said.
    pub(crate) fn trace(&self) -> Option<Trace> {
        lock(&self.asked).trace
    }

    /// So many bytes have come of a request that is not complete.
    pub(super) fn arrives(&self, bytes: usize) {
        let mut asked = lock(&self.asked);
        if asked.arrived == 0 {
            asked.since = Instant::now();
        }
        asked.arrived = asked.arrived.max(bytes);
    }

    /// The head of a request is there.
    pub(super) fn begins(&self, who: Option<Arc<SecInfo>>, request: &Request, closes: bool) {
        let mut asked = lock(&self.asked);
        asked.who = who;
        asked.origin = request.header("origin").map(str::to_owned);
        // What is none is not there (W3C's Trace Context, section 4.3).
        let trace = request.header("traceparent");
        asked.trace = trace.and_then(|text| text.trim().parse().ok());
        asked.closes = closes;
        asked.modern = request.version >= 1;
    }

    /// A request is complete, and waits for its response.
    pub(super) fn asks(&self) {
        self.busy.store(true, Ordering::SeqCst);
    }

    /// Appends the response that has this answer, or nothing where none is waited for.
    ///
    /// # Errors
    ///
    /// When it is no answer.
    pub(crate) fn enclose(
        &self,
        out: &mut Vec<u8>,
        about: About<'_>,
        answer: &[u8],
    ) -> Result<(), Error> {
        let method = match about {
            About::Answer { .. } => {
                self.respond(out, Some(answer));
                return Ok(());
            }
            About::Call { method, .. } | About::Change { method, .. } => method,
            About::Kept { .. } => return Ok(()),
        };
        Err(Error::Unsupported {
            protocol: "http".into(),
            method: method.into(),
            reason: DEAF.into(),
        })
    }

    /// Appends the response to what has no answer.
    pub(crate) fn accept(&self, out: &mut Vec<u8>) {
        self.respond(out, None);
    }

    /// Whether who posts can be sent something that means nothing while a request waits for its response.
    pub(crate) fn takes_interim(&self) -> bool {
        lock(&self.asked).modern
    }

    /// Appends that, if a request waits.
    pub(crate) fn say_nothing(&self, out: &mut Vec<u8>) {
        if self.is_busy() && self.takes_interim() {
            out.extend_from_slice(CONTINUE);
        }
    }

    fn respond(&self, out: &mut Vec<u8>, answer: Option<&[u8]>) {
        if !self.is_busy() {
            return;
        }
        let mut asked = lock(&self.asked);
        let mut head = match answer {
            Some(answer) => format!(
                "HTTP/1.1 200 OK\r\n\
                 Content-Type: application/json\r\n\
                 Content-Length: {}\r\n",
                answer.len()
            ),
            None => String::from("HTTP/1.1 204 No Content\r\n"),
        };
        head.push_str("Cache-Control: no-store\r\n");
        if let Some(origin) = &asked.origin {
            head.push_str(&readable_by(origin));
        }
        if asked.closes {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        out.reserve(head.len() + answer.map_or(0, <[u8]>::len));
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(answer.unwrap_or_default());
        asked.since = Instant::now();
        asked.arrived = 0;
        if asked.closes {
            self.done.store(true, Ordering::Release);
        }
        drop(asked);
        self.busy.store(false, Ordering::SeqCst);
    }

    /// What is due: a request has to arrive in time, and not to let us wait for it for ever.
    pub(crate) fn due(&self, now: Instant, greeting: Duration) -> Due {
        if self.is_busy() {
            return Due::At(now + IDLE);
        }
        let asked = lock(&self.asked);
        let more = Duration::from_secs((asked.arrived / SLOWEST) as u64);
        let limit = match asked.arrived {
            0 => IDLE,
            _ => greeting.saturating_add(more),
        };
        match asked.since.checked_add(limit) {
            Some(at) if at <= now => Due::End(DisconnectReason::Silent { after: limit }),
            // One that begins to arrive meanwhile may have less time.
            Some(at) => Due::At(at.min(now + greeting)),
            None => Due::Never,
        }
    }
}
