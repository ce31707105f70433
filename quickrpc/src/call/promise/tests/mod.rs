mod deadlines;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread;

use super::*;
use crate::base::error::CallError;
use crate::base::sender::Sender;
use crate::base::value::{Value, ValueDeserializer};
use crate::wire::codec::{AnyCodec, Codec, Message, Payload, Script};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

type Queued = Box<dyn FnOnce() + Send>;

/// An API as promises see it.
#[derive(Default)]
struct Fake {
    deadlock: AtomicBool,
    driven: AtomicUsize,
    /// Somebody else is about to settle the calls.
    busy: AtomicBool,
    expired: Mutex<Vec<u64>>,
    cancelled: Mutex<Vec<u64>>,
    queued: Mutex<Vec<(u64, Queued)>>,
    /// Settles a call while its waiter drives, as a waiter that reads does.
    answer: Mutex<Option<Arc<dyn PendingCall>>>,
}

impl Context for Fake {
    fn before_wait(&self) -> Result<()> {
        match self.deadlock.load(Ordering::SeqCst) {
            true => Err(Error::Deadlock("inside a handler".into())),
            false => Ok(()),
        }
    }

    fn drive(&self, _call: u64, done: &dyn Fn() -> bool, _until: Option<Instant>) {
        self.driven.fetch_add(1, Ordering::SeqCst);
        if let Some(call) = self.answer.lock().unwrap().take() {
            assert!(!done());
            answer(&*call, 42);
            assert!(done());
        }
    }

    fn expire(&self, id: u64) -> bool {
        self.expired.lock().unwrap().push(id);
        !self.busy.load(Ordering::SeqCst)
    }

    fn cancel(&self, id: u64) {
        self.cancelled.lock().unwrap().push(id);
    }

    fn run(&self, lane: u64, callback: Box<dyn FnOnce() + Send>) {
        self.queued.lock().unwrap().push((lane, callback));
    }
}

#[derive(Debug)]
struct NoCodec;

impl Codec for NoCodec {
    fn expression(&self) -> String {
        String::new()
    }

    fn delimiter(&self) -> &[u8] {
        b"\n"
    }

    fn encode(&self, _message: &Message) -> Result<Vec<u8>, BoxError> {
        Ok(Vec::new())
    }

    fn decode(&self, _telegram: &[u8]) -> Result<Vec<Message>, BoxError> {
        Ok(Vec::new())
    }
}

fn decode(_: &AnyCodec, _: &Script<'_>, payload: &Payload, _: usize) -> Result<i64, String> {
    match payload {
        Payload::Value(Value::String(_)) => panic!("a deserialiser's mistake"),
        Payload::Value(value) => serde::Deserialize::deserialize(ValueDeserializer(value))
            .map_err(|error| error.to_string()),
        _ => Err("missing".into()),
    }
}

fn answer(call: &dyn PendingCall, value: impl Into<Value>) {
    let codec = AnyCodec::custom(Arc::new(NoCodec));
    let value = Payload::Value(value.into());
    call.offer(&codec, &"".into(), &value, 128, 7).unwrap();
}

fn call(fake: &Arc<Fake>, timeout: Duration) -> (Promise<i64>, Arc<dyn PendingCall>) {
    let info = CallInfo {
        id: 5,
        method: "add".into(),
        peer: Some("bob".into()),
        deadline: Some(Instant::now() + timeout),
        timeout,
    };
    Promise::for_call(fake.clone(), info, decode)
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(promise: &mut Promise<T>, wakes: &Arc<Wakes>) -> Poll<Result<T>> {
    let waker = Waker::from(wakes.clone());
    Pin::new(promise).poll(&mut task::Context::from_waker(&waker))
}

#[test]
fn the_value_is_given_once() {
    let (promise, resolver) = Promise::pair();
    assert!(promise.try_result().is_none());
    resolver.set_result(1).unwrap();
    assert!(matches!(resolver.set_result(2), Err(Error::Done)));
    assert!(matches!(resolver.set_error("x"), Err(Error::Done)));
    assert_eq!(promise.result_timeout(Duration::ZERO).unwrap(), 1);
    assert!(matches!(promise.try_result(), Some(Err(Error::Done))));
    assert!(matches!(promise.result_timeout(SECOND), Err(Error::Done)));
    assert!(matches!(promise.result(), Err(Error::Done)));
}

#[test]
fn an_error_keeps_what_it_says() {
    let (promise, resolver) = Promise::<()>::pair();
    resolver.set_error(CallError::new(7, "no")).unwrap();
    let Err(Error::Call(error)) = promise.result() else {
        panic!("no call error");
    };
    assert_eq!(error, CallError::new(7, "no"));
}

#[test]
fn a_dropped_resolver_fails_the_promise() {
    let (promise, resolver) = Promise::<()>::pair();
    let waiter = thread::spawn(move || promise.result());
    drop(resolver);
    assert!(matches!(waiter.join().unwrap(), Err(Error::Abandoned)));
}

#[test]
fn a_dropped_promise_is_no_error_for_the_resolver() {
    let (promise, resolver) = Promise::pair();
    drop(promise);
    resolver.set_result(1).unwrap();
    assert!(matches!(resolver.set_result(1), Err(Error::Done)));
}

#[test]
fn values_nobody_takes_are_dropped_with_the_promise() {
    let value = Arc::new(());
    let (promise, resolver) = Promise::pair();
    resolver.set_result(value.clone()).unwrap();
    drop(promise);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn callbacks_run_at_once_when_late_and_panics_harm_nobody() {
    let (told, heard) = mpsc::channel();
    let tell = told.clone();
    Promise::ready(3).then(move |value| tell.send(value).unwrap(), |_| {});
    assert_eq!(heard.try_recv(), Ok(3));
    Promise::<i32>::failed(Error::Stopped).then(|_| {}, move |_| told.send(4).unwrap());
    assert_eq!(heard.try_recv(), Ok(4));

    let (promise, resolver) = Promise::pair();
    promise.then(|_: u8| panic!("in a callback"), |_| {});
    resolver.set_result(1).unwrap();
}

#[test]
fn futures_are_woken_once_settled() {
    let (mut promise, resolver) = Promise::pair();
    let (first, last) = (
        Arc::new(Wakes(AtomicUsize::new(0))),
        Arc::new(Wakes(AtomicUsize::new(0))),
    );
    assert!(poll(&mut promise, &first).is_pending());
    assert!(poll(&mut promise, &first).is_pending());
    assert!(poll(&mut promise, &last).is_pending());
    resolver.set_result(1).unwrap();
    assert_eq!(first.0.load(Ordering::SeqCst), 0);
    assert_eq!(last.0.load(Ordering::SeqCst), 1);
    assert!(matches!(poll(&mut promise, &last), Poll::Ready(Ok(1))));
    assert!(matches!(
        poll(&mut promise, &last),
        Poll::Ready(Err(Error::Done))
    ));
}

#[test]
fn a_call_is_settled_by_its_answer() {
    let fake = Arc::new(Fake::default());
    let (promise, pending) = call(&fake, MINUTE);
    let waiter = thread::spawn(move || promise.result());
    answer(&*pending, 12);
    answer(&*pending, 13);
    pending.fail(Error::Stopped, 0);
    assert_eq!(waiter.join().unwrap().unwrap(), 12);
}

#[test]
fn a_waiter_may_do_the_reading() {
    let fake = Arc::new(Fake::default());
    let (promise, pending) = call(&fake, MINUTE);
    *fake.answer.lock().unwrap() = Some(pending);
    assert_eq!(promise.result().unwrap(), 42);
    assert_eq!(fake.driven.load(Ordering::SeqCst), 1);
}

#[test]
fn a_bad_result_may_leave_the_call_to_others() {
    let fake = Arc::new(Fake::default());
    let codec = AnyCodec::custom(Arc::new(NoCodec));
    let (promise, pending) = call(&fake, MINUTE);
    let bad = Payload::Value(true.into());
    let error = pending.offer(&codec, &"".into(), &bad, 128, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the result of `add` cannot be read: invalid type: boolean `true`, expected i64"
    );
    assert!(promise.try_result().is_none());
    let panics = Payload::Value("x".into());
    let error = pending
        .offer(&codec, &"".into(), &panics, 128, 0)
        .unwrap_err();
    pending.fail(error, 0);
    assert_eq!(
        promise.result().unwrap_err().to_string(),
        "the result of `add` cannot be read: reading it panicked"
    );
}

#[test]
fn what_nobody_wants_is_not_decoded() {
    let fake = Arc::new(Fake::default());
    let (promise, pending) = call(&fake, MINUTE);
    drop(promise);
    let codec = AnyCodec::custom(Arc::new(NoCodec));
    pending
        .offer(&codec, &"".into(), &Payload::Missing, 128, 0)
        .unwrap();
}

#[test]
fn waiting_inside_a_handler_is_refused_while_pending() {
    let fake = Arc::new(Fake::default());
    fake.deadlock.store(true, Ordering::SeqCst);
    let (mut promise, pending) = call(&fake, MINUTE);
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    assert!(matches!(
        promise.result_timeout(SECOND),
        Err(Error::Deadlock(_))
    ));
    assert!(matches!(
        promise.try_result(),
        Some(Err(Error::Deadlock(_)))
    ));
    assert!(matches!(
        poll(&mut promise, &wakes),
        Poll::Ready(Err(Error::Deadlock(_)))
    ));
    answer(&*pending, 1);
    assert_eq!(promise.result().unwrap(), 1, "settled, there is no wait");
}

#[test]
fn callbacks_of_calls_take_their_turn() {
    let fake = Arc::new(Fake::default());
    let (told, heard) = mpsc::channel();
    let (promise, pending) = call(&fake, MINUTE);
    promise.then(move |value| told.send(value).unwrap(), |_| {});
    answer(&*pending, 3);
    assert!(heard.try_recv().is_err(), "not before its turn");
    let (lane, callback) = fake.queued.lock().unwrap().pop().unwrap();
    assert_eq!(lane, 7);
    callback();
    assert_eq!(heard.try_recv(), Ok(3));
}

#[test]
fn parts_of_the_library_are_called_back_without_a_turn() {
    let fake = Arc::new(Fake::default());
    let (told, heard) = mpsc::channel();
    let (promise, pending) = call(&fake, MINUTE);
    promise.on_settled(move |result| told.send(result.unwrap()).unwrap());
    answer(&*pending, 3);
    assert_eq!(heard.try_recv(), Ok(3));
}

#[test]
fn a_forgotten_call_still_calls_back() {
    let fake = Arc::new(Fake::default());
    let (told, heard) = mpsc::channel();
    let (promise, pending) = call(&fake, MINUTE);
    promise.then(|_| {}, move |error| told.send(error.to_string()).unwrap());
    drop(pending);
    assert_eq!(heard.recv().unwrap(), Error::Abandoned.to_string());
}

fn peer(id: u64) -> Sender {
    Sender::new(id, format!("peer{id}").into())
}

#[test]
fn results_come_in_the_order_of_their_arrival() {
    let (promises, resolvers): (Vec<_>, Vec<_>) = (0..4)
        .map(|id| {
            let (promise, resolver) = Promise::pair();
            ((peer(id), promise), resolver)
        })
        .unzip();
    let mut results = Promises::new(promises).results();
    for id in [2, 0, 3] {
        resolvers[id].set_result(id).unwrap();
    }
    drop(resolvers);
    assert_eq!(results.len(), 4);
    for id in [2, 0, 3] {
        let (sender, result) = results.next().unwrap();
        assert_eq!((sender, result.unwrap()), (peer(id as u64), id));
    }
    let (sender, result) = results.next().unwrap();
    assert_eq!(sender, peer(1));
    assert!(matches!(result, Err(Error::Abandoned)));
    assert!(results.next().is_none());
}

#[test]
fn results_end_by_their_deadlines_and_deadlocks() {
    let fake = Arc::new(Fake::default());
    let (short, _keep_short) = call(&fake, Duration::from_millis(5));
    let (shorter, _keep_shorter) = call(&fake, Duration::from_millis(1));
    let promises = Promises::new(vec![(peer(0), short), (peer(1), shorter)]);
    assert_eq!((promises.len(), promises.is_empty()), (2, false));
    let failures: Vec<_> = promises.results().collect();
    assert!(
        failures
            .iter()
            .all(|(_, result)| matches!(result, Err(Error::Timeout { .. })))
    );
    assert_eq!(failures.len(), 2);

    fake.deadlock.store(true, Ordering::SeqCst);
    let (promise, pending) = call(&fake, MINUTE);
    let promises = Promises::new(vec![(peer(0), promise), (peer(1), Promise::ready(1))]);
    let mut results = promises.results();
    assert_eq!(results.next().unwrap().1.unwrap(), 1);
    let (sender, result) = results.next().unwrap();
    assert_eq!(sender, peer(0));
    assert!(matches!(result, Err(Error::Deadlock(_))));
    answer(&*pending, 1);
    assert!(results.next().is_none());
}

#[test]
fn debug_says_how_it_stands() {
    let fake = Arc::new(Fake::default());
    let (promise, _pending) = call(&fake, MINUTE);
    assert_eq!(format!("{promise:?}"), "Promise(`add`: pending)");
    let (promise, resolver) = Promise::pair();
    resolver.set_result(1).unwrap();
    assert_eq!(format!("{promise:?}"), "Promise(ready)");
    assert_eq!(format!("{resolver:?}"), "Resolver(ready)");
    let promises = Promises::new(vec![(peer(0), promise)]);
    assert_eq!(format!("{promises:?}"), "{Sender(peer0#0): Promise(ready)}");
}

/// Settles from several threads at once while the value is asked for in one of the ways:
/// each promise has exactly one winner, whose value comes exactly once.
fn race(ask: impl Fn(Promise<usize>, Arc<Mutex<Vec<usize>>>) + Send + Sync + 'static) {
    const SETTLERS: usize = 3;
    const ROUNDS: usize = 2_000;
    let barrier = Arc::new(Barrier::new(SETTLERS + 1));
    let (made, taken): (Vec<_>, Vec<_>) = (0..SETTLERS).map(|_| mpsc::channel()).unzip();
    let settlers: Vec<_> = taken
        .into_iter()
        .enumerate()
        .map(|(number, taken)| {
            let barrier = barrier.clone();
            thread::spawn(move || {
                let mut wins = Vec::new();
                for (round, resolver) in taken.into_iter().enumerate() {
                    let resolver: Arc<Resolver<usize>> = resolver;
                    barrier.wait();
                    let value = round * SETTLERS + number;
                    if resolver.set_result(value).is_ok() {
                        wins.push(value);
                    }
                }
                wins
            })
        })
        .collect();
    let got = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..ROUNDS {
        let (promise, resolver) = Promise::pair();
        let resolver = Arc::new(resolver);
        for settler in &made {
            settler.send(resolver.clone()).unwrap();
        }
        drop(resolver);
        barrier.wait();
        ask(promise, got.clone());
    }
    drop(made);
    let mut wins: Vec<usize> = settlers
        .into_iter()
        .flat_map(|settler| settler.join().unwrap())
        .collect();
    wins.sort_unstable();
    let mut got = got.lock().unwrap().clone();
    got.sort_unstable();
    assert_eq!(wins.len(), ROUNDS);
    assert_eq!(wins, got);
}

#[test]
fn racing_setters_call_back_exactly_once() {
    race(|promise, got| {
        promise.then(
            move |value| got.lock().unwrap().push(value),
            |error| panic!("{error}"),
        );
    });
}

#[test]
fn racing_setters_wake_a_waiter_exactly_once() {
    race(|promise, got| got.lock().unwrap().push(promise.result().unwrap()));
}

#[test]
fn racing_setters_wake_a_future() {
    race(|mut promise, got| {
        struct Unpark(thread::Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = task::Context::from_waker(&waker);
        loop {
            if let Poll::Ready(result) = Pin::new(&mut promise).poll(&mut cx) {
                got.lock().unwrap().push(result.unwrap());
                break;
            }
            thread::park_timeout(MINUTE);
        }
    });
}

#[test]
fn who_polls_a_call_and_drops_it_cancels_it() {
    let fake = Arc::new(Fake::default());
    let (promise, entry) = call(&fake, MINUTE);
    drop(promise);
    assert!(fake.cancelled.lock().unwrap().is_empty(), "never polled");
    answer(&*entry, 42);

    let (mut promise, _entry) = call(&fake, MINUTE);
    let waker = Waker::from(Arc::new(Wakes(AtomicUsize::new(0))));
    let mut cx = task::Context::from_waker(&waker);
    assert!(Pin::new(&mut promise).poll(&mut cx).is_pending());
    drop(promise);
    assert_eq!(*fake.cancelled.lock().unwrap(), [5]);

    let (mut promise, entry) = call(&fake, MINUTE);
    assert!(Pin::new(&mut promise).poll(&mut cx).is_pending());
    answer(&*entry, 42);
    drop(promise);
    assert_eq!(*fake.cancelled.lock().unwrap(), [5], "it was settled");
}

#[test]
fn a_cancelled_promise_has_failed_unless_it_was_settled() {
    let fake = Arc::new(Fake::default());
    let (promise, entry) = call(&fake, MINUTE);
    promise.cancel();
    promise.cancel();
    answer(&*entry, 42);
    assert!(matches!(promise.result(), Err(Error::Cancelled)));

    let (promise, entry) = call(&fake, MINUTE);
    answer(&*entry, 42);
    promise.cancel();
    assert_eq!(promise.result().unwrap(), 42);
}

#[test]
fn a_resolver_hears_that_nobody_wants_the_value() {
    let told = Arc::new(AtomicUsize::new(0));
    let tell = |told: &Arc<AtomicUsize>| {
        let told = told.clone();
        move || {
            told.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (promise, resolver) = Promise::<i64>::pair();
    resolver.on_cancel(tell(&told));
    resolver.on_cancel(|| panic!("a callback's mistake"));
    resolver.on_cancel(tell(&told));
    assert!(!resolver.is_cancelled());
    promise.cancel();
    assert!(resolver.is_cancelled());
    assert_eq!(told.load(Ordering::SeqCst), 2);
    resolver.on_cancel(tell(&told));
    assert_eq!(told.load(Ordering::SeqCst), 3, "at once");
    assert!(matches!(resolver.set_result(1), Err(Error::Done)));

    // Dropped: only after it was polled as a future.
    let (promise, resolver) = Promise::<i64>::pair();
    drop(promise);
    assert!(!resolver.is_cancelled());
    let (mut promise, resolver) = Promise::<i64>::pair();
    resolver.on_cancel(tell(&told));
    let waker = Waker::from(Arc::new(Wakes(AtomicUsize::new(0))));
    let mut cx = task::Context::from_waker(&waker);
    assert!(Pin::new(&mut promise).poll(&mut cx).is_pending());
    drop(promise);
    assert!(resolver.is_cancelled());
    assert_eq!(told.load(Ordering::SeqCst), 4);

    // Settled: nobody is told any more, and what the callbacks own is dropped.
    let (promise, resolver) = Promise::<i64>::pair();
    let owned = Arc::new(());
    let kept = owned.clone();
    resolver.on_cancel(move || drop(kept));
    resolver.set_result(1).unwrap();
    promise.cancel();
    assert!(!resolver.is_cancelled());
    drop(resolver);
    assert_eq!(Arc::strong_count(&owned), 1);
    assert_eq!(promise.result().unwrap(), 1);
}
