//! Servers that do not answer: what waits behind that, for how long, and what is said of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use quickrpc::{Error, Limits};
use quickrpc_tests::{LabInverse, SOON, bounded, inbox};

/// A server that answers calls with 5, and notifications never.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            thread::spawn(move || answer(stream));
        }
    });
    addr
}

fn answer(mut stream: TcpStream) {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&chunk[..count]),
        }
        if !request.ends_with(b"}") {
            continue;
        }
        let text = String::from_utf8(std::mem::take(&mut request)).unwrap();
        let Some((_, id)) = text.rsplit_once("\"id\":") else {
            continue;
        };
        let body = format!("{{\"jsonrpc\":\"2.0\",\"result\":5,\"id\":{id}");
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).ok();
    }
}

#[test]
fn a_notification_has_the_time_of_a_call() {
    let client = LabInverse::builder()
        .call_timeout(Duration::from_secs(1))
        .transport(format!("http://{}/", server()).as_str())
        .build()
        .unwrap();
    let (told, trouble) = inbox();
    client.on_error(move |_peer, error, _call| {
        let _ = told.send(error.to_string());
    });
    client.start().unwrap();
    assert_eq!(client.all().add(2, 3).result().unwrap(), 5);
    client.all().notify("note").unwrap();
    // It waits for that, and no longer.
    let sum = client.all().timeout(SOON).add(2, 3).result();
    assert_eq!(sum.unwrap(), 5);
    let error = trouble.next();
    for words in ["has not answered in time", "notification `notify`"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_call_says_what_it_has_waited_behind() {
    let client = LabInverse::builder()
        .call_timeout(Duration::from_secs(600))
        .transport(format!("http://{}/", server()).as_str())
        .build()
        .unwrap();
    client.start().unwrap();
    client.all().notify("note").unwrap();
    let sum = client.all().timeout(Duration::from_secs(5)).add(2, 3);
    let Err(Error::Call(error)) = sum.result() else {
        panic!("nothing says what it has waited for");
    };
    assert_eq!(error.code, -32_300);
    let words = "behind the notification `notify`, which is not answered";
    assert!(error.message.contains(words), "{error}");
}

#[test]
fn a_stop_gives_up_what_is_not_answered() {
    let limits = Limits {
        stop: Duration::from_secs(2),
        ..Limits::default()
    };
    let client = LabInverse::builder()
        .limits(limits)
        .call_timeout(Duration::from_secs(600))
        .transport(format!("http://{}/", server()).as_str())
        .build()
        .unwrap();
    let (told, trouble) = inbox();
    client.on_error(move |_peer, error, _call| {
        let _ = told.send(error.to_string());
    });
    client.start().unwrap();
    client.all().notify("note").unwrap();
    for _ in 0..3 {
        client.all().notify("more").unwrap();
    }
    let begun = Instant::now();
    bounded("the stop", move || client.stop().unwrap());
    assert!(begun.elapsed() < SOON);
    let error = trouble.next();
    for words in ["had not answered the notification `notify`", "3 more"] {
        assert!(error.contains(words), "{error}");
    }
}
