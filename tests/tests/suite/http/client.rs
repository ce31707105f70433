//! The client that posts its calls.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Processing, Promise, remote_api};
use quickrpc_tests::{Authority, Lab, LabInverse, OwnDir, SOON, bounded, eventually, inbox};

use super::server;

fn client(transport: &str) -> LabInverse {
    let api = LabInverse::bind("jrpc", transport).expect("right expressions");
    api.start().expect("nobody has to be there yet");
    api
}

#[test]
fn calls_are_posted_and_answered() {
    let (_api, addr, served) = server();
    for transport in [format!("http:{addr}"), format!("http://{addr}/?token=x")] {
        let client = client(&transport);
        let lab = client.all();
        assert_eq!(lab.add(2, 3).result().unwrap(), 5);
        assert_eq!(lab.blob(&[0, 255]).result().unwrap(), [0, 255]);
        let large = "ä".repeat(1_000_000);
        assert_eq!(lab.echo(&large).result().unwrap(), large);
        lab.notify("note").unwrap();
        assert_eq!(served.notes.next().1, "note");
        let Err(Error::Call(error)) = lab.fail("no").result() else {
            panic!("it fails");
        };
        assert_eq!((error.code, &*error.message), (-32000, "no"));
        let calls: Vec<_> = (0..200).map(|i| lab.add(i, i)).collect();
        for (i, call) in (0..).zip(calls) {
            assert_eq!(call.result().unwrap(), i + i);
        }
    }
    // Another framing of streams means nothing here.
    let other = LabInverse::bind("jrpc:content-length", format!("http:{addr}").as_str()).unwrap();
    other.start().unwrap();
    assert_eq!(other.all().add(2, 3).result().unwrap(), 5);
}

#[remote_api]
trait Slow {
    /// Answered when the test says so.
    #[incoming]
    fn wait(&self, name: &str) -> String;
}

#[test]
fn calls_run_side_by_side_and_can_be_given_up() {
    let api = Slow::bind("jrpc", super::SERVER).unwrap();
    let (asked, questions) = inbox();
    api.wait.connect(move |_sender, name| {
        let (promise, resolver) = Promise::pair();
        let _ = asked.send((name.to_owned(), resolver));
        promise
    });
    api.start().unwrap();
    let client = SlowInverse::bind("jrpc", format!("http:{}", api.local_addrs()[0])).unwrap();
    client.start().unwrap();
    let (one, other) = (client.all().wait("one"), client.all().wait("other"));
    let mut both = [questions.next(), questions.next()];
    both.sort_by(|a, b| a.0.cmp(&b.0));
    let [(_, first), (_, second)] = both;
    second.set_result("second".to_owned()).unwrap();
    assert_eq!(other.result().unwrap(), "second");
    let (given_up, is_given_up) = inbox();
    first.on_cancel(move || {
        let _ = given_up.send(());
    });
    one.cancel();
    is_given_up.next();
    // The deadline of a caller ends it, too.
    let late = client
        .all()
        .timeout(Duration::from_millis(100))
        .wait("late");
    assert!(matches!(late.result(), Err(Error::Timeout { .. })));
    let (_, third) = questions.next();
    let (given_up, is_given_up) = inbox();
    third.on_cancel(move || {
        let _ = given_up.send(());
    });
    is_given_up.next();
    // The connections of those who were given up are no trouble.
    let again = client.all().wait("again");
    let (_, fourth) = questions.next();
    fourth.set_result("fourth".to_owned()).unwrap();
    assert_eq!(again.result().unwrap(), "fourth");
    // Nor is a call at a stop.
    let unanswered = client.all().wait("never");
    let _fifth = questions.next();
    let begun = Instant::now();
    bounded("the stop", move || client.stop().unwrap());
    assert!(begun.elapsed() < SOON / 2);
    assert!(unanswered.result().is_err());
}

/// A server that answers each request with this.
fn server_that_says(response: impl Into<String>) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (said, requests) = mpsc::channel();
    let response = response.into();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            if said.send(request(stream, &response)).is_err() {
                return;
            }
        }
    });
    (addr, requests)
}

fn request(mut stream: TcpStream, response: &str) -> String {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.ends_with(b"}") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => request.extend_from_slice(&chunk[..count]),
        }
    }
    stream.write_all(response.as_bytes()).ok();
    String::from_utf8(request).unwrap()
}

#[test]
fn what_is_no_answer_fails_the_call_and_says_why() {
    for (response, words, status) in [
        (
            "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<h1>no\n  upstream</h1>",
            "status 502 Bad Gateway: <h1>no upstream</h1>",
            Some(502),
        ),
        (
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
            "without an answer",
            Some(204),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            "redirection",
            Some(302),
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":999}",
            "something else",
            Some(200),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
            "cannot be asked",
            None,
        ),
        ("nonsense", "cannot be asked", None),
    ] {
        let (addr, _requests) = server_that_says(response);
        let client = client(&format!("http://{addr}/rpc"));
        let Err(Error::Call(error)) = client.all().add(1, 2).result() else {
            panic!("{response}: it is answered");
        };
        assert_eq!(error.code, -32_300);
        assert!(error.message.contains(words), "{response}: {error}");
        assert!(
            error.message.contains(&format!("http://{addr}/rpc")),
            "{error}"
        );
        let data = error.data.map(|data| serde_json::to_value(data).unwrap());
        let found = data.and_then(|data| data["status"].as_u64());
        assert_eq!(found, status, "{response}");
    }
    // Errors of JSON-RPC are such, whatever their status.
    let (addr, _requests) = server_that_says(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n\
         {\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"what?\"},\"id\":null}",
    );
    let Err(Error::Call(error)) = client(&format!("http:{addr}")).all().add(1, 2).result() else {
        panic!("it is answered");
    };
    assert_eq!((error.code, &*error.message), (-32700, "what?"));
    // Nobody is there.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let Err(Error::Call(error)) = client(&format!("http:{nobody}")).all().add(1, 2).result() else {
        panic!("it is answered");
    };
    assert!(error.message.contains("refused"), "{error}");
}

#[test]
fn a_response_over_the_limit_is_none() {
    let large = "x".repeat(2000);
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n{large}");
    let (addr, _requests) = server_that_says(response);
    let client = client(&format!("http:{addr}?message_size=1k"));
    let Err(Error::Call(error)) = client.all().add(1, 2).result() else {
        panic!("it is answered");
    };
    assert!(error.message.contains("1024 bytes"), "{error}");
}

#[test]
fn who_we_are_stands_in_files_and_variables() {
    let response =
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":1}";
    let dir = OwnDir::new();
    let file = dir.path("password");
    std::fs::write(&file, "sec:ret\n").unwrap();
    let (addr, requests) = server_that_says(response);
    let options = format!("user=me&password_file={}", file.display());
    let client = client(&format!("http:{addr}/rpc?{options}"));
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
    let request = requests.recv_timeout(SOON).unwrap();
    let lower = request.to_ascii_lowercase();
    assert!(
        lower.contains(
            "authorization: basic bwu6c2vjonjldA==\r\n"
                .to_ascii_lowercase()
                .as_str()
        ),
        "{request}"
    );
    assert!(request.starts_with("POST /rpc HTTP/1.1\r\n"), "{request}");
    assert!(
        lower.contains("content-type: application/json\r\n"),
        "{request}"
    );
    // Servers of others do not know how long we wait.
    assert!(
        request.ends_with(r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":1}"#),
        "{request}"
    );
    for wrong in [
        format!("http:{addr}?user=me&password_file=/nowhere/at/all"),
        format!("http:{addr}?token_env=QUICKRPC_TEST_THAT_IS_NOT_SET"),
    ] {
        let api = LabInverse::bind("jrpc", wrong.as_str()).unwrap();
        assert!(matches!(api.start(), Err(Error::Start { .. })), "{wrong}");
    }
}

#[test]
fn only_json_rpc_is_posted() {
    for codec in ["terse", "msgpack"] {
        let error = LabInverse::bind(codec, "http:localhost:1")
            .unwrap_err()
            .to_string();
        assert!(error.contains("`jrpc`") && error.contains(codec), "{error}");
    }
    let builder = LabInverse::builder().security("blindly_believe_everything:me");
    let error = builder
        .transport("http:localhost:1")
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("password_file"), "{error}");
}

#[test]
fn what_was_said_before_a_stop_is_posted() {
    let (_api, addr, served) = server();
    let client = client(&format!("http:{addr}"));
    for i in 0..50 {
        client.all().notify(&i.to_string()).unwrap();
    }
    bounded("the stop", move || client.stop().unwrap());
    let mut notes: Vec<u32> = (0..50)
        .map(|_| served.notes.next().1.parse().unwrap())
        .collect();
    notes.sort_unstable();
    assert_eq!(notes, (0..50).collect::<Vec<_>>());
}

#[test]
fn that_a_notification_was_not_taken_is_told_also_while_it_stops() {
    let (addr, _requests) = server_that_says(
        "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
    );
    for mode in [Processing::Inline, Processing::Queue, Processing::Pool(2)] {
        let client = LabInverse::builder()
            .transport(format!("http://{addr}/rpc").as_str())
            .processing(mode)
            .build()
            .unwrap();
        let (told, trouble) = inbox();
        client.on_error(move |_peer, error, _call| {
            let _ = told.send(error.clone());
        });
        client.start().unwrap();
        let is_told = |error: Error| {
            let Error::Call(error) = error else {
                panic!("{error}");
            };
            assert_eq!(error.code, -32_300);
            let text = error.to_string();
            assert!(text.contains("/rpc answered: status 404"), "{text}");
        };
        client.all().notify("one").unwrap();
        is_told(trouble.next());
        for _ in 0..20 {
            client.all().notify("more").unwrap();
        }
        bounded("the stop", move || client.stop().unwrap());
        let more = trouble.so_far();
        assert_eq!(more.len(), 20, "{mode:?}");
        more.into_iter().for_each(is_told);
    }
}

#[test]
fn connections_are_kept() {
    let (api, addr, _served) = server();
    let (came, comers) = inbox();
    api.on_connect(move |peer| {
        let _ = came.send(peer.clone());
    });
    let client = client(&format!("http:{addr}"));
    for i in 0..20 {
        assert_eq!(client.all().add(i, i).result().unwrap(), i + i);
    }
    comers.next();
    assert_eq!(api.peers().len(), 1);
    drop(client);
    eventually("they are closed", || api.peers().is_empty());
}

#[test]
fn over_tls_the_server_is_verified() {
    let authority = Authority::new("http");
    let options = authority.server().options();
    let server = Lab::bind("jrpc", format!("wssserv:127.0.0.1:0?{options}").as_str()).unwrap();
    server.add.connect(|_sender, a, b| a + b);
    server.start().unwrap();
    let port = server.local_addrs()[0].port();
    let ca = authority.file();
    let client = client(&format!("https://localhost:{port}/?ca={}", ca.display()));
    assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
    let stranger = super::client::client(&format!("https://localhost:{port}/"));
    let Err(Error::Call(error)) = stranger.all().add(2, 3).result() else {
        panic!("nobody knows that authority");
    };
    assert!(error.message.contains("certificate"), "{error}");
}

#[test]
fn responses_together_have_a_limit() {
    const SIZE: usize = 200 << 10;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Each answer comes but for its end, until this is told.
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = std::sync::Arc::new(std::sync::Mutex::new(may_go_on));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let may_go_on = may_go_on.clone();
            thread::spawn(move || {
                let begin = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}",
                    SIZE,
                    " ".repeat(SIZE - 40)
                );
                let asked = request(stream.try_clone().unwrap(), &begin);
                let id = asked
                    .rsplit("\"id\":")
                    .next()
                    .unwrap()
                    .trim_end_matches('}');
                let end = format!("{{\"jsonrpc\":\"2.0\",\"result\":3,\"id\":{id}}}");
                may_go_on.lock().unwrap().recv().ok();
                stream.write_all(format!("{end:>40}").as_bytes()).ok();
            });
        }
    });
    // There is room for two of them.
    let client = client(&format!(
        "http:{addr}?message_size=300k&buffered_total=500k"
    ));
    let calls: Vec<_> = (0..4).map(|_| client.all().add(1, 2)).collect();
    let (mut failed, mut waiting) = (0, Vec::new());
    let (told, results) = mpsc::channel();
    for call in calls {
        let (fine, told) = (told.clone(), told.clone());
        call.then(
            move |sum| fine.send(Ok(sum)).unwrap(),
            move |error| told.send(Err(error.to_string())).unwrap(),
        );
    }
    for _ in 0..2 {
        match results.recv_timeout(SOON).unwrap() {
            Err(error) => {
                assert!(error.contains("512000 bytes (`buffered_total`)"), "{error}");
                failed += 1;
            }
            Ok(sum) => waiting.push(sum),
        }
    }
    assert_eq!((failed, waiting.len()), (2, 0), "those that are too much");
    drop(go_on);
    for _ in 0..2 {
        match results.recv_timeout(SOON).unwrap() {
            Ok(sum) => assert_eq!(sum, 3),
            // At the same moment as the others, before these had given anything back.
            Err(error) => assert!(error.contains("(`buffered_total`)"), "{error}"),
        }
    }
    // And what was given back can be taken again.
    assert_eq!(client.all().add(1, 2).result().unwrap(), 3);
}

#[test]
fn a_trace_is_a_header() {
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let (addr, requests) = server_that_says(response);
    let client = LabInverse::bind("jrpc?trace=on", format!("http:{addr}")).unwrap();
    client.start().unwrap();
    assert!(client.all().add(1, 2).result().is_err());
    let request = requests.recv_timeout(SOON).unwrap();
    assert!(
        request.to_lowercase().contains("\r\ntraceparent: 00-"),
        "{request}"
    );
    let body = request.rsplit("\r\n\r\n").next().unwrap();
    assert!(body.starts_with("{\"jsonrpc\""), "{body}");
}
