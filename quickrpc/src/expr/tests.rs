//! Transport expressions in both directions, and their mistakes.

use std::sync::{Arc, Once};

use super::*;

pub(super) fn parse(text: &str) -> TransportExpr {
    match text.parse() {
        Ok(expr) => expr,
        Err(error) => panic!("{error}"),
    }
}

/// A plug-in of transports, codecs and security providers alike.
pub(super) fn register_plugin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for kind in [ExprKind::Codec, ExprKind::Security, ExprKind::Transport] {
            let registry = Registry::<()>::new(kind);
            registry.register("serial", Arc::new(|_| Ok(()))).unwrap();
        }
    });
}

#[test]
fn a_variable_is_an_option_and_is_not_shown() {
    let expr = parse("process:(a)?env.A=b");
    assert_eq!(expr.to_string(), "process:(a)?env.A=***");
    assert_eq!(expr.in_full(), "process:(a)?env.A=b");
}

#[test]
fn both_directions() {
    register_plugin();
    for (text, written) in [
        ("stdio:", "stdio:"),
        ("stdio", "stdio:"),
        ("stdio:?guard=0", "stdio:?guard=off"),
        ("stdio?guard=on", "stdio:"),
        ("tcp:localhost:8888", "tcp:localhost:8888"),
        ("qtcp:localhost:8888", "tcp:localhost:8888"),
        ("tcp:[::1]:8888", "tcp:[::1]:8888"),
        ("tcp:[fe80::1%eth0]:1", "tcp:[fe80::1%eth0]:1"),
        ("tcp:h: +8_0 ", "tcp:h:80"),
        ("tcp:h:1?nodelay=off", "tcp:h:1?nodelay=off"),
        ("tcpserv::0", "tcpserv::0"),
        ("tcpserv:127.0.0.1:65535", "tcpserv:127.0.0.1:65535"),
        ("tcpserv:[::]:1", "tcpserv:[::]:1"),
        (
            "tcpserv::1?spin=0.05ms&keepalive=10&connections=100&message_size=65536",
            "tcpserv::1?keepalive=10&spin=50us&message_size=64k&connections=100",
        ),
        ("tcpserv::1?keepalive=off&spin=0", "tcpserv::1"),
        ("tcp:h:1?hold=off", "tcp:h:1?hold=0"),
        ("tcp:h:1?hold=0.2ms&spin=1us", "tcp:h:1?spin=1us&hold=200us"),
        ("ws:h:8080", "ws:h:8080"),
        ("ws:h:8080/", "ws:h:8080"),
        ("ws:h", "ws:h:80"),
        ("ws:[::1]", "ws:[::1]:80"),
        ("ws://h/a/b?nodelay=off", "ws:h:80/a/b?nodelay=off"),
        ("ws:ws://[::1]:8080/rpc", "ws:[::1]:8080/rpc"),
        ("ws:h:1/a?b?keepalive=5", "ws:h:1/a?b?keepalive=5"),
        // The query of a URL, and options behind it.
        ("ws://h/a?b=c", r"ws:h:80?path=/a\x3fb=c"),
        ("wss://h?b=c&d", r"wss:h:443?path=/\x3fb=c\x26d"),
        (
            "ws://h/a?b=c?keepalive=5",
            r"ws:h:80?path=/a\x3fb=c&keepalive=5",
        ),
        ("ws://h/a?keepalive=5", "ws:h:80/a?keepalive=5"),
        ("ws://h/a?key=c", r"ws:h:80?path=/a\x3fkey=c"),
        (
            "restart::ws://h/a?b=c",
            r"restart:10:(ws:h:80?path=/a\x3fb=c)",
        ),
        (
            "restart:1:restart::ws:ws://h/a?b=c?backoff=9",
            r"restart:1:(restart:10:(ws:h:80?path=/a\x3fb=c)?backoff=9)",
        ),
        (
            "mux:(ws://h/a?b=c)(ws://h?d)",
            r"mux:(ws:h:80?path=/a\x3fb=c)(ws:h:80/?d)",
        ),
        // A user and a password.
        ("ws:me@h:1/a", "ws:me:@h:1/a"),
        ("wss://me:%70w%2f%3A@h", "wss:me:pw%2F%3A@h:443"),
        ("ws://me:p@w@[::1]:8/", "ws:me:p%40w@[::1]:8"),
        ("ws:h:1?header_file=a b", "ws:h:1?header_file=a b"),
        (
            "ws:h:1/a?b=c?subprotocol=x",
            r"ws:h:1?path=/a\x3fb=c&subprotocol=x",
        ),
        (r"ws:h:1?path=/a\x3fb=c", r"ws:h:1?path=/a\x3fb=c"),
        (r"ws:h:1/a(b", r"ws:h:1?path=/a\x28b"),
        ("wsserv::0", "wsserv::0"),
        ("tls:h:1", "tls:h:1"),
        (
            "tls:[::1]:1?name=[::2]&key=k&cert=c&ca=a",
            "tls:[::1]:1?ca=a&cert=c&key=k&name=[::2]",
        ),
        ("tlsserv::1?cert=c&key=c", "tlsserv::1?cert=c"),
        (
            "tlsserv::1?client_ca=a&cert=c&key=k",
            "tlsserv::1?cert=c&key=k&client_ca=a",
        ),
        ("wss://h/a?ca=c", "wss:h:443/a?ca=c"),
        ("wssserv::1/a?cert=c", "wssserv::1/a?cert=c"),
        ("wsserv:[::]:1/", "wsserv:[::]:1"),
        (
            "wsserv:127.0.0.1:8080/rpc?subprotocol=x&origins=*&files=web",
            "wsserv:127.0.0.1:8080/rpc?files=web&origins=*&subprotocol=x",
        ),
        (
            r"wsserv::1?origins=HTTPS://A.b,http://[::1]:2,null&files=a\x26b",
            r"wsserv::1?files=a\x26b&origins=https://a.b,http://\x5b::1\x5d:2,null",
        ),
        (
            "wsserv::1?inspect=on&files=w",
            "wsserv::1?files=w&inspect=on",
        ),
        ("wsserv::1?inspect=off", "wsserv::1"),
        (
            "restart:5:ws:h:1/?keepalive=5",
            "restart:5:(ws:h:1?keepalive=5)",
        ),
        ("udp:1234", "udp:1234"),
        (
            "udp:1?echo=false&bind=127.0.0.2&broadcast=127.255.255.255",
            "udp:1?bind=127.0.0.2&broadcast=127.255.255.255&echo=off",
        ),
        ("udp:1?multicast=[ff02::1]", "udp:1?multicast=ff02::1"),
        ("mux:(tcpserv::8888)(stdio:)", "mux:(tcpserv::8888)(stdio:)"),
        (
            "mux:[tcp:[::1]:1]{stdio:}<udp:2>(mux:((stdio:)))",
            "mux:(tcp:[::1]:1)(stdio:)(udp:2)(mux:(stdio:))",
        ),
        ("restart:5:tcp:h:1", "restart:5:tcp:h:1"),
        ("restart::tcp:h:1", "restart:10:tcp:h:1"),
        ("restart:0.5:[tcp:h:1]", "restart:0.5:tcp:h:1"),
        ("restart:05:mux:(stdio:)", "restart:5:mux:(stdio:)"),
        ("restart:5:unix:/a?b", "restart:5:(unix:/a?b)"),
        ("internal", "internal:"),
        ("internal::", "internal:"),
        ("internal:bus", "internal:bus"),
        ("internal:bus:me", "internal:bus:me"),
        ("internal::me", "internal::me"),
        (r"internal::me?bus=a\x3fb=", r"internal::me?bus=a\x3fb="),
        (r"internal:?bus=a\x3ab", "internal:?bus=a:b"),
        ("process:(cat -u)", "process:(cat -u)"),
        ("qprocess:[sh -c 'a > b']", "process:(sh -c 'a > b')"),
        ("process:[echo :)]", r"process:?command=echo :\x29"),
        ("process:[a ?x=1 b]?spin=1", "process:(a ?x=1 b)?spin=1"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("unix:/run/a?b", "unix:/run/a?b"),
        ("unixserv:@a/b", "unixserv:@a/b"),
        (r"unix:?path=/a\x3fb=c", r"unix:?path=/a\x3fb=c"),
        ("unixserv:/run/a?mode=660", "unixserv:/run/a?mode=0660"),
        ("unixserv:/run/a<b?spin=1us", "unixserv:/run/a<b?spin=1us"),
        ("serial:/dev/tty?baud=9600", "serial:/dev/tty?baud=9600"),
        (r"serial:a(b?p=x\x26y", r"serial:?params=a\x28b&p=x\x26y"),
        ("(stdio:)?guard=off", "stdio:?guard=off"),
    ] {
        let expr = parse(text);
        assert_eq!(expr.in_full(), written, "{text}");
        assert_eq!(parse(written), expr, "{text}");
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let long = format!("tcp:h:1?{}", "x".repeat(99));
    for (text, position, message) in [
        ("", 0, "expected a transport; known are `http`, `https`,"),
        (":", 0, "expected a transport; known are"),
        (
            "tpc:h:1",
            0,
            "unknown transport, found `tpc`; did you mean `tcp`? known",
        ),
        (
            "localhost:8888",
            0,
            "unknown transport, found `localhost`; known are",
        ),
        (
            " tcp:h:1",
            0,
            "unknown transport, found ` tcp`; did you mean `tcp`?",
        ),
        (
            "TCP:h:1",
            0,
            "unknown transport, found `TCP`; did you mean `tcp`?",
        ),
        ("stdio:x", 6, "`stdio:` takes no parameters, found `x`"),
        (
            "tcp",
            3,
            "expected `tcp:<host>:<port>`; the port is missing",
        ),
        (
            "tcp:h",
            5,
            "expected `tcp:<host>:<port>`; the port is missing",
        ),
        ("tcp::1", 4, "expected a host, found nothing"),
        (
            "tcp:h:",
            6,
            "expected a port number from 0 to 65535, found nothing",
        ),
        (
            "tcp:h:65536",
            6,
            "expected a port number from 0 to 65535, found `65536`",
        ),
        (
            "tcp:h:-1",
            6,
            "expected a port number from 0 to 65535, found `-1`",
        ),
        (
            "tcp:h:1:2",
            6,
            "expected a port number from 0 to 65535, found `1:2`",
        ),
        ("tcp:h i:1", 5, "expected a host name or address, found ` `"),
        ("tcp:::1:80", 4, "IPv6 addresses stand in brackets: `[::1]`"),
        (
            "tcp:[::1]",
            9,
            "expected `tcp:<host>:<port>`; the port is missing",
        ),
        ("tcp:[::1]80", 9, "expected `:<port>`, found `80`"),
        ("tcp:[h]:80", 5, "expected an IPv6 address, found `h`"),
        ("tcp:[::1%]:80", 5, "expected an IPv6 address, found `::1%`"),
        ("tcp:[::1:80", 4, "this `[` is never closed"),
        ("tcpserv:*:80", 8, "for all interfaces, leave this empty"),
        (
            "ws:",
            3,
            "expected `ws:<host>:<port>/<path>`; the port is missing",
        ),
        (
            "ws:///a",
            5,
            "expected `ws:<host>:<port>/<path>`; the port is missing",
        ),
        ("ws::80", 3, "expected a host, found nothing"),
        ("ws:h:x/a", 5, "expected a port number"),
        (
            "ws:h:/a",
            5,
            "expected a port number from 0 to 65535, found nothing",
        ),
        ("ws:h i/a", 4, "expected a host name or address, found ` `"),
        (
            "ws:me@h:x/a",
            3,
            "expected `<user>:<password>@<host>:<port>`",
        ),
        (
            "ws:m%e@h:1/a",
            3,
            "expected `<user>:<password>@<host>:<port>`",
        ),
        (
            "ws://h/a?b=c&keepalive=5",
            9,
            "`keepalive` is an option, so that all here have to be, found `b`; what belongs to",
        ),
        (
            "ws://h/a?keepalive=5&b",
            21,
            "`keepalive` is an option, so that all here have to be, found something else",
        ),
        ("ws:h:1?header_file=", 19, "expected the name of a file"),
        ("ws:[h]/a", 4, "expected an IPv6 address, found `h`"),
        ("ws:[::1]x/a", 8, "expected `:<port>`, found `x`"),
        (
            "ws:wss://h",
            3,
            "for a URL with `wss:`, write it without `ws:`",
        ),
        (
            "wss:ws://h",
            4,
            "for a URL with `ws:`, write it without `wss:`",
        ),
        (
            "tls:h",
            5,
            "expected `tls:<host>:<port>`; the port is missing",
        ),
        ("tls:h:1?key=k", 8, "a key needs its certificate"),
        (
            "tls:h:1?ca=",
            11,
            "expected the name of a file, found nothing",
        ),
        ("tls:h:1?name=a/b", 14, "expected a host name or address"),
        (
            "tls:h:1?name=a:1",
            14,
            "expected a host name or address without a port",
        ),
        (
            "tls:h:1?name=::1",
            13,
            "IPv6 addresses stand in brackets: `[::1]`",
        ),
        (
            "tlsserv::1",
            10,
            "`tlsserv:` needs a certificate and its key",
        ),
        (
            "wssserv::1/a",
            12,
            "`wssserv:` needs a certificate and its key",
        ),
        ("tlsserv::1?cert=c&ca=x", 18, "unknown option, found `ca`"),
        ("tcp:h:1?ca=x", 8, "unknown option, found `ca`"),
        ("ws:h:1/a b", 8, "expected a path as in a URL"),
        ("ws:h:1/ä", 7, "expected a path as in a URL"),
        ("ws:h:1/a#b", 8, "expected a path as in a URL"),
        (
            r"ws:h:1?path=a",
            6,
            "expected a path that begins with `/`, found `a`",
        ),
        (
            "ws:h:1/a?path=/b",
            9,
            "`path` is given already, as a parameter",
        ),
        ("ws:h:1/a?b=c", 9, "unknown option, found `b`"),
        (
            "ws:h:1?subprotocol=a b",
            19,
            "expected a name without spaces and commas",
        ),
        ("ws:h:1?files=a", 7, "unknown option, found `files`"),
        (
            "wsserv:",
            7,
            "expected `wsserv:<interface>:<port>/<path>`; the port is missing",
        ),
        (
            "wsserv:*:1",
            7,
            "for all interfaces, leave this empty: `wsserv::<port>`",
        ),
        ("wsserv::1/a?b", 9, "clients may add any query to the path"),
        ("wsserv::1?files=", 16, "expected a folder, found nothing"),
        ("wsserv::1?origins=", 18, "expected origins such as"),
        (
            "wsserv::1?origins=http://a,b.c",
            27,
            "expected origins such as `https://example.org`",
        ),
        (
            "wsserv::1?origins=http://a/b",
            18,
            "expected origins such as",
        ),
        (
            "wsserv::1?origins=*&inspect=on",
            28,
            "`inspect` shows a page that makes calls, which pages of everybody (`origins=*` and `null`)",
        ),
        ("mux:(tcpserv::80x)(stdio:)", 14, "expected a port number"),
        (
            "mux:stdio:",
            4,
            "expected a transport in parentheses, found `stdio:`",
        ),
        (
            "mux:(stdio:)x",
            12,
            "expected a transport in parentheses, found `x`",
        ),
        ("mux:(stdio:", 4, "this `(` is never closed"),
        ("mux:()", 5, "expected a transport; known are"),
        (
            "(stdio:)x",
            8,
            "expected the end or `?key=value` here, found `x`",
        ),
        ("restart:5", 9, "expected `restart:<seconds>:<transport>`"),
        (
            "restart:tcp:h:1",
            8,
            "expected a number of seconds, found `tcp`",
        ),
        (
            "restart:-5:tcp:h:1",
            8,
            "expected a number of seconds, found `-5`",
        ),
        (
            "restart:1e3:stdio:",
            8,
            "expected a number of seconds, found `1e3`",
        ),
        ("restart:5:", 10, "expected a transport; known are"),
        ("restart:5:tcp:h:x", 16, "expected a port number"),
        (
            "internal:a:b:c",
            13,
            "expected the end after `<bus>:<name>`, found `c`",
        ),
        (
            "process:cat",
            8,
            "expected a command line in parentheses, found `cat`",
        ),
        ("process:( )", 9, "expected a command line, found nothing"),
        (
            "process:(a)b",
            11,
            "expected the end or `?key=value` here, found `b`",
        ),
        (
            "unix:a?path=b",
            7,
            "`path` is given already, as a parameter",
        ),
        ("unix:", 5, "expected a path, found nothing"),
        ("unix:a\0", 5, "a path cannot contain NUL"),
        ("unix:@", 6, "expected a name after `@`, found nothing"),
        (
            "unixserv:@a?mode=660",
            17,
            "a name behind `@` has no file, so that it has no permissions",
        ),
        (
            "tcp:h:1?",
            8,
            "expected `key=value` after `?`, found nothing",
        ),
        (
            "tcp:h:1?keepalive",
            8,
            "expected `key=value` after `?`, found `keepalive`",
        ),
        (&long, 8, "expected `key=value` after `?`, found `xxx"),
        ("stdio:?spin=1&", 14, "expected `key=value`, found nothing"),
        (
            "stdio:?spin=1&a b=1",
            14,
            "expected `key=value`, found `a b=1`",
        ),
        ("stdio:?spin=1&spin=2", 14, "option `spin` is given twice"),
        ("stdio:?spin=1x", 12, "expected a duration such as"),
        (
            "restart:99999999999999999999:stdio:",
            8,
            "a time may be at the most 1000000000 seconds (31 years), found",
        ),
        ("stdio:?spin=-1", 12, "expected a duration such as"),
        (
            "stdio:?guard=yes",
            13,
            "expected `on` or `off`, found `yes`",
        ),
        (
            "stdio:?message_size=64q",
            20,
            "expected a size above 0 in bytes",
        ),
        (
            "stdio:?message_size=0",
            20,
            "expected a size above 0 in bytes",
        ),
        (
            "stdio:?nesting_depth=9999",
            21,
            "expected a whole number from 1 to 1024",
        ),
        (
            "tcpserv::1?connections=1k",
            23,
            "expected a whole number above 0, found `1k`",
        ),
        (
            "udp:1?bind=localhost",
            11,
            "expected an IP address, found `localhost`",
        ),
        (
            "udp:1?multicast=10.0.0.1",
            16,
            "expected the IP address of a multicast group",
        ),
        (
            "unixserv:a?mode=888",
            16,
            "expected permissions in octal digits",
        ),
        (
            "unixserv:a?mode=1777",
            16,
            "expected permissions in octal digits",
        ),
        ("unix:?path=\\q", 11, "expected one of the escapes"),
        (
            "tcp:h:1?keepalvie=1",
            8,
            "unknown option, found `keepalvie`; did you mean `keepalive`? \
             known here are `nodelay`, `keepalive`, `spin`, `hold`, `message_size`,",
        ),
        (
            "internal:?keepalive=1",
            10,
            "unknown option, found `keepalive`; known here are",
        ),
        (
            "restart:1:stdio:?guard=on&mode=1",
            26,
            "unknown option, found `mode`; ",
        ),
        (
            "mux:(stdio:?nodelay=on)(tcp:h:1)",
            12,
            "unknown option, found `nodelay`",
        ),
    ] {
        let error = text.parse::<TransportExpr>().unwrap_err();
        assert_eq!(error.position(), position, "{error}");
        assert!(error.message().starts_with(message), "{error}");
        assert_eq!(error.to_string().lines().count(), 3, "{error}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}stdio:{}", open.repeat(n), close.repeat(n));
    for (open, close) in [
        ("restart:1:", ""),
        ("mux:(", ")"),
        ("(", ")"),
        ("restart::<", ">"),
    ] {
        assert!(nested(open, close, 16).parse::<TransportExpr>().is_ok());
        for levels in [40, 10_000] {
            let error = nested(open, close, levels)
                .parse::<TransportExpr>()
                .unwrap_err();
            assert_eq!(error.message(), "nested deeper than 32 levels");
        }
        assert!(open.repeat(10_000).parse::<TransportExpr>().is_err());
    }
    let deepest = parse(&nested("restart:1:", "", 32));
    let options = parse(&format!(
        "{}stdio:{}",
        "restart:1:(".repeat(32),
        ")?backoff=9".repeat(32)
    ));
    for expr in [deepest, options] {
        assert_eq!(parse(&expr.in_full()), expr);
    }
    let many: String = (0..1000).map(|i| format!("&k{i}=1")).collect();
    let error = format!("mux:?a=1{many}")
        .parse::<TransportExpr>()
        .unwrap_err();
    assert_eq!(error.message(), "more than 64 options");
}
