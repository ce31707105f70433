//! A stream of a peer, as it comes in: the result of a call, or an argument.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::channel::{Channel, Offered};
use super::given::Gifts;
use super::kept::Kept;
use super::window::Window;
use super::{Stream, StreamCall};
use crate::base::error::{Error, Result};
use crate::base::foreign::catch;
use crate::base::sync::lock;
use crate::call::promise::{CallInfo, Context, ItemOutcome, PendingCall, SETTLING};
use crate::net::conn::Conn;
use crate::wire::codec::{AnyCodec, Payload, Script};

/// What may wait of one stream, in bytes: as much as fits a processor's cache on both sides. Twice
/// as much takes twice as long for each block, where it comes from this machine; and half as much
/// is too little for 100 Mbit/s over 40 ms.
const WINDOW: usize = 512 << 10;

/// A call whose result is a stream, in the table of pending calls.
pub(crate) struct Incoming<T, R> {
    channel: Arc<Channel<T, R>>,
    info: CallInfo,
    context: Arc<dyn Context>,
    codec: ItemCodec<T, R>,
    counted: Mutex<Counted>,
    /// The streams among its arguments.
    gifts: Gifts,
}

/// Reads a value out of a message: telegram, payload, and the depth of nesting allowed.
pub(super) type Read<T> = fn(&AnyCodec, &Script<'_>, &Payload, usize) -> Result<T, String>;

/// How items and the result are read.
pub(crate) struct ItemCodec<T, R> {
    pub(crate) item: Read<T>,
    pub(crate) result: Read<R>,
}

struct Counted {
    window: Window,
    /// Credit that the peer hears of when its first item has come.
    untold: u64,
    /// When the peer was last heard, or got credit.
    heard: Instant,
}

impl<T: Send + 'static, R: Send + 'static> Incoming<T, R> {
    /// A call to a peer; gives how many items are granted with it.
    pub(crate) fn begin(
        context: Arc<dyn Context>,
        info: CallInfo,
        codec: ItemCodec<T, R>,
        gifts: Gifts,
    ) -> (Stream<T, R>, Arc<dyn PendingCall>, u64) {
        let (window, granted) = Window::open(WINDOW);
        let (stream, call) = Self::with_window(context, info, codec, gifts, (window, 0));
        (stream, call, granted)
    }

    /// A call to a peer whose answer may be a stream or not: it hears of its credit when its first
    /// item has come.
    pub(crate) fn begin_either(
        context: Arc<dyn Context>,
        info: CallInfo,
        codec: ItemCodec<T, R>,
        gifts: Gifts,
    ) -> (Stream<T, R>, Arc<dyn PendingCall>) {
        let (window, granted) = Window::open(WINDOW);
        Self::with_window(context, info, codec, gifts, (window, granted))
    }

    fn with_window(
        context: Arc<dyn Context>,
        info: CallInfo,
        codec: ItemCodec<T, R>,
        gifts: Gifts,
        (window, untold): (Window, u64),
    ) -> (Stream<T, R>, Arc<dyn PendingCall>) {
        // Credit bounds what waits, and not the channel.
        let channel = Arc::new(Channel::new(usize::MAX));
        let incoming = Arc::new(Incoming {
            channel: Arc::clone(&channel),
            info,
            context,
            codec,
            counted: Mutex::new(Counted {
                window,
                untold,
                heard: Instant::now(),
            }),
            gifts,
        });
        let stream = Stream::of_call(channel, Arc::clone(&incoming) as _);
        (stream, incoming)
    }

    fn timeout_error(&self, sent: bool) -> Error {
        Error::Timeout {
            method: self.info.method.as_ref().into(),
            peer: self.info.peer.clone().unwrap_or_else(|| "".into()),
            sent,
            after: self.info.timeout,
        }
    }

    fn bad(&self, reason: String) -> Error {
        Error::BadResult {
            method: self.info.method.as_ref().into(),
            reason: reason.into(),
        }
    }

    /// The same of an item.
    fn bad_item(&self, reason: &str) -> Error {
        let what = match self.info.id {
            // It is an argument, which has no number of a call of ours.
            0 => "an item of a stream that is its argument",
            _ => "an item of its stream",
        };
        self.bad(format!("{what}: {reason}"))
    }

    fn read<V>(
        &self,
        read: Read<V>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> Result<V, String> {
        // Deserialising is user code too, fed with what a peer sent.
        let read = catch("reading a stream", || read(codec, telegram, payload, depth));
        read.unwrap_or_else(|| Err("reading it panicked".into()))
    }
}

impl<T: Send + 'static, R: Send + 'static> PendingCall for Incoming<T, R> {
    fn offer(
        &self,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
        _lane: u64,
    ) -> Result<()> {
        if self.channel.is_closed() {
            return Ok(());
        }
        let result = self.read(self.codec.result, codec, telegram, payload, depth);
        let result = result.map_err(|reason| self.bad(reason))?;
        self.channel.finish(Ok(result));
        Ok(())
    }

    fn fail(&self, error: Error, _lane: u64) {
        self.channel.finish(Err(error));
    }

    fn time_out(&self, sent: bool, _lane: u64) {
        self.channel.finish(Err(self.timeout_error(sent)));
    }

    fn is_wanted(&self) -> bool {
        !self.channel.is_closed()
    }

    fn deadline(&self) -> Option<Instant> {
        let counted = lock(&self.counted);
        // Without credit, the silence is ours.
        let since = match counted.window.is_open() {
            true => counted.heard,
            false => Instant::now(),
        };
        let since = self.gifts.silent_since(since);
        since.checked_add(self.info.timeout)
    }

    fn item(
        &self,
        conn: &Arc<Conn>,
        codec: &AnyCodec,
        telegram: &Script<'_>,
        payload: &Payload,
        depth: usize,
    ) -> ItemOutcome {
        if self.channel.is_closed() {
            return ItemOutcome::Taken;
        }
        let bytes = telegram.len();
        let mut counted = lock(&self.counted);
        counted.heard = Instant::now();
        let invited = counted.window.arrived(bytes);
        let untold = std::mem::take(&mut counted.untold);
        drop(counted);
        if untold > 0 {
            self.context.grant(self.info.id, untold);
        }
        if !invited {
            let text = format!(
                "`{}` sends more items than it may, and does not wait for `rpc.more`",
                conn.peer()
            );
            return ItemOutcome::Bad(self.bad_item(&text));
        }
        let item = match self.read(self.codec.item, codec, telegram, payload, depth) {
            Ok(item) => item,
            Err(reason) => return ItemOutcome::Bad(self.bad_item(&reason)),
        };
        let (kept, more) = Kept::of(conn, bytes);
        match self.channel.offer(item, Some(kept)) {
            Offered::Queued => {}
            // Nobody wants it any more; there is room for all that has credit.
            Offered::Full(item) | Offered::Gone(item) => {
                catch("dropping an item", || drop(item));
            }
        }
        match more {
            true => ItemOutcome::TakenMore,
            false => ItemOutcome::Taken,
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> StreamCall for Incoming<T, R> {
    fn context(&self) -> Arc<dyn Context> {
        Arc::clone(&self.context)
    }

    fn drive(&self, done: &dyn Fn() -> bool, until: Option<Instant>) {
        self.context.drive(self.info.id, done, until);
    }

    fn deadline(&self) -> Option<Instant> {
        PendingCall::deadline(self)
    }

    fn expire(&self) {
        if !self.context.expire(self.info.id) {
            self.channel.wait(Instant::now().checked_add(SETTLING));
        }
        self.channel.finish(Err(self.timeout_error(true)));
    }

    fn attend(&self) {
        self.context.attend(self.info.id);
    }

    fn taken(&self) {
        let mut counted = lock(&self.counted);
        let more = counted.window.taken();
        if more > 0 {
            counted.heard = Instant::now();
            drop(counted);
            self.context.grant(self.info.id, more);
        }
    }

    fn give_up(&self) {
        self.context.cancel(self.info.id);
    }

    fn run(&self, item: Box<dyn FnOnce() + Send>) {
        self.context.run_for(self.info.id, item);
    }

    fn method(&self) -> &str {
        &self.info.method
    }
}
