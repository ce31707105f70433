//! Subscriptions in the convention of others whose answer comes late, or never.

use std::net::TcpListener;
use std::time::Duration;

use quickrpc::{DisconnectReason, Error, Limits};
use quickrpc_tests::{Telnet, bounded, inbox};
use serde_json::json;

use super::foreign::{NodeInverse, answer, client, expect_ping, heard, item, say};

const SHORT: Duration = Duration::from_millis(50);

/// The node hears that a call is given up.
fn expect_cancel(node: &mut Telnet, id: &serde_json::Value) {
    let cancel = heard(node);
    assert_eq!(
        (&cancel["method"], &cancel["params"]["id"]),
        (&json!("rpc.cancel"), id)
    );
}

#[test]
fn what_an_answer_begins_that_comes_too_late_is_ended() {
    let (client, mut node) = client();
    // Whoever waits finds it out, or the poll thread.
    for waits in [true, false] {
        let mut heads = client.all().timeout(SHORT).eth_subscribe("newHeads");
        let id = heard(&mut node)["id"].clone();
        if waits {
            heads = bounded("the deadline", move || {
                let Some(Err(Error::Timeout { .. })) = heads.next() else {
                    panic!("it was answered");
                };
                heads
            });
        }
        expect_cancel(&mut node, &id);
        say(&mut node, item("late", 1));
        say(
            &mut node,
            json!({"jsonrpc": "2.0", "id": id, "result": "late"}),
        );
        say(&mut node, item("late", 2));
        answer(&mut node, "eth_unsubscribe", json!(["late"]), json!(true));
        if !waits {
            let Some(Err(Error::Timeout { .. })) = heads.next() else {
                panic!("it was answered");
            };
        }
        assert!(heads.next().is_none());
        expect_ping(&client, &mut node);
    }
    // One that is dropped, and then too late.
    drop(client.all().timeout(SHORT).eth_subscribe("newHeads"));
    let id = heard(&mut node)["id"].clone();
    expect_cancel(&mut node, &id);
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": id, "result": "late"}),
    );
    answer(&mut node, "eth_unsubscribe", json!(["late"]), json!(true));
    expect_ping(&client, &mut node);
}

#[test]
fn an_error_that_comes_too_late_ends_nothing() {
    let (client, mut node) = client();
    let heads = client.all().timeout(SHORT).eth_subscribe("newHeads");
    let id = heard(&mut node)["id"].clone();
    expect_cancel(&mut node, &id);
    let error = json!({"code": -32800, "message": "cancelled"});
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": id, "error": error}),
    );
    // Nor does an answer behind it.
    say(
        &mut node,
        json!({"jsonrpc": "2.0", "id": id, "result": "late"}),
    );
    expect_ping(&client, &mut node);
    let error = bounded("the deadline", move || heads.result()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

/// The name of an event is known, whatever is answered.
#[test]
fn an_event_that_is_not_answered_in_time_is_ended_at_once() {
    let (client, mut node) = client();
    let prices = client.all().timeout(SHORT).price();
    let id = heard(&mut node)["id"].clone();
    let error = bounded("the deadline", move || prices.result()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    let mut said = [heard(&mut node), heard(&mut node)];
    said.sort_by_key(|one| one["method"] == "rpc.off");
    assert_eq!(said[0]["params"]["id"], id);
    assert_eq!(said[1]["params"], json!(["priceChanged"]));
    expect_ping(&client, &mut node);
}

/// What comes before its answer counts as everything else that is kept of a peer.
#[test]
fn items_that_come_early_are_within_the_memory_of_all() {
    const TOTAL: usize = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let client = NodeInverse::builder()
        .bind("jrpc:\n", format!("tcp:{addr}"))
        .limits(Limits {
            buffered_total: TOTAL,
            ..Limits::default()
        })
        .build()
        .unwrap();
    let (told, gone) = inbox();
    client.on_disconnect(move |_, reason| told.send(reason.clone()).unwrap());
    client.start().unwrap();
    let mut node = Telnet::over(listener.accept().unwrap().0);
    let heads = client.all().eth_subscribe("newHeads");
    heard(&mut node);
    // Half of it waits for its answer, and is read then.
    let one = item("x".repeat(1000), 1).to_string() + "\n";
    let half = one.repeat(TOTAL / 2 / one.len());
    node.send(&half);
    expect_ping(&client, &mut node);
    assert!(gone.so_far().is_empty());
    // It is gone before all of this has come.
    node.try_send(half.repeat(4));
    let reason = gone.next();
    assert!(
        matches!(reason, DisconnectReason::OutOfMemory { limit: TOTAL, .. }),
        "{reason:?}"
    );
    let error = bounded("the end", move || heads.result()).unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
}
