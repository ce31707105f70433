//! Several traits over the same wires and peers.

use quickrpc::{DisconnectReason, Error, Node, Value, remote_api};
use quickrpc_tests::{Telnet, bounded, inbox, own_bus};

#[remote_api]
trait Sums {
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn note(&self, text: &str);
    #[outgoing]
    fn noted(&self, text: &str);
}

#[remote_api(prefix = "supply.")]
trait Supply {
    #[incoming(property, writable)]
    fn voltage(&self) -> f64;
    #[incoming]
    #[require(role = "keeper")]
    fn clear(&self) -> u8;
    #[incoming]
    fn note(&self, text: &str);
}

/// Receives what `Sums` does.
#[remote_api]
trait Totals {
    #[incoming]
    fn total(&self) -> i64;
    #[incoming]
    fn add(&self, a: i64, b: i64) -> i64;
}

/// Sends what `Sums` does.
#[remote_api]
trait Notes {
    #[outgoing]
    fn noted(&self, text: &str);
}

/// The same names, the other way.
#[remote_api]
trait Mirrored {
    #[outgoing]
    fn add(&self, a: i64, b: i64) -> i64;
    #[incoming]
    fn noted(&self, text: &str);
}

/// Names of a property of its own collide as well.
#[remote_api]
trait Changes {
    #[outgoing]
    #[name = "supply.voltage_changed"]
    fn told(&self, value: f64);
}

fn refused<A: std::fmt::Debug>(added: quickrpc::Result<A>) -> String {
    match added {
        Err(Error::Config(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn traits_share_wires_and_peers() {
    let node = Node::builder()
        .bind("jrpc", "tcpserv:127.0.0.1:0")
        .bind("terse", "tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let sums: Sums = node.add().unwrap();
    sums.add.connect(|_sender, a, b| a + b);
    node.start().unwrap();
    let addresses = node.local_addrs();
    let client = Node::bind("jrpc", format!("tcp:{}", addresses[0])).unwrap();
    let far_sums: SumsInverse = client.add().unwrap();
    client.start().unwrap();
    assert_eq!(far_sums.all().add(2, 3).result().unwrap(), 5);

    // Both run: the other trait comes now, on both sides.
    let supply: Supply = node.add().unwrap();
    let far_supply: SupplyInverse = client.add().unwrap();
    let (told, changes) = inbox();
    far_supply
        .voltage
        .connect(move |_sender, volts| told.send(volts).unwrap());
    supply.voltage.set(5.0).unwrap();
    assert_eq!(changes.next(), 5.0);
    far_supply.all().set_voltage(6.0).result().unwrap();
    assert_eq!(changes.next(), 6.0);
    assert_eq!(far_supply.all().voltage().result().unwrap(), 6.0);

    // Each handle is one of all.
    assert_eq!(far_sums.peers(), far_supply.peers());
    let peer = supply.peers().remove(0);
    let (tell, heard) = inbox();
    far_sums
        .noted
        .connect(move |_sender, text| tell.send(text.to_owned()).unwrap());
    sums.to(&peer).noted("hello").unwrap();
    assert_eq!(heard.next(), "hello");

    // A person, on the other wire.
    let mut person = Telnet::connect(addresses[1]);
    assert_eq!(person.line(), "supply.voltage_changed value:6.0");
    person.send("add[1] a:2 b:3\n");
    assert_eq!(person.line(), "[1]:5");
    person.send("supply.get_voltage[2]\n");
    assert_eq!(person.line(), "[2]:6.0");
    assert!(node.unhandled_calls().contains(&"note"));
    let shown = format!("{node:?}");
    assert!(shown.contains("\"Sums\", \"Supply\""), "{shown}");

    // Any of them stops all.
    supply.stop().unwrap();
    assert!(!sums.is_running() && !node.is_running());
    bounded("waiting", move || sums.wait()).unwrap();
}

#[test]
fn a_property_that_comes_later_is_told_to_those_who_are_there() {
    let bus = own_bus();
    let node = Node::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    node.start().unwrap();
    let client = Node::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    let far: SupplyInverse = client.add().unwrap();
    let (told, changes) = inbox();
    far.voltage
        .connect(move |_sender, volts| told.send(volts).unwrap());
    client.start().unwrap();
    let supply: Supply = node.add().unwrap();
    supply.voltage.set(1.5).unwrap();
    assert_eq!(changes.next(), 1.5);
}

#[test]
fn names_that_collide_are_refused_with_both_traits() {
    let node = Node::builder().build().unwrap();
    let sums: Sums = node.add().unwrap();
    let text = refused(node.add::<Totals>());
    assert!(
        text.contains("`Totals`") && text.contains("`Sums`"),
        "{text}"
    );
    assert!(text.contains("receives `add`"), "{text}");
    // Nothing of it is left.
    assert_eq!(node.unhandled_calls(), ["add", "note"]);
    let text = refused(node.add::<Notes>());
    assert!(
        text.contains("sends `noted`") && text.contains("`Sums`"),
        "{text}"
    );
    let text = refused(node.add::<Sums>());
    assert!(text.contains("there already"), "{text}");
    let _mirrored: Mirrored = node.add().unwrap();
    // Of the one with the properties.
    let _supply: Supply = node.add().unwrap();
    let text = refused(node.add::<Changes>());
    assert!(text.contains("supply.voltage_changed"), "{text}");
    // A node of one trait is no exception.
    let text = refused(Totals::builder().build().unwrap().node().add::<Sums>());
    assert!(
        text.contains("`Sums`") && text.contains("`Totals`"),
        "{text}"
    );
    // Nor is what nobody has declared.
    let other = Node::builder().build().unwrap();
    other.dynamic().on("total", |_sender, _args| Value::from(1));
    let text = refused(other.add::<Totals>());
    assert!(
        text.contains("`Totals`") && text.contains("`total`"),
        "{text}"
    );
    drop(sums);
}

#[test]
fn the_order_of_one_peers_calls_holds_over_all_traits() {
    let bus = own_bus();
    let node = Node::builder()
        .transport(format!("internal:{bus}:server"))
        .processing(quickrpc::Processing::Pool(4))
        .build()
        .unwrap();
    let (sums, supply): (Sums, Supply) = (node.add().unwrap(), node.add().unwrap());
    let (tell, heard) = inbox();
    let also = tell.clone();
    sums.note
        .connect(move |_sender, text| tell.send(text.to_owned()).unwrap());
    supply
        .note
        .connect(move |_sender, text| also.send(text.to_owned()).unwrap());
    node.start().unwrap();
    let client = Node::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    let (sums, supply): (SumsInverse, SupplyInverse) =
        (client.add().unwrap(), client.add().unwrap());
    client.start().unwrap();
    for number in 0..200 {
        match number % 3 {
            0 => supply.all().note(&number.to_string()).unwrap(),
            _ => sums.all().note(&number.to_string()).unwrap(),
        }
    }
    let expected: Vec<_> = (0..200).map(|number: i32| number.to_string()).collect();
    assert_eq!(heard.take(200), expected);
}

#[test]
fn rules_roles_and_events_are_those_of_the_node() {
    let bus = own_bus();
    let node = Node::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    let (sums, supply): (Sums, Supply) = (node.add().unwrap(), node.add().unwrap());
    sums.add.connect(|_sender, a, b| a + b);
    supply.clear.connect(|_sender| 1_u8);
    sums.authorize(|_sender, method| method != "add");
    node.on_error(|_, _, _| ());
    let (tell, heard) = inbox();
    let (came, gone) = (tell.clone(), tell);
    supply.on_connect(move |peer| came.send(peer.name().to_string()).unwrap());
    sums.on_disconnect(move |peer, reason| {
        assert!(matches!(reason, DisconnectReason::EndOfInput), "{reason}");
        gone.send(peer.name().to_string()).unwrap();
    });
    node.start().unwrap();
    let client = Node::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    let (sums, supply): (SumsInverse, SupplyInverse) =
        (client.add().unwrap(), client.add().unwrap());
    client.start().unwrap();
    let code = |error: Error| match error {
        Error::Call(error) => error.code,
        other => panic!("{other:?}"),
    };
    let forbidden = quickrpc::CallError::FORBIDDEN;
    assert_eq!(code(sums.all().add(1, 2).result().unwrap_err()), forbidden);
    assert_eq!(code(supply.all().clear().result().unwrap_err()), forbidden);
    drop((client, sums, supply));
    assert_eq!(heard.next(), heard.next(), "it came, and went");
}

#[test]
fn handles_of_any_trait_keep_it_alive() {
    let bus = own_bus();
    let node = Node::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    let (sums, supply): (Sums, Supply) = (node.add().unwrap(), node.add().unwrap());
    node.start().unwrap();
    let client = SumsInverse::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    client.start().unwrap();
    let (tell, heard) = inbox();
    client.on_disconnect(move |_, _| tell.send(()).unwrap());
    drop((node, sums));
    assert!(supply.is_running());
    drop(supply);
    heard.next();
}

#[test]
fn undeclared_calls_stand_beside_the_declared_ones() {
    let bus = own_bus();
    let node = Node::bind("jrpc", format!("internal:{bus}:server")).unwrap();
    let sums: Sums = node.add().unwrap();
    let any = node.dynamic();
    any.on("version", |_sender, _args| Value::from("1.2"));
    let (tell, heard) = inbox();
    let both = tell.clone();
    any.on("note", move |_sender, args| {
        tell.send(args["text"].to_string()).unwrap();
    });
    sums.note
        .connect(move |_sender, text| both.send(text.to_owned()).unwrap());
    // The same each time.
    let access = quickrpc::dynamic::Access::Writable;
    any.property("limit", access).set(Value::from(3)).unwrap();
    assert_eq!(
        node.dynamic().property("limit", access).get(),
        Some(Value::from(3))
    );
    node.start().unwrap();
    let client = SumsInverse::bind("jrpc", format!("internal:{bus}:client")).unwrap();
    client.start().unwrap();
    client.all().note("x").unwrap();
    assert_eq!(heard.take(2), ["\"x\"", "x"]);
    let far = client.node().dynamic();
    assert_eq!(
        far.call("version", ()).result().unwrap(),
        Value::from("1.2")
    );
    assert_eq!(far.all().read("limit").result().unwrap(), Value::from(3));
}

#[test]
fn further_transports_speak_the_first_wires_codec() {
    let node = Node::builder()
        .bind("terse", "tcpserv:127.0.0.1:0")
        .build()
        .unwrap();
    let sums: Sums = node.add().unwrap();
    sums.add.connect(|_sender, a, b| a + b);
    node.start().unwrap();
    node.add_transport("tcpserv:127.0.0.1:0").unwrap();
    let mut person = Telnet::connect(node.local_addrs()[1]);
    person.send("add[1] a:2 b:3\n");
    assert_eq!(person.line(), "[1]:5");
}
