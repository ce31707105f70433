//! Generated expressions come back as they were; generated texts never do harm.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::tests::register_plugin;
use super::*;

proptest! {
    #[test]
    fn what_is_written_is_read_back(expr in expr()) {
        register_plugin();
        // What is shown is an expression, too.
        prop_assert!(expr.to_string().parse::<TransportExpr>().is_ok(), "{}", expr);
        let written = expr.in_full();
        prop_assert_eq!(written.parse::<TransportExpr>(), Ok(expr), "{}", written);
    }

    #[test]
    fn codecs_and_security_are_read_back(codec in codec(), user in text(), custom in custom()) {
        register_plugin();
        let written = codec.to_string();
        prop_assert_eq!(written.parse::<CodecExpr>(), Ok(codec), "{}", written);
        let security = SecurityExpr::believe(&user);
        let written = security.to_string();
        prop_assert_eq!(written.parse::<SecurityExpr>(), Ok(security), "{}", written);
        let written = format!("{custom}");
        let security = written.parse::<SecurityExpr>();
        let kind = SecurityKind::Custom(custom);
        prop_assert_eq!(security.as_ref().map(SecurityExpr::kind),
            Ok(&kind), "{}", written);
    }

    #[test]
    fn hostile_texts_are_refused_in_words_or_read_back(text in hostile()) {
        register_plugin();
        let check = |error: ExprError| {
            assert!(error.position() <= error.text().len());
            assert_eq!(error.to_string().lines().count(), 3, "{error}");
        };
        match text.parse::<TransportExpr>() {
            Ok(expr) => prop_assert_eq!(expr.in_full().parse(), Ok(expr)),
            Err(error) => check(error),
        }
        match text.parse::<CodecExpr>() {
            Ok(expr) => prop_assert_eq!(expr.to_string().parse(), Ok(expr)),
            Err(error) => check(error),
        }
        match text.parse::<SecurityExpr>() {
            Ok(expr) => prop_assert_eq!(expr.to_string().parse(), Ok(expr)),
            Err(error) => check(error),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        8 => prop::char::range('a', 'z'),
        8 => prop::sample::select(Vec::from_iter("()[]{}<>?=&:\\/ -".chars())),
        1 => prop::char::any(),
    ];
    vec(letter, 1..12).prop_map(|letters| letters.into_iter().filter(|c| *c != '\0').collect())
}

fn visible_text() -> impl Strategy<Value = String> {
    text().prop_filter("blank", |text| !text.trim().is_empty())
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9][a-z0-9.-]{0,8}",
        any::<Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<Ipv6Addr>().prop_map(|ip| ip.to_string()),
    ]
}

fn web_path() -> impl Strategy<Value = String> {
    "[a-z(&=?\\[/]{0,9}".prop_map(|path| format!("/{path}"))
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..1000_u64).prop_map(Duration::from_secs),
        (1..1000_u64).prop_map(Duration::from_millis),
        (1..1_000_000_000_000_000_u64).prop_map(Duration::from_nanos),
    ]
}

fn multicast() -> impl Strategy<Value = IpAddr> {
    (224..240_u8, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| Ipv4Addr::new(a, b, c, d).into())
}

fn identity() -> impl Strategy<Value = Identity> {
    (visible_text(), option::of(visible_text())).prop_map(|(cert, key)| Identity {
        key: key.unwrap_or_else(|| cert.clone()),
        cert,
    })
}

fn client_tls() -> impl Strategy<Value = ClientTls> {
    let ca = option::of(visible_text());
    (ca, option::of(identity()), option::of(host())).prop_map(|(ca, identity, name)| ClientTls {
        ca,
        identity,
        name,
    })
}

fn server_tls() -> impl Strategy<Value = ServerTls> {
    (identity(), option::of(visible_text())).prop_map(|(identity, client_ca)| ServerTls {
        identity,
        client_ca,
    })
}

fn leaf() -> impl Strategy<Value = TransportKind> {
    prop_oneof![
        any::<bool>().prop_map(|guard| TransportKind::Stdio { guard }),
        (
            host(),
            any::<u16>(),
            option::of(client_tls()),
            any::<bool>()
        )
            .prop_map(|(host, port, tls, nodelay)| TransportKind::Tcp {
                host,
                port,
                tls,
                nodelay,
            }),
        (
            option::of(host()),
            any::<u16>(),
            option::of(server_tls()),
            any::<bool>()
        )
            .prop_map(|(host, port, tls, nodelay)| TransportKind::TcpServer {
                interface: host.unwrap_or_default(),
                port,
                tls,
                nodelay,
            }),
        (
            host(),
            any::<u16>(),
            web_path(),
            option::of("[a-z.]{1,5}"),
            option::of(client_tls()),
            option::of("[a-z-]{0,3}(%40)?:[a-z.~]{0,3}(%C3%BC)?"),
            option::of(visible_text()),
        )
            .prop_map(|(host, port, path, subprotocol, tls, login, header_file)| {
                let (path, query) = match path.split_once('?') {
                    Some((path, query)) => (path.to_owned(), Some(Hidden::new(query))),
                    None => (path, None),
                };
                TransportKind::WebSocket {
                    host,
                    port,
                    tls,
                    login: login.map(Hidden::new),
                    path,
                    query,
                    header_file,
                    subprotocol,
                    nodelay: false,
                }
            }),
        (
            option::of(host()),
            any::<u16>(),
            web_path().prop_filter("a query", |path| !path.contains('?')),
            option::of(visible_text()),
            vec("https?://[a-z.:\\[\\]0-9]{1,6}", 0..3),
            any::<bool>(),
            option::of(server_tls()),
        )
            .prop_map(|(interface, port, path, files, origins, inspect, tls)| {
                TransportKind::WebSocketServer {
                    interface: interface.unwrap_or_default(),
                    port,
                    tls,
                    path,
                    files,
                    origins,
                    inspect,
                    keys: None,
                    subprotocol: None,
                    nodelay: true,
                }
            }),
        (
            any::<u16>(),
            option::of(any::<IpAddr>()),
            option::of(any::<IpAddr>()),
            option::of(multicast()),
            option::of(any::<bool>())
        )
            .prop_map(
                |(port, bind, broadcast, multicast, echo)| TransportKind::Udp {
                    port,
                    bind,
                    broadcast,
                    multicast,
                    echo
                }
            ),
        (option::of(visible_text()), option::of(visible_text()))
            .prop_map(|(bus, name)| TransportKind::Internal { bus, name }),
        (
            visible_text(),
            option::of(visible_text()),
            option::of(visible_text()),
            vec(("[A-Z_]{1,3}", visible_text()), 0..3)
        )
            .prop_map(|(command, name, cwd, env)| {
                let env: BTreeMap<_, _> = env.into_iter().collect();
                TransportKind::Process {
                    command,
                    name,
                    cwd,
                    env: env
                        .into_iter()
                        .map(|(key, value)| (key, Hidden::new(value)))
                        .collect(),
                }
            }),
        visible_text().prop_map(|path| TransportKind::Unix { path }),
        (visible_text(), option::of(0..=0o777_u32))
            .prop_map(|(path, mode)| TransportKind::UnixServer { path, mode }),
        (zmq_address(), zmq_socket()).prop_filter_map(
            "a host",
            |(address, socket)| match &address {
                ZmqAddress::Tcp { host, .. } if host.is_empty() => None,
                ZmqAddress::Unix { mode: Some(_), .. } => None,
                _ => Some(TransportKind::Zmq { address, socket }),
            }
        ),
        (zmq_address(), zmq_socket())
            .prop_map(|(address, socket)| TransportKind::ZmqServer { address, socket }),
        custom().prop_map(TransportKind::Custom),
    ]
}

fn zmq_address() -> impl Strategy<Value = ZmqAddress> {
    let host = option::of(host()).prop_map(Option::unwrap_or_default);
    let tcp = (host, any::<u16>(), any::<bool>());
    prop_oneof![
        tcp.prop_map(|(host, port, nodelay)| ZmqAddress::Tcp {
            host,
            port,
            nodelay
        }),
        (visible_text(), option::of(0..=0o777_u32))
            .prop_map(|(path, mode)| ZmqAddress::Unix { path, mode }),
    ]
}

fn zmq_socket() -> impl Strategy<Value = ZmqSocket> {
    use ZmqType::{Dealer, Pub, Pull, Push, Rep, Req, Router, Sub};
    let named = prop::sample::select(vec![Dealer, Router, Req]);
    let other = prop::sample::select(vec![Rep, Pub, Push, Pull]);
    let topic = prop_oneof![Just(String::new()), text(), Just(String::from("a,b"))];
    let socket = |kind, id, subscribe| ZmqSocket {
        kind,
        id,
        subscribe,
    };
    prop_oneof![
        (named, option::of(visible_text())).prop_map(move |(kind, id)| socket(kind, id, vec![])),
        other.prop_map(move |kind| socket(kind, None, vec![])),
        vec(topic, 0..3).prop_map(move |topics| socket(Sub, None, topics)),
    ]
}

fn custom() -> impl Strategy<Value = CustomExpr> {
    let options = prop::collection::btree_map("z[a-zA-Z_0-9-]{0,3}", text(), 0..3);
    (text(), options).prop_map(|(text, options)| CustomExpr {
        shorthand: String::from("serial"),
        text,
        options: options.into_iter().collect(),
    })
}

fn limits() -> impl Strategy<Value = LimitOverrides> {
    let size = option::of(prop_oneof![1..100_usize, Just(64 << 10), Just(3 << 20)]);
    (size, option::of(1..99_usize), option::of(duration())).prop_map(|(size, count, stall)| {
        LimitOverrides {
            message_size: size,
            connections: count,
            stall,
            ..LimitOverrides::default()
        }
    })
}

fn expr() -> impl Strategy<Value = TransportExpr> {
    let leaf = (
        leaf(),
        option::of(duration()),
        option::of(duration()),
        option::of(duration()),
        limits(),
    )
        .prop_map(|(kind, keepalive, spin, hold, limits)| {
            let stream = kind.is_stream();
            TransportExpr::new(
                kind,
                TransportOptions {
                    keepalive: keepalive.filter(|_| stream),
                    spin: spin.filter(|_| stream),
                    hold: hold.filter(|_| stream),
                    limits,
                },
            )
        });
    leaf.prop_recursive(4, 16, 4, |inner| {
        let restart = (duration(), option::of(duration()), inner.clone());
        let restart = restart.prop_map(|(seconds, backoff, inner)| TransportKind::Restart {
            seconds,
            backoff,
            inner: Box::new(inner),
        });
        prop_oneof![vec(inner, 1..4).prop_map(TransportKind::Mux), restart]
            .prop_map(|kind| TransportExpr::new(kind, TransportOptions::default()))
    })
}

fn codec() -> impl Strategy<Value = CodecExpr> {
    let delimiter = vec(0..128_u8, 1..5).prop_map(|bytes| bytes.into_iter().map(char::from));
    let framing = prop_oneof![
        9 => delimiter.prop_map(|delimiter| Framing::Delimiter(delimiter.collect())),
        1 => Just(Framing::ContentLength),
    ];
    let jrpc =
        (framing, any::<bool>()).prop_map(|(framing, strict)| CodecKind::Jrpc { framing, strict });
    prop_oneof![jrpc, custom().prop_map(CodecKind::Custom)].prop_map(CodecExpr::of)
}

/// Texts that get far into the parser.
fn hostile() -> impl Strategy<Value = String> {
    let words = [
        "restart:",
        "tcp:",
        "tcpserv::",
        "ws:",
        "ws://",
        "wsserv::",
        "/a",
        "@",
        "me:pw@",
        "%2f",
        "header_file=x",
        "origins=*",
        "udp:",
        "stdio:",
        "internal:",
        "process:",
        "unix:",
        "unixserv:",
        "zmq:",
        "zmqserv+unix:",
        "type=sub",
        "serial:",
        "jrpc:",
        "terse",
        "null:",
        "blindly_believe_everything:",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "?",
        "&",
        "=",
        "\\",
        ":",
        "5",
        "80",
        "h:1",
        "keepalive=1",
        "backoff=2",
        "spin=1us",
        "hold=off",
        "message_size=1k",
        "bus=x",
        "path=\\x28",
        "ä",
        "\0",
        "\\x",
    ];
    let token = prop_oneof![
        20 => prop::sample::select(words.to_vec()).prop_map(String::from),
        1 => any::<String>(),
    ];
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}
