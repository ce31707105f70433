//! Whom a server does not take messages from, and what nobody may send.

use quickrpc_tests::{Lab, Telnet, server_on};

use super::{Poster, add, request, server, sum};

#[test]
fn pages_post_by_the_rule_of_web_sockets() {
    let (_api, addr, _served) = server();
    let mut poster = Poster::connect(addr);
    let page = "http://localhost:3000";
    let response = poster.post_with(&format!("Origin: {page}\r\n"), add(2, 3, 1));
    assert_eq!(response.json(), sum(5, 1));
    let allowed = format!("access-control-allow-origin: {page}\r\n");
    assert!(response.head.contains(&allowed), "{}", response.head);
    assert!(response.head.contains("vary: origin\r\n"));
    // On a connection that was used before, and on a new one.
    let stranger = "Origin: https://evil.example\r\n";
    let response = poster.post_with(stranger, add(2, 3, 1));
    assert_eq!(response.status, 403, "{response:?}");
    poster.end();
    let mut poster = Poster::connect(addr);
    let response = poster.post_with(stranger, add(2, 3, 1));
    assert_eq!(response.status, 403);
    assert!(response.body.contains("origins="), "{}", response.body);
    poster.end();
}

/// A browser would say that it was CORS, and show nothing of the answer.
#[test]
fn a_page_that_may_post_can_read_why_it_is_refused() {
    let (_api, addr, _served) = server_on("jrpc", "wsserv:127.0.0.1:0?message_size=1k");
    let page = "Origin: http://localhost:3000\r\n";
    let body = add(2, 3, 1).to_string();
    let large = "x".repeat(2000);
    for (refused, status) in [
        (
            request(&format!("{page}Content-Type: text/html\r\n"), &body),
            415,
        ),
        (format!("POST / HTTP/1.1\r\n{page}\r\n"), 411),
        (request(page, &large), 413),
        (
            format!(
                "POST / HTTP/1.1\r\n{page}Transfer-Encoding: chunked\r\n\r\n7d0\r\n{large}\r\n"
            ),
            413,
        ),
        (format!("PUT / HTTP/1.1\r\n{page}\r\n"), 405),
        (request(page, &body).replace("POST / ", "POST /other "), 405),
    ] {
        // Of the first request of a connection, and of a later one.
        for before in [0, 1] {
            let mut poster = Poster::connect(addr);
            for _ in 0..before {
                assert_eq!(poster.post(add(2, 3, 1)).json(), sum(5, 1));
            }
            poster.send(&refused);
            let response = poster.response();
            assert_eq!(response.status, status, "{refused}: {response:?}");
            for header in [
                "\r\naccess-control-allow-origin: http://localhost:3000\r\n",
                "\r\nvary: origin\r\n",
            ] {
                assert!(response.head.contains(header), "{refused}: {response:?}");
            }
        }
        let stranger = refused.replace("localhost:3000", "evil.example");
        let mut poster = Poster::connect(addr);
        poster.send(stranger);
        let response = poster.response();
        assert!(!response.head.contains("access-control"), "{response:?}");
    }
    // What can be read is for pages from here.
    let mut poster = Poster::connect(addr);
    poster.send(format!("GET / HTTP/1.1\r\n{page}\r\n"));
    assert!(!poster.response().head.contains("access-control"));
}

#[test]
fn browsers_may_ask_before_they_post() {
    let (_api, addr, _served) = server_on("jrpc", "wsserv:127.0.0.1:0?origins=https://a.example");
    let ask = |page: &str| {
        let mut poster = Poster::connect(addr);
        poster.send(format!(
            "OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: {page}\r\n\
             Access-Control-Request-Method: POST\r\n\
             Access-Control-Request-Headers: content-type\r\n\r\n"
        ));
        poster.response()
    };
    let response = ask("https://a.example");
    assert_eq!(response.status, 204);
    for header in [
        "access-control-allow-origin: https://a.example\r\n",
        "access-control-allow-methods: post\r\n",
        "access-control-allow-headers: authorization, content-type, traceparent, tracestate\r\n",
    ] {
        assert!(response.head.contains(header), "{}", response.head);
    }
    assert_eq!(ask("https://b.example").status, 403);
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let (_api, addr, _served) = server();
    let body = add(2, 3, 1).to_string();
    for (request, status, words) in [
        (
            request("Content-Type: multipart/form-data; boundary=x\r\n", &body),
            415,
            "JSON",
        ),
        (
            request("Content-Encoding: gzip\r\n", &body),
            415,
            "Content-Encoding",
        ),
        (request("Expect: more\r\n", &body), 417, "100-continue"),
        (
            request(&format!("Content-Length: {}\r\n", body.len()), &body),
            400,
            "more than once",
        ),
        (
            request(&"X: y\r\n".repeat(100), &body),
            431,
            "more than 100 headers",
        ),
        (String::from("POST / HTTP/1.1\r\n\r\n"), 411, "body"),
        (
            String::from("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
            400,
            "body",
        ),
        (
            request("Transfer-Encoding: chunked\r\n", &body),
            400,
            "exclude",
        ),
        (
            request("Content-Length: 1\r\n", &body),
            400,
            "Content-Length",
        ),
        (
            String::from("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
            413,
            "16777216 bytes",
        ),
        (
            request("", &body).replace("POST / ", "POST /x "),
            405,
            "posted to `/`",
        ),
        (
            request("", &body).replace("POST / ", "PUT / "),
            405,
            "with POST",
        ),
    ] {
        // Alone, and behind one that was right.
        for before in [false, true] {
            let mut poster = Poster::connect(addr);
            if before {
                assert_eq!(poster.post(&body).json(), sum(5, 1));
            }
            poster.send(&request);
            let response = poster.response();
            assert_eq!(response.status, status, "{request}: {response:?}");
            assert!(response.body.contains(words), "{response:?}");
            poster.end();
        }
    }
}

#[test]
fn only_who_speaks_json_rpc_is_posted_to() {
    for codec in ["terse", "zonis"] {
        let (_api, addr, _served) = server_on(codec, "wsserv:127.0.0.1:0");
        let mut client = Telnet::connect(addr);
        client.send(request("", "add a:1 b:2"));
        let answer = client.rest();
        assert!(answer.starts_with("HTTP/1.1 405 "), "{codec}");
        assert!(
            answer.contains("posted to wires of the codec `jrpc` without"),
            "{answer}"
        );
    }
    let secured = Lab::builder().security("blindly_believe_everything:me");
    let secured = secured.transport("wsserv:127.0.0.1:0").build().unwrap();
    secured.start().unwrap();
    let mut poster = Poster::connect(secured.local_addrs()[0]);
    let response = poster.post(add(2, 3, 1));
    assert_eq!(response.status, 405);
    assert!(
        response.body.contains("without a security provider"),
        "{response:?}"
    );
    // An other framing of streams means nothing here.
    for codec in ["jrpc:\\n", "jrpc:content-length"] {
        let (_api, addr, _served) = server_on(codec, "wsserv:127.0.0.1:0");
        assert_eq!(Poster::connect(addr).post(add(2, 3, 1)).json(), sum(5, 1));
    }
}

#[cfg(unix)] // its names of files need no care in an expression
#[test]
fn pages_and_messages_share_a_connection() {
    let dir = quickrpc_tests::OwnDir::new();
    std::fs::write(dir.path("index.html"), "<h1>hello</h1>").unwrap();
    let transport = format!("wsserv:127.0.0.1:0/rpc?files={}", dir.path("").display());
    let (_api, addr, _served) = server_on("jrpc", &transport);
    let mut poster = Poster::connect(addr);
    let body = add(2, 3, 1).to_string();
    poster.send(request("", &body).replace("POST / ", "POST /rpc "));
    assert_eq!(poster.response().json(), sum(5, 1));
    poster.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let response = poster.response();
    assert_eq!((response.status, &*response.body), (200, "<h1>hello</h1>"));
    poster.end();
    let mut poster = Poster::connect(addr);
    poster.send(request("", &body));
    assert_eq!(poster.response().status, 405);
}

#[test]
fn a_flood_is_answered_and_no_more() {
    // It never reads what it asks for.
    let (api, addr, _served) = server_on("jrpc", "wsserv:127.0.0.1:0?peer_queue=64k&stall=0.3");
    let mut poster = Poster::connect(addr);
    let text = "x".repeat(100_000);
    let echo = serde_json::json!({"jsonrpc": "2.0", "method": "echo", "params": [text], "id": 1});
    let request = request("", &echo.to_string());
    let mut sent = 0;
    while sent < 1000 && std::io::Write::write_all(&mut poster.stream, request.as_bytes()).is_ok() {
        sent += 1;
    }
    assert!(sent < 1000, "it reads on, however much it has to answer");
    quickrpc_tests::eventually("it is given up", || api.peers().is_empty());
    assert_eq!(Poster::connect(addr).post(add(2, 3, 1)).json(), sum(5, 1));
}
