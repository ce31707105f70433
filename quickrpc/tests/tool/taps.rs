//! Between two sides, and what was said there said again.

use quickrpc::Value;
use quickrpc::dynamic::Api;

use crate::run::{Dir, Running, run, says, tcp_lab};

#[test]
fn what_two_say_is_shown_kept_and_said_again() {
    for codec in ["jrpc", "terse", "jrpc:content-length"] {
        let (lab, tcp) = tcp_lab(codec);
        let dir = Dir::new();
        let file = dir.path().join("talk.jsonl").display().to_string();
        let args = [
            "tap",
            "--once",
            "-c",
            codec,
            "--record",
            &file,
            "tcpserv:127.0.0.1:0",
            &tcp,
        ];
        let mut tap = Running::start(&args);
        let address = tap.address();
        let client = Api::bind(codec, format!("tcp:{address}").as_str()).unwrap();
        client.start().unwrap();
        let add = |a: i64| client.call("add", Value::from_iter([("a", a)])).result();
        assert_eq!(add(2).unwrap(), Value::from(3));
        let wrong = client
            .call("measure", Value::from_iter([("channel", 9)]))
            .result();
        assert_eq!(wrong.unwrap_err().code(), Some(404));
        client.stop().unwrap();
        let shown = tap.rest();
        for part in [
            " > ",
            " < ",
            "answers add, ",
            "failed measure, ",
            "is here",
            "is over",
        ] {
            assert!(shown.contains(part), "{part} in\n{shown}");
        }
        let said = says(&["replay", "-c", codec, "--speed", "0", &file, &tcp]);
        assert_eq!(said, "2 answers are the same, 0 differ\n");

        lab.stop().unwrap();
        let other = Api::bind(codec, "tcpserv:127.0.0.1:0").unwrap();
        other.on("add", |_sender, _args| Value::from(7));
        other.start().unwrap();
        let tcp = format!("tcp:{}", other.local_addrs()[0]);
        let ran = run(&["replay", "-c", codec, "--speed", "0", &file, &tcp]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("#1 add\n  was "), "{}", ran.stdout);
        assert!(
            ran.stdout.ends_with("0 answers are the same, 2 differ\n"),
            "{}",
            ran.stdout
        );
    }
    let ran = run(&["tap", "unixserv:/tmp/x", "tcp:localhost:1"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(
        run(&["tap", "-c", "msgpack", "tcpserv::0", "tcp:localhost:1"]).code,
        2
    );
}
