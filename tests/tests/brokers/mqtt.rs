//! Peers behind a broker of MQTT, which is a real one: Mosquitto.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use quickrpc::{Error, remote_api};
use quickrpc_tests::{Mosquitto, Python, SOON, eventually, inbox};

use crate::failures::{FEW, floods};
use crate::parts::{
    Shop, ShopInverse, Work, WorkInverse, Worker, client, doubles, pretended, publish, sees, shop,
    shop_with,
};

cases!(Mosquitto::start());

#[cfg(target_os = "linux")]
cases!(Mosquitto::start() => failures::whoever_finds_its_broker_again_holds_no_more);

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

/// Mosquitto has a word for it that MQTT has not.
#[test]
fn too_large_for_the_broker_alone_costs_that_message() {
    let config = "allow_anonymous true\nmessage_size_limit 2000\n";
    let Some(server) = Mosquitto::with(config, &[]) else {
        return;
    };
    let shop = Shop::bind("jrpc", server.bound("lab", "name=shop")).unwrap();
    let (said, heard) = inbox();
    shop.say
        .connect(move |_, text| said.send(text.len()).unwrap());
    shop.who.connect(|_| "x".repeat(4000));
    shop.start().unwrap();
    let hub = client(&server, "hub");
    let (told, trouble) = inbox();
    hub.on_error(move |_, error, _| told.send(error.to_string()).unwrap_or_default());
    sees(&hub, 1);
    hub.all().say(&"x".repeat(3000)).unwrap();
    let error = trouble.next();
    assert!(
        error.contains("PacketTooLarge") && error.contains("lab/all/say"),
        "{error}"
    );
    hub.all().say("short").unwrap();
    assert_eq!(heard.next(), 5);
    assert_eq!(hub.peers().len(), 1);
}

#[test]
fn whoever_may_not_keep_a_value_is_told() {
    let acl = "user hub\ntopic readwrite lab/#\ntopic deny lab/is/#\n";
    let Some(server) = Mosquitto::with(USERS, &[("passwords", PASSWORDS), ("acl", acl)]) else {
        return;
    };
    let password = quickrpc_tests::OwnDir::new();
    let file = password.path("password");
    std::fs::write(&file, "secret\n").unwrap();
    let options = format!("name=hub&user=hub&password_file={}", file.display());
    let hub = Work::bind("jrpc", server.bound("lab", &options)).unwrap();
    let (told, trouble) = inbox();
    hub.on_error(move |_, error, _| told.send(error.clone()).unwrap_or_default());
    hub.start().unwrap();
    hub.voltage.set(1.5).unwrap();
    let error = trouble.next();
    assert!(matches!(error, Error::Security(_)), "{error}");
    assert!(error.to_string().contains("lab/is/hub/"), "{error}");
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
    for (wrong, says) in [
        (server.bound_over_tls("lab", "name=x"), "certificate"),
        (server.bound("lab", "name=x"), "`mqtts:`"),
    ] {
        let api = ShopInverse::bind("jrpc", wrong).unwrap();
        let error = api.start().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
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
    let worker = Worker::start(&server, "farm", "w");
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
    let hidden = r#"{"jsonrpc":"2.0","method":"who","params":[2,3],"method":"add","id":9}"#;
    let answer = request(&server, "lab/any/who", hidden);
    assert!(answer.contains("\"error\""), "{answer}");
    assert!(trouble.next().contains("two things"));
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
    let mut command = python.script("mqtt_peer.py");
    let addr = server.addr();
    command.args([addr.ip().to_string(), addr.port().to_string(), "lab".into()]);
    doubles(&server, &mut command);
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
    let shop = shop_with(&server, "shop", FEW);
    let hub = client(&server, "hub");
    sees(&hub, 1);
    floods(&hub);
    assert_eq!(shop.peers().len(), 1);
}

#[test]
fn a_broker_that_is_none_harms_nobody() {
    let connack: &[u8] = b"\x20\x03\0\0\0";
    let after = |rest: &[u8]| [connack, rest].concat();
    let said = [
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
    ];
    pretended(said, |addr| format!("mqtt:{addr}/lab?name=hub"));
}

/// The next packet, which is a short one: its first byte and what is in it.
fn packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert!(head[1] < 0x80, "{head:?}");
    let mut body = vec![0; usize::from(head[1])];
    stream.read_exact(&mut body).unwrap();
    (head[0], body)
}

/// A broker that refuses some of what we want to hear.
#[test]
fn all_is_told_that_we_may_not_hear() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let broker = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(packet(&mut stream).0, 0x10);
        stream.write_all(b"\x20\x03\0\0\0").unwrap();
        let (first, body) = packet(&mut stream);
        assert_eq!(first, 0x82);
        let codes = [0x87, 1, 0x87, 1, 0x97];
        let refusal = [&[0x90, 8], &body[..2], &[0], &codes[..]].concat();
        stream.write_all(&refusal).unwrap();
        stream
    });
    let hub = ShopInverse::bind("jrpc", format!("mqtt:{addr}/lab?name=hub")).unwrap();
    let (told, errors) = inbox();
    hub.on_error(move |_, error, _| told.send(error.to_string()).unwrap_or_default());
    hub.start().unwrap();
    for (filter, why) in [
        ("`lab/in/hub/", "NotAuthorized"),
        ("`lab/all/#`", "NotAuthorized"),
        ("`lab/is/#`", "QuotaExceeded"),
    ] {
        let error = errors.next();
        assert!(error.contains(filter) && error.contains(why), "{error}");
    }
    assert_eq!(errors.so_far(), [""; 0]);
    drop(broker.join().unwrap());
}
