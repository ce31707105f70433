//! One wire of the matrix: a codec over a transport, with both sides running.

use std::net::SocketAddr;
use std::path::PathBuf;

use crossbeam_channel::Sender;
use quickrpc::{CallError, Limits, Promise, Resolver};
use quickrpc_tests::{
    Authority, DatagramPort, Identity, Inbox, KeyFile, Lab, LabInverse, LabInverseOutgoing,
    LabOutgoing, OwnDir, OwnPort, Served, inbox, own_bus, register_lists, serve, value,
};

use super::raw::{CODECS, Codec};

use Carrier::{Internal, Process, Tcp, Tls, Udp, Unix, Ws, Wss};

/// What a guest and the hub are connected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Tcp,
    Tls,
    Ws,
    Wss,
    Unix,
    Internal,
    Udp,
    /// The hub is a child of its guest.
    Process,
}

pub(super) struct Abilities {
    /// Both sides know who is there, and are told when somebody comes and goes. Where they
    /// are not, only a deadline tells that nobody answers.
    pub(super) has_peers: bool,
    /// Bytes of text that can be echoed.
    pub(super) carries: usize,
    /// Messages that may be on their way together without one being lost.
    pub(super) at_once: usize,
    /// Whether a client with `restart:` makes a new connection when one is lost.
    pub(super) can_connect_again: bool,
}

impl Carrier {
    pub(super) const fn abilities(self) -> Abilities {
        let stream = Abilities {
            has_peers: true,
            carries: 1 << 20,
            at_once: 300,
            can_connect_again: true,
        };
        match self {
            Tcp | Tls | Ws | Wss | Unix | Process => stream,
            // A member of a bus that others have cut off is still a member.
            Internal => Abilities {
                can_connect_again: false,
                ..stream
            },
            Udp => Abilities {
                has_peers: false,
                carries: 1900,
                at_once: 20,
                can_connect_again: false,
            },
        }
    }
}

pub(super) struct Transport {
    name: &'static str,
    /// One guest over each. If they differ, the hub has a `mux:` of them.
    pub(super) guests: &'static [Carrier],
    /// Whether `restart:` is around each guest's transport.
    pub(super) restart: bool,
    /// The poll threads of the hub.
    io_threads: usize,
}

const fn row(name: &'static str, restart: bool, guests: &'static [Carrier]) -> Transport {
    Transport {
        name,
        guests,
        restart,
        io_threads: 1,
    }
}

/// The parts of a `mux:`.
const MIXED: &[Carrier] = &[
    Tcp,
    Tls,
    Ws,
    Wss,
    #[cfg(unix)]
    Unix,
    Internal,
    Udp,
];

static TRANSPORTS: [Transport; 19] = [
    row("tcp", false, &[Tcp, Tcp]),
    row("tls", false, &[Tls, Tls]),
    row("ws", false, &[Ws, Ws]),
    row("wss", false, &[Wss, Wss]),
    row("unix", false, &[Unix, Unix]),
    row("internal", false, &[Internal, Internal]),
    row("udp", false, &[Udp, Udp]),
    row("process", false, &[Process]),
    row("mux", false, MIXED),
    row("restart_tcp", true, &[Tcp, Tcp]),
    row("restart_tls", true, &[Tls, Tls]),
    row("restart_ws", true, &[Ws, Ws]),
    row("restart_wss", true, &[Wss, Wss]),
    row("restart_unix", true, &[Unix, Unix]),
    row("restart_internal", true, &[Internal, Internal]),
    row("restart_udp", true, &[Udp, Udp]),
    row("restart_process", true, &[Process]),
    row("restart_mux", true, MIXED),
    Transport {
        io_threads: 3,
        ..row("restart_mux_threads", true, MIXED)
    },
];

/// A codec over a transport.
#[derive(Clone, Copy)]
pub(super) struct Wire {
    pub(super) transport: &'static Transport,
    pub(super) codec: &'static Codec,
}

/// The largest message of all streams, so that larger ones are quickly made.
pub(super) const LARGEST: usize = 4 << 20;

/// Where a hub can be found.
struct Place {
    tcp: OwnPort,
    tls: OwnPort,
    ws: OwnPort,
    wss: OwnPort,
    authority: Authority,
    identity: Identity,
    dir: OwnDir,
    bus: String,
    port: DatagramPort,
    codec: &'static Codec,
    keys: KeyFile,
}

impl Place {
    fn new(codec: &'static Codec) -> Self {
        let authority = Authority::new("matrix");
        Place {
            tcp: OwnPort::new(),
            tls: OwnPort::new(),
            ws: OwnPort::new(),
            wss: OwnPort::new(),
            identity: authority.server(),
            authority,
            dir: OwnDir::new(),
            bus: own_bus(),
            port: DatagramPort::new(),
            codec,
            keys: KeyFile::of(&["hub", "g2", "g3", "g4", "g5", "g6"]),
        }
    }

    /// The security of a user.
    fn security(&self, user: &str) -> String {
        match self.codec.security {
            Some(provider) => format!("{provider}:{user}?keys={}", self.keys.path()),
            None => "null".into(),
        }
    }

    fn socket(&self) -> String {
        self.dir.path("hub").display().to_string()
    }

    /// Whom clients over TLS believe, and as whom: the hub has an address of its own.
    fn belief(&self) -> String {
        format!("ca={}&name=localhost", self.authority.file().display())
    }

    /// The transport of the hub, if it is in this process.
    fn hub(&self, carrier: Carrier) -> Option<String> {
        Some(match carrier {
            Tcp => format!("tcpserv:{}", self.tcp.addr()),
            Tls => format!("tlsserv:{}?{}", self.tls.addr(), self.identity.options()),
            Ws => format!("wsserv:{}/lab", self.ws.addr()),
            Wss => {
                let options = self.identity.options();
                format!("wssserv:{}/lab?{options}", self.wss.addr())
            }
            Unix => format!("unixserv:{}", self.socket()),
            Internal => format!("internal:{}:hub", self.bus),
            Udp => self.port.wire(1),
            Process => return None,
        })
    }

    fn guest(&self, carrier: Carrier, number: u8) -> String {
        match carrier {
            Tcp => format!("tcp:{}", self.tcp.addr()),
            Tls => format!("tls:{}?{}", self.tls.addr(), self.belief()),
            Ws => format!("ws:{}/lab", self.ws.addr()),
            Wss => format!("wss:{}/lab?{}", self.wss.addr(), self.belief()),
            Unix => format!("unix:{}", self.socket()),
            Internal => format!("internal:{}:", self.bus),
            Udp => self.port.wire(number),
            Process => {
                let program = env!("CARGO_BIN_EXE_lab_stdio");
                let (pid, codec) = (self.dir.path("pid"), self.codec.expression);
                let (pid, security) = (pid.display(), self.security("hub"));
                format!(r#"process:("{program}" "{codec}" stdio: "{security}" "{pid}")"#)
            }
        }
    }
}

/// The hub, with the handlers of `serve`.
pub(super) struct Hub {
    pub(super) api: Lab,
    pub(super) served: Served,
    /// Who has come.
    pub(super) came: Inbox<quickrpc::Sender>,
    /// Who has gone.
    pub(super) gone: Inbox<quickrpc::Sender>,
}

pub(super) struct Guest {
    pub(super) api: LabInverse,
    pub(super) carrier: Carrier,
    /// What the hub has passed on.
    pub(super) heard: Inbox<String>,
    /// Whether the hub has come or gone.
    connected: Inbox<bool>,
    /// What the hub calls this guest, if it has peers.
    pub(super) sender: Option<quickrpc::Sender>,
    number: u8,
}

/// A hub and its guests, each known to the other side.
pub(super) struct Wired {
    /// None if it is a child.
    pub(super) hub: Option<Hub>,
    pub(super) guests: Vec<Guest>,
    /// Answers that the guests still owe, after the question `wait`.
    pub(super) owed: Inbox<Resolver<String>>,
    place: Place,
}

/// What a guest answers to `fail`.
pub(super) fn refusal() -> CallError {
    CallError::new(7, "no").with_data(value(serde_json::json!({"a": [1, "b"]})))
}

/// Turns the text round, except for `fail` and `wait`.
fn answer_questions(guest: &LabInverse, waiting: Sender<Resolver<String>>) {
    guest.question.connect(move |_sender, text| match text {
        "fail" => Promise::failed(refusal().into()),
        "wait" => {
            let (promise, resolver) = Promise::pair();
            let _ = waiting.send(resolver);
            promise
        }
        _ => Promise::ready(text.chars().rev().collect()),
    });
}

impl Hub {
    fn new(codec: &str, security: String, transport: String, io_threads: usize) -> Self {
        let api = Lab::builder()
            .io_threads(io_threads)
            .codec(codec)
            .security(security)
            .transport(transport)
            .build()
            .unwrap();
        let served = serve(&api);
        let (here, came) = inbox();
        api.on_connect(move |peer| {
            let _ = here.send(peer.clone());
        });
        let (left, gone) = inbox();
        api.on_disconnect(move |peer, _reason| {
            let _ = left.send(peer.clone());
        });
        Hub {
            api,
            served,
            came,
            gone,
        }
    }

    /// The calls of a guest, as the hub sees them.
    pub(super) fn to(&self, guest: &Guest) -> LabOutgoing {
        match &guest.sender {
            Some(sender) => self.api.to(sender),
            None => self.api.to(format!("127.0.0.{}", guest.number)),
        }
    }
}

impl Guest {
    fn new(codec: &str, security: String, carrier: Carrier, number: u8, transport: String) -> Self {
        let limits = Limits {
            message_size: LARGEST,
            ..Limits::default()
        };
        let api = LabInverse::builder()
            .codec(codec)
            .security(security)
            .transport(transport)
            .limits(limits)
            .build()
            .unwrap();
        let (seen, heard) = inbox();
        api.notified.connect(move |_sender, text| {
            let _ = seen.send(text.to_owned());
        });
        // On a bus, the other guests are peers too.
        let is_hub = move |peer: &str| carrier != Internal || peer == "hub";
        let (here, connected) = inbox();
        let gone = here.clone();
        api.on_connect(move |peer| {
            if is_hub(peer) {
                let _ = here.send(true);
            }
        });
        api.on_disconnect(move |peer, _reason| {
            if is_hub(peer) {
                let _ = gone.send(false);
            }
        });
        Guest {
            api,
            carrier,
            heard,
            connected,
            sender: None,
            number,
        }
    }

    pub(super) fn has_peers(&self) -> bool {
        self.carrier.abilities().has_peers
    }

    /// The calls of the hub, as this guest sees them.
    pub(super) fn ask(&self) -> LabInverseOutgoing {
        match self.carrier {
            Internal => self.api.to("hub"),
            Udp => self.api.to("127.0.0.1"),
            Tcp | Tls | Ws | Wss | Unix | Process => self.api.all(),
        }
    }

    /// Waits until the hub has come, or gone. Without peers, nobody is told.
    #[track_caller]
    pub(super) fn sees_hub(&self, here: bool) {
        while self.has_peers() && self.connected.next() != here {}
    }
}

impl Wire {
    /// The one with these names.
    pub(super) fn of(transport: &str, codec: &str) -> Wire {
        register_lists();
        let transport = TRANSPORTS.iter().find(|row| row.name == transport);
        let codec = CODECS.iter().find(|row| row.name == codec);
        Wire {
            transport: transport.expect("a row of the table"),
            codec: codec.expect("a row of the table"),
        }
    }

    /// A guest's transport, with `restart:` around it if that is its place.
    pub(super) fn around(self, client: String) -> String {
        match self.transport.restart {
            true => format!("restart:0.01:({client})"),
            false => client,
        }
    }

    /// The carriers of this transport, each once.
    pub(super) fn carriers(self) -> Vec<Carrier> {
        let mut carriers = self.transport.guests.to_vec();
        carriers.dedup();
        carriers
    }

    /// A hub and its guests.
    pub(super) fn connect(self) -> Wired {
        let place = Place::new(self.codec);
        let carriers = self.carriers();
        let servers: Option<Vec<_>> = carriers.iter().map(|c| place.hub(*c)).collect();
        let hub = servers.map(|mut servers| {
            let transport = match servers.len() {
                1 => servers.remove(0),
                _ => format!("mux:({})", servers.join(")(")),
            };
            let (codec, threads) = (self.codec.expression, self.transport.io_threads);
            Hub::new(codec, place.security("hub"), transport, threads)
        });
        let (waiting, owed) = inbox();
        let guests = (2..).zip(self.transport.guests).map(|(number, carrier)| {
            let client = self.around(place.guest(*carrier, number));
            let security = place.security(&format!("g{number}"));
            let guest = Guest::new(self.codec.expression, security, *carrier, number, client);
            answer_questions(&guest.api, waiting.clone());
            guest
        });
        let mut wired = Wired {
            hub,
            guests: guests.collect(),
            owed,
            place,
        };
        wired.start();
        wired
    }
}

impl Wired {
    /// Starts both sides, and waits until they know each other.
    pub(super) fn start(&mut self) {
        if let Some(hub) = &self.hub {
            hub.api.start().unwrap();
        }
        for guest in &mut self.guests {
            guest.api.start().unwrap();
            guest.sees_hub(true);
            if let Some(hub) = self.hub.as_ref().filter(|_| guest.has_peers()) {
                guest.sender = Some(hub.came.next());
            }
        }
    }

    /// The hub's address.
    pub(super) fn tcp(&self) -> SocketAddr {
        self.place.tcp.addr()
    }

    /// The hub's address for TLS.
    pub(super) fn tls(&self) -> SocketAddr {
        self.place.tls.addr()
    }

    /// The hub's address for WebSockets.
    pub(super) fn ws(&self) -> SocketAddr {
        self.place.ws.addr()
    }

    /// The hub's address for WebSockets over TLS.
    pub(super) fn wss(&self) -> SocketAddr {
        self.place.wss.addr()
    }

    /// Who has issued the hub's certificate.
    pub(super) fn authority(&self) -> PathBuf {
        self.place.authority.file()
    }

    /// The path of the hub's socket.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there is none"))]
    pub(super) fn socket(&self) -> String {
        self.place.socket()
    }

    /// Where the child that is the hub has signed.
    pub(super) fn child(&self) -> PathBuf {
        self.place.dir.path("pid")
    }
}
