//! Peers behind a broker of MQTT, which is a real one: Mosquitto.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use quickrpc::{Error, Stream, remote_api};
use quickrpc_tests::{Mosquitto, Python, SOON, eventually, inbox};

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

fn shop(server: &Mosquitto, name: &str) -> Shop {
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

fn client(server: &Mosquitto, name: &str) -> ShopInverse {
    let api = ShopInverse::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
    api.start().unwrap();
    api
}

fn sees(api: &ShopInverse, count: usize) {
    eventually("all are there", || api.peers().len() == count);
}

#[test]
fn calls_go_to_all_to_one_and_to_any() {
    let Some(server) = Mosquitto::start() else {
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

#[test]
fn nobody_is_known_at_once() {
    let Some(server) = Mosquitto::start() else {
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
    fn start(server: &Mosquitto, name: &str) -> Self {
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

#[test]
fn ten_workers_share_the_work_and_one_is_killed() {
    let Some(server) = Mosquitto::start() else {
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

#[test]
fn a_broker_that_comes_again_brings_everybody_back() {
    let Some(mut server) = Mosquitto::start() else {
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

const USERS: &str = "allow_anonymous false\npassword_file DIR/passwords\nacl_file DIR/acl\n";
const PASSWORDS: &str = "hub:secret\nshop:secret";

#[test]
fn what_the_broker_forbids_is_an_error_of_security() {
    let acl = "user hub\ntopic read lab/#\ntopic write lab/to/#\ntopic write lab/all/who\n\
               topic write lab/all/_owed\ntopic write lab/in/#\ntopic write lab/here/hub/+\n\
               user shop\ntopic readwrite lab/#\n";
    let Some(server) = Mosquitto::with(USERS, &[("passwords", PASSWORDS), ("acl", acl)]) else {
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
    let (told, trouble) = inbox();
    // The test may be over.
    hub.on_error(move |_, error, _| told.send(error.clone()).unwrap_or_default());
    hub.start().unwrap();
    sees(&hub, 1);
    assert_eq!(hub.to("shop").add(1, 2).result().unwrap(), 3);
    let begun = Instant::now();
    let error = hub.any().add(1, 2).result().unwrap_err();
    assert!(matches!(error, Error::Security(_)), "{error}");
    assert!(error.to_string().contains("permissions"), "{error}");
    assert!(begun.elapsed() < SOON / 4);
    hub.all().say("nobody may").unwrap();
    let error = trouble.next();
    assert!(matches!(error, Error::Security(_)), "{error}");
    assert!(error.to_string().contains("lab/all/say"), "{error}");
    // A wrong login says so.
    for wrong in [
        "user=nobody".to_owned(),
        options("hub").replace("user=hub", "user=shup"),
    ] {
        let wrong = ShopInverse::bind("jrpc", server.bound("lab", &wrong)).unwrap();
        let error = wrong.start().unwrap_err().to_string();
        assert!(error.contains("refuses this login"), "{error}");
    }
}

#[test]
fn too_large_is_refused_here() {
    let Some(server) = Mosquitto::with("allow_anonymous true\nmax_packet_size 2048", &[]) else {
        return;
    };
    let shop = Shop::bind("jrpc", server.bound("lab", "name=shop")).unwrap();
    let (said, heard) = inbox();
    shop.say
        .connect(move |_, text| said.send(text.len()).unwrap());
    shop.who.connect(|_| "x".repeat(4000));
    shop.start().unwrap();
    let hub = client(&server, "hub");
    sees(&hub, 1);
    let error = hub.all().say(&"x".repeat(3000)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::MessageTooLarge {
                limit: 1900..2048,
                ..
            }
        ),
        "{error}"
    );
    hub.all().say("short").unwrap();
    assert_eq!(heard.next(), 5);
    let error = hub.to("shop").who().result().unwrap_err();
    assert!(
        error.to_string().contains("larger than the limit"),
        "{error}"
    );
    assert_eq!(hub.peers().len(), 1);
}

#[test]
fn a_broker_is_reached_over_tls() {
    let authority = quickrpc_tests::Authority::new("lab");
    let (broker, hub) = (authority.server(), authority.client("hub"));
    let config = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n",
        authority.file().display(),
        broker.cert.display(),
        broker.key.display()
    );
    let Some(server) = Mosquitto::with(&config, &[]) else {
        return;
    };
    let ca = format!("ca={}&server_name=localhost", authority.file().display());
    let bound = |name: &str| {
        let options = format!("name={name}&{ca}&{}", hub.options());
        server.bound_over_tls("lab", &options)
    };
    let shop = Shop::bind("jrpc", bound("shop")).unwrap();
    shop.add.connect(|_, a, b| a + b);
    shop.who.connect(|sender| format!("{:?}", sender.secinfo()));
    shop.start().unwrap();
    let api = ShopInverse::bind("jrpc", bound("hub")).unwrap();
    api.start().unwrap();
    sees(&api, 1);
    let calls: Vec<_> = (0..200).map(|a| api.any().add(a, 1)).collect();
    for (a, call) in (0..).zip(calls) {
        assert_eq!(call.result().unwrap(), a + 1);
    }
    // Who is behind the broker is not known by the broker's certificate.
    assert!(!api.to("shop").who().result().unwrap().contains("lab"));
    // Others are not believed, and need not be plain.
    for wrong in [
        server.bound_over_tls("lab", "name=x"),
        server.bound("lab", "name=x"),
    ] {
        let api = ShopInverse::bind("jrpc", wrong).unwrap();
        assert!(api.start().is_err());
    }
}

#[test]
fn the_broker_hears_of_us_as_often_as_it_wants_to() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let _shop = shop(&server, "shop");
    let options = "name=hub&keepalive=1&probe=60";
    let hub = ShopInverse::bind("jrpc", server.bound("lab", options)).unwrap();
    hub.start().unwrap();
    sees(&hub, 1);
    // Longer than the broker waits for a sign of life.
    assert_eq!(hub.to("shop").slow(4000).result().unwrap(), "shop");
}

#[test]
fn whoever_is_killed_is_gone_at_once() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let worker = Worker::start(&server, "w");
    let hub = WorkInverse::bind("jrpc", server.bound("farm", "name=hub&probe=60")).unwrap();
    let (told, gone) = inbox();
    hub.on_disconnect(move |peer, _| {
        // The test may be over.
        told.send(peer.name().to_owned()).ok();
    });
    hub.start().unwrap();
    eventually("it is there", || hub.peers().len() == 1);
    let call = hub.to("w").timeout(SOON * 3).work(60_000);
    let begun = Instant::now();
    drop(worker);
    // Nobody is probed: the broker tells it.
    let error = call.result().unwrap_err();
    assert!(matches!(error, Error::Disconnected { .. }), "{error}");
    assert!(begun.elapsed() < SOON / 4);
    assert_eq!(gone.next(), "w");
    // One that comes later does not hear of it.
    let late = WorkInverse::bind("jrpc", server.bound("farm", "name=late")).unwrap();
    late.start().unwrap();
    eventually("the hub is known", || !late.peers().is_empty());
    assert_eq!(late.peers().len(), 1);
    let error = late.to("w").work(0).result().unwrap_err();
    assert!(matches!(error, Error::NoPeer { .. }), "{error}");
}

#[test]
fn streams_cancelling_and_properties_go_by_a_broker() {
    let Some(server) = Mosquitto::start() else {
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

#[test]
fn codecs_and_security_go_from_end_to_end() {
    let Some(server) = Mosquitto::start() else {
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

/// What `mosquitto_rr` gets for a request.
fn request(server: &Mosquitto, topic: &str, text: &str) -> String {
    let mut command = server.client("mosquitto_rr");
    command.args([
        "-q",
        "1",
        "-W",
        "20",
        "-e",
        "answers/rr",
        "-t",
        topic,
        "-m",
        text,
    ]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// Says something to somebody, and does not wait for anything.
fn publish(server: &Mosquitto, arguments: &[&str]) {
    let mut command = server.client("mosquitto_pub");
    let output = command.args(["-q", "1"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn others_take_part() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let shop = shop(&server, "shop");
    let (told, trouble) = inbox();
    shop.on_error(move |_, error, _| told.send(error.to_string()).unwrap_or_default());
    let add = r#"{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":7}"#;
    for topic in ["lab/any/add", "lab/all/add", "lab/to/shop/add"] {
        let answer = request(&server, topic, add);
        assert!(
            answer.contains("\"result\":5") && answer.contains("\"id\":7"),
            "{answer}"
        );
    }
    // Its method is not that of the topic: the broker's permissions are for the topic.
    publish(&server, &["-t", "lab/any/who", "-m", add]);
    assert!(trouble.next().contains("by the subject of `who`"));
    publish(&server, &["-t", "lab/all/add", "-m", "what is this?"]);
    assert!(trouble.next().len() > 5);
    // What is kept is no call: nobody knows how old it is.
    let (said, heard) = inbox();
    shop.say
        .connect(move |_, text| said.send(text.to_owned()).unwrap());
    let say =
        |text: &str| format!(r#"{{"jsonrpc":"2.0","method":"say","params":{{"text":"{text}"}}}}"#);
    publish(&server, &["-r", "-t", "lab/all/say", "-m", &say("kept")]);
    assert_eq!(heard.next(), "kept");
    let late = Shop::bind("jrpc", server.bound("lab", "name=late")).unwrap();
    let (said, late_heard) = inbox();
    late.say
        .connect(move |_, text| said.send(text.to_owned()).unwrap());
    late.start().unwrap();
    publish(&server, &["-t", "lab/to/late/say", "-m", &say("new")]);
    assert_eq!(late_heard.next(), "new");
    // Somebody in another language who says that he is there is a peer.
    publish(&server, &["-r", "-t", "lab/here/python/t1", "-m", "1"]);
    eventually("he is there", || {
        shop.peers().iter().any(|peer| peer.name() == "python")
    });
    publish(&server, &["-r", "-n", "-t", "lab/here/python/t1"]);
    eventually("he is gone", || {
        shop.peers().iter().all(|peer| peer.name() != "python")
    });
}

#[test]
fn a_service_and_a_client_in_python_take_part() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let Some(python) = Python::with_mqtt(env!("CARGO_TARGET_TMPDIR")) else {
        return;
    };
    let api = Double::bind("jrpc", server.bound("lab", "name=hub")).unwrap();
    api.add.connect(|_, a, b| a + b);
    api.start().unwrap();
    let mut command = python.script("mqtt_peer.py");
    let addr = server.addr();
    command.args([addr.ip().to_string(), addr.port().to_string(), "lab".into()]);
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

#[remote_api]
trait Double {
    #[outgoing]
    fn double(&self, x: i64) -> i64;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

#[remote_api]
trait Same {
    #[incoming]
    #[name = "name"]
    fn my_name(&self) -> String;
    #[outgoing]
    fn name(&self) -> String;
}

#[test]
fn whoever_serves_what_it_asks_for_is_one_of_several() {
    let Some(server) = Mosquitto::start() else {
        return;
    };
    let peer = |name: &str| {
        let api = Same::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
        let me = name.to_owned();
        api.my_name.connect(move |_| me.clone());
        api.start().unwrap();
        api
    };
    let one = peer("one");
    assert_eq!(one.any().name().result().unwrap(), "one");
    let _two = peer("two");
    eventually("two is there", || one.peers().len() == 1);
    let mut who: Vec<String> = (0..20)
        .map(|_| one.any().name().result().unwrap())
        .collect();
    who.sort();
    who.dedup();
    assert_eq!(who, ["one", "two"]);
}

#[test]
fn a_flood_costs_nobody_else_anything() {
    let Some(server) = Mosquitto::with("allow_anonymous true\nmax_queued_messages 0", &[]) else {
        return;
    };
    let shop = shop(&server, "shop");
    let hub = client(&server, "hub");
    sees(&hub, 1);
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
    assert_eq!(shop.peers().len(), 1);
}

#[test]
fn a_broker_that_is_none_harms_nobody() {
    let connack: &[u8] = b"\x20\x03\0\0\0";
    let after = |rest: &[u8]| [connack, rest].concat();
    for said in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"\x20\x02\0\x01".to_vec(),
        b"\x20\x03\0\x87\0".to_vec(),
        after(b"\x30\xff\xff\xff\xff\xff"),
        after(b"\x32\x03\0\x09a"),
        after(b"\x34\x06\0\x01a\0\x01\0"),
        after(b"\x40\x02\0\x09\xe0\x01\x8b"),
        after(b"\x90\x04\x77\x77\0\x01"),
        after(b"\x10\x02\0\0"),
        after(&[b"\x31\x11\0\x0flab/here/x/t\0", &[0xff; 3][..]].concat()),
        after(b"\xe0\0"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let broker = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            // It may be gone already.
            let _ = stream.write_all(&said);
            let mut rest = Vec::new();
            let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
        });
        let hub = ShopInverse::bind("jrpc", format!("mqtt:{addr}/lab?name=hub")).unwrap();
        if hub.start().is_ok() {
            hub.wait().ok();
            assert!(hub.any().who().result().is_err());
        }
        drop(hub);
        broker.join().unwrap();
    }
}
