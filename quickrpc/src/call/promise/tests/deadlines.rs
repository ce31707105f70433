//! Deadlines of calls: those who wait look at them too.

use super::*;

#[test]
fn waiters_enforce_the_deadline_by_themselves() {
    let fake = Arc::new(Fake::default());
    let timeout = Duration::from_millis(10);
    let (promise, pending) = call(&fake, timeout);
    let started = Instant::now();
    let error = promise.result_timeout(MINUTE).unwrap_err();
    assert!(started.elapsed() >= timeout);
    assert_eq!(
        error.to_string(),
        "no answer to `add` from `bob` within 10ms"
    );
    assert_eq!(*fake.expired.lock().unwrap(), [5]);
    answer(&*pending, 1);
    assert!(matches!(promise.result(), Err(Error::Done)));

    let (promise, _pending) = call(&fake, Duration::ZERO);
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    let mut promise = promise;
    assert!(matches!(
        poll(&mut promise, &wakes),
        Poll::Ready(Err(Error::Timeout { .. }))
    ));
}

#[test]
fn whoever_has_taken_a_late_call_out_of_the_table_settles_it() {
    let fake = Arc::new(Fake::default());
    fake.busy.store(true, Ordering::SeqCst);
    let (mut promise, pending) = call(&fake, Duration::ZERO);
    let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
    assert!(poll(&mut promise, &wakes).is_pending());
    answer(&*pending, 3);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(matches!(poll(&mut promise, &wakes), Poll::Ready(Ok(3))));

    // A thread that waits, where layers take their time for another answer.
    let (promise, pending) = call(&fake, Duration::ZERO);
    fake.expired.lock().unwrap().clear();
    thread::scope(|threads| {
        let waiter = threads.spawn(|| promise.result());
        let started = Instant::now();
        while fake.expired.lock().unwrap().is_empty() && started.elapsed() < MINUTE {
            thread::yield_now();
        }
        answer(&*pending, 4);
        assert_eq!(waiter.join().unwrap().unwrap(), 4);
    });

    // It is not waited for without end.
    let (promise, _pending) = call(&fake, Duration::ZERO);
    assert!(matches!(promise.result(), Err(Error::Timeout { .. })));
}

#[test]
fn waiting_less_than_the_deadline_leaves_the_call_pending() {
    let fake = Arc::new(Fake::default());
    let (promise, pending) = call(&fake, MINUTE);
    let error = promise
        .result_timeout(Duration::from_millis(1))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no answer to `add` from `bob` within 1ms"
    );
    assert!(fake.expired.lock().unwrap().is_empty());
    answer(&*pending, 9);
    assert_eq!(promise.result().unwrap(), 9);
}

#[test]
fn the_runtime_may_time_a_call_out() {
    let fake = Arc::new(Fake::default());
    let (promise, pending) = call(&fake, MINUTE);
    assert!(pending.deadline().unwrap() > Instant::now());
    pending.time_out(true, 0);
    let text = promise.result().unwrap_err().to_string();
    assert_eq!(text, "no answer to `add` from `bob` within 60s");
    let (promise, pending) = call(&fake, MINUTE);
    pending.time_out(false, 0);
    let text = promise.result().unwrap_err().to_string();
    assert_eq!(
        text,
        "`add` was not sent: nobody it was for was connected within 60s"
    );
}
