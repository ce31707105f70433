//! Around calls that are sent.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::answer::{Comes, Own, Seen, Watchers};
use super::{Answer, Call, read};
use crate::base::current;
use crate::base::error::{Error, Result};
use crate::base::sync::lock;
use crate::base::trace::{self, Trace};
use crate::base::value::Value;
use crate::call::promise::{CallInfo, Context, ItemOutcome, PendingCall};
use crate::call::target::{ArgsFor, Plain, Target};
use crate::format::description::Direction;
use crate::net::conn::Conn;
use crate::wire::Wire;
use crate::wire::codec::{AnyCodec, Payload, Script, SharedScript};
use crate::wire::session::Deed;

impl Target {
    /// Sends a notification that has something around it.
    #[cold]
    #[inline(never)]
    pub(crate) fn notify_around(&self, method: &str, args: &dyn ArgsFor) -> Result<()> {
        let wires = self.wires();
        let read = || read_args(&wires.1, args, method, None);
        let mut seen = self.seen_call(method, &wires, &read, None);
        let answer = self.calls().run_around(&mut seen, &mut |seen| {
            let size = Cell::new(0);
            let sent = trace::sending(seen.trace, || match seen.replaced {
                true => self.notify_plain(method, &Sized(&size, &Plain(seen.args()))),
                false => self.notify_plain(method, &Sized(&size, args)),
            });
            seen.size = size.get() * wires.0.len().max(1);
            Answer::own(match sent {
                Ok(()) => Own::Done,
                Err(error) => Own::Failed(error),
            })
        });
        match answer.0 {
            Comes::Now(Own::Failed(error)) | Comes::Instead(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends a call that has something around it.
    #[cold]
    #[inline(never)]
    pub(crate) fn ask_around<P>(
        &self,
        method: Cow<'static, str>,
        args: &dyn ArgsFor,
        declared: Option<Duration>,
        make: impl FnOnce(Arc<dyn Context>, CallInfo, &[Arc<Conn>]) -> Result<(P, Arc<dyn PendingCall>)>,
    ) -> Result<P> {
        let wires = self.wires();
        let timeout = self.limit(declared, &wires.0);
        let deadline = Instant::now().checked_add(timeout);
        let read = || read_args(&wires.1, args, &method, Some(1));
        let mut seen = self.seen_call(&method, &wires, &read, deadline);
        let (mut make, mut asked) = (Some(make), None);
        let answer = self.calls().run_around(&mut seen, &mut |seen| {
            let Some(make) = make.take() else {
                return Answer::own(Own::Failed(Error::Done));
            };
            let make = |context: Arc<dyn Context>, info: CallInfo, peers: &[Arc<Conn>]| {
                let late = info.clone();
                let (promise, call) = make(context, info, peers)?;
                let call = Arc::new(Asked::new(call, late));
                Ok(((promise, Arc::clone(&call)), call as Arc<dyn PendingCall>))
            };
            let size = Cell::new(0);
            let sent = trace::sending(seen.trace, || match seen.replaced {
                true => {
                    let args = Replaced(seen.args(), args);
                    self.ask_plain(method.clone(), &Sized(&size, &args), declared, make)
                }
                false => self.ask_plain(method.clone(), &Sized(&size, args), declared, make),
            });
            seen.size = size.get() * wires.0.len().max(1);
            match sent {
                Ok(sent) => {
                    asked = Some(sent);
                    Answer(Comes::Later(Watchers::default()))
                }
                Err(error) => Answer::own(Own::Failed(error)),
            }
        });
        let answer = match answer.0 {
            Comes::Now(Own::Failed(error)) => return Err(error),
            Comes::Later(watchers) => {
                let (promise, call) = asked.ok_or_else(foreign_answer)?;
                call.watch(watchers);
                return Ok(promise);
            }
            answer => answer,
        };
        // Something else is the answer, whether the call was sent or not.
        let (promise, call) = match (asked, make) {
            (Some(asked), _) => asked,
            (None, None) => return Err(foreign_answer()),
            (None, Some(make)) => {
                let info = CallInfo {
                    id: 0,
                    method: method.clone(),
                    peer: None,
                    deadline,
                    timeout,
                };
                let late = info.clone();
                let (promise, call) = make(self.context(), info, &[])?;
                (promise, Arc::new(Asked::new(call, late)))
            }
        };
        call.ignore();
        match answer {
            Comes::Instead(result) => call.settle(result, 0),
            Comes::Promised(value, watchers) => value.on_settled(move |result| {
                let instead = watchers.tell(result.clone().into(), 0);
                call.settle(instead.unwrap_or(result), 0);
            }),
            Comes::Now(_) | Comes::Later(_) => call.settle(Err(foreign_answer()), 0),
        }
        Ok(promise)
    }

    /// Those who are meant, and how messages look to the first of them, or else on the first wire.
    fn wires(&self) -> (Vec<Arc<Conn>>, Option<Arc<Wire>>) {
        let (peers, _) = self.resolve();
        let peers = peers.as_slice().to_vec();
        let wire = match peers.first() {
            Some(conn) => Some(Arc::clone(&conn.wire)),
            None => self.calls().net.wires().into_iter().next(),
        };
        (peers, wire)
    }

    fn seen_call<'a>(
        &self,
        method: &'a str,
        (peers, wire): &(Vec<Arc<Conn>>, Option<Arc<Wire>>),
        read: &'a dyn Fn() -> Value,
        deadline: Option<Instant>,
    ) -> Call<'a> {
        let wire = wire.as_ref().filter(|_| !peers.is_empty());
        let is_traced = wire.is_some_and(|wire| wire.codec.traces()) && deadline.is_some();
        Call {
            method,
            direction: Direction::Outgoing,
            peers: peers.iter().map(|conn| conn.sender()).collect(),
            codec: wire.map_or_else(String::new, |wire| wire.codec.to_string()),
            transport: wire.map_or_else(|| "".into(), |wire| Arc::clone(&wire.name)),
            wants_answer: deadline.is_some(),
            deadline,
            read,
            args: OnceCell::new(),
            replaced: false,
            size: 0,
            trace: is_traced.then(|| Trace::below(current::trace())),
        }
    }
}

fn foreign_answer() -> Error {
    Error::Config(
        "a layer gave the answer of another call; return what `next.run(call)` gives".into(),
    )
}

fn read_args(wire: &Option<Arc<Wire>>, args: &dyn ArgsFor, method: &str, id: Option<u64>) -> Value {
    let (Some(wire), mut out) = (wire, Vec::new()) else {
        return Value::Null;
    };
    match args.encode(wire, &mut out, method, id) {
        Ok(()) => read::args(wire, &out),
        Err(_) => Value::Null,
    }
}

/// Arguments without their type, which tell how large the message is with them.
struct Sized<'a>(&'a Cell<usize>, &'a dyn ArgsFor);

impl ArgsFor for Sized<'_> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        let before = out.len();
        self.1.encode(wire, out, method, id)?;
        self.0.set(out.len() - before);
        Ok(())
    }

    fn lasts(&self) -> bool {
        self.1.lasts()
    }

    fn deed(&self) -> Deed {
        self.1.deed()
    }
}

/// Others in the place of those of a call.
struct Replaced<'a>(&'a Value, &'a dyn ArgsFor);

impl ArgsFor for Replaced<'_> {
    fn encode(
        &self,
        wire: &Wire,
        out: &mut Vec<u8>,
        method: &str,
        id: Option<u64>,
    ) -> Result<(), String> {
        Plain(self.0).encode(wire, out, method, id)
    }

    fn lasts(&self) -> bool {
        self.1.lasts()
    }

    fn deed(&self) -> Deed {
        self.1.deed()
    }
}

/// A pending call of which layers hear what it comes to.
struct Asked {
    call: Arc<dyn PendingCall>,
    info: CallInfo,
    /// A leaf in the lock order; nothing of the program runs under it.
    state: Mutex<State>,
}

enum State {
    /// The layers have not returned yet. What has come meanwhile, which is for them first.
    Within(Option<Arrived>),
    Watched(Watchers),
    /// They have heard of it, or have another answer.
    Over,
    /// What comes is not wanted, since they have another answer.
    Ignored,
}

/// What came of a call.
enum Arrived {
    Result {
        codec: AnyCodec,
        telegram: SharedScript,
        payload: Payload,
        depth: usize,
        lane: u64,
    },
    Failed(Error, u64),
    TimedOut(bool, u64),
    GivenUp(Error),
}

impl Asked {
    fn new(call: Arc<dyn PendingCall>, info: CallInfo) -> Self {
        let state = Mutex::new(State::Within(None));
        Asked { call, info, state }
    }

    /// The layers have returned, and these look at what comes.
    fn watch(&self, watchers: Watchers) {
        let before = mem::replace(&mut *lock(&self.state), State::Watched(watchers));
        match before {
            State::Within(Some(arrived)) => self.arrive(arrived),
            State::Within(None) | State::Watched(_) | State::Over | State::Ignored => {}
        }
    }

    /// Nobody looks at what comes.
    fn ignore(&self) {
        let before = mem::replace(&mut *lock(&self.state), State::Ignored);
        drop(before);
    }

    fn arrive(&self, arrived: Arrived) {
        match arrived {
            Arrived::Result {
                codec,
                telegram,
                payload,
                depth,
                lane,
            } => {
                let offered = self.offer(&codec, &telegram.script(), &payload, depth, lane);
                if let Err(error) = offered {
                    self.call.fail(error, lane);
                }
            }
            Arrived::Failed(error, lane) => self.fail(error, lane),
            Arrived::TimedOut(sent, lane) => self.time_out(sent, lane),
            Arrived::GivenUp(error) => self.given_up(error),
        }
    }

    /// Takes out who looks at what has come. `None`: it is not for the promise, or not yet.
    fn watchers(&self, arrived: impl FnOnce() -> Arrived) -> Option<Watchers> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Within(before) => {
                before.get_or_insert_with(arrived);
                None
            }
            State::Ignored => None,
            State::Over => Some(Watchers::default()),
            State::Watched(watchers) => {
                let watchers = mem::take(watchers);
                *state = State::Over;
                Some(watchers)
            }
        }
    }

    fn settle(&self, result: Result<Value>, lane: u64) {
        let result = result.and_then(|value| {
            let (codec, payload) = (AnyCodec::default(), Payload::Value(value));
            let depth = usize::MAX;
            let telegram = &Script::Text("");
            self.call.offer(&codec, telegram, &payload, depth, lane)
        });
        if let Err(error) = result {
            self.call.fail(error, lane);
        }
    }

    fn timeout(&self, sent: bool) -> Error {
        Error::Timeout {
            method: self.info.method.as_ref().into(),
            peer: self.info.peer.clone().unwrap_or_else(|| "".into()),
            sent,
            after: self.info.timeout,
        }
    }
}

impl PendingCall for Asked {
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        lane: u64,
    ) -> Result<()> {
        let arrived = || Arrived::Result {
            codec: codec.clone(),
            telegram: telegram.share(),
            payload: payload.clone(),
            depth,
            lane,
        };
        let Some(watchers) = self.watchers(arrived) else {
            return Ok(());
        };
        if !watchers.is_empty() {
            let read = || read::with(codec, telegram, payload, depth).unwrap_or(Value::Null);
            let instead = watchers.tell(Seen::Encoded(&read), telegram.len());
            if let Some(instead) = instead {
                self.settle(instead, lane);
                return Ok(());
            }
        }
        self.call.offer(codec, telegram, payload, depth, lane)
    }

    fn fail(&self, error: Error, lane: u64) {
        let arrived = || Arrived::Failed(error.clone(), lane);
        let Some(watchers) = self.watchers(arrived) else {
            return;
        };
        match watchers.tell(Seen::Failed(error.clone()), 0) {
            Some(instead) => self.settle(instead, lane),
            None => self.call.fail(error, lane),
        }
    }

    fn time_out(&self, sent: bool, lane: u64) {
        let Some(watchers) = self.watchers(|| Arrived::TimedOut(sent, lane)) else {
            return;
        };
        match watchers.tell(Seen::Failed(self.timeout(sent)), 0) {
            Some(instead) => self.settle(instead, lane),
            None => self.call.time_out(sent, lane),
        }
    }

    fn given_up(&self, error: Error) {
        if let Some(watchers) = self.watchers(|| Arrived::GivenUp(error.clone())) {
            watchers.tell(Seen::Failed(error), 0);
        }
    }

    fn is_wanted(&self) -> bool {
        self.call.is_wanted()
    }

    fn deadline(&self) -> Option<Instant> {
        self.call.deadline()
    }

    fn asks(&self, peers: &[Arc<Conn>]) -> Result<()> {
        self.call.asks(peers)
    }

    fn item(
        &self,
        conn: &Arc<Conn>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> ItemOutcome {
        self.call.item(conn, codec, telegram, payload, depth)
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({})", self.info.method)
    }
}
