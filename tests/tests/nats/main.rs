//! Peers behind a NATS server, which is a real one.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quickrpc::{Error, Stream, remote_api};
use quickrpc_tests::{NatsServer, Python, Release, SOON, eventually, inbox};

/// Each of these by the server that is installed, and by the current one.
macro_rules! by_both_servers {
    ($($name:ident)+) => {
        mod by_the_installed_server {
            $(#[test] fn $name() { super::$name(quickrpc_tests::Release::Installed); })+
        }
        mod by_the_current_server {
            $(#[test] fn $name() {
                super::$name(quickrpc_tests::Release::Current(env!("CARGO_TARGET_TMPDIR")));
            })+
        }
    };
}

mod cluster;
mod logins;
mod secured;

by_both_servers! {
    calls_go_to_all_to_one_and_to_any
    nobody_is_known_at_once
    ten_workers_share_the_work_and_one_is_killed
    a_broker_that_comes_again_brings_everybody_back
    what_the_broker_forbids_is_an_error_of_security
    a_token_lets_in_and_too_large_is_refused_here
    streams_cancelling_and_properties_go_by_a_broker
    codecs_and_security_go_from_end_to_end
    others_call_by_hand_and_are_looked_at
    forged_senders_and_a_flood_cost_nobody_else_anything
    a_service_and_a_client_in_python_take_part
}

#[remote_api]
trait Shop {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn who(&self) -> String;
    #[incoming]
    fn slow(&self, millis: u64) -> String;
    #[incoming]
    fn say(&self, text: &str);
    #[outgoing]
    fn news(&self, text: &str);
}

fn shop(server: &NatsServer, name: &str) -> Shop {
    let shop = Shop::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
    let me = name.to_owned();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(move |_| me.clone());
    let me = name.to_owned();
    shop.slow.connect(move |_, millis| {
        std::thread::sleep(Duration::from_millis(millis));
        me.clone()
    });
    shop.start().unwrap();
    shop
}

fn client(server: &NatsServer, name: &str) -> ShopInverse {
    let api = ShopInverse::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
    api.start().unwrap();
    api
}

fn sees(api: &ShopInverse, count: usize) {
    eventually("all are there", || api.peers().len() == count);
}

fn calls_go_to_all_to_one_and_to_any(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let (one, two) = (shop(&server, "one"), shop(&server, "two"));
    let (said, heard) = inbox();
    for shop in [&one, &two] {
        let said = said.clone();
        shop.say.connect(move |sender, text| {
            said.send(format!("{sender}: {text}")).unwrap();
        });
    }
    let api = client(&server, "hub");
    sees(&api, 2);
    assert_eq!(api.all().add(2, 3).result().unwrap(), 5);
    assert_eq!(api.to("one").who().result().unwrap(), "one");
    assert_eq!(api.to("two").who().result().unwrap(), "two");
    api.all().say("hello").unwrap();
    assert_eq!(heard.take(2), ["hub: hello", "hub: hello"]);
    let mut who: Vec<String> = (0..40).map(|_| api.any().who().result().unwrap()).collect();
    who.sort();
    who.dedup();
    assert_eq!(who, ["one", "two"]);
    let each = api.all().each().who();
    let mut each: Vec<_> = each
        .into_iter()
        .map(|(peer, who)| (peer.name().to_owned(), who.result().unwrap()))
        .collect();
    each.sort();
    assert_eq!(
        each,
        [("one".into(), "one".into()), ("two".into(), "two".into())]
    );
}

fn nobody_is_known_at_once(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let api = client(&server, "hub");
    let begun = Instant::now();
    for promise in [api.any().who(), api.all().who(), api.to("nobody").who()] {
        let error = promise.result().unwrap_err();
        assert!(matches!(error, Error::NoPeer { .. }), "{error}");
    }
    assert!(begun.elapsed() < SOON / 4);
}

#[remote_api]
trait Work {
    #[incoming]
    fn work(&self, millis: u64) -> u32;
    #[incoming]
    fn count(&self, to: u32) -> Stream<u32>;
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
}

/// A worker process, which ends when it is dropped.
struct Worker(Child);

impl Worker {
    fn start(server: &NatsServer, name: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_broker_worker"));
        command.args(["jrpc", &server.bound("farm", &format!("name={name}"))]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Worker(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ten_workers_share_the_work_and_one_is_killed(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let mut workers: Vec<_> = (0..10)
        .map(|number| Worker::start(&server, &format!("w{number}")))
        .collect();
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub")).unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    hub.start().unwrap();
    eventually("all are there", || hub.peers().len() == 10);
    let calls: Vec<_> = (0..200).map(|_| hub.any().work(1)).collect();
    let mut shares = HashMap::new();
    for call in calls {
        *shares.entry(call.result().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(shares.len(), 10, "{shares:?}");
    assert!(shares.values().all(|share| *share >= 2), "{shares:?}");
    // Enough for each to be at work, and one is killed.
    let calls: Vec<_> = (0..60)
        .map(|_| hub.any().timeout(SOON * 3).work(400))
        .collect();
    let mut calls = calls.into_iter();
    calls.next().unwrap().result().unwrap();
    let killed = workers.remove(3);
    let pid = killed.0.id();
    let begun = Instant::now();
    drop(killed);
    let (mut lost, mut done) = (0, 0);
    let mut known = None;
    for call in calls {
        match call.result() {
            Ok(by) => {
                done += 1;
                assert!(by != pid || begun.elapsed() < SOON);
            }
            Err(error) => {
                assert!(matches!(error, Error::Disconnected { .. }), "{error}");
                known.get_or_insert(begun.elapsed());
                lost += 1;
            }
        }
    }
    assert!(lost > 0 && done >= 40, "{lost} lost, {done} done");
    let known = known.unwrap_or_default();
    assert!(known < SOON / 2, "known after {known:?}");
    assert_eq!(gone.next(), "w3");
    // The others go on.
    for _ in 0..20 {
        assert_ne!(hub.any().work(0).result().unwrap(), pid);
    }
}

fn a_broker_that_comes_again_brings_everybody_back(release: Release) {
    let Some(mut server) = NatsServer::of(release, "") else {
        return;
    };
    let again = |name: &str| {
        format!(
            "restart:0.2:{}",
            server.bound("lab", &format!("name={name}"))
        )
    };
    let shop = Shop::bind("jrpc", again("shop")).unwrap();
    let (ran, runs) = inbox();
    shop.add.connect(move |_, a, b| {
        ran.send(()).unwrap();
        a + b
    });
    shop.start().unwrap();
    let hub = ShopInverse::bind("jrpc", again("hub")).unwrap();
    hub.start().unwrap();
    sees(&hub, 1);
    assert_eq!(hub.any().add(1, 2).result().unwrap(), 3);
    for round in 1..=2 {
        server.kill();
        eventually("nobody is there", || hub.peers().is_empty());
        let error = hub.any().add(1, 2).result().unwrap_err();
        assert!(
            matches!(error, Error::NoPeer { .. } | Error::Disconnected { .. }),
            "{error}"
        );
        server.again();
        sees(&hub, 1);
        eventually("it serves again", || {
            hub.any().add(round, 2).result().is_ok()
        });
        assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    }
    assert!(runs.so_far().len() <= 8);
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

fn streams_cancelling_and_properties_go_by_a_broker(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let works: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let work = Work::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
            work.count.connect(|_, to| Stream::iter(0..to));
            work.work.connect(|sender, millis| {
                let end = Instant::now() + Duration::from_millis(millis);
                while Instant::now() < end && !sender.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                u32::from(sender.is_cancelled())
            });
            work.voltage.set(5.0).unwrap();
            work.start().unwrap();
            work
        })
        .collect();
    let hub = WorkInverse::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    let (told, heard) = inbox();
    hub.voltage
        .connect(move |sender, volts| told.send((sender.name().to_owned(), volts)).unwrap());
    hub.start().unwrap();
    eventually("both are there", || hub.peers().len() == 2);
    let mut first = heard.take(2);
    first.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(first, [("one".into(), 5.0), ("two".into(), 5.0)]);
    works[0].voltage.set(6.0).unwrap();
    assert_eq!(heard.next(), ("one".into(), 6.0));
    hub.to("two").set_voltage(7.0).result().unwrap();
    assert_eq!(heard.next(), ("two".into(), 7.0));
    for handle in [hub.to("one"), hub.any()] {
        let items: Vec<u32> = handle.count(3000).map(|item| item.unwrap()).collect();
        assert_eq!(items.len(), 3000);
        let begun = Instant::now();
        let job = handle.work(15_000);
        std::thread::sleep(Duration::from_millis(50));
        job.cancel();
        assert!(matches!(job.result(), Err(Error::Cancelled)));
        eventually("it is given up there", || handle.work(0).result().is_ok());
        assert!(begun.elapsed() < Duration::from_secs(12));
    }
}

fn codecs_and_security_go_from_end_to_end(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let keys = quickrpc_tests::KeyFile::of(&["shop", "hub"]);
    let plain = String::from("null");
    for (number, (codec, shop_security, hub_security)) in [
        ("terse", plain.clone(), plain.clone()),
        ("msgpack", plain.clone(), plain.clone()),
        ("jrpc", keys.hmac("shop"), keys.hmac("hub")),
        ("jrpc", keys.seal("shop"), keys.seal("hub") + "&to=shop"),
    ]
    .into_iter()
    .enumerate()
    {
        let namespace = format!("lab{number}");
        let bound = |name: &str| server.bound(&namespace, &format!("name={name}"));
        let shop = Shop::builder()
            .codec(codec)
            .security(shop_security)
            .transport(bound("shop"));
        let shop = shop.build().unwrap();
        shop.who
            .connect(|sender| sender.secinfo().get("user").cloned().unwrap_or_default());
        shop.start().unwrap();
        let hub = ShopInverse::builder()
            .codec(codec)
            .security(hub_security)
            .transport(bound("hub"));
        let hub = hub.build().unwrap();
        hub.start().unwrap();
        sees(&hub, 1);
        let expected = if number > 1 { "hub" } else { "" };
        // What is sealed for one cannot be read by whoever gets it.
        if number < 3 {
            assert_eq!(hub.any().who().result().unwrap(), expected, "{codec}");
        }
        assert_eq!(hub.to("shop").who().result().unwrap(), expected);
    }
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
        self.1 = words[3].to_owned();
        (words[1].to_owned(), self.line())
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
    let shop = shop(&server, "shop");
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
    // One peer calls for far more than may wait; what is beyond that is answered as busy.
    let slow: Vec<_> = (0..3000)
        .map(|_| hub.to("shop").timeout(SOON * 3).slow(1))
        .collect();
    let mut busy = 0;
    for call in slow {
        match call.result() {
            Ok(who) => assert_eq!(who, "shop"),
            Err(Error::Call(error)) => {
                assert!(error.message.contains("busy"), "{error}");
                busy += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(busy < 3000);
    assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    assert!(shop.peers().len() <= 8200);
}

#[test]
fn a_broker_that_is_none_harms_nobody() {
    let info = "INFO {\"headers\":true,\"max_payload\":1048576}\r\n";
    for said in [
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
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let said = said.to_owned();
        let broker = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            // It may be gone already.
            let _ = stream.write_all(said.as_bytes());
            let mut rest = Vec::new();
            let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
        });
        let hub = ShopInverse::bind("jrpc", format!("nats:{addr}/lab?name=hub")).unwrap();
        if hub.start().is_ok() {
            hub.wait().ok();
            assert!(hub.any().who().result().is_err());
        }
        drop(hub);
        broker.join().unwrap();
    }
}

#[remote_api]
trait Double {
    #[outgoing]
    fn double(&self, x: i64) -> i64;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

fn a_service_and_a_client_in_python_take_part(release: Release) {
    let Some(server) = NatsServer::of(release, "") else {
        return;
    };
    let Some(python) = Python::with_nats(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let api = Double::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    api.add.connect(|_, a, b| a + b);
    api.start().unwrap();
    let mut command = python.script("nats_peer.py");
    command.args([server.addr().to_string(), "lab".into()]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Worker(piped.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    for x in 0..10 {
        assert_eq!(api.any().double(x).result().unwrap(), 2 * x);
    }
}
