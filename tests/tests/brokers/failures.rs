//! What happens when somebody goes, over both brokers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use quickrpc::Error;
use quickrpc_tests::{SOON, eventually, inbox};

use crate::parts::{Server, Shop, ShopInverse, WorkInverse, Worker, client, sees};

pub(crate) fn ten_workers_share_the_work_and_one_is_killed(server: impl Server) {
    let mut workers: Vec<_> = (0..10)
        .map(|number| Worker::start(&server, "farm", &format!("w{number}")))
        .collect();
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    hub.start().unwrap();
    eventually("all are there", || hub.peers().len() == 10);
    let calls: Vec<_> = (0..200).map(|_| hub.any().work(1)).collect();
    let mut shares = HashMap::new();
    for call in calls {
        *shares.entry(call.result().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(shares.len(), 10, "{shares:?}");
    assert!(shares.values().all(|share| *share >= 2), "{shares:?}");
    // Enough for each to be at work, and one is killed.
    let calls: Vec<_> = (0..60)
        .map(|_| hub.any().timeout(SOON * 3).work(400))
        .collect();
    // Which of them it has is chance; one is its own.
    let own = hub.to("w3").timeout(SOON * 3).work(30_000);
    let mut calls = calls.into_iter();
    calls.next().unwrap().result().unwrap();
    let killed = workers.remove(3);
    let pid = killed.id();
    let begun = Instant::now();
    drop(killed);
    let (mut lost, mut done) = (0, 0);
    let mut known = None;
    for call in [own].into_iter().chain(calls) {
        match call.result() {
            Ok(by) => {
                done += 1;
                assert!(by != pid || begun.elapsed() < SOON);
            }
            Err(error) => {
                assert!(matches!(error, Error::Disconnected { .. }), "{error}");
                known.get_or_insert(begun.elapsed());
                lost += 1;
            }
        }
    }
    assert!(lost > 0 && done >= 40, "{lost} lost, {done} done");
    let known = known.unwrap_or_default();
    assert!(known < SOON / 2, "known after {known:?}");
    assert_eq!(gone.next(), "w3");
    // The others go on.
    for _ in 0..20 {
        assert_ne!(hub.any().work(0).result().unwrap(), pid);
    }
}

pub(crate) fn whoever_is_killed_is_known_in_two_seconds(server: impl Server) {
    known_in_two_seconds(&server, Worker::kill);
}

/// Whoever waits for one that has ended so knows it, with what an expression has by default. A machine that
/// is busy with other things delays whatever waits: one of some times is enough.
pub(crate) fn known_in_two_seconds(server: &impl Server, end: impl Fn(&mut Worker)) {
    let mut took = Vec::new();
    while took.iter().all(|took| *took >= Duration::from_secs(2)) {
        assert!(took.len() < 10, "known after {took:?}");
        took.push(known_after(server, &end));
    }
}

/// How long all wait together who have called one that has ended so.
fn known_after(server: &impl Server, end: impl Fn(&mut Worker)) -> Duration {
    let mut worker = Worker::start(server, "farm", "w");
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    hub.start().unwrap();
    eventually("it is there", || hub.peers().len() == 1);
    let (one, any) = (hub.to("w").timeout(SOON * 3), hub.any().timeout(SOON * 3));
    let first = any.work(500);
    let mut calls = vec![any.work(60_000), one.work(60_000)];
    // Then the second has begun. Nobody has said yet that he works on the last one.
    assert_eq!(first.result().unwrap(), worker.id());
    calls.push(any.work(60_000));
    let begun = Instant::now();
    end(&mut worker);
    for call in calls {
        match call.result().unwrap_err() {
            // Of the last one, where the broker has it after the worker has gone.
            Error::NoPeer { .. } | Error::Disconnected { .. } => {}
            error => panic!("{error}"),
        }
    }
    begun.elapsed()
}

pub(crate) fn a_broker_that_comes_again_brings_everybody_back(mut server: impl Server) {
    let again = |name: &str| {
        format!(
            "restart:0.2:{}",
            server.bound("lab", &format!("name={name}"))
        )
    };
    let shop = Shop::bind("jrpc", again("shop")).unwrap();
    let (ran, runs) = inbox();
    shop.add.connect(move |_, a, b| {
        ran.send(()).unwrap();
        a + b
    });
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", again("hub")).unwrap();
    hub.start().unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, reason| {
        // The test may be over.
        told.send(format!("{}: {reason}", peer.name())).ok();
    });
    sees(&hub, 1);
    assert_eq!(hub.any().add(1, 2).result().unwrap(), 3);
    for round in 1..=2 {
        server.kill();
        // It is the broker that has gone, and not the shop.
        let why = gone.next();
        assert!(why.starts_with("shop: the broker is gone: "), "{why}");
        eventually("nobody is there", || hub.peers().is_empty());
        let error = hub.any().add(1, 2).result().unwrap_err();
        assert!(
            matches!(error, Error::NoPeer { .. } | Error::Disconnected { .. }),
            "{error}"
        );
        server.again();
        sees(&hub, 1);
        eventually("it serves again", || {
            hub.any().add(round, 2).result().is_ok()
        });
        assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    }
    assert!(runs.so_far().len() <= 8);
}

/// A worker that finds its broker again holds no more than before. (It is a process of its own, since
/// other tests run in this one.)
#[cfg(target_os = "linux")] // what a process holds is in `/proc`
pub(crate) fn whoever_finds_its_broker_again_holds_no_more(mut server: impl Server) {
    use quickrpc_tests::Resources;

    let bound = server.bound("farm", "name=w");
    let worker = Worker::bound(&format!("restart:0.1:{bound}"));
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    hub.start().unwrap();
    eventually("it serves", || hub.any().work(0).result().is_ok());
    let before = Resources::of(worker.id());
    for _ in 0..4 {
        server.kill();
        server.again();
        let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
        hub.start().unwrap();
        eventually("it serves again", || hub.any().work(0).result().is_ok());
        eventually("it holds what it held before", || {
            Resources::of(worker.id()) == before
        });
    }
}

/// Whoever works on something long says so, and is not taken for gone; nobody else waits for him.
pub(crate) fn a_slow_worker_is_slow_and_nothing_else(server: impl Server) {
    let slow = Worker::start(&server, "farm", "slow");
    let fast = Worker::start(&server, "farm", "fast");
    let bound = server.bound("farm", "name=hub&probe=1");
    let hub = WorkInverse::bind("jrpc", bound).unwrap();
    hub.start().unwrap();
    eventually("both are there", || hub.peers().len() == 2);
    // Longer than somebody may be silent who is asked once in a second.
    let begun = Instant::now();
    let long = hub.to("slow").timeout(SOON * 2).work(6_000);
    let behind = hub.to("slow").timeout(SOON * 2).work(0);
    for number in 0..10 {
        assert_eq!(hub.to("fast").work(1).result().unwrap(), fast.id());
        assert!(number > 0 || begun.elapsed() < Duration::from_secs(6));
    }
    let shared: Vec<_> = (0..20)
        .map(|_| hub.any().timeout(SOON * 2).work(1))
        .collect();
    assert_eq!(long.result().unwrap(), slow.id());
    assert_eq!(behind.result().unwrap(), slow.id());
    for call in shared {
        let by = call.result().unwrap();
        assert!(by == slow.id() || by == fast.id());
    }
    assert_eq!(hub.peers().len(), 2);
}

/// How many may wait where somebody [`floods`]: eight times as many of one peer.
pub(crate) const FEW: &str = "&waiting_messages=100";

pub(crate) fn two_programs_of_one_name_are_told_of_in_both(server: impl Server) {
    let hubs = [(); 2].map(|()| {
        let hub = ShopInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
        let (told, errors) = inbox();
        hub.on_error(move |_, error, _| {
            // The test may be over.
            told.send(error.to_string()).ok();
        });
        hub.start().unwrap();
        (hub, errors)
    });
    for (_hub, errors) in &hubs {
        let text = errors.next();
        assert!(
            text.contains("another program in `lab` is called `hub`, too"),
            "{text}"
        );
    }
}

/// One peer calls for far more than may wait; what is beyond that is answered as busy.
pub(crate) fn floods(hub: &ShopInverse) {
    let slow: Vec<_> = (0..3000)
        .map(|_| hub.to("shop").timeout(SOON * 3).slow(1))
        .collect();
    let mut busy = 0;
    for call in slow {
        match call.result() {
            Ok(who) => assert_eq!(who, "shop"),
            Err(Error::Call(error)) => {
                assert!(error.message.contains("busy"), "{error}");
                busy += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!((1..3000).contains(&busy), "{busy}");
    assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
}

/// What waits for a slow handler is more than one peer's share, where nobody else needs it; of what is beyond
/// that, the program hears.
pub(crate) fn a_burst_of_notifications_waits_or_is_told(server: impl Server) {
    let options = "name=shop&waiting_messages=20";
    let shop = Shop::bind("jrpc", server.bound("lab", options)).unwrap();
    let ((go, goes), (said, heard), (told, trouble)) = (inbox(), inbox(), inbox());
    shop.say.connect(move |_, text| {
        if text == "wait" {
            goes.next();
        }
        said.send(text.to_owned()).unwrap();
    });
    shop.add.connect(|_, a, b| a + b);
    shop.on_error(move |sender, error, _| told.send((sender.to_string(), error.clone())).unwrap());
    shop.start().unwrap();
    let hub = client(&server, "hub");
    sees(&hub, 1);
    let all = hub.all();
    // Of sixteen times twenty, half.
    for burst in [100, 1000] {
        all.say("wait").unwrap();
        for number in 0..burst {
            all.say(&number.to_string()).unwrap();
        }
        let dropped = burst == 1000;
        if dropped {
            // All of it has come.
            let error = hub.to("shop").add(1, 2).result().unwrap_err();
            assert!(error.to_string().contains("busy"), "{error}");
        }
        go.send(()).unwrap();
        if dropped {
            let (peer, error) = trouble.next();
            assert_eq!(peer, "hub");
            assert!(error.to_string().contains("are dropped"), "{error}");
        }
        assert_eq!(heard.next(), "wait");
        for number in 0..100 {
            assert_eq!(heard.next(), number.to_string());
        }
        // Behind all of it, when there is room again.
        eventually("room", || hub.to("shop").add(1, 2).result().is_ok());
        assert_eq!(heard.so_far().is_empty(), !dropped);
    }
    assert_eq!(trouble.so_far().len(), 0);
}
