//! Handlers, servers and waiting by futures, with an executor of ten lines.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use quickrpc::{BoxError, CallError, Error, Processing, Promise, Sender, Stream, remote_api};
use quickrpc_tests::{SOON, bounded, inbox};

use crate::{call_error, settled};

#[remote_api]
trait Office {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn greet(&self, name: &str, title: Option<&str>, raw: &[u8]) -> Result<String, CallError>;
    #[incoming]
    fn note(&self, text: &str);
    #[incoming]
    fn count(&self, to: u64) -> Stream<u64>;
    #[incoming]
    fn forever(&self) -> u8;
    #[outgoing]
    fn ask(&self, number: i64) -> i64;
}

pub(crate) type Future = Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn block_on<T>(future: impl std::future::Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

pub(crate) fn spawn(future: Future) {
    thread::spawn(|| block_on(future));
}

#[test]
fn async_handlers_answer_when_they_are_ready() {
    for processing in [Processing::Inline, Processing::Queue] {
        let (office, client) = Office::builder()
            .processing(processing)
            .executor(spawn)
            .pair();
        let clients = office.all();
        // Awaits an answer of the caller itself, which no handler of another kind could inline.
        office.add.connect_async(move |sender, a, b| {
            let asked = clients.to(&sender).ask(a);
            async move { quickrpc::ok(asked.await? + b) }
        });
        office.greet.connect_async(
            |sender: Sender, name: String, title, raw: Vec<u8>| async move {
                match title {
                    Some(title) => Ok(format!("{title} {name} {raw:?} from {sender}")),
                    None => Err(CallError::new(7, "no title").with_data(name)),
                }
            },
        );
        let (tell, told) = inbox();
        office.note.connect_async(move |_sender, text| {
            let tell = tell.clone();
            async move { tell.send(text).unwrap() }
        });
        office
            .count
            .connect_async(|_sender, to| async move { Stream::iter(0..to) });
        client.ask.connect(|_sender, number| 10 * number);
        assert_eq!(settled(client.all().add(4, 2)).unwrap(), 42);
        let greeting = settled(client.all().greet("Ann", Some("Dr."), &[1])).unwrap();
        assert_eq!(greeting, "Dr. Ann [1] from inverse");
        let refused = call_error(settled(client.all().greet("Ann", None, &[])));
        assert_eq!(refused, CallError::new(7, "no title").with_data("Ann"));
        client.all().note("hi").unwrap();
        assert_eq!(told.next(), "hi");
        let items = client.all().count(3);
        let items = bounded("items", move || items.collect::<Result<Vec<_>, _>>());
        assert_eq!(items.unwrap(), [0, 1, 2]);
    }
}

/// Is never ready, and tells when it is dropped.
struct Never(crossbeam_channel::Sender<()>);

impl std::future::Future for Never {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u8> {
        Poll::Pending
    }
}

impl Drop for Never {
    fn drop(&mut self) {
        self.0.send(()).ok();
    }
}

#[test]
fn a_call_that_is_given_up_drops_its_future() {
    let (office, client) = Office::builder().executor(spawn).pair();
    let (begin, begun) = inbox();
    let (tell, dropped) = inbox();
    office.forever.connect_async(move |_sender| {
        begin.send(()).unwrap();
        Never(tell.clone())
    });
    let job = client.all().timeout(SOON).forever();
    begun.next();
    assert!(dropped.so_far().is_empty());
    job.cancel();
    dropped.next();
    let late = client.all().timeout(Duration::from_millis(10)).forever();
    assert!(matches!(settled(late), Err(Error::Timeout { .. })));
    dropped.next();
    begun.next();
    let _job = client.all().timeout(SOON).forever();
    begun.next();
    client.stop().unwrap();
    dropped.next();
    assert_eq!(office.shutdown(SOON), Ok(()));
}

#[test]
fn a_panic_of_a_future_is_an_answer() {
    let (office, client) = Office::builder().executor(spawn).pair();
    office.add.connect_async(|_sender, a, _b| async move {
        assert_eq!(a, 1, "wanted by the test");
        a
    });
    let error = call_error(settled(client.all().add(2, 0)));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    assert_eq!(error.message, "the handler of `add` panicked");
    assert_eq!(settled(client.all().add(1, 0)).unwrap(), 1);
    // An executor that panics.
    let panics = |_future: Future| panic!("wanted by the test");
    let (office, client) = Office::builder().executor(panics).pair();
    office.add.connect_async(|_sender, a, _b| async move { a });
    let error = call_error(settled(client.all().add(1, 0)));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
    assert_eq!(
        error.message,
        "the executor of the handler of `add` panicked"
    );
    // One that drops what it is given.
    let (office, client) = Office::builder().executor(drop).pair();
    office.add.connect_async(|_sender, a, _b| async move { a });
    let error = call_error(settled(client.all().add(1, 0)));
    assert_eq!(error.code, CallError::INTERNAL_ERROR);
}

#[test]
fn without_an_executor_it_does_not_start() {
    let office = Office::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    let connection = office
        .add
        .connect_async(|_sender, a, b| async move { a + b });
    let error = office.start().unwrap_err();
    assert!(error.to_string().contains("`add`") && error.to_string().contains(".executor("));
    connection.disconnect();
    office.start().unwrap();
    // Connected later, it can only be the caller who hears of it.
    let (office, client) = Office::pair();
    office
        .add
        .connect_async(|_sender, a, b| async move { a + b });
    let error = call_error(settled(client.all().add(1, 0)));
    assert!(error.message.contains("executor"), "{error}");
}

struct Clerk(AtomicUsize);

impl OfficeIncomingAsync for Clerk {
    async fn add(&self, _sender: Sender, a: i64, b: i64) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst);
        a + b
    }

    async fn greet(
        &self,
        sender: Sender,
        name: String,
        _title: Option<String>,
        _raw: Vec<u8>,
    ) -> Result<String, CallError> {
        let sum = self.add(sender, 1, 2).await;
        Ok(format!("{name} {sum}"))
    }

    async fn note(&self, _sender: Sender, _text: String) {
        self.0.fetch_add(10, Ordering::SeqCst);
    }

    async fn count(&self, _sender: Sender, to: u64) -> Stream<u64> {
        Stream::iter(0..to)
    }

    async fn forever(&self, _sender: Sender) -> u8 {
        std::future::pending().await
    }
}

#[test]
fn a_server_of_async_functions() {
    let (office, client) = Office::builder().executor(spawn).pair();
    let connections = office.serve_async(Clerk(AtomicUsize::new(0)));
    assert!(office.unhandled_calls().is_empty());
    assert_eq!(settled(client.all().add(1, 2)).unwrap(), 3);
    let greeting = settled(client.all().greet("Bob", None, &[])).unwrap();
    assert_eq!(greeting, "Bob 3");
    client.all().note("x").unwrap();
    let items = client.all().count(2);
    let items = bounded("items", move || items.collect::<Result<Vec<_>, _>>());
    assert_eq!(items.unwrap(), [0, 1]);
    connections.disconnect();
    assert_eq!(office.unhandled_calls().len(), 5);
}

/// The next item of a stream.
async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

#[test]
fn a_subscription_is_a_stream() {
    let (office, client) = Office::pair();
    let mut notes = office.note.subscribe();
    let reading = thread::spawn(move || {
        block_on(async move {
            let mut texts = Vec::new();
            while let Some((_sender, text)) = next(&mut notes).await {
                texts.push(text);
            }
            texts
        })
    });
    for number in 0..100 {
        client.all().note(&number.to_string()).unwrap();
    }
    // A call behind them has been handled when they have.
    office.add.connect(|_sender, a, b| a + b);
    settled(client.all().add(1, 2)).unwrap();
    drop((client, office));
    let texts = bounded("the subscription", || reading.join().unwrap());
    assert_eq!(texts.len(), 100);
    assert!(
        texts
            .iter()
            .enumerate()
            .all(|(n, text)| *text == n.to_string())
    );
}

#[test]
fn the_end_of_an_api_can_be_awaited() {
    let office = Office::bind("jrpc", "tcpserv:127.0.0.1:0").unwrap();
    assert_eq!(settled(office.stopped()), Ok(()), "it does not run");
    office.start().unwrap();
    let stopped = office.stopped();
    assert!(stopped.try_result().is_none());
    let transport = format!("tcp:{}", office.local_addrs()[0]);
    let client = OfficeInverse::bind("jrpc", transport).unwrap();
    client.start().unwrap();
    let ended = client.stopped();
    office.stop().unwrap();
    assert_eq!(bounded("the end", || block_on(stopped)), Ok(()));
    // Its only transport has ended by that.
    assert_eq!(bounded("the end", || block_on(ended)), Ok(()));
    assert!(!client.is_running());
}

#[test]
fn what_is_made_of_promises() {
    let (office, client) = Office::pair();
    office.add.connect(|_sender, a, b| match a {
        13 => Err::<_, BoxError>("unlucky".into()),
        _ => Ok(a + b),
    });
    let hub = client.all();
    let text = hub.add(1, 2).map(|sum| sum.to_string());
    assert_eq!(settled(text).unwrap(), "3");
    let (tell, told) = inbox();
    hub.add(1, 3).map(|sum| sum + 1).then(
        move |sum| tell.send(sum).unwrap(),
        |error| panic!("{error}"),
    );
    assert_eq!(told.next(), 5);
    let failed = settled(hub.add(13, 0).map(|sum| assert_eq!(sum, 0, "it has none")));
    assert_eq!(call_error(failed).message, "unlucky");
    let panicked = settled(
        hub.add(1, 0)
            .map(|_| -> i64 { panic!("wanted by the test") }),
    );
    let panicked = call_error(panicked);
    assert_eq!(panicked.code, CallError::INTERNAL_ERROR);
    assert_eq!(panicked.message, "the function given to `map` panicked");
    let all = Promise::join((0..50).map(|n| hub.add(n + 20, n)));
    assert_eq!(settled(all).unwrap()[49], 69 + 49);
    assert_eq!(settled(Promise::<u8>::join([])), Ok(Vec::new()));
    let some = Promise::join([hub.add(1, 1), hub.add(13, 1), hub.add(2, 2)]);
    assert_eq!(call_error(settled(some)).message, "unlucky");
    // In a handler, waiting for what is made of a call is as hopeless as for the call.
    let (tell, told) = inbox();
    let (office, client) = Office::pair();
    let clients = office.all();
    office.note.connect(move |_sender, _text| {
        let waited = clients.ask(1).map(|number| number + 1).result();
        let joined = Promise::join([clients.ask(1)]).result();
        tell.send((waited.map(drop), joined.map(drop))).unwrap();
    });
    client.ask.connect(|_sender, number| number);
    client.all().note("").unwrap();
    let (waited, joined) = told.next();
    assert!(matches!(waited, Err(Error::Deadlock(_))), "{waited:?}");
    assert!(matches!(joined, Err(Error::Deadlock(_))), "{joined:?}");
}

#[test]
fn what_is_made_of_promises_gives_them_up() {
    let (office, client) = Office::pair();
    let calls = office.forever.subscribe();
    let hub = client.all().timeout(SOON);
    let cancelled = |count: usize| {
        for _ in 0..count {
            let (_sender, resolver) = calls.recv_timeout(SOON).unwrap();
            let (tell, told) = inbox();
            resolver.on_cancel(move || tell.send(()).unwrap());
            told.next();
        }
    };
    let mapped = hub.forever().map(|number| number + 1);
    mapped.cancel();
    cancelled(1);
    assert_eq!(settled(mapped), Err(Error::Cancelled));
    let joined = Promise::join([hub.forever(), hub.forever()]);
    joined.cancel();
    cancelled(2);
    // The first that fails gives up the others.
    let (failing, resolver) = Promise::<u8>::pair();
    let joined = Promise::join([hub.forever(), failing]);
    resolver.set_error("no").unwrap();
    cancelled(1);
    assert!(settled(joined).is_err());
    // One that was polled, and is dropped.
    let mut polled = Box::pin(hub.forever().map(|number| number));
    let mut context = Context::from_waker(Waker::noop());
    assert!(polled.as_mut().poll(&mut context).is_pending());
    drop(polled);
    cancelled(1);
}

/// Many tasks of one thread await at once.
#[test]
fn tasks_of_one_thread_await_beside_each_other() {
    let (office, client) = Office::pair();
    let resolvers = office.forever.subscribe();
    let hub = client.all().timeout(SOON);
    let done = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&done);
    let tasks = thread::spawn(move || {
        block_on(async move {
            let mut tasks: Vec<_> = (0..64)
                .map(|number| {
                    let (hub, done) = (hub.clone(), Arc::clone(&seen));
                    Box::pin(async move {
                        let answer = hub.forever().await.unwrap();
                        done.lock().unwrap().push((number, answer));
                    })
                })
                .collect();
            std::future::poll_fn(|cx| {
                tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
                match tasks.is_empty() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        });
    });
    let calls: Vec<_> = (0..64)
        .map(|_| resolvers.recv_timeout(SOON).unwrap().1)
        .collect();
    for (number, resolver) in calls.into_iter().enumerate().rev() {
        resolver.set_result(u8::try_from(number).unwrap()).unwrap();
    }
    bounded("the tasks", || tasks.join().unwrap());
    let mut done = done.lock().unwrap().clone();
    done.sort_unstable();
    assert!(done.iter().all(|(number, answer)| number == answer));
    assert_eq!(done.len(), 64);
}
