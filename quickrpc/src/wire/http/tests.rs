use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::security::SecInfo;
use crate::wire::session::{About, Due};

use super::{Caller, Event, Host, Reader, Request, Visit};

/// Takes what is posted to `/`.
#[derive(Debug)]
struct Here;

impl Host for Here {
    fn visit(&self, request: &Request) -> Visit {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/") => {
                let who = request.header("x-who").map(str::to_owned);
                let info = who.map(|who| SecInfo::from([("user".to_owned(), who)]));
                Visit::Message(info.map(Arc::new))
            }
            _ => Visit::Other(b"elsewhere".to_vec()),
        }
    }
}

const LIMIT: usize = 64;

/// What was read, and how it was answered.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(String),
    Said(String),
    End,
}

/// Reads all that comes in these pieces; each message is answered at once.
fn read(pieces: &[&[u8]]) -> (Vec<Seen>, String) {
    let caller = Arc::new(Caller::new(Arc::new(Here)));
    let mut reader = Reader::boxed(&caller);
    let (mut seen, mut out, mut buf) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            let (taken, event) = reader.next(&buf, LIMIT);
            let mut more = true;
            match event {
                Event::Incomplete => more = false,
                Event::Busy => panic!("all are answered"),
                Event::Part => {}
                Event::Message(body) => {
                    let body = String::from_utf8(body.to_vec()).unwrap();
                    let about = About::Answer {
                        id: "1",
                        failed: false,
                    };
                    caller.enclose(&mut out, about, body.as_bytes()).unwrap();
                    seen.push(Seen::Message(body));
                }
                Event::Say(text) => {
                    let text = String::from_utf8(text).unwrap();
                    seen.push(Seen::Said(text.lines().next().unwrap_or_default().into()));
                }
                Event::End => {
                    seen.push(Seen::End);
                    more = false;
                }
            }
            buf.drain(..taken);
            reader.rest();
            if !more {
                break;
            }
        }
    }
    (seen, String::from_utf8(out).unwrap())
}

fn message(text: &str) -> Seen {
    Seen::Message(text.into())
}

#[test]
fn requests_are_read_however_they_arrive() {
    let input: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd\r\n\
        POST / HTTP/1.1\nContent-Length: 2\n\nef\
        POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;a=b\r\nghi\r\n001\r\nj\r\n0\r\nTrailer: x\r\n\r\n\
        POST /?query HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nk ignored";
    let expected = vec![
        message("abcd"),
        message("ef"),
        message("ghij"),
        message("k"),
    ];
    let whole = read(&[input]);
    assert_eq!(whole.0, expected);
    assert_eq!(whole.1.matches("HTTP/1.1 200 OK\r\n").count(), 4);
    assert_eq!(whole.1.matches("Connection: close\r\n").count(), 1);
    for at in 0..input.len() {
        let (one, other) = input.split_at(at);
        assert_eq!(read(&[one, other]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(read(&bytes), whole);
}

#[test]
fn what_is_no_message_ends_the_connection() {
    let post = |headers: &str, body: &str| format!("POST / HTTP/1.1\r\n{headers}\r\n{body}");
    let cases = [
        (post("", ""), "411"),
        (post("Content-Length: 0\r\n", ""), "400"),
        (post("Content-Length: +1\r\n", "a"), "400"),
        (post("Content-Length: 1, 1\r\n", "a"), "400"),
        (
            post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"),
            "400",
        ),
        (post("Content-Length: 65\r\n", ""), "413"),
        (
            post("Content-Length: 99999999999999999999999\r\n", ""),
            "413",
        ),
        (
            post(
                "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                "1\r\na\r\n0\r\n\r\n",
            ),
            "400",
        ),
        (post("Transfer-Encoding: gzip, chunked\r\n", ""), "501"),
        (
            post(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                "",
            ),
            "501",
        ),
        (post("Transfer-Encoding: chunked\r\n", "x\r\n"), "400"),
        (post("Transfer-Encoding: chunked\r\n", "41\r\n"), "413"),
        (
            post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\n"),
            "400",
        ),
        (post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n"), "400"),
        (post("Content-Length: 1\r\nExpect: more\r\n", "a"), "417"),
        (post("A : b\r\n", ""), "400"),
        (post(&format!("A: {}\r\n", "x".repeat(20_000)), ""), "431"),
        (post(&"A: b\r\n".repeat(101), ""), "431"),
        (String::from("nonsense\r\n\r\n"), "400"),
        (
            String::from("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "400",
        ),
        (String::from("GET / HTTP/1.1\r\n\r\n"), "elsewhere"),
    ];
    for (input, status) in cases {
        let (seen, out) = read(&[input.as_bytes(), b"x"]);
        let [Seen::Said(said), Seen::End, ..] = &*seen else {
            panic!("{input:?}: {seen:?}");
        };
        assert!(said.contains(status), "{input:?}: {said}");
        assert_eq!(out, "");
    }
}

#[test]
fn chunks_do_not_outgrow_the_limit_together() {
    let chunks = "8\r\nabcdefgh\r\n".repeat(9);
    let input = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let (seen, _) = read(&[input.as_bytes()]);
    assert!(
        matches!(&seen[..], [Seen::Said(said), Seen::End] if said.contains("413")),
        "{seen:?}"
    );
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for endless in [
        format!("{head}1;{}", "x".repeat(5000)),
        format!("{head}0\r\n{}", "a: b\r\n".repeat(5000)),
        format!("{head}0\r\n{}", "a".repeat(20_000)),
    ] {
        let (seen, _) = read(&[endless.as_bytes()]);
        assert!(matches!(&seen[..], [Seen::Said(said), Seen::End] if said.contains("400")));
    }
}

#[test]
fn who_waits_to_send_a_body_is_told_to() {
    let head: &[u8] = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let (seen, _) = read(&[head, b"ab"]);
    let go_on = Seen::Said("HTTP/1.1 100 Continue".into());
    assert_eq!(seen, [go_on, message("ab")]);
    // It did not wait.
    let (seen, _) = read(&[&[head, b"ab"].concat()]);
    assert_eq!(seen, [message("ab")]);
}

#[test]
fn the_next_request_waits_for_the_answer_to_the_one_before() {
    let caller = Arc::new(Caller::new(Arc::new(Here)));
    let mut reader = Reader::boxed(&caller);
    let one = b"POST / HTTP/1.1\r\nOrigin: http://a\r\nX-Who: me\r\nContent-Length: 1\r\n\r\na";
    let input = [&one[..], &one[..]].concat();
    let (taken, event) = reader.next(&input, LIMIT);
    assert!(matches!(event, Event::Part));
    let (body, event) = reader.next(&input[taken..], LIMIT);
    assert!(matches!(event, Event::Message(b"a")), "{event:?}");
    assert_eq!(caller.who().unwrap()["user"], "me");
    let rest = &input[taken + body..];
    assert!(matches!(reader.next(rest, LIMIT), (0, Event::Busy)));
    // Nothing that comes is no reason to wait for it.
    assert!(matches!(reader.next(&[], LIMIT), (0, Event::Incomplete)));
    let call = About::Call {
        method: "tick",
        id: None,
    };
    let mut out = Vec::new();
    let error = caller
        .enclose(&mut out, call, b"{}")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("tick") && error.contains("WebSocket"),
        "{error}"
    );
    assert!(caller.is_busy() && out.is_empty());
    caller.accept(&mut out);
    let text = String::from_utf8(std::mem::take(&mut out)).unwrap();
    assert!(text.starts_with("HTTP/1.1 204 No Content\r\n"), "{text}");
    assert!(
        text.contains("Access-Control-Allow-Origin: http://a\r\n"),
        "{text}"
    );
    assert!(!text.contains("Content-Length"), "{text}");
    // An answer that nobody waits for is none.
    caller.accept(&mut out);
    assert!(out.is_empty());
    assert!(matches!(reader.next(rest, LIMIT).1, Event::Part));
}

#[test]
fn who_is_silent_or_slow_is_given_up() {
    let caller = Arc::new(Caller::new(Arc::new(Here)));
    let (now, greeting) = (Instant::now(), Duration::from_secs(10));
    let after = |seconds| now + Duration::from_secs(seconds);
    assert!(matches!(caller.due(after(5), greeting), Due::At(_)));
    assert!(matches!(caller.due(after(80), greeting), Due::End(_)));
    let mut reader = Reader::boxed(&caller);
    reader.next(b"POST", LIMIT);
    assert!(matches!(caller.due(after(5), greeting), Due::At(_)));
    assert!(matches!(caller.due(after(12), greeting), Due::End(_)));
    // Who sends much has more time.
    let head = b"POST / HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n";
    let (taken, _) = reader.next(head, 5 << 20);
    assert_eq!(taken, head.len());
    reader.next(&vec![b' '; 3 << 20], 5 << 20);
    assert!(matches!(caller.due(after(60), greeting), Due::At(_)));
    // Who waits for us is not.
    reader.next(&vec![b' '; 4_000_000], 5 << 20);
    assert!(caller.is_busy());
    assert!(matches!(caller.due(after(1000), greeting), Due::At(_)));
}
