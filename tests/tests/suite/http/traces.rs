//! Which trace a posted call belongs to: the header `traceparent`.

use quickrpc::{Direction, Processing, Value, dynamic};
use quickrpc_tests::{bounded, inbox};
use serde_json::json;

use super::{Poster, SERVER};

const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";

/// It answers with the trace of the call.
fn server(processing: Processing) -> dynamic::Api {
    let server = dynamic::Api::builder()
        .codec("jrpc")
        .transport(SERVER)
        .processing(processing)
        .build_dynamic()
        .unwrap();
    server.on("trace", |sender, _| match sender.traceparent() {
        Some(place) => Value::from(place),
        None => Value::Null,
    });
    server.start().unwrap();
    server
}

fn call(id: u32) -> serde_json::Value {
    json!({"jsonrpc": "2.0", "method": "trace", "id": id})
}

#[test]
fn it_is_that_of_the_request() {
    for processing in [Processing::Inline, Processing::Queue] {
        bounded("traces", move || {
            let server = server(processing);
            let mut poster = Poster::connect(server.local_addrs()[0]);
            let header = format!("TraceParent: {PLACE}\r\nTraceState: a=b\r\n");
            let mut traced = |headers: &str| {
                let answer = poster.post_with(headers, call(1)).json();
                answer["result"].as_str().map(str::to_owned)
            };
            assert_eq!(traced(&header).as_deref(), Some(PLACE));
            assert_eq!(traced("").as_deref(), None, "and of no other");
            for wrong in ["", "nonsense", &PLACE.to_uppercase(), &format!("{PLACE}-x")] {
                let header = format!("traceparent: {wrong}\r\n");
                assert_eq!(traced(&header).as_deref(), None, "{wrong}");
            }
            let twice = format!("traceparent: {PLACE}\r\ntraceparent: {OTHER}\r\n");
            assert_eq!(traced(&twice).as_deref(), None);

            // All of a batch; but what says another one by itself knows better.
            let mut other = call(2);
            other["traceparent"] = json!(OTHER);
            let answers = poster.post_with(&header, json!([call(1), other, call(3)]));
            let answers = answers.json();
            let traces: Vec<_> = answers.as_array().unwrap().iter().collect();
            let traces: Vec<_> = traces.iter().map(|answer| &answer["result"]).collect();
            assert_eq!(traces, [PLACE, OTHER, PLACE]);

            // Nobody waits for the answer to a notification, of which no trace is kept.
            let note = json!({"jsonrpc": "2.0", "method": "trace"});
            assert_eq!(poster.post_with(&header, note).status, 204);
        });
    }
}

#[test]
fn our_client_and_our_server_have_it_in_common() {
    bounded("a trace over HTTP", || {
        let server = server(Processing::Inline);
        let (told, heard) = inbox();
        let tell = told.clone();
        server.layer(move |call, next| {
            tell.send((call.direction(), call.traceparent())).unwrap();
            next.run(call)
        });
        let url = format!("http://{}/", server.local_addrs()[0]);
        let client = dynamic::Api::bind("jrpc?trace=on", url).unwrap();
        client.layer(move |call, next| {
            told.send((call.direction(), call.traceparent())).unwrap();
            next.run(call)
        });
        client.start().unwrap();
        let seen = client.call("trace", ()).result().unwrap();
        let (sent, received) = (heard.next(), heard.next());
        assert_eq!(
            (sent.0, received.0),
            (Direction::Outgoing, Direction::Incoming)
        );
        assert_eq!(sent.1, received.1);
        assert_eq!(seen.as_str(), received.1.as_deref());
    });
}
