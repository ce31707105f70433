//! Many peers, slow ones, and what a process holds when its server comes and goes.

use std::collections::HashMap;
use std::process::Command;
use std::time::Instant;

use quickrpc::Error;
use quickrpc_tests::{NatsServer, Release, Resources, SOON, eventually};

use super::ByHand;
use crate::failures::known_in_two_seconds;
use crate::parts::{ShopInverse, WorkInverse, Worker};

by_both_servers! {
    a_thousand_peers_are_called_by_one
    a_worker_that_stands_still_costs_its_own_calls_alone
    whoever_stands_still_is_known_in_two_seconds
    a_slow_worker_holds_up_nobody_else
    a_server_that_comes_and_goes_leaves_threads_and_descriptors_as_they_were
}

/// Somebody who is `count` peers of the namespace `lab`, on one connection, until the server is gone.
fn peers_by_hand(server: &NatsServer, count: usize) {
    let mut hand = ByHand::new(server);
    hand.patient();
    hand.say("SUB lab.to.*.> 1\r\nSUB lab.all._here 2\r\n");
    for number in 0..count {
        let reply = format!("lab.in.p{number}.t.x");
        hand.publish("lab.all._here", &reply, "");
    }
    std::thread::spawn(move || {
        while let Some((subject, text)) = hand.next_message() {
            let mut words = subject.split('.').skip(2);
            let (Some(name), Some(method)) = (words.next(), words.next()) else {
                // Somebody has come.
                let to = hand.reply();
                if !to.starts_with("lab.in.p") {
                    for number in 0..count {
                        hand.publish(&to, &format!("lab.in.p{number}.t.x"), "");
                    }
                }
                continue;
            };
            let (to, me) = (hand.reply(), format!("lab.in.{name}.t.x"));
            match method {
                "who" => {
                    let id = text.rsplit("\"id\":").next().unwrap_or_default();
                    let id = id.trim_end_matches('}');
                    let answer = format!(r#"{{"jsonrpc":"2.0","result":"{name}","id":{id}}}"#);
                    hand.publish(&to, &me, &answer);
                }
                _ => hand.publish(&to, &me, ""),
            }
        }
    });
}

fn a_thousand_peers_are_called_by_one(release: Release) {
    const COUNT: usize = 1000;
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    // One that takes nobody for gone who is slow, as on a machine where much else runs.
    let hub = ShopInverse::bind("jrpc", server.bound("lab", "name=hub&probe=10")).unwrap();
    hub.start().unwrap();
    let before = Resources::now();
    peers_by_hand(&server, COUNT);
    eventually("all are there", || hub.peers().len() == COUNT);
    for _ in 0..3 {
        let each = hub.all().timeout(SOON).each().who();
        let mut count = 0;
        for (peer, who) in each {
            assert_eq!(who.result().unwrap(), peer.name());
            count += 1;
        }
        assert_eq!(count, COUNT);
    }
    assert_eq!(hub.to("p77").who().result().unwrap(), "p77");
    // No threads and descriptors for each. (Other tests run beside this one.)
    assert!(Resources::now().threads < before.threads + COUNT / 2);
    assert!(Resources::now().descriptors < before.descriptors + COUNT / 2);
}

fn a_worker_that_stands_still_costs_its_own_calls_alone(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (still, other) = (
        Worker::start(&server, "farm", "still"),
        Worker::start(&server, "farm", "other"),
    );
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    hub.start().unwrap();
    eventually("both are there", || hub.peers().len() == 2);
    assert_eq!(hub.to("still").work(0).result().unwrap(), still.id());
    still.signal("-STOP");
    let begun = Instant::now();
    let lost = hub.to("still").timeout(SOON * 3).work(0);
    let calls: Vec<_> = (0..20).map(|_| hub.to("other").work(1)).collect();
    for call in calls {
        assert_eq!(call.result().unwrap(), other.id());
    }
    let error = lost.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // When it goes on, it is one of them again.
    still.signal("-CONT");
    eventually("it works again", || {
        hub.to("still")
            .work(0)
            .result()
            .is_ok_and(|id| id == still.id())
    });
    eventually("both are there", || hub.peers().len() == 2);
}

fn whoever_stands_still_is_known_in_two_seconds(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    known_in_two_seconds(&server, |worker| worker.signal("-STOP"));
}

fn a_slow_worker_holds_up_nobody_else(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (slow, fast) = (
        Worker::start(&server, "farm", "slow"),
        Worker::start(&server, "farm", "fast"),
    );
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub&probe=10")).unwrap();
    hub.start().unwrap();
    eventually("both are there", || hub.peers().len() == 2);
    let begun = Instant::now();
    let busy = hub.to("slow").timeout(SOON * 3).work(3000);
    let calls: Vec<_> = (0..40)
        .map(|_| hub.any().timeout(SOON * 3).work(1))
        .collect();
    // Nobody is asked whether he is slow: those of the slow one wait, and come.
    let mut by = HashMap::new();
    let (held, free): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .map(|call| (call.result().unwrap(), begun.elapsed()))
        .partition(|(id, _)| *id == slow.id());
    for (id, _) in held.iter().chain(&free) {
        *by.entry(*id).or_insert(0) += 1;
    }
    assert!(by[&slow.id()] > 0 && by[&fast.id()] > 0, "{by:?}");
    assert_eq!(busy.result().unwrap(), slow.id());
    // And meanwhile, by name:
    let busy = hub.to("slow").timeout(SOON * 3).work(2000);
    let quick: Vec<_> = (0..10).map(|_| hub.to("fast").work(0)).collect();
    for call in quick {
        assert_eq!(call.result().unwrap(), fast.id());
    }
    assert_eq!(busy.result().unwrap(), slow.id());
}

fn a_server_that_comes_and_goes_leaves_threads_and_descriptors_as_they_were(release: Release) {
    let Some(mut server) = NatsServer::of(release, "") else {
        return;
    };
    let bound = |name: &str| {
        let bound = server.bound("farm", &format!("name={name}"));
        format!("restart:0.1:{bound}")
    };
    let names = ["w0", "w1", "w2"];
    let workers = names.map(|name| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker_worker"));
        Worker::ready(command.args(["jrpc", &bound(name)]))
    });
    let hub = WorkInverse::bind("jrpc", bound("hub")).unwrap();
    hub.start().unwrap();
    let all_work = || {
        eventually("all work", || {
            let mut all = names.iter().zip(&workers);
            all.all(|(name, worker)| {
                hub.to(*name)
                    .work(0)
                    .result()
                    .is_ok_and(|id| id == worker.id())
            })
        });
    };
    all_work();
    let held = || workers.each_ref().map(|worker| Resources::of(worker.id()));
    let before = held();
    for _ in 0..5 {
        server.kill();
        eventually("nobody is there", || hub.peers().is_empty());
        server.again();
        all_work();
        assert_eq!(hub.peers().len(), 3);
    }
    eventually("they hold what they held", || {
        let now = held();
        now.iter().zip(&before).all(|(now, before)| {
            now.threads <= before.threads && now.descriptors <= before.descriptors
        })
    });
}
