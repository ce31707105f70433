//! Where two sides wait for each other, both go on, or are told at once why they cannot.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::transport::{Entry, Transport};
use quickrpc::{BoxError, Error, Processing, Promise, remote_api};
use quickrpc_tests::{
    Inbox, Lab, LabInverse, PairStream, SOON, bounded, eventually, inbox, own_bus, stream_pair,
};

use crate::settled;

/// Both sides can call each other, as deep as they like.
#[remote_api]
trait Mirror {
    #[incoming]
    fn down(&self, depth: i64) -> i64;

    #[incoming]
    fn text_down(&self, text: &str) -> String;

    #[outgoing]
    fn up(&self, depth: i64) -> i64;

    #[outgoing]
    fn text_up(&self, text: &str) -> String;
}

const MODES: [Processing; 4] = [
    Processing::Inline,
    Processing::Queue,
    Processing::Pool(3),
    Processing::Manual,
];

/// Two connected sides.
struct Both {
    one: Mirror,
    other: MirrorInverse,
}

impl Both {
    /// Over TCP, with two modes.
    fn tcp(processing: Processing, other: Processing) -> Both {
        let one = Mirror::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        one.start().unwrap();
        let other = MirrorInverse::builder()
            .transport(format!("tcp:{}", one.local_addrs()[0]))
            .processing(other)
            .build()
            .unwrap();
        Both::started(one, other)
    }

    fn internal() -> Both {
        let bus = format!("internal:{}:", own_bus());
        let one = Mirror::bind("jrpc", &bus).unwrap();
        one.start().unwrap();
        Both::started(one, MirrorInverse::bind("jrpc", &bus).unwrap())
    }

    /// Over streams that have a thread for each direction.
    fn pipes() -> Both {
        let (near, far) = stream_pair();
        let one = Mirror::bind("jrpc", Pipe(near)).unwrap();
        one.start().unwrap();
        Both::started(one, MirrorInverse::bind("jrpc", Pipe(far)).unwrap())
    }

    fn started(one: Mirror, other: MirrorInverse) -> Both {
        other.start().unwrap();
        eventually("they are connected", || {
            one.peers().len() == 1 && other.peers().len() == 1
        });
        Both { one, other }
    }
}

#[derive(Debug)]
struct Pipe(PairStream);

impl Transport for Pipe {
    fn expression(&self) -> String {
        String::from("pipe")
    }

    fn open(&self, entry: Entry) -> Result<(), BoxError> {
        entry.connect("pipe", self.0.try_clone()?, self.0.try_clone()?)?;
        Ok(())
    }

    fn close(&self) {
        // The reader would wait for ever.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// 10 MB of calls from each side, and 10 MB of answers, all at once.
fn flood(both: Both) {
    const COUNT: usize = 640;
    let text = "x".repeat(16 << 10);
    both.one.text_down.connect(|_sender, text| text.to_owned());
    both.other.text_up.connect(|_sender, text| text.to_owned());
    let (here, there) = (both.one.all().timeout(SOON), both.other.all().timeout(SOON));
    let theirs = text.clone();
    let calling = thread::spawn(move || {
        let promises: Vec<_> = (0..COUNT).map(|_| there.text_down(&theirs)).collect();
        all_are_answered(promises)
    });
    let promises: Vec<_> = (0..COUNT).map(|_| here.text_up(&text)).collect();
    let answered = bounded("one side", move || all_are_answered(promises));
    assert_eq!(answered, COUNT);
    assert_eq!(bounded("the other", move || calling.join().unwrap()), COUNT);
    drop(both);
}

fn all_are_answered(promises: Vec<Promise<String>>) -> usize {
    let lengths = promises.into_iter().map(|one| one.result().unwrap().len());
    lengths.filter(|length| *length == 16 << 10).count()
}

#[test]
fn two_sides_that_flood_each_other_over_tcp() {
    flood(Both::tcp(Processing::Inline, Processing::Inline));
    flood(Both::tcp(Processing::Queue, Processing::Pool(2)));
}

#[test]
fn two_sides_that_flood_each_other_over_a_bus() {
    flood(Both::internal());
}

#[test]
fn two_sides_that_flood_each_other_over_pipes() {
    flood(Both::pipes());
}

#[test]
fn a_child_and_its_parent_that_flood_each_other() {
    const COUNT: usize = 640;
    let child = env!("CARGO_BIN_EXE_lab_stdio");
    let caller = LabInverse::bind("jrpc", format!(r#"process:("{child}" jrpc)"#)).unwrap();
    let (heard, notes) = inbox();
    caller
        .notified
        .connect(move |_sender, text| heard.send(text.len()).unwrap());
    caller.start().unwrap();
    let hub = caller.all().timeout(SOON);
    let text = "x".repeat(16 << 10);
    // Each note comes back, and nobody looks at the answers before all is sent.
    let promises: Vec<_> = (0..COUNT)
        .map(|_| {
            hub.notify(&text).unwrap();
            hub.echo(&text)
        })
        .collect();
    assert_eq!(
        bounded("answers", move || all_are_answered(promises)),
        COUNT
    );
    assert_eq!(notes.take(COUNT), vec![16 << 10; COUNT]);
}

/// Runs what waits in a `Manual` API, as long as `work` goes on.
fn while_processing<T: Send + 'static>(
    both: &Both,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let working = thread::spawn(work);
    let end = Instant::now() + SOON;
    while !working.is_finished() {
        assert!(Instant::now() < end, "it does not end");
        both.one.process_pending();
        both.other.process_pending();
        thread::yield_now();
    }
    working.join().unwrap()
}

#[test]
fn a_recursion_of_promises_in_every_mode() {
    for one in MODES {
        for other in MODES {
            let both = Both::tcp(one, other);
            let up = both.one.all();
            both.one.down.connect(move |sender, depth| match depth {
                0 => Promise::ready(17),
                _ => up.to(sender).up(depth - 1),
            });
            let down = both.other.all();
            both.other.up.connect(move |sender, depth| match depth {
                0 => Promise::ready(18),
                _ => down.to(sender).down(depth - 1),
            });
            let hub = both.other.all();
            let result = while_processing(&both, move || hub.down(20).result());
            assert_eq!(result.unwrap(), 17, "{one:?}, {other:?}");
        }
    }
}

/// A handler that asks its caller back, and waits.
fn asks_back(both: &Both, deadline: Duration) -> Inbox<(Error, Duration)> {
    let (failed, errors) = inbox();
    let up = both.one.all().timeout(deadline);
    both.one.down.connect(move |sender, depth| {
        let began = Instant::now();
        let answer = up.to(sender).up(depth - 1).result();
        if let Err(error) = &answer {
            failed.send((error.clone(), began.elapsed())).unwrap();
        }
        answer
    });
    errors
}

#[test]
fn waiting_inline_is_a_deadlock_at_once() {
    let both = Both::tcp(Processing::Inline, Processing::Inline);
    let errors = asks_back(&both, SOON);
    both.other.up.connect(|_sender, depth| depth);
    let error = settled(both.other.all().down(1)).unwrap_err();
    let (inside, took) = errors.next();
    assert!(matches!(inside, Error::Deadlock(_)), "{inside:?}");
    assert!(took < SOON / 4);
    // Whoever called is told as well, and the connection works on.
    assert!(error.to_string().contains("never end"), "{error}");
    assert_eq!(settled(both.one.all().up(5)).unwrap(), 5);
}

#[test]
fn one_level_of_calling_back_and_waiting() {
    for processing in [Processing::Queue, Processing::Pool(2), Processing::Manual] {
        for other in [Processing::Inline, Processing::Queue] {
            let both = Both::tcp(processing, other);
            let _errors = asks_back(&both, SOON);
            both.other.up.connect(|_sender, depth| depth + 10);
            let hub = both.other.all();
            let result = while_processing(&both, move || hub.down(1).result());
            assert_eq!(result.unwrap(), 10, "{processing:?}, {other:?}");
        }
    }
}

#[test]
fn a_ring_of_waits_ends_at_its_deadline_and_says_who_waited() {
    for processing in [Processing::Queue, Processing::Pool(4)] {
        let both = Both::tcp(processing, processing);
        let deadline = Duration::from_millis(200);
        let errors = asks_back(&both, deadline);
        let down = both.other.all().timeout(SOON);
        both.other
            .up
            .connect(move |sender, depth| down.to(sender).down(depth - 1).result());
        // The third call waits behind the first one, since one peer's calls keep their order.
        let promise = both.other.all().timeout(SOON).down(5);
        let peer = both.one.peers()[0].to_string();
        let (inside, took) = errors.next();
        assert!(matches!(inside, Error::Timeout { .. }), "{inside:?}");
        let text = inside.to_string();
        assert!(text.contains("`up`") && text.contains(&peer), "{text}");
        assert!(took >= deadline && took < SOON / 4, "{took:?}");
        let error = settled(promise).unwrap_err().to_string();
        assert!(error.contains("`up`"), "{error}");
    }
}

#[test]
fn a_mutex_held_while_waiting_meets_no_handler_on_that_thread() {
    // Where handlers have threads of their own, they may even wait for that mutex.
    for processing in [Processing::Queue, Processing::Pool(2)] {
        let both = Both::tcp(Processing::Queue, processing);
        let mine = Arc::new(Mutex::new(Vec::new()));
        let same = Arc::clone(&mine);
        let back = both.one.all();
        both.one.down.connect(move |sender, depth| {
            // On the way to the answer, calls and callbacks go to the other side.
            for number in 0..10 {
                drop(back.to(sender).up(number));
            }
            depth
        });
        both.other.up.connect(move |_sender, depth| {
            same.lock().unwrap().push(thread::current().id());
            depth
        });
        let hub = both.other.all().timeout(SOON);
        let (me, held) = bounded("the waiting thread", move || {
            for depth in 0..10 {
                // A callback would like to have it too. (Were the answer there already, it
                // would run at once, so that the mutex must be free here.)
                let also = Arc::clone(&mine);
                hub.down(depth).then(
                    move |_depth| drop(also.lock().unwrap()),
                    |error| panic!("{error}"),
                );
                let guard = mine.lock().unwrap();
                assert_eq!(hub.down(depth).result().unwrap(), depth);
                drop(guard);
            }
            (thread::current().id(), mine)
        });
        eventually("everything is handled", || held.lock().unwrap().len() >= 10);
        let ids = held.lock().unwrap();
        assert!(!ids.contains(&me));
    }
}

#[test]
fn inline_handlers_never_run_on_a_waiting_thread() {
    let both = Both::tcp(Processing::Inline, Processing::Inline);
    let (ran, threads) = inbox();
    let back = both.one.all();
    both.one.down.connect(move |sender, depth| {
        drop(back.to(sender).up(depth));
        depth
    });
    both.other.up.connect(move |_sender, depth| {
        ran.send(thread::current().id()).unwrap();
        depth
    });
    let hub = both.other.all();
    let me = bounded("the waiting thread", move || {
        for depth in 0..100 {
            assert_eq!(hub.down(depth).result().unwrap(), depth);
        }
        thread::current().id()
    });
    assert!(!threads.take(100).contains(&me));
}

#[test]
fn two_apis_of_one_program_that_pass_on_to_each_other() {
    // Each handler sends through the other API, whose peer is the first one.
    let (one, far_one) = Mirror::pair();
    let (two, far_two) = Mirror::pair();
    let through = far_two.all();
    one.text_down
        .connect(move |_sender, text| through.text_down(text));
    two.text_down.connect(|_sender, text| text.to_uppercase());
    let promises: Vec<_> = (0..200)
        .map(|number| far_one.all().timeout(SOON).text_down(&format!("n{number}")))
        .collect();
    for (number, promise) in promises.into_iter().enumerate() {
        assert_eq!(settled(promise).unwrap(), format!("N{number}"));
    }
    drop((one, two));
}

#[test]
fn waiting_for_another_api_in_a_handler_is_no_deadlock() {
    let (one, far_one) = Mirror::pair();
    let (two, far_two) = Mirror::pair();
    let through = far_two.all();
    one.down
        .connect(move |_sender, depth| through.down(depth).result());
    two.down.connect(|_sender, depth| depth * 2);
    assert_eq!(settled(far_one.all().down(4)).unwrap(), 8);
    drop((one, two));
    let lab = Lab::builder().build().unwrap();
    assert!(matches!(lab.wait(), Ok(())), "it was never started");
}
