//! The recorded frames of the Python package: what its clients send to our server, and what its
//! servers send to our client.

use super::*;

fn recorded(side: &str) -> serde_json::Map<String, Value> {
    let text = include_str!("../../../vectors/zonis.json");
    let mut all: Value = serde_json::from_str(text).unwrap();
    serde_json::from_value(all[side].take()).unwrap()
}

/// Where our server does something else than the one in Python, on purpose.
fn instead(name: &str) -> Option<Got> {
    let packet = |identifier: &str| {
        let answer = response(&json!("1".repeat(32)), "IDENTIFY", Value::Null, identifier);
        Some(Got::Packet(answer))
    };
    let closed = |code, text: &str| Some(Got::Closed(code, text.into()));
    match name {
        // There the endpoint fails, and nobody hears why.
        "identify without packet_id" => closed(1008, "IDENTIFY has no packet_id"),
        "secret missing" => closed(4100, "Invalid secret key."),
        "first frame is not json" => closed(1008, "what it sent first is no message"),
        // A name is a text.
        "identifier missing" => packet("null"),
        "identifier is a number" => packet("5"),
        _ => None,
    }
}

/// Everything that a bare client said to the server in Python, and what it got. Sockets are
/// `first` and `second`, as the notes say.
#[test]
fn what_a_client_says() {
    for (name, trace) in recorded("python_server") {
        let secrets = Secrets::new();
        let (server, addr) = secrets.server("");
        let mut sockets = vec![Raw::connect(addr)];
        let mut current = 0;
        let (mut asked, mut is_asked_again) = (None, false);
        let overridden = name == "duplicate, right override key";
        for entry in trace.as_array().unwrap() {
            let context = || format!("{name}: {entry}");
            if let Some(note) = entry["note"].as_str() {
                match note {
                    "second socket" if sockets.len() == 1 => sockets.push(Raw::connect(addr)),
                    _ if note.starts_with("server requests") => break,
                    _ => {}
                }
                match note {
                    "first socket" => current = 0,
                    "second socket" | "socket of two" => current = 1,
                    "is the connection still served?" => is_asked_again = true,
                    "socket of one" => break,
                    // What follows shows how that server forgets nobody.
                    "client closed with 1000" | "Server.disconnect was called" => break,
                    _ => {}
                }
                if overridden && current == 0 && sockets.len() == 2 {
                    // Ours closes it.
                    assert!(matches!(sockets[0].next(), Got::Closed(1000, _)), "{name}");
                    sockets[1].is_served();
                    break;
                }
                continue;
            }
            let socket = &mut sockets[current];
            match (entry["from"].as_str(), entry["text"].as_str()) {
                (Some("client"), Some(text)) => {
                    let Ok(mut packet) = serde_json::from_str::<Value>(text) else {
                        socket.text(text);
                        continue;
                    };
                    // The second one of `request_all` has a socket of its own.
                    if name == "request_all" && packet["data"]["identifier"] == "two" {
                        sockets.push(Raw::connect(addr));
                        current = 1;
                    }
                    if packet["type"] == "response"
                        && name.starts_with("server request")
                        && let Some((_, id)) = &asked
                    {
                        packet["packet_id"] = Value::clone(id);
                        sockets[current].say(packet);
                    } else {
                        sockets[current].text(text);
                    }
                }
                (Some("server"), Some(text)) => {
                    let expected: Value = serde_json::from_str(text).unwrap();
                    if expected["type"] == "request" {
                        // Answered by what follows.
                        let promise = server.to("one").ask_echo("hi".into());
                        let packet = socket.packet();
                        assert_eq!(packet["data"], expected["data"], "{}", context());
                        let id = packet["packet_id"].clone();
                        asked = Some((promise, id));
                        continue;
                    }
                    match instead(&name) {
                        Some(other) => assert_eq!(socket.next(), other, "{}", context()),
                        None if expected["data"]["type"] == "FAILURE_RESPONSE" => {
                            // In words of our own.
                            let mut packet = socket.packet();
                            let text = packet["data"]["data"].take();
                            assert!(text.as_str().unwrap().contains("nope"), "{}", context());
                            packet["data"]["data"] = expected["data"]["data"].clone();
                            assert_eq!(packet, expected, "{}", context());
                        }
                        None => assert_eq!(socket.packet(), expected, "{}", context()),
                    }
                }
                _ if entry.get("closed_by").is_some() => {
                    let code = entry["code"].as_u64().unwrap();
                    let reason = entry["reason"].as_str().unwrap().to_owned();
                    let expected = Got::Closed(code.try_into().unwrap(), reason);
                    assert_eq!(socket.next(), instead(&name).unwrap_or(expected), "{name}");
                    break;
                }
                _ if entry.get("silence").is_some() && is_asked_again => {
                    // Theirs is not served any more, without being closed.
                    assert_eq!(socket.packet()["data"]["data"], "pong", "{name}");
                }
                _ if entry.get("silence").is_some() => silence(&name, socket, &asked),
                _ => {}
            }
        }
        if let Some((promise, _)) = asked {
            outcome(&name, promise);
        }
    }
}

/// Where the package says nothing, we do.
#[track_caller]
fn silence(
    name: &str,
    socket: &mut Raw,
    asked: &Option<(quickrpc::Promise<quickrpc::Value>, Value)>,
) {
    let failure = match name {
        "handler raises" => "failed on purpose",
        "unknown argument" => "x",
        "result not serialisable" => "unserialisable",
        "frame without data" | "frame without type" => "expected a `route`",
        // Its arguments may be missing, if it has none; and an answer for nobody ends nothing.
        "arguments missing" => {
            assert_eq!(socket.packet()["data"]["data"], "pong", "{name}");
            return;
        }
        _ => {
            // Nothing comes of it but that the connection goes on.
            if asked.is_none() && !name.starts_with("identif") && !name.starts_with("packet_id") {
                socket.is_served();
            }
            return;
        }
    };
    let packet = socket.packet();
    assert_eq!(
        packet["data"]["type"], "FAILURE_RESPONSE",
        "{name}: {packet}"
    );
    let text = packet["data"]["data"].as_str().unwrap();
    assert!(text.contains(failure), "{name}: {text}");
    socket.is_served();
}

fn outcome(name: &str, promise: quickrpc::Promise<quickrpc::Value>) {
    match name {
        "server request, success" | "server request, other response type" => {
            assert_eq!(settled(promise).unwrap(), "hi".into(), "{name}");
        }
        "server request, failure" | "server request, failure with object" => {
            let Err(Error::Call(error)) = settled(promise) else {
                panic!("{name}");
            };
            let expected = if name.ends_with("object") {
                r#"{"k":1}"#
            } else {
                "why"
            };
            assert_eq!(error.message, expected);
        }
        "server request, empty data" => {
            // Any value may be missing, to one that takes any.
            assert!(
                settled(promise).is_ok_and(|value| value.is_null()),
                "{name}"
            );
        }
        "server request, never answered" => assert!(promise.try_result().is_none()),
        other => panic!("{other}"),
    }
}

/// Everything that the package's client got from a bare server.
#[test]
fn what_a_server_says() {
    for (name, trace) in recorded("python_client") {
        let secrets = Secrets::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let client = secrets.client("one", "", &format!("ws:{addr}/ws"));
        let starting = {
            let client = client.clone();
            thread::spawn(move || client.start())
        };
        let mut server = Raw::accept(&listener);
        let mut ids: Vec<Value> = Vec::new();
        let (mut asked, mut pinged) = (None, None);
        let mut starting = Some(starting);
        let (gone, ends) = inbox();
        client.on_disconnect(move |_peer, reason| {
            let _ = gone.send(reason.to_string());
        });
        for entry in trace.as_array().unwrap() {
            let context = || format!("{name}: {entry}");
            match (entry["from"].as_str(), entry["text"].as_str()) {
                (Some("client"), Some(text)) => {
                    let mut expected: Value = serde_json::from_str(text).unwrap();
                    if expected["data"]["type"] == "CLIENT_REQUEST" {
                        let api = client.all();
                        match expected["data"]["data"]["route"].as_str() {
                            Some("echo") => asked = Some(api.ask_echo("hi".into())),
                            _ => pinged = Some(api.ask_ping()),
                        }
                    }
                    let mut packet = server.packet();
                    if expected["type"] == "request" {
                        ids.push(packet["packet_id"].clone());
                        assert!(packet["packet_id"].is_string());
                        expected["packet_id"] = packet["packet_id"].clone();
                    }
                    if expected["data"]["type"] == "FAILURE_RESPONSE" {
                        let text = packet["data"]["data"].take();
                        assert!(text.as_str().unwrap().contains("nope"), "{text}");
                        packet["data"]["data"] = expected["data"]["data"].clone();
                    }
                    assert_eq!(packet, expected, "{}", context());
                }
                (Some("server"), Some(text)) => {
                    let Ok(mut packet) = serde_json::from_str::<Value>(text) else {
                        server.text(text);
                        continue;
                    };
                    let fixed = "39e"
                        .chars()
                        .any(|c| text.contains(&String::from(c).repeat(32)));
                    if packet["type"] == "response" && !fixed {
                        packet["packet_id"] = ids.last().unwrap().clone();
                    }
                    server.say(packet);
                    if let Some(starting) = starting.take() {
                        bounded("the start", move || starting.join().unwrap()).unwrap();
                    }
                }
                _ if entry["closed_by"] == "server" => {
                    let code = entry["code"].as_u64().unwrap() as u16;
                    let reason = entry["reason"].as_str().unwrap_or_default();
                    server
                        .0
                        .close(Some(tungstenite::protocol::CloseFrame {
                            code: code.into(),
                            reason: reason.into(),
                        }))
                        .unwrap();
                    server.0.flush().unwrap();
                    if code != 4100 {
                        let reason = ends.next();
                        assert!(reason.contains("1001"), "{reason}");
                        assert!(settled(pinged.take().unwrap()).is_err());
                    }
                    break;
                }
                _ if entry.get("silence").is_some() => {
                    // In the place of an answer that never comes there.
                    let packet = server.packet();
                    assert_eq!(packet["data"]["type"], "FAILURE_RESPONSE", "{}", context());
                }
                // Theirs has lost its connection by now, and comes again.
                _ if entry["closed_by"] == "client" => break,
                _ if entry["note"]
                    .as_str()
                    .is_some_and(|note| note.starts_with("connection 2")) =>
                {
                    break;
                }
                _ => {}
            }
        }
        if let Some(starting) = starting {
            let refused = bounded("the start", move || starting.join().unwrap());
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("4100"), "{refused}");
            continue;
        }
        match (&*name, asked) {
            ("client request, success", Some(asked)) => {
                assert_eq!(settled(asked).unwrap(), "hi".into());
            }
            ("client request, failure", Some(asked)) => {
                let Err(Error::Call(error)) = settled(asked) else {
                    panic!("{name}");
                };
                assert_eq!(error.message, "why");
            }
            ("client request, other type", Some(asked)) => {
                assert!(matches!(settled(asked), Err(Error::Call(_))), "{name}");
            }
            ("client request, no data", Some(asked)) => {
                assert!(settled(asked).is_ok_and(|value| value.is_null()));
            }
            ("client request, never answered", Some(asked)) => {
                assert!(asked.try_result().is_none());
            }
            ("server closes with a request pending", _) => continue,
            (_, None) => {}
            (other, _) => panic!("{other}"),
        }
        // Whatever it was, the next request is answered, on the same connection.
        server.say(request("REQUEST", "ping", json!({}), "last"));
        let expected = response(&json!("last"), "SUCCESS_RESPONSE", json!("pong"), "one");
        loop {
            let packet = server.packet();
            if packet["packet_id"] == "last" {
                assert_eq!(packet, expected, "{name}");
                break;
            }
        }
    }
}
