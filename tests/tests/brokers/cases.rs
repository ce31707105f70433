//! The same cases over both brokers: `nats::<case>` and `mqtt::<case>`.

use std::time::{Duration, Instant};

use quickrpc::{Error, Stream};
use quickrpc_tests::{KeyFile, SOON, eventually, inbox};

use crate::parts::{Server, Shop, ShopInverse, Work, WorkInverse, client, sees, shop};

pub(crate) fn calls_go_to_all_to_one_and_to_any(server: impl Server) {
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

pub(crate) fn nobody_is_known_at_once(server: impl Server) {
    let api = client(&server, "hub");
    let begun = Instant::now();
    for promise in [api.any().who(), api.all().who(), api.to("nobody").who()] {
        let error = promise.result().unwrap_err();
        assert!(matches!(error, Error::NoPeer { .. }), "{error}");
    }
    assert!(begun.elapsed() < SOON / 4);
    // One that is connected, and serves nothing.
    let _other = client(&server, "other");
    sees(&api, 1);
    let error = api.any().who().result().unwrap_err();
    assert!(matches!(error, Error::NoPeer { sent: true, .. }), "{error}");
    let text = "the broker says that nobody listens to `who` there";
    assert_eq!(error.to_string(), text);
}

pub(crate) fn streams_cancelling_and_properties_go_by_a_broker(server: impl Server) {
    let ((begun, begins), (ended, ends)) = (inbox(), inbox());
    let works: Vec<_> = ["one", "two"]
        .into_iter()
        .map(|name| {
            let work = Work::bind("jrpc", server.bound("lab", &format!("name={name}"))).unwrap();
            work.count.connect(|_, to| Stream::iter(0..to));
            let (begun, ended) = (begun.clone(), ended.clone());
            work.work.connect(move |sender, millis| {
                begun.send(()).unwrap();
                let end = Instant::now() + Duration::from_millis(millis);
                while Instant::now() < end && !sender.is_cancelled() {
                    std::thread::sleep(Duration::from_millis(5));
                }
                ended.send(sender.is_cancelled()).unwrap();
                0
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
        let job = handle.work(60_000);
        begins.next();
        job.cancel();
        assert!(matches!(job.result(), Err(Error::Cancelled)));
        assert!(ends.next(), "it is given up there");
    }
}

pub(crate) fn codecs_and_security_go_from_end_to_end(server: impl Server) {
    let keys = KeyFile::of(&["shop", "hub"]);
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
