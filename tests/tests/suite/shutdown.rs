//! An orderly end: what was begun is answered, and nothing else is begun.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use quickrpc::{CallError, Error, Processing, Promise, Resolver, remote_api};
use quickrpc_tests::{Inbox, SOON, Telnet, bounded, inbox};

use crate::{call_error, settled};

#[remote_api]
trait Desk {
    #[incoming]
    fn begin(&self, name: &str) -> String;
    #[incoming]
    fn later(&self, name: &str) -> String;
    #[incoming]
    fn count(&self, number: u64) -> u64;
    #[incoming]
    fn note(&self, text: &str);
}

const MODES: [Processing; 3] = [Processing::Inline, Processing::Queue, Processing::Pool(2)];

/// A desk whose handlers of `begin` wait until they are let go, and which keeps the resolvers of
/// `later`.
struct Served {
    desk: Desk,
    begun: Inbox<String>,
    let_go: crossbeam_channel::Sender<()>,
    kept: Inbox<Resolver<String>>,
}

fn serve(processing: Processing) -> Served {
    let desk = Desk::builder()
        .transport("tcpserv:127.0.0.1:0")
        .processing(processing)
        .build()
        .unwrap();
    let (tell, begun) = inbox();
    let (let_go, gone) = crossbeam_channel::unbounded();
    desk.begin.connect(move |_sender, name| {
        tell.send(name.to_owned()).unwrap();
        gone.recv_timeout(SOON).unwrap();
        format!("{name} is done")
    });
    let (keep, kept) = inbox();
    desk.later.connect(move |_sender, _name| {
        let (answer, resolver) = Promise::pair();
        keep.send(resolver).unwrap();
        answer
    });
    desk.count.connect(|_sender, number| number);
    desk.start().unwrap();
    Served {
        desk,
        begun,
        let_go,
        kept,
    }
}

fn client(served: &Served) -> DeskInverse {
    let address = format!("tcp:{}", served.desk.local_addrs()[0]);
    let api = DeskInverse::bind("jrpc", address.as_str()).unwrap();
    api.start().unwrap();
    api
}

fn shut_down(desk: &Desk, limit: Duration) -> thread::JoinHandle<quickrpc::Result<()>> {
    let desk = desk.clone();
    thread::spawn(move || desk.shutdown(limit))
}

/// Asks until new calls are refused. What is accepted before may wait for its turn.
fn refused(api: &DeskInverse) -> CallError {
    loop {
        let asked = api.all().count(1);
        match asked.result_timeout(Duration::from_millis(5)) {
            Ok(_) | Err(Error::Timeout { .. }) => {}
            other => return call_error(other),
        }
    }
}

#[test]
fn what_runs_and_what_was_promised_is_answered() {
    for processing in [Processing::Queue, Processing::Pool(2)] {
        let served = serve(processing);
        let (api, other) = (client(&served), client(&served));
        let promised = other.all().later("a");
        let resolver = served.kept.next();
        // Both leave with one write.
        let (running, waiting) = api.all().batch(|hub| (hub.begin("b"), hub.begin("c")));
        served.begun.next();
        let mut person = Telnet::connect(served.desk.local_addrs()[0]);
        // Whoever reads answers this without a turn, and has read the others before.
        person.send("{\"jsonrpc\":\"1.0\",\"method\":\"count\",\"id\":1}\0");
        assert_eq!(person.json()["error"]["code"], -32600);
        let ended = shut_down(&served.desk, SOON);
        let error = refused(&other);
        assert_eq!(error.code, CallError::SHUTTING_DOWN);
        assert!(
            error.is_shutting_down() && !error.is_too_late(),
            "{error:?}"
        );
        let too_many = CallError::new(CallError::TOO_MANY_CALLS, "too many");
        assert!(!too_many.is_shutting_down());
        // Who comes only now hears it, too.
        person.send(
            "{\"jsonrpc\":\"2.0\",\"method\":\"count\",\"params\":{\"number\":1},\"id\":1}\0",
        );
        let error = &person.json()["error"];
        assert_eq!(
            (&error["code"], &error["data"]["reason"]),
            (&(-32002).into(), &"shutting_down".into())
        );
        assert!(!ended.is_finished());
        served.let_go.send(()).unwrap();
        served.let_go.send(()).unwrap();
        assert_eq!(settled(running).unwrap(), "b is done");
        assert_eq!(settled(waiting).unwrap(), "c is done");
        assert!(!ended.is_finished());
        resolver.set_result("a is done".into()).unwrap();
        assert_eq!(settled(promised).unwrap(), "a is done");
        bounded("the shutdown", || ended.join().unwrap()).unwrap();
        assert!(!served.desk.is_running());
    }
}

#[test]
fn an_inline_handler_is_waited_for() {
    let served = serve(Processing::Inline);
    let api = client(&served);
    let running = api.all().begin("a");
    served.begun.next();
    let ended = shut_down(&served.desk, SOON);
    served.let_go.send(()).unwrap();
    assert_eq!(settled(running).unwrap(), "a is done");
    bounded("the shutdown", || ended.join().unwrap()).unwrap();
}

#[test]
fn a_program_with_its_own_loop_runs_what_waits() {
    let served = serve(Processing::Manual);
    let api = client(&served);
    let (pending, told) = inbox();
    served.desk.on_pending(move || pending.send(()).unwrap());
    let call = api.all().count(7);
    told.next();
    served.desk.shutdown(SOON).unwrap();
    assert_eq!(settled(call).unwrap(), 7);
}

#[test]
fn at_the_limit_it_stops_and_says_what_is_missing() {
    for processing in MODES {
        let served = serve(processing);
        let api = client(&served);
        let promised = api.all().later("a");
        let resolver = served.kept.next();
        let ended = served.desk.shutdown(Duration::from_millis(20));
        assert!(
            matches!(ended, Err(Error::Unanswered { calls: 1, .. })),
            "{ended:?}"
        );
        assert!(!served.desk.is_running());
        assert!(matches!(settled(promised), Err(Error::Disconnected { .. })));
        assert!(resolver.is_cancelled());
    }
}

#[test]
fn in_a_handler_it_would_wait_for_itself() {
    let served = serve(Processing::Queue);
    let api = client(&served);
    let desk = served.desk.clone();
    let (tell, told) = inbox();
    served.desk.note.connect(move |_sender, _text| {
        tell.send(desk.shutdown(SOON)).unwrap();
    });
    api.all().note("end").unwrap();
    assert!(matches!(told.next(), Err(Error::Deadlock(_))));
    assert_eq!(settled(api.all().count(2)).unwrap(), 2);
}

#[test]
fn it_can_be_started_again() {
    let served = serve(Processing::Queue);
    served.desk.shutdown(SOON).unwrap();
    served.desk.shutdown(SOON).unwrap();
    served.desk.start().unwrap();
    assert_eq!(settled(client(&served).all().count(3)).unwrap(), 3);
}

/// Every call that a handler has begun is answered, however many there are.
#[test]
fn under_load_no_accepted_call_is_lost() {
    const CLIENTS: u64 = 100;
    for processing in MODES {
        let desk = Desk::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build()
            .unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&accepted);
        desk.count.connect(move |_sender, number| {
            counts.fetch_add(1, Ordering::SeqCst);
            number
        });
        desk.start().unwrap();
        let address = format!("tcp:{}", desk.local_addrs()[0]);
        let (answered, begin) = (Arc::new(AtomicU64::new(0)), Arc::new(Barrier::new(101)));
        let callers: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (address, answered) = (address.clone(), Arc::clone(&answered));
                let begin = Arc::clone(&begin);
                thread::spawn(move || {
                    let api = DeskInverse::bind("jrpc", address.as_str()).unwrap();
                    api.start().unwrap();
                    begin.wait();
                    let mut sent = 0..;
                    let mut flight = Vec::new();
                    loop {
                        let number = sent.next().unwrap();
                        flight.push((number, api.all().count(number)));
                        if flight.len() < 8 {
                            continue;
                        }
                        let mut refused = 0;
                        for (number, call) in flight.drain(..) {
                            match call.result() {
                                Ok(result) => {
                                    assert_eq!(result, number);
                                    answered.fetch_add(1, Ordering::SeqCst);
                                }
                                Err(Error::Call(error)) => {
                                    assert_eq!(error.code, CallError::SHUTTING_DOWN);
                                    refused += 1;
                                }
                                Err(Error::Disconnected { .. } | Error::NoPeer { .. }) => {
                                    refused += 1;
                                }
                                Err(other) => panic!("{other}"),
                            }
                        }
                        if refused > 0 {
                            return;
                        }
                    }
                })
            })
            .collect();
        begin.wait();
        quickrpc_tests::eventually("many calls", || accepted.load(Ordering::SeqCst) > 1_000);
        let shutting = desk.clone();
        bounded("the shutdown", move || shutting.shutdown(SOON)).unwrap();
        for caller in callers {
            bounded("a client", || caller.join().unwrap());
        }
        let (accepted, answered) = (
            accepted.load(Ordering::SeqCst) as u64,
            answered.load(Ordering::SeqCst),
        );
        assert_eq!(accepted, answered, "{processing:?}");
    }
}
