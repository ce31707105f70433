//! Peers behind a NATS server, which is a real one.

use std::time::Duration;

use quickrpc::{Error, remote_api};
use quickrpc_tests::{NatsServer, SOON, eventually, inbox};

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

#[test]
fn calls_go_to_all_to_one_and_to_any() {
    let Some(server) = NatsServer::start() else {
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
    let Some(server) = NatsServer::start() else {
        return;
    };
    let api = client(&server, "hub");
    let begun = std::time::Instant::now();
    for promise in [api.any().who(), api.all().who(), api.to("nobody").who()] {
        let error = promise.result().unwrap_err();
        assert!(matches!(error, Error::NoPeer { .. }), "{error}");
    }
    assert!(begun.elapsed() < SOON / 4);
}
