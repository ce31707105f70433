//! Peers behind a NATS server, which is a real one.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Instant;

use quickrpc::Error;
use quickrpc_tests::{NatsServer, Python, Release, SOON, inbox};

use crate::failures::{FEW, floods};
use crate::parts::{Shop, ShopInverse, client, doubles, pretended, sees, shop, shop_with};

/// Each of these by the server that is installed, and by the current one.
macro_rules! by_both_servers {
    ($($name:ident)+) => {
        mod by_the_installed_server {
            $(#[test] fn $name() { super::$name(quickrpc_tests::Release::Installed); })+
        }
        mod by_the_current_server {
            $(#[test] fn $name() { super::$name(crate::nats::CURRENT); })+
        }
    };
}

mod cluster;
mod crowd;
mod logins;
mod returns;
mod secured;
mod talkative;

/// The current server.
const CURRENT: Release = Release::Current(env!("CARGO_TARGET_TMPDIR"));

mod cases_by_the_installed_server {
    cases!(quickrpc_tests::NatsServer::start());
    #[cfg(target_os = "linux")]
    cases!(quickrpc_tests::NatsServer::start() => failures::whoever_finds_its_broker_again_holds_no_more);
}

mod cases_by_the_current_server {
    cases!(quickrpc_tests::NatsServer::of(crate::nats::CURRENT, ""));
}

by_both_servers! {
    what_the_broker_forbids_is_an_error_of_security
    a_token_lets_in_and_too_large_is_refused_here
    others_call_by_hand_and_are_looked_at
    forged_senders_and_a_flood_cost_nobody_else_anything
    a_service_and_a_client_in_python_take_part
}

fn what_the_broker_forbids_is_an_error_of_security(release: Release) {
    let config = r#"authorization { users = [
        { user: "hub", password: "secret", permissions: {
            publish: ["lab.to.>", "lab.all.>", "lab.in.>"], subscribe: ["lab.>"] } }
        { user: "shop", password: "secret" } ] }"#;
    let Some(server) = NatsServer::of(release, config) else {
        return;
    };
    let password = quickrpc_tests::OwnDir::new();
    let file = password.path("password");
    std::fs::write(&file, "secret\n").unwrap();
    let options = |user: &str| format!("name={user}&user={user}&password_file={}", file.display());
    let shop = Shop::bind("jrpc", server.bound("lab", &options("shop"))).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", server.bound("lab", &options("hub"))).unwrap();
    hub.start().unwrap();
    assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    let begun = Instant::now();
    let error = hub.any().add(1, 2).result().unwrap_err();
    assert!(matches!(error, Error::Security(_)), "{error}");
    assert!(error.to_string().contains("permissions"), "{error}");
    assert!(begun.elapsed() < SOON / 4);
    // A wrong login says so.
    let wrong = ShopInverse::bind("jrpc", server.bound("lab", "user=nobody")).unwrap();
    let error = wrong.start().unwrap_err().to_string();
    assert!(error.contains("refuses this login"), "{error}");
}

fn a_token_lets_in_and_too_large_is_refused_here(release: Release) {
    let config = "authorization { token: \"t0ken\" }\nmax_payload: 2048";
    let Some(server) = NatsServer::of(release, config) else {
        return;
    };
    let dir = quickrpc_tests::OwnDir::new();
    let file = dir.path("token");
    std::fs::write(&file, "t0ken").unwrap();
    let options = |name: &str| format!("name={name}&token_file={}", file.display());
    let shop = Shop::bind("jrpc", server.bound("lab", &options("shop"))).unwrap();
    let (said, heard) = inbox();
    shop.say
        .connect(move |_, text| said.send(text.len()).unwrap());
    shop.who.connect(|_| "x".repeat(4000));
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", server.bound("lab", &options("hub"))).unwrap();
    hub.start().unwrap();
    let error = hub.all().say(&"x".repeat(3000)).unwrap_err();
    assert!(
        matches!(error, Error::MessageTooLarge { limit: 2048, .. }),
        "{error}"
    );
    hub.all().say("short").unwrap();
    assert_eq!(heard.next(), 5);
    let error = hub.to("shop").who().result().unwrap_err();
    assert!(
        error.to_string().contains("larger than the limit"),
        "{error}"
    );
}

/// Somebody who speaks NATS by hand.
struct ByHand(BufReader<TcpStream>, String);

impl ByHand {
    fn new(server: &NatsServer) -> Self {
        ByHand::with(server, "")
    }

    fn as_user(server: &NatsServer, user: &str, password: &str) -> Self {
        ByHand::with(
            server,
            &format!(",\"user\":\"{user}\",\"pass\":\"{password}\""),
        )
    }

    fn with(server: &NatsServer, login: &str) -> Self {
        let stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut hand = ByHand(BufReader::new(stream), String::new());
        assert!(hand.line().starts_with("INFO "));
        hand.say(&format!(
            "CONNECT {{\"verbose\":false,\"headers\":true,\"no_responders\":true{login}}}\r\nPING\r\n"
        ));
        assert_eq!(hand.line(), "PONG");
        hand
    }

    fn say(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line == "PING\r\n" {
                self.say("PONG\r\n");
                continue;
            }
            return line.trim_end().to_owned();
        }
    }

    fn publish(&mut self, subject: &str, reply: &str, text: &str) {
        self.say(&format!(
            "PUB {subject} {reply} {}\r\n{text}\r\n",
            text.len()
        ));
    }

    /// The next message: its subject and its text.
    fn message(&mut self) -> (String, String) {
        let head = self.line();
        assert!(
            head.starts_with("MSG ") || head.starts_with("HMSG "),
            "{head}"
        );
        let words: Vec<_> = head.split(' ').collect();
        let subject = words[1].to_owned();
        self.1 = words[3].to_owned();
        (subject, self.line())
    }

    /// It waits as long as the test takes.
    fn patient(&mut self) {
        self.0.get_mut().set_read_timeout(None).unwrap();
    }

    /// The next message, unless the server is gone.
    fn next_message(&mut self) -> Option<(String, String)> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.starts_with("MSG ") {
                break;
            }
            if line == "PING\r\n" {
                self.0.get_mut().write_all(b"PONG\r\n").ok()?;
            }
        }
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let subject = words[1].to_owned();
        self.1 = match words.as_slice() {
            [_, _, _, reply, _] => (*reply).to_owned(),
            _ => String::new(),
        };
        line.clear();
        self.0.read_line(&mut line).ok()?;
        Some((subject, line.trim_end().to_owned()))
    }

    /// Where the answer to that is to go.
    fn reply(&self) -> String {
        self.1.clone()
    }
}

fn others_call_by_hand_and_are_looked_at(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let shop = shop(&server, "shop");
    let (told, trouble) = inbox();
    shop.on_error(move |_, error, _| told.send(error.to_string()).unwrap());
    let mut hand = ByHand::new(&server);
    hand.say("SUB me.> 1\r\n");
    let add = r#"{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":7}"#;
    hand.publish("lab.any.add", "me.1", add);
    let (subject, answer) = hand.message();
    assert_eq!(subject, "me.1");
    assert!(
        answer.contains("\"result\":5") && answer.contains("\"id\":7"),
        "{answer}"
    );
    // One that looks like ours, and has more in it.
    let more = r#"{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"more":1,"id":8}"#;
    hand.publish("lab.any.add", "me.8", more);
    let (subject, answer) = hand.message();
    assert!(
        subject == "me.8" && answer.contains("\"result\":5"),
        "{subject}: {answer}"
    );
    let hidden = r#"{"jsonrpc":"2.0","method":"who","params":[2,3],"method":"add","id":9}"#;
    hand.publish("lab.any.who", "me.9", hidden);
    assert!(trouble.next().contains("two things"));
    let (subject, answer) = hand.message();
    assert!(
        subject == "me.9" && answer.contains("\"error\""),
        "{subject}: {answer}"
    );
    // Its method is not that of the subject: the broker's permissions are for the subject.
    hand.publish("lab.any.who", "me.2", add);
    assert!(trouble.next().contains("by the subject of `who`"));
    let twice = r#"{"jsonrpc":"2.0","method":"who","params":[2,3],"id":7,"method":"add"}"#;
    hand.publish("lab.any.who", "me.3", twice);
    hand.publish("lab.all.add", "me.4", "what is this?");
    assert!(trouble.next().len() > 5);
    hand.publish("lab.to.shop.add", "me.5", add);
    loop {
        let (subject, answer) = hand.message();
        match subject.as_str() {
            "me.5" => break,
            other => assert!(!answer.contains("\"result\":5"), "{other}: {answer}"),
        }
    }
    // NATS's own tools see it as a service.
    hand.publish("$SRV.PING", "me.6", "");
    let (_, pong) = hand.message();
    assert!(
        pong.contains("io.nats.micro.v1.ping_response") && pong.contains("\"name\":\"lab\""),
        "{pong}"
    );
    hand.publish("$SRV.STATS", "me.7", "");
    let (_, stats) = hand.message();
    assert!(
        stats.contains("\"subject\":\"lab.any.add\"") && stats.contains("num_requests"),
        "{stats}"
    );
}

fn forged_senders_and_a_flood_cost_nobody_else_anything(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let shop = shop_with(&server, "shop", FEW);
    let hub = client(&server, "hub");
    sees(&hub, 1);
    let mut hand = ByHand::new(&server);
    for number in 0..5000 {
        let add = format!(r#"{{"jsonrpc":"2.0","method":"add","params":[2,3],"id":{number}}}"#);
        hand.publish("lab.any.add", &format!("lost.{number}"), &add);
        hand.publish("lab.all._here", &format!("lab.in.forged{number}.t.x"), "");
        if number % 500 == 0 {
            assert_eq!(hub.to("shop").add(number, 1).result().unwrap(), number + 1);
        }
    }
    floods(&hub);
    assert!(shop.peers().len() <= 8200);
}

#[test]
fn a_broker_that_is_none_harms_nobody() {
    let info = "INFO {\"headers\":true,\"max_payload\":1048576}\r\n";
    let said = [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "INFO {\r\n",
        "MSG lab.all.say 1 5\r\nhello\r\n",
        &format!("{info}PONG\r\nMSG a 1 99999999999999999999\r\n"),
        &format!("{info}PONG\r\nMSG lab.all.say 1 2\r\nxxxxxxxxxx\r\n"),
        &format!("{info}PONG\r\nHMSG a 1 9 4\r\n"),
        &format!("{info}PONG\r\nGARBAGE\r\n"),
        &format!("{info}PONG\r\n{}\r\n", "x".repeat(100_000)),
        &format!("{info}PONG\r\n-ERR 'Stale Connection'\r\n"),
        &format!("{info}-ERR 'Authorization Violation'\r\n"),
    ];
    pretended(said.map(|said| said.as_bytes().to_vec()), |addr| {
        format!("nats:{addr}/lab?name=hub")
    });
}

fn a_service_and_a_client_in_python_take_part(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let Some(python) = Python::with_nats(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let mut command = python.script("nats_peer.py");
    command.args([server.addr().to_string(), "lab".into()]);
    doubles(&server, &mut command);
}
