//! Promises: every way of waiting, and waits that cannot end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use quickrpc::{Error, Promise, Resolver};
use quickrpc_tests::{Inbox, Lab, LabInverse, bounded, inbox, serve};

use crate::settled;

/// The smallest executor there is.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A lab whose `echo` answers when the test says so.
fn waiting_lab() -> (Lab, LabInverse, Inbox<Resolver<String>>) {
    let (lab, caller) = Lab::pair();
    let (waiting, resolvers) = inbox();
    lab.echo.connect(move |_sender, _text| {
        let (promise, resolver) = Promise::pair();
        let _ = waiting.send(resolver);
        promise
    });
    (lab, caller, resolvers)
}

#[test]
fn result_blocks_until_answered() {
    let (_lab, caller, resolvers) = waiting_lab();
    let promise = caller.all().echo("");
    resolvers.next().set_result("here".into()).unwrap();
    assert_eq!(settled(promise).unwrap(), "here");
}

#[test]
fn awaiting_needs_no_runtime() {
    let (lab, caller) = Lab::pair();
    let _served = serve(&lab);
    let hub = caller.all();
    let sum = bounded("awaiting", move || {
        block_on(async move {
            let sum = hub.add(2, 3).await?;
            hub.add(sum, 10).await
        })
    });
    assert_eq!(sum.unwrap(), 15);
}

#[test]
fn an_awaited_call_is_woken_by_its_answer() {
    let (_lab, caller, resolvers) = waiting_lab();
    let promise = caller.all().echo("");
    let waiter = thread::spawn(move || block_on(promise));
    resolvers.next().set_result("woken".into()).unwrap();
    let result = bounded("awaiting", move || waiter.join().unwrap());
    assert_eq!(result.unwrap(), "woken");
}

#[test]
fn then_runs_one_of_its_two_functions() {
    let (lab, caller) = Lab::pair();
    let _served = serve(&lab);
    let (seen, log) = inbox();
    let also = seen.clone();
    caller.all().add(2, 3).then(
        move |sum| seen.send(sum.to_string()).unwrap(),
        |error| panic!("{error}"),
    );
    assert_eq!(log.next(), "5");
    caller.all().fail("no").then(
        |text| panic!("{text}"),
        move |error| also.send(error.to_string()).unwrap(),
    );
    assert_eq!(log.next(), "no");
}

#[test]
fn a_callback_added_late_runs_at_once() {
    let (promise, resolver) = Promise::pair();
    resolver.set_result(5).unwrap();
    let (seen, log) = inbox();
    promise.then(move |value: i32| seen.send(value).unwrap(), |_error| ());
    assert_eq!(log.so_far(), [5]);
}

#[test]
fn a_panicking_callback_harms_nobody() {
    let (lab, caller) = Lab::pair();
    let _served = serve(&lab);
    caller
        .all()
        .add(2, 3)
        .then(|_sum| panic!("a bad callback"), |_error| ());
    assert_eq!(settled(caller.all().add(3, 4)).unwrap(), 7);
    assert_eq!(settled(caller.all().add(4, 5)).unwrap(), 9);
}

#[test]
fn borrowing_waits_leave_the_call_pending() {
    let (_lab, caller, resolvers) = waiting_lab();
    let promise = caller.all().echo("");
    let resolver = resolvers.next();
    assert!(promise.try_result().is_none());
    let early = promise.result_timeout(Duration::from_millis(10));
    assert!(matches!(early, Err(Error::Timeout { .. })), "{early:?}");
    resolver.set_result("still".into()).unwrap();
    let (value, later) = bounded("the answer", move || {
        (promise.result_timeout(Duration::from_secs(10)), promise)
    });
    assert_eq!(value.unwrap(), "still");
    // The value is given once.
    let again = later.result_timeout(Duration::from_millis(10));
    assert!(matches!(again, Err(Error::Done)), "{again:?}");
}

#[test]
fn setting_twice_is_done() {
    let (promise, resolver) = Promise::pair();
    resolver.set_result(1).unwrap();
    assert!(matches!(resolver.set_result(2), Err(Error::Done)));
    assert!(matches!(resolver.set_error("late"), Err(Error::Done)));
    assert_eq!(settled(promise).unwrap(), 1);
}

#[test]
fn a_dropped_resolver_fails_the_promise() {
    let (promise, resolver) = Promise::<i32>::pair();
    drop(resolver);
    assert!(settled(promise).is_err());
}

#[test]
fn waiting_in_an_inline_handler_is_a_deadlock_at_once() {
    let (lab, caller) = Lab::pair();
    let (seen, log) = inbox();
    let hub = lab.all();
    lab.notify.connect(move |sender, _text| {
        let promise = hub.to(sender).question("?");
        seen.send(promise.result().map_err(|error| error.to_string()))
            .unwrap();
        let awaited = block_on(hub.to(sender).question("?"));
        seen.send(awaited.map_err(|error| error.to_string()))
            .unwrap();
    });
    caller.question.connect(|_sender, _text| String::from("!"));
    caller.all().notify("").unwrap();
    for result in log.take(2) {
        let text = result.expect_err("waiting here cannot end");
        assert!(text.contains("never end"), "{text}");
    }
    // Nothing hangs: the other handlers go on.
    lab.add.connect(|_sender, a, b| a + b);
    assert_eq!(settled(caller.all().add(1, 2)).unwrap(), 3);
}

#[test]
fn an_inline_handler_uses_then_or_returns_the_promise() {
    let (lab, caller) = Lab::pair();
    caller.question.connect(|_sender, text| text.to_uppercase());
    let hub = lab.all();
    lab.echo
        .connect(move |sender, text| hub.to(sender).question(text));
    assert_eq!(settled(caller.all().echo("shout")).unwrap(), "SHOUT");
}

#[test]
fn a_promise_of_ones_own_is_settled_by_any_thread() {
    let (promise, resolver) = Promise::pair();
    let setter = thread::spawn(move || resolver.set_result("from there").unwrap());
    assert_eq!(settled(promise).unwrap(), "from there");
    setter.join().unwrap();
}

#[test]
fn many_threads_wait_at_once() {
    let (lab, caller) = Lab::pair();
    let _served = serve(&lab);
    let sums = bounded("all calls", move || {
        let callers: Vec<_> = (0..8)
            .map(|number: i64| {
                let hub = caller.all();
                thread::spawn(move || -> quickrpc::Result<i64> {
                    (0..50).try_fold(0, |sum, step| hub.add(sum, number * step).result())
                })
            })
            .collect();
        let results = callers.into_iter().map(|caller| caller.join().unwrap());
        results.collect::<quickrpc::Result<Vec<_>>>()
    });
    let expected: Vec<i64> = (0..8).map(|number| number * 49 * 50 / 2).collect();
    assert_eq!(sums.unwrap(), expected);
}
