//! What is posted, and how it is answered.

use std::net::Shutdown;
use std::time::Duration;

use quickrpc::{DisconnectReason, Error, Processing, Promise, remote_api};
use quickrpc_tests::{SOON, bounded, inbox};
use serde_json::json;

use super::{Poster, add, request, server, sum};

#[test]
fn a_call_is_answered_in_the_response() {
    let (_api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    let response = poster.post(add(2, 3, 1));
    assert_eq!(response.status, 200);
    assert!(response.head.contains("content-type: application/json\r\n"));
    assert_eq!(response.json(), sum(5, 1));
    // On the same connection; ids are theirs.
    assert_eq!(poster.post(add(3, 4, "x")).json(), sum(7, "x"));
    assert_eq!(poster.post(add(4, 5, 1.5)).json(), sum(9, 1.5));
    let null = json!(null);
    assert_eq!(poster.post(add(5, 6, null.clone())).json(), sum(11, null));
    let named = json!({"jsonrpc": "2.0", "method": "add", "params": {"b": 1, "a": 2}, "id": 2});
    assert_eq!(poster.post(named).json(), sum(3, 2));
    let large = "ä".repeat(500_000);
    let echo = json!({"jsonrpc": "2.0", "method": "echo", "params": [large], "id": 3});
    assert_eq!(poster.post(echo).json()["result"], json!(large));
}

#[test]
fn errors_are_answers_too() {
    let (_api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    for (body, code, id) in [
        (
            r#"{"jsonrpc":"2.0","method":"fail","params":["no"],"id":1}"#,
            -32000,
            json!(1),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"none","id":2}"#,
            -32601,
            json!(2),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"add","params":[1],"id":3}"#,
            -32602,
            json!(3),
        ),
        (r#"{"jsonrpc":"2.0","id":4}"#, -32600, json!(4)),
        (
            r#"{"method":"add","params":[1,2],"id":5}"#,
            -32600,
            json!(5),
        ),
        (r#"{"jsonrpc":"2.0","method":1}"#, -32600, json!(null)),
        ("[]", -32600, json!(null)),
        ("1", -32600, json!(null)),
        ("nonsense", -32700, json!(null)),
        ("  ", -32700, json!(null)),
        (
            r#"{"jsonrpc":"2.0","method":"add","params":[1,2],"id":6"#,
            -32700,
            json!(null),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"add","params":[1,2"x"],"id":7}"#,
            -32700,
            json!(null),
        ),
    ] {
        let response = poster.post(body);
        assert_eq!(response.status, 200, "{body}");
        let answer = response.json();
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        assert_eq!(answer["id"], id, "{body}: {answer}");
    }
    poster.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\"\xc3");
    assert_eq!(poster.response().json()["error"]["code"], -32700);
    assert_eq!(poster.post(add(1, 1, 1)).json(), sum(2, 1));
}

#[test]
fn what_wants_no_answer_has_a_response_without_one() {
    let (_api, addr, served) = server();
    let mut poster = Poster::connect(addr);
    let name = poster.name();
    let note = |text: &str| json!({"jsonrpc": "2.0", "method": "notify", "params": [text]});
    let empty = |response: super::Response| {
        assert_eq!((response.status, &*response.body), (204, ""));
        assert!(
            !response.head.contains("content-length"),
            "{}",
            response.head
        );
    };
    empty(poster.post(note("a")));
    empty(poster.post(json!([note("b"), note("c")])));
    for text in ["a", "b", "c"] {
        let seen = served.notes.next();
        assert_eq!(seen, (name.clone(), String::from(text)));
    }
    // Nobody asked that; and a notification of nothing.
    empty(poster.post(json!({"jsonrpc": "2.0", "result": 1, "id": 1})));
    empty(poster.post(json!({"jsonrpc": "2.0", "method": "none"})));
    empty(poster.post(json!({"jsonrpc": "2.0", "method": "rpc.cancel", "params": {"id": 1}})));
    assert_eq!(poster.post(add(1, 1, 1)).json(), sum(2, 1));
}

#[test]
fn a_batch_has_its_answers_in_one_response() {
    let (_api, addr, served) = server();
    let mut poster = Poster::connect(addr);
    let note = json!({"jsonrpc": "2.0", "method": "notify", "params": ["x"]});
    let answers = poster
        .post(json!([add(1, 2, 1), note, add(3, 4, 2), 1]))
        .json();
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), 3);
    assert!(answers.contains(&sum(3, 1)) && answers.contains(&sum(7, 2)));
    assert!(answers.iter().any(|one| one["error"]["code"] == -32600));
    assert_eq!(served.notes.next().1, "x");
    // One of one is a list, too.
    assert_eq!(
        poster.post(json!([add(1, 2, 1)])).json(),
        json!([sum(3, 1)])
    );
}

#[test]
fn responses_have_the_order_of_the_requests() {
    let (_api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    let all: String = (0..100)
        .map(|i| request("", &add(i, i, 1).to_string()))
        .collect();
    poster.send(all);
    for i in 0..100 {
        assert_eq!(poster.response().json(), sum(i + i, 1));
    }
}

#[remote_api]
trait Slow {
    /// Answered when the test says so.
    #[incoming]
    fn wait(&self, name: &str) -> String;
    #[incoming]
    fn quick(&self) -> u8;
}

#[test]
fn a_late_answer_holds_up_its_connection_only() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let api = Slow::builder().processing(processing);
        let api = api.transport(super::SERVER).build().unwrap();
        let (asked, questions) = inbox();
        api.wait.connect(move |_sender, name| {
            let (promise, resolver) = Promise::pair();
            let _ = asked.send((name.to_owned(), resolver));
            promise
        });
        api.quick.connect(|_sender| 7);
        api.start().unwrap();
        let addr = api.local_addrs()[0];
        let wait = |name: &str| {
            json!({"jsonrpc": "2.0", "method": "wait", "params": [name], "id": 1}).to_string()
        };
        let quick = json!({"jsonrpc": "2.0", "method": "quick", "id": 1}).to_string();
        let mut one = Poster::connect(addr);
        // The others are there before the first is answered.
        one.send(request("", &wait("a")) + &request("", &wait("b")) + &request("", &quick));
        let (name, first) = questions.next();
        assert_eq!(name, "a");
        let mut other = Poster::connect(addr);
        assert_eq!(other.post(&quick).json()["result"], 7);
        first.set_result("first".to_owned()).unwrap();
        assert_eq!(one.response().json()["result"], "first");
        let (name, second) = questions.next();
        assert_eq!(name, "b");
        second.set_result("second".to_owned()).unwrap();
        assert_eq!(one.response().json()["result"], "second");
        assert_eq!(one.response().json()["result"], 7);
        // Nobody waits for this one any more.
        one.send(request("", &wait("c")));
        let (_, third) = questions.next();
        let (gone, is_gone) = inbox();
        third.on_cancel(move || {
            let _ = gone.send(());
        });
        drop(one);
        is_gone.next();
        api.stop().unwrap();
    }
}

/// As over TCP: programs such as `nc -N` end their side with their question.
#[test]
fn who_ends_his_side_is_answered() {
    for processing in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let api = Slow::builder().processing(processing);
        let api = api.transport(super::SERVER).build().unwrap();
        let (asked, questions) = inbox();
        api.wait.connect(move |_sender, name| {
            let (promise, resolver) = Promise::pair();
            let _ = asked.send((name.to_owned(), resolver));
            promise
        });
        api.quick.connect(|_sender| 7);
        api.start().unwrap();
        let addr = api.local_addrs()[0];
        let wait = json!({"jsonrpc": "2.0", "method": "wait", "params": ["a"], "id": 1});
        let wait = request("", &wait.to_string());
        let quick = json!({"jsonrpc": "2.0", "method": "quick", "id": 1}).to_string();
        let quick = request("", &quick);
        // All that was asked, also by those who know of nothing but responses.
        for asks in [quick.replace("HTTP/1.1", "HTTP/1.0"), quick.repeat(3)] {
            let mut poster = Poster::connect(addr);
            poster.send(&asks);
            poster.stream.shutdown(Shutdown::Write).unwrap();
            for _ in asks.matches("POST") {
                assert_eq!(poster.response().json()["result"], 7);
            }
            poster.end();
        }
        let mut poster = Poster::connect(addr);
        poster.send(&wait);
        let (_, late) = questions.next();
        poster.stream.shutdown(Shutdown::Write).unwrap();
        // Here its end was seen.
        assert_eq!(poster.response().status, 100);
        late.set_result("late".to_owned()).unwrap();
        let mut response = poster.response();
        while response.status == 100 {
            response = poster.response();
        }
        assert_eq!(response.json()["result"], "late");
        poster.end();
        api.stop().unwrap();
    }
}

#[test]
fn who_wants_no_more_is_answered_and_let_go() {
    let (_api, addr, _served) = server();
    for (version, headers) in [
        ("1.1", "Connection: close\r\n"),
        ("1.1", "Connection: foo, Close\r\n"),
        ("1.0", ""),
    ] {
        let mut poster = Poster::connect(addr);
        let body = add(2, 3, 1).to_string();
        let length = body.len();
        poster.send(format!(
            "POST / HTTP/{version}\r\nContent-Length: {length}\r\n{headers}\r\n{body}POST / more"
        ));
        let response = poster.response();
        assert_eq!(response.json(), sum(5, 1));
        assert!(
            response.head.contains("connection: close\r\n"),
            "{}",
            response.head
        );
        poster.end();
    }
}

#[test]
fn bodies_come_in_any_form() {
    let (_api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    let body = add(2, 3, 1).to_string();
    let (start, end) = body.split_at(10);
    let chunked = format!(
        "POST /?x=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n\
         {:x}\r\n{start}\r\n{:X};x=y\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len()
    );
    poster.send(&chunked);
    assert_eq!(poster.response().json(), sum(5, 1));
    for byte in chunked.bytes() {
        poster.send([byte]);
    }
    assert_eq!(poster.response().json(), sum(5, 1));
    // Who waits is told to go on.
    let whole = request("Expect: 100-continue\r\n", &body);
    let (head, _) = whole.split_at(whole.len() - body.len());
    poster.send(head);
    assert_eq!(poster.response().status, 100);
    poster.send(&body);
    assert_eq!(poster.response().json(), sum(5, 1));
    // The mark of some editors.
    assert_eq!(poster.post(format!("\u{feff}{body}")).json(), sum(5, 1));
}

/// As proxies are asked, and every server has to take it.
#[test]
fn a_target_may_be_a_whole_url() {
    let (_api, addr, _served) = server();
    let asks = request("", &add(2, 3, 1).to_string());
    let mut poster = Poster::connect(addr);
    for target in [
        "http://localhost/",
        "HTTP://hub.example:8080",
        "https://hub.example/?a=b",
        "http://hub.example?a=/b",
    ] {
        poster.send(asks.replace("POST / ", &format!("POST {target} ")));
        assert_eq!(poster.response().json(), sum(5, 1), "{target}");
    }
    // Its host counts, and not what else is said of it.
    for (host, status) in [("192.168.0.7", 200), ("evil.example", 403)] {
        let mut poster = Poster::connect(addr);
        let page = format!("Origin: http://{host}\r\n");
        let asks = request(&page, &add(2, 3, 1).to_string());
        poster.send(asks.replace("POST / ", &format!("POST http://{host}/ ")));
        assert_eq!(poster.response().status, status, "{host}");
    }
    poster.send(asks.replace("POST / ", "POST http://localhost/other "));
    assert_eq!(poster.response().status, 405);
}

#[test]
fn who_posts_is_a_peer_that_takes_answers_only() {
    let (api, addr, _served) = server();
    let (came, comers) = inbox();
    api.on_connect(move |peer| drop(came.send(peer.clone())));
    let (gone, ends) = inbox();
    api.on_disconnect(move |peer, reason| drop(gone.send((peer.clone(), reason.clone()))));
    let mut poster = Poster::connect(addr);
    assert_eq!(poster.post(add(1, 1, 1)).json(), sum(2, 1));
    let peer = comers.next();
    assert_eq!(*peer, *poster.name());
    assert_eq!(api.peers(), std::slice::from_ref(&peer));
    // It is not among those who can be called.
    api.all().notified("to nobody").unwrap();
    assert!(matches!(
        api.all().question("x").result(),
        Err(Error::NoPeer { .. })
    ));
    for error in [
        api.to(&peer).notified("x").unwrap_err(),
        api.to(&peer).question("x").result().unwrap_err(),
    ] {
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("WebSocket"), "{error}");
    }
    // Not even by a handler.
    let ask = json!({"jsonrpc": "2.0", "method": "ask", "params": ["x"], "id": 2});
    let error = &poster.post(ask).json()["error"];
    assert!(
        error["message"].as_str().unwrap().contains("HTTP"),
        "{error}"
    );
    // It goes on.
    assert_eq!(poster.post(add(1, 2, 1)).json(), sum(3, 1));
    drop(poster);
    let (who, reason) = ends.next();
    assert_eq!(who, peer);
    assert!(matches!(reason, DisconnectReason::EndOfInput), "{reason}");
}

#[test]
fn who_is_closed_by_name_is_closed() {
    let (api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    poster.post(add(1, 1, 1));
    api.disconnect(&*poster.name()).unwrap();
    poster.end();
    // And so at a stop.
    let mut poster = Poster::connect(addr);
    poster.post(add(1, 1, 1));
    bounded("the stop", move || api.stop().unwrap());
    poster.end();
}

#[test]
fn many_post_side_by_side() {
    let (_api, addr, _served) = server();
    let posters: Vec<_> = (0..8)
        .map(|own| {
            std::thread::spawn(move || {
                let mut poster = Poster::connect(addr);
                for i in 0..200 {
                    assert_eq!(poster.post(add(own, i, own)).json(), sum(own + i, own));
                }
            })
        })
        .collect();
    for poster in posters {
        poster.join().unwrap();
    }
}

#[test]
fn a_slow_request_has_its_time() {
    let (_api, addr, _served) =
        quickrpc_tests::server_on("jrpc", "wsserv:127.0.0.1:0?greeting=0.3");
    let mut poster = Poster::connect(addr);
    assert_eq!(poster.post(add(1, 1, 1)).json(), sum(2, 1));
    poster.send("POST / HTTP/1.1\r\nContent-Le");
    poster.end();
    let mut poster = Poster::connect(addr);
    poster.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
    poster.end();
    assert!(SOON > Duration::from_secs(1));
}
