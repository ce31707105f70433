//! Servers that have stopped their service without a word, as those in Python do.

use std::time::Duration;

use quickrpc::Processing;

use super::*;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_millis(2_500);

/// A client with little patience, and its server.
fn client(listener: &TcpListener, secrets: &Secrets) -> (Bot, Raw) {
    let addr = listener.local_addr().unwrap();
    let transport = format!("restart:0.01:ws:{addr}?greeting=1s");
    let client = secrets.client("cog", "", &transport);
    let server = let_in(&client, listener);
    (client, server)
}

#[test]
fn a_silent_server_is_given_up_and_connected_anew() {
    let secrets = Secrets::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, mut server) = client(&listener, &secrets);
    let (gone, ends) = inbox();
    client.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    let late = settled(client.all().timeout(SHORT).ask_ping()).unwrap_err();
    assert!(matches!(late, Error::Timeout { .. }), "{late:?}");
    // The call, and a question that everybody can answer.
    assert_eq!(server.packet()["data"]["data"]["route"], "ping");
    assert_eq!(server.packet()["data"]["data"]["route"], "rpc.still_there");
    let reason = ends.next();
    assert!(
        matches!(reason, DisconnectReason::Silent { .. }),
        "{reason:?}"
    );
    assert!(
        reason.to_string().contains("it said nothing for "),
        "{reason}"
    );
    let _again = Raw::accept_identified(&listener);
}

/// A handler that raised leaves its caller without an answer, and nothing else.
#[test]
fn a_server_that_says_anything_is_not_given_up() {
    let secrets = Secrets::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (client, mut server) = client(&listener, &secrets);
    let (gone, ends) = inbox();
    client.on_disconnect(move |_peer, reason| gone.send(reason.clone()).unwrap());
    // The second and third calls outlast the patience with what was left unanswered before.
    for time in [SHORT, LONG, LONG] {
        let late = settled(client.all().timeout(time).ask_ping()).unwrap_err();
        assert!(matches!(late, Error::Timeout { .. }), "{late:?}");
        server.packet();
        let probe = server.packet();
        assert_eq!(probe["data"]["data"]["route"], "rpc.still_there");
        let why = json!("rpc.still_there is not a valid route name.");
        server.say(response(
            &probe["packet_id"],
            "FAILURE_RESPONSE",
            why,
            "SERVER",
        ));
    }
    assert_eq!(ends.so_far().len(), 0);
    server.say(request("REQUEST", "ping", json!({}), "7"));
    assert_eq!(server.packet()["data"]["data"], "pong");
}

/// Our own server says at once that it is there, while its handlers take their time.
#[test]
fn a_busy_server_of_ours_is_not_silent() {
    let secrets = Secrets::new();
    let server = Bot::builder()
        .bind(secrets.codec("", ""), SERVER)
        .processing(Processing::Queue)
        .build()
        .unwrap();
    let (hold, held) = crossbeam_channel::bounded::<()>(0);
    server.ping.connect(move |_sender| {
        let _ = held.recv();
        "pong".to_owned()
    });
    server.start().unwrap();
    let mut raw = Raw::identified(server.local_addrs()[0], "cog");
    raw.say(request("CLIENT_REQUEST", "ping", json!({}), "1"));
    raw.say(request("CLIENT_REQUEST", "rpc.still_there", json!({}), "2"));
    let answer = raw.packet();
    let why = json!("rpc.still_there is not a valid route name.");
    assert_eq!(
        answer,
        response(&json!("2"), "FAILURE_RESPONSE", why, "SERVER")
    );
    drop(hold);
    let answer = raw.packet();
    assert_eq!(
        answer,
        response(&json!("1"), "SUCCESS_RESPONSE", json!("pong"), "SERVER")
    );
}
