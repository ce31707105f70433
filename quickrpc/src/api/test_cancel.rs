//! What is left of calls that were given up: nothing.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::api::dynamic::Api;
use crate::base::sync::lock;
use crate::{Processing, Promise, Value};

/// Only a defect takes longer.
const SOON: Duration = Duration::from_secs(60);

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

#[test]
fn nothing_is_left_in_any_table() {
    for processing in [Processing::Inline, Processing::Queue] {
        let server = Api::builder()
            .transport("tcpserv:127.0.0.1:0")
            .processing(processing)
            .build_dynamic()
            .unwrap();
        let (tell, asked) = mpsc::channel();
        server.on("keep", move |_sender, _args: Value| {
            let (promise, resolver) = Promise::<Value>::pair();
            tell.send(resolver).unwrap();
            promise
        });
        server.start().unwrap();
        let port = server.local_addrs()[0].port();
        // No call may end before the last of them has come.
        let client = Api::builder()
            .transport(format!("tcp:127.0.0.1:{port}"))
            .call_timeout(SOON * 3)
            .build_dynamic()
            .unwrap();
        client.start().unwrap();
        let jobs: Vec<_> = (0..10_000).map(|_| client.call("keep", ())).collect();
        let kept: Vec<_> = (0..jobs.len())
            .map(|_| asked.recv_timeout(SOON).unwrap())
            .collect();
        eventually("all are there", || server.calls().late.len() == jobs.len());
        for job in &jobs {
            job.cancel();
        }
        assert_eq!(
            format!("{:?}", lock(&client.calls().pending)),
            "PendingTable(0)"
        );
        eventually("all are told of", || server.calls().late.len() == 0);
        eventually("each hears of it", || {
            kept.iter().all(crate::Resolver::is_cancelled)
        });
        drop(kept);
        assert_eq!(server.calls().mailbox.wait_settled(Instant::now()), 0);
        let lane = server.peers()[0].id;
        eventually("nothing waits", || {
            server.calls().mailbox.share(lane).messages == 0
        });
        // And of those that nobody knows, before and while something runs.
        for id in 0..10_000 {
            client
                .notify("rpc.cancel", Value::Map([("id".into(), id.into())].into()))
                .unwrap();
        }
        let last = client.call("keep", ());
        asked.recv_timeout(SOON).unwrap();
        assert!(last.result().is_err());
        assert_eq!(server.calls().late.len(), 0);
        eventually("nothing is marked", || {
            !crate::base::current::CallKey::new(lane, "1").is_marked()
        });
    }
}
