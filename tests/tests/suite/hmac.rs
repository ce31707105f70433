//! Signed messages between two sides of the library.

use std::borrow::Cow;
use std::thread;

use quickrpc::expr::KeySource;
use quickrpc::security::{
    Hmac, Opened, PeerContext, Seal, Sealed, SecInfo, Security, SecurityError, SecuritySession,
    Telegram,
};
use quickrpc::{BoxError, DisconnectReason, Error, remote_api};
use quickrpc_tests::{
    DatagramPort, Inbox, KeyFile, Lab, LabInverse, OwnDir, Served, Telnet, bounded, eventually,
    inbox, own_bus, serve,
};
use serde_json::json;

use crate::settled;

/// A running server `hub`.
pub(crate) struct Hub {
    pub(crate) lab: Lab,
    pub(crate) served: Served,
    /// The user and the roles of each call of `echo`.
    pub(crate) users: Inbox<(String, String)>,
    pub(crate) errors: Inbox<Error>,
    pub(crate) gone: Inbox<DisconnectReason>,
    pub(crate) came: Inbox<()>,
}

impl Hub {
    pub(crate) fn start(security: &str, transport: &str) -> Hub {
        let lab = Lab::builder()
            .security(security)
            .transport(transport)
            .build()
            .unwrap();
        let served = serve(&lab);
        let (seen, users) = inbox();
        lab.echo.connect(move |sender, _text| {
            let known = |key: &str| sender.secinfo().get(key).cloned().unwrap_or_default();
            seen.send((known("user"), known("roles"))).unwrap();
            None::<String>
        });
        let (failed, errors) = inbox();
        lab.on_error(move |_sender, error, _in_reply_to| {
            failed.send(error.clone()).unwrap();
        });
        let (left, gone) = inbox();
        lab.on_disconnect(move |_sender, reason| left.send(reason.clone()).unwrap());
        let (arrived, came) = inbox();
        lab.on_connect(move |_sender| arrived.send(()).unwrap());
        lab.start().unwrap();
        Hub {
            lab,
            served,
            users,
            errors,
            gone,
            came,
        }
    }

    pub(crate) fn tcp(security: &str) -> Hub {
        Hub::start(security, "tcpserv:127.0.0.1:0")
    }

    pub(crate) fn transport(&self) -> String {
        format!("tcp:{}", self.lab.local_addrs()[0])
    }

    /// `ws:` becomes the address of this server.
    pub(crate) fn or_at_its_port(&self, transport: String) -> String {
        match transport.as_str() {
            "ws:" => format!("ws:{}", self.lab.local_addrs()[0]),
            _ => transport,
        }
    }

    pub(crate) fn telnet(&self) -> Telnet {
        Telnet::connect(self.lab.local_addrs()[0])
    }
}

pub(crate) fn connect(security: &str, transport: &str) -> quickrpc::Result<LabInverse> {
    let caller = LabInverse::builder()
        .security(security)
        .transport(transport)
        .build()?;
    caller.start()?;
    Ok(caller)
}

#[test]
fn each_user_is_known_by_its_key() {
    let all = KeyFile::with(
        &[
            KeyFile::table("alice", "alice", "roles = [\"admin\", \"operator\"]"),
            KeyFile::table("bob", "bob", ""),
        ]
        .concat(),
    );
    let hub = Hub::tcp(&all.hmac("hub"));
    let (alices, bobs) = (KeyFile::of(&["alice"]), KeyFile::of(&["bob"]));
    let alice = connect(
        &format!("{}&to=hub", alices.hmac("alice")),
        &hub.transport(),
    )
    .unwrap();
    let bob = connect(&bobs.hmac("bob"), &hub.transport()).unwrap();
    assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    assert_eq!(settled(bob.all().echo("b")).unwrap(), "b");
    let (alice_is, bob_is) = (hub.users.next(), hub.users.next());
    assert_eq!(alice_is, ("alice".into(), "admin operator".into()));
    assert_eq!(bob_is, ("bob".into(), String::new()));
    assert!(hub.errors.so_far().is_empty());
    assert_eq!(hub.lab.peers().len(), 2);
}

#[test]
fn with_one_secret_for_all_names_are_taken_on_trust() {
    let (hubs, others) = (
        KeyFile::of(&["hub"]),
        KeyFile::with(&KeyFile::table("carl", "hub", "")),
    );
    let hub = Hub::tcp(&hubs.hmac("hub"));
    let carl = connect(&others.hmac("carl"), &hub.transport()).unwrap();
    assert_eq!(settled(carl.all().echo("a")).unwrap(), "a");
    assert_eq!(hub.users.next(), ("carl".into(), String::new()));
}

#[test]
fn both_sides_call_and_broadcasts_arrive_at_who_only_listens() {
    let keys = KeyFile::of(&["alice", "bob"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let alice = connect(&keys.hmac("alice"), &hub.transport()).unwrap();
    let bob = LabInverse::builder()
        .security(keys.hmac("bob"))
        .transport(hub.transport())
        .build()
        .unwrap();
    let (heard, notified) = inbox();
    bob.notified.connect(move |sender, text| {
        let user = sender.secinfo()["user"].clone();
        heard.send((user, text.to_owned())).unwrap();
    });
    alice.question.connect(|_sender, text| text.to_uppercase());
    bob.start().unwrap();
    hub.came.take(2);
    assert_eq!(settled(alice.all().ask("ask me")).unwrap(), "ASK ME");
    alice.all().notify("news").unwrap();
    assert_eq!(notified.next(), ("hub".into(), "news".into()));
    assert!(hub.errors.so_far().is_empty());
}

#[test]
fn messages_of_many_threads_keep_their_order() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let alice = connect(&keys.hmac("alice"), &hub.transport()).unwrap();
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let everybody = alice.all();
            thread::spawn(move || {
                for number in 0..200 {
                    everybody.notify("x").unwrap();
                    assert_eq!(everybody.add(number, 1).result().unwrap(), number + 1);
                }
            })
        })
        .collect();
    bounded("the callers", move || {
        callers
            .into_iter()
            .for_each(|caller| caller.join().unwrap());
    });
    assert_eq!(hub.served.notes.take(800).len(), 800);
    assert!(hub.errors.so_far().is_empty());
}

#[test]
fn over_every_transport() {
    let keys = KeyFile::of(&["alice"]);
    let dir = OwnDir::new();
    let path = dir.path("hub").display().to_string();
    let bus = own_bus();
    let unix = cfg!(unix).then(|| (format!("unixserv:{path}"), format!("unix:{path}")));
    for (server, client) in unix.into_iter().chain([
        (
            format!("internal:{bus}:hub"),
            format!("internal:{bus}:alice"),
        ),
        ("wsserv:127.0.0.1:0".into(), "ws:".into()),
    ]) {
        let hub = Hub::start(&keys.hmac("hub"), &server);
        let client = hub.or_at_its_port(client);
        let alice = connect(&keys.hmac("alice"), &client).unwrap();
        hub.came.next();
        eventually("the hub is known", || !alice.peers().is_empty());
        assert_eq!(settled(alice.all().echo("a")).unwrap(), "a", "{server}");
        assert_eq!(hub.users.next().0, "alice");
        assert!(hub.errors.so_far().is_empty(), "{server}");
    }
}

#[test]
fn a_child_process_is_greeted_too() {
    let keys = KeyFile::of(&["alice"]);
    for (child, parent) in [
        (keys.hmac("hub"), keys.hmac("alice")),
        (keys.seal("hub"), keys.seal("alice")),
    ] {
        let program = env!("CARGO_BIN_EXE_lab_stdio");
        let transport = format!("process:({program} jrpc stdio: {child})");
        let alice = connect(&format!("{parent}&to=hub"), &transport).unwrap();
        assert_eq!(settled(alice.all().add(2, 3)).unwrap(), 5);
        let child = alice.peers().remove(0);
        assert_eq!(child.secinfo()["user"], "hub");
        let error = connect(&format!("{parent}&to=lab"), &transport).expect_err("another");
        assert!(error.to_string().contains("not from `lab`"), "{error}");
    }
}

#[test]
fn who_has_come_is_known_when_it_comes() {
    let keys = KeyFile::with(&KeyFile::table("alice", "alice", "roles = [\"admin\"]"));
    let hub = Hub::tcp(&keys.hmac("hub"));
    let (seen, who) = inbox();
    let again = seen.clone();
    hub.lab
        .on_connect(move |peer| seen.send(peer.clone()).unwrap());
    hub.lab
        .on_disconnect(move |peer, _| again.send(peer.clone()).unwrap());
    let alice = connect(&keys.hmac("alice"), &hub.transport()).unwrap();
    let peer = who.next();
    assert!(peer.secinfo()["user"] == "alice" && peer.has_role("admin"));
    assert!(!peer.has_role("adm") && !peer.has_role(""));
    assert_eq!(hub.lab.peers()[0].secinfo()["user"], "alice");
    assert_eq!(alice.peers()[0].secinfo()["user"], "hub");
    drop(alice);
    assert_eq!(who.next().secinfo()["user"], "alice");
}

#[test]
fn over_datagrams() {
    let keys = KeyFile::of(&["alice"]);
    let port = DatagramPort::new();
    let hub = Hub::start(&keys.hmac("hub"), &port.wire(2));
    let alice = connect(&format!("{}&to=hub", keys.hmac("alice")), &port.wire(1)).unwrap();
    let (failed, trouble) = inbox();
    alice.on_error(move |_sender, error, _in_reply_to| failed.send(error.clone()).unwrap());
    let server = "127.0.0.2";
    for number in 0..20 {
        let sum = settled(alice.to(server).add(number, 1));
        let errors = (trouble.so_far(), hub.errors.so_far());
        assert_eq!(sum.ok(), Some(number + 1), "{errors:?}");
    }
    assert_eq!(settled(alice.all().echo("to all")).unwrap(), "to all");
    assert_eq!(hub.users.next().0, "alice");
    assert!(hub.errors.so_far().is_empty());
}

#[remote_api]
trait Meter {
    #[incoming(property)]
    fn volts(&self) -> f64;
    #[outgoing]
    fn said(&self, text: &str);
}

#[test]
fn what_is_for_everybody_needs_a_key_of_ones_own() {
    let keys = KeyFile::of(&["alice"]);
    let port = DatagramPort::new();
    let meter = Meter::builder()
        .security(keys.hmac("hub"))
        .transport(port.wire(2))
        .build()
        .unwrap();
    let (failed, errors) = inbox();
    meter.on_error(move |_sender, error, of| {
        failed
            .send((error.to_string(), of.map(str::to_owned)))
            .unwrap();
    });
    meter.start().unwrap();
    meter.volts.set(5.0).unwrap();
    let (error, of) = errors.next();
    assert!(error.contains("put one into `[users.hub]`"), "{error}");
    assert_eq!(of.as_deref(), Some("volts_changed"));
    let error = meter.all().said("hello").unwrap_err().to_string();
    assert!(error.contains("put one into `[users.hub]`"), "{error}");
}

/// The server refuses, and the client's start says so.
#[track_caller]
fn refused(hub: &Hub, security: &str) -> SecurityError {
    let error = connect(security, &hub.transport()).expect_err("refused");
    let text = error.to_string();
    assert!(matches!(error, Error::Start { .. }), "{error:?}");
    assert!(text.contains("no greeting by security `hmac:"), "{text}");
    match hub.errors.next() {
        Error::Security(error) => error,
        other => panic!("another error: {other:?}"),
    }
}

#[test]
fn wrong_keys_and_strangers_are_refused_at_the_start() {
    let keys = KeyFile::of(&["alice", "bob"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let wrong = KeyFile::with(&KeyFile::table("alice", "bob", ""));
    let why = refused(&hub, &wrong.hmac("alice"));
    assert!(matches!(why, SecurityError::InvalidSignature(_)), "{why}");
    let carls = KeyFile::of(&["carl"]);
    let why = refused(&hub, &carls.hmac("carl"));
    assert_eq!(why, SecurityError::UnknownUser("carl".into()));
    let hubs = KeyFile::of(&["hub"]);
    let why = refused(&hub, &hubs.hmac("hub"));
    assert!(matches!(why, SecurityError::Misdirected(_)), "{why}");
    assert!(hub.lab.peers().is_empty() && hub.came.so_far().is_empty());
    assert!(
        hub.gone.so_far().is_empty(),
        "nobody went who had never come"
    );
}

#[test]
fn a_client_talks_only_to_whom_it_means() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let started = connect(&format!("{}&to=lab", keys.hmac("alice")), &hub.transport());
    let error = started.expect_err("another server").to_string();
    assert!(
        error.contains("it comes from `hub`, not from `lab`"),
        "{error}"
    );
}

#[test]
fn a_side_without_a_provider_gets_nowhere() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let plain = connect("null", &hub.transport()).unwrap();
    assert!(settled(plain.all().echo("x")).is_err());
    let error = hub.errors.next();
    assert!(
        matches!(error, Error::Security(SecurityError::InvalidSignature(_))),
        "{error:?}"
    );
    assert!(hub.users.so_far().is_empty());

    let open = Hub::tcp("null");
    let error = connect(&keys.hmac("alice"), &open.transport()).expect_err("no signature");
    assert!(error.to_string().contains("not signed"), "{error}");
}

#[test]
fn who_says_nothing_is_disconnected() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::start(&keys.hmac("hub"), "tcpserv:127.0.0.1:0?greeting=50ms");
    let mut silent = hub.telnet();
    silent.expect_closed();
    assert!(hub.came.so_far().is_empty() && hub.gone.so_far().is_empty());

    // A client gives up as well, and tries again where it should.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let transport = format!("tcp:{}?greeting=50ms", deaf.local_addr().unwrap());
    let error = connect(&keys.hmac("alice"), &transport).expect_err("no greeting");
    assert!(
        error
            .to_string()
            .contains("did not prove who it is within 50ms"),
        "{error}"
    );
    let again = LabInverse::builder()
        .security(keys.hmac("alice"))
        .transport(format!("restart:0.01:{transport}"))
        .build()
        .unwrap();
    let (told, states) = inbox();
    again.on_status(move |status| told.send(status.to_string()).unwrap());
    again.start().unwrap();
    let mut downs = 0;
    while downs < 2 {
        downs += usize::from(states.next().contains("no greeting"));
    }
}

#[test]
fn keys_are_rotated_and_expire() {
    let [old, new, dead] = ["old", "new", "dead"].map(KeyFile::written);
    let hubs = KeyFile::with(&format!(
        "[users.alice]\nkeys = [\"{new}\", {{ secret = \"{old}\", expires = 2999-01-01 }}, \
         {{ secret = \"{dead}\", expires = 2020-02-01T00:00:00Z }}]\n"
    ));
    let hub = Hub::tcp(&hubs.hmac("hub"));
    for secret in ["new", "old"] {
        let alices = KeyFile::with(&KeyFile::table("alice", secret, ""));
        let alice = connect(&alices.hmac("alice"), &hub.transport());
        // The hub signs with the new one, which who has the old one only cannot check.
        match secret {
            "new" => assert_eq!(settled(alice.unwrap().all().echo("a")).unwrap(), "a"),
            _ => assert!(alice.is_err()),
        }
    }
    let both = KeyFile::with(&format!("[users.alice]\nkeys = [\"{old}\", \"{new}\"]\n"));
    let alice = connect(&both.hmac("alice"), &hub.transport()).unwrap();
    assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    hub.errors.so_far();
    let alices = KeyFile::with(&KeyFile::table("alice", "dead", ""));
    let why = refused(&hub, &alices.hmac("alice"));
    assert_eq!(why, SecurityError::Expired("the key of `alice`".into()));
}

/// Something that can be read, without waiting, once somebody has opened the file.
#[cfg(target_os = "linux")]
fn openings(path: &str) -> std::os::fd::OwnedFd {
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    let openings = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&openings, path, WatchFlags::OPEN).unwrap();
    openings
}

#[test]
#[cfg(target_os = "linux")] // only there it is known when the file has been read
fn a_changed_file_counts_without_a_restart() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let alices = KeyFile::of(&["alice"]);
    let alice = connect(&alices.hmac("alice"), &hub.transport()).unwrap();
    let bobs = KeyFile::of(&["bob"]);
    assert!(connect(&bobs.hmac("bob"), &hub.transport()).is_err());
    // What cannot be read changes nothing.
    keys.write("[users.bob");
    let opened = openings(&keys.path());
    eventually("the file is read again", || {
        assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
        rustix::io::read(&opened, &mut [0; 256]).is_ok()
    });
    assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    keys.write(&KeyFile::table("bob", "bob", ""));
    eventually("bob is let in", || {
        connect(&bobs.hmac("bob"), &hub.transport()).is_ok()
    });
    // And alice has no key any more.
    let call = alice
        .all()
        .timeout(std::time::Duration::from_millis(100))
        .echo("a");
    assert!(settled(call).is_err());
}

#[test]
fn mistakes_are_found_before_anything_is_opened() {
    let keys = KeyFile::of(&["alice"]);
    let build = |security: String| {
        let built = Lab::builder().security(security).build();
        built.expect_err("refused").to_string()
    };
    if cfg!(unix) {
        keys.chmod(0o644);
        let error = build(keys.hmac("hub"));
        assert!(
            error.contains("other users of this machine may read"),
            "{error}"
        );
        keys.chmod(0o640);
    }
    assert!(Lab::builder().security(keys.hmac("hub")).build().is_ok());
    let error = build("hmac:hub?keys=/no/such/file".into());
    assert!(error.contains("the file `/no/such/file`"), "{error}");
    let error = build("hmac:hub?env=QRPC_NO_SUCH_VARIABLE".into());
    assert!(
        error.contains("`QRPC_NO_SUCH_VARIABLE`: it is not set"),
        "{error}"
    );
    let error = build(keys.hmac("*"));
    assert!(error.contains("the name of a user"), "{error}");
    let error = build(format!("{}&to=hub", keys.hmac("hub")));
    assert!(error.contains("cannot talk to itself"), "{error}");
    let built = Lab::builder()
        .codec("terse")
        .security(keys.hmac("hub"))
        .transport("tcpserv:127.0.0.1:0")
        .build();
    assert!(built.is_err());
}

#[test]
fn the_limit_of_messages_counts_for_signed_ones() {
    let keys = KeyFile::of(&["alice"]);
    let hub = Hub::tcp(&keys.hmac("hub"));
    let transport = format!("{}?message_size=2k", hub.transport());
    let alice = connect(&keys.hmac("alice"), &transport).unwrap();
    let error = settled(alice.all().echo(&"x".repeat(4096))).unwrap_err();
    assert!(matches!(error, Error::MessageTooLarge { .. }), "{error:?}");
    assert_eq!(settled(alice.all().echo("a")).unwrap(), "a");
    // A stranger may send far less at once.
    let mut stranger = hub.telnet();
    stranger.try_send("x".repeat(80 << 10));
    stranger.expect_closed();
    let mut call = json!({"jsonrpc": "2.0"}).to_string();
    call.push('\0');
    let mut stranger = hub.telnet();
    stranger.try_send(call);
    stranger.expect_closed();
}

/// A provider of somebody's that has one of the library in itself, and knows nothing but maps.
#[derive(Debug)]
struct Around<T>(T);

#[derive(Debug)]
struct AroundSession(Box<dyn SecuritySession>);

impl<T: Security> Security for Around<T> {
    fn expression(&self) -> String {
        format!("around {}", self.0.expression())
    }

    fn sec_out(&self, payload: Vec<u8>) -> Result<(Option<SecInfo>, Vec<u8>), BoxError> {
        self.0.sec_out(payload)
    }

    fn sec_in<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<(Cow<'a, [u8]>, SecInfo), BoxError> {
        self.0.sec_in(payload, header)
    }

    fn session(&self, peer: &PeerContext) -> Option<Box<dyn SecuritySession>> {
        Some(Box::new(AroundSession(self.0.session(peer)?)))
    }
}

impl SecuritySession for AroundSession {
    fn greets(&self) -> bool {
        self.0.greets()
    }

    fn greeting(&self) -> Vec<Telegram> {
        self.0.greeting()
    }

    fn seal<'a>(&self, payload: &'a [u8]) -> Result<Sealed<'a>, BoxError> {
        self.0.seal(payload)
    }

    fn open<'a>(
        &self,
        payload: Cow<'a, [u8]>,
        header: Option<&SecInfo>,
    ) -> Result<Opened<'a>, BoxError> {
        self.0.open(payload, header)
    }
}

#[test]
fn a_provider_around_ours_speaks_with_ours() {
    let keys = KeyFile::of(&["alice"]);
    let source = || KeySource::File(keys.path());
    let check = |seal: bool, codec: &str| {
        let security = match seal {
            true => format!("seal:hub?keys={}", keys.path()),
            false => keys.hmac("hub"),
        };
        let lab = Lab::builder()
            .codec(codec)
            .security(security)
            .transport("tcpserv:127.0.0.1:0")
            .build()
            .unwrap();
        let served = serve(&lab);
        lab.start().unwrap();
        let alice = LabInverse::builder().codec(codec);
        let alice = match seal {
            true => alice.security(Around(Seal::open("alice", source()).unwrap())),
            false => alice.security(Around(Hmac::open("alice", source()).unwrap())),
        };
        let transport = format!("tcp:{}", lab.local_addrs()[0]);
        let alice = alice.transport(transport).build().unwrap();
        alice.start().unwrap();
        for size in [0, 10, 65_600, 200_000] {
            let text = "x".repeat(size);
            assert_eq!(settled(alice.all().echo(&text)).unwrap(), text);
        }
        for (a, b) in [(1, 2), (3, 4)] {
            assert_eq!(settled(alice.all().add(a, b)).unwrap(), a + b);
        }
        alice.all().notify("news").unwrap();
        assert_eq!(served.notes.next().1, "news");
    };
    for codec in ["jrpc", "msgpack"] {
        check(false, codec);
        check(true, codec);
    }
}
