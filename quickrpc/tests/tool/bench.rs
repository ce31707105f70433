//! How fast a service answers.

use crate::run::{run, says, tcp_lab};

#[test]
fn calls_are_counted_and_timed() {
    let (_lab, tcp) = tcp_lab("jrpc");
    let text = says(&[
        "bench", "-n", "200", "-j", "2", "-i", "2", &tcp, "add", "a=2",
    ]);
    assert!(text.starts_with("200 calls in "), "{text}");
    assert!(text.contains("  99 %     "), "{text}");
    let json = says(&[
        "bench", "--json", "-n", "20", "--rate", "1000", &tcp, "add", "a=2",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["calls"], &json["errors"]), (&20.into(), &0.into()));
    assert!(json["within"]["99%"].as_f64().unwrap() > 0.0);
    // What is wrong is told once.
    let ran = run(&["bench", &tcp, "ad"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("did you mean `add`?"), "{}", ran.stderr);
}
