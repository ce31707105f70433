//! Streams that are arguments of calls of peers.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Stream;
use super::asking::item;
use super::given::Gifts;
use super::incoming::{Incoming, ItemCodec};
use super::telegrams::{self, CallId, StreamId};
use crate::base::error::{CallError, Error, Result};
use crate::call::calls::Calls;
use crate::call::dispatch::Invocation;
use crate::call::promise::{CallInfo, Context};
use crate::call::reply::Via;
use crate::net::conn::Conn;
use crate::wire::codec::{AnyCodec, Payload, Script};
use crate::wire::jrpc;

impl Invocation<'_> {
    /// The stream that stands in the place of an argument. One that cannot be has failed.
    pub fn take_stream<T, W, R, V>(&self, argument: StreamId) -> Stream<T, R>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
    {
        let (conn, calls) = self.came_from();
        let taken = calls.take_argument::<T, W, R, V>(conn, argument.id, self.method());
        taken.unwrap_or_else(Stream::failed)
    }
}

impl Calls {
    fn take_argument<T, W, R, V>(
        &self,
        conn: &Arc<Conn>,
        id: CallId,
        method: &str,
    ) -> Result<Stream<T, R>>
    where
        T: Via<W> + Send + 'static,
        W: DeserializeOwned + 'static,
        R: Via<V> + Send + 'static,
        V: DeserializeOwned + 'static,
    {
        let refused = |text: String| Error::Call(CallError::new(CallError::INVALID_REQUEST, text));
        if let Some(why) = conn.wire.lacks_streams() {
            return Err(refused(why.into()));
        }
        let calls = self.me.upgrade().ok_or(Error::Stopped)?;
        let context = Arc::new(Argument {
            calls,
            conn: Arc::downgrade(conn),
            id: id.clone(),
        });
        let info = CallInfo {
            id: 0,
            method: method.to_owned().into(),
            peer: Some(Arc::clone(&conn.peer().name)),
            // Its caller's silence is ended by the caller's own deadline, or by its end.
            deadline: None,
            timeout: Duration::MAX,
        };
        let codec = ItemCodec {
            item: item::<T, W>,
            result: end::<R, V>,
        };
        let (stream, argument, granted) = Incoming::begin(context, info, codec, Gifts::default());
        if !self.arguments.enter(conn.id(), &id, argument) {
            stream.forget();
            let text = "a stream is for one handler, and this one is taken already";
            return Err(refused(text.into()));
        }
        // Whoever ends a peer looks for its streams after that, and this one after entering.
        if let Some(reason) = conn.lost_for_calls()
            && let Some(argument) = self.arguments.leave(conn.id(), &id)
        {
            argument.fail(conn.gone(&reason), 0);
        }
        self.say_more(conn, &id, granted);
        Ok(stream)
    }

    /// A peer has said that no more comes of an argument.
    ///
    /// # Errors
    ///
    /// Why it has not.
    pub(crate) fn done(
        &self,
        conn: &Arc<Conn>,
        telegram: &Script<'_>,
        params: &Payload,
    ) -> Result<(), String> {
        let (codec, depth) = (&conn.wire.codec, conn.wire.limits.nesting_depth);
        let end = telegrams::end(codec, telegram, params, depth)?;
        let Some(argument) = self.arguments.leave(conn.id(), &end.id) else {
            if self.subscription_done(conn, &end) {
                return Ok(());
            }
            crate::base::log::debug!(peer = %conn.peer(), id = ?end.id, "no stream of ours has ended");
            return Ok(());
        };
        let ended = match end.error {
            Some(error) => Err(Error::Call(error.into())),
            None => argument.offer(codec, telegram, params, depth, conn.id()),
        };
        if let Err(error) = ended {
            argument.fail(error, conn.id());
        }
        Ok(())
    }

    /// Nobody takes any more of an argument.
    pub(super) fn refuse_argument(&self, conn: &Arc<Conn>, id: &CallId) {
        let left = self.arguments.leave(conn.id(), id);
        if left.is_some() && !conn.is_closed() {
            #[derive(Serialize)]
            struct GivenUp<'a> {
                id: &'a CallId,
            }
            self.say(conn, jrpc::CANCEL, &GivenUp { id }, &(id,));
        }
        drop(left);
    }
}

/// Reads the result of a stream.
fn end<R: Via<V>, V: DeserializeOwned>(
    codec: &AnyCodec,
    telegram: &Script<'_>,
    payload: &Payload,
    depth: usize,
) -> Result<R, String> {
    telegrams::end_value::<V>(codec, telegram, payload, depth).map(Via::from_wire)
}

/// What a stream that is an argument asks of the API to which it was given.
struct Argument {
    calls: Arc<Calls>,
    conn: Weak<Conn>,
    id: CallId,
}

impl Context for Argument {
    fn before_wait(&self) -> Result<()> {
        self.calls.before_wait()
    }

    fn expire(&self, _id: u64) -> bool {
        true
    }

    fn cancel(&self, _id: u64) {
        if let Some(conn) = self.conn.upgrade() {
            self.calls.refuse_argument(&conn, &self.id);
        }
    }

    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>) {
        self.calls.run(lane, callback);
    }

    fn is_manual(&self) -> bool {
        self.calls.is_manual()
    }

    fn run_for(&self, _call: u64, callback: Box<dyn FnOnce() + Send>) {
        let conn = self.conn.upgrade();
        self.calls
            .post(conn.map_or(0, |conn| conn.id()), callback, 0);
    }

    fn grant(&self, _call: u64, items: u64) {
        if let Some(conn) = self.conn.upgrade()
            && self.calls.arguments.find(conn.id(), &self.id).is_some()
        {
            self.calls.say_more(&conn, &self.id, items);
        }
    }
}
