//! Expressions as values: in a config file, printed back, and wrong.

use quickrpc::{CodecExpr, Error, SecurityExpr, TransportExpr};
use quickrpc_tests::{Lab, Telnet, serve};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    codec: CodecExpr,
    transport: TransportExpr,
    #[serde(default)]
    security: Option<SecurityExpr>,
}

#[test]
fn a_config_file_binds_an_api() {
    let text = r#"{"codec":"terse","transport":"mux:(tcpserv:127.0.0.1:0)(tcpserv:127.0.0.1:0)"}"#;
    let config: Config = serde_json::from_str(text).unwrap();
    let lab = Lab::builder()
        .codec(config.codec)
        .transport(config.transport)
        .build()
        .unwrap();
    let _served = serve(&lab);
    lab.start().unwrap();
    assert_eq!(lab.local_addrs().len(), 2);
    for addr in lab.local_addrs() {
        let mut person = Telnet::connect(addr);
        person.send("add[1] a:1 b:2\n");
        assert_eq!(person.line(), "[1]:3");
    }
}

#[test]
fn expressions_are_printed_as_they_were_written() {
    for transport in [
        "stdio:",
        "tcp:localhost:8888",
        "tcp:[::1]:8888",
        "tcpserv::8888",
        "tcpserv:127.0.0.1:0",
        "mux:(tcpserv::8888)(restart:10:tcp:hub.local:9000)",
        "internal:bus:name",
        "internal:",
    ] {
        let text = serde_json::json!({"codec": "jrpc:\\n", "transport": transport,
            "security": "blindly_believe_everything:john"});
        let config: Config = serde_json::from_value(text).unwrap();
        assert_eq!(config.transport.to_string(), transport);
        let again: Config = serde_json::from_str(&serde_json::to_string(&config).unwrap()).unwrap();
        assert_eq!(again, config);
        let parsed: TransportExpr = transport.parse().unwrap();
        assert_eq!(parsed, config.transport);
    }
}

#[test]
fn a_wrong_expression_shows_the_place() {
    for wrong in [
        "tpc:localhost:8888",
        "tcp:localhost",
        "tcp:localhost:many",
        "tcp:localhost:99999",
        "mux:(tcp:localhost:1",
        "restart:soon:tcp:localhost:1",
        "tcp:localhost:1?colour=red",
        "",
    ] {
        let error = wrong.parse::<TransportExpr>().unwrap_err();
        let text = error.to_string();
        assert!(text.contains('^'), "{text}");
        let error = Lab::bind("jrpc", wrong).unwrap_err();
        assert!(matches!(error, Error::Expression(_)), "{error:?}");
        assert_eq!(error.to_string(), text);
    }
    let unknown = "tpc:localhost:8888".parse::<TransportExpr>().unwrap_err();
    assert!(unknown.to_string().contains("tcpserv"), "{unknown}");
    assert!("morse".parse::<CodecExpr>().is_err());
    assert!("trust:me".parse::<SecurityExpr>().is_err());
    assert!(Lab::bind("morse", "tcpserv::0").is_err());
}

#[test]
fn a_wrong_expression_in_a_config_file_shows_the_place_too() {
    let text = r#"{"codec":"terse","transport":"tcp:localhost:many"}"#;
    let error = serde_json::from_str::<Config>(text).unwrap_err();
    assert!(error.to_string().contains("many"), "{error}");
}

#[test]
fn the_delimiter_is_an_option_of_the_codec() {
    for (codec, delimiter) in [("jrpc:\\n", b'\n'), ("jrpc:\\x1e", 0x1e), ("jrpc:\\0", 0)] {
        let (_lab, addr, _served) = quickrpc_tests::server(codec);
        let mut peer = Telnet::connect(addr);
        peer.send(r#"{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":2},"id":1}"#);
        peer.send([delimiter]);
        let answer: serde_json::Value = serde_json::from_slice(&peer.until(delimiter)).unwrap();
        assert_eq!(answer["result"], 3);
    }
}
