//! Whoever hears that an API has stopped, or could not be started, knows that its threads
//! have ended; where a promise says so, all but the one that settles it.

use std::cell::RefCell;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use quickrpc::transport::{Entry, Transport};
use quickrpc::{BoxError, Error, Limits, Processing};
use quickrpc_tests::{Lab, RefusingPort, SOON, bounded};

use crate::settled;

const MODES: [Processing; 3] = [Processing::Inline, Processing::Queue, Processing::Pool(2)];

/// The threads that were seen, and how many of them have ended.
#[derive(Debug, Clone, Default)]
struct Threads(Arc<[AtomicUsize; 2]>);

impl Threads {
    /// The calling thread is one of them, and takes long to end.
    fn see_this(&self) {
        MARKS.with_borrow_mut(|marks| {
            if !marks.iter().any(|mark| Arc::ptr_eq(&mark.0.0, &self.0)) {
                self.0[0].fetch_add(1, Ordering::SeqCst);
                marks.push(Mark(self.clone()));
            }
        });
    }

    #[track_caller]
    fn have_ended(&self) {
        let [seen, ended] = [0, 1].map(|place: usize| self.0[place].load(Ordering::SeqCst));
        assert!(seen > 0, "no thread was seen");
        assert_eq!(seen, ended, "seen, and ended");
    }
}

thread_local! {
    /// Dropped when the thread ends.
    static MARKS: RefCell<Vec<Mark>> = const { RefCell::new(Vec::new()) };
}

struct Mark(Threads);

impl Drop for Mark {
    fn drop(&mut self) {
        // Who does not wait for the end of this thread is sure to be earlier.
        thread::sleep(Duration::from_millis(50));
        self.0.0[1].fetch_add(1, Ordering::SeqCst);
    }
}

/// An API that sees the threads that tell of its transports.
fn lab(processing: Processing, transport: &str) -> (Lab, Threads) {
    let lab = Lab::builder()
        .codec("terse")
        .transport(transport)
        .processing(processing)
        .build()
        .unwrap();
    let threads = Threads::default();
    let seen = threads.clone();
    lab.on_status(move |_status| seen.see_this());
    (lab, threads)
}

/// One of its transports opens, the other does not.
fn half(nobody: &RefusingPort) -> String {
    format!("mux:(tcpserv:127.0.0.1:0)(tcp:{})", nobody.addr())
}

#[test]
fn at_a_failed_start() {
    let nobody = RefusingPort::new();
    for processing in MODES {
        let (lab, threads) = lab(processing, &half(&nobody));
        lab.start().unwrap_err();
        threads.have_ended();
    }
}

#[test]
fn when_the_promise_of_a_start_fails() {
    let nobody = RefusingPort::new();
    for processing in [Processing::Queue, Processing::Pool(2)] {
        let (lab, threads) = lab(processing, &half(&nobody));
        settled(lab.start_nonblocking()).unwrap_err();
        threads.have_ended();
    }
}

/// A plug-in, which is opened on a thread of its own.
#[derive(Debug)]
struct Plug(Threads);

impl Transport for Plug {
    fn expression(&self) -> String {
        "plug:".into()
    }

    fn open(&self, _entry: Entry) -> Result<(), BoxError> {
        self.0.see_this();
        Err("it has no cable".into())
    }
}

#[test]
fn when_a_plug_in_cannot_be_opened() {
    let threads = Threads::default();
    let lab = Lab::bind("terse", Plug(threads.clone())).unwrap();
    settled(lab.start_nonblocking()).unwrap_err();
    threads.have_ended();
    lab.start().unwrap_err();
    threads.have_ended();
}

/// A plug-in that stops the API that opens it.
#[derive(Debug, Default)]
struct Stops(OnceLock<Lab>);

#[derive(Debug, Clone, Default)]
struct Fuse(Arc<Stops>);

impl Transport for Fuse {
    fn expression(&self) -> String {
        "fuse:".into()
    }

    fn open(&self, _entry: Entry) -> Result<(), BoxError> {
        let lab = self.0.0.get().ok_or("no lab")?;
        Ok(lab.stop()?)
    }
}

/// It only asks for the stop, which waits for it.
#[test]
fn a_plug_in_may_stop_the_api_while_it_is_opened() {
    let fuse = Fuse::default();
    let limits = Limits {
        stop: SOON * 2,
        ..Limits::default()
    };
    let lab = Lab::builder()
        .transport(fuse.clone())
        .limits(limits)
        .build()
        .unwrap();
    fuse.0.0.set(lab.clone()).unwrap();
    let started = settled(lab.start_nonblocking());
    assert!(matches!(started, Err(Error::Stopped)), "{started:?}");
}

#[test]
fn at_a_stop_and_at_the_end_of_the_last_handle() {
    for processing in MODES {
        let (lab, threads) = lab(processing, "tcpserv:127.0.0.1:0");
        for _ in 0..2 {
            lab.start().unwrap();
            lab.stop().unwrap();
            threads.have_ended();
        }
        lab.start().unwrap();
        drop(lab);
        threads.have_ended();
    }
}

#[test]
fn after_waiting_for_the_end() {
    for processing in MODES {
        // Until it ends by itself.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (lab, threads) = lab(
            processing,
            &format!("tcp:{}", listener.local_addr().unwrap()),
        );
        lab.start().unwrap();
        drop(listener);
        let (result, lab) = bounded("its end", move || (lab.wait(), lab));
        result.unwrap();
        threads.have_ended();
        drop(lab);
    }
    for processing in MODES {
        // Until somebody stops it.
        let (lab, threads) = lab(processing, "tcpserv:127.0.0.1:0");
        lab.start().unwrap();
        let (stopped, waits) = (lab.clone(), threads.clone());
        let waiting = thread::spawn(move || {
            stopped.wait().unwrap();
            waits.have_ended();
        });
        lab.stop().unwrap();
        threads.have_ended();
        bounded("the stop", move || waiting.join()).unwrap();
    }
}
